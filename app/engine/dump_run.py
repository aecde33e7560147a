"""One run of pg_dump in one snapshot, counted, watched, and read back while it writes."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psycopg

from app.domain.backup import Compression, Format
from app.domain.errors import AppError, ErrorCode
from app.domain.events import Listener, Notice, Phase, Progress
from app.engine.plain_dump import PlainReader
from app.engine.preflight import BackupRequest, Plan
from app.engine.read_back import PLAIN_NAME, Contents, CustomReader, DirectoryReader
from app.persistence.partial import PartialBackup
from app.postgres.compression import SUFFIXES
from app.postgres.connection import Session, connect
from app.postgres.dumping import Dump, failure_of_dump, start_dump
from app.postgres.inspection import TableFacts
from app.postgres.progress import Activity, DumpProgress, read_activity
from app.postgres.snapshot import Snapshot, count_rows, hold_snapshot
from app.system.cancellation import CancelToken
from app.system.files import free_bytes
from app.system.process import Child

_TICK = 0.1
_POLL = 0.5
_LEAST_FREE = 32 << 20


def database_file(format_: Format, compression: Compression) -> str:
    """Name of the file or folder that holds the database part of a backup."""
    if format_ is Format.DIRECTORY:
        return "database"
    if format_ is Format.CUSTOM:
        return "database.dump"
    return f"{PLAIN_NAME}{SUFFIXES[compression.method]}"


@dataclass(frozen=True, slots=True)
class DumpResult:
    """What one successful run left behind.

    `counts` are the server's rows by table oid, in the dump's own snapshot.
    """

    tables: tuple[TableFacts, ...]
    counts: Mapping[int, int]
    contents: Contents


def run_dump(
    request: BackupRequest, plan: Plan, partial: PartialBackup, cancel: CancelToken, listener: Listener
) -> DumpResult:
    """Take a snapshot, dump it, count it and read the dump back.

    Raises:
        AppError: named by its cause; LOCK_WAIT, RELATION_CHANGED and SNAPSHOT_LOST are worth another try.
        Cancelled: `cancel` was set.
    """
    listener(Progress(Phase.LOCKING))
    counts: dict[int, int] = {}
    with (
        hold_snapshot(
            request.connection, request.options, cancel, lock_timeout=request.lock_timeout
        ) as snapshot,
        ThreadPoolExecutor(2, "dump") as pool,
    ):
        dump = Dump(
            tool=plan.tool,
            connection=request.connection,
            options=request.options,
            compression=plan.compression,
            jobs=plan.jobs,
            snapshot=snapshot.id,
            target=partial.folder / database_file(request.options.format, plan.compression),
            application=f"holdfast {secrets.token_hex(4)}",
            lock_timeout=request.lock_timeout,
        )
        with ExitStack() as stack:
            child = stack.enter_context(start_dump(dump))
            partial.record_child(child.id)
            reader = _reader(dump, child)
            stopped = CancelToken()  # ends our own threads when anything goes wrong
            stack.enter_context(cancel.interrupting(stopped.cancel))
            stack.enter_context(stopped.interrupting(snapshot.session.cancel))
            stack.callback(stopped.cancel)
            jobs: list[Future[None]] = [pool.submit(reader.follow, stopped)]
            if request.options.counts:
                jobs.append(pool.submit(_count, snapshot, counts, stopped))
            watch = _Watch(request, dump, child, snapshot.tables, counts=counts, listener=listener)
            _wait(child, jobs, watch, cancel)
            if child.status != 0:
                raise failure_of_dump(child, dump)
            reader.dump_has_ended()
            for job in jobs:
                job.result()
            cancel.check()
    listener(Progress(Phase.READING_BACK))
    return DumpResult(snapshot.tables, counts, reader.contents(cancel))


def _reader(dump: Dump, child: Child) -> DirectoryReader | CustomReader | PlainReader:
    """What reads the dump back, by its format."""
    if dump.options.format is Format.DIRECTORY:
        return DirectoryReader(dump.target, dump.compression)
    if dump.options.format is Format.CUSTOM:
        return CustomReader(dump.target)
    return PlainReader(child.stdout, dump.target, dump.compression)


def _count(snapshot: Snapshot, counts: dict[int, int], stopped: CancelToken) -> None:
    for table in snapshot.tables:
        stopped.check()
        counts[table.oid] = count_rows(snapshot.session, table, stopped)


def _wait(child: Child, jobs: list[Future[None]], watch: _Watch, cancel: CancelToken) -> None:
    """Until pg_dump ends, or something fails, which is raised at once."""
    with watch:
        while child.status is None:
            cancel.check()
            for job in jobs:
                if job.done():
                    job.result()
            watch.look()
            try:
                child.wait(_TICK)
            except TimeoutError:
                continue
        cancel.check()


class _Watch:
    """Looks at the server and the disk twice a second: progress, stall, space."""

    def __init__(
        self,
        request: BackupRequest,
        dump: Dump,
        child: Child,
        tables: tuple[TableFacts, ...],
        *,
        counts: Mapping[int, int],
        listener: Listener,
    ) -> None:
        self._request = request
        self._dump = dump
        self._child = child
        self._counts = counts
        self._listener = listener
        self._progress = DumpProgress(tables)
        self._session: Session | None = None
        self._next = 0.0
        self._signature: object = None
        self._moved = time.monotonic()

    def __enter__(self) -> None:
        try:
            self._session = connect(self._request.connection, application="holdfast progress")
        except AppError as error:
            self._listener(Notice(f"Progress cannot be shown: {error.title}."))

    def __exit__(self, *_: object) -> None:
        if self._session:
            self._session.close()

    def look(self) -> None:
        """Report, and raise STALLED or DISK_FULL when it is time to give up."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + _POLL
        written = _written(self._dump.target)
        activity = self._activity()
        fraction, table, rows = self._progress.update(activity.rows, self._counts)
        self._listener(Progress(Phase.DUMPING, fraction, table, rows, written))
        signature = (written, activity.signature, len(self._counts))
        if signature != self._signature:
            self._signature, self._moved = signature, now
        elif now - self._moved > self._request.stall_seconds:
            raise _stalled(self._request.stall_seconds, table)
        free = free_bytes(self._dump.target.parent)
        if free < _LEAST_FREE and free < written:
            raise AppError(
                ErrorCode.DISK_FULL,
                "The disk is almost full",
                detail=f"{self._dump.target.parent} has {free:,} bytes left; the backup was stopped",
                hint="Free some space or choose another folder, then start again.",
            )

    def _activity(self) -> Activity:
        if self._session is None:
            return Activity({}, ())
        try:
            return read_activity(self._session, self._dump.application)
        except psycopg.Error as error:
            self._session.close()
            self._session = None
            self._listener(Notice(f"Progress is lost: {error}"))
            return Activity({}, ())


def _written(target: Path) -> int:
    try:
        if target.is_dir():
            return sum(entry.stat().st_size for entry in target.iterdir())
        return target.stat().st_size
    except FileNotFoundError:
        return 0


def _stalled(seconds: float, table: str) -> AppError:
    return AppError(
        ErrorCode.STALLED,
        f"Nothing has moved for {seconds:g} seconds",
        detail=f"It stopped at {table}" if table else "The server was not copying any table",
        hint="Look for locks and for a broken network, then start again.",
    )
