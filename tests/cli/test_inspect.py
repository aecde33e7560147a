"""`holdfast inspect` says what is in a dump, and never more than a terminal should get."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.postgres.sandbox import SandboxServer
from app.system.process import run

if TYPE_CHECKING:
    from tests.cli.conftest import Cli
    from tests.conftest import NewDatabase

SCRIPT = """--
-- PostgreSQL database dump
--
CREATE TABLE public.things (id integer, "two words" text);
ALTER TABLE public.things OWNER TO keeper;
CREATE INDEX things_idx ON public.things USING btree (id);
COPY public.things (id, "two words") FROM stdin;
1\t\\N
2\tNULL
3\tline\\none\x1b[31mred
4\t横浜
5\t"NULL"
6\t{long}
\\.
--
-- PostgreSQL database dump complete
--
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "things.sql"
    path.write_text(SCRIPT.format(long="x" * 500))
    return path


def test_what_talks_to_servers_is_not_even_loaded(script: Path) -> None:
    code = "import sys; from app.cli import run_command_line as r; r(sys.argv[1:]); print(*sys.modules)"
    done = run([sys.executable, "-c", code, "inspect", script], env=os.environ, timeout=20)
    loaded = done.output.split()
    assert "app.cli.inspect" in loaded
    assert "psycopg" not in loaded  # it takes longer to load than to look


def test_it_says_what_a_script_is(cli: Cli, script: Path) -> None:
    ran = cli("inspect", script)
    assert ran.status == 0
    assert "things.sql, plain SQL" in ran.output
    assert re.search(r"^Holds +1 INDEX, 1 TABLE, 1 TABLE DATA$", ran.output, re.MULTILINE)
    assert re.search(r"^Rows of +public\.things +6 rows, ", ran.output, re.MULTILINE)
    assert re.search(r"^Expects +roles keeper$", ran.output, re.MULTILINE)


def test_the_tree_is_indented(cli: Cli, script: Path) -> None:
    lines = cli("inspect", "--tree", script).output.splitlines()
    start = lines.index("schema public")
    assert lines[start + 1] == "  TABLE (1)"
    assert lines[start + 2].startswith("    things  6 rows, ")
    assert lines[start + 3] == "      index things_idx"


def test_rows_are_aligned_and_null_is_told_from_text(cli: Cli, script: Path) -> None:
    ran = cli("inspect", "--rows", "things", script)
    assert ran.output.splitlines() == [
        "public.things, 6 rows",
        "id | two words",
        "---+-" + "-" * 40,
        "1  | NULL",
        '2  | "NULL"',
        r"3  | line\none\x1b[31mred",
        "4  | 横浜",
        '5  | ""NULL""',
        "6  | " + "x" * 39 + "…",
    ]
    assert "\x1b" not in ran.output
    assert cli("inspect", "--rows", "things", "--limit", "1", script).output.count("\n") == 4


def test_rows_as_json_are_complete(cli: Cli, script: Path) -> None:
    (source,) = cli("inspect", "--json", "--rows", "public.things", script).json["sources"]
    assert source["rows"]["columns"] == ["id", "two words"]
    assert source["rows"]["rows"][0] == ["1", None]
    assert source["rows"]["rows"][2][1] == "line\none\x1b[31mred"
    assert len(source["rows"]["rows"][5][1]) == 500


def test_an_unknown_table_gives_near_ones(cli: Cli, script: Path) -> None:
    ran = cli("inspect", "--rows", "thing", script)
    assert ran.status == 2
    assert "Did you mean public.things?" in ran.errors


def test_json_has_everything(cli: Cli, script: Path) -> None:
    ran = cli("inspect", "--json", "--tree", script, script.parent / "nothing")
    assert ran.status == 1
    good, bad = ran.json["sources"]
    assert good["form"] == "plain SQL"
    assert good["tables"][0]["rows"] == 6
    assert good["roles"] == ["keeper"]
    assert good["tree"][0]["kinds"][0]["objects"][0]["parts"][0]["name"] == "things_idx"
    assert bad["error"]["code"] == "invalid-input"


def test_a_bad_source_is_named_and_the_others_are_shown(cli: Cli, script: Path, tmp_path: Path) -> None:
    photo = tmp_path / "photo.sql"
    photo.write_bytes(b"\xff\xd8\xff\xe0\0\x10JFIF")
    ran = cli("inspect", photo, script)
    assert ran.status == 1
    assert "photo.sql" in ran.errors
    assert "things.sql" in ran.output


def test_dangers_are_shown_by_line(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "a.sql"
    path.write_text("CREATE TABLE t (a int);\nCOPY t FROM PROGRAM 'id';\n")
    ran = cli("inspect", path)
    assert ran.status == 0
    assert "line 2" in ran.output
    (danger,) = cli("inspect", "--json", path).json["sources"][0]["dangers"]
    assert danger["file"] == "a.sql"
    assert danger["danger"]["line"] == 2


def test_files_that_belong_together_are_one_source(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "one.sql").write_text("COPY public.t (a) FROM stdin;\n1\n\\.\n")
    (tmp_path / "two.sql").write_text("CREATE TABLE public.t (a int);\n")
    ran = cli("inspect", tmp_path / "one.sql", tmp_path / "two.sql")
    assert "plain SQL in 2 files that belong together" in ran.output
    assert re.search(r"two\.sql: schema\n +one\.sql: data", ran.output)


def test_databases_of_a_whole_server_are_listed(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "all.sql"
    parts = (f"\\connect {name}\nCREATE TABLE {name}_t (a int);\n" for name in ("one", "two"))
    path.write_text("CREATE ROLE r;\n" + "".join(parts))
    output = cli("inspect", path).output
    assert re.search(r"^Databases +one, two$", output, re.MULTILINE)
    assert "--database NAME" in output
    assert "one_t" in cli("inspect", path, "--tree", "--database", "one").output


def test_a_script_that_is_cut_short_fails(cli: Cli, script: Path) -> None:
    script.write_text(script.read_text().removesuffix("--\n-- PostgreSQL database dump complete\n--\n"))
    ran = cli("inspect", script)
    assert ran.status == 1
    assert "cut short" in ran.output


def test_names_cannot_write_to_the_terminal(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "evil\x1b[2J.sql"
    path.write_text(
        'CREATE TABLE "t\x1b[31m" ("c\x1b[0m" int);\nCOPY "t\x1b[31m" ("c\x1b[0m") FROM stdin;\n1\n\\.\n'
    )
    for options in ([], ["--tree"], ["--rows", '"t\x1b[m"'], ["--rows", "x"]):
        ran = cli("inspect", *options, path)
        assert "\x1b" not in ran.output + ran.errors


def test_a_backup_is_shown_with_its_proof(
    cli: Cli, server17: SandboxServer, new_shop: NewDatabase, tmp_path: Path
) -> None:
    database = new_shop(server17)
    made = cli("backup", "--url", database.conninfo_with_password, "--to", tmp_path, "--json")
    assert made.status == 0, made.errors
    folder = made.json["folder"]
    ran = cli("inspect", folder)
    assert ran.status == 0
    assert re.search(r"^Proof +proven", ran.output, re.MULTILINE)
    assert re.search(r"public\.customers +500 rows, .* of text, .* packed", ran.output)
    (source,) = cli("inspect", "--json", Path(folder) / "manifest.json").json["sources"]
    assert source["form"] == "backup of Holdfast"
    assert source["backup"]["proof"]["level"] == "proven"
    assert source["database"] == database.name
    assert cli("inspect", "--rows", "crm.no_columns", folder).output.count("no columns") == 1


def test_rows_of_an_archive_that_is_cut_off_behind_them_are_shown(
    cli: Cli, server17: SandboxServer, new_shop: NewDatabase, tmp_path: Path
) -> None:
    database = new_shop(server17)
    path = tmp_path / "shop.dump"
    run(
        [server17.installation.program("pg_dump"), "-d", database.conninfo, "-Fc", "-f", path],
        env=server17.environment(),
        timeout=60,
    )
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 9 // 10])
    ran = cli("inspect", "--rows", "customers", path)
    assert ran.status == 0
    assert "Zoë 1 " in ran.output
