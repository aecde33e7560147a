"""Orders what a dump holds as people look for it: by schema and kind, what belongs to a table below it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from app.engine.restore.entry_graph import ABOUT, LARGE_OBJECTS, PREAMBLE, EntryGraph, entry_graph
from app.postgres.archive_entry import Entry

_HIDDEN = ABOUT | PREAMBLE | LARGE_OBJECTS
_OF_THE_WHOLE = frozenset({
    "TABLE DATA", "MATERIALIZED VIEW DATA", "STATISTICS DATA", "SEQUENCE SET", "SEQUENCE OWNED BY",
    "TABLE ATTACH", "INDEX ATTACH",
})  # fmt: skip
_WITH_OWN_NAME = ("INDEX", "SEQUENCE", "STATISTICS")
_FIRST_KINDS = ("TABLE", "FOREIGN TABLE", "VIEW", "MATERIALIZED VIEW", "SEQUENCE", "FUNCTION", "PROCEDURE")


@dataclass(frozen=True, slots=True)
class TreeObject:
    """An object and its parts.

    Attributes:
        name: without its schema, not quoted; of a table's part without the table's, empty for ROW SECURITY.
        rows: of a table, where known; likewise `bytes` as COPY text and `stored` on the disk.
        partition_of: schema and name of the table that it is a partition of.
        parts: indexes, constraints, triggers, policies …, by kind and name.
    """

    dump_id: int
    kind: str
    name: str
    rows: int | None = None
    bytes: int | None = None
    stored: int | None = None
    partition_of: tuple[str, str] | None = None
    parts: tuple[TreeObject, ...] = ()


@dataclass(frozen=True, slots=True)
class TreeKind:
    """All objects of one kind in a schema, by name."""

    kind: str
    objects: tuple[TreeObject, ...]


@dataclass(frozen=True, slots=True)
class TreeSchema:
    """A schema; the name is empty for what is in none."""

    name: str
    kinds: tuple[TreeKind, ...]


@dataclass(frozen=True, slots=True)
class DataSizes:
    """What is known of rows: how many, bytes as COPY text, bytes on the disk; by dump id."""

    rows: Mapping[int, int] = field(default_factory=dict)
    bytes: Mapping[int, int] = field(default_factory=dict)
    stored: Mapping[int, int] = field(default_factory=dict)


def object_tree(entries: Iterable[Entry], sizes: DataSizes) -> tuple[TreeSchema, ...]:
    """The tree of a dump: what is in no schema first, then the schemas by name.

    Comments, privileges and large objects are left out.
    """
    graph = entry_graph(entries)
    node = _node_maker(graph, sizes)
    schemas: dict[str, dict[str, list[TreeObject]]] = defaultdict(lambda: defaultdict(list))
    for number, entry in graph.entries.items():
        if entry.kind in _HIDDEN or graph.part_of.get(number):
            continue
        if entry.kind == "SCHEMA":
            _ = schemas[entry.tag]
        else:
            schemas[entry.schema][entry.kind].append(node(entry, ""))
    return tuple(
        TreeSchema(
            name,
            tuple(
                TreeKind(kind, tuple(sorted(kinds[kind], key=lambda one: one.name)))
                for kind in sorted(kinds, key=_place)
            ),
        )
        for name, kinds in sorted(schemas.items())
    )


def _node_maker(graph: EntryGraph, sizes: DataSizes) -> Callable[[Entry, str], TreeObject]:
    partition_of = {
        child: parent
        for number, (parent, child) in graph.attached.items()
        if parent and graph.entries[number].kind == "TABLE ATTACH"
    }

    def node(entry: Entry, table: str) -> TreeObject:
        number = entry.dump_id
        parts = [graph.entries[part] for part in graph.parts.get(number, ())]
        data = next((part.dump_id for part in parts if part.kind == "TABLE DATA"), number)
        whole = graph.entries.get(partition_of.get(number, 0))
        shown = [part for part in parts if part.kind not in _HIDDEN and part.kind not in _OF_THE_WHOLE]
        return TreeObject(
            number,
            entry.kind,
            _name_below(entry, table),
            sizes.rows.get(data),
            sizes.bytes.get(data),
            sizes.stored.get(data),
            (whole.schema, whole.tag) if whole else None,
            tuple(
                sorted(
                    (node(part, entry.tag) for part in shown), key=lambda one: (_place(one.kind), one.name)
                )
            ),
        )

    return node


def _name_below(entry: Entry, table: str) -> str:
    """`orders_pkey` of the constraint `orders orders_pkey`; what has a name of its own keeps it."""
    if not table or entry.kind in _WITH_OWN_NAME:
        return entry.tag
    return "" if entry.tag == table else entry.tag.removeprefix(f"{table} ")


def _place(kind: str) -> tuple[int, str]:
    is_first = kind in _FIRST_KINDS
    return (_FIRST_KINDS.index(kind) if is_first else len(_FIRST_KINDS)), kind
