"""What a script holds, whoever wrote it."""

from __future__ import annotations

import re
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.errors import AppError, ErrorCode
from app.postgres import script_entries
from app.postgres.cluster_script import script_items
from app.postgres.sandbox import SandboxServer
from app.postgres.script_archive import digest_script
from app.postgres.script_outline import ScriptOutline, outline_script
from app.system.process import child_environment, run

if TYPE_CHECKING:
    from tests.conftest import Database, NewDatabase


def outline(script: str | bytes, database: str = "", size: int = 10_000) -> ScriptOutline:
    raw = script.encode() if isinstance(script, str) else script
    return outline_script((raw[at : at + size] for at in range(0, len(raw), size)), database=database)


def objects(found: ScriptOutline) -> list[tuple[str, str, str]]:
    return [(entry.kind, entry.schema, entry.tag) for entry in found.entries]


def dump(database: Database, *options: str, program: str = "pg_dump") -> bytes:
    server = database.server
    command: list[str | Path] = [server.installation.program(program), *options, "-d", database.conninfo]
    done = run(command, env=server.environment(), timeout=60)
    assert done.status == 0, done.errors
    return done.output.encode()


@pytest.mark.parametrize("options", [(), ("--create",), ("--verbose",)])
def test_a_dump_has_the_entries_and_streams_that_its_headers_say(
    each_server: SandboxServer, new_shop: NewDatabase, options: tuple[str, ...]
) -> None:
    script = dump(new_shop(each_server), *options)
    expected = digest_script([script], "x")

    found = outline(script)

    ignored = {"DATABASE", "DATABASE PROPERTIES"}
    assert [(e.kind, e.schema, e.tag, e.owner, e.copy_statement) for e in found.entries] == [
        (e.kind, e.schema, e.tag, e.owner, e.copy_statement) for e in expected.entries
    ]
    by_name = {(e.kind, e.schema, e.tag): e for e in expected.entries}
    for entry in found.entries:
        if entry.kind not in ignored:
            assert entry.definition == by_name[entry.kind, entry.schema, entry.tag].definition or (
                entry.kind == "BLOBS"
            )
    assert set(found.streams.values()) == set(expected.streams.values())
    assert found.is_complete
    assert not found.is_cluster
    assert found.encoding == "UTF8"
    assert found.server_version.startswith(str(each_server.installation.version.major))
    assert found.roles == {entry.owner for entry in found.entries} - {""}


def test_a_dump_without_its_comments_has_the_same_objects(
    server17: SandboxServer, new_shop: NewDatabase
) -> None:
    script = dump(new_shop(server17))
    with_headers = outline(script)
    stripped = re.sub(rb"(?m)^--.*\n", b"", script)

    found = outline(stripped)

    def names(entries: ScriptOutline) -> set[tuple[str, str, str]]:
        left_out = {"BLOBS", "BLOB", "BLOB METADATA", "LARGE OBJECT"}
        return {one for one in objects(entries) if one[0] not in left_out}

    assert names(found) == names(with_headers)
    assert {(d.rows, d.sha256) for d in found.streams.values()} == {
        (d.rows, d.sha256) for d in with_headers.streams.values()
    }
    owners = {
        (e.kind, e.tag): e.owner for e in with_headers.entries if e.kind in ("TABLE", "VIEW", "FUNCTION")
    }
    assert owners == {
        (e.kind, e.tag): e.owner for e in found.entries if e.kind in ("TABLE", "VIEW", "FUNCTION")
    }


def test_rows_of_inserts_are_counted(server17: SandboxServer, new_shop: NewDatabase) -> None:
    database = new_shop(server17)
    copied = outline(dump(database))
    rows = {e.tag: copied.streams[e.dump_id].rows for e in copied.entries if e.dump_id in copied.streams}
    for options in (["--inserts"], ["--column-inserts", "--rows-per-insert=100"]):
        found = outline(dump(database, *options))
        counted = {e.tag: found.streams[e.dump_id].rows for e in found.entries if e.dump_id in found.streams}
        assert counted == {tag: number for tag, number in rows.items() if number}


def test_a_danger_among_many_inserts_is_noted_with_its_line() -> None:
    row = "INSERT INTO t VALUES ('jpg_');\n"
    found = outline(f"{row * 9}INSERT INTO t\nVALUES (pg_read_file('x'));\n{row * 9}")

    assert [(one.line, one.statement) for one in found.dangers] == [(10, "INSERT INTO t VALUES …")]
    assert [stream.rows for stream in found.streams.values()] == [19]
    assert found.statements == 19


def test_tables_with_odd_names_keep_their_own_rows() -> None:
    names = ["a$b", "a$c", "s . a", "s . b", 'U&"x"', 'U&"y"', "s/**/.c"]
    found = outline("".join(f"INSERT INTO {name} VALUES (1), (2);\n" * 2 for name in names))

    assert [one.tag for one in found.entries] == ["a$b", "a$c", "a", "b", "x", "y", "c"]
    assert [found.streams[one.dump_id].rows for one in found.entries[:2]] == [4, 4]


@pytest.mark.parametrize(
    ("statement", "kind", "schema", "tag"),
    [
        ("create unlogged table if not exists T (i int)", "TABLE", "public", "t"),
        ('CREATE TABLE "A ""b"".c"."d;" (i int)', "TABLE", 'A "b".c', "d;"),
        ("CREATE OR REPLACE VIEW s.v AS SELECT 1", "VIEW", "s", "v"),
        ("CREATE MATERIALIZED VIEW IF NOT EXISTS m AS SELECT 1", "MATERIALIZED VIEW", "public", "m"),
        ("CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON ONLY s.t (a)", "INDEX", "s", "i"),
        ("CREATE INDEX ON t (a)", "INDEX", "public", "t_index"),
        ("CREATE FUNCTION s.f(integer) RETURNS int RETURN 1", "FUNCTION", "s", "f(integer)"),
        ("CREATE PROCEDURE p() LANGUAGE sql AS ''", "PROCEDURE", "public", "p()"),
        ("CREATE TYPE s.e AS ENUM ('a')", "TYPE", "s", "e"),
        ("CREATE DOMAIN d AS int", "DOMAIN", "public", "d"),
        ("CREATE SEQUENCE s.q", "SEQUENCE", "s", "q"),
        ("CREATE SCHEMA IF NOT EXISTS s", "SCHEMA", "", "s"),
        ("CREATE SCHEMA AUTHORIZATION joe", "SCHEMA", "", "joe"),
        ('CREATE EXTENSION IF NOT EXISTS "uuid-ossp"', "EXTENSION", "", "uuid-ossp"),
        ("CREATE CONSTRAINT TRIGGER g AFTER INSERT ON s.t EXECUTE FUNCTION f()", "TRIGGER", "s", "t g"),
        ("CREATE POLICY p ON s.t TO anon USING (true)", "POLICY", "s", "t p"),
        ("CREATE RULE r AS ON INSERT TO s.t DO NOTHING", "RULE", "s", "t r"),
        ("CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION f()", "EVENT TRIGGER", "", "e"),
        ("CREATE TEXT SEARCH CONFIGURATION s.c (PARSER = p)", "TEXT SEARCH CONFIGURATION", "s", "c"),
        ("CREATE OPERATOR s.+++ (FUNCTION = f)", "OPERATOR", "s", "+++"),
        ("CREATE CAST (a AS b) WITHOUT FUNCTION", "CAST", "", "CAST (a as b)"),
        ("ALTER TABLE ONLY t ADD CONSTRAINT c PRIMARY KEY (a)", "CONSTRAINT", "public", "t c"),
        ("ALTER TABLE t ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES b", "FK CONSTRAINT", "public", "t c"),
        ("ALTER TABLE t ADD CONSTRAINT c CHECK (true)", "CHECK CONSTRAINT", "public", "t c"),
        ("ALTER TABLE t OWNER TO joe", "TABLE", "public", "t"),
        ("ALTER TABLE t ENABLE ROW LEVEL SECURITY", "ROW SECURITY", "public", "t"),
        ("ALTER TABLE t FORCE ROW LEVEL SECURITY", "ROW SECURITY", "public", "t"),
        ("ALTER TABLE ONLY t ALTER COLUMN a SET DEFAULT 1", "DEFAULT", "public", "t a"),
        ("ALTER TABLE ONLY p ATTACH PARTITION s.c FOR VALUES IN (1)", "TABLE ATTACH", "s", "c"),
        ("ALTER SEQUENCE s.q OWNED BY t.a", "SEQUENCE OWNED BY", "s", "q"),
        ("ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT ALL ON TABLES TO x", "DEFAULT ACL", "s",
         "DEFAULT PRIVILEGES FOR TABLES"),
        ("COMMENT ON TABLE s.t IS 'x'", "COMMENT", "s", "TABLE t"),
        ("COMMENT ON COLUMN s.t.a IS 'x'", "COMMENT", "s", "COLUMN t.a"),
        ("COMMENT ON SCHEMA s IS 'x'", "COMMENT", "", "SCHEMA s"),
        ("GRANT SELECT, INSERT(a) ON TABLE s.t TO joe", "ACL", "s", "TABLE t"),
        ("REVOKE ALL ON SCHEMA s FROM PUBLIC", "ACL", "", "SCHEMA s"),
        ("SELECT pg_catalog.setval('s.q', 1, true)", "SEQUENCE SET", "s", "q"),
        ("INSERT INTO s.t VALUES (1)", "TABLE DATA", "s", "t"),
        ("REFRESH MATERIALIZED VIEW s.m", "MATERIALIZED VIEW DATA", "s", "m"),
        ("CREATE USER joe", "ROLE", "", "joe"),
        ("ALTER ROLE joe SET a = 1", "ROLE", "", "joe"),
        ("GRANT a TO b", "ROLE MEMBERSHIP", "", "ROLE a"),
        ("DROP TABLE IF EXISTS s.t", "DROP TABLE", "s", "t"),
        ("DO $$ $$", "SQL", "", "DO"),
        ("create/* */table--\ns . t (a int)", "TABLE", "s", "t"),
    ],
)  # fmt: skip
def test_statements_without_headers_are_told_apart(statement: str, kind: str, schema: str, tag: str) -> None:
    assert objects(outline(f"{statement};\n")) == [(kind, schema, tag)]


def test_settings_and_transactions_are_no_objects() -> None:
    script = "BEGIN; SET a = 1; RESET ALL; SELECT pg_catalog.set_config('a', '', false); COMMIT;"
    assert outline(script).entries == ()


def test_a_search_path_says_where_names_belong() -> None:
    script = "CREATE TABLE a ();\nSET search_path = s, pg_catalog;\nCREATE TABLE a ();\n"
    script += "SET search_path TO 'S T';\nINSERT INTO a VALUES (1);\n"
    assert objects(outline(script)) == [
        ("TABLE", "public", "a"), ("TABLE", "s", "a"), ("TABLE DATA", "S T", "a")
    ]  # fmt: skip


def test_interleaved_rows_belong_to_their_tables() -> None:
    script = "INSERT INTO a VALUES (1);\nINSERT INTO b VALUES (1), (2);\n" * 3 + "INSERT INTO c SELECT 1;\n"
    found = outline(script)
    assert [(e.tag, found.streams[e.dump_id].rows) for e in found.entries[:2]] == [("a", 3), ("b", 6)]
    assert found.entries[2].dump_id not in found.streams


def test_roles_and_extensions_are_named() -> None:
    found = outline(
        "CREATE ROLE made;\nALTER TABLE t OWNER TO owner_1;\nGRANT ALL ON t TO made, PUBLIC, grantee;\n"
        "CREATE POLICY p ON t TO anon, CURRENT_USER USING (true);\nCREATE EXTENSION citext;\n"
        "ALTER DEFAULT PRIVILEGES FOR ROLE giver GRANT ALL ON TABLES TO taker;\n"
    )
    assert found.roles == {"owner_1", "grantee", "anon", "giver", "taker"}
    assert found.created_roles == {"made"}
    assert found.extensions == {"citext"}


def test_what_cannot_run_in_a_transaction_is_listed() -> None:
    found = outline(
        "CREATE INDEX CONCURRENTLY i ON t (a);\nCREATE INDEX j ON t (a);\nVACUUM t;\nROLLBACK;\n"
        "ROLLBACK TO s;\nALTER SYSTEM SET a = 1;\nREINDEX TABLE CONCURRENTLY t;\n"
    )
    assert [note.line for note in found.not_in_transaction] == [1, 3, 4, 6, 7]


@pytest.mark.parametrize("cut", [1, 20])
def test_a_dump_that_ends_early_is_not_complete(
    server17: SandboxServer, new_shop: NewDatabase, cut: int
) -> None:
    script = dump(new_shop(server17))
    end = script.index(b"-- PostgreSQL database dump complete")
    assert not outline(script[: end - 3]).is_complete
    with pytest.raises(AppError) as failure:
        outline(script[: script.index(b"\\.\n") - cut])
    assert failure.value.code is ErrorCode.ARCHIVE_DAMAGED


def test_numbers_agree_with_the_items_to_run(server17: SandboxServer, new_shop: NewDatabase) -> None:
    script = dump(new_shop(server17), "--create", "--inserts")
    found = outline(script)
    numbers = {item.dump_id for item in script_items([script], found.parts)}
    assert numbers - {0} == {entry.dump_id for entry in found.entries}


def test_too_many_objects_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script_entries, "MOST_ENTRIES", 10)
    with pytest.raises(AppError, match="too many objects"):
        outline("".join(f"CREATE TABLE t{number} ();\n" for number in range(11)))


def test_large_scripts_take_little_memory() -> None:
    def blocks() -> Iterator[bytes]:
        yield b"CREATE FUNCTION f() RETURNS text AS '" + b"x" * 1_000_000 + b"' LANGUAGE sql;\n"
        yield b"COPY t FROM stdin;\n"
        yield from (b"abc\tdef\n" * 16_384 for _ in range(400))
        yield b"\\.\n"
        yield from (b"INSERT INTO t VALUES (1, 'x');\n" * 1000 for _ in range(20))

    tracemalloc.start()
    try:
        found = outline_script(blocks())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 10_000_000
    assert len(found.entries[0].definition) == 65_536
    (rows,) = found.streams.values()
    assert rows.rows == 400 * 16_384 + 20_000


MEASURED = """
import sys
from app.domain.errors import AppError
from app.postgres.script_outline import outline_script
begin, unit, end, size = eval(sys.argv[1])
def blocks():
    yield begin
    for _ in range(size // 2**20):
        yield unit * (2**20 // len(unit))
    yield end
try:
    outline_script(blocks())
except AppError as error:
    assert error.code == "unknown-format", error.code
print(*(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems do not tell the peak")
@pytest.mark.parametrize(
    ("begin", "unit", "end", "megabytes"),
    [
        (b"SELECT '", b"x", b"", 3000),
        pytest.param(b"INSERT INTO t VALUES ('", b"x\n", b"", 3000, marks=pytest.mark.slow),
        (b"INSERT INTO t VALUES ('", "\U0001f600pg_".encode(), b"');\n", 63),
        pytest.param(b"INSERT INTO t VALUES (1)", b",\n(2, 'deadbeef')", b";\n", 63, marks=pytest.mark.slow),
        (b"SELECT f(E'", "\U0001f600".encode() + b"a" * 60, b"');\n", 15),
        pytest.param(b"DROP TABLE a", b", b1", b";\n", 1, marks=pytest.mark.slow),
    ],
)
def test_one_large_statement_takes_no_more_than_300_mb(
    begin: bytes, unit: bytes, end: bytes, megabytes: int
) -> None:
    what = repr((begin, unit, end, megabytes * 2**20))

    done = run([sys.executable, "-c", MEASURED, what], env=child_environment(), timeout=60)

    assert done.status == 0, done.errors
    assert int(done.output) < 300_000


SCRIPT = """SET client_encoding = 'UTF8';
--
-- Name: t; Type: TABLE; Schema: public; Owner: me
--
CREATE TABLE public.t (i int, "x y" text DEFAULT ';');
CREATE FUNCTION f(a int) RETURNS int LANGUAGE plpgsql AS $$ begin return 'COPY t FROM PROGRAM ''x'''; end $$;
INSERT INTO t VALUES (1, E'a\\'b'), (2, U&'x');
GRANT SELECT ON TABLE t TO a, b WITH GRANT OPTION;
\\connect "x y"
COPY t (i) FROM stdin;
1
\\.
ALTER TABLE ONLY t ALTER COLUMN i ADD GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME s.q START 1);
COMMENT ON COLUMN a.b.c IS 'x';
SELECT setval('a.b', 1);
"""


@settings(max_examples=400, deadline=None)
@given(
    st.binary(max_size=200)
    | st.tuples(st.integers(0, len(SCRIPT)), st.integers(0, 40), st.binary(max_size=12)).map(
        lambda cut: SCRIPT.encode()[: cut[0]] + cut[2] + SCRIPT.encode()[cut[0] + cut[1] :]
    )
    | st.lists(st.sampled_from(re.findall(r"\w+|\s|[^\w\s]", SCRIPT)), max_size=60).map(
        lambda words: " ".join(words).encode()
    ),
    st.integers(1, 60),
)
def test_any_bytes_give_an_outline_or_a_clear_error(script: bytes, size: int) -> None:
    def outcome(size: int) -> object:
        try:
            return outline(script, size=size)
        except AppError as error:
            return str(error)

    assert outcome(size) == outcome(100_000)
