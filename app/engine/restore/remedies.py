"""Says what to do when a server refuses a part of a restore, by its words where it gives nothing else."""

from __future__ import annotations

import re

from app.engine.remedies import remedy_for

_REMEDIES = (
    (r"already exists", "Replace it with --clean, or restore into a new database."),
    (r"duplicate key", "The target has these rows already: use --clean, or restore into a new database."),
    (r"No space left on device", "The server's own disk is full: free some space there."),
    (r"extension .* is not available", "Install the extension's package on the server."),
    (
        r"permission denied|must be (?:owner|superuser|member)",
        "Restore as the owner or a superuser, or use --no-owner and --no-privileges.",
    ),
    (
        r"(?:role|type|schema|function|extension) .* does not exist",
        "Make what is missing in the target first, then restore again.",
    ),
    (
        r"unrecognized configuration parameter|syntax error",
        "The target may be older than the source: restore into a newer server.",
    ),
)


def remedy_of(message: str) -> str:
    """What to do about the server's words; empty where no rule knows them."""
    known = (text for pattern, text in _REMEDIES if re.search(pattern, message))
    return remedy_for(message) or next(known, "")
