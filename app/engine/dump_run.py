"""One run of pg_dump in one snapshot, counted, watched, and read back while it writes."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.domain.backup import Compression, Extension, Format
from app.domain.backup import Contents as WhatIsDumped
from app.domain.errors import AppError, ErrorCode
from app.domain.events import Listener, Phase, Progress, TableProgress
from app.engine.polling import POLL_SECONDS, polled
from app.engine.preflight import BackupRequest, Plan
from app.engine.read_back import PLAIN_NAME, Contents, CustomReader, DirectoryReader, ReadingBack
from app.persistence.partial import PartialBackup
from app.postgres.compression import SUFFIXES
from app.postgres.connection import Session, asking, hang_up, interrupt
from app.postgres.dumping import Dump, failure_of_dump, start_dump
from app.postgres.extensions import extensions
from app.postgres.inspection import TableFacts
from app.postgres.progress import Activity, DumpProgress, read_activity
from app.postgres.snapshot import Snapshot, count_rows, hold_snapshot, lock_held
from app.system.cancellation import CancelToken
from app.system.files import free_bytes
from app.system.process import Child

if TYPE_CHECKING:
    from app.engine.plain_dump import PlainReader

_TICK = 0.1
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

    `counts` are the server's rows by table oid; they and `extensions` are of the dump's own snapshot.
    `warnings` are what pg_dump said though it succeeded.
    """

    tables: tuple[TableFacts, ...]
    extensions: tuple[Extension, ...]
    counts: Mapping[int, int]
    contents: Contents
    warnings: tuple[str, ...]


def run_dump(
    request: BackupRequest,
    plan: Plan,
    partial: PartialBackup,
    cancel: CancelToken,
    listener: Listener,
    *,
    look: Callable[[Session, tuple[TableFacts, ...]], object] = lambda *_: None,
) -> DumpResult:
    """Take a snapshot, dump it, count it and read the dump back.

    Args:
        look: looks into the database inside the snapshot, before the dump begins.

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
        found = extensions(snapshot.session)
        look(snapshot.session, snapshot.tables)
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
            stack.enter_context(stopped.interrupting(lambda: _let_go(snapshot.session)))
            jobs: list[Future[None]] = [pool.submit(reader.follow, stopped)]
            if request.options.counts:
                jobs.append(pool.submit(_count, snapshot, counts, stopped))
            watch = _Watch(request, dump, snapshot.tables, counts=counts, listener=listener)
            listener(Progress(Phase.DUMPING, log=_what_runs(snapshot, plan, request)))
            try:
                with polled(
                    request.connection,
                    lambda session: read_activity(session, dump.application),
                    Activity({}, ()),
                    listener,
                ) as activity:
                    _wait(child, jobs, lambda: watch.look(activity()), cancel)
                if child.status != 0:
                    raise _failure(child, dump, cancel)
                reader.dump_has_ended()
                for job in jobs:
                    job.result()
                cancel.check()
            except BaseException:
                with ThreadPoolExecutor(
                    1, "stop"
                ) as both:  # each waits for seconds where the server is frozen
                    both.submit(stopped.cancel)
                    child.stop()
                raise
    listener(Progress(Phase.READING_BACK, tables=watch.all_done()))
    on_bytes = ReadingBack(reader.size, _written(dump.target), listener)
    said = (line.partition("warning: ")[2] for line in child.errors().splitlines())
    warnings = tuple(dict.fromkeys(filter(None, said)))
    return DumpResult(snapshot.tables, found, counts, reader.contents(cancel, on_bytes), warnings)


def _what_runs(snapshot: Snapshot, plan: Plan, request: BackupRequest) -> str:
    jobs = f"{plan.jobs} jobs" if plan.jobs > 1 else "1 job"
    return (
        f"Snapshot {snapshot.id} of {len(snapshot.tables):,} tables; pg_dump {plan.tool.version} "
        f"({plan.tool.origin}), {request.options.format}, {plan.compression}, {jobs}"
    )


def _reader(dump: Dump, child: Child) -> DirectoryReader | CustomReader | PlainReader:
    """What reads the dump back, by its format."""
    if dump.options.format is Format.DIRECTORY:
        return DirectoryReader(dump.target, dump.compression)
    if dump.options.format is Format.CUSTOM:
        return CustomReader(dump.target)
    from app.engine.plain_dump import PlainReader  # the SQL reader takes long to import

    return PlainReader(child.stdout, dump.target, dump.compression)


def _count(snapshot: Snapshot, counts: dict[int, int], stopped: CancelToken) -> None:
    for table in snapshot.tables:
        stopped.check()
        counts[table.oid] = count_rows(snapshot.session, table, stopped)


def _failure(child: Child, dump: Dump, cancel: CancelToken) -> AppError:
    """What made pg_dump fail; whoever stood in its way is named while our own locks keep them there."""
    failure = failure_of_dump(child, dump)
    if failure.code is not ErrorCode.LOCK_WAIT:
        return failure
    with asking(dump.connection, cancel) as session:
        return lock_held(session)


def _let_go(session: Session) -> None:
    """End the snapshot's session now: by request, and where the server is frozen by force."""
    interrupt(session)
    hang_up(session)


def _wait(child: Child, jobs: list[Future[None]], look: Callable[[], None], cancel: CancelToken) -> None:
    """Until pg_dump ends, or something fails, which is raised at once."""
    due = 0.0
    while child.status is None:
        cancel.check()
        for job in jobs:
            if job.done():
                job.result()
        if time.monotonic() >= due:
            due = time.monotonic() + POLL_SECONDS
            look()
        try:
            child.wait(_TICK)
        except TimeoutError:
            continue
    cancel.check()


class _Watch:
    """Looks at what moves: progress, stall, space."""

    def __init__(
        self,
        request: BackupRequest,
        dump: Dump,
        tables: tuple[TableFacts, ...],
        *,
        counts: Mapping[int, int],
        listener: Listener,
    ) -> None:
        self._request = request
        self._dump = dump
        self._counts = counts
        self._listener = listener
        has_workers = dump.options.format is Format.DIRECTORY and dump.jobs > 1
        # the rows alone are sorted by foreign keys, too
        in_order = not has_workers and dump.options.contents is not WhatIsDumped.DATA
        self._progress = DumpProgress(tables, in_order=in_order)
        self._signature: object = None
        self._moved = time.monotonic()

    def look(self, activity: Activity) -> None:
        """Report, and raise STALLED or DISK_FULL when it is time to give up."""
        now = time.monotonic()
        written = _written(self._dump.target)
        fraction, table, rows = self._progress.update(activity.rows, self._counts, activity.begun)
        self._listener(Progress(Phase.DUMPING, fraction, table, rows, written, self._progress.tables))
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

    def all_done(self) -> tuple[TableProgress, ...]:
        """Every table, when pg_dump has ended well."""
        return self._progress.finish(self._counts)


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
