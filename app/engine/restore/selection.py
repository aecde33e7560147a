"""Chooses the entries of a dump that `--only` and `--what` ask for, and what these cannot do without.

Chosen tables bring all that is theirs, rows included. What they need comes along as well, without rows, and
says what needs it. Foreign keys to rows that do not come along are left out, and named.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from app.domain.backup import Contents
from app.domain.errors import AppError, ErrorCode
from app.engine.restore.entry_graph import DATA, PREAMBLE, RELATIONS, EntryGraph, entry_graph, unquoted
from app.engine.restore_list import qualified_name
from app.postgres.archive_entry import Entry
from app.postgres.quoting import quote_identifier

_NAME = r'"(?:[^"]|"")+"|[^\W\d][\w$]*'
_WANTED = re.compile(rf"\s*({_NAME})\s*(?:\.\s*({_NAME})\s*)?")
_PLAIN = re.compile(r"[a-z_][a-z0-9_$]*")
_MOST_MATCHES = 3
_OF_PUBLICATIONS = ("PUBLICATION TABLE", "PUBLICATION TABLES IN SCHEMA", "SUBSCRIPTION TABLE")
_ROWS = ("TABLE DATA", "STATISTICS DATA")
_NOT_OF_ITSELF = ("FK CONSTRAINT", "TABLE ATTACH", "INDEX ATTACH", *_OF_PUBLICATIONS)
_OTHER = "SQL"
_NOT_SELECTED = "publications and subscriptions do not come along with a selection"


@dataclass(frozen=True, slots=True)
class Selection:
    """What of a dump is to be restored.

    Attributes:
        entries: in the dump's order, with the settings at its head.
        chosen: dump ids of what was asked for; the rest of `entries` is needed by these.
        because: why an entry comes along that was not asked for, by dump id.
        left_out: why an entry was left out that belongs to those chosen, by dump id.
        is_all: whether nothing was selected.
    """

    entries: tuple[Entry, ...]
    chosen: frozenset[int]
    because: Mapping[int, str]
    left_out: Mapping[int, str]
    is_all: bool = True


def select(
    entries: Iterable[Entry],
    only: Sequence[str] = (),
    contents: Contents = Contents.ALL,
    graph: EntryGraph | None = None,
) -> Selection:
    """Choose entries.

    Args:
        entries: of the whole dump.
        only: schemas and tables as SQL writes them; none for all. A name alone is a schema, or if there is
            none of that name, the tables of that name in all schemas.
        contents: definitions, rows or both.
        graph: that of the entries, if it is there already.

    Raises:
        AppError: INVALID_INPUT for a name that the dump does not have, with those that are like it.
    """
    graph = graph or entry_graph(entries)
    closure = _Closure(graph, with_rows=contents is not Contents.SCHEMA)
    if only:
        for wanted in only:
            closure.choose(_find(graph, wanted))
        closure.complete()
        kept = set(closure.kept)
    else:
        kept = set(graph.entries)
        closure.chosen = kept
    kept = {number for number in kept if _has(contents, graph, number)}
    return Selection(
        tuple(entry for entry in graph.entries.values() if entry.dump_id in kept or entry.kind in PREAMBLE),
        frozenset(closure.chosen & kept),
        {number: reason for number, reason in closure.kept.items() if reason and number in kept},
        {
            number: reason
            for number, reason in closure.left_out.items()
            if number not in kept and _has(contents, graph, number)
        },
        not only,
    )


def _has(contents: Contents, graph: EntryGraph, number: int) -> bool:
    entry = graph.entries[number]
    if entry.kind == _OTHER and contents is Contents.SCHEMA:
        return False  # UPDATE, DO and the like change rows
    is_data = entry.kind in DATA
    if entry.kind in ("ACL", "COMMENT", "SECURITY LABEL") and entry.tag.startswith("LARGE OBJECT"):
        is_data = True
    return contents is Contents.ALL or is_data == (contents is Contents.DATA)


@dataclass(slots=True)
class _Closure:
    """Grows from what was chosen to what that needs; `kept` says for each entry why it is there."""

    graph: EntryGraph
    with_rows: bool
    chosen: set[int] = field(default_factory=set)
    kept: dict[int, str] = field(default_factory=dict)
    left_out: dict[int, str] = field(default_factory=dict)

    def choose(self, numbers: Iterable[int]) -> None:
        """Take entries with all their parts, and of partitioned tables the partitions, rows included."""
        pending = [(number, "") for number in numbers]
        while pending:
            number, reason = pending.pop()
            if number in self.chosen or self.graph.entries[number].kind in _NOT_OF_ITSELF:
                continue
            self.chosen.add(number)
            self.kept.setdefault(number, reason)
            pending += [(part, reason) for part in self.graph.parts.get(number, ())]
            for attach in self.graph.partitions.get(number, ()):
                if child := self.graph.attached[attach][1]:
                    pending.append((child, f"partition of {self._name(number)}"))

    def complete(self) -> None:
        """Add what is needed, then what holds between the tables that are there."""
        for number in tuple(self.chosen):
            for needed, reason in self._lacking(number):
                self._add(needed, reason)
        before = -1
        while before != len(self.kept):
            before = len(self.kept)
            for number in self.graph.attached:
                if number not in self.kept and self._holds_together(number):
                    self._add(number, "")
        for number, table in self.graph.references.items():
            if number not in self.kept and self._belongs(number) and self._keeps_key(number, table):
                self._add(number, "")
        for number, entry in self.graph.entries.items():
            if number not in self.kept:
                self._note(number, entry)

    def _add(self, number: int, reason: str) -> None:
        """Keep an entry with its parts, but without rows, and all that these need."""
        pending = [(number, reason)]
        while pending:
            number, reason = pending.pop()
            if number in self.kept:
                continue
            self.kept[number] = reason
            pending += (
                (part, f"it belongs to {self._name(number)}")
                for part in self.graph.parts.get(number, ())
                if self.graph.entries[part].kind not in (*_ROWS, *_NOT_OF_ITSELF)
            )
            pending += self._lacking(number)

    def _lacking(self, number: int) -> Iterator[tuple[int, str]]:
        """What an entry needs that is not kept yet, and why; rows of other tables are only noted."""
        for needed in self.graph.needs[number]:
            if needed in self.kept:
                continue
            if self.graph.entries[needed].kind in _ROWS:
                self.left_out[needed] = f"not chosen, though {self._name(number)} may refer to these rows"
            else:
                yield needed, f"needed by {self._name(number)}"

    def _holds_together(self, number: int) -> bool:
        parent, child = self.graph.attached[number]
        return parent in self.kept and child in self.kept

    def _belongs(self, number: int) -> bool:
        return self.graph.part_of.get(number, 0) in self.kept

    def _keeps_key(self, number: int, table: int) -> bool:
        """Whether a foreign key can hold: the rows that it points at come along, or no rows do that point."""
        if table in self.chosen:
            return True
        has_rows = self.with_rows and self.graph.part_of.get(number) in self.chosen
        return table in self.kept and not has_rows

    def _note(self, number: int, entry: Entry) -> None:
        """Say why something is left out that belongs to what is kept."""
        kind = entry.kind
        if kind == "FK CONSTRAINT" and self._belongs(number):
            table = self.graph.references.get(number, 0)
            self.left_out[number] = f"the rows of {self._name(table)} do not come along"
        elif number in self.graph.attached and self.graph.attached[number][1] in self.kept:
            parent = self._name(self.graph.attached[number][0])
            self.left_out[number] = f"it is a part of {parent}, which was not chosen"
        elif kind in _OF_PUBLICATIONS and any(table in self.chosen for table in self.graph.needs[number]):
            self.left_out[number] = _NOT_SELECTED

    def _name(self, number: int) -> str:
        entry = self.graph.entries.get(number)
        return qualified_name(entry) if entry else "a table that is not in the dump"


def _find(graph: EntryGraph, wanted: str) -> tuple[int, ...]:
    match = _WANTED.fullmatch(wanted)
    if match is None:
        raise _unknown(wanted, graph, "Names with other characters need double quotes, as in SQL")
    first, second = unquoted(match[1]), unquoted(match[2]) if match[2] else ""
    everything = graph.entries.values()
    if second:
        found = [
            one for one in everything if one.kind in RELATIONS and (one.schema, one.tag) == (first, second)
        ]
    else:
        found = [
            one for one in everything if one.schema == first or (one.kind == "SCHEMA" and one.tag == first)
        ] or [one for one in everything if one.kind in RELATIONS and one.tag == first]
    if not found:
        raise _unknown(wanted, graph)
    return tuple(one.dump_id for one in found)


def _unknown(wanted: str, graph: EntryGraph, detail: str = "") -> AppError:
    names = {_written(entry.schema) for entry in graph.entries.values() if entry.schema}
    for entry in graph.entries.values():
        if entry.kind in RELATIONS:
            names |= {f"{_written(entry.schema)}.{_written(entry.tag)}", _written(entry.tag)}
    by_bare = {_bare(name): name for name in sorted(names)}
    near = difflib.get_close_matches(_bare(wanted), by_bare, n=_MOST_MATCHES)
    return AppError(
        ErrorCode.INVALID_INPUT,
        f"The source has no schema or table “{wanted}”",
        detail=detail,
        hint=f"Did you mean {' or '.join(by_bare[name] for name in near)}?" if near else "",
    )


def _bare(name: str) -> str:
    return name.replace('"', "").lower()


def _written(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else quote_identifier(name)
