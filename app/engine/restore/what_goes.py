"""Finds what the target's objects have and the source's do not, which goes when they are replaced."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence

from app.domain.restore import Finding, Severity
from app.engine.restore.entry_graph import ROUTINES, EntryGraph
from app.engine.restore.rights import default_rights, granted, is_closed, lacking
from app.engine.restore.wording import counted, readable, some
from app.postgres.archive_entry import Entry
from app.postgres.script import parse_copy_statement
from app.postgres.target_facts import TargetFacts
from app.postgres.target_parts import PUBLIC, Part

_NAMED_AFTER_TABLE = frozenset({"POLICY", "TRIGGER", "RULE", "CHECK CONSTRAINT"})
_MADE_UP = re.compile(r"_(?:pkey|key|fkey|check|excl|idx)\d*$")
_WORDS = {
    "POLICY": ("policy", "policies"),
    "TRIGGER": ("trigger", ""),
    "RULE": ("rule", ""),
    "INDEX": ("index or key", "indexes and keys"),
    "FK CONSTRAINT": ("foreign key", ""),
    "CHECK CONSTRAINT": ("check", ""),
    "COLUMN": ("column", ""),
    "PUBLICATION TABLE": ("table of a publication", "tables of publications"),
    "STATISTICS": ("extended statistics", "extended statistics"),
    "ACL": ("right", ""),
    "COMMENT": ("comment", ""),
}

Object = tuple[str, str, str]


def find_what_goes(
    replaced: Collection[int],
    entries: Sequence[Entry],
    graph: EntryGraph,
    target: TargetFacts,
    revokes: Container[int] = frozenset(),
) -> tuple[Finding, ...]:
    """What is lost of objects that are replaced.

    Args:
        replaced: dump ids of the entries that take the place of an object of the target.
        entries: all that are restored.
        revokes: dump ids of those that do not get the rights of the target's default privileges.
    """
    if not replaced:
        return ()
    of = {(e.kind, e.schema, e.tag): e.dump_id for e in entries if e.dump_id in replaced}
    lost: dict[str, list[str]] = defaultdict(list)
    unsecured: list[str] = []
    source = _Source(entries, graph, target, revokes)
    for part in target.parts:
        number = of.get(part.of)
        if number is None or source.has(number, part):
            continue
        name = readable(*part.of[1:])
        if part.kind == "ROW SECURITY":
            unsecured.append(name)
        elif part.kind == "ACL":
            missing = source.lacking(number, part)
            if missing:
                lost["ACL"].append(f"{part.name} {', '.join(missing)} on {name}")
        elif part.kind == "COMMENT":
            lost["COMMENT"].append(f"{name}.{part.name}" if part.name else name)
        else:
            lost[part.kind].append(f"{part.name} on {name}")
    for kind, name in source.objects_lost(of):
        lost[kind].append(name)
    return tuple(_findings(unsecured, lost))


def _findings(unsecured: Sequence[str], lost: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
    if unsecured:
        yield Finding(
            Severity.WARNS,
            f"Row security goes: {counted(len(unsecured), 'table')} of the target will show all rows to"
            " whoever may read them",
            some(unsecured),
            "The source has none there. ALTER TABLE … ENABLE ROW LEVEL SECURITY afterwards.",
        )
    lines = [
        f"{counted(len(lost[kind]), *words)}: {some(lost[kind])}"
        for kind, words in _WORDS.items()
        if lost.get(kind)
    ]
    if lines:
        yield Finding(
            Severity.WARNS,
            "What the target's objects have and the source's do not goes when they are replaced",
            "\n".join(lines),
            "Make it again afterwards where it is needed; the safety backup has it.",
        )


class _Source:
    """What the restored objects have."""

    def __init__(
        self, entries: Iterable[Entry], graph: EntryGraph, target: TargetFacts, revokes: Container[int]
    ) -> None:
        self._graph, self._target, self._revokes = graph, target, revokes
        self._by_key: dict[Object, Entry] = {}
        self._parts: dict[int, list[Entry]] = defaultdict(list)
        for entry in entries:
            self._by_key[entry.kind, entry.schema, entry.tag] = entry
            if whole := graph.part_of.get(entry.dump_id):
                self._parts[whole].append(entry)

    def has(self, number: int, part: Part) -> bool:
        """Whether the object that comes has such a part, too."""
        _, schema, name = part.of
        if part.kind == "ACL":
            return False
        if part.kind in _NAMED_AFTER_TABLE:
            return (part.kind, schema, f"{name} {part.name}") in self._by_key or self._is_in_table(
                number, part.name
            )
        if part.kind == "ROW SECURITY":
            return (part.kind, schema, name) in self._by_key
        if part.kind == "STATISTICS":
            return any(e.kind == "STATISTICS" and e.tag == part.name for e in self._parts[number])
        if part.kind == "PUBLICATION TABLE":
            return (part.kind, schema, f"{part.name} {name}") in self._by_key
        return any(e.kind == "COMMENT" and _is_of_column(e, part.name) for e in self._parts[number])

    def lacking(self, number: int, part: Part) -> tuple[str, ...]:
        """The rights that a role has here and will not have."""
        here = {part.name: frozenset(part.rights)}
        acls = [entry for entry in self._parts[number] if entry.kind == "ACL"]
        if part.of[0] in ROUTINES and part.name == PUBLIC and not is_closed(acls):
            return ()  # which may run routines without being told so
        missing = lacking(here, granted(acls))
        if number not in self._revokes:
            missing = lacking(
                {role: frozenset(rights) for role, rights in missing.items()},
                default_rights(self._graph.entries[number], self._target),
            )
        return missing.get(part.name, ())

    def objects_lost(self, of: Mapping[Object, int]) -> Iterator[tuple[str, str]]:
        """Indexes, keys and columns that go with a table."""
        tables = {(schema, name): number for (kind, schema, name), number in of.items() if kind == "TABLE"}
        views = {(schema, name): n for (kind, schema, name), n in of.items() if kind == "MATERIALIZED VIEW"}
        inherited = {child for child, _ in self._target.partitions}
        for one in self._target.objects:
            key = one.schema, one.table
            number = tables.get(key) or views.get(key)
            if (
                one.kind == "INDEX"
                and number
                and not self._has_index(number, one.schema, one.table, one.name)
            ):
                yield "INDEX", f"{one.name} on {readable(*key)}"
            if one.kind == "TABLE" and (number := tables.get((one.schema, one.name))):
                known = self._columns(number)
                for column in one.columns if known is not None else ():
                    if column not in (known or ()):
                        yield "COLUMN", f"{readable(one.schema, one.name)}.{column}"
        for foreign in self._target.foreign_keys:
            number = tables.get(foreign.table)
            if number is None or foreign.is_inherited or foreign.table in inherited:
                continue
            schema, table = foreign.table
            if (
                "FK CONSTRAINT",
                schema,
                f"{table} {foreign.name}",
            ) not in self._by_key and not self._is_in_table(number, foreign.name):
                yield "FK CONSTRAINT", f"{foreign.name} on {readable(schema, table)}"

    def _has_index(self, number: int, schema: str, table: str, name: str) -> bool:
        return (
            ("INDEX", schema, name) in self._by_key
            or ("CONSTRAINT", schema, f"{table} {name}") in self._by_key
            or self._is_in_table(number, name)
        )

    def _is_in_table(self, number: int, name: str) -> bool:
        """Whether CREATE TABLE has it: by its name, or in a script perhaps without one."""
        definition = self._graph.entries[number].definition
        return name in definition or (self._graph.is_script and _MADE_UP.search(name) is not None)

    def _columns(self, number: int) -> tuple[str, ...] | None:
        """Of a table whose rows come along; None where they do not, or do not say."""
        for entry in self._parts[number]:
            if entry.kind == "TABLE DATA" and entry.copy_statement:
                try:
                    return parse_copy_statement(entry.copy_statement).columns
                except ValueError:
                    return None
        return None


def _is_of_column(entry: Entry, column: str) -> bool:
    is_column = entry.tag.startswith("COLUMN ")
    if not column:
        return not is_column
    return is_column and (entry.tag.endswith(f".{column}") or entry.tag.endswith(f'."{column}"'))
