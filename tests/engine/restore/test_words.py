"""What a restore says when something is wrong with the files, and what of it stays in the catalog."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from app.domain.backup import Contents
from app.domain.errors import AppError, ErrorCode
from app.domain.events import Event, Notice
from app.domain.restore import RestoreOptions, RestorePlan, RestoreReport, RestoreResult
from app.engine.restore.job import RestoreTarget, open_job
from app.postgres.archive import read_archive
from app.postgres.connection import Connection
from app.postgres.sandbox import SandboxServer
from app.postgres.toolchain import Installation
from app.system.cancellation import CancelToken
from app.system.process import run

if TYPE_CHECKING:
    from tests.conftest import Database, NewDatabase

Try = Callable[..., tuple[RestorePlan, RestoreReport | AppError]]

SECRET = "joe@example.org"


@pytest.fixture
def source(server17: SandboxServer, new_database: NewDatabase) -> Database:
    return new_database(server17)


@pytest.fixture
def target(server17: SandboxServer, new_database: NewDatabase) -> Database:
    return new_database(server17)


@pytest.fixture
def attempt(target: Database, installations: Sequence[Installation]) -> Try:
    """`attempt(path)` plans a restore and runs it; gives the plan, and what came of it."""

    def go(path: Path, **options: object) -> tuple[RestorePlan, RestoreReport | AppError]:
        connection = Connection(target.conninfo, target.server.password, inherits=False)
        chosen = RestoreOptions(**options)  # type: ignore[arg-type]
        with open_job([path], RestoreTarget(connection), chosen, installations) as job:
            plan = job.plan(CancelToken(), lambda _: None)
            try:
                return plan, job.run(CancelToken(), lambda _: None)
            except AppError as error:
                return plan, error

    return go


@pytest.mark.parametrize("form", [("-Fd",), ("-Fd", "--inserts"), ("-Fd", "--compress=none")])
def test_a_missing_data_file_is_told_in_the_plan(
    source: Database, attempt: Try, tmp_path: Path, form: tuple[str, ...]
) -> None:
    source.sql("CREATE TABLE t (a int); INSERT INTO t VALUES (1)")
    folder = source.dumped(tmp_path / "archive", *form)
    rows = next(entry for entry in read_archive(folder).entries if entry.kind == "TABLE DATA")
    next(folder.glob(f"{rows.filename}*")).unlink()
    plan, error = attempt(folder)
    (finding,) = plan.blocking
    assert finding.title == "The archive is not whole"
    assert "TABLE DATA t" in finding.detail
    assert isinstance(error, AppError)


@pytest.mark.parametrize("jobs", [None, 2])
def test_a_missing_large_object_is_no_question_of_addresses(
    source: Database, attempt: Try, tmp_path: Path, jobs: int | None
) -> None:
    source.sql("SELECT lo_from_bytea(4711, 'x')")
    folder = source.dumped(tmp_path / "archive", "-Fd")
    next(folder.glob("blob_4711*")).unlink()
    _, error = attempt(folder, jobs=jobs)
    assert isinstance(error, AppError)
    assert error.code is ErrorCode.ARCHIVE_DAMAGED
    assert "blob_4711" in error.detail


def test_a_damaged_large_object_is_no_row_that_is_too_large(
    source: Database, attempt: Try, tmp_path: Path
) -> None:
    source.sql(
        "SELECT lo_from_bytea(4711, convert_to(string_agg(md5(i::text), ''), 'UTF8'))"
        " FROM generate_series(1, 9999) i"
    )
    path = source.dumped(tmp_path / "x.dump", "-Fc")
    data = bytearray(path.read_bytes())
    start = read_archive(path).data_start
    data[start + 5 : start + 40] = bytes([0, 0xFF]) * 17 + b"\x7f"
    path.write_bytes(data)
    plan, error = attempt(path)
    told = error.code if isinstance(error, AppError) else error
    assert plan.blocking or told is ErrorCode.ARCHIVE_DAMAGED, error


REFUSED = {
    "type": ("a text", "a int", "INSERT INTO t VALUES ('{secret}')"),
    "unique": ("a text", "a text UNIQUE", "INSERT INTO t VALUES ('{secret}'), ('{secret}')"),
    "check": ("a text", "a text CHECK (a = '')", "INSERT INTO t VALUES ('{secret}')"),
    "two lines": ("a text", "a int", "INSERT INTO t VALUES (E'{secret}\\n{secret} \"')"),
}


@pytest.mark.parametrize("jobs", [None, 2])
@pytest.mark.parametrize(
    "form",
    [
        ("-Fc",),
        pytest.param(("-Fd", "--inserts"), marks=pytest.mark.slow),
        pytest.param(("-Fp",), marks=pytest.mark.slow),
        ("-Fp", "--inserts"),
    ],
)
@pytest.mark.parametrize("case", REFUSED)
def test_a_report_names_the_table_and_holds_no_values(
    source: Database,
    target: Database,
    attempt: Try,
    tmp_path: Path,
    case: str,
    form: tuple[str, ...],
    jobs: int | None,
) -> None:
    here, there, rows = REFUSED[case]
    source.sql(f"CREATE TABLE t ({here}); {rows.format(secret=SECRET)}")
    target.sql(f"CREATE TABLE t ({there})")
    path = source.dumped(tmp_path / "dump", *form)
    _, report = attempt(path, contents=Contents.DATA, jobs=jobs, safety_backup=False)
    assert isinstance(report, RestoreReport)
    assert report.result in (RestoreResult.FAILED, RestoreResult.INCOMPLETE)
    kept = msgspec.json.encode(report).decode()
    assert "joe" not in kept, kept
    (failure,) = report.failures
    told = f"{failure.name} {failure.statement} {failure.cause}"
    assert re.search(r"\bt\b", told), told
    assert "COPY failed" not in failure.cause
    if "--inserts" not in form and case in ("type", "unique"):
        assert f"COPY t, line {2 if case == 'unique' else 1}" in failure.cause


def test_a_builtin_locale_gives_way_to_c_where_the_server_is_older(
    server17: SandboxServer,
    server15: SandboxServer,
    new_database: NewDatabase,
    installations: Sequence[Installation],
    tmp_path: Path,
) -> None:
    name = new_database(server17).name
    with server17.connect() as session:
        session.execute(f"DROP DATABASE {name}".encode())
        session.execute(
            f"CREATE DATABASE {name} TEMPLATE template0 LOCALE_PROVIDER builtin LOCALE 'C.UTF-8'".encode()
        )
    path = tmp_path / "x.dump"
    with server17.connect(name) as session:
        session.execute("CREATE TABLE t (a text); INSERT INTO t VALUES ('b'), ('B'), ('ä'), ('a')")
    done = run(
        [
            server17.installation.program("pg_dump"),
            f"--dbname={server17.conninfo(name)}",
            "-Fc",
            f"--file={path}",
        ],
        env=server17.environment(),
        timeout=60,
    )
    assert done.status == 0, done.errors
    taken = new_database(server15)  # is dropped after the test
    with server15.connect() as session:
        session.execute(f"DROP DATABASE {taken.name}".encode())
    target = RestoreTarget(Connection(server15.conninfo(), server15.password, inherits=False), taken.name)
    events: list[Event] = []
    with open_job([path], target, RestoreOptions(), installations) as job:
        plan = job.plan(CancelToken(), events.append)
        report = job.run(CancelToken(), events.append)
    assert report.result is RestoreResult.SUCCEEDED, report
    (finding,) = [one for one in plan.findings if "locale" in one.title]
    assert finding.title == "PostgreSQL 15 does not have the source’s locale C.UTF-8"
    assert "same order" in finding.detail
    assert [one.text for one in events if isinstance(one, Notice)] == [
        "The server lacks the source's locale: C takes its place, in the same order."
    ]
    assert taken.sql("SELECT datcollate FROM pg_database WHERE datname = current_database()") == [("C",)]
    assert taken.sql("SELECT string_agg(a, '' ORDER BY a) FROM t") == [("Babä",)]
