"""What stops a restore before it changes anything, and what it tells of beforehand."""

from __future__ import annotations

import lzma
import os
import re
import signal
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.domain.backup import Contents
from app.domain.errors import AppError, ErrorCode
from app.domain.events import Event, Notice, Phase, Progress
from app.domain.project import Secret
from app.domain.restore import RestoreOptions, RestorePlan, RestoreReport, RestoreResult
from app.engine.restore.job import RestoreJob, RestoreTarget, open_job
from app.postgres.connection import Connection
from app.postgres.sandbox import SandboxServer
from app.postgres.toolchain import Installation
from app.services import Services, build_services
from app.system.cancellation import CancelToken
from app.system.process import Child

if TYPE_CHECKING:
    from tests.conftest import NewDatabase, SmallDisk


def restore(
    path: Path,
    target: RestoreTarget,
    installations: Sequence[Installation],
    options: RestoreOptions | None = None,
    between: Callable[[RestorePlan], object] = lambda _: None,
    events: list[Event] | None = None,
) -> tuple[RestorePlan, RestoreReport | AppError]:
    """The plan, and what came of it."""
    told = (events if events is not None else []).append
    with open_job([path], target, options or RestoreOptions(), installations) as job:
        plan = job.plan(CancelToken(), told)
        between(plan)
        try:
            return plan, job.run(CancelToken(), told)
        except AppError as error:
            return plan, error


def succeeded(outcome: tuple[RestorePlan, RestoreReport | AppError]) -> RestoreReport:
    _, report = outcome
    assert isinstance(report, RestoreReport), report
    assert report.result is RestoreResult.SUCCEEDED, report.failures
    return report


def blocked(outcome: tuple[RestorePlan, RestoreReport | AppError]) -> str:
    """Why the plan says that it cannot be done; running it is refused, too."""
    plan, error = outcome
    assert isinstance(error, AppError)
    assert error.code is ErrorCode.CANNOT_RESTORE
    return "\n".join(f"{one.title} {one.detail} {one.hint}" for one in plan.blocking)


@pytest.fixture
def shop(server17: SandboxServer, new_shop: NewDatabase, tmp_path: Path) -> Path:
    return new_shop(server17).dumped(tmp_path / "shop.dump", "--format=custom")


@pytest.fixture
def free_name(server17: SandboxServer, new_database: NewDatabase) -> str:
    """The name of a database that is not there, and is dropped after the test if it is then."""
    made = new_database(server17)
    with server17.connect() as session:
        session.execute(f"DROP DATABASE {made.name}".encode())
    return made.name


def on(server: SandboxServer, name: str) -> RestoreTarget:
    return RestoreTarget(Connection(server.conninfo(), server.password, inherits=False), name)


def test_a_target_that_changed_since_the_plan_is_left_alone(
    server17: SandboxServer, new_database: NewDatabase, shop: Path, installations: Sequence[Installation]
) -> None:
    target = new_database(server17)
    _, error = restore(
        shop,
        RestoreTarget(target.connection),
        installations,
        between=lambda _: target.sql("CREATE TABLE orders (mine int)"),
    )
    assert isinstance(error, AppError)
    assert error.title == "The target has changed since the plan was made"
    assert "orders" in error.detail
    assert target.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(1,)]


def test_a_name_that_is_taken_is_refused_before_and_after_the_plan(
    server17: SandboxServer,
    new_database: NewDatabase,
    shop: Path,
    free_name: str,
    installations: Sequence[Installation],
) -> None:
    taken = new_database(server17)
    assert "already" in blocked(restore(shop, on(server17, taken.name), installations))

    def take(_: RestorePlan) -> None:
        taken.sql(f"CREATE DATABASE {free_name}")

    _, error = restore(shop, on(server17, free_name), installations, between=take)
    assert isinstance(error, AppError)
    assert error.code is ErrorCode.CANNOT_RESTORE


def test_a_name_taken_while_it_restores_drops_what_was_made(
    server17: SandboxServer, shop: Path, free_name: str, installations: Sequence[Installation]
) -> None:
    def take(event: Event) -> None:
        if isinstance(event, Progress) and event.phase is Phase.COUNTING:
            with server17.connect() as session:
                session.execute(f"CREATE DATABASE {free_name}".encode())

    with open_job([shop], on(server17, free_name), RestoreOptions(), installations) as job:
        job.plan(CancelToken(), lambda _: None)
        report = job.run(CancelToken(), take)
    assert report.result is RestoreResult.FAILED
    assert "already" in report.failures[0].cause
    with server17.connect() as session:
        assert not session.execute(
            "SELECT datname FROM pg_database WHERE datname LIKE 'holdfast_restore%'"
        ).fetchall()


@pytest.fixture
def clerk(server17: SandboxServer, new_database: NewDatabase) -> Iterator[Connection]:
    """A role without any rights, and a database of its own."""
    database = new_database(server17)
    role = f"clerk_{database.name}"
    database.sql(f"CREATE ROLE {role} LOGIN PASSWORD 'clerk'; ALTER DATABASE {database.name} OWNER TO {role}")
    yield Connection(database.conninfo, Secret("clerk"), inherits=False).to(user=role)
    database.sql(f"ALTER DATABASE {database.name} OWNER TO {server17.superuser}")
    database.sql(f"REASSIGN OWNED BY {role} TO {server17.superuser}; DROP OWNED BY {role}; DROP ROLE {role}")


def test_without_createdb_a_new_database_is_refused_and_one_that_is_there_is_not(
    clerk: Connection, shop: Path, installations: Sequence[Installation]
) -> None:
    why = blocked(restore(shop, RestoreTarget(clerk, "not to be made"), installations))
    assert "may not create databases" in why
    assert "CREATEDB" in why
    succeeded(restore(shop, RestoreTarget(clerk), installations))


def test_a_wrong_password_is_named(
    server17: SandboxServer, new_database: NewDatabase, shop: Path, installations: Sequence[Installation]
) -> None:
    wrong = Connection(new_database(server17).conninfo, Secret("wrong"), inherits=False)
    with pytest.raises(AppError) as caught:
        restore(shop, RestoreTarget(wrong), installations)
    assert caught.value.code is ErrorCode.SIGN_IN_FAILED
    assert "wrong" not in str(caught.value).replace("wrong password", "")


def test_an_extension_that_the_target_lacks_is_told_in_the_plan(
    server17: SandboxServer, new_database: NewDatabase, tmp_path: Path, installations: Sequence[Installation]
) -> None:
    script = tmp_path / "needs.sql"
    script.write_text("CREATE EXTENSION no_such_extension;\nCREATE TABLE t (a int);\n")
    plan, _ = restore(script, RestoreTarget(new_database(server17).connection), installations)
    assert any("no_such_extension" in f"{one.title} {one.detail}" for one in plan.findings)


@pytest.mark.parametrize("form", ["custom", "tar", "plain", "packed"])
@pytest.mark.parametrize("jobs", [None, 2])
def test_a_newer_dump_goes_into_an_older_server(
    request: pytest.FixtureRequest,
    server15: SandboxServer,
    new_shop: NewDatabase,
    new_database: NewDatabase,
    tmp_path: Path,
    installations: Sequence[Installation],
    form: str,
    jobs: int | None,
) -> None:
    newer: SandboxServer = request.getfixturevalue("server18")
    path = new_shop(newer).dumped(tmp_path / "dump", f"--format={'custom' if form == 'packed' else form}")
    if form == "packed":
        path.write_bytes(lzma.compress(path.read_bytes()))
    target = new_database(server15)
    options = RestoreOptions(jobs=jobs)
    outcome = restore(path, RestoreTarget(target.connection), installations, options)
    assert any("PostgreSQL 18" in one.title for one in outcome[0].findings)
    report = succeeded(outcome)
    assert {check.name: check.found for check in report.rows}["orders"] == 3000
    assert target.sql("SELECT count(*) FROM pg_largeobject_metadata") == [(3,)]


@pytest.mark.parametrize("jobs", [None, 2])
def test_what_an_older_server_cannot_do_is_told_by_object(
    request: pytest.FixtureRequest,
    server15: SandboxServer,
    new_database: NewDatabase,
    tmp_path: Path,
    installations: Sequence[Installation],
    jobs: int | None,
) -> None:
    newer: SandboxServer = request.getfixturevalue("server18")
    source = new_database(newer)
    source.sql(
        "CREATE TABLE fine AS SELECT 1 AS a;"
        "CREATE TABLE new_kind (a int, b int GENERATED ALWAYS AS (a + 1) VIRTUAL)"
    )
    path = source.dumped(tmp_path / "dump", "--format=custom")
    target = new_database(server15)
    options = RestoreOptions(jobs=jobs)
    _, report = restore(path, RestoreTarget(target.connection), installations, options)
    assert isinstance(report, RestoreReport)
    assert report.result is (RestoreResult.INCOMPLETE if jobs else RestoreResult.FAILED)
    assert "syntax error" in report.failures[0].cause
    assert report.failures[0].remedy or not jobs
    assert target.sql("SELECT to_regclass('fine') IS NOT NULL") == [(bool(jobs),)]
    assert not jobs or ("TABLE", "public.new_kind") in [(one.kind, one.name) for one in report.failures]


@pytest.mark.parametrize("pack", ["xz", "zip"])
@pytest.mark.parametrize("form", ["custom", "tar"])
def test_the_rows_of_a_packed_archive_are_compared(
    server17: SandboxServer,
    new_shop: NewDatabase,
    new_database: NewDatabase,
    tmp_path: Path,
    installations: Sequence[Installation],
    form: str,
    pack: str,
) -> None:
    archive = new_shop(server17).dumped(tmp_path / "dump", f"--format={form}")
    path = tmp_path / "packed"
    if pack == "xz":
        path.write_bytes(lzma.compress(archive.read_bytes()))
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
            packed.write(archive, "dump")
    events: list[Event] = []
    target = RestoreTarget(new_database(server17).connection)
    report = succeeded(restore(path, target, installations, events=events))
    rows = {check.name: check.found for check in report.rows}
    assert rows["orders"] == 3000
    assert rows["customers"] == 500
    assert Phase.CHECKING_FILES in [e.phase for e in events if isinstance(e, Progress)]


def test_a_packed_archive_that_is_cut_short_changes_nothing(
    server17: SandboxServer,
    new_database: NewDatabase,
    shop: Path,
    tmp_path: Path,
    installations: Sequence[Installation],
) -> None:
    content = shop.read_bytes()
    path = tmp_path / "short.xz"
    path.write_bytes(lzma.compress(content[: len(content) - 5000]))
    target = new_database(server17)
    _, error = restore(path, RestoreTarget(target.connection), installations)
    assert isinstance(error, AppError)
    assert error.code is ErrorCode.ARCHIVE_DAMAGED
    assert "short.xz" in error.detail
    assert target.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]


@pytest.mark.parametrize("form", ["custom", "plain"])
def test_a_full_disk_of_the_server_is_named_and_everything_undone(
    server17: SandboxServer,
    new_database: NewDatabase,
    tmp_path: Path,
    small_disk: SmallDisk,
    installations: Sequence[Installation],
    form: str,
) -> None:
    source = new_database(server17)
    source.sql("CREATE TABLE big AS SELECT repeat(md5(n::text), 50) FROM generate_series(1, 50000) n;")
    path = source.dumped(tmp_path / "dump", f"--format={form}")
    target = new_database(server17)
    owner = (Path(str(server17.workspace)).parent / "data").stat()
    for folder in (tmp_path, *tmp_path.parents[:-1]):
        folder.chmod(folder.stat().st_mode | 0o011)
    os.chown(small_disk.folder, owner.st_uid, owner.st_gid)
    space = f"small_{target.name}"
    target.sql(f"CREATE TABLESPACE {space} LOCATION '{small_disk.folder}'")
    target.sql(f"CREATE TABLE big (repeat text) TABLESPACE {space}")
    options = RestoreOptions(contents=Contents.DATA)
    try:
        _, report = restore(path, RestoreTarget(target.connection), installations, options)
        assert isinstance(report, RestoreReport)
        assert report.result is RestoreResult.FAILED
        assert "No space left on device" in report.failures[0].cause
        assert "server's own disk" in report.failures[0].remedy
        assert report.left == f"The database {target.name} is as it was before."
        assert target.sql("SELECT count(*) FROM big") == [(0,)]
    finally:
        target.sql("DROP TABLE big")
        target.sql(f"DROP TABLESPACE {space}")


SLOW = """
CREATE TABLE quick (a int); INSERT INTO quick VALUES (1);
CREATE FUNCTION allows(int) RETURNS bool LANGUAGE plpgsql AS 'BEGIN RETURN true; END';
CREATE TABLE other (a int CHECK (allows(a))); INSERT INTO other SELECT generate_series(1, 2000);
CREATE OR REPLACE FUNCTION allows(int) RETURNS bool LANGUAGE plpgsql
AS 'BEGIN PERFORM pg_sleep(0.02); RETURN true; END';
"""


def until(what: Callable[[], object], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def active(server: SandboxServer) -> list[tuple[int, str]]:
    """What the server does for restores."""
    query = (
        "SELECT pid, query FROM pg_stat_activity "
        "WHERE application_name LIKE 'holdfast restore%' AND state = 'active'"
    )
    with server.connect() as session:
        return [(pid, query) for pid, query in session.execute(query).fetchall()]


@pytest.fixture
def _no_leftovers(server17: SandboxServer) -> Iterator[None]:
    """Whatever a killed restore left is dropped in the end."""
    yield
    with server17.connect() as session:
        query = "SELECT datname FROM pg_database WHERE datname LIKE 'holdfast_restore%'"
        for (name,) in session.execute(query).fetchall():
            session.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.mark.usefixtures("_no_leftovers")
@pytest.mark.parametrize("form", ["custom", pytest.param("plain", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "mode",
    ["one transaction", *(pytest.param(one, marks=pytest.mark.slow) for one in ("new", "parallel"))],
)
def test_a_killed_restore_stays_in_no_transaction_and_its_leftovers_are_told_of(
    server17: SandboxServer,
    new_database: NewDatabase,
    free_name: str,
    tmp_path: Path,
    installations: Sequence[Installation],
    mode: str,
    form: str,
) -> None:
    source = new_database(server17)
    source.sql(SLOW)
    path = source.dumped(tmp_path / "dump", f"--format={form}")
    target = new_database(server17)
    arguments = {
        "new": ["--new-database", free_name, "--on", target.conninfo],
        "one transaction": ["--into", target.conninfo],
        "parallel": ["--into", target.conninfo, "--jobs", "2"],
    }[mode]
    command: list[str | Path] = [sys.executable, "-m", "app", "restore", path, *arguments]
    with Child(command, env=os.environ | {"PGPASSWORD": target.password}) as child:
        until(lambda: any("COPY public.other" in query for _, query in active(server17)))
        os.kill(child.id.pid, signal.SIGKILL)
        child.wait(10)
    until(lambda: not active(server17))
    tables = target.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    assert bool(tables) == (mode == "parallel")
    events: list[Event] = []
    with open_job([path], on(server17, free_name), RestoreOptions(), installations) as job:
        job.plan(CancelToken(), events.append)
    notices = [event.text for event in events if isinstance(event, Notice)]
    if mode != "new":
        assert notices == []
        return
    (notice,) = notices
    match = re.fullmatch(
        r"A restore that did not finish \(begun .+ UTC on .+\) left a database behind\. "
        r'If it runs no more: (DROP DATABASE "holdfast_restore_\w+";)',
        notice,
    )
    assert match
    target.sql(match[1])


def test_a_restore_that_still_runs_is_no_leftover(
    server17: SandboxServer, shop: Path, free_name: str, installations: Sequence[Installation]
) -> None:
    events: list[Event] = []

    def look(event: Event) -> None:
        if isinstance(event, Progress) and event.phase is Phase.COUNTING:
            with open_job([shop], on(server17, "x"), RestoreOptions(), installations) as other:
                other.plan(CancelToken(), events.append)

    with open_job([shop], on(server17, free_name), RestoreOptions(), installations) as job:
        job.plan(CancelToken(), lambda _: None)
        assert job.run(CancelToken(), look).result is RestoreResult.SUCCEEDED
    assert events
    assert not [event for event in events if isinstance(event, Notice)]


@pytest.fixture
def services(home: Path, tmp_path: Path) -> Services:
    made = build_services()
    made.settings.destination_folder.mkdir(parents=True, exist_ok=True)
    return made


def through(services: Services, job: RestoreJob, events: list[Event]) -> RestoreReport:
    job.plan(CancelToken(), events.append)
    return services.restore(job, job.target.connection, "", CancelToken(), events.append)


@pytest.mark.parametrize(
    ("rows", "wanted", "is_made"), [(True, True, True), (False, True, False), (True, False, False)]
)
def test_a_target_with_rows_is_backed_up_before_unless_it_is_not_wanted(
    services: Services,
    server17: SandboxServer,
    new_database: NewDatabase,
    shop: Path,
    rows: bool,
    wanted: bool,
    is_made: bool,
) -> None:
    target = new_database(server17)
    target.sql("CREATE TABLE mine (a int)")
    if rows:
        target.sql("INSERT INTO mine VALUES (1)")
    options = RestoreOptions(safety_backup=wanted)
    events: list[Event] = []
    with open_job([shop], RestoreTarget(target.connection), options, services.installations) as job:
        report = through(services, job, events)
    assert report.result is RestoreResult.SUCCEEDED
    assert bool(report.safety_backup) == is_made
    assert not is_made or (Path(report.safety_backup) / "manifest.json").is_file()
    assert [one.safety_backup for one in services.catalog.restores()] == [report.safety_backup]
    notices = [event.text for event in events if isinstance(event, Notice)]
    assert notices == ([f"The target as it was is backed up in {report.safety_backup}."] if is_made else [])


def test_a_safety_backup_that_fails_changes_nothing(
    services: Services, server17: SandboxServer, new_database: NewDatabase, shop: Path
) -> None:
    target = new_database(server17)
    target.sql("CREATE TABLE mine AS SELECT 1 AS a")
    services.settings.destination_folder.rmdir()
    with (
        open_job([shop], RestoreTarget(target.connection), RestoreOptions(), services.installations) as job,
        pytest.raises(AppError) as caught,
    ):
        through(services, job, [])
    assert caught.value.code is ErrorCode.FOLDER_MISSING
    assert caught.value.title == "Nothing was restored: the target could not be backed up before"
    assert caught.value.hint
    assert target.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(1,)]
    assert services.catalog.restores() == ()
