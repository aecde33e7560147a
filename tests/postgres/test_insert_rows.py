"""How rows of INSERTs are counted, and INSERTs are read together."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.errors import AppError
from app.postgres import script_text
from app.postgres.insert_rows import count_rows
from app.postgres.script import CopyBlock, Header, Inserts, MetaCommand, Statement, read_script

_BEGINNINGS = ["INSERT INTO t VALUES ", 'insert into "T ;".a(b, "c)") values', "INSERT\tINTO é$ VALUES\n"]
_ROWS = ["(1)", "(1,'a;')", "('it''s', NULL)", r"(E'\';')", r"('\')", "(f((x), (y)))", "((((1))))", "(')')"]
_ROWS += ["($$;$$)", "(1 -- )\n)", '(";")', "(/* ; */ 1)", "(-1/2)", "()"]
_ENDS = [";", " ; ", ";\n", "; \n\n", " ON CONFLICT DO NOTHING;\n", " on conflict (a) do nothing;\n", "\n"]
_OTHERS = ["-- x\n", "/* ' */", "SELECT 1;\n", "\\x y\n", "SET standard_conforming_strings = off;\n", ","]
_OTHERS += ["INSERT INTO s . t VALUES (1);", "INSERT INTO t--;\n.u VALUES (2);", ", (1);", "(2), (3);"]
_OTHERS += ["INSERT INTO t DEFAULT VALUES;", "INSERT INTO t (a -- ) VALUES (1);\n) VALUES (2);", "')", '"']
_OTHERS += ["INSERT INTO t SELECT 1;", "INSERT INTO t VALUES ", ",;", "COPY t FROM stdin;\n1\n\\.\n", "\n"]
_OTHERS += ["-- Name: t; Type: TABLE DATA; Schema: s; Owner: me\n", "INSERT INTO t VALUES (1) RETURNING 1;"]

_insert = st.tuples(
    st.sampled_from(_BEGINNINGS),
    st.lists(st.sampled_from(_ROWS), min_size=1, max_size=4).map(", ".join)
    | st.lists(st.sampled_from(_ROWS), min_size=1, max_size=3).map("\n,".join),
    st.sampled_from(_ENDS),
).map("".join)


@dataclass(frozen=True)
class Read:
    """What was read of a script, with each INSERT by itself."""

    items: tuple[tuple[bytes, Header | None, int, bool], ...]
    rows: int
    size: int
    error: str


def read(script: bytes, size: int, *, joins_inserts: bool) -> Read:
    found: list[tuple[bytes, Header | None, int, bool]] = []
    rows, total, error = 0, 0, ""
    blocks = (script[at : at + size] for at in range(0, len(script), size))
    try:
        for item in read_script(blocks, joins_inserts=joins_inserts):
            if isinstance(item, MetaCommand):
                found.append((item.text, None, item.line, True))
            elif isinstance(item, CopyBlock):
                text = item.statement + b"".join(item.data)
                found.append((text, item.header, item.line, item.standard_strings))
            elif isinstance(item, Inserts):
                ones = list(item.apart())
                found += [(one.text, one.header, one.line, one.standard_strings) for one in ones]
                assert len(ones) == item.statements
                rows += item.rows
                total += item.size
            else:
                found.append((item.text, item.header, item.line, item.standard_strings))
                rows += count_rows(item.text, standard_strings=item.standard_strings) or 0
                total += len(item.text)
    except AppError as caught:
        error = str(caught)
    return Read(tuple(found), rows, total, error)


@settings(max_examples=500, deadline=None)
@given(
    st.lists(_insert | st.sampled_from(_OTHERS) | st.text(" ;,()'\"\\$-/*\naI", max_size=4), max_size=8),
    st.integers(1, 80),
)
def test_inserts_read_together_are_those_read_one_by_one(pieces: list[str], size: int) -> None:
    script = "".join(pieces).encode()

    assert read(script, size, joins_inserts=True) == read(script, size, joins_inserts=False)


def test_plain_inserts_are_read_together_across_blocks() -> None:
    script = (
        b"INSERT INTO t VALUES\n"
        + b"\t(1, 'a;\n'),\n" * 99
        + b"\t(2, 'b');\n"
        + b"INSERT INTO t VALUES (3);\n" * 50
    )

    blocks = [script[at : at + 200] for at in range(0, len(script), 200)]
    found = [item for item in read_script(blocks, joins_inserts=True) if isinstance(item, Inserts)]

    assert sum(item.rows for item in found) == 150
    assert sum(item.statements for item in found) == 51
    assert len(found) < 15


def test_inserts_into_other_tables_are_read_apart() -> None:
    script = b"INSERT INTO a VALUES (1);INSERT INTO a VALUES (2);\nINSERT INTO b VALUES (3);"

    found = [item for item in read_script([script], joins_inserts=True) if isinstance(item, Inserts)]

    assert [(item.statements, item.text) for item in found] == [(2, script[:50]), (1, script[51:])]


def test_rows_that_follow_no_table_in_a_row_are_no_inserts() -> None:
    script = b"INSERT INTO a VALUES (1); , (2);\n"

    [first, second] = read_script([script], joins_inserts=True)

    assert isinstance(first, Inserts)
    assert isinstance(second, Statement)
    assert (first.rows, second.text) == (1, b", (2);")


def test_an_insert_that_never_ends_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script_text, "MAX_STATEMENT", 1000)
    endless = itertools.chain(
        [b"INSERT INTO t VALUES (0);\nINSERT INTO t VALUES\n"], itertools.repeat(b"(1),\n")
    )

    with pytest.raises(AppError, match="too large"):
        list(read_script(endless, joins_inserts=True))


@pytest.mark.parametrize(
    ("statement", "rows"),
    [
        ("INSERT INTO t VALUES (1);", 1),
        (
            "INSERT INTO t (a, b) OVERRIDING SYSTEM VALUE VALUES (1, ')'), (2, 3) ON CONFLICT DO NOTHING;",
            2,
        ),
        ("INSERT INTO t DEFAULT VALUES;", 1),
        ("INSERT INTO t SELECT 1;", None),
        ("INSERT INTO t VALUES (1) RETURNING a;", None),
        ("INSERT INTO t (a -- ) VALUES (1)\n) VALUES (2);", None),
        ("UPDATE t SET a = 1;", None),
    ],
)
def test_rows_are_counted_where_the_text_tells(statement: str, rows: int | None) -> None:
    assert count_rows(statement.encode()) == rows
