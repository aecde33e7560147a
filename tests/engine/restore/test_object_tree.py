"""The tree shows everything that a dump holds, in its place."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from app.engine.restore.entry_graph import ABOUT, LARGE_OBJECTS, PREAMBLE
from app.engine.restore.object_tree import DataSizes, TreeObject, TreeSchema, object_tree
from app.postgres.archive import read_archive
from app.postgres.archive_entry import Entry
from app.postgres.script_outline import outline_script


def tree_of(entries: tuple[Entry, ...]) -> dict[str, dict[str, dict[str, TreeObject]]]:
    return by_name(object_tree(entries, DataSizes()))


def by_name(schemas: tuple[TreeSchema, ...]) -> dict[str, dict[str, dict[str, TreeObject]]]:
    return {
        schema.name: {kind.kind: {one.name: one for one in kind.objects} for kind in schema.kinds}
        for schema in schemas
    }


def shape(
    tree: dict[str, dict[str, dict[str, TreeObject]]],
) -> dict[tuple[str, str, str], list[tuple[str, str]]]:
    """What is below what, without what an archive alone has."""
    return {
        (schema, kind, name): [(part.kind, part.name) for part in one.parts]
        for schema, kinds in tree.items()
        for kind, objects in kinds.items()
        for name, one in objects.items()
        if not kind.startswith("DATABASE")
    }


def test_the_sample_is_shown_by_schema_kind_and_table(sample_files: Path) -> None:
    tree = tree_of(read_archive(sample_files / "shop.dump").entries)
    assert list(tree) == sorted(tree)
    assert {"", "auth", "public", "shop internal", "storage"} <= set(tree)
    assert next(iter(tree["public"])) == "TABLE"
    orders = [(part.kind, part.name) for part in tree["public"]["TABLE"]["orders"].parts]
    assert orders == [
        ("SEQUENCE", "orders_id_seq"),
        ("CONSTRAINT", "orders_pkey"),
        ("CONSTRAINT", "orders_reference_key"),
        ("FK CONSTRAINT", "orders_customer_id_fkey"),
        ("INDEX", "orders_customer_id_idx"),
        ("INDEX", "orders_open_idx"),
        ("POLICY", "Nobody sees drafts"),
        ("POLICY", "You see your orders"),
        ("ROW SECURITY", ""),
        ("TRIGGER", 'log each "change"'),
    ]
    partitions = {name: one.partition_of for name, one in tree["public"]["TABLE"].items() if one.partition_of}
    assert partitions["events_2025_01"] == ("public", "events")
    assert partitions["shipments_world_2024"] == ("public", "shipments_world")
    assert "invoice №" in tree["shop internal"]["SEQUENCE"]
    assert "order_status" in tree["public"]["TYPE"]
    assert "email_address" in tree["public"]["DOMAIN"]
    assert "slug(text)" in tree["public"]["FUNCTION"]


def test_a_script_has_the_same_tree_as_an_archive(sample_files: Path) -> None:
    archive = read_archive(sample_files / "shop.dump")
    outline = outline_script([(sample_files / "shop.sql").read_bytes()])
    assert shape(tree_of(outline.entries)) == shape(tree_of(archive.entries))


def test_no_object_is_lost(sample_files: Path) -> None:
    entries = read_archive(sample_files / "shop.dump").entries
    found: set[int] = set()

    def collect(one: TreeObject) -> None:
        assert one.dump_id not in found
        found.add(one.dump_id)
        for part in one.parts:
            collect(part)

    for schema in object_tree(entries, DataSizes()):
        for kind in schema.kinds:
            for one in kind.objects:
                collect(one)
    passed_over = ABOUT | PREAMBLE | LARGE_OBJECTS | {"SCHEMA"}
    shown_with_table = ("DATA", "ATTACH", "SEQUENCE SET", "OWNED BY")
    for entry in entries:
        if entry.kind not in passed_over and not entry.kind.endswith(shown_with_table):
            assert entry.dump_id in found, entry.kind


def test_rows_without_a_definition_are_shown_by_themselves() -> None:
    outline = outline_script([b"COPY s.t (a) FROM stdin;\n1\n\\.\nSELECT setval('s.q', 3);\n"])
    sizes = DataSizes(rows={1: 1})
    tree = by_name(object_tree(outline.entries, sizes))
    assert tree["s"]["TABLE DATA"]["t"].rows == 1


def test_a_large_tree_is_quick(entry: Callable[..., Entry]) -> None:
    tables = 50_000
    entries = []
    for number in range(1, tables + 1):
        entries.append(
            entry(number, "TABLE", "public", f"t{number}", f"CREATE TABLE public.t{number} (id integer);")
        )
        index = f"CREATE INDEX i{number} ON public.t{number} USING btree (id);"
        entries.append(entry(tables + number, "INDEX", "public", f"i{number}", index, number))
    start = time.process_time()
    tree = by_name(object_tree(entries, DataSizes()))
    seconds = time.process_time() - start
    assert len(tree["public"]["TABLE"]) == tables
    assert seconds < 6, seconds
