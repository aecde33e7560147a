"""Runs the whole of Holdfast on a sample database: back up, prove, restore, compare."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from app.domain.backup import Backup, BackupOptions
from app.domain.errors import AppError, ErrorCode
from app.domain.events import Listener, Phase, Progress
from app.domain.proof import ObjectOutcome, Outcome
from app.engine.compare_streams import StreamComparison, open_copy_out
from app.engine.preflight import BackupRequest
from app.engine.sample import load_sample
from app.postgres.archive import read_archive
from app.postgres.archive_data import open_stream
from app.postgres.connection import Connection, connect
from app.postgres.copy_stream import without_end_marker
from app.postgres.inspection import dumped_tables
from app.postgres.restoring import restore_archive
from app.postgres.sandbox import SandboxServer, create_database, running_sandbox
from app.postgres.toolchain import Installation, Version, pick_restore_tool
from app.system.cancellation import CancelToken

SAMPLE = "Sample shop"
SAMPLE_PROJECT = "Sample Shop"
"""The project's name in History of what *Try With Sample Data* leaves there."""

_SOURCE = "sample"
_COPY = "sample_restored"
_OPTIONS = BackupOptions(storage=False)  # the sample has rows of a storage, which nobody runs

MakeBackup = Callable[[BackupRequest, CancelToken, Listener], Backup]


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What the demo did: sizes in bytes, times in seconds, and the comparison of the restored copy."""

    server: str
    tables: int
    rows: int
    load_seconds: float
    backup: Backup
    restore_seconds: float
    compared: tuple[ObjectOutcome, ...]

    @property
    def is_identical(self) -> bool:
        """True when every table of the restored copy is what the backup holds."""
        return bool(self.compared) and all(
            item.outcome in (Outcome.IDENTICAL, Outcome.REORDERED) for item in self.compared
        )


def run_demo(
    folder: Path,
    installations: Sequence[Installation],
    make_backup: MakeBackup,
    cancel: CancelToken,
    listener: Listener,
    *,
    scale: float = 1.0,
) -> DemoResult:
    """Start a sandbox with the sample database, back it up, prove it, restore it beside, and compare.

    Raises:
        AppError: SANDBOX_FAILED when no server can be started; otherwise as a backup does.
    """
    with sample_server(installations, cancel) as server:
        listener(Progress(Phase.LOADING_SAMPLE))
        begun = time.monotonic()
        source = sample_database(server, cancel, scale)
        with connect(source) as session:
            tables = dumped_tables(session, BackupOptions())
        loaded = time.monotonic() - begun
        backup = make_backup(BackupRequest(SAMPLE, source, _OPTIONS, folder), cancel, listener)
        listener(Progress(Phase.RESTORING_COPY))
        begun = time.monotonic()
        outcomes = _restore_and_compare(backup, server, installations, cancel)
        return DemoResult(
            server=str(server.installation),
            tables=len(tables),
            rows=backup.manifest.rows,
            load_seconds=loaded,
            backup=backup,
            restore_seconds=time.monotonic() - begun,
            compared=outcomes,
        )


def back_up_sample(
    folder: Path,
    installations: Sequence[Installation],
    make_backup: MakeBackup,
    cancel: CancelToken,
    listener: Listener,
) -> Backup:
    """Back up and prove the sample database from a sandbox that is gone afterwards; the backup stays.

    Raises:
        AppError: SANDBOX_FAILED when no server can be started; otherwise as a backup does.
        Cancelled: `cancel` was set.
    """
    listener(Progress(Phase.STARTING_SANDBOX))
    with sample_server(installations, cancel) as server:
        listener(Progress(Phase.LOADING_SAMPLE))
        source = sample_database(server, cancel)
        options = replace(_OPTIONS, note="The sample database that comes with Holdfast")
        return make_backup(BackupRequest(SAMPLE_PROJECT, source, options, folder), cancel, listener)


@contextmanager
def sample_server(installations: Sequence[Installation], cancel: CancelToken) -> Iterator[SandboxServer]:
    """A sandbox as a user's own server would be."""
    with running_sandbox(_server(installations), cancel=cancel) as server:
        yield server


def sample_database(server: SandboxServer, cancel: CancelToken, scale: float = 1.0) -> Connection:
    """A new database on this server, filled with the sample."""
    create_database(server, _SOURCE)
    source = _connection(server, _SOURCE)
    load_sample(source, scale, cancel)
    return source


def _restore_and_compare(
    backup: Backup, server: SandboxServer, installations: Sequence[Installation], cancel: CancelToken
) -> tuple[ObjectOutcome, ...]:
    archive = read_archive(Path(backup.folder) / "database")
    dumped_by = Version.parse(archive.dump_version)
    tool = pick_restore_tool(
        installations, dumped_by, archive.compression.method, server.installation.version
    )
    create_database(server, _COPY)
    target = _connection(server, _COPY)
    errors = restore_archive(tool, archive.path, target, jobs=2, cancel=cancel)
    if errors:
        raise AppError(
            ErrorCode.SERVER_ERROR,
            "The sample database did not restore",
            detail="; ".join(error.message for error in errors[:5]),
        )
    records = {(table.schema, table.name): table for table in backup.manifest.tables}
    pairs = [(e, records[e.schema, e.tag]) for e in archive.entries if e.kind == "TABLE DATA"]
    sessions = open_copy_out(server.installation, target, archive.encoding, backup.manifest.session)
    comparison = StreamComparison(
        pairs,
        sessions,
        open_rows=lambda entry: without_end_marker(open_stream(archive, entry)),
        conditions={},
        cancel=cancel,
        on_bytes=lambda *_: None,
    )
    return tuple(comparison.run().values())


def _connection(server: SandboxServer, database: str) -> Connection:
    return Connection(server.conninfo(database), server.password, inherits=False)


def _server(installations: Sequence[Installation]) -> Installation:
    """The newest server that has zstd, as a user's own would; else the newest."""
    servers = [item for item in installations if item.has_server and not item.problem]
    if not servers:
        raise AppError(
            ErrorCode.SANDBOX_FAILED,
            "There is no PostgreSQL server to run the demo on",
            hint="Install Holdfast's requirements again; “holdfast doctor” shows what was found.",
        )
    return max(servers, key=lambda item: (len(item.compression), item.version))
