"""Finds what a target has already of what a dump would create, and what replacing it would break."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

from app.domain.restore import Finding, Severity
from app.engine.restore.entry_graph import LARGE_OBJECTS, RELATIONS, ROUTINES, TYPES, EntryGraph
from app.engine.restore.selection import Selection
from app.engine.restore.wording import counted, rows_held, some
from app.engine.restore_list import qualified_name
from app.postgres.archive_entry import Entry
from app.postgres.quoting import quote_identifier, signature_parts
from app.postgres.target_facts import TargetFacts, TargetObject

_BY_NAME = frozenset(["COLLATION", "STATISTICS", "CONVERSION", "EVENT TRIGGER", "PUBLICATION", "SERVER"])
_LEFT, _RIGHT = (re.compile(rf"\b{side}ARG = (.+?)(?:,?\n|\);|, )") for side in ("LEFT", "RIGHT"))
_THERE = "the target has it already"
_CREATED_IN_SCHEMA = RELATIONS | ROUTINES | TYPES | {"COLLATION", "OPERATOR", "STATISTICS"}


Slot = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Occupied:
    """What is in the way.

    Attributes:
        present: why entries need not be restored, because the target has them, by dump id.
        replaced: dump ids of entries whose namesake in the target is dropped first.
        drops: statements that drop what is replaced, in order, for scripts, which have none of their own.
        findings: what cannot be replaced, or may not.
    """

    present: Mapping[int, str]
    replaced: frozenset[int]
    drops: tuple[str, ...]
    findings: tuple[Finding, ...]


def find_in_the_way(
    selection: Selection,
    graph: EntryGraph,
    target: TargetFacts,
    *,
    clean: bool,
    left_out: Mapping[int, str] | None = None,
) -> Occupied:
    """Compare the selected entries with the target's objects.

    What only comes along with a selection is taken from the target where it is there. What was asked for
    is replaced with `clean`, and blocks the plan without.

    Args:
        left_out: why entries are not restored anyway, by dump id; given back among those present.
    """
    return _Search(selection, graph, target, clean, dict(left_out or {})).result()


@dataclass(slots=True)
class _Search:
    selection: Selection
    graph: EntryGraph
    target: TargetFacts
    clean: bool
    present: dict[int, str] = field(default_factory=dict)
    met: dict[int, TargetObject] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def result(self) -> Occupied:
        occupants = {slot_of(one): one for one in self.target.objects}
        for entry in self.selection.entries:
            for slot in slots(entry, self.graph):
                occupant = occupants.get(slot)
                if occupant is not None and entry.dump_id not in self.present:
                    self._meet(entry, occupant)
        self._judge()
        self._judge_large_objects()
        self._judge_schemas()
        is_replaced = self.clean and not any(one.severity is Severity.BLOCKS for one in self.findings)
        replaced = frozenset(self.met) if is_replaced else frozenset()
        return Occupied(
            self.present, replaced, tuple(self._drops()) if replaced else (), tuple(self.findings)
        )

    def _meet(self, entry: Entry, occupant: TargetObject) -> None:
        number = entry.dump_id
        is_asked_for = self.selection.is_all or number in self.selection.chosen
        if entry.kind == occupant.kind and (not is_asked_for or entry.kind == "SERVER"):
            self._take_as_present(number)
        else:
            self.met[number] = occupant

    def _take_as_present(self, number: int) -> None:
        pending = [number]
        while pending:
            number = pending.pop()
            if number not in self.present:
                self.present[number] = _THERE
                self.met.pop(number, None)
                pending += self.graph.parts.get(number, ())

    def _judge(self) -> None:
        """Parts of a table go with it; what else is met must be replaced, and must be such as can be."""
        whole = {(one.schema, one.name) for one in self.met.values() if one.kind in RELATIONS}
        met = {
            number: one
            for number, one in self.met.items()
            if number not in self.present and not (one.table and (one.schema, one.table) in whole)
        }
        if met and not self.clean:
            names = (self._shown(number, one) for number, one in met.items())
            self._block(
                f"{counted(len(met), 'object')} of the target {'is' if len(met) == 1 else 'are'} in the way",
                some(names),
                "Replace them with --clean, or restore into a new database with --new-database.",
            )
            return
        other = [
            f"{qualified_name(self.graph.entries[number])} is a {one.kind}"
            for number, one in met.items()
            if one.kind != self.graph.entries[number].kind
        ]
        foreign = [str(one) for one in met.values() if not one.is_mine]
        members = [f"{one} of {one.extension}" for one in met.values() if one.extension]
        if other:
            self._block("Objects of another kind are in the way", some(other), "Rename or drop them first.")
        if foreign:
            self._block(f"{self.target.role} does not own what it would have to replace", some(foreign))
        if members:
            self._block("Objects of extensions are in the way", some(members))
        self._judge_dependents(set(met.values()))

    def _judge_dependents(self, replaced: set[TargetObject]) -> None:
        names = {(one.schema, one.name) for one in replaced}
        broken = {
            f"{dependent} needs {needed}"
            for needed, dependent in self.target.dependents
            if needed in replaced
            and dependent not in replaced
            and (dependent.schema, dependent.table) not in names
        }
        if broken:
            self._block(
                "Objects of the target that are not in the source need what would be replaced",
                some(sorted(broken)),
                "Drop them first, or restore into a new database with --new-database.",
            )

    def _judge_large_objects(self) -> None:
        here = self.target.large_objects
        if not here:
            return
        taken = [
            entry
            for entry in self.selection.entries
            if entry.kind in LARGE_OBJECTS and here.intersection(numbers_of(entry))
        ]
        if taken and self.clean:
            self.met.update((e.dump_id, TargetObject(e.kind, "", e.tag)) for e in taken)
        elif taken:
            self._block(
                "Large objects of the target have the numbers of those in the source",
                some(one.tag for one in taken),
                "Replace them with --clean, or restore into a new database with --new-database.",
            )

    def _judge_schemas(self) -> None:
        """Every schema in which something is created must be there, or come along, and must let it be."""
        there = {one.name for one in self.target.objects if one.kind == "SCHEMA"}
        coming = {entry.tag for entry in self.selection.entries if entry.kind == "SCHEMA"}
        made_by = {
            e.schema
            for e in self.selection.entries
            if e.kind in _CREATED_IN_SCHEMA and e.dump_id not in self.present
        }
        for schema in sorted(made_by - {"", "pg_catalog"}):
            name = quote_identifier(schema)
            if schema in there and schema not in self.target.creatable:
                self._block(
                    f"{self.target.role} may not create anything in the schema {schema}",
                    hint=f"GRANT CREATE ON SCHEMA {name} TO {quote_identifier(self.target.role)};",
                )
            elif schema not in there and schema not in coming:
                self._block(
                    f"The target has no schema {schema}, and the source does not create it",
                    hint=f"CREATE SCHEMA {name};",
                )

    def _shown(self, number: int, one: TargetObject) -> str:
        holds = rows_held(self.target, one.schema, one.name)
        return f"{one.kind} {qualified_name(self.graph.entries[number])}{holds}"

    def _drops(self) -> Iterator[str]:
        """Dependents first; what goes round in a circle goes at once, or with CASCADE if kinds differ."""
        for entry in self.selection.entries:
            if entry.kind in LARGE_OBJECTS and entry.dump_id in self.met:
                for number in sorted(self.target.large_objects.intersection(numbers_of(entry))):
                    yield f"SELECT pg_catalog.lo_unlink({number});"
        for group in self._groups():
            kinds = {one.kind for one in group}
            if len(kinds) == 1:
                yield f"DROP {group[0].kind} IF EXISTS {', '.join(map(_written, group))};"
            else:
                yield from (f"DROP {one.kind} IF EXISTS {_written(one)} CASCADE;" for one in group)

    def _groups(self) -> Iterator[tuple[TargetObject, ...]]:
        """What is to be dropped, in order; in a group are objects that need each other."""
        dropped = {(one.schema, one.name): one for one in self.met.values() if one.kind not in LARGE_OBJECTS}
        group: dict[TargetObject, tuple[TargetObject, ...]] = {}
        for entry in reversed(self.selection.entries):
            one = self.met.get(entry.dump_id)
            if one and one.kind not in LARGE_OBJECTS and one.kind != "INDEX":
                whole = dropped.get((one.schema, one.table), one) if one.table else one
                group.setdefault(whole, (whole,))
        pairs = [
            (dropped.get((needed.schema, needed.table), needed), dependent)
            for needed, dependent in self.target.dependents
        ]
        pairs = [(needed, one) for needed, one in pairs if needed != one and needed in group and one in group]
        while True:
            sorter: TopologicalSorter[tuple[TargetObject, ...]] = TopologicalSorter(
                dict.fromkeys(group.values(), ())
            )
            for needed, dependent in pairs:
                if group[needed] != group[dependent]:
                    sorter.add(group[needed], group[dependent])
            try:
                yield from sorter.static_order()
            except CycleError as error:
                merged = tuple(dict.fromkeys(one for some_group in error.args[1] for one in some_group))
                group.update(dict.fromkeys(merged, merged))
            else:
                return

    def _block(self, title: str, detail: str = "", hint: str = "") -> None:
        self.findings.append(Finding(Severity.BLOCKS, title, detail, hint))


def numbers_of(entry: Entry) -> Iterator[int]:
    """The large objects that an entry creates."""
    text = entry.tag if entry.kind == "BLOB" else entry.definition if entry.kind == "BLOB METADATA" else ""
    return map(int, re.findall(r"\d+", text))


def slots(entry: Entry, graph: EntryGraph) -> Iterator[Slot]:
    """The places that an entry would take; `slot_of` says which object of a target is in them."""
    kind = entry.kind
    if kind in RELATIONS | TYPES or kind == "INDEX":
        yield "relation", entry.schema, entry.tag
    elif kind == "CONSTRAINT" and (whole := graph.part_of.get(entry.dump_id)):
        yield "relation", entry.schema, entry.tag[len(graph.entries[whole].tag) + 1 :]
    elif kind in ROUTINES:
        yield "routine", entry.schema, entry.tag
    elif kind == "CAST":
        yield kind, "", entry.tag.removeprefix("CAST ")
    elif kind == "OPERATOR":
        left, right = (one.search(entry.definition) for one in (_LEFT, _RIGHT))
        yield (
            kind,
            entry.schema,
            f"{entry.tag}({left[1] if left else 'NONE'}, {right[1] if right else 'NONE'})",
        )
    elif kind in _BY_NAME or kind.startswith("TEXT SEARCH"):
        yield kind, entry.schema, entry.tag


def slot_of(one: TargetObject) -> Slot:
    """The place that an object of a target takes: relations and types share one name space."""
    if one.kind in RELATIONS | TYPES or one.kind == "INDEX":
        return "relation", one.schema, one.name
    return ("routine" if one.kind in ROUTINES else one.kind), one.schema, one.name


def _written(one: TargetObject) -> str:
    """An object's name as DROP takes it."""
    if one.kind == "CAST":
        return one.name
    if one.kind == "OPERATOR":
        return f"{quote_identifier(one.schema)}.{one.name}"
    if one.kind in ROUTINES:
        name, arguments = signature_parts(one.name)
        written = quote_identifier(name) + arguments
    else:
        written = quote_identifier(one.name)
    return f"{quote_identifier(one.schema)}.{written}" if one.schema else written
