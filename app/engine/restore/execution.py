"""Carries out a plan: loads the source into the target, counts what arrived, and says what came of it.

Whatever happens, the report tells how the target was left.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from app.domain.errors import AppError, Cancelled, ErrorCode
from app.domain.events import Listener, Notice, Phase, Progress
from app.domain.restore import (
    Action,
    PlannedObject,
    RestoreFailure,
    RestoreMode,
    RestoreReport,
    RestoreResult,
    RowCheck,
)
from app.engine.restore.aftermath import end_sessions, was_committed
from app.engine.restore.closing import Closed, close_apart, close_transaction
from app.engine.restore.new_database import DatabaseOptions, NewDatabase, new_database
from app.engine.restore.plan import PreparedRestore
from app.engine.restore.row_checks import count_rows
from app.engine.restore.sequences import Position, put_back, read_positions
from app.engine.restore.watch import LOCK_SECONDS, Watch, watching
from app.postgres.connection import Connection, Session, asking
from app.postgres.quoting import Name, quote_qualified
from app.system.cancellation import CancelToken

Load = Callable[
    [Connection, CancelToken, Callable[[int], None], Callable[[Session], None]], tuple[RestoreFailure, ...]
]
"""Loads the plan's entries through a connection; tells the number of entries done.

In one transaction it hands over the session when everything is loaded, before it commits.
Raises AppError for what ended it, Cancelled when the token was set; gives the failures that it went on after.
"""


@dataclass(frozen=True, slots=True)
class Execution:
    """A restore that is ready to run.

    Attributes:
        connection: the target, or any database of the server on which `new_database` is made.
        load: how the source gets into a database.
        rows: of each table that is restored, by schema and name, as far as the source tells.
        total_bytes: of all rows as text; 0 where the source does not tell.
        safety_backup: the folder of the backup that was made before, if there is one.
        options: of a new database.
        lock_seconds: how long to wait for what another session has locked.
    """

    prepared: PreparedRestore
    connection: Connection
    load: Load
    rows: Mapping[Name, int]
    total_bytes: int = 0
    safety_backup: str = ""
    options: DatabaseOptions = field(default_factory=DatabaseOptions)
    lock_seconds: float = LOCK_SECONDS


class _FailedError(Exception):
    """Entries failed where all or nothing was promised."""

    def __init__(self, failures: tuple[RestoreFailure, ...], rows: tuple[RowCheck, ...] = ()) -> None:
        super().__init__()
        self.failures = failures
        self.rows = rows


def execute(work: Execution, cancel: CancelToken, listener: Listener) -> RestoreReport:
    """Restore, and report. What goes wrong on the way is in the report; nothing is raised but bugs."""
    plan = work.prepared.plan
    started = datetime.now(UTC)
    attempt = _Attempt(work, cancel, listener)
    failures: tuple[RestoreFailure, ...] = ()
    rows: tuple[RowCheck, ...] = ()
    result = RestoreResult.SUCCEEDED
    try:
        failures, rows = attempt.run()
    except _FailedError as error:
        result, failures, rows = RestoreResult.FAILED, error.failures, error.rows
    except AppError as error:
        result = RestoreResult.FAILED
        cause = ". ".join(text.rstrip(".") for text in (error.title, error.detail) if text)
        failures = (RestoreFailure("", "", "", cause, error.hint),)
    except Cancelled:
        result = RestoreResult.CANCELLED
    if result is RestoreResult.SUCCEEDED and (failures or any(c.found != c.expected for c in rows)):
        result = RestoreResult.INCOMPLETE
    restored = sum(o.action not in (Action.SKIP, Action.DROP) for o in plan.objects)
    is_done = result in (RestoreResult.SUCCEEDED, RestoreResult.INCOMPLETE)
    return RestoreReport(
        id=f"{started:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}",
        source=plan.source,
        target=plan.target,
        mode=plan.mode,
        started=started,
        finished=datetime.now(UTC),
        result=result,
        objects=restored - len(failures) if is_done else 0,
        skipped=tuple(attempt.left_out()),
        rows=rows,
        failures=failures,
        safety_backup=work.safety_backup,
        left="" if result is RestoreResult.SUCCEEDED else attempt.left(result),
        tables=attempt.tables() if is_done else None,
    )


class _Attempt:
    """One go at it, and what is known afterwards of how the target was left."""

    def __init__(self, work: Execution, cancel: CancelToken, listener: Listener) -> None:
        self._work = work
        self._cancel = cancel
        self._listener = listener
        self._plan = work.prepared.plan
        self._watch = Watch(
            work.total_bytes, len(work.prepared.entries), listener, lock_seconds=work.lock_seconds
        )
        self._made: NewDatabase | None = None
        self._has_begun = self._is_undone = False
        self._closed = Closed()

    def run(self) -> tuple[tuple[RestoreFailure, ...], tuple[RowCheck, ...]]:
        """Load and count; where all or nothing was promised, the first failure ends it.

        Raises:
            _FailedError: entries failed, or rows of a new database differ.
            AppError: what ended it.
            Cancelled: the token was set.
        """
        with self._target() as connection:
            if self._plan.mode is RestoreMode.ONE_TRANSACTION:
                failures = self._load(connection)
                return failures, tuple(self._compared(self._closed.rows, {}))
            before = {} if self._is_emptied else self._count(connection)
            failures = self._load(connection)
            self._listener(Progress(Phase.COUNTING))
            rows = tuple(self._compared(self._count(connection), before))
            if self._made is not None and any(check.found != check.expected for check in rows):
                raise _FailedError((), rows)
            self._cancel.check()
        return failures + (self._made.failures if self._made else ()), rows

    @contextmanager
    def _target(self) -> Iterator[Connection]:
        if self._plan.mode is not RestoreMode.NEW_DATABASE:
            yield self._work.connection
            return
        with new_database(
            self._work.connection,
            self._plan.database,
            self._work.options,
            self._listener,
            self._work.prepared.properties,
        ) as made:
            self._made = made
            yield made.connection

    @property
    def _is_emptied(self) -> bool:
        """Whether tables hold nothing when their rows arrive: new ones, and those that are cleaned."""
        return self._plan.mode is RestoreMode.NEW_DATABASE or bool(self._work.prepared.drops)

    def _count(self, connection: Connection) -> Mapping[Name, int | None]:
        return count_rows(connection, self._work.rows, self._cancel, lock_seconds=self._work.lock_seconds)

    def _load(self, connection: Connection) -> tuple[RestoreFailure, ...]:
        application = f"holdfast restore {secrets.token_hex(4)}"
        words = {"application_name": application}
        if settings := self._work.prepared.settings:
            words["options"] = f"{connection.keywords.get('options', '')} {settings}".strip()
        self._listener(Progress(Phase.RESTORING_INTO, 0.0))
        positions: Mapping[Name, Position] = {}
        prepared = self._work.prepared
        if self._plan.mode is RestoreMode.ONE_TRANSACTION or prepared.is_rows_alone:
            names = [(entry.schema, entry.tag) for entry in prepared.entries if entry.kind == "SEQUENCE SET"]
            positions = read_positions(connection, [*names, *prepared.closing.sequences], self._cancel)
        kept = {name: at for name, at in positions.items() if name in prepared.closing.sequences}

        def close(session: Session) -> None:
            self._listener(Progress(Phase.COUNTING))
            self._closed = close_transaction(session, prepared.closing, self._work.rows, kept)

        self._has_begun = True
        try:
            with watching(self._watch, connection, application, self._cancel, self._listener) as stopped:
                failures = self._work.load(connection.to(**words), stopped, self._watch.on_entry, close)
                if self._plan.mode is RestoreMode.PARALLEL:
                    with asking(connection.to(application_name=application), stopped) as session:
                        self._closed = close_apart(session, prepared.closing, kept)
                    failures += self._closed.failures
        except BaseException as error:
            end_sessions(connection, application, self._listener)
            put_back(connection, positions, self._listener)
            self._is_undone = isinstance(error, AppError) and error.code is ErrorCode.RESTORE_FAILED
            raise
        if failures and self._plan.mode is not RestoreMode.PARALLEL:
            put_back(connection, positions, self._listener)
            self._is_undone = True
            raise _FailedError(failures)
        self._watch.is_loaded = True
        return failures

    def _compared(
        self, found: Mapping[Name, int | None], before: Mapping[Name, int | None]
    ) -> Iterator[RowCheck]:
        unseen = []
        for table, expected in self._work.rows.items():
            now, then = found.get(table, 0), before.get(table, 0)
            if now is None or then is None:
                unseen.append(".".join(table))
            else:
                yield RowCheck(*table, expected=expected, found=now - then)
        if unseen:
            self._listener(
                Notice(f"This role may not see all rows of {', '.join(unseen)}: they were not counted.")
            )

    def left_out(self) -> Iterator[PlannedObject]:
        """What was skipped, or changed on purpose; of sequences, how they stand now."""
        done = {quote_qualified(*name): how for name, how in self._closed.sequences.items()}
        for one in self._plan.objects:
            if one.action in (Action.SKIP, Action.CHANGE):
                yield one
        for name, how in done.items():
            yield PlannedObject("SEQUENCE SET", name, Action.CHANGE, how)

    def tables(self) -> int | None:
        """How many tables got rows, where nothing else was restored."""
        if not self._work.prepared.is_rows_alone:
            return None
        done = [o for o in self._plan.objects if o.action is not Action.SKIP and o.kind == "TABLE DATA"]
        return len(done)

    def left(self, result: RestoreResult) -> str:
        """What the target looks like now, in a sentence."""
        database, mode = self._plan.database, self._plan.mode
        if result is RestoreResult.INCOMPLETE:
            others = ""
            if self._closed.other_sessions:
                others = " Other sessions use the database; what they changed meanwhile is counted, too."
            return f"All that did not fail is restored and stays.{others}"
        if mode is RestoreMode.NEW_DATABASE:
            if self._made is not None and self._made.is_left_over:
                return f"There is no database {database}; drop what is left of it, {self._made.name}."
            return f"There is no database {database}: what had been restored of it was dropped."
        if self._watch.is_loaded:
            return "Everything is restored and stays; its rows were not counted."
        if mode is RestoreMode.PARALLEL:
            total = len(self._work.prepared.entries)
            done = min(self._watch.entries, total)
            return f"About {done:,} of {total:,} objects were restored before; they stay."
        if self._is_undone or not self._has_begun:
            return f"The database {database} is as it was before."
        committed = was_committed(self._work.connection, self._watch.transactions)
        if committed:
            return "It came too late: everything is restored and stays; its rows were not counted."
        doubt = "" if committed is False else ", unless the restore was just being completed at that moment"
        return f"The database {database} is as it was before{doubt}."
