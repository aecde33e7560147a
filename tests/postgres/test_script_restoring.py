"""Feeding a script to psql: errors by entry, one transaction, and no way out of the server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.domain.errors import AppError, Cancelled
from app.postgres.connection import Connection
from app.postgres.sandbox import SandboxServer
from app.postgres.script_archive import ScriptItem, script_items
from app.postgres.script_restoring import restore_script
from app.system.cancellation import CancelToken

if TYPE_CHECKING:
    from tests.conftest import Database, NewDatabase


def header(name: str, kind: str) -> str:
    return f"--\n-- Name: {name}; Type: {kind}; Schema: public; Owner: me\n--\n\n"


def restore(
    database: Database, path: Path, *, cancel: CancelToken | None = None, leave_out: int = 0
) -> dict[int, str]:
    connection = Connection(database.conninfo, database.server.password, inherits=False)

    def edit(dump_id: int, statement: bytes) -> bytes | None:
        return None if dump_id == leave_out else statement

    return restore_script(
        database.server.installation,
        script_items(path),
        connection,
        "UTF8",
        edit,
        cancel=cancel or CancelToken(),
    )


@pytest.fixture
def database(new_database: NewDatabase, server17: SandboxServer) -> Database:
    return new_database(server17)


def test_each_error_is_told_of_its_own_entry_and_the_rest_is_restored(
    database: Database, tmp_path: Path
) -> None:
    script = tmp_path / "x.sql"
    script.write_text(
        header("a", "TABLE") + "CREATE TABLE public.a (\n    i integer\n);\n\n"
        + header("b", "TABLE") + "CREATE TABLE public.b (\n    i nonsense\n);\n\n"
        + header("a", "TABLE DATA") + "COPY public.a (i) FROM stdin;\n1\n2\n\\.\n\n"
        + header("c", "TABLE") + "CREATE TABLE public.c (i integer CHECK (i < 2));\n\n"
        + header("c", "TABLE DATA") + "COPY public.c (i) FROM stdin;\n1\n2\n\\.\n\n"
        + header("v", "VIEW") + "CREATE VIEW public.v AS\n SELECT i FROM public.a;\n"
    )  # fmt: skip

    errors = restore(database, script)

    assert set(errors) == {2, 5}
    assert 'type "nonsense" does not exist' in errors[2]
    assert "violates check constraint" in errors[5]
    assert database.sql("SELECT sum(i) FROM public.v") == [(3,)]
    assert database.sql("SELECT count(*) FROM public.c") == [(0,)]


def test_an_entry_that_is_left_out_is_not_run(database: Database, tmp_path: Path) -> None:
    script = tmp_path / "x.sql"
    script.write_text(
        header("a", "TABLE")
        + "CREATE TABLE a (i int);\n"
        + header("b", "TABLE")
        + "CREATE TABLE b (i int);\n"
    )

    assert restore(database, script, leave_out=1) == {}

    assert database.sql("SELECT to_regclass('a'), to_regclass('b')::text") == [(None, "b")]


@pytest.mark.parametrize(
    "command",
    [
        "\\! touch {marker}",
        "\\o {marker}",
        "\\copy (SELECT 1) TO '{marker}'",
        "SELECT 1 \\g {marker}",
        "SELECT 'CREATE TABLE made()' \\gexec",
        "\\connect postgres",
        "\\i {marker}",
        "\\unrestrict x\n\\! touch {marker}",
    ],
)
def test_a_hostile_script_reaches_neither_a_program_nor_a_file(
    database: Database, tmp_path: Path, command: str
) -> None:
    marker = tmp_path / "marker"
    script = tmp_path / "x.sql"
    script.write_text(
        header("f", "FUNCTION")
        + "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$ SELECT 'x' $$;\n"
        + command.format(marker=marker)
        + "\n;\n"
    )
    try:
        restore(database, script)
    except AppError:
        pass  # psql's refusal is as good
    assert not marker.exists()
    assert database.sql("SELECT to_regclass('made')") == [(None,)]


def test_rows_keep_their_order(database: Database, tmp_path: Path) -> None:
    script = tmp_path / "x.sql"
    rows = "".join(f"{i}\t{'x' * (i * 37 % 4000)}\n" for i in range(2000))
    script.write_text(
        header("t", "TABLE") + "CREATE TABLE t (i int, x text);\n"
        + header("t", "TABLE DATA") + f"COPY t (i, x) FROM stdin;\n{rows}\\.\n"
    )  # fmt: skip
    assert restore(database, script) == {}
    with (
        database.connect() as session,
        session.cursor() as cursor,
        cursor.copy("COPY t (i) TO STDOUT") as copy,
    ):
        found = b"".join(bytes(block) for block in copy)
    assert found == "".join(f"{i}\n" for i in range(2000)).encode()


def test_cancelling_ends_psql(database: Database) -> None:
    token = CancelToken()

    def items() -> Iterator[ScriptItem]:
        token.cancel()
        yield from ()

    connection = Connection(database.conninfo, database.server.password, inherits=False)
    with pytest.raises(Cancelled):
        restore_script(
            database.server.installation, items(), connection, "UTF8", lambda _, text: text, cancel=token
        )
