"""Finds what a script's own DROP, TRUNCATE and DELETE would take from the target, before any of it runs."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from app.domain.restore import Action, Finding, PlannedObject, Severity
from app.engine.restore.entry_graph import RELATIONS
from app.engine.restore.selection import Selection
from app.engine.restore.target_index import TargetIndex
from app.engine.restore.wording import counted, readable, rows_held, some
from app.postgres.script_removals import EVERYTHING, ROWS, Removal
from app.postgres.target_facts import TargetFacts, TargetObject

_CLEAN = "Let it with --clean, or restore into a new database with --new-database."
_CLEAN_ALONE = "Let it with --clean."
_STAYS = "the target has it already, and keeps it"
_KEPT = frozenset({"SCHEMA", "EXTENSION", "FOREIGN DATA WRAPPER", "PROCEDURAL LANGUAGE", "SERVER"})
"""What a restore takes from the target where it is there, so that it must not be dropped before."""
_ON_A_TABLE = frozenset({"TRIGGER", "POLICY", "RULE"})
_TABLES = frozenset({"TABLE", "FOREIGN TABLE"})
_CLEARS = re.compile(
    r"\s*(?:DROP|ALTER (?:FOREIGN )?TABLE\b[^;]*\bDROP|CREATE OR REPLACE VIEW)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class ScriptDrops:
    """What a script takes from the target by itself.

    Attributes:
        remaining: the target as the script leaves it.
        kept: why statements are left out that would drop what the restore uses, by dump id.
        planned: what the target loses and the script does not create anew, by the dump id of the statement.
        replaced: dump ids of entries that take the place of what it drops.
        findings: what this means, and what hinders it.
    """

    remaining: TargetFacts
    kept: Mapping[int, str] = field(default_factory=dict)
    planned: Mapping[int, tuple[PlannedObject, ...]] = field(default_factory=dict)
    replaced: frozenset[int] = frozenset()
    findings: tuple[Finding, ...] = ()


def find_script_drops(
    removals: Iterable[Removal], selection: Selection, target: TargetFacts, *, clean: bool
) -> ScriptDrops:
    """Hold a script's removals against the target.

    Without `clean` nothing that the target holds may go. A schema, an extension or the like that the script
    creates anew stays as it is, unless `DROP SCHEMA … CASCADE` is to empty it.
    """
    selected = {entry.dump_id for entry in selection.entries}
    wanted = [removal for removal in removals if removal.dump_id in selected]
    return _Search(wanted, selection, target, clean).result() if wanted else ScriptDrops(target)


@dataclass(slots=True)
class _Search:
    removals: list[Removal]
    selection: Selection
    target: TargetFacts
    clean: bool
    gone: dict[TargetObject, Removal] = field(default_factory=dict)
    parts: dict[tuple[str, str, str, str], Removal] = field(default_factory=dict)
    tables: set[tuple[str, str]] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)
    _index: TargetIndex = field(init=False)
    _created: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def result(self) -> ScriptDrops:
        self._index = TargetIndex(self.target)
        for entry in self.selection.entries:
            self._created[entry.kind, entry.schema, entry.tag] = entry.dump_id
        direct = {one: self._direct(one) for one in self.removals if one.kind != ROWS}
        kept = dict(self._kept(direct))
        drops = [one for one in direct if one.dump_id not in kept]
        if self._are_ours(drops, direct):
            self.tables = {(one.schema, one.name) for removal in drops for one in direct[removal]}
            drops = [one for one in drops if one.kind in _ON_A_TABLE]
        for removal in drops:
            self._take(removal, direct[removal])
        self._judge_drops()
        if self.clean:
            self._judge_hindrances(
                [one for removal in drops if not removal.cascades for one in direct[removal]]
            )
        self._judge_rows()
        numbers = (self._created.get((one.kind, one.schema, one.name)) for one in self.gone)
        replaced = frozenset(number for number in numbers if number) if self.clean else frozenset()
        return ScriptDrops(self._remaining(), kept, self._planned(), replaced, tuple(self.findings))

    def _are_ours(self, drops: Iterable[Removal], direct: Mapping[Removal, tuple[TargetObject, ...]]) -> bool:
        """Whether they are as `pg_dump --clean` writes them: at the head, and all is created anew.

        Then what is in the way is dropped as for an archive, in the order that the target's own dependencies
        ask for; the script's order fails where a target has more than the source, or partitions with keys.
        """
        begins = min(
            (e.dump_id for e in self.selection.entries if not _CLEARS.match(e.definition)), default=0
        )
        return all(
            removal.kind != "ROLE"
            and not removal.cascades
            and removal.dump_id < begins
            and all(map(self._is_anew, direct[removal]))
            for removal in drops
            if direct[removal]
        )

    def _direct(self, removal: Removal) -> tuple[TargetObject, ...]:
        """What a statement names of what the target has."""
        if removal.kind == EVERYTHING:
            return tuple(one for one in self.target.objects if one.kind != "SCHEMA" and not one.extension)
        return self._index.named(removal.kind, removal.schemas, removal.name)

    def _kept(self, direct: Mapping[Removal, tuple[TargetObject, ...]]) -> Iterator[tuple[int, str]]:
        there: dict[int, list[Removal]] = defaultdict(list)
        for removal, found in direct.items():
            if found:
                there[removal.dump_id].append(removal)
        for number, removals in there.items():
            if all(map(self._is_kept, removals)):
                yield number, _STAYS

    def _is_kept(self, removal: Removal) -> bool:
        created = self._created.get((removal.kind, "", removal.name), 0)
        if removal.kind not in _KEPT or created < removal.dump_id:
            return False
        return removal.kind != "SCHEMA" or not (removal.cascades and self._index.inside.get(removal.name))

    def _take(self, removal: Removal, found: Iterable[TargetObject]) -> None:
        """Note what goes, and what goes with it."""
        if removal.kind in _ON_A_TABLE:
            schema = self._index.table_of_part(removal.kind, removal.name, removal.schemas, removal.table)
            if schema is not None:
                self.parts[removal.kind, removal.name, schema, removal.table] = removal
            return
        pending = list(found)
        while pending:
            one = pending.pop()
            if one not in self.gone:
                self.gone[one] = removal
                pending += self._index.with_it(one, cascades=removal.cascades)

    def _losses(self) -> Iterator[tuple[TargetObject, Removal]]:
        """What is worth telling: parts of tables go with these, and an empty schema is nothing."""
        tables = {(one.schema, one.name) for one in self.gone if one.kind in RELATIONS}
        for one, removal in self.gone.items():
            is_part = one.table and (one.schema, one.table) in tables
            is_empty = one.kind == "SCHEMA" and not self._index.inside.get(one.name)
            if not is_part and not is_empty:
                yield one, removal

    def _lost_parts(self) -> Iterator[tuple[str, str, Removal]]:
        """Kind and name of triggers, policies and rules of tables that stay."""
        tables = {(one.schema, one.name) for one in self.gone} | self.tables
        for (kind, name, schema, table), removal in self.parts.items():
            is_anew = (kind, schema, f"{table} {name}") in self._created
            if (schema, table) not in tables and not (self.clean and is_anew):
                yield kind, f"{name} on {readable(schema, table)}", removal

    def _harmed(self) -> list[str]:
        """Tables that lose a key, a default or a column to a CASCADE."""
        found = {
            other: None
            for one, removal in self.gone.items()
            if removal.cascades
            for other in self._index.needing(one)
            if other.kind in _TABLES and other not in self.gone
        }
        return [f"what of {self._shown(one)} needs it" for one in found]

    def _judge_drops(self) -> None:
        """Without --clean all that goes is told, with it what the script does not create anew."""
        losses = [one for one, _ in self._losses() if not (self.clean and self._is_anew(one))]
        losses.sort(key=lambda one: (not rows_held(self.target, one.schema, one.name), one.kind != "TABLE"))
        names = [*map(self._shown, losses), *(f"{kind} {name}" for kind, name, _ in self._lost_parts())]
        names += self._harmed()
        if names:
            self._find(f"The script drops {counted(len(names), 'object')} that the target holds", some(names))

    def _judge_hindrances(self, dropped: Iterable[TargetObject]) -> None:
        """What the server would refuse: to drop what is another's, or what something else needs."""
        named = list(dropped)
        foreign = [self._shown(one) for one in named if not one.is_mine]
        if foreign:
            title = f"{self.target.role} does not own what the script drops"
            self.findings.append(Finding(Severity.BLOCKS, title, some(foreign)))
        broken = [
            f"{self._shown(other)} needs {self._shown(one)}"
            for one in named
            for other in self._index.needing(one)
            if other not in self.gone and not self._is_anew(other) and not other.table
        ]
        if broken:
            self.findings.append(
                Finding(
                    Severity.BLOCKS,
                    "Objects of the target need what the script drops",
                    some(broken),
                    "Drop them first, or restore into a new database with --new-database.",
                )
            )

    def _judge_rows(self) -> None:
        """Rows of tables that stay; those that the script makes itself are none of the target's."""
        tables = {(one.schema, one.name) for one in self.gone} | self.tables
        emptied: dict[tuple[str, str], None] = {}
        for removal in self.removals:
            if removal.kind == ROWS:
                emptied.update(dict.fromkeys(self._emptied(removal)))
        lost = [
            name
            for name in emptied
            if name in self.target.rows_in and name not in tables and ("TABLE", *name) not in self._created
        ]
        if lost:
            names = [f"{readable(*name)}{rows_held(self.target, *name)}" for name in lost]
            self._find(
                f"The script deletes rows that {counted(len(lost), 'table')} of the target"
                f" {'holds' if len(lost) == 1 else 'hold'}",
                some(names),
            )

    def _emptied(self, removal: Removal) -> Iterator[tuple[str, str]]:
        for table in self._index.named("TABLE", removal.schemas, removal.name):
            pending, seen = [(table.schema, table.name)], set[tuple[str, str]]()
            while pending:
                name = pending.pop()
                if name not in seen:
                    seen.add(name)
                    pending += () if removal.only else self._index.partitions(name)
                    if removal.cascades:
                        pending += (key.table for key in self.target.foreign_keys if key.referenced == name)
            yield from seen

    def _is_anew(self, one: TargetObject) -> bool:
        return (one.kind, one.schema, one.name) in self._created

    def _shown(self, one: TargetObject) -> str:
        return f"{one.kind} {readable(one.schema, one.name)}{rows_held(self.target, one.schema, one.name)}"

    def _find(self, title: str, detail: str) -> None:
        severity, hint = (Severity.WARNS, "") if self.clean else (Severity.BLOCKS, _CLEAN)
        if self.target.is_new:
            hint = hint and _CLEAN_ALONE
        self.findings.append(Finding(severity, title, detail, hint))

    def _planned(self) -> dict[int, tuple[PlannedObject, ...]]:
        planned: dict[int, list[PlannedObject]] = defaultdict(list)
        for one, removal in self._losses():
            if not self._is_anew(one):
                rows = self.target.row_numbers.get((one.schema, one.name)) if one.kind == "TABLE" else None
                name = readable(one.schema, one.name)
                planned[removal.dump_id].append(PlannedObject(one.kind, name, Action.DROP, "", rows))
        for kind, name, removal in self._lost_parts():
            planned[removal.dump_id].append(PlannedObject(kind, name, Action.DROP))
        return {number: tuple(objects) for number, objects in planned.items()}

    def _remaining(self) -> TargetFacts:
        if not self.gone:
            return self.target
        extensions = {one.name for one in self.gone if one.kind == "EXTENSION"}
        return replace(
            self.target,
            objects=tuple(one for one in self.target.objects if one not in self.gone),
            extensions={k: v for k, v in self.target.extensions.items() if k not in extensions},
        )
