"""Whatever a server writes as COPY text is read back as the values that it was."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.postgres.copy_rows import copy_rows
from app.postgres.copy_stream import END_MARKER
from app.postgres.sandbox import SandboxServer

if TYPE_CHECKING:
    from tests.conftest import NewDatabase

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")) | st.sampled_from(
    ["", "\\N", "\\.", "NULL", "\\", "\t", "\n", "\r\n", "\\\n", "\\x41", "\\101", "\b\f\v"]
)
ROWS = st.lists(st.tuples(*[st.none() | TEXT] * 3), max_size=5)


@pytest.fixture
def session(server17: SandboxServer, new_database: NewDatabase) -> Iterator[psycopg.Connection]:
    with new_database(server17).connect() as session:
        session.execute("CREATE TABLE t (n serial, a text, b text, c text)")
        yield session


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, step=st.integers(1, 30))
def test_any_text_comes_back_from_a_server_however_its_blocks_are_cut(
    session: psycopg.Connection, rows: list[tuple[str | None, ...]], step: int
) -> None:
    with session.transaction(force_rollback=True):
        with session.cursor() as cursor:
            cursor.executemany("INSERT INTO t (a, b, c) VALUES (%s, %s, %s)", rows)
        with session.cursor().copy("COPY (SELECT a, b, c FROM t ORDER BY n) TO STDOUT") as copy:
            text = b"".join(copy) + END_MARKER
    blocks = [text[at : at + step] for at in range(0, len(text), step)]
    assert list(copy_rows(blocks, "utf-8")) == rows


def test_octal_and_hexadecimal_escapes_are_bytes() -> None:
    assert list(copy_rows([rb"\101\x42\303\244\7\q" + b"\n"], "utf-8")) == [("ABä\7q",)]


def test_line_ends_of_windows_are_no_part_of_a_value() -> None:
    assert list(copy_rows([b"a\tb\r\n\\N\t\\r\r\n\\.\r\nSELECT 1;\n"], "utf-8")) == [("a", "b"), (None, "\r")]


def test_bytes_that_are_no_text_are_kept() -> None:
    assert list(copy_rows([b"caf\xe9\n"], "utf-8")) == [("caf\udce9",)]
    assert list(copy_rows([b"caf\xe9\n"], "iso8859_1")) == [("café",)]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (b"abcdef", "abcd…"),
        (b"abc\\nd", "abc…"),
        (b"ab\\\\cd", "ab\\…"),
        ("abcäö".encode(), "abc…"),
        (b"abcd", "abcd"),
    ],
)
def test_a_long_value_is_cut_where_a_character_ends(value: bytes, shown: str) -> None:
    assert list(copy_rows([value + b"\tx\n"], "utf-8", longest=4)) == [(shown, "x")]


@given(st.lists(st.binary(max_size=60)))
def test_any_bytes_are_read(blocks: list[bytes]) -> None:
    for row in copy_rows(blocks, "utf-8", longest=7):
        assert all(value is None or len(value) <= 8 for value in row)
