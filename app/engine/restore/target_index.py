"""Finds objects of a target by the names that a script's DROP gives them, and what goes with them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from app.engine.restore.entry_graph import RELATIONS, ROUTINES, TYPES
from app.postgres.quoting import signature_parts
from app.postgres.target_facts import TargetFacts, TargetObject

_OVERLOADED = ROUTINES | {"OPERATOR"}
_TABLES = frozenset({"TABLE", "FOREIGN TABLE"})
_ALIASES = {
    "int": "integer",
    "int2": "smallint",
    "int4": "integer",
    "int8": "bigint",
    "float4": "real",
    "float8": "double precision",
    "float": "double precision",
    "bool": "boolean",
    "varchar": "character varying",
    "char": "character",
    "decimal": "numeric",
    "timestamp": "timestamp without time zone",
    "timestamptz": "timestamp with time zone",
    "time": "time without time zone",
    "timetz": "time with time zone",
}


@dataclass(slots=True)
class TargetIndex:
    """A target's objects by name, by schema and by what they need."""

    target: TargetFacts
    inside: dict[str, list[TargetObject]] = field(default_factory=lambda: defaultdict(list))
    _by_name: dict[tuple[str, str, str], list[TargetObject]] = field(
        default_factory=lambda: defaultdict(list)
    )
    _of_table: dict[tuple[str, str], list[TargetObject]] = field(default_factory=lambda: defaultdict(list))
    _members: dict[str, list[TargetObject]] = field(default_factory=lambda: defaultdict(list))
    _needing: dict[TargetObject, list[TargetObject]] = field(default_factory=lambda: defaultdict(list))
    _partitions: dict[tuple[str, str], list[tuple[str, str]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    _parts: frozenset[tuple[str, str, str, str]] = frozenset()

    def __post_init__(self) -> None:
        target = self.target
        whole = (
            *(TargetObject("EXTENSION", "", name) for name in target.extensions),
            *(TargetObject("PROCEDURAL LANGUAGE", "", name) for name in target.languages),
            *(TargetObject("ROLE", "", name) for name in target.roles),
        )
        for one in (*target.objects, *whole):
            bare = signature_parts(one.name)[0] if one.kind in _OVERLOADED else one.name
            self._by_name[_family(one.kind), one.schema, bare].append(one)
            if one.schema:
                self.inside[one.schema].append(one)
            if one.table:
                self._of_table[one.schema, one.table].append(one)
            if one.extension:
                self._members[one.extension].append(one)
        for needed, dependent in target.dependents:
            self._needing[needed].append(dependent)
        for child, parent in target.partitions:
            self._partitions[parent].append(child)
        self._parts = frozenset((part.kind, part.name, *part.of[1:]) for part in target.parts)

    def named(self, kind: str, schemas: Sequence[str], name: str) -> tuple[TargetObject, ...]:
        """The objects that a DROP of this kind means; of overloaded routines perhaps several.

        Args:
            schemas: where to look; the first in which there is one counts. Empty for the search path.
            name: of a routine with its arguments, as far as they are written.
        """
        arguments = ""
        if kind in _OVERLOADED:
            name, arguments = signature_parts(name)
        for schema in (schemas or self.target.search_path) if _is_in_schema(kind) else ("",):
            found = self._by_name.get((_family(kind), schema, name), [])
            if arguments and kind in ROUTINES:
                found = [one for one in found if _takes(one, arguments)]
            if found:
                return tuple(found)
        return ()

    def table_of_part(self, kind: str, name: str, schemas: Sequence[str], table: str) -> str | None:
        """The schema of the table that has such a trigger, policy or rule; None where there is none."""
        places = schemas or self.target.search_path
        return next((schema for schema in places if (kind, name, schema, table) in self._parts), None)

    def partitions(self, table: tuple[str, str]) -> Sequence[tuple[str, str]]:
        """Of a partitioned table, by schema and name."""
        return self._partitions.get(table, ())

    def with_it(self, one: TargetObject, *, cascades: bool) -> Iterator[TargetObject]:
        """What is dropped when an object is; with CASCADE also what needs it."""
        if one.kind == "EXTENSION":
            yield from self._members.get(one.name, ())
        if one.kind in RELATIONS:
            yield from self._of_table.get((one.schema, one.name), ())
            for child in self._partitions.get((one.schema, one.name), ()):
                for kind in _TABLES:
                    yield from self._by_name.get((kind, *child), ())
        if cascades:
            if one.kind == "SCHEMA":
                yield from self.inside.get(one.name, ())
                for name, schema in self.target.extensions.items():
                    if schema == one.name:
                        yield from self._by_name["EXTENSION", "", name]
            yield from (other for other in self._needing.get(one, ()) if other.kind not in _TABLES)

    def needing(self, one: TargetObject) -> Sequence[TargetObject]:
        """What goes wrong without an object: views, routines; tables lose a key, a default, a column."""
        return self._needing.get(one, ())


def _family(kind: str) -> str:
    """Kinds that one DROP can mean."""
    return "ROUTINE" if kind in ROUTINES else "TYPE" if kind in TYPES else kind


def _is_in_schema(kind: str) -> bool:
    return kind in RELATIONS | ROUTINES | TYPES or kind in (
        *("INDEX", "COLLATION", "STATISTICS", "CONVERSION", "OPERATOR"),
        *("TEXT SEARCH CONFIGURATION", "TEXT SEARCH DICTIONARY"),
    )


def _takes(one: TargetObject, arguments: str) -> bool:
    """Whether a routine has the arguments that a script writes, with names or shorter types."""
    here = _types(signature_parts(one.name)[1])
    written = [text for text in _types(arguments) if not text.startswith("out ")]
    return len(here) == len(written) and all(
        text == type_ or text.endswith((f" {type_}", f".{type_}")) or type_.endswith(f".{text}")
        for text, type_ in zip(written, here, strict=True)
    )


def _types(arguments: str) -> list[str]:
    texts, depth, start = list[str](), 0, 1
    for place, character in enumerate(arguments):
        depth += (character == "(") - (character == ")")
        if (character == "," and depth == 1) or (character == ")" and not depth):
            texts.append(arguments[start:place].strip().lower())
            start = place + 1
    return [_unaliased(text) for text in texts if text]


def _unaliased(text: str) -> str:
    words = text.partition("(")[0].split()
    if not words:
        return text
    base = words[-1].removesuffix("[]")
    return " ".join([*words[:-1], _ALIASES.get(base, base) + words[-1][len(base) :]])
