from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from app.engine.restore.entry_graph import DATA, RELATIONS, EntryGraph, entry_graph
from app.postgres.archive import Archive
from app.postgres.script_archive import read_script_archive

if TYPE_CHECKING:
    from tests.engine.restore.conftest import MakeEntry

Key = tuple[str, str, str]


def keys(graph: EntryGraph) -> Mapping[int, Key]:
    return {number: (one.kind, one.schema, one.tag) for number, one in graph.entries.items()}


def reached(graph: EntryGraph, number: int) -> set[int]:
    """What an entry needs, and what that needs."""
    found: set[int] = set()
    pending = [number]
    while pending:
        new = set(graph.needs[pending.pop()]) - found
        found |= new
        pending += new
    return found


def test_in_the_sample_everything_of_a_table_is_found_to_be_its_own(sample: Archive) -> None:
    graph = entry_graph(sample.entries)
    whole = {
        "SCHEMA",
        "EXTENSION",
        "BLOB METADATA",
        "BLOBS",
        "DEFAULT ACL",
        "DATABASE",
        "ACL",
        "CAST",
        "SERVER",
    }
    alone = {
        entry.kind
        for number, entry in graph.entries.items()
        if number not in graph.part_of and entry.kind not in whole | RELATIONS
    }
    assert not alone & {"INDEX", "CONSTRAINT", "FK CONSTRAINT", "TRIGGER", "RULE", "POLICY", "ROW SECURITY"}
    assert not alone & {"DEFAULT", "COMMENT", "SEQUENCE SET", "SEQUENCE OWNED BY", "TABLE DATA", "STATISTICS"}
    assert not alone & {"TABLE ATTACH", "INDEX ATTACH", "USER MAPPING", "PUBLICATION TABLE"}
    assert all(graph.references.values())
    assert all(all(pair) for pair in graph.attached.values())


def test_a_script_gives_the_parts_and_tables_that_the_archive_gives(
    sample: Archive, sample_files: Path
) -> None:
    archive = entry_graph(sample.entries)
    script = entry_graph(read_script_archive(sample_files / "shop.sql").entries)
    assert script.is_script
    assert not archive.is_script
    archive_keys, script_keys = keys(archive), keys(script)
    numbers = {key: number for number, key in script_keys.items()}
    for number, key in archive_keys.items():
        if key not in numbers or "LARGE OBJECT" in key[2]:
            continue
        whole, other = archive.part_of.get(number), script.part_of.get(numbers[key])
        assert (whole and archive_keys[whole]) == (other and script_keys[other]), key
        if key[0] in ("TABLE", "FUNCTION", "VIEW"):
            found = {script_keys[one] for one in reached(script, numbers[key])}
            needed = {archive_keys[one] for one in archive.needs[number]}
            relevant = {one for one in needed if one[0] in ("TABLE", "VIEW", "TYPE", "DOMAIN", "SEQUENCE")}
            assert relevant <= found, key


def test_names_with_spaces_and_quotes_find_their_table(entry: MakeEntry) -> None:
    graph = entry_graph(
        (
            entry(1, "TABLE", "s", "a"),
            entry(2, "TABLE", "s", "a b"),
            entry(3, "CONSTRAINT", "s", "a b c d"),
            entry(4, "INDEX", "s", "i", 'CREATE INDEX i ON s."a b" USING btree (x);'),
            entry(5, "COMMENT", "s", 'COLUMN "a b".x'),
            entry(6, "COMMENT", "s", 'CONSTRAINT "c d" ON "a b"'),
            entry(7, "FUNCTION", "s", "f(integer, s.t)"),
            entry(8, "COMMENT", "s", "FUNCTION f(one integer, two s.t)"),
        )
    )
    assert graph.part_of == {3: 2, 4: 2, 5: 2, 6: 3, 8: 7}


def test_an_index_of_a_partition_does_not_need_that_of_its_root(sample: Archive) -> None:
    graph = entry_graph(sample.entries)
    for number, entry in graph.entries.items():
        if entry.kind == "INDEX":
            assert not [one for one in graph.needs[number] if graph.entries[one].kind in ("INDEX", *DATA)]
