"""Scripts for a whole server, and scripts that create their database, are split at `\\connect`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import AppError, ErrorCode
from app.postgres.cluster_script import connected_database, encoding_name, script_items
from app.postgres.connection import Connection
from app.postgres.sandbox import SandboxServer
from app.postgres.script import CopyBlock, MetaCommand
from app.postgres.script_outline import outline_script
from app.postgres.script_run import run_script
from app.system.cancellation import CancelToken
from app.system.process import run

if TYPE_CHECKING:
    from tests.conftest import NewDatabase

CLUSTER = b"""--
-- PostgreSQL database cluster dump
--
SET default_transaction_read_only = off;
CREATE ROLE joe;
ALTER ROLE joe WITH SUPERUSER;
DROP DATABASE one;
\\connect template1
SET client_encoding = 'UTF8';
CREATE DATABASE one WITH TEMPLATE = template0;
ALTER DATABASE one OWNER TO joe;
\\connect one
CREATE TABLE a (i int);
COPY a FROM stdin;
1
\\.
CREATE DATABASE "two; \xc3\xa9";
\\connect -reuse-previous=on "dbname='two; \xc3\xa9'"
SET client_encoding = 'LATIN1';
CREATE TABLE b (i int);
ALTER SYSTEM SET a = 1;
--
-- PostgreSQL database cluster dump complete
--
"""


def test_the_databases_are_listed_in_order() -> None:
    found = outline_script([CLUSTER])
    assert found.is_cluster
    assert found.is_complete
    assert found.databases == ("one", "template1", "two; é")
    assert found.empty_databases == {"template1"}


def test_without_a_choice_the_part_of_the_roles_is_meant() -> None:
    found = outline_script([CLUSTER])
    assert [(e.kind, e.tag) for e in found.entries] == [("ROLE", "joe")]
    assert found.dangers == ()


def test_one_database_is_chosen() -> None:
    one = outline_script([CLUSTER], database="one")
    assert [(e.kind, e.tag, e.owner) for e in one.entries] == [
        ("DROP DATABASE", "one", ""),
        ("DATABASE", "one", "joe"),
        ("TABLE", "a", ""),
        ("TABLE DATA", "a", ""),
    ]
    assert [stream.rows for stream in one.streams.values()] == [1]
    two = outline_script([CLUSTER], database="two; é")
    assert [(e.kind, e.tag) for e in two.entries] == [("DATABASE", "two; é"), ("TABLE", "b"), ("SYSTEM", "")]
    assert two.encoding == "LATIN1"
    assert [danger.line for danger in two.dangers] == [21]


def test_a_database_that_is_not_there_is_refused() -> None:
    with pytest.raises(AppError) as failure:
        outline_script([CLUSTER], database="three")
    assert failure.value.code is ErrorCode.INVALID_INPUT
    assert "one, template1, two; é" in failure.value.detail


def test_only_the_items_of_the_chosen_database_are_run() -> None:
    found = outline_script([CLUSTER], database="one")
    items = [item.item for item in script_items([CLUSTER], found.parts)]
    texts = [
        item.statement if isinstance(item, CopyBlock) else item.text
        for item in items
        if not isinstance(item, MetaCommand)
    ]
    assert [text[:14] for text in texts] == [
        b"DROP DATABASE ", b"CREATE DATABAS", b"ALTER DATABASE", b"CREATE TABLE a", b"COPY a FROM st",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("command", "database"),
    [
        ("\\connect a", "a"),
        ("\\c a", "a"),
        ('\\connect "A ""b"" é"', 'A "b" é'),
        ("\\connect 'it''s'", "it's"),
        ("\\connect a -", "a"),
        ("\\connect a - - -", "a"),
        ("\\connect -reuse-previous=on \"dbname='a b'\"", "a b"),
        ("\\connect -reuse-previous=on \"dbname='it\\\\'s'\"", None),
        ("\\connect \"dbname=a host=b\"", None),
        ("\\connect postgresql://elsewhere/a", None),
        ("\\connect a joe", None),
        ("\\connect a - elsewhere", None),
        ("\\connect - joe", None),
        ("\\connect a - - 5433", None),
        ("\\connect", ""),
        ("\\connect -", ""),
        ("\\connect :a", None),
        ("\\connect `id`", None),
        ("\\connect a \\! id", None),
        ("\\conninfo", None),
        ("\\copy a from stdin", None),
        ("\\connect 'a\\nb'", None),
        ('\\connect "a', None),
    ],
)  # fmt: skip
def test_only_databases_of_the_same_server_are_connected_to(command: str, database: str | None) -> None:
    assert connected_database(command.encode()) == database


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n"), min_size=1))
def test_any_name_of_a_database_is_read_as_pg_dump_writes_it(name: str) -> None:
    value = "'" + name.replace("\\", "\\\\").replace("'", "\\'") + "'"
    quoted = '"' + f"dbname={value}".replace('"', '""') + '"'
    assert connected_database(f"\\connect -reuse-previous=on {quoted}".encode()) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [("utf-8", "UTF8"), ("unicode", "UTF8"), ("latin1", "LATIN1"), ("ISO-8859-1", "LATIN1"),
     ("win1252", "WIN1252"), ("windows-1252", "WIN1252"), ("SQL_ASCII", "SQL_ASCII"), ("EUC_JP", "EUC_JP"),
     ("iso_8859_5", "ISO_8859_5"), ("koi8r", "KOI8R"), ("sjis", "SJIS")],
)  # fmt: skip
def test_encodings_get_their_own_names(text: str, name: str) -> None:
    assert encoding_name(text) == name


def test_a_real_cluster_is_restored_database_by_database(
    each_server: SandboxServer, new_shop: NewDatabase, new_database: NewDatabase
) -> None:
    first, second = new_shop(each_server), new_shop(each_server, 'Shop; "é"')
    target = new_database(each_server)
    command: list[str | Path] = [
        each_server.installation.program("pg_dumpall"), "-d", first.conninfo, "--no-role-passwords"
    ]  # fmt: skip
    done = run(command, env=each_server.environment(), timeout=120)
    assert done.status == 0, done.errors
    script = done.output.encode()

    roles = outline_script([script])
    assert {first.name, second.name, target.name} <= set(roles.databases)
    assert {entry.kind for entry in roles.entries} <= {"ROLE", "ROLE MEMBERSHIP", "COMMENT"}
    assert roles.dangers == ()
    assert roles.is_complete
    assert target.name in roles.empty_databases or target.name in roles.databases

    chosen = outline_script([script], database='Shop; "é"')
    run_script(
        script_items([script], chosen.parts),
        Connection(target.conninfo, target.server.password, inherits=False),
        chosen.encoding,
        one_transaction=True,
        cancel=CancelToken(),
    )
    assert target.sql("SELECT count(*) FROM customers") == [(500,)]
    assert target.sql("SELECT count(*) FROM orders") == [(3000,)]
