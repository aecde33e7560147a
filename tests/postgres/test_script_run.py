"""Running scripts of any origin: all or nothing, or all that works, and never anything else."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.errors import AppError, Cancelled, ErrorCode
from app.postgres.cluster_script import script_items
from app.postgres.connection import Connection
from app.postgres.sandbox import SandboxServer
from app.postgres.script_outline import outline_script
from app.postgres.script_run import ScriptRun, run_script
from app.postgres.unknown_settings import unknown_setting
from app.system.cancellation import CancelToken
from app.system.process import run

if TYPE_CHECKING:
    from tests.conftest import Database, NewDatabase


def restore(
    database: Database,
    script: str | bytes,
    *,
    one_transaction: bool = True,
    goes_on: bool = False,
    edit: Callable[[int, bytes], bytes | None] = lambda _, text: text,
    on_item: Callable[[int, int], None] = lambda _bytes, _dump_id: None,
    cancel: CancelToken | None = None,
    encoding: str = "UTF8",
    size: int = 50_000,
) -> ScriptRun:
    raw = script.encode() if isinstance(script, str) else script
    return run_script(
        script_items(raw[at : at + size] for at in range(0, len(raw), size)),
        Connection(database.conninfo, database.server.password, inherits=False),
        encoding,
        edit,
        one_transaction=one_transaction,
        goes_on=goes_on,
        on_item=on_item,
        cancel=cancel or CancelToken(),
    )


def dump(database: Database, *options: str) -> bytes:
    server = database.server
    command: list[str | Path] = [server.installation.program("pg_dump"), *options, "-d", database.conninfo]
    done = run(command, env=server.environment(), timeout=60)
    assert done.status == 0, done.errors
    return done.output.encode()


def without_keys(script: bytes) -> bytes:
    return re.sub(rb"(?m)^\\(un)?restrict .*$", b"", script)


@pytest.fixture
def database(new_database: NewDatabase, server17: SandboxServer) -> Database:
    return new_database(server17)


@pytest.mark.parametrize("options", [(), ("--inserts",), ("--create",), ("--clean", "--if-exists")])
def test_a_dump_comes_back_whole(
    each_server: SandboxServer, new_shop: NewDatabase, new_database: NewDatabase, options: tuple[str, ...]
) -> None:
    source, target = new_shop(each_server), new_database(each_server)

    done = restore(target, dump(source, *options))

    assert done.errors == ()
    assert without_keys(dump(target)) == without_keys(dump(source))
    if "--create" in options:
        assert target.sql(f"SELECT count(*) FROM pg_database WHERE datname = '{source.name}'") == [(1,)]


def test_the_first_error_undoes_everything_and_is_named(database: Database) -> None:
    with pytest.raises(AppError) as failure:
        restore(
            database,
            "CREATE TABLE a (i int);\nCOPY a FROM stdin;\n1\nx\n\\.\nCREATE TABLE b (i int);\n",
        )
    assert failure.value.code is ErrorCode.RESTORE_FAILED
    assert "line 2" in failure.value.title
    assert "COPY a FROM stdin;" in failure.value.detail
    assert 'invalid input syntax for type integer: "…" · COPY a, line 2, column i' in failure.value.detail
    assert "COPY a, line 2, column i" in failure.value.detail
    assert database.sql("SELECT to_regclass('a')") == [(None,)]


def test_the_line_of_an_error_is_that_of_the_script(database: Database) -> None:
    script = "-- x\n\nCREATE TABLE a (i int);\nCOPY a FROM stdin;\n" + "1\n" * 100_000 + "\\.\n\nSELEC 1;\n"
    with pytest.raises(AppError, match="line 100007") as failure:
        restore(database, script)
    assert "SELEC 1;" in failure.value.detail


@pytest.mark.parametrize("one_transaction", [True, False])
def test_errors_are_collected_by_entry_and_the_rest_is_there(
    database: Database, one_transaction: bool
) -> None:
    done = restore(
        database,
        "BEGIN;\nCREATE TABLE a (i int);\nCREATE TABLE b (i nonsense);\nCOPY b FROM stdin;\n1\n\\.\n"
        "INSERT INTO a VALUES (1);\nINSERT INTO a VALUES ('x');\nINSERT INTO a VALUES ('y');\nCOMMIT;\n",
        one_transaction=one_transaction,
        goes_on=True,
    )
    assert [(e.line, e.dump_id, e.sqlstate, e.more) for e in done.errors] == [
        (3, 2, "42704", 0),
        (4, 3, "42P01", 0),
        (8, 4, "22P02", 1),
    ]
    assert database.sql("SELECT i FROM a") == [(1,)]


def test_rows_of_a_table_that_is_not_there_are_never_taken_for_statements(database: Database) -> None:
    done = restore(
        database,
        "CREATE TABLE a (i int);\nCOPY missing FROM stdin;\n1;\nDROP TABLE a;\nCREATE TABLE made ();\n\\.\n",
        one_transaction=False,
        goes_on=True,
    )
    assert len(done.errors) == 1
    assert database.sql("SELECT to_regclass('a')::text, to_regclass('made')") == [("a", None)]


def test_statements_are_edited_and_left_out(database: Database) -> None:
    def edit(dump_id: int, text: bytes) -> bytes | None:
        return None if dump_id == 2 else text.replace(b"one", b"two")

    restore(database, "CREATE TABLE one ();\nCREATE TABLE left_out ();\n", edit=edit)
    assert database.sql("SELECT to_regclass('two')::text, to_regclass('left_out')") == [("two", None)]


def test_progress_tells_bytes_and_the_entry_in_work(database: Database) -> None:
    seen: list[tuple[int, int]] = []
    restore(
        database,
        b"CREATE TABLE a (t text);\nCOPY a FROM stdin;\n" + b"x\n" * 200_000 + b"\\.\n",
        on_item=lambda size, dump_id: seen.append((size, dump_id)),
    )
    assert [size for size, _ in seen] == sorted(size for size, _ in seen)
    assert {dump_id for _, dump_id in seen} == {1, 2}
    assert len(seen) > 8
    assert seen[-1][0] > 400_000


COMMANDS = (
    "\\! touch {marker}",
    "\\o {marker}",
    "\\copy (SELECT 1) TO '{marker}'",
    "SELECT 1 \\g {marker}",
    "SELECT 1 \\g |touch {marker}",
    "SELECT 'CREATE TABLE made ()' \\gexec",
    "SELECT 1 \\gset",
    "SELECT 1 \\watch 1",
    "\\connect 'host=elsewhere dbname=x'",
    "\\connect x elsewhere",
    "\\i {marker}",
    "\\ir {marker}",
    "\\set x `touch {marker}`",
    "\\getenv x HOME",
    "\\restrict x \\! touch {marker}",
    "\\connect `touch {marker}`",
    "\\unrestrict x\n\\! touch {marker}",
    "\\echo `touch {marker}`",
    "SELECT 1; \\! touch {marker}",
    "\\encoding UTF8 \\! touch {marker}",
    "\\lo_import {marker}",
    "\\q",
)


@pytest.mark.parametrize("goes_on", [False, True])
@pytest.mark.parametrize("command", COMMANDS)
def test_no_meta_command_is_carried_out(
    database: Database, tmp_path: Path, command: str, goes_on: bool
) -> None:
    marker = tmp_path / "marker"
    script = "CREATE TABLE a ();\n" + command.format(marker=marker) + "\n;\n"
    with pytest.raises(AppError) as failure:
        restore(database, script, goes_on=goes_on)
    assert failure.value.code is ErrorCode.UNSAFE_SCRIPT
    assert not marker.exists()
    assert database.sql("SELECT to_regclass('made')") == [(None,)]
    assert any(danger.is_always_refused for danger in outline_script([script.encode()]).dangers)


def test_variables_and_backquotes_stay_as_they_are(database: Database) -> None:
    restore(
        database,
        "CREATE TABLE a (t text[]);\nINSERT INTO a VALUES (ARRAY['`id`', ':USER', ':''USER''']);\n"
        "INSERT INTO a SELECT (ARRAY['a', 'b'])[1:2];\n",
    )
    assert database.sql("SELECT t FROM a") == [(["`id`", ":USER", ":'USER'"],), (["a", "b"],)]
    with pytest.raises(AppError, match="syntax error"):
        restore(database, "INSERT INTO a VALUES (ARRAY[:'USER']);\n")


@pytest.mark.parametrize(
    "trick",
    [
        "SELECT set_config('standard_conforming_strings', 'off', false);",
        "DO $$ BEGIN EXECUTE 'SET standard_' || 'conforming_strings = off'; END $$;",
        "SET /**/ standard_conforming_strings = off;",
    ],
)
def test_a_script_cannot_change_how_it_is_read(database: Database, trick: str) -> None:
    with pytest.raises(AppError) as failure:
        restore(database, f"{trick}\nSELECT 'a\\'; CREATE TABLE made (); --';\n", one_transaction=False)
    assert failure.value.code is ErrorCode.UNSAFE_SCRIPT
    assert database.sql("SELECT to_regclass('made')") == [(None,)]


def test_old_scripts_with_backslashes_in_quotes_are_read_as_they_say(database: Database) -> None:
    restore(
        database,
        "SET standard_conforming_strings = off;\nSET escape_string_warning = off;\nCREATE TABLE a (t text);\n"
        "INSERT INTO a VALUES ('it\\'s; \\\\');\n",
    )
    assert database.sql("SELECT t FROM a") == [("it's; \\",)]


@pytest.mark.parametrize(
    "statement", ["ROLLBACK", "abort", "PREPARE TRANSACTION 'x'", "rollback prepared 'x'"]
)
def test_what_would_undo_the_one_transaction_is_refused(database: Database, statement: str) -> None:
    with pytest.raises(AppError) as failure:
        restore(database, f"CREATE TABLE a ();\n{statement};\n")
    assert failure.value.code is ErrorCode.CANNOT_RESTORE


def test_transactions_of_the_script_are_left_out_of_ours(database: Database) -> None:
    with pytest.raises(AppError):
        restore(database, "BEGIN;\nCREATE TABLE a ();\nCOMMIT;\nEND;\nSTART TRANSACTION;\nSELEC;\n")
    assert database.sql("SELECT to_regclass('a')") == [(None,)]
    restore(database, "BEGIN;\nCREATE TABLE a ();\nSAVEPOINT s; ROLLBACK TO s; RELEASE s;\nCOMMIT;\n")
    assert database.sql("SELECT to_regclass('a')::text") == [("a",)]


@pytest.mark.parametrize("script", ["LOCK TABLE held;\n", "COPY held FROM stdin;\n1\n\\.\n"])
def test_cancelling_ends_a_wait_for_a_lock_and_the_servers_session(database: Database, script: str) -> None:
    database.sql("CREATE TABLE held (i int)")
    token = CancelToken()
    with database.connect() as other, other.transaction():
        other.execute("LOCK TABLE held")

        def cancel_when_it_waits() -> None:
            with database.connect() as watcher:
                while not watcher.execute(
                    "SELECT FROM pg_locks WHERE NOT granted AND relation = 'held'::regclass"
                ).fetchall():
                    time.sleep(0.01)
            token.cancel()

        canceller = threading.Thread(target=cancel_when_it_waits)
        canceller.start()
        with pytest.raises(Cancelled):
            restore(database, script, cancel=token)
        cancelled = time.monotonic()
        canceller.join()
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        while database.sql(waiting) != [(0,)]:
            assert time.monotonic() - cancelled < 1
            time.sleep(0.01)


def test_cancelling_in_the_middle_of_rows_leaves_nothing(database: Database) -> None:
    token = CancelToken()

    def blocks() -> Iterator[bytes]:
        yield b"CREATE TABLE a (t text);\nCOPY a FROM stdin;\n"
        while True:
            yield b"x\n" * 10_000

    def cancel_late(size: int, _: int) -> None:
        if size > 1_000_000:
            token.cancel()

    with pytest.raises(Cancelled):
        run_script(
            script_items(blocks()),
            Connection(database.conninfo, database.server.password, inherits=False),
            "UTF8",
            one_transaction=True,
            on_item=cancel_late,
            cancel=token,
        )
    assert database.sql("SELECT to_regclass('a')") == [(None,)]


def test_a_server_session_that_is_ended_is_a_lost_connection(database: Database) -> None:
    with pytest.raises(AppError) as failure:
        restore(database, "SELECT pg_terminate_backend(pg_backend_pid());\nSELECT 1;\n")
    assert failure.value.code is ErrorCode.CONNECTION_LOST


def test_another_encoding_and_windows_line_ends_come_through(database: Database) -> None:
    script = (
        "SET client_encoding = 'LATIN1';\nCREATE TABLE größe (t text);\nINSERT INTO größe VALUES ('é');\n"
    )
    script += "COPY größe FROM stdin;\nü\n\\.\n"
    restore(database, script.replace("\n", "\r\n").encode("latin-1"), encoding="LATIN1")
    assert sorted(database.sql("SELECT t FROM größe")) == [("é",), ("ü",)]


_name = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=15).filter(
    lambda text: len(text.encode()) < 64
)
_value = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30) | st.text(
    "'\"\\$;-/*()\n\r:`ab.", max_size=20
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_name, _name, st.lists(_value, min_size=1, max_size=4), st.integers(1, 60))
def test_any_name_and_any_text_come_back(
    database: Database, table: str, column: str, values: list[str], size: int
) -> None:
    def quoted(name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    escapes = {92: "\\\\", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r"}
    comment = f"/* {quoted(column)[1:-1].replace('*', '')} */"
    if "/" in column:
        comment = f"-- {' '.join(quoted(column)[1:-1].split())}"
    script = f"DROP SCHEMA IF EXISTS s CASCADE;\nCREATE SCHEMA s;\n{comment}\n"
    script += f"CREATE TABLE s.{quoted(table)} ({quoted(column)} text);\n"
    for value in values:
        literal = value.replace("'", "''")
        escaped = re.sub(r"(['\\])", r"\\\1", value)
        script += f"INSERT INTO s.{quoted(table)} VALUES ('{literal}'), (E'{escaped}');\n"
        if "$q$" not in value + "$q":
            script += f"INSERT INTO s.{quoted(table)} ({quoted(column)}) SELECT $q${value}$q$;\n"
    script += f"COPY s.{quoted(table)} FROM stdin;\n"
    script += "".join(value.translate(escapes) + "\n" for value in values) + "\\.\n"
    raw = script.encode()
    outline = outline_script(raw[at : at + size] for at in range(0, len(raw), size))

    restore(database, raw, size=size)

    rows = database.sql(f"SELECT * FROM s.{quoted(table)}")
    expected = [value for value in values for _ in range(3 if "$q$" not in value + "$q" else 2)] + values
    assert sorted(row[0] for row in rows) == sorted(expected)
    (data,) = (entry for entry in outline.entries if entry.kind == "TABLE DATA")
    assert (data.schema, data.tag) == ("s", table)


@pytest.mark.parametrize(
    ("statement", "major", "unknown"),
    [
        (b"SET transaction_timeout = 0;", 16, "transaction_timeout"),
        (b"SET transaction_timeout = 0;", 17, ""),
        (b"SET default_table_access_method = heap;", 11, "default_table_access_method"),
        (b"SET default_table_access_method = heap;", 12, ""),
        (
            b"set session idle_in_transaction_session_timeout to 0;",
            9.5,
            "idle_in_transaction_session_timeout",
        ),
        (b"SET row_security = off;", 9.4, "row_security"),
        (b"SET default_with_oids = false;", 15, "default_with_oids"),
        (b"SELECT pg_catalog.set_config('transaction_timeout', '0', false);", 15, "transaction_timeout"),
        (b"SET search_path = x;", 15, ""),
        (b"CREATE TABLE transaction_timeout ();", 15, ""),
    ],
)
def test_settings_that_a_server_does_not_know_are_named(statement: bytes, major: float, unknown: str) -> None:
    assert unknown_setting(statement, major) == unknown


@pytest.mark.parametrize("place", [0, 1, 199, 200, 201, 450])
def test_a_refused_insert_among_many_is_named_by_its_line(database: Database, place: int) -> None:
    rows = [f"INSERT INTO a VALUES ({number});\n" for number in range(500)]
    rows[place] = "INSERT INTO a VALUES ('x');\n"
    with pytest.raises(AppError, match=f"line {place + 2} of") as failure:
        restore(database, "CREATE TABLE a (i int);\n" + "".join(rows))
    assert failure.value.code is ErrorCode.RESTORE_FAILED
    assert failure.value.detail == 'invalid input syntax for type integer: "…" · INSERT INTO a VALUES …'
    assert database.sql("SELECT to_regclass('a')") == [(None,)]


def test_many_inserts_of_any_size_come_in_order(database: Database) -> None:
    rows = "".join(
        f"INSERT INTO a (t) VALUES ('{'x' * (number * 997 % 5000)}') RETURNING i;\n" for number in range(1000)
    )
    done = restore(
        database, f"CREATE TABLE a (i serial, t text);\n{rows}ALTER TABLE a ADD PRIMARY KEY (i);\n{rows}"
    )
    assert done.statements == 2002
    assert database.sql("SELECT count(*), bool_and(length(t) = (i - 1) % 1000 * 997 % 5000) FROM a") == [
        (2000, True)
    ]


def test_an_insert_that_waits_for_a_lock_is_cancelled(database: Database) -> None:
    database.sql("CREATE TABLE held (i int)")
    token = CancelToken()
    with database.connect() as other, other.transaction():
        other.execute("LOCK TABLE held")
        timer = threading.Timer(0.3, token.cancel)
        timer.start()
        started = time.monotonic()
        with pytest.raises(Cancelled):
            restore(database, "INSERT INTO held VALUES (1);\n" * 1000, cancel=token)
        assert time.monotonic() - started < 1.5
        timer.join()
