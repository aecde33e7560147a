"""What comes out of a server through psql is what COPY gives, for odd tables and names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from app.domain.errors import AppError, ErrorCode
from app.postgres.connection import connect, parse_connection
from app.postgres.copy_out import CopyOut
from app.postgres.quoting import encode_sql, quote_identifier
from app.postgres.sandbox import SandboxServer, running_sandbox

if TYPE_CHECKING:
    from tests.conftest import Database, NewDatabase


@pytest.fixture
def database(each_server: SandboxServer, new_database: NewDatabase) -> Database:
    return new_database(each_server)


def open_copy(database: Database, encoding: str = "UTF8", **settings: str) -> closing[CopyOut]:
    connection = parse_connection(database.conninfo_with_password)
    return closing(CopyOut(database.server.installation, connection, encoding, settings))


def by_driver(database: Database, source: str) -> bytes:
    connection = parse_connection(database.conninfo_with_password)
    with connect(connection) as session, session.cursor() as cursor:
        session.execute("SET bytea_output = hex; SET extra_float_digits = 3; SET intervalstyle = postgres")
        with cursor.copy(encode_sql(f"COPY {source} TO STDOUT")) as copy:
            return b"".join(bytes(block) for block in copy)


ODD_TABLES = r"""
CREATE TABLE empty (a int);
CREATE TABLE no_columns (); INSERT INTO no_columns SELECT FROM generate_series(1, 3);
CREATE TABLE looks_ended AS
    SELECT * FROM (VALUES ('\.'), ('\\.'), (E'\n\\.\n'), (''), (NULL), (E'\t'), ('\N')) v(a);
CREATE TABLE bytes AS SELECT decode('00ff0a0d5c2e', 'hex') AS b, E'\x01\x7f\u2028' AS t;
CREATE TABLE wide AS SELECT repeat('é\', 2000000) AS t;
CREATE TABLE many AS SELECT n, 'row ' || n AS t FROM generate_series(1, 50000) n;
CREATE TABLE numbers AS SELECT 0.1::float8 + 0.2 AS f, '-0'::float8 AS z, 'NaN'::numeric AS n,
    '1 mon 3 days'::interval AS i, '0044-03-15 BC'::date AS d;
"""
NAMES = [
    'quo"te',
    "new\nline",
    "back\\slash",
    ":colon",
    ":'v'",
    "a b",
    "ü🐘",
    "$1",
    "semi;colon",
    "\\q",
    "--",
    "/*",
]


def test_odd_tables_come_out_as_the_driver_gives_them(database: Database) -> None:
    database.sql(ODD_TABLES)
    tables = ["empty", "no_columns", "looks_ended", "bytes", "wide", "many", "numbers", "empty"]
    with open_copy(database) as copy:
        for table in tables:
            assert b"".join(copy.stream(f"public.{table}")) == by_driver(database, f"public.{table}")
        query = "(SELECT n FROM public.many WHERE n < 4)"
        assert b"".join(copy.stream(query)) == b"1\n2\n3\n"


def test_blocks_are_small_however_large_the_rows(database: Database) -> None:
    database.sql("CREATE TABLE wide AS SELECT repeat('x', 8000000) AS t FROM generate_series(1, 3)")
    with open_copy(database) as copy:
        sizes = [len(block) for block in copy.stream("public.wide")]
    assert sum(sizes) == 3 * 8_000_001
    assert max(sizes) <= 1 << 19


def test_names_of_every_kind(database: Database) -> None:
    for number, name in enumerate(NAMES):
        quoted = quote_identifier(name)
        database.sql(f"CREATE SCHEMA {quoted}; CREATE TABLE {quoted}.{quoted} AS SELECT {number} AS {quoted}")
    with open_copy(database) as copy:
        for number, name in enumerate(NAMES):
            quoted = quote_identifier(name)
            assert b"".join(copy.stream(f"{quoted}.{quoted} ({quoted})")) == f"{number}\n".encode()


@pytest.mark.parametrize(("encoding", "name"), [("LATIN1", "café"), ("SQL_ASCII", "\udcff\udce9")])
def test_names_and_rows_of_other_encodings(
    server17: SandboxServer, new_database: NewDatabase, encoding: str, name: str
) -> None:
    database = new_database(server17, encoding=encoding)
    with connect(parse_connection(database.conninfo_with_password)) as session:
        session.execute(encode_sql(f"CREATE TABLE \"{name}\" AS SELECT '{name}'::text AS t"))
    raw = b"caf\xe9\n" if encoding == "LATIN1" else b"\xff\xe9\n"
    with open_copy(database, encoding) as copy:
        assert b"".join(copy.stream(f'public."{name}"')) == raw


def test_the_settings_of_the_dump_shape_the_text(database: Database) -> None:
    database.sql("CREATE TABLE t AS SELECT '2024-01-01 12:00+00'::timestamptz AS a, '\\x00ff'::bytea AS b")
    with open_copy(database, TimeZone="Asia/Tokyo", bytea_output="escape") as copy:
        assert b"".join(copy.stream("public.t")) == b"2024-01-01 21:00:00+09\t\\\\000\\\\377\n"


def test_a_locale_that_the_server_lacks_hinders_nobody(database: Database) -> None:
    database.sql("CREATE TABLE t AS SELECT 1 AS a")
    with open_copy(database, lc_monetary="xx_YY.utf8") as copy:
        assert b"".join(copy.stream("public.t")) == b"1\n"


def test_an_error_before_or_amid_the_rows_is_the_servers_own(database: Database) -> None:
    database.sql(
        "CREATE TABLE t AS SELECT n FROM generate_series(0, 100000) n;"
        "CREATE VIEW v AS SELECT 1 / (99999 - n) FROM t"
    )
    for source, words in (("public.nothing", "nothing"), ("(SELECT * FROM public.v)", "division by zero")):
        with open_copy(database) as copy:
            with pytest.raises(AppError) as caught:
                for _ in copy.stream(source):
                    pass
            assert caught.value.code is ErrorCode.SERVER_ERROR
            assert words in caught.value.detail
            with pytest.raises(AppError):
                list(copy.stream("public.t"))


@pytest.fixture
def own_server(server17: SandboxServer) -> Iterator[SandboxServer]:
    with running_sandbox(server17.installation) as server:
        yield server


def test_a_session_that_is_ended_amid_the_rows_is_an_error(own_server: SandboxServer) -> None:
    with own_server.connect() as session:
        session.execute("CREATE TABLE t AS SELECT repeat('x', 1000) AS t FROM generate_series(1, 100000)")
    connection = parse_connection(f"{own_server.conninfo()} password={own_server.password.reveal()}")
    with closing(CopyOut(own_server.installation, connection, "UTF8", {})) as copy:
        stream = copy.stream("public.t")
        next(stream)
        with own_server.connect() as session:
            session.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'psql'"
            )
        with pytest.raises(AppError) as caught:
            for _ in stream:
                pass
    assert "terminating connection" in caught.value.detail or "server closed" in caught.value.detail


def test_a_wrong_password_is_an_error(database: Database) -> None:
    connection = parse_connection(f"{database.conninfo} password=wrong")
    with (
        closing(CopyOut(database.server.installation, connection, "UTF8", {})) as copy,
        pytest.raises(AppError),
    ):
        list(copy.stream("public.t"))


def test_closing_early_ends_psql(database: Database) -> None:
    database.sql("CREATE TABLE t AS SELECT repeat('x', 1000) AS t FROM generate_series(1, 20000)")
    with open_copy(database) as copy:
        next(copy.stream("public.t"))
    database.sql("DROP TABLE t")  # which waits for whoever still reads
