"""`holdfast restore` as a user meets it: what it says, what it asks, how it ends."""

from __future__ import annotations

import json
import math
import os
import pty
import re
import select
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.postgres.sandbox import SandboxServer
from app.system.process import Child

if TYPE_CHECKING:
    from tests.cli.conftest import Cli
    from tests.conftest import Database, NewDatabase

SLOW = """
CREATE FUNCTION allows(int) RETURNS bool LANGUAGE plpgsql AS 'BEGIN RETURN true; END';
CREATE TABLE other (a int CHECK (allows(a))); INSERT INTO other SELECT generate_series(1, 2000);
CREATE OR REPLACE FUNCTION allows(int) RETURNS bool LANGUAGE plpgsql
AS 'BEGIN PERFORM pg_sleep(0.02); RETURN true; END';
"""


@pytest.fixture
def target(server17: SandboxServer, new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch) -> Database:
    """An empty database, whose password the environment has."""
    database = new_database(server17)
    monkeypatch.setenv("PGPASSWORD", database.password)
    return database


@pytest.fixture
def shop(server17: SandboxServer, new_shop: NewDatabase, tmp_path: Path) -> Path:
    return new_shop(server17).dumped(tmp_path / "shop.dump", "--format=custom")


def tables(database: Database) -> set[str]:
    found = database.sql(
        "SELECT format('%s.%s', schemaname, tablename) FROM pg_tables WHERE schemaname !~ '^pg_|^inf'"
    )
    return {name for (name,) in found}


def test_an_empty_database_is_filled_and_the_rows_compared(cli: Cli, target: Database, shop: Path) -> None:
    ran = cli("restore", shop, "--into", target.conninfo)
    assert ran.status == 0, ran.errors
    lines = ran.output.splitlines()
    assert lines[0] == "Source    shop.dump, a custom archive"
    assert lines[1].startswith("Target    holdfast_sandbox@")
    assert re.search(r"^Result    succeeded in [\d.]+ s: \d+ objects restored$", ran.output, re.MULTILINE)
    assert re.search(r"^Rows      3,6\d\d in \d tables, compared with the source$", ran.output, re.MULTILINE)
    assert target.sql("SELECT count(*) FROM orders") == [(3000,)]
    assert [line for line in ran.errors.splitlines() if line] == [
        "Planning …",
        "Checking the files …",
        "Restoring …",
        "Counting rows …",
    ]


def test_a_plan_changes_nothing_and_says_all(cli: Cli, target: Database, shop: Path) -> None:
    ran = cli("restore", shop, "--into", target.conninfo, "--plan")
    assert ran.status == 0
    assert "Steps     1. Begin one transaction: if anything fails, the target stays as it is." in ran.output
    assert "create: TABLE public.orders" in ran.output
    assert "skip: DATABASE" in ran.output
    as_json = cli("restore", shop, "--into", target.conninfo, "--plan", "--json")
    assert as_json.json["plan"]["mode"] == "one-transaction"
    assert as_json.errors == ""
    assert tables(target) == set()


def test_json_is_one_object_with_plan_and_report(cli: Cli, target: Database, shop: Path) -> None:
    ran = cli("restore", shop, "--into", target.conninfo, "--json")
    assert ran.status == 0
    assert ran.errors == ""
    assert set(ran.json) == {"plan", "report"}
    assert ran.json["report"]["result"] == "succeeded"
    assert ran.json["report"]["failures"] == []
    again = cli("restore", shop, "--into", target.conninfo, "--json", "--yes", "--no-safety-backup")
    assert again.status == 1
    assert again.json["error"]["code"] == "cannot-restore"
    assert again.json["plan"]["findings"][0]["severity"] == "blocks"
    assert again.json["error"]["title"] == again.json["plan"]["findings"][0]["title"]


def test_what_is_in_the_way_blocks_with_status_1(cli: Cli, target: Database, shop: Path) -> None:
    target.sql("CREATE TABLE orders (mine int)")
    ran = cli("restore", shop, "--into", target.conninfo)
    assert ran.status == 1
    assert "Blocked   1 object of the target is in the way" in ran.output
    assert ran.output.splitlines()[-1] == "Result    nothing was changed"
    assert cli("restore", shop, "--into", target.conninfo, "--plan").status == 1
    assert tables(target) == {"public.orders"}
    cleaned = cli("restore", shop, "--into", target.conninfo, "--clean")
    assert cleaned.status == 0, cleaned.output
    assert target.sql("SELECT count(*) FROM orders") == [(3000,)]


def test_rows_that_differ_give_status_1(cli: Cli, target: Database, shop: Path) -> None:
    assert cli("restore", shop, "--into", target.conninfo, "--what", "schema").status == 0
    target.sql(
        "CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
        "CREATE TRIGGER t BEFORE INSERT ON orders FOR EACH ROW WHEN (NEW.id <= 10)"
        " EXECUTE FUNCTION swallow();"
        "ALTER TABLE orders ENABLE ALWAYS TRIGGER t"
    )
    ran = cli("restore", shop, "--into", target.conninfo, "--what", "data", "--jobs", "2")
    assert ran.status == 1
    assert "Result    incomplete" in ran.output
    assert "public.orders: 2,990 rows instead of 3,000" in ran.output
    assert "Target    All that did not fail is restored and stays." in ran.output


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--into", "host=x", "--sandbox"],
        ["--into", "host=x", "--project", "Shop"],
        ["--new-database", "copy"],
        ["--on", "host=x", "--sandbox"],
        ["--on", "host=x", "--into", "host=x"],
        ["--into", "not a connection"],
        ["--sandbox", "--what", "everything"],
        ["--sandbox", "--jobs", "0"],
    ],
)
def test_what_makes_no_sense_is_a_usage_error(cli: Cli, shop: Path, arguments: list[str]) -> None:
    ran = cli("restore", shop, *arguments, "--json")
    assert ran.status == 2
    assert ran.json["error"]["code"] == "invalid-input"


def test_a_table_that_the_source_lacks_is_a_usage_error(cli: Cli, target: Database, shop: Path) -> None:
    ran = cli("restore", shop, "--into", target.conninfo, "--only", "public.nothing")
    assert ran.status == 2
    assert "nothing" in ran.errors
    assert tables(target) == set()


def test_a_file_that_is_no_dump_is_named(cli: Cli, target: Database, tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(500))
    ran = cli("restore", tmp_path / "photo.png", "--into", target.conninfo)
    assert ran.status == 1
    assert "photo.png" in ran.errors
    assert "not a PostgreSQL dump" in ran.errors


def test_a_new_database_is_made_and_its_name_must_be_free(cli: Cli, target: Database, shop: Path) -> None:
    target.sql(f"DROP DATABASE IF EXISTS copy_of_{target.name}")
    arguments = ["--new-database", f"copy_of_{target.name}", "--on", target.conninfo]
    try:
        assert cli("restore", shop, *arguments).status == 0
        again = cli("restore", shop, *arguments)
        assert again.status == 1
        assert f"Blocked   There is a database copy_of_{target.name} already" in again.output
    finally:
        target.sql(f"DROP DATABASE copy_of_{target.name}")


def test_a_table_brings_what_it_needs(cli: Cli, target: Database, shop: Path) -> None:
    ran = cli("restore", shop, "--into", target.conninfo, "--only", "orders")
    assert ran.status == 0, ran.output
    assert tables(target) == {"public.orders"}
    assert target.sql("SELECT count(*) FROM orders") == [(3000,)]
    plan = cli("restore", shop, "--into", target.conninfo, "--only", "crm", "--plan")
    assert "crm.empty" in plan.output


@pytest.mark.parametrize(("what", "rows"), [("schema", 0), ("all", 3000)])
def test_definitions_alone_or_everything(
    cli: Cli, target: Database, shop: Path, what: str, rows: int
) -> None:
    assert cli("restore", shop, "--into", target.conninfo, "--what", what).status == 0
    assert target.sql("SELECT count(*) FROM orders") == [(rows,)]


def test_rows_alone_are_added_or_put_in_their_place(cli: Cli, target: Database, shop: Path) -> None:
    into = ["--into", target.conninfo, "--yes", "--no-safety-backup"]
    assert cli("restore", shop, *into, "--what", "schema").status == 0
    first = cli("restore", shop, *into, "--what", "data")
    assert first.status == 0
    assert re.search(r"s: the rows of \d+ tables, 3,601 rows restored", first.output)
    again = cli("restore", shop, *into, "--what", "data", "--only", "parts")
    assert again.status == 0, again.output
    assert target.sql("SELECT count(*) FROM parts") == [(200,)]
    cleaned = cli("restore", shop, *into, "--what", "data", "--clean", "--only", "parts")
    assert cleaned.status == 0, cleaned.output
    assert target.sql("SELECT count(*) FROM parts") == [(100,)]


def test_owners_and_privileges_can_be_left_out(
    cli: Cli, target: Database, server17: SandboxServer, new_database: NewDatabase, tmp_path: Path
) -> None:
    source = new_database(server17)
    role = f"owner_of_{source.name}"
    source.sql(f"CREATE ROLE {role}; CREATE TABLE t (a int); ALTER TABLE t OWNER TO {role}")
    source.sql(f"GRANT SELECT ON t TO {role}; GRANT SELECT ON t TO PUBLIC")
    try:
        dump = source.dumped(tmp_path / "owned.sql")
        look = (
            "SELECT tableowner, has_table_privilege('pg_monitor', 't', 'SELECT') FROM pg_tables "
            "WHERE tablename = 't'"
        )
        assert cli("restore", dump, "--into", target.conninfo).status == 0
        assert target.sql(look) == [(role, True)]
        target.sql("DROP TABLE t")
        assert cli("restore", dump, "--into", target.conninfo, "--no-owner", "--no-privileges").status == 0
        assert target.sql(look) == [(server17.superuser, False)]
    finally:
        for database in (source, target):
            database.sql(f"DROP OWNED BY {role}")
        source.sql(f"DROP ROLE {role}")


def test_a_sandbox_tries_it_and_keeps_nothing(cli: Cli, shop: Path) -> None:
    ran = cli("restore", shop, "--sandbox")
    assert ran.status == 0, ran.output
    assert "Result    succeeded" in ran.output


def test_without_a_terminal_rows_of_the_target_ask_for_yes(cli: Cli, target: Database, shop: Path) -> None:
    target.sql("CREATE TABLE mine AS SELECT 1 AS a")
    ran = cli("restore", shop, "--into", target.conninfo)
    assert ran.status == 2
    assert "holds rows" in ran.errors
    assert "--yes" in ran.errors
    assert tables(target) == {"public.mine"}
    confirmed = cli("restore", shop, "--into", target.conninfo, "--yes")
    assert confirmed.status == 0, confirmed.output + confirmed.errors
    folder = re.search(r"^Before    the target was backed up to (.+)$", confirmed.output, re.MULTILINE)
    assert folder
    assert Path(folder[1], "manifest.json").is_file()


def on_terminal(arguments: list[str | Path], answers: str, environment: dict[str, str]) -> tuple[int, str]:
    """Run the command line in a terminal of its own and type, when it asks; its status and all it wrote.

    Typed again each second, as a person would: Ctrl-C is lost on a program that is just about to read.
    """
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(
            sys.executable, [sys.executable, "-m", "app", *map(str, arguments)], os.environ | environment
        )
    text = ""
    deadline = time.monotonic() + 40
    typed = -math.inf
    while time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                data = os.read(terminal, 65536)
            except OSError:  # it has ended
                break
            if not data:
                break
            text += data.decode(errors="replace")
        if "to restore into it" in text and time.monotonic() > typed + 1:
            os.write(terminal, answers.encode())
            typed = time.monotonic()
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), text


@pytest.mark.parametrize("answer", ["right", "wrong", "interrupt"])
def test_on_a_terminal_the_name_is_typed(target: Database, shop: Path, answer: str) -> None:
    target.sql("CREATE TABLE mine AS SELECT 1 AS a")
    typed = {"right": f"{target.name}\n", "wrong": "yes\n", "interrupt": "\x03"}[answer]
    status, text = on_terminal(
        ["restore", shop, "--into", target.conninfo, "--no-safety-backup"], typed, {"TERM": "dumb"}
    )
    assert f"Type {target.name} to restore into it" in text
    assert status == (0 if answer == "right" else 130), text
    assert (tables(target) == {"public.mine"}) == (answer != "right")


def until(what: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_130_and_the_target_is_as_it_was(
    target: Database, server17: SandboxServer, new_database: NewDatabase, tmp_path: Path, kind: signal.Signals
) -> None:
    source = new_database(server17)
    source.sql(SLOW)
    dump = source.dumped(tmp_path / "slow.sql")
    command = [sys.executable, "-m", "app", "restore", str(dump), "--into", target.conninfo, "--json"]
    sessions = "SELECT query FROM pg_stat_activity WHERE application_name LIKE 'holdfast restore%'"
    with Child(command, env=os.environ, stdout=Child.PIPE) as child:
        until(lambda: any("COPY public.other" in query for (query,) in target.sql(sessions)))
        begun = time.monotonic()
        child.interrupt(kind)
        output = child.stdout.read()
        assert child.wait(10) == 130
        assert time.monotonic() - begun < 3
    report = json.loads(output)["report"]
    assert report["result"] == "cancelled"
    assert report["left"].startswith(f"The database {target.name} is as it was before")
    assert target.sql(sessions) == []
    assert tables(target) == set()
