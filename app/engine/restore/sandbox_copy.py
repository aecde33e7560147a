"""Restores a copy into a throwaway server, to try a dump or to look into it without touching any other."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from app.domain.backup import Extension
from app.engine.restore.entry_graph import NAME, unquoted
from app.engine.restore.job import RestoreTarget
from app.engine.restore.source import RestoreSource, open_source
from app.engine.sandbox_database import prepare_database
from app.postgres.archive_entry import Entry
from app.postgres.sandbox import running_sandbox
from app.postgres.toolchain import Installation, Version, pick_sandbox
from app.system.cancellation import CancelToken

_SCHEMA = re.compile(rf"WITH SCHEMA ({NAME})")
_GRANTEE = re.compile(rf"\b(?:TO|FROM|ROLE) ({NAME})")
_NO_ROLES = frozenset({"public", "PUBLIC", "current_user", "session_user", "CURRENT_USER", "SESSION_USER"})


@contextmanager
def sandbox_target(
    paths: Sequence[Path],
    database: str,
    installations: Sequence[Installation],
    cancel: CancelToken | None = None,
) -> Iterator[RestoreTarget]:
    """A database in a throwaway server that is ready for this source; both are gone afterwards.

    Enter and leave it in the same thread, as `running_sandbox` asks for. The role that restores is none
    of the powerful ones, and roles and extensions that the source names are there.

    Raises:
        AppError: SANDBOX_FAILED, or as `open_source` does.
        Cancelled: `cancel` was set before the database was ready.
    """
    cancel = cancel or CancelToken()
    with tempfile.TemporaryDirectory(prefix="holdfast-look-") as folder:
        source = open_source(paths, Path(folder), cancel, database=database)
        oldest = source.server or source.tool or Version(0, 0)
        sandbox = pick_sandbox(installations, oldest, source.tool or oldest)
    with running_sandbox(sandbox, cancel=cancel) as server:
        made = prepare_database(
            server,
            encoding=source.encoding,
            roles=_roles(source),
            extensions=source.manifest.extensions if source.manifest else _extensions(source.entries),
            definitions=(entry.definition for entry in source.entries),
            wrappers=[entry.tag for entry in source.entries if entry.kind == "FOREIGN DATA WRAPPER"],
        )
        yield RestoreTarget(made.restorer)


def _roles(source: RestoreSource) -> set[str]:
    """Every role that the source names."""
    if source.manifest is not None:
        return set(source.manifest.roles)
    roles = {role for outline in source.outlines for role in outline.roles | outline.created_roles}
    for entry in source.entries if source.archive is not None else ():
        roles.add(entry.owner)
        if entry.kind in ("ACL", "DEFAULT ACL", "POLICY"):
            roles.update(map(unquoted, _GRANTEE.findall(entry.definition)))
    return {role for role in roles if role and role not in _NO_ROLES and not role.startswith("pg_")}


def _extensions(entries: Iterable[Entry]) -> tuple[Extension, ...]:
    return tuple(
        Extension(entry.tag, "", unquoted(match[1]) if match else "public")
        for entry in entries
        if entry.kind == "EXTENSION"
        for match in [_SCHEMA.search(entry.definition)]
    )
