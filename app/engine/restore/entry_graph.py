"""Works out what each entry of a dump belongs to and what it needs, from archives and from scripts alike.

Archives say what needs what; in scripts the names in the definitions have to tell. What an entry is a part
of, like an index of its table, no archive says; pg_dump's tags and definitions do
(PostgreSQL's src/bin/pg_dump/pg_dump.c, the calls of ArchiveEntry).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from app.postgres.archive_entry import VIA_ROOT, Entry

RELATIONS = frozenset({"TABLE", "VIEW", "MATERIALIZED VIEW", "FOREIGN TABLE", "SEQUENCE"})
ROUTINES = frozenset({"FUNCTION", "PROCEDURE", "AGGREGATE"})
TYPES = frozenset({"TYPE", "DOMAIN", "SHELL TYPE"})
LARGE_OBJECTS = frozenset({"BLOB", "BLOBS", "BLOB METADATA", "BLOB COMMENTS"})
DATA = frozenset(
    {"TABLE DATA", "SEQUENCE SET", "MATERIALIZED VIEW DATA", "STATISTICS DATA", "LARGE OBJECTS"}
    | LARGE_OBJECTS
)
PREAMBLE = frozenset({"ENCODING", "STDSTRINGS", "SEARCHPATH"})
ABOUT = frozenset({"COMMENT", "ACL", "SECURITY LABEL"})

NAME = r'(?:"(?:[^"]|"")+"|[\w$]+)'
"""A pattern for one name as pg_dump writes it, quoted or not."""

_QUALIFIED = re.compile(rf"({NAME})\.({NAME})")
_IDENTIFIER = re.compile(NAME)
_BODY = re.compile(r"\$(\w*)\$.*?\$\1\$", re.DOTALL)
_OF_SAME_NAME = frozenset(
    ["TABLE DATA", "MATERIALIZED VIEW DATA", "ROW SECURITY", "SEQUENCE SET", "SEQUENCE OWNED BY"]
)
_NAMED_AFTER_TABLE = frozenset(
    ["CONSTRAINT", "CHECK CONSTRAINT", "FK CONSTRAINT", "TRIGGER", "RULE", "POLICY", "DEFAULT"]
)
_BACKED = ("INDEX", "CONSTRAINT")
_SUBJECT = {
    "INDEX": re.compile(rf"^CREATE .*? ON (?:ONLY )?({NAME})\.({NAME})", re.DOTALL),
    "STATISTICS": re.compile(rf"\bFROM (?:ONLY )?({NAME})\.({NAME})"),
    "SEQUENCE": re.compile(rf"ALTER TABLE (?:ONLY )?({NAME})\.({NAME}) ALTER COLUMN"),
}
_OWNED_BY = re.compile(rf"OWNED BY ({NAME})\.({NAME})\.{NAME}")
_ATTACH = re.compile(
    rf"ALTER (?:TABLE|INDEX) (?:ONLY )?({NAME})\.({NAME}) ATTACH PARTITION ({NAME})\.({NAME})"
)
_REFERENCES = re.compile(rf"\bREFERENCES (?:ONLY )?({NAME})\.({NAME})")
_OF_SERVER = re.compile(rf"\b(SERVER|FOREIGN DATA WRAPPER|LANGUAGE) ({NAME})")
_IN_SCHEMA = re.compile(rf"\bWITH SCHEMA ({NAME})")
_ABOUT_KIND = re.compile(r"((?:[A-Z]{2,} )+)(.*)", re.DOTALL)
_ON_RELATION = re.compile(rf"{NAME} ON (?:DOMAIN )?({NAME})$")
_KINDS_OF_TAG = {"FOREIGN SERVER": "SERVER", "LANGUAGE": "PROCEDURAL LANGUAGE"}


@dataclass(frozen=True, slots=True)
class EntryGraph:
    """What belongs to what, and what needs what, by dump id.

    Attributes:
        entries: all of them.
        needs: what must be there before an entry can be restored; entries of the dump only.
        part_of: the entry that a table's index, rows, comment … is a part of.
        parts: the opposite.
        attached: of TABLE ATTACH and INDEX ATTACH: the parent and the child.
        partitions: the TABLE ATTACH entries of each partitioned table.
        references: of FK CONSTRAINT: the table that its rows must be found in; 0 when it is not in the dump.
        is_script: whether needs had to be found by name.
    """

    entries: Mapping[int, Entry]
    needs: Mapping[int, tuple[int, ...]]
    part_of: Mapping[int, int]
    parts: Mapping[int, tuple[int, ...]]
    attached: Mapping[int, tuple[int, int]]
    partitions: Mapping[int, tuple[int, ...]]
    references: Mapping[int, int]
    is_script: bool


def unquoted(name: str) -> str:
    """A name as the catalogs have it."""
    return name[1:-1].replace('""', '"') if name.startswith('"') else name.lower()


def entry_graph(entries: Iterable[Entry]) -> EntryGraph:
    """Work it out for all entries of a dump."""
    names = _Names(tuple(entries))
    part_of: dict[int, int] = {}
    attached: dict[int, tuple[int, int]] = {}
    references: dict[int, int] = {}
    for entry in names.entries.values():
        whole = names.whole(entry)
        if whole and whole != entry.dump_id:
            part_of[entry.dump_id] = whole
        if entry.kind in ("TABLE ATTACH", "INDEX ATTACH"):
            attached[entry.dump_id] = names.attached(entry)
        if entry.kind == "FK CONSTRAINT":
            references[entry.dump_id] = names.found(_REFERENCES, entry.definition)
        if entry.kind == "SEQUENCE OWNED BY" and (table := names.found(_OWNED_BY, entry.definition)):
            part_of[names.relations[entry.schema, entry.tag]] = table
    attach_of = {
        child: number
        for number, (_, child) in attached.items()
        if names.entries[number].kind == "TABLE ATTACH"
    }
    partitions = _grouped((attached[number][0], number) for number in attach_of.values())

    def needs(number: int, entry: Entry) -> tuple[int, ...]:
        found = set(names.needs(entry, part_of.get(number, 0)))
        if number in attach_of:
            found.discard(attached[attach_of[number]][0])  # until it is attached, a partition is a table
        if entry.kind == "TABLE DATA" and entry.definition.startswith(VIA_ROOT):
            found.update(_family(part_of.get(number, 0), attach_of, attached, partitions))
        return tuple(sorted(found))

    return EntryGraph(
        names.entries,
        {number: needs(number, entry) for number, entry in names.entries.items()},
        part_of,
        _grouped((whole, number) for number, whole in part_of.items()),
        attached,
        partitions,
        references,
        names.is_script,
    )


def _grouped(pairs: Iterable[tuple[int, int]]) -> dict[int, tuple[int, ...]]:
    groups: dict[int, list[int]] = defaultdict(list)
    for key, number in pairs:
        groups[key].append(number)
    return {key: tuple(sorted(numbers)) for key, numbers in groups.items()}


def _family(
    table: int,
    attach_of: Mapping[int, int],
    attached: Mapping[int, tuple[int, int]],
    partitions: Mapping[int, tuple[int, ...]],
) -> set[int]:
    """The attachments of all partitions of a partition's root: its rows can go into any of them.

    That is why pg_dump loads them through the root: enum values hash by their oids, which change.
    """
    seen: set[int] = set()
    while table in attach_of and table not in seen:
        seen.add(table)
        table = attached[attach_of[table]][0]
    pending, found = [table], set[int]()
    while pending:
        for number in partitions.get(pending.pop(), ()):
            if number not in found:
                found.add(number)
                pending.append(attached[number][1])
    return found


@dataclass(slots=True)
class _Names:
    """Finds entries by the names in tags and definitions."""

    _all: tuple[Entry, ...]
    entries: dict[int, Entry] = field(default_factory=dict)
    relations: dict[tuple[str, str], int] = field(default_factory=dict)
    _indexes: dict[tuple[str, str], int] = field(default_factory=dict)
    _named: dict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(list))
    _by_kind: dict[tuple[str, str, str], int] = field(default_factory=dict)
    _extensions_in: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    is_script: bool = False

    def __post_init__(self) -> None:
        self.entries = {entry.dump_id: entry for entry in self._all}
        self.is_script = not any(entry.dependencies for entry in self._all)
        for entry in self._all:
            number, kind = entry.dump_id, entry.kind
            self._by_kind.setdefault((kind, entry.schema, entry.tag), number)
            if kind in RELATIONS:
                self.relations.setdefault((entry.schema, entry.tag), number)
            elif kind == "INDEX":
                self._indexes[entry.schema, entry.tag] = number
            if kind in RELATIONS | TYPES or kind == "COLLATION" or kind.startswith("TEXT SEARCH"):
                self._named[entry.schema, entry.tag].append(number)
            elif kind in ROUTINES:
                self._named[entry.schema, entry.tag.partition("(")[0]].append(number)
            elif kind == "EXTENSION" and (match := _IN_SCHEMA.search(entry.definition)):
                self._extensions_in[unquoted(match[1])].append(number)
        for entry in self._all:
            if entry.kind == "CONSTRAINT" and (table := self._by_prefix(entry)):
                name = entry.tag[len(self.entries[table].tag) + 1 :]
                self._indexes.setdefault((entry.schema, name), entry.dump_id)

    def found(self, pattern: re.Pattern[str], text: str) -> int:
        """The relation that a pattern finds in a definition; 0 for none."""
        match = pattern.search(text)
        return self.relations.get((unquoted(match[1]), unquoted(match[2])), 0) if match else 0

    def whole(self, entry: Entry) -> int:
        """What an entry is a part of; 0 for nothing."""
        kind = entry.kind
        if kind in _OF_SAME_NAME:
            return self.relations.get((entry.schema, entry.tag), 0)
        if kind == "STATISTICS DATA":
            key = entry.schema, entry.tag
            return self.relations.get(key, 0) or self._indexes.get(key, 0)
        if kind in _NAMED_AFTER_TABLE:
            return self._by_prefix(entry)
        if kind in _SUBJECT:
            return self.found(_SUBJECT[kind], entry.definition)
        if kind in ABOUT:
            return self._subject(entry)
        if kind in ("TABLE ATTACH", "INDEX ATTACH"):
            return self.attached(entry)[1]
        if kind in (
            "USER MAPPING",
            "PUBLICATION TABLE",
            "PUBLICATION TABLES IN SCHEMA",
            "SUBSCRIPTION TABLE",
        ):
            return self._named_first(entry)
        return 0

    def attached(self, entry: Entry) -> tuple[int, int]:
        """The parent and the child of an ATTACH; 0 where the dump has none."""
        match = _ATTACH.search(entry.definition)
        if match is None:
            return 0, 0
        parent, child = ((unquoted(match[number]), unquoted(match[number + 1])) for number in (1, 3))
        known = self.relations if entry.kind == "TABLE ATTACH" else self._indexes
        return known.get(parent, 0), known.get(child, 0)

    def needs(self, entry: Entry, whole: int) -> tuple[int, ...]:
        """What an entry needs, each once and in the order of the dump's ids."""
        found = {whole, *self.attached(entry)} if entry.kind.endswith(" ATTACH") else {whole}
        if entry.schema:
            found.add(self._by_kind.get(("SCHEMA", "", entry.schema), 0))
        if self.is_script:
            found.update(self._named_in(entry))
        else:
            found.update(number for number in entry.dependencies if self._is_need(entry, number, whole))
        if entry.kind == "MATERIALIZED VIEW DATA" and whole:
            found.update(self._contents_before(whole))
        return tuple(sorted(found - {0, entry.dump_id}))

    def _is_need(self, entry: Entry, number: int, whole: int) -> bool:
        """False for what is no entry, and for the index of the root that a partition's index waits for."""
        needed = self.entries.get(number)
        if needed is None:
            return False
        return not (
            entry.kind in _BACKED and entry.kind == needed.kind and self.whole(needed) not in (0, whole)
        )

    def _contents_before(self, view: int) -> Iterator[int]:
        """The contents of materialized views that this one reads."""
        for number in self.needs(self.entries[view], 0):
            read = self.entries[number]
            if read.kind == "MATERIALIZED VIEW":
                yield self._by_kind.get(("MATERIALIZED VIEW DATA", read.schema, read.tag), 0)

    def _by_prefix(self, entry: Entry) -> int:
        """The table of `orders orders_pkey`; names may have spaces, so the longest that there is."""
        best = 0
        for position, character in enumerate(entry.tag):
            if character == " ":
                key = entry.schema, entry.tag[:position]
                number = self.relations.get(key) or self._by_kind.get(("DOMAIN", *key))
                best = number or best
        return best

    def _subject(self, entry: Entry) -> int:
        """What a comment, privilege or label is about."""
        if entry.dependencies:
            return entry.dependencies[0] if entry.dependencies[0] in self.entries else 0
        match = _ABOUT_KIND.match(entry.tag)
        if match is None:
            return 0
        kind, name = match[1].strip(), match[2]
        kind = _KINDS_OF_TAG.get(kind, kind)
        if kind in ("COLUMN", "TABLE"):
            if number := self.relations.get((entry.schema, name), 0):
                return number
            first = _IDENTIFIER.match(name)
            key = (entry.schema, unquoted(first[0])) if first else ("", "")
            return self.relations.get(key) or self._by_kind.get(("TYPE", *key), 0)
        if on := _ON_RELATION.search(name):
            key = entry.schema, unquoted(on[1])
            part = unquoted(name[: on.start(1)].removesuffix(" ON DOMAIN ").removesuffix(" ON "))
            tag = f"{key[1]} {part}"
            kinds = (kind, "FK CONSTRAINT", "CHECK CONSTRAINT")
            found = (self._by_kind.get((one, entry.schema, tag), 0) for one in kinds)
            return (
                next(filter(None, found), 0)
                or self.relations.get(key)
                or self._by_kind.get(("DOMAIN", *key), 0)
            )
        plain = unquoted(name) if _IDENTIFIER.fullmatch(name) else name
        operator = re.split(r" \(| USING ", name, maxsplit=1)[0] if kind.startswith("OPERATOR") else name
        for tag in (name, plain, operator, f"{kind} {name}"):
            for schema in (entry.schema, ""):
                if number := self._by_kind.get((kind, schema, tag), 0):
                    return number
        return self._routine(entry.schema, name) or self.relations.get((entry.schema, plain), 0)

    def _routine(self, schema: str, signature: str) -> int:
        """The routine of a signature that has the names of arguments too, as comments and privileges do."""
        name, _, arguments = signature.partition("(")
        given = arguments.removesuffix(")").split(", ")
        for number in self._named.get((schema, unquoted(name)), ()):
            types = self.entries[number].tag.partition("(")[2].removesuffix(")").split(", ")
            if len(types) == len(given) and all(map(str.endswith, given, types)):
                return number
        return 0

    def _named_first(self, entry: Entry) -> int:
        """What a mapping, or a table of a publication, is a part of."""
        if entry.kind == "USER MAPPING":
            match = _OF_SERVER.search(entry.definition)
            return self._by_kind.get(("SERVER", "", unquoted(match[2])), 0) if match else 0
        kind = entry.kind.partition(" ")[0]
        for position, character in enumerate(entry.tag):
            if character == " " and (number := self._by_kind.get((kind, "", entry.tag[:position]))):
                return number
        return 0

    def _named_in(self, entry: Entry) -> Iterator[int]:
        """What a definition of a script names, of what comes before it: nothing needs what comes after."""
        text = _BODY.sub("", entry.definition)
        for first, second in _QUALIFIED.findall(text):
            key = unquoted(first), unquoted(second)
            known = [number for number in self._named.get(key, ()) if number < entry.dump_id]
            yield from known or self._extensions_in.get(key[0], [])
        for kind, name in _OF_SERVER.findall(text):
            kind = _KINDS_OF_TAG.get(kind, kind)
            yield self._by_kind.get((kind, "", unquoted(name)), 0)
        if match := _IN_SCHEMA.search(text):
            yield self._by_kind.get(("SCHEMA", "", unquoted(match[1])), 0)
