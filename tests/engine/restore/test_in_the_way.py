from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.engine.restore.entry_graph import entry_graph
from app.engine.restore.in_the_way import Occupied, find_in_the_way
from app.engine.restore.selection import select
from app.postgres.archive_entry import Entry
from app.postgres.target_facts import TargetFacts, TargetObject
from app.postgres.toolchain import Version

if TYPE_CHECKING:
    from tests.engine.restore.conftest import MakeEntry

PUBLIC = TargetObject("SCHEMA", "", "public")


def look(
    entries: tuple[Entry, ...], *objects: TargetObject, only: str = "", clean: bool = False, **facts: Any
) -> Occupied:
    target = TargetFacts(
        database="d",
        version=Version(17, 0),
        role="me",
        objects=(PUBLIC, *objects),
        creatable=frozenset({"public"}),
        **facts,
    )
    graph = entry_graph(entries)
    selection = select(entries, [only] if only else [], graph=graph)
    return find_in_the_way(selection, graph, target, clean=clean)


def said(occupied: Occupied) -> str:
    return "; ".join(f"{one.title} {one.detail} {one.hint}" for one in occupied.findings)


def test_nothing_is_in_the_way_of_other_names(entry: MakeEntry) -> None:
    occupied = look((entry(1, "TABLE", "public", "t"),), TargetObject("TABLE", "public", "u"))
    assert occupied == Occupied({}, frozenset(), (), ())


def test_what_is_in_the_way_is_named_with_what_to_do(entry: MakeEntry) -> None:
    table = TargetObject("TABLE", "public", "t")
    occupied = look((entry(1, "TABLE", "public", "t"),), table, rows_in=frozenset({("public", "t")}))
    assert "1 object of the target is in the way TABLE public.t (with rows)" in said(occupied)
    assert "--clean" in said(occupied)
    assert not occupied.drops


def test_the_indexes_of_a_table_in_the_way_are_not_named_on_their_own(entry: MakeEntry) -> None:
    entries = (
        entry(1, "TABLE", "public", "t"),
        entry(2, "CONSTRAINT", "public", "t t_pkey"),
        entry(3, "INDEX", "public", "i", "CREATE INDEX i ON public.t USING btree (a);"),
    )
    here = (
        TargetObject("TABLE", "public", "t"),
        TargetObject("INDEX", "public", "t_pkey", table="t"),
        TargetObject("INDEX", "public", "i", table="t"),
    )
    assert "1 object of the target is" in said(look(entries, *here))
    assert look(entries, *here, clean=True).drops == ('DROP TABLE IF EXISTS "public"."t";',)


def test_an_index_of_another_table_that_has_the_name_is_in_the_way_even_of_clean(entry: MakeEntry) -> None:
    entries = (entry(1, "TABLE", "public", "t"), entry(2, "CONSTRAINT", "public", "t t_pkey"))
    occupied = look(entries, TargetObject("INDEX", "public", "t_pkey", table="other"), clean=True)
    assert "another kind" in said(occupied)


def test_needed_objects_that_are_there_are_used_and_not_replaced(entry: MakeEntry) -> None:
    entries = (
        entry(1, "TYPE", "public", "colour"),
        entry(2, "COMMENT", "public", "TYPE colour", "", 1),
        entry(3, "TABLE", "public", "t", "", 1),
    )
    colour = TargetObject("TYPE", "public", "colour")
    occupied = look(entries, colour, only="public.t", clean=True)
    assert set(occupied.present) == {1, 2}
    assert not occupied.findings
    assert "in the way" in said(look(entries, colour))


def test_only_an_owner_replaces_and_only_what_is_of_the_same_kind(entry: MakeEntry) -> None:
    entries = (entry(1, "TABLE", "public", "t"),)
    theirs = TargetObject("TABLE", "public", "t", is_mine=False)
    view = TargetObject("VIEW", "public", "t")
    member = TargetObject("TABLE", "public", "t", extension="postgis")
    assert "does not own" in said(look(entries, theirs, clean=True))
    assert "public.t is a VIEW" in said(look(entries, view, clean=True))
    assert "extensions" in said(look(entries, member, clean=True))


def test_what_others_need_is_not_replaced_under_them(entry: MakeEntry) -> None:
    entries = (entry(1, "TABLE", "public", "t"), entry(2, "VIEW", "public", "v", "", 1))
    table, view = TargetObject("TABLE", "public", "t"), TargetObject("VIEW", "public", "v")
    report = TargetObject("VIEW", "public", "report")
    occupied = look(entries, table, view, report, clean=True, dependents=((table, view), (table, report)))
    assert 'VIEW "public"."report" needs TABLE "public"."t"' in said(occupied)
    both = look(entries, table, view, clean=True, dependents=((table, view),))
    assert both.drops == ('DROP VIEW IF EXISTS "public"."v";', 'DROP TABLE IF EXISTS "public"."t";')
    assert both.replaced == {1, 2}


def test_what_goes_round_in_a_circle_is_dropped_at_once(entry: MakeEntry) -> None:
    entries = (
        entry(1, "TABLE", "public", "a"),
        entry(2, "TABLE", "public", "b"),
        entry(3, "FUNCTION", "public", "f(integer)"),
    )
    a, b = TargetObject("TABLE", "public", "a"), TargetObject("TABLE", "public", "b")
    f = TargetObject("FUNCTION", "public", "f(integer)")
    tables = look(entries[:2], a, b, clean=True, dependents=((a, b), (b, a)))
    assert tables.drops in (
        ('DROP TABLE IF EXISTS "public"."a", "public"."b";',),
        ('DROP TABLE IF EXISTS "public"."b", "public"."a";',),
    )
    mixed = look(entries, a, b, f, clean=True, dependents=((a, b), (b, f), (f, a)))
    assert len(mixed.drops) == 3
    assert 'DROP FUNCTION IF EXISTS "public"."f"(integer) CASCADE;' in mixed.drops


def test_large_objects_are_told_by_their_numbers(entry: MakeEntry) -> None:
    entries = (entry(1, "BLOB METADATA", "", "5..7", "5\n7\n"), entry(2, "BLOBS", "", "5..7", "", 1))
    assert "numbers" in said(look(entries, large_objects=frozenset({7, 9})))
    assert not look(entries, large_objects=frozenset({6})).findings
    clean = look(entries, large_objects=frozenset({7, 9}), clean=True)
    assert clean.drops == ("SELECT pg_catalog.lo_unlink(7);",)


def test_a_schema_must_be_there_or_come_along_and_be_open(entry: MakeEntry) -> None:
    elsewhere = (entry(1, "TABLE", "gone", "t"),)
    assert 'CREATE SCHEMA "gone"' in said(look(elsewhere))
    assert not look((entry(2, "SCHEMA", "", "gone"), *elsewhere)).findings
    closed = TargetObject("SCHEMA", "", "closed")
    assert 'GRANT CREATE ON SCHEMA "closed" TO "me"' in said(
        look((entry(1, "TABLE", "closed", "t"),), closed)
    )
