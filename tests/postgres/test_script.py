"""A script is cut where psql cuts it, whatever stands in quotes, comments, bodies and data."""

from __future__ import annotations

import itertools
import re
import time
import tracemalloc
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import sql

from app.domain.errors import AppError, ErrorCode
from app.postgres import script_text
from app.postgres.sandbox import SandboxServer
from app.postgres.script import (
    CopyBlock,
    CopyTarget,
    Header,
    MetaCommand,
    Statement,
    parse_copy_statement,
    read_script,
)
from app.system.process import Child

if TYPE_CHECKING:
    from tests.conftest import Database, NewDatabase

Item = tuple[str, bytes] | tuple[str, bytes, bytes]


def _items(blocks: Iterable[bytes]) -> list[Item]:
    found: list[Item] = []
    for item in read_script(blocks):
        match item:
            case Statement():
                found.append(("statement", item.text))
            case CopyBlock():
                blocks_of_data = list(item.data)
                assert all(blocks_of_data)
                found.append(("copy", item.statement, b"".join(blocks_of_data)))
            case MetaCommand():
                found.append(("meta", item.text))
    return found


def _cut(script: bytes, size: int) -> Iterator[bytes]:
    return (script[at : at + size] for at in range(0, len(script), size))


def _texts(script: str) -> list[str]:
    return [item[1].decode() for item in _items([script.encode()])]


ONE_STATEMENT = {
    "semicolon in quotes": "SELECT 'a;b';",
    "doubled quote": "SELECT 'it''s; --';",
    "backslash is a character": r"SELECT 'a\';",
    "quotes over lines": "SELECT 'a\n\\.\n\\connect x\n;';",
    "escape string": r"SELECT E'a\';b''\\';",
    "escape string after a word": r"SELECT abcE'a\';",
    "Unicode escapes": r"""SELECT U&'\0061;', U&";\";""",
    "bit strings": "SELECT B'0;1', x'1;F', n'a;b';",
    "quoted identifier": 'SELECT 1 AS "a;""b;";',
    "dollar quote": "SELECT $$;'\"$$;",
    "dollar quote with a tag": "SELECT $a$;$$;$b$;$A$;$a$;",
    "dollar quote that ends in dollars": "SELECT $$;$a$$;",
    "dollar in an identifier": "SELECT a$b$ FROM b$b$;",
    "parameter": "SELECT $1, $2;",
    "dollar quote after a parameter": "SELECT $1$$;$$;",
    "tag of letters beyond ASCII": "SELECT $é$;$e$;$é$;",
    "line comment": "SELECT 1 -- ; ' /* $$ (\n;",
    "block comment": "SELECT 1 /* ; ' -- $$ ( */;",
    "nested comment": "SELECT /* /* */ ; /*/ */ */ */ 1;",
    "comment behind an operator": "SELECT 1 +/* ; */ 2 *-- ;\n 3;",
    "comment stars": "SELECT /**/ 1 /***/ /* **/;",
    "division": "SELECT 4 / 2 - - 1;",
    "deep parentheses": "SELECT (((';)')), (1, (E'\\')', (\"(;\"), ($$($$))));",
    "parentheses": "CREATE RULE r AS ON INSERT TO t DO (SELECT (1); SELECT 2;);",
    "too many closing parentheses": "SELECT 1);",
    "unfinished line comment": "SELECT '--';",
    "SQL body": "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN a THEN 1 END; END;",
    "SQL body of a procedure": "create or replace/* */procedure p()\nbegin--\natomic select 1; end;",
    "function with the name begin": "CREATE FUNCTION public.begin() RETURNS int LANGUAGE sql AS $$;$$;",
    "column default in a body": "CREATE FUNCTION f(a int DEFAULT (CASE WHEN true THEN 1 END)) RETURN a;",
    "COPY out": "COPY t TO stdout;",
    "COPY from a file": "COPY t FROM '/tmp/stdin' WITH (FORMAT csv);",
    "COPY from a file where": "COPY t FROM '/tmp/a' WHERE a IS DISTINCT FROM stdin;",
    "COPY from a program": "COPY t FROM PROGRAM 'stdin';",
    "COPY from a query": "COPY (SELECT a FROM stdin) TO stdout;",
    "COPY in quotes": "SELECT 'COPY t FROM stdin;';",
    "COPY of the name stdin": 'COPY "from stdin" TO stdin;',
    "COPY is not the first word": "EXPLAIN COPY t FROM stdin;",
    "COPY in a body": "DO $_$BEGIN\nCOPY x FROM stdin;\n1\n\\.\n\\connect y\n-- $$ ' \nEND$_$;",
    "escaped semicolon": r"SELECT 1\; SELECT 2;",
    "word beyond ASCII": "SELECT é$$a FROM ü;",
    "alone": ";",
}


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize("statement", ONE_STATEMENT.values(), ids=ONE_STATEMENT.keys())
def test_what_looks_like_an_end_does_not_end_a_statement(statement: str, size: int) -> None:
    script = f"SELECT 0;\n{statement}SELECT 'next';\n".encode()
    expected = [b"SELECT 0;", statement.encode(), b"SELECT 'next';"]
    assert [item[1] for item in _items(_cut(script, size))] == expected
    windows = script.replace(b"\n", b"\r\n")
    assert [item[1] for item in _items(_cut(windows, size))] == [t.replace(b"\n", b"\r\n") for t in expected]


def test_backslashes_escape_where_the_script_says_so() -> None:
    script = (
        r"SET standard_conforming_strings = off; SELECT 'a\';b'; set standard_conforming_strings TO 'on';"
    )
    script += (
        r"SELECT 'a\'; SET SESSION standard_conforming_strings=off;" + "\n\\connect x\n" + r"SELECT 'a\';"
    )
    assert len(_texts(script)) == 7


@pytest.mark.parametrize(
    "statement",
    [
        "COPY t FROM stdin;",
        'copy\tpublic.t\n(a, "b ) FROM \'")  from -- x\n STDIN WITH (FORMAT text);',
        'COPY "from" FROM stdin;',
        "COPY t FROM /* file */ StdIn CSV;",
        "COPY stdin FROM STDIN WHERE a > 1;",
        r"BEGIN\; COPY t FROM stdin;",
    ],
)
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("data", [b"", b"1\n", b"'$$(;\n\\connect\n\\.x\n\\\\.\n \\.\n\\.\\.\n", b"\n\n"])
@pytest.mark.parametrize("size", [1, 2, 3, 5, 10_000])
def test_data_follows_copy_from_stdin(statement: str, line_end: bytes, data: bytes, size: int) -> None:
    text = statement.encode().replace(b"\n", line_end)
    data = data.replace(b"\n", line_end)
    script = text + line_end + data + b"\\." + line_end + b"SELECT 1;" + line_end
    assert _items(_cut(script, size)) == [("copy", text, data), ("statement", b"SELECT 1;")]


def test_the_rest_of_the_line_runs_after_the_data() -> None:
    script = b"COPY a FROM stdin; COPY b FROM stdin; SELECT '\n1\n\\.\n2\n\\.\n';\n"
    expected = [("copy", b"COPY a FROM stdin;", b"1\n"), ("copy", b"COPY b FROM stdin;", b"2\n")]
    for size in (1, 4, 100):
        assert _items(_cut(script, size)) == [*expected, ("statement", b"SELECT '\n';")]


def test_the_last_line_needs_no_line_end() -> None:
    assert _items([b"COPY a FROM stdin;\n1\n\\."]) == [("copy", b"COPY a FROM stdin;", b"1\n")]
    assert _items([b"SELECT 1;"]) == [("statement", b"SELECT 1;")]
    assert _items([b"\\connect a"]) == [("meta", b"\\connect a")]
    assert _items([b"SELECT 1; -- done"]) == [("statement", b"SELECT 1;")]


def test_data_that_nobody_reads_is_skipped() -> None:
    script = b"COPY a FROM stdin;\n1\n2\n\\.\nSELECT 1;\nCOPY b FROM stdin;\n3\n\\.\nSELECT 2;"
    items = list(read_script(_cut(script, 3)))
    assert [type(item) for item in items] == [CopyBlock, Statement, CopyBlock, Statement]
    assert isinstance(items[0], CopyBlock)
    assert list(items[0].data) == []


def test_meta_commands_take_their_line_and_cut_statements() -> None:
    script = b"\\restrict a'b\r\nSELECT 1 \\gexec\n \\echo ; x\n;\\c y"
    assert _items([script]) == [
        ("meta", b"\\restrict a'b"),
        ("statement", b"SELECT 1 "),
        ("meta", b"\\gexec"),
        ("meta", b"\\echo ; x"),
        ("statement", b";"),
        ("meta", b"\\c y"),
    ]


def test_lines_are_counted_from_one() -> None:
    script = b"\xef\xbb\xbf-- a\n\n/* \n */ SELECT\n1; SELECT 2;\nCOPY a FROM stdin;\n1\n2\n\\.\n"
    script += b"\\x\n;COPY b FROM stdin; ;\n\\.\nSELECT 3;"
    for size in (1, 6, 1000):
        items = list(read_script(_cut(script, size)))
        assert [item.line for item in items] == [4, 5, 6, 10, 11, 11, 12, 13]


def test_a_byte_order_mark_is_no_word() -> None:
    for size in (1, 2, 100):
        assert _items(_cut(b"\xef\xbb\xbfSELECT 1;", size)) == [("statement", b"SELECT 1;")]


@pytest.mark.parametrize("script", ["", "\n", "-- a", "/* ; */", " \r\n\t", "\ufeff"])
def test_white_space_and_comments_are_no_items(script: str) -> None:
    assert _texts(script) == []


@pytest.mark.parametrize(
    "rest",
    [
        "SELECT 1",
        "SELECT '",
        r"SELECT E'a\'",
        "SELECT E'\\",
        'SELECT "',
        "SELECT $$ $a$",
        "SELECT (1;",
        "/* /* */",
        "CREATE FUNCTION f() BEGIN ATOMIC SELECT 1;",
        "COPY a FROM stdin",
    ],
)
def test_a_script_that_ends_in_a_statement_is_damaged(rest: str) -> None:
    for script in (rest, f"{rest}\n", f"SELECT 0;\n{rest}\n\n"):
        with pytest.raises(AppError, match="ends in the middle of a statement") as caught:
            _texts(script)
        assert caught.value.code == ErrorCode.ARCHIVE_DAMAGED
        assert f"line {script.count('SELECT 0;') + 1} " in caught.value.detail


@pytest.mark.parametrize("data", ["", "\n", "\n1\n", "\n1\n\\", "\n1\n\\.x\n", "\n1\\.\n", "\n1"])
@pytest.mark.parametrize("size", [1, 100])
def test_data_without_an_end_marker_is_damaged(data: str, size: int) -> None:
    with pytest.raises(AppError, match="ends in the middle of a table's data") as caught:
        _items(_cut(f"\nCOPY a FROM stdin;{data}".encode(), size))
    assert caught.value.code == ErrorCode.ARCHIVE_DAMAGED
    assert "line 2 " in caught.value.detail


def test_a_statement_has_a_largest_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script_text, "MAX_STATEMENT", 1000)
    _items(_cut((b"INSERT '" + b"x" * 900 + b"';\n") * 10, 100))
    _items(_cut((b"select '" + b"x" * 200 + b"';\n") * 10, 100))
    starts = (b"INSERT '", b"create '", b"SELECT '", b"DROP '", b"x '", b"/*", b"-- ", b"\\echo ")
    for start, filler in itertools.product(starts, (b"x", b"''")):
        with pytest.raises(AppError, match="too large") as caught:
            _items(_cut(start + filler * 2000, 100))
        assert caught.value.code == ErrorCode.UNKNOWN_FORMAT


def _header_of(comment: str) -> Header | None:
    [item] = read_script([f"--\n{comment}\n--\n\nSELECT 1;".encode()])
    return item.header if isinstance(item, Statement) else None


def test_headers_are_read() -> None:
    assert _header_of("-- Name: a b; Type: TABLE; Schema: public; Owner: me") == Header(
        "a b", "TABLE", "public", "me"
    )
    assert _header_of(
        "-- Data for Name: t; Type: TABLE DATA; Schema: s; Owner: -; Tablespace: fast"
    ) == Header("t", "TABLE DATA", "s", None, "fast")
    assert _header_of("-- Name: s; Type: SCHEMA; Schema: -; Owner: é\r") == Header("s", "SCHEMA", None, "é")
    assert _header_of(
        "-- TOC entry 1 (class 2 OID 3)\n-- Name: f(a, b); Type: ACL; Schema: x; Owner: y"
    ) == Header("f(a, b)", "ACL", "x", "y")
    assert _header_of("-- Name: x; Type: a; Type: TABLE; Schema: public; Owner: me") == Header(
        "x; Type: a", "TABLE", "public", "me"
    )
    assert _header_of("-- PostgreSQL database dump") is None


def test_a_header_holds_until_the_next() -> None:
    header = "--\n-- Name: {}; Type: TABLE; Schema: public; Owner: me\n--\n"
    script = f"SET a = 1;\n{header.format('t')}CREATE;\nALTER;\n"
    script += f"{header.format('u')}COPY u FROM stdin;\n\\.\n\\connect x\nSET;"
    headers = [
        item.header.name if not isinstance(item, MetaCommand) and item.header else None
        for item in read_script(_cut(script.encode(), 9))
    ]
    assert headers == [None, "t", "t", "u", None, None]


def test_comments_as_long_as_a_hostile_file_take_no_time() -> None:
    line = b"-- Name: " + b"; Type: A; Schema: b" * 50_000 + b"\n"
    started = time.monotonic()
    _items(
        [line * 3 + b"/*" * 100_000 + b"*/" * 100_000 + b"(" * 200_000 + b")" * 200_000 + b";\n" * 100_000]
    )
    assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("COPY public.t (a, b) FROM stdin;\n", CopyTarget("public", "t", ("a", "b"))),
        ("COPY public.t  FROM stdin;\n", CopyTarget("public", "t", None)),
        (
            'COPY "A ""b"".c"."d\ne" ("f, g)", h_1) FROM stdin;',
            CopyTarget('A "b".c', "d\ne", ("f, g)", "h_1")),
        ),
        ('copy "tÿ(" FROM STDIN ;', CopyTarget(None, "tÿ(", None)),
        ('COPY T ("FROM stdin;") FROM stdin;', CopyTarget(None, "t", ("FROM stdin;",))),
    ],
)
def test_copy_statements_are_taken_apart(text: str, target: CopyTarget) -> None:
    assert parse_copy_statement(text) == target


@pytest.mark.parametrize(
    "text",
    [
        "",
        "COPY t FROM '/etc/passwd';",
        "COPY t FROM PROGRAM 'x';",
        "COPY t TO stdout;",
        "COPY t FROM stdin CSV;",
        "COPY t FROM stdin",
        "COPY t () FROM stdin;",
        "COPY t (a b) FROM stdin;",
        "COPY t (a,) FROM stdin;",
        "COPY a.b.c FROM stdin;",
        "COPY t FROM stdin; DROP TABLE t;",
        'COPY "" FROM stdin;',
        'COPY "t FROM stdin;',
        "COPY tFROM stdin;",
        "COPYt FROM stdin;",
        "COPY 1t FROM stdin;",
        "COPY (SELECT 1) TO stdout;",
    ],
)
def test_other_statements_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="COPY"):
        parse_copy_statement(text)


@given(st.lists(st.text(st.characters(exclude_characters="\0"), min_size=1), min_size=2))
def test_any_names_come_through_copy_statements(names: list[str]) -> None:
    schema, name, *columns = ('"' + one.replace('"', '""') + '"' for one in names)
    listed = f"({', '.join(columns)})" if columns else ""
    target = parse_copy_statement(f"COPY {schema}.{name} {listed} FROM stdin;")
    assert target == CopyTarget(names[0], names[1], tuple(names[2:]) or None)


_text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12) | st.text(
    "'\"\\$;-/*()\n\r ab.", max_size=12
)
_tag = st.sampled_from(["$$", "$a$", "$B_1$", "$é$"])
_token = st.one_of(
    _text.map(lambda text: "'" + text.replace("'", "''") + "'"),
    _text.map(lambda text: "E'" + re.sub(r"(['\\])", r"\\\1", text) + "'"),
    _text.map(lambda text: '"' + text.replace('"', '""') + '"'),
    st.tuples(_tag, _text)
    .filter(lambda pair: (pair[1] + pair[0]).index(pair[0]) == len(pair[1]))
    .map(lambda pair: pair[0] + pair[1] + pair[0]),
    _text.map(lambda text: "--" + re.sub(r"[\r\n]", " ", text) + "\n"),
    _text.map(lambda text: "/* /* " + re.sub(r"[/*]", " ", text) + " */ */"),
    _text.map(lambda text: "('" + text.replace("'", "''") + "' ; ( ; ) )"),
    st.sampled_from(
        ["a", "b$c", "é", "12.5", "$1", "::", "<=", "from", "stdin", "begin", "case", "end", "[1:2]"]
    ),
)
_tokens = st.lists(_token, max_size=8).map(" ".join)
_statement = st.one_of(
    st.tuples(st.sampled_from(["SELECT ", "INSERT INTO ", "CREATE TABLE ", "COMMENT "]), _tokens).map(
        "".join
    ),
    st.sampled_from(["CREATE FUNCTION f() BEGIN ATOMIC SELECT CASE 1 WHEN 1 THEN 2 END; END"]),
).map(lambda text: ("statement", f"{text};".encode()))
_row = st.lists(_text, min_size=1, max_size=3).map(
    lambda values: "\t".join(
        value.translate({92: "\\\\", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r"})
        for value in values
    )
)
_copy = st.lists(_row, max_size=4).map(
    lambda rows: ("copy", b"COPY t FROM stdin;", "".join(f"{row}\n" for row in rows).encode())
)
_meta = st.just(("meta", b"\\restrict a'b"))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.one_of(_statement, _copy, _meta), max_size=8),
    st.lists(st.integers(1, 40), min_size=1),
    st.sampled_from(["\n", "\n\n--\n-- ' $$ ( ;\n--\n\n", "\n/* ' $$ */\n"]),
)
def test_any_items_come_back_however_they_are_cut(items: list[Item], sizes: list[int], gap: str) -> None:
    script = b""
    for kind, text, *data in items:
        script += text
        if kind == "copy":
            script += b"\n" + data[0] + b"\\.\n"
        script += gap.encode()
    blocks: list[bytes] = []
    at = 0
    while at < len(script):
        size = sizes[len(blocks) % len(sizes)]
        blocks.append(script[at : at + size])
        at += size
    assert _items(blocks) == items


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=300)
    | st.lists(
        st.sampled_from(
            [b"'", b"E'", b'"', b"$$", b"$a$", b"\\", b"\\.\n", b"(", b")", b";", b"--", b"/*", b"*/", b"\n"]
        )
        | st.sampled_from(
            [b"COPY a FROM stdin;\n", b"create function ", b"begin atomic ", b" end", b"\r", b" a"]
        ),
        max_size=40,
    ).map(b"".join),
    st.integers(1, 50),
)
def test_any_bytes_give_items_or_a_clear_error_however_they_are_cut(script: bytes, size: int) -> None:
    def outcome(blocks: Iterable[bytes]) -> list[Item] | str:
        try:
            return _items(blocks)
        except AppError as error:
            return str(error)

    assert outcome(_cut(script, size)) == outcome([script])


def test_data_of_any_size_takes_little_memory() -> None:
    block = b"x" * 65_536

    def script() -> Iterator[bytes]:
        yield b"COPY a FROM stdin;\n"
        for _ in range(4096):
            yield block
        yield b"\n\\.\n"
        yield from (b"SELECT 1;\n" * 1000 for _ in range(20))

    tracemalloc.start()
    try:
        copies = (item for item in read_script(script()) if isinstance(item, CopyBlock))
        total = sum(len(block) for copy in copies for block in copy.data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert total == 4096 * 65_536 + 1
    assert peak < 2_000_000


TRAPS = r"""
CREATE SCHEMA "od;d";
CREATE FUNCTION plain() RETURNS text LANGUAGE plpgsql AS $fn$
BEGIN
  -- COPY x FROM stdin; '
  /* $$ */ RETURN 'COPY x FROM stdin;
1
\.
\connect nowhere
' || $_$;$_$ || $$ -- $$ || E'\';';
END $fn$;
CREATE FUNCTION "end"(a int, "case;" text DEFAULT ';''(') RETURNS text LANGUAGE sql AS 'SELECT $2 || '';''';
CREATE FUNCTION standard(a int) RETURNS int LANGUAGE sql
BEGIN ATOMIC SELECT CASE WHEN a > 1 THEN 2 ELSE (CASE a WHEN 0 THEN 1 END) END; SELECT 2; END;
CREATE PROCEDURE empty() BEGIN ATOMIC END;
CREATE TABLE "od;d"."t'$$(" (a text DEFAULT E'\\;''', "from stdin;" text, "b""--" int CHECK ("b""--" <> 1));
INSERT INTO "od;d"."t'$$("
VALUES (E'\\.', E'a\n\\.\nb', 2), ('\restrict x', $$'"/*$$, NULL), ('', E'\r\n\t\b', 3);
CREATE TABLE nothing ();
INSERT INTO nothing DEFAULT VALUES;
CREATE TABLE copied (LIKE "od;d"."t'$$(");
CREATE RULE r AS ON INSERT TO copied DO (DELETE FROM nothing WHERE false; SELECT 1;);
COMMENT ON TABLE copied IS E'--\n-- Name: x; Type: TABLE; Schema: y; Owner: z\n--\n;\n\\.\n';
CREATE VIEW "v/*" AS SELECT ';'::text AS "$$", "b""--" FROM "od;d"."t'$$(";
COMMENT ON SCHEMA "od;d" IS '\\ '' $a$';
SELECT lo_from_bytea(0, '\x275c3b0a');
"""


def _dump(database: Database, *options: str) -> Iterator[bytes]:
    server = database.server
    argv: list[str | Path] = [server.installation.program("pg_dump"), *options, "--dbname", database.conninfo]
    with Child(argv, env=server.environment(), stdout=Child.PIPE) as child:
        while block := child.stdout.read(100):
            yield block
        assert child.wait() == 0, child.errors()


def _psql(database: Database, items: Iterable[Statement | CopyBlock | MetaCommand]) -> None:
    server = database.server
    argv: list[str | Path] = [
        server.installation.program("psql"),
        "-Xq",
        "-v",
        "ON_ERROR_STOP=1",
        "-d",
        database.conninfo,
    ]
    with Child(argv, env=server.environment(), stdin=Child.PIPE) as child:
        for item in items:
            match item:
                case Statement():
                    child.stdin.write(item.text + b"\n")
                case MetaCommand():
                    child.stdin.write(item.text + b"\n")
                case CopyBlock():
                    parse_copy_statement(item.statement.decode())
                    child.stdin.write(item.statement + b"\n")
                    child.stdin.writelines(item.data)
                    child.stdin.write(b"\\.\n")
        child.stdin.close()
        assert child.wait(60) == 0, child.errors()


@pytest.mark.parametrize("options", [(), ("--inserts",), ("--quote-all-identifiers", "--verbose")])
def test_a_dump_full_of_traps_is_restored_item_by_item(
    each_server: SandboxServer, new_database: NewDatabase, options: tuple[str, ...]
) -> None:
    source, target = new_database(each_server), new_database(each_server)
    source.sql(TRAPS)
    _psql(target, read_script(_dump(source, *options)))

    def whole(database: Database) -> bytes:
        return re.sub(rb"(?m)^\\(un)?restrict .*$", b"", b"".join(_dump(database)))

    assert whole(target) == whole(source)


def test_the_sample_database_is_read_whole(server17: SandboxServer, new_database: NewDatabase) -> None:
    source = new_database(server17)
    with source.connect() as session, session.transaction():
        for file in sorted((Path(__file__).parents[2] / "resources/sample").glob("*.sql")):
            session.execute(file.read_bytes())
    tables: dict[tuple[str, ...], int] = {}
    for item in read_script(_dump(source)):
        if isinstance(item, CopyBlock):
            assert item.header is not None
            assert item.header.kind == "TABLE DATA"
            target = parse_copy_statement(item.statement.decode())
            assert target.schema == item.header.schema  # a leaf can be loaded through its root
            tables[target.schema or "", item.header.name] = sum(block.count(b"\n") for block in item.data)
    query = sql.SQL("SELECT count(*) FROM ONLY {}")
    with source.connect() as session:
        counted = {name: session.execute(query.format(sql.Identifier(*name))).fetchone() for name in tables}
    assert len(tables) > 20
    assert {name: (rows,) for name, rows in tables.items()} == counted
