"""Finds in source and target what the rules for a Supabase project ask about an entry."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from app.engine.restore.entry_graph import ABOUT, EntryGraph
from app.engine.restore.in_the_way import Slot, slot_of, slots
from app.postgres.archive_entry import Entry
from app.postgres.quoting import Name
from app.postgres.target_facts import TargetFacts, TargetObject
from app.supabase.platform import is_platform_owner
from app.supabase.restore_rules import Subject


@dataclass(frozen=True, slots=True)
class Subjects:
    """Entries beside the objects of a target.

    Attributes:
        occupants: what is in each place of the target.
        schemas: those of the target, by name.
        parts: names of its triggers, policies and tables of publications, by kind and table.
        owners: of the source's schemas.
    """

    graph: EntryGraph
    target: TargetFacts
    occupants: dict[Slot, TargetObject]
    schemas: dict[str, TargetObject]
    parts: dict[tuple[str, Name], set[str]]
    owners: dict[str, str]

    def of(self, entry: Entry) -> Subject:
        """What the rules ask about an entry."""
        whole = self.whole(entry)
        schema = entry.schema
        about = whole if entry.kind in ABOUT and whole is not None else entry
        if about.kind == "SCHEMA":
            schema = about.tag
        elif entry.kind in ABOUT and entry.tag.startswith("SCHEMA "):
            schema = entry.tag.removeprefix("SCHEMA ")
        own, of_whole = self.occupant(entry), self.occupant(whole) if whole is not None else None
        is_here = own is not None
        if (table := self.table_of(entry)) is not None:
            of_whole = of_whole or next((o for o in self._tables(entry.schema) if o.name == table[1]), None)
            is_here = entry.tag[len(table[1]) + 1 :] in self.parts.get((entry.kind, table), set())
        elif entry.kind == "PUBLICATION TABLE":
            is_here = any(
                entry.tag == f"{publication} {name[1]}"
                for (kind, name), publications in self.parts.items()
                if kind == "PUBLICATION TABLE" and name[0] == entry.schema
                for publication in publications
            )
        found = of_whole or own
        schema_here = self.schemas.get(schema)
        return Subject(
            entry=entry,
            schema=schema,
            owner=(whole.owner if whole is not None and entry.kind in ABOUT else entry.owner) or entry.owner,
            is_here=is_here,
            whole_is_here=of_whole is not None,
            is_mine=found is not None and found.is_mine and not is_platform_owner(found.owner),
            may_write=(entry.schema, entry.tag) in self.target.writable
            or (found is not None and found.is_mine),
            may_create=schema in self.target.creatable
            or (schema_here is None and not is_platform_owner(self.owners.get(schema, ""))),
        )

    def whole(self, entry: Entry) -> Entry | None:
        """The table, type or the like that an entry is a part of, at any distance; None where it is none."""
        number = entry.dump_id
        while number in self.graph.part_of:
            number = self.graph.part_of[number]
        return self.graph.entries[number] if number != entry.dump_id else None

    def table_of(self, entry: Entry) -> Name | None:
        """The table of a policy or trigger, which may be in the target alone; None for anything else."""
        if entry.kind not in ("POLICY", "TRIGGER"):
            return None
        if (whole := self.whole(entry)) is not None:
            return whole.schema, whole.tag
        named = (one.name for one in self._tables(entry.schema) if entry.tag.startswith(f"{one.name} "))
        name = max(named, key=len, default="")
        return (entry.schema, name) if name else None

    def _tables(self, schema: str) -> Iterator[TargetObject]:
        return (one for one in self.target.objects if one.kind == "TABLE" and one.schema == schema)

    def occupant(self, entry: Entry) -> TargetObject | None:
        """What is in an entry's place."""
        if entry.kind == "SCHEMA":
            return self.schemas.get(entry.tag)
        for slot in slots(entry, self.graph):
            if slot in self.occupants:
                return self.occupants[slot]
        return None

    def is_absent(self, entry: Entry) -> bool:
        """Whether the target has nothing in the place of an entry that takes one."""
        is_named = entry.kind == "SCHEMA" or any(slots(entry, self.graph))
        return is_named and self.occupant(entry) is None


def subjects(entries: Iterable[Entry], graph: EntryGraph, target: TargetFacts) -> Subjects:
    """Look at a dump's entries and a target."""
    parts: dict[tuple[str, Name], set[str]] = defaultdict(set)
    for part in target.parts:
        parts[part.kind, part.of[1:]].add(part.name)
    return Subjects(
        graph,
        target,
        {slot_of(one): one for one in target.objects},
        {one.name: one for one in target.objects if one.kind == "SCHEMA"},
        parts,
        {entry.tag: entry.owner for entry in entries if entry.kind == "SCHEMA"},
    )
