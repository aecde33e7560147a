"""A hostile dump is told of in the plan and refused, before anything of it reaches a server."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.domain.errors import AppError, ErrorCode
from app.domain.restore import RestoreOptions, RestorePlan, Severity
from app.engine.restore.job import RestoreTarget, open_job
from app.postgres.archive import read_archive, write_directory_toc
from app.postgres.archive_entry import Entry
from app.postgres.connection import Connection
from app.postgres.sandbox import SandboxServer
from app.postgres.toolchain import Installation
from app.system.cancellation import CancelToken

if TYPE_CHECKING:
    from tests.conftest import Database, NewDatabase

Try = Callable[..., tuple[RestorePlan, AppError | None]]


@pytest.fixture
def target(server17: SandboxServer, new_database: NewDatabase) -> Database:
    return new_database(server17)


@pytest.fixture
def attempt(target: Database, installations: Sequence[Installation]) -> Try:
    """`attempt(path)` plans a restore and runs it; gives the plan, and what refused it."""

    def go(path: Path, **options: object) -> tuple[RestorePlan, AppError | None]:
        connection = Connection(target.conninfo, target.server.password, inherits=False)
        chosen = RestoreOptions(**options)  # type: ignore[arg-type]
        with open_job([path], RestoreTarget(connection), chosen, installations) as job:
            plan = job.plan(CancelToken(), lambda _: None)
            try:
                job.run(CancelToken(), lambda _: None)
            except AppError as error:
                return plan, error
            return plan, None

    return go


@pytest.fixture
def archive(server17: SandboxServer, new_shop: NewDatabase, tmp_path: Path) -> Path:
    """A directory archive."""
    return new_shop(server17).dumped(tmp_path / "archive", "--format=directory")


def forge(folder: Path, kind: str, change: Callable[[Entry], Entry]) -> None:
    """Write the table of contents anew, with the first entry of this kind changed."""
    found = read_archive(folder)
    first = next(one for one in found.entries if one.kind == kind)
    write_directory_toc(found, [change(one) if one is first else one for one in found.entries], folder)


def is_empty(database: Database) -> bool:
    return database.sql("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace") == [(0,)]


EVIL = "COPY public.customers FROM PROGRAM 'touch {mark}';\n"


@pytest.mark.parametrize(
    "copy",
    [
        EVIL,
        "COPY public.customers (id, name, city) FROM stdin; " + EVIL,
        "COPY public.customers FROM stdin;\n" + EVIL,
        "COPY public.customers FROM '/etc/passwd';\n",
        "COPY public.customers TO PROGRAM 'cat';\n",
        "SELECT pg_read_file('/etc/passwd');\n",
        "copy public.customers from stdin where (select true);\n",
    ],
)
def test_a_forged_copy_statement_is_refused(
    attempt: Try, archive: Path, target: Database, tmp_path: Path, copy: str
) -> None:
    mark = tmp_path / "mark"
    forge(archive, "TABLE DATA", lambda one: replace(one, copy_statement=copy.format(mark=mark)))
    plan, error = attempt(archive, server_access=True)
    assert "The archive has statements that pg_dump does not write" in [one.title for one in plan.blocking]
    assert error is not None
    assert error.code is ErrorCode.CANNOT_RESTORE
    assert is_empty(target)
    assert not mark.exists()


@pytest.mark.parametrize("kind", ["TABLE", "VIEW", "CONSTRAINT", "SEARCHPATH", "STDSTRINGS", "ENCODING"])
@pytest.mark.parametrize("field", ["definition", "drop"])
def test_a_program_in_any_definition_is_refused(
    attempt: Try, archive: Path, target: Database, tmp_path: Path, kind: str, field: str
) -> None:
    mark = tmp_path / "mark"
    evil = f"CREATE TABLE public.t (a text);\nCOPY public.t FROM PROGRAM 'touch {mark}';\n"
    forge(archive, kind, lambda one: replace(one, **{field: getattr(one, field) + evil}))
    plan, error = attempt(archive, clean=True)
    assert "archive reaches for the server's programs, files or settings" in [p.title for p in plan.blocking]
    assert any("--allow-server-access" in one.hint for one in plan.blocking)
    assert error is not None
    assert is_empty(target)
    assert not mark.exists()


def test_what_is_allowed_is_a_warning(attempt: Try, archive: Path, target: Database) -> None:
    evil = "CREATE VIEW public.v AS SELECT pg_read_file('PG_VERSION');\n"
    forge(archive, "VIEW", lambda one: replace(one, definition=one.definition + evil))
    refused, error = attempt(archive)
    assert refused.blocking
    assert error is not None
    allowed, error = attempt(archive, server_access=True)
    assert (allowed.blocking, error) == ((), None)
    assert any(one.severity is Severity.WARNS and "pg_read_file" in one.detail for one in allowed.findings)
    assert target.sql("SELECT count(*) FROM customers") == [(500,)]


CALLED = """
CREATE FUNCTION public.leak(t text) RETURNS bool LANGUAGE plpgsql
AS $$ BEGIN COPY (SELECT t) TO PROGRAM 'cat > {mark}'; RETURN true; END $$;
CREATE TABLE public.guarded (a text{check});
"""


@pytest.mark.parametrize(("check", "is_run"), [("", False), (" CHECK (public.leak(a))", True)])
@pytest.mark.parametrize("form", ["directory", "plain"])
def test_a_dangerous_function_that_a_dump_runs_is_refused(
    server17: SandboxServer,
    new_database: NewDatabase,
    attempt: Try,
    target: Database,
    tmp_path: Path,
    check: str,
    is_run: bool,
    form: str,
) -> None:
    mark = tmp_path / "mark"
    source = new_database(server17)
    source.sql(CALLED.format(mark=mark, check=check))
    source.sql("ALTER TABLE guarded DISABLE TRIGGER ALL; CREATE TABLE t (a int)")
    path = tmp_path / "dump"
    source.dumped(path, f"--format={form}")
    plan, error = attempt(path)
    assert bool(plan.blocking) == bool(error) == is_run
    told = "\n".join(one.detail for one in plan.findings)
    assert "defines code that, when it runs, runs a program on the server" in told
    assert ("runs leak, which runs a program on the server" in told) == is_run
    assert not mark.exists()


@pytest.mark.parametrize("name", ["../secret.dat", "/etc/passwd", "sub/../../secret.dat"])
def test_a_data_file_outside_the_archive_is_not_read(
    attempt: Try, archive: Path, target: Database, tmp_path: Path, name: str
) -> None:
    (tmp_path / "secret.dat").write_bytes(b"1\tsecret\tx\n\\.\n")
    forge(archive, "TABLE DATA", lambda one: replace(one, filename=name))
    try:
        _, error = attempt(archive)
    except AppError as refused:
        error = refused
    assert error is not None
    assert error.code in (ErrorCode.UNSAFE_PATH, ErrorCode.ARCHIVE_DAMAGED, ErrorCode.CANNOT_RESTORE)
    assert is_empty(target)


@pytest.mark.parametrize(
    "script",
    [
        "\\! touch {mark}\n",
        "CREATE TABLE t (a int);\n\\! touch {mark}\nSELECT 1;\n",
        "SELECT 1 \\! touch {mark}\n;\n",
        "SELECT 1; \\! touch {mark}\n",
        "SELECT (1 \\! touch {mark}\n);\n",
        "CREATE TABLE t (a text);\nCOPY t FROM stdin;\nx\n\\.\n\\! touch {mark}\n",
        "CREATE TABLE t (a text);\nCOPY t FROM stdin;\nx\n\\.\n   \\! touch {mark}\n",
        "/* comment */ \\! touch {mark}\n",
        "\\restrict x\n\\unrestrict x\n\\! touch {mark}\n",
        "\\restrict x \\! touch {mark}\n",
        "SELECT 'a' \\g | touch {mark}\n",
        "\\o | touch {mark}\nSELECT 1;\n",
        "\\copy t from program 'touch {mark}'\n",
        "SELECT $$touch {mark}$$ \\gexec\n",
        "\\i {mark}\n",
        "\\connect host=evil\n",
        "SET standard_conforming_strings = off;\nSELECT 'a\\'';\n\\! touch {mark}\n",
    ],
)
def test_a_meta_command_is_refused_wherever_it_stands(
    attempt: Try, target: Database, tmp_path: Path, script: str
) -> None:
    mark = tmp_path / "mark"
    path = tmp_path / "hostile.sql"
    path.write_text("CREATE TABLE first (a int);\n" + script.format(mark=mark))
    try:
        plan, error = attempt(path, server_access=True)
        assert "hostile.sql has commands that are never run" in [one.title for one in plan.blocking]
    except AppError as refused:
        error = refused
    assert error is not None
    assert is_empty(target)
    assert not mark.exists()


def test_backslashes_in_texts_and_rows_are_no_commands(
    attempt: Try, target: Database, tmp_path: Path
) -> None:
    path = tmp_path / "harmless.sql"
    path.write_text(
        "CREATE TABLE t (a text);\nINSERT INTO t VALUES ('\\! ls'), (E'\\\\! ls'), ($$\\! ls$$);\n"
        "-- \\! ls\n/* \\! ls */\nCOPY t FROM stdin;\n\\\\! ls\n\\.\n"
    )
    plan, error = attempt(path)
    assert (plan.blocking, error) == ((), None)
    assert target.sql("SELECT DISTINCT a, count(*) FROM t GROUP BY a") == [("\\! ls", 4)]


def test_a_script_that_is_cut_short_is_refused(
    attempt: Try, server17: SandboxServer, new_shop: NewDatabase, target: Database, tmp_path: Path
) -> None:
    source = new_shop(server17)
    path = tmp_path / "whole.sql"
    source.dumped(path)
    text = path.read_bytes()
    for cut in (text.index(b"-- Name: per_city"), text.index(b"COPY public.customers") + 500):
        short = tmp_path / "short.sql"
        short.write_bytes(text[:cut])
        try:
            plan, error = attempt(short)
            assert "short.sql is cut short" in [one.title for one in plan.blocking]
        except AppError as damaged:
            error = damaged
        assert error is not None
        assert is_empty(target)


def test_plans_can_be_printed_as_json(attempt: Try, archive: Path) -> None:
    import msgspec

    plan, _ = attempt(archive)
    assert json.loads(msgspec.json.encode(plan))["mode"] == "one-transaction"


@pytest.fixture
def insert_archive(server17: SandboxServer, new_shop: NewDatabase, tmp_path: Path) -> Path:
    """A directory archive whose rows are INSERTs, which pg_restore runs as they are."""
    options = ("--format=directory", "--compress=none", "--inserts")
    return new_shop(server17).dumped(tmp_path / "inserts", *options)


def data_file(archive: Path) -> Path:
    return max(archive.glob("*.dat"), key=lambda path: (path.name != "toc.dat", path.stat().st_size))


def test_rows_that_are_inserts_are_restored(insert_archive: Path, attempt: Try, target: Database) -> None:
    plan, error = attempt(insert_archive)
    assert (plan.blocking, error) == ((), None)
    assert target.sql("SELECT count(*) FROM orders") == [(3000,)]


@pytest.mark.parametrize(
    "more",
    [
        "COPY (SELECT 1) TO '{marker}';\n",
        "COMMIT; DROP TABLE precious;\n",
        "DELETE FROM precious;\n",
        "INSERT INTO public.customers VALUES (9999, pg_read_file('/etc/hostname'), '');\n",
    ],
)
def test_rows_that_do_more_than_insert_are_refused(
    insert_archive: Path, attempt: Try, target: Database, tmp_path: Path, more: str
) -> None:
    target.sql("CREATE TABLE precious (a int); INSERT INTO precious VALUES (1)")
    marker = tmp_path / "marker"
    path = data_file(insert_archive)
    path.write_text(path.read_text() + more.format(marker=marker))
    plan, error = attempt(insert_archive, safety_backup=False)
    assert plan.blocking
    assert error is not None
    assert not marker.exists()
    assert target.sql("SELECT a FROM precious") == [(1,)]


def test_an_archive_that_links_to_a_file_of_this_computer_is_refused(
    insert_archive: Path, attempt: Try, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("INSERT INTO public.customers VALUES (1, 'x', 'y');\n")
    path = data_file(insert_archive)
    path.unlink()
    path.symlink_to(secret)
    plan, error = attempt(insert_archive)
    assert any("link" in finding.title for finding in plan.blocking)
    assert error is not None


@pytest.mark.parametrize("more", ["COMMIT;", "DROP TABLE precious;", "BEGIN; SELECT 1; END;"])
def test_a_definition_that_does_more_than_create_is_refused(
    archive: Path, attempt: Try, tmp_path: Path, more: str
) -> None:
    found = read_archive(archive)
    entries = [
        replace(entry, definition=f"{entry.definition}\n{more}\n") if entry.kind == "TABLE" else entry
        for entry in found.entries
    ]
    write_directory_toc(found, entries, archive)
    plan, error = attempt(archive)
    assert plan.blocking
    assert error is not None


def test_a_script_that_undoes_what_it_does_is_refused_where_others_rows_are(
    attempt: Try, tmp_path: Path
) -> None:
    script = tmp_path / "x.sql"
    script.write_text("CREATE TABLE t (a int);\nBEGIN;\nDELETE FROM t;\nROLLBACK;\n")
    for jobs in (None, 2):
        plan, error = attempt(script, jobs=jobs)
        assert plan.blocking, jobs
        assert error is not None
