"""Says what can be done about the server's refusal of an object: in the source, or in the target."""

from __future__ import annotations

import re

_IN_FUNCTION = re.compile(
    r'(?:relation|function|type|operator) .*does not exist.*(?:function|SQL statement) "?'
)
_NAMES_OBJECT = re.compile(r'"?(?:relation|function|type|role|schema) .*does not exist.*CONTEXT: +COPY ')
_CHECK = re.compile(r"violates check constraint")
_SEARCH_PATH = (
    "A restore runs with an empty search_path: write names in the function with their schema, "
    "or give it its own with ALTER FUNCTION … SET search_path"
)
_STORE_NAME = (
    "The column names an object that a restore makes only after the rows: store the name as text, "
    "or restore this table's rows last"
)
_ADD_LATER = (
    "The check refuses rows that are there: it was added NOT VALID, or it looks at other tables. "
    "Make it a trigger, or add it after the rows"
)
_IN_SOURCE = ((_IN_FUNCTION, _SEARCH_PATH), (_NAMES_OBJECT, _STORE_NAME), (_CHECK, _ADD_LATER))
_IN_TARGET = (
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


def remedy_in_source(message: str) -> str:
    """What to change in the source, so that it can be restored anywhere; empty where no rule knows."""
    return next((text for pattern, text in _IN_SOURCE if pattern.search(message)), "")


def remedy_for_restore(message: str) -> str:
    """What to do when this stopped a restore; empty where no rule knows it."""
    known = (text for pattern, text in _IN_TARGET if re.search(pattern, message))
    return remedy_in_source(message) or next(known, "")
