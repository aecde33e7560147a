from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.backup import Contents
from app.domain.errors import AppError, ErrorCode
from app.engine.restore.entry_graph import DATA, entry_graph
from app.engine.restore.selection import Selection, select
from app.postgres.archive import Archive
from app.postgres.archive_entry import VIA_ROOT, Entry
from app.postgres.quoting import quote_identifier

if TYPE_CHECKING:
    from tests.engine.restore.conftest import MakeEntry


def kept(selection: Selection) -> set[str]:
    return {f"{one.kind} {one.schema}.{one.tag}" for one in selection.entries}


def left_out(entries: tuple[Entry, ...], selection: Selection) -> dict[str, str]:
    names = {one.dump_id: f"{one.kind} {one.tag}" for one in entries}
    return {names[number]: reason for number, reason in selection.left_out.items()}


def reason(selection: Selection, tag: str, kind: str) -> str:
    number = next(one.dump_id for one in selection.entries if (one.kind, one.tag) == (kind, tag))
    return selection.because.get(number, "")


@pytest.fixture
def shop(entry: MakeEntry) -> tuple[Entry, ...]:
    key = "ALTER TABLE ONLY {0} ADD CONSTRAINT k FOREIGN KEY (x) REFERENCES {1}(id);"
    return (
        entry(1, "ENCODING", "", "ENCODING"),
        entry(2, "SCHEMA", "", "sales"),
        entry(3, "SCHEMA", "", "crm"),
        entry(4, "TYPE", "crm", "status", "", 3),
        entry(5, "TABLE", "crm", "customers", "", 3),
        entry(6, "TABLE", "sales", "orders", "", 2, 4),
        entry(7, "SEQUENCE", "sales", "orders_id_seq", "", 2),
        entry(8, "SEQUENCE OWNED BY", "sales", "orders_id_seq", "OWNED BY sales.orders.id;", 7, 6),
        entry(9, "DEFAULT", "sales", "orders id", "", 6, 7),
        entry(10, "TABLE DATA", "sales", "orders", "", 6),
        entry(11, "TABLE DATA", "crm", "customers", "", 5),
        entry(12, "SEQUENCE SET", "sales", "orders_id_seq", "", 7),
        entry(13, "CONSTRAINT", "crm", "customers customers_pkey", "", 5),
        entry(14, "INDEX", "sales", "by_x", "CREATE INDEX by_x ON sales.orders USING btree (x);", 6),
        entry(
            15, "FK CONSTRAINT", "sales", "orders k", key.format("sales.orders", "crm.customers"), 6, 5, 13
        ),
        entry(16, "COMMENT", "sales", "TABLE orders", "", 6),
        entry(17, "VIEW", "sales", "big", "", 6),
        entry(18, "PUBLICATION", "", "p"),
        entry(19, "PUBLICATION TABLE", "sales", "p orders", "", 6, 18),
    )


def test_a_table_brings_what_is_its_own_and_what_it_needs(shop: tuple[Entry, ...]) -> None:
    selection = select(shop, ["sales.orders"])
    assert [one.dump_id for one in selection.entries] == [1, 2, 3, 4, 6, 7, 8, 9, 10, 12, 14, 16]
    assert reason(selection, "status", "TYPE") == "needed by sales.orders"
    assert reason(selection, "crm", "SCHEMA") == "needed by crm.status"
    assert reason(selection, "orders", "TABLE") == ""


def test_keys_to_rows_that_do_not_come_along_are_left_out_and_named(shop: tuple[Entry, ...]) -> None:
    selection = select(shop, ["sales.orders"])
    assert left_out(shop, selection) == {
        "FK CONSTRAINT orders k": "the rows of crm.customers do not come along",
        "PUBLICATION TABLE p orders": "publications and subscriptions do not come along with a selection",
    }
    both = select(shop, ["sales.orders", "crm.customers"])
    assert "FK CONSTRAINT sales.orders k" in kept(both)


def test_what_a_view_reads_comes_without_rows(shop: tuple[Entry, ...]) -> None:
    selection = select(shop, ["sales.big"])
    assert "TABLE sales.orders" in kept(selection)
    assert "INDEX sales.by_x" in kept(selection)
    assert "TABLE DATA sales.orders" not in kept(selection)
    assert reason(selection, "orders", "TABLE") == "needed by sales.big"


def test_a_schema_brings_all_that_is_in_it(shop: tuple[Entry, ...]) -> None:
    assert {"VIEW sales.big", "TABLE sales.orders", "SCHEMA .sales"} <= kept(select(shop, ["sales"]))


def test_without_a_schema_a_table_is_looked_for_in_all(shop: tuple[Entry, ...]) -> None:
    assert kept(select(shop, ["orders"])) == kept(select(shop, ["sales.orders"]))
    assert kept(select(shop, ["ORDERS"])) == kept(select(shop, ['"orders"']))


@pytest.mark.parametrize(
    ("wanted", "hint"),
    [
        ("sales.order", "sales.orders"),
        ("costumers", "customers"),
        ('"Orders"', "orders"),
        ("salse", "sales"),
    ],
)
def test_an_unknown_name_is_answered_with_those_like_it(
    shop: tuple[Entry, ...], wanted: str, hint: str
) -> None:
    with pytest.raises(AppError, match="has no schema or table") as caught:
        select(shop, [wanted])
    assert caught.value.code is ErrorCode.INVALID_INPUT
    assert hint in caught.value.hint


@pytest.mark.parametrize("wanted", ["", ".", "a.b.c", "a b", '"a', "a;drop", "*"])
def test_what_is_no_name_is_refused(shop: tuple[Entry, ...], wanted: str) -> None:
    with pytest.raises(AppError):
        select(shop, [wanted])


def test_definitions_and_rows_can_be_had_apart(shop: tuple[Entry, ...]) -> None:
    schema = select(shop, contents=Contents.SCHEMA)
    data = select(shop, contents=Contents.DATA)
    assert not {one.kind for one in schema.entries} & DATA
    assert {one.kind for one in data.entries} == {"ENCODING", "TABLE DATA", "SEQUENCE SET"}
    assert len(schema.entries) + len(data.entries) == len(shop) + 1


def test_definitions_of_a_selection_keep_keys_to_tables_that_come_along(entry: MakeEntry) -> None:
    entries = (
        entry(1, "TABLE", "s", "a"),
        entry(2, "TABLE", "s", "b"),
        entry(3, "FK CONSTRAINT", "s", "a k", "FOREIGN KEY (x) REFERENCES s.b(id);", 1, 2),
        entry(4, "POLICY", "s", "a p", "", 1, 2),
    )
    assert "FK CONSTRAINT s.a k" in kept(select(entries, ["s.a"], Contents.SCHEMA))
    assert "FK CONSTRAINT s.a k" not in kept(select(entries, ["s.a"]))


@pytest.fixture
def partitioned(entry: MakeEntry) -> tuple[Entry, ...]:
    attach = "ALTER TABLE ONLY s.{0} ATTACH PARTITION s.{1} FOR VALUES IN (1);"
    return (
        entry(1, "TABLE", "s", "root"),
        entry(2, "TABLE", "s", "middle"),
        entry(3, "TABLE", "s", "leaf"),
        entry(4, "TABLE ATTACH", "s", "middle", attach.format("root", "middle"), 1, 2),
        entry(5, "TABLE ATTACH", "s", "leaf", attach.format("middle", "leaf"), 2, 3),
        entry(6, "TABLE DATA", "s", "leaf", "", 3),
        entry(7, "INDEX", "s", "root_i", "CREATE INDEX root_i ON ONLY s.root USING btree (a);", 1),
        entry(8, "INDEX", "s", "leaf_i", "CREATE INDEX leaf_i ON s.leaf USING btree (a);", 3, 7),
        entry(9, "INDEX ATTACH", "s", "leaf_i", "ALTER INDEX s.root_i ATTACH PARTITION s.leaf_i;", 8, 7),
    )


def test_a_partitioned_table_brings_its_partitions_with_their_rows(partitioned: tuple[Entry, ...]) -> None:
    selection = select(partitioned, ["s.root"])
    assert len(selection.entries) == len(partitioned)
    assert reason(selection, "leaf", "TABLE") == "partition of s.middle"


def test_a_partition_alone_comes_unattached(partitioned: tuple[Entry, ...]) -> None:
    selection = select(partitioned, ["s.leaf"])
    assert kept(selection) == {"TABLE s.leaf", "TABLE DATA s.leaf", "INDEX s.leaf_i"}
    assert left_out(partitioned, selection)["TABLE ATTACH leaf"] == (
        "it is a part of s.middle, which was not chosen"
    )


def test_rows_that_go_through_a_root_bring_it_and_all_between(
    partitioned: tuple[Entry, ...], entry: MakeEntry
) -> None:
    from dataclasses import replace

    rows = replace(
        partitioned[5], definition=f"{VIA_ROOT} s.root", copy_statement="COPY s.root (a) FROM stdin;\n"
    )
    selection = select((*partitioned[:5], rows, *partitioned[6:]), ["s.leaf"])
    assert {"TABLE s.root", "TABLE s.middle", "TABLE ATTACH s.leaf", "TABLE ATTACH s.middle"} <= kept(
        selection
    )


def test_every_table_of_the_sample_can_be_selected_alone(sample: Archive) -> None:
    graph = entry_graph(sample.entries)
    for one in sample.entries:
        if one.kind == "TABLE":
            name = f"{quote_identifier(one.schema)}.{quote_identifier(one.tag)}"
            selection = select(sample.entries, [name], graph=graph)
            assert one in selection.entries
            _is_closed(selection, sample.entries)


KINDS = ["TABLE", "VIEW", "TYPE", "FUNCTION", "TABLE DATA", "POLICY", "INDEX", "COMMENT", "FK CONSTRAINT"]


@st.composite
def dumps(draw: st.DrawFn) -> tuple[Entry, ...]:
    """Dumps of a schema in which tables with parts need whatever came before."""
    from tests.engine.restore.conftest import make_entry

    entries: list[Entry] = []
    tables: list[str] = []
    for number in range(1, draw(st.integers(2, 25))):
        kind = draw(st.sampled_from(KINDS)) if tables else "TABLE"
        earlier = [one.dump_id for one in entries]
        needs = draw(st.lists(st.sampled_from(earlier), max_size=3, unique=True)) if earlier else []
        tag, definition = f"o{number}", ""
        if kind in ("TABLE DATA", "POLICY", "INDEX", "COMMENT", "FK CONSTRAINT"):
            table = draw(st.sampled_from(tables))
            needs.insert(0, next(one.dump_id for one in entries if one.tag == table))
            tag = {"TABLE DATA": table, "INDEX": tag, "COMMENT": f"TABLE {table}"}.get(kind, f"{table} {tag}")
            definition = f"CREATE INDEX {tag} ON s.{table} USING btree (a);" if kind == "INDEX" else ""
            if kind == "FK CONSTRAINT":
                definition = f"REFERENCES s.{draw(st.sampled_from(tables))}(id)"
        elif kind == "TABLE":
            tables.append(tag)
        entries.append(make_entry(number, kind, "s", tag, definition, *needs))
    return tuple(entries)


@settings(max_examples=200, deadline=None)
@given(dumps(), st.data())
def test_whatever_a_kept_entry_needs_is_kept_or_reported(
    dump: tuple[Entry, ...], data: st.DataObject
) -> None:
    table = data.draw(st.sampled_from([one.tag for one in dump if one.kind == "TABLE"]))
    selection = select(dump, [f"s.{table}"])
    _is_closed(selection, dump)
    assert any(one.kind == "TABLE" and one.tag == table for one in selection.entries)
    order = [one.dump_id for one in selection.entries]
    assert order == sorted(order)


def _is_closed(selection: Selection, dump: tuple[Entry, ...]) -> None:
    graph = entry_graph(dump)
    there = {one.dump_id for one in selection.entries}
    for number in there:
        for needed in graph.needs[number]:
            assert needed in there or needed in selection.left_out, (
                graph.entries[number],
                graph.entries[needed],
            )
    for number in selection.chosen:
        for part in graph.parts.get(number, ()):
            assert part in there or part in selection.left_out, graph.entries[part]
