"""What a restore leaves, whatever happens on the way: what its mode promises, and a report that says so."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.domain.backup import Contents
from app.domain.events import Event, Notice, Progress
from app.domain.project import Secret
from app.domain.restore import RestoreMode, RestoreOptions, RestoreReport, RestoreResult
from app.engine.restore.job import RestoreJob, RestoreTarget, open_job
from app.postgres.connection import Connection
from app.postgres.sandbox import SandboxServer, create_database, running_sandbox
from app.postgres.toolchain import Installation
from app.system.cancellation import CancelToken

if TYPE_CHECKING:
    from tests.conftest import Database, NewDatabase

SOURCE = """
CREATE TABLE good (a int PRIMARY KEY);
INSERT INTO good SELECT generate_series(1, 100);
CREATE FUNCTION allows(int) RETURNS bool LANGUAGE plpgsql AS 'BEGIN RETURN true; END';
CREATE TABLE other (a int CHECK (allows(a)));
INSERT INTO other SELECT generate_series(1, 1000);
CREATE TABLE third (a int, b text);
INSERT INTO third SELECT n, 'x' FROM generate_series(1, 50) n;
CREATE INDEX later ON third (b);
CREATE OR REPLACE FUNCTION allows(int) RETURNS bool LANGUAGE plpgsql AS 'BEGIN {does} RETURN true; END';
"""
FAILS = "IF $1 = 500 THEN RAISE ''no five hundred''; END IF;"
SLOW = "PERFORM pg_sleep(0.02);"
FORMS = ("custom", "plain")
MODES = tuple(RestoreMode)
INTO_WHAT_IS_THERE = (RestoreMode.ONE_TRANSACTION, RestoreMode.PARALLEL)
QUICK = {
    (RestoreMode.NEW_DATABASE, "custom"),
    (RestoreMode.ONE_TRANSACTION, "plain"),
    (RestoreMode.PARALLEL, "custom"),
}
EACH_WAY = [
    pytest.param(mode, form, id=f"{mode} {form}", marks=[] if (mode, form) in QUICK else [pytest.mark.slow])
    for mode in MODES
    for form in FORMS
]


def contents(database: Database, folder: Path) -> str:
    """All that is in a database, as SQL."""
    text = database.dumped(folder / f"{database.name}.contents").read_text()
    return re.sub(r"\\(?:un)?restrict .*", "", text)


def databases(server: SandboxServer) -> set[str]:
    with server.connect() as session:
        return {name for (name,) in session.execute("SELECT datname FROM pg_database").fetchall()}


def sessions(server: SandboxServer) -> list[str]:
    """What restores still have open."""
    query = "SELECT application_name FROM pg_stat_activity WHERE application_name LIKE 'holdfast%'"
    with server.connect() as session:
        return [name for (name,) in session.execute(query).fetchall()]


def until(what: Callable[[], object], seconds: float = 8) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


@dataclass
class Trial:
    """Restores a dump into a target in one of the modes."""

    server: SandboxServer
    installations: Sequence[Installation]
    path: Path
    mode: RestoreMode
    database: Database
    name: str
    events: list[Event] = field(default_factory=list)
    cancel: CancelToken = field(default_factory=CancelToken)
    lock_seconds: float = 60

    @property
    def target(self) -> RestoreTarget:
        connection = self.database.connection
        if self.mode is RestoreMode.NEW_DATABASE:
            return RestoreTarget(connection.to(dbname="postgres"), self.name)
        return RestoreTarget(connection)

    @contextmanager
    def planned(self, **options: object) -> Iterator[RestoreJob]:
        jobs = 2 if self.mode is RestoreMode.PARALLEL else None
        chosen = RestoreOptions(jobs=jobs, **options)  # type: ignore[arg-type]
        with open_job([self.path], self.target, chosen, self.installations) as job:
            job.lock_seconds = self.lock_seconds
            job.plan(self.cancel, self.events.append)
            yield job

    def restore(self, **options: object) -> RestoreReport:
        with self.planned(**options) as job:
            assert job.plan_made.blocking == ()
            return job.run(self.cancel, self.events.append)

    @contextmanager
    def running(self, **options: object) -> Iterator[list[RestoreReport]]:
        """While it loads the table `other`; gives the list that the report comes into."""
        reports: list[RestoreReport] = []
        thread = threading.Thread(target=lambda: reports.append(self.restore(**options)))
        thread.start()
        try:
            until(lambda: reports or (self.is_loading() and self.has_progress))
            yield reports
        finally:
            thread.join(60)

    @property
    def has_progress(self) -> bool:
        return any(isinstance(event, Progress) and event.bytes for event in self.events)

    def is_loading(self) -> bool:
        query = (
            "SELECT FROM pg_stat_activity WHERE application_name LIKE 'holdfast restore%' "
            "AND state = 'active' AND query ~* '^COPY public.other' AND wait_event = 'PgSleep'"
        )
        with self.server.connect() as session:
            return bool(session.execute(query).fetchall())

    @property
    def restored(self) -> Database:
        """The database that it restored into."""
        if self.mode is RestoreMode.NEW_DATABASE:
            return type(self.database)(self.server, self.name)
        return self.database

    @property
    def notices(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, Notice)]

    def check_nothing_stays(self, before: str, folder: Path) -> None:
        """A new database is gone; one that was there is as it was."""
        if self.mode is RestoreMode.NEW_DATABASE:
            assert not [
                name for name in databases(self.server) if name == self.name or name.startswith("holdfast_r")
            ]
        else:
            assert contents(self.database, folder) == before


@pytest.fixture(params=[pytest.param(one.values, id=one.id, marks=one.marks) for one in EACH_WAY])
def trial(
    request: pytest.FixtureRequest,
    server17: SandboxServer,
    new_database: NewDatabase,
    installations: Sequence[Installation],
    tmp_path: Path,
) -> Callable[[str], Trial]:
    """`trial(SLOW)` prepares a restore in each mode, from an archive and from a script."""
    mode, form = request.param

    def prepare(does: str) -> Trial:
        source = new_database(server17)
        source.sql(SOURCE.format(does=does))
        path = source.dumped(tmp_path / "dump", f"--format={form}")
        target = new_database(server17)
        target.sql("CREATE TABLE mine (a int); INSERT INTO mine VALUES (1), (2)")
        made = new_database(server17)  # is dropped after the test
        with server17.connect() as session:
            session.execute(f"DROP DATABASE {made.name}".encode())
        return Trial(server17, installations, path, mode, target, made.name)

    return prepare


def test_all_is_there_and_counted(trial: Callable[[str], Trial]) -> None:
    one = trial("")
    report = one.restore()
    assert report.result is RestoreResult.SUCCEEDED, report
    assert (report.left, report.failures, report.different_rows) == ("", (), ())
    assert {check.name: check.found for check in report.rows} == {"good": 100, "other": 1000, "third": 50}
    assert one.restored.sql("SELECT count(*) FROM other") == [(1000,)]
    until(lambda: not sessions(one.server))  # a backend takes a moment to go
    comment = one.restored.sql(
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()"
    )
    assert comment == [(None,)]


def test_a_failing_entry_leaves_nothing_or_is_collected(
    trial: Callable[[str], Trial], tmp_path: Path
) -> None:
    one = trial(FAILS)
    before = contents(one.database, tmp_path)
    report = one.restore()
    (failure,) = report.failures
    assert "no five hundred" in failure.cause
    assert "COPY" in failure.statement or one.mode is not RestoreMode.PARALLEL
    until(lambda: not sessions(one.server))  # a backend takes a moment to go
    if one.mode is not RestoreMode.PARALLEL:
        assert report.result is RestoreResult.FAILED
        one.check_nothing_stays(before, tmp_path)
        expected = {
            RestoreMode.NEW_DATABASE: f"There is no database {one.name}: what had been restored of it was "
            "dropped.",
            RestoreMode.ONE_TRANSACTION: f"The database {one.database.name} is as it was before.",
        }
        assert report.left == expected[one.mode]
        return
    assert report.result is RestoreResult.INCOMPLETE
    assert (failure.kind, failure.name) == ("TABLE DATA", "public.other")
    assert report.left == "All that did not fail is restored and stays."
    assert [(c.name, c.expected, c.found) for c in report.different_rows] == [("other", 1000, 0)]
    assert one.database.sql("SELECT count(*) FROM third") == [(50,)]
    assert one.database.sql("SELECT to_regclass('later') IS NOT NULL") == [(True,)]


@pytest.mark.logs_warnings
def test_cancelled_while_loading_it_is_gone_within_three_seconds(
    trial: Callable[[str], Trial], tmp_path: Path
) -> None:
    one = trial(SLOW)
    before = contents(one.database, tmp_path)
    with one.running() as reports:
        begun = time.monotonic()
        one.cancel.cancel()
        until(lambda: reports, 5)
        assert time.monotonic() - begun < 3
    (report,) = reports
    assert report.result is RestoreResult.CANCELLED
    until(lambda: not sessions(one.server))  # a backend takes a moment to go
    if one.mode is RestoreMode.PARALLEL:
        assert re.fullmatch(r"About \d+ of \d+ objects were restored before; they stay\.", report.left)
        assert one.database.sql("SELECT count(*) FROM other") == [(0,)]
    else:
        one.check_nothing_stays(before, tmp_path)
        assert "as it was before" in report.left or "was dropped" in report.left
        assert "unless" not in report.left


@pytest.mark.logs_warnings
def test_a_connection_that_is_cut_leaves_what_the_mode_promises(
    trial: Callable[[str], Trial], tmp_path: Path
) -> None:
    one = trial(SLOW)
    before = contents(one.database, tmp_path)
    with one.running() as reports, one.server.connect() as session:
        session.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name LIKE 'holdfast restore%'"
        )
        until(lambda: reports)
    (report,) = reports
    assert report.result in (RestoreResult.FAILED, RestoreResult.INCOMPLETE)
    (failure, *_) = report.failures
    assert "connection" in failure.cause, failure
    assert failure.remedy
    until(lambda: not sessions(one.server))  # a backend takes a moment to go
    if one.mode is not RestoreMode.PARALLEL:
        one.check_nothing_stays(before, tmp_path)
        assert "unless" not in report.left


@pytest.mark.logs_warnings
@pytest.mark.parametrize(("mode", "form"), EACH_WAY)
def test_a_server_that_is_killed_is_named_and_left_as_promised(
    installations: Sequence[Installation],
    server17: SandboxServer,
    new_database: NewDatabase,
    tmp_path: Path,
    mode: RestoreMode,
    form: str,
) -> None:
    source = new_database(server17)
    source.sql(SOURCE.format(does=SLOW))
    path = source.dumped(tmp_path / "dump", f"--format={form}")
    with running_sandbox(server17.installation) as server:
        create_database(server, "target")
        one = Trial(server, installations, path, mode, type(source)(server, "target"), "copy")
        with one.running() as reports:
            pid = int((server.workspace.parent / "data" / "postmaster.pid").read_text().split()[0])
            os.kill(pid, signal.SIGKILL)
            until(lambda: reports)
    (report,) = reports
    assert report.result is RestoreResult.FAILED
    assert "connection" in report.failures[0].cause or "server" in report.failures[0].cause
    assert report.failures[0].remedy
    if mode is RestoreMode.NEW_DATABASE:
        assert re.fullmatch(
            r"There is no database copy; drop what is left of it, holdfast_restore_\w+\.", report.left
        )
    if mode is RestoreMode.ONE_TRANSACTION:
        assert report.left.startswith("The database target is as it was before")


@contextmanager
def holding(database: Database, statement: str) -> Iterator[int]:
    """Another session that holds a lock; gives its process id."""
    with database.connect() as session, session.transaction(force_rollback=True):
        session.execute("SET LOCAL application_name = 'night job'")
        session.execute(statement.encode())
        yield session.info.backend_pid


@pytest.mark.parametrize(("mode", "form"), [one for one in EACH_WAY if one.values[0] in INTO_WHAT_IS_THERE])
@pytest.mark.parametrize("is_cancelled", [False, True])
def test_a_locked_table_names_its_holder_and_can_be_cancelled(
    installations: Sequence[Installation],
    server17: SandboxServer,
    new_database: NewDatabase,
    tmp_path: Path,
    mode: RestoreMode,
    form: str,
    is_cancelled: bool,
) -> None:
    source = new_database(server17)
    source.sql(SOURCE.format(does=""))
    path = source.dumped(tmp_path / "dump", f"--format={form}")
    target = new_database(server17)
    target.sql("CREATE TABLE good (a int, mine text); INSERT INTO good VALUES (7, 'mine')")
    before = contents(target, tmp_path)
    one = Trial(server17, installations, path, mode, target, "", lock_seconds=60 if is_cancelled else 0.5)
    with holding(target, "SELECT count(*) FROM good") as pid, one.planned(clean=True) as job:
        assert job.plan_made.blocking == ()
        reports: list[RestoreReport] = []
        thread = threading.Thread(target=lambda: reports.append(job.run(one.cancel, one.events.append)))
        thread.start()
        if is_cancelled:
            waits = (
                "SELECT FROM pg_stat_activity WHERE application_name LIKE 'holdfast restore%' "
                "AND wait_event_type = 'Lock'"
            )
            until(lambda: target.sql(waits))
            begun = time.monotonic()
            one.cancel.cancel()
            until(lambda: reports, 5)
            assert time.monotonic() - begun < 3
        thread.join(30)
        assert sessions(server17) == []
    (report,) = reports
    if is_cancelled:
        assert report.result is RestoreResult.CANCELLED
    else:
        assert report.result is RestoreResult.FAILED
        assert f"process {pid} of {server17.superuser} (night job)" in report.failures[0].cause
        assert "Wait until" in report.failures[0].remedy
    if mode is RestoreMode.ONE_TRANSACTION:
        assert contents(target, tmp_path) == before


def test_rows_that_a_trigger_swallows_make_it_incomplete(
    installations: Sequence[Installation], server17: SandboxServer, new_database: NewDatabase, tmp_path: Path
) -> None:
    source = new_database(server17)
    source.sql(SOURCE.format(does=""))
    path = source.dumped(tmp_path / "dump", "--format=custom")
    target = new_database(server17)
    target.sql(
        "CREATE TABLE good (a int); INSERT INTO good VALUES (-1);"
        "CREATE TABLE other (a int); CREATE TABLE third (a int, b text);"
        "CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
        "CREATE TRIGGER t BEFORE INSERT ON good FOR EACH ROW WHEN (NEW.a <= 10) EXECUTE FUNCTION swallow();"
        "ALTER TABLE good ENABLE ALWAYS TRIGGER t"
    )
    one = Trial(server17, installations, path, RestoreMode.PARALLEL, target, "")
    report = one.restore(contents=Contents.DATA)
    assert report.result is RestoreResult.INCOMPLETE
    assert [(c.name, c.expected, c.found) for c in report.different_rows] == [("good", 100, 90)]
    again = one.restore(contents=Contents.DATA, clean=True)
    assert [(c.name, c.expected, c.found) for c in again.different_rows] == [("good", 100, 90)]
    assert target.sql("SELECT count(*) FROM other") == [(1000,)]


def test_rows_that_the_role_may_not_see_are_not_taken_for_missing_ones(
    installations: Sequence[Installation], server17: SandboxServer, new_database: NewDatabase, tmp_path: Path
) -> None:
    source = new_database(server17)
    source.sql("CREATE TABLE secret (a int); INSERT INTO secret VALUES (1), (2)")
    path = source.dumped(tmp_path / "dump", "--format=custom")
    target = new_database(server17)
    role = f"clerk_{target.name}"
    target.sql(
        f"CREATE ROLE {role} LOGIN PASSWORD 'clerk';"
        f"CREATE TABLE secret (a int); GRANT INSERT ON secret TO {role}"
    )
    try:
        one = Trial(server17, installations, path, RestoreMode.ONE_TRANSACTION, target, "")
        connection = Connection(target.conninfo, Secret("clerk"), inherits=False).to(user=role)
        options = RestoreOptions(contents=Contents.DATA)
        with open_job([path], RestoreTarget(connection), options, installations) as job:
            plan = job.plan(one.cancel, one.events.append)
            assert plan.blocking == ()
            report = job.run(one.cancel, one.events.append)
        assert (report.result, report.rows) == (RestoreResult.SUCCEEDED, ())
        assert "This role may not see all rows of public.secret: they were not counted." in one.notices
        assert target.sql("SELECT count(*) FROM secret") == [(2,)]
    finally:
        target.sql(f"DROP OWNED BY {role}; DROP ROLE {role}")
