"""Loads an archive through pg_restore, in the way that the plan's mode asks for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from app.domain.errors import AppError, ErrorCode
from app.domain.restore import RestoreFailure, RestoreMode
from app.engine.remedies import remedy_for_restore
from app.engine.restore.archive_as_script import ArchiveAsScript, is_too_new
from app.engine.restore.plan import PreparedRestore
from app.engine.restore_list import qualified_name
from app.postgres.archive import Archive, ArchiveFormat
from app.postgres.archive_entry import Entry
from app.postgres.connection import Connection, Session
from app.postgres.failures import connection_failure
from app.postgres.quoting import encode_sql
from app.postgres.restoring import EntryError, errors_by_entry, prepare_archive, restore_archive
from app.postgres.shown_text import shortened
from app.postgres.toolchain import Installation
from app.system.cancellation import CancelToken

_LONGEST_STATEMENT = 600
_OF_DUMPS = (  # what words of the server mean when pg_dump says them
    ErrorCode.DUMP_FAILED,
    ErrorCode.PERMISSION_DENIED,
    ErrorCode.RELATION_CHANGED,
    ErrorCode.ROW_SECURITY,
    ErrorCode.ROW_TOO_LARGE,
)
_OF_ROWS = re.compile(r"\s*(?:insert|update|select|with|do|call)\b", re.IGNORECASE)
_ROWS_FAILED = re.compile(r'COPY failed for table "')
_PREFIX = re.compile(r'(?:COPY failed for table ".+?": )?(?:ERROR|FATAL|PANIC): +')
_LOST = re.compile(
    r'(?:COPY failed for table ".+?": )?(?:FATAL: +)?(?:terminating connection|server closed the connection'
    r"|no connection to the server|could not (?:send|receive) data|SSL connection has been closed)"
)


@dataclass(frozen=True, slots=True)
class ArchiveLoader:
    """Loads one archive.

    Attributes:
        server: the target's major version.
        blocks: gives a packed archive's bytes, which pg_restore then reads from a pipe; None for an
            archive that it reads from the disk, and with several sessions.
    """

    archive: Archive
    prepared: PreparedRestore
    tool: Installation
    workspace: Path
    server: int
    blocks: Callable[[], Iterator[bytes]] | None = None

    def load(
        self,
        connection: Connection,
        cancel: CancelToken,
        on_entry: Callable[[int], None],
        close: Callable[[Session], None],
    ) -> tuple[RestoreFailure, ...]:
        """Load the plan's entries; gives those that failed.

        Raises:
            AppError: RESTORE_FAILED where pg_restore did not get as far as the entries, or why not.
            Cancelled: `cancel` was set.
        """
        plan = self.prepared.plan
        path, use_list = prepare_archive(
            self.archive,
            self.prepared.entries,
            self.workspace,
            edited=self.prepared.is_edited,
            cancel=cancel,
        )
        if plan.mode is RestoreMode.ONE_TRANSACTION or is_too_new(self.tool, self.server):
            archive = self.blocks() if self.blocks else path
            script = ArchiveAsScript(
                self.prepared, self.tool, archive, use_list, self.archive.encoding, self.server
            )
            return script.load(connection, cancel, on_entry, close)
        options = list(self.prepared.options)
        is_serial = self.blocks is not None or self.archive.format is ArchiveFormat.TAR
        jobs = None if is_serial else plan.jobs
        if jobs is None and plan.mode is RestoreMode.NEW_DATABASE:
            options.append("--single-transaction")
        elif plan.mode is RestoreMode.NEW_DATABASE:
            options.append("--exit-on-error")
        try:
            errors = restore_archive(
                self.tool,
                self.blocks() if self.blocks else path,
                connection,
                jobs=jobs,
                options=options,
                entries=use_list,
                cancel=cancel,
                on_entry=on_entry,
            )
        except AppError as error:
            if error.code not in _OF_DUMPS:
                raise
            raise AppError(
                ErrorCode.RESTORE_FAILED,
                "pg_restore failed",
                detail=error.detail,
                hint=remedy_for_restore(error.detail) or "The detail is what PostgreSQL said.",
            ) from error
        if lost := next((error for error in errors if _LOST.match(error.message)), None):
            raise connection_failure(lost.message, connection.describe())
        return tuple(self._failures(errors))

    def _failures(self, errors: tuple[EntryError, ...]) -> Iterator[RestoreFailure]:
        entries = {entry.dump_id: entry for entry in self.prepared.entries}
        for number, error in errors_by_entry(errors, self.prepared.entries).items():
            entry = entries.get(number)
            yield RestoreFailure(
                kind=entry.kind if entry else "",
                name=qualified_name(entry) if entry else "",
                statement=_shown(_statement(error, entry)),
                cause=_cause(error.message),
                remedy=remedy_for_restore(error.message),
            )


def _statement(error: EntryError, entry: Entry | None) -> str:
    """What the server refused; for rows pg_restore does not repeat the COPY."""
    is_copy = entry is not None and _ROWS_FAILED.match(error.message)
    return entry.copy_statement.strip() if entry and is_copy else error.command


def _cause(message: str) -> str:
    """What the server said, without what pg_restore puts before it."""
    match = _PREFIX.match(message)
    return message[match.end() :] if match else message


def _shown(statement: str) -> str:
    """A statement as a report keeps it: definitions with their lines, others without the values of rows."""
    if not _OF_ROWS.match(statement):
        return statement if len(statement) <= _LONGEST_STATEMENT else f"{statement[:_LONGEST_STATEMENT]} …"
    return shortened(encode_sql(statement), _LONGEST_STATEMENT)
