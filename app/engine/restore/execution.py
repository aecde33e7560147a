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
    RestoreFailure,
    RestoreMode,
    RestoreReport,
    RestoreResult,
    RowCheck,
)
from app.engine.restore.new_database import DatabaseOptions, new_database
from app.engine.restore.plan import PreparedRestore
from app.engine.restore.row_checks import Name, count_rows
from app.engine.restore.watch import Watch, watching
from app.postgres.connection import Connection, asking
from app.system.cancellation import CancelToken

Load = Callable[[Connection, CancelToken, Callable[[int], None]], tuple[RestoreFailure, ...]]
"""Loads the plan's entries through a connection; told of the number of entries done.

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
    """

    prepared: PreparedRestore
    connection: Connection
    load: Load
    rows: Mapping[Name, int]
    total_bytes: int = 0
    safety_backup: str = ""
    options: DatabaseOptions = field(default_factory=DatabaseOptions)


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
    watch = Watch(work.total_bytes, len(work.prepared.entries), listener)
    failures: tuple[RestoreFailure, ...] = ()
    rows: tuple[RowCheck, ...] = ()
    result = RestoreResult.SUCCEEDED
    try:
        with _target(work, listener) as connection:
            failures, rows = _fill(work, connection, watch, cancel, listener)
    except _FailedError as error:
        result, failures, rows = RestoreResult.FAILED, error.failures, error.rows
    except AppError as error:
        result = RestoreResult.FAILED
        failures = (RestoreFailure("", "", "", f"{error.title}. {error.detail}".rstrip(". "), error.hint),)
    except Cancelled:
        result = RestoreResult.CANCELLED
    if result is RestoreResult.SUCCEEDED and (failures or any(c.found != c.expected for c in rows)):
        result = RestoreResult.INCOMPLETE
    is_done = result in (RestoreResult.SUCCEEDED, RestoreResult.INCOMPLETE)
    return RestoreReport(
        id=f"{started:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}",
        source=plan.source,
        target=plan.target,
        mode=plan.mode,
        started=started,
        finished=datetime.now(UTC),
        result=result,
        objects=sum(o.action is not Action.SKIP for o in plan.objects) - len(failures) if is_done else 0,
        skipped=tuple(o for o in plan.objects if o.action in (Action.SKIP, Action.CHANGE)),
        rows=rows,
        failures=failures,
        safety_backup=work.safety_backup,
        left=""
        if result is RestoreResult.SUCCEEDED
        else _left(plan.mode, result, plan.database, watch, work),
    )


@contextmanager
def _target(work: Execution, listener: Listener) -> Iterator[Connection]:
    if work.prepared.plan.mode is not RestoreMode.NEW_DATABASE:
        yield work.connection
        return
    with new_database(work.connection, work.prepared.plan.database, work.options, listener) as connection:
        yield connection


def _fill(
    work: Execution, connection: Connection, watch: Watch, cancel: CancelToken, listener: Listener
) -> tuple[tuple[RestoreFailure, ...], tuple[RowCheck, ...]]:
    """Load and count; where all or nothing was promised, the first failure ends it."""
    mode = work.prepared.plan.mode
    before: Mapping[Name, int] = {}
    if mode is not RestoreMode.NEW_DATABASE:
        replaced = {o.name for o in work.prepared.plan.objects if o.action is Action.REPLACE}
        before = {} if replaced else count_rows(connection, work.rows, cancel)
    application = f"holdfast restore {secrets.token_hex(4)}"
    words = {"application_name": application}
    if settings := work.prepared.settings:
        words["options"] = f"{connection.keywords.get('options', '')} {settings}".strip()
    tagged = connection.to(**words)
    listener(Progress(Phase.RESTORING_INTO, 0.0))
    try:
        with watching(watch, connection, application, cancel, listener) as stopped:
            failures = work.load(tagged, stopped, watch.on_entry)
    except BaseException:
        _end_sessions(connection, application, listener)
        raise
    if failures and mode is not RestoreMode.PARALLEL:
        raise _FailedError(failures)
    watch.is_loaded = True
    cancel.check()
    listener(Progress(Phase.COUNTING))
    found = count_rows(connection, work.rows, cancel)
    rows = tuple(
        RowCheck(*table, expected=expected, found=found.get(table, 0) - before.get(table, 0))
        for table, expected in work.rows.items()
    )
    if mode is RestoreMode.NEW_DATABASE and any(check.found != check.expected for check in rows):
        raise _FailedError((), rows)
    return failures, rows


def _end_sessions(connection: Connection, application: str, listener: Listener) -> None:
    """End what the server still does for us: one that waits for a lock does not notice that we are gone."""
    try:
        with asking(connection, CancelToken()) as session:
            session.execute(
                "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity "
                "WHERE application_name = %s AND pid <> pg_catalog.pg_backend_pid()",
                [application],
            )
    except AppError as error:
        if error.code is not ErrorCode.UNKNOWN_DATABASE:
            listener(Notice(f"It could not be made sure that the server stopped restoring. {error}"))


def _left(mode: RestoreMode, result: RestoreResult, database: str, watch: Watch, work: Execution) -> str:
    """What the target looks like now."""
    if result is RestoreResult.INCOMPLETE:
        return "All that did not fail is restored and stays."
    if watch.is_loaded and mode is not RestoreMode.NEW_DATABASE:
        return "Everything is restored and stays; its rows were not counted."
    if mode is RestoreMode.NEW_DATABASE:
        return f"There is no database {database}: what had been restored of it was dropped."
    if mode is RestoreMode.ONE_TRANSACTION:
        return f"The database {database} is as it was before."
    total = len(work.prepared.entries)
    return f"About {min(watch.entries, total):,} of {total:,} objects were restored before; they stay."
