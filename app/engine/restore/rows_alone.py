"""Plans to put rows into tables that are there: in which order, past which triggers, and what hinders it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

from app.domain.restore import Finding, RestoreMode, Severity
from app.engine.restore.closing import Closing
from app.engine.restore.sequences import value_set
from app.engine.restore.still_triggers import keep_still
from app.engine.restore.wording import counted, listed, some
from app.postgres.archive_entry import Entry
from app.postgres.quoting import Name, quote_qualified
from app.postgres.script import parse_copy_statement
from app.postgres.target_facts import ForeignKey, TargetFacts

STILL_TRIGGERS = "-c session_replication_role=replica"
_GOES_ON = "set no lower than it stands, nor than the values of its column, as other rows stay"


@dataclass(frozen=True, slots=True)
class RowsAlone:
    """How rows get into tables that exist.

    Attributes:
        entries: with tables after those that they refer to.
        settings: for the restoring sessions where there are several, as PGOPTIONS has them.
        prepares: statements that the restoring session begins with.
        truncated: tables that are emptied first, all in one statement.
        partitioned: those of them that have partitions, which are emptied too.
        findings: what hinders it, and what it means.
        closing: what is done when the rows are there. It sets the sequences of `changed`, too.
        changed: how entries come back other than the source has them, by dump id.
    """

    entries: tuple[Entry, ...]
    settings: str = ""
    truncated: tuple[Name, ...] = ()
    findings: tuple[Finding, ...] = ()
    partitioned: frozenset[Name] = frozenset()
    prepares: tuple[str, ...] = ()
    closing: Closing = field(default_factory=Closing)
    changed: Mapping[int, str] = field(default_factory=dict)

    @property
    def drops(self) -> tuple[str, ...]:
        """The statement that empties tables, if any is."""
        names = ", ".join(
            f"{'' if name in self.partitioned else 'ONLY '}{_written(name)}" for name in self.truncated
        )
        return (f"TRUNCATE TABLE {names};",) if names else ()


def plan_rows(
    entries: Sequence[Entry],
    target: TargetFacts,
    *,
    clean: bool,
    mode: RestoreMode,
    apart: Collection[Name] = frozenset(),
) -> RowsAlone:
    """Plan the rows of a dump, without definitions, for a target.

    Args:
        clean: empty the tables first.
        mode: deferred keys are no hindrance where all happens in one transaction.
        apart: tables that are emptied, and told of, elsewhere.
    """
    loads = {entry.dump_id: target_of(entry) for entry in entries if entry.kind == "TABLE DATA"}
    tables = list(dict.fromkeys(loads.values()))
    findings = list(_fitting(entries, loads, target))
    leaves = [(entry.schema, entry.tag) for entry in entries if entry.kind == "TABLE DATA"]
    loaded = list(dict.fromkeys((*tables, *leaves)))
    own = [name for name in loaded if name not in apart]
    filled = [name for name in own if name in target.rows_in]
    emptied: tuple[Name, ...] = ()
    if clean and filled:
        emptied, hindered = _emptied(own, target)
        findings += hindered
    elif filled and not clean:
        names = some(map(_written, filled))
        findings.append(
            Finding(
                Severity.WARNS,
                f"Rows are added to those that {counted(len(filled), 'table')} of the target have",
                names,
                "Rows that are there already violate keys; --clean empties the tables first.",
            )
        )
    defers: tuple[str, ...] = ()
    ranks, circle = _ranks(tables, _keys(tables, target.foreign_keys))
    if circle and mode is RestoreMode.ONE_TRANSACTION:
        defers = ("SET CONSTRAINTS ALL DEFERRED;",)
        ranks, circle = _ranks(
            tables, _keys(tables, [key for key in target.foreign_keys if not key.is_deferrable])
        )
    parts = _with_parts(loaded, target)
    still = keep_still(parts, emptied, circle, target, mode)
    findings += still.findings
    if circle and not still.is_replica:
        findings.append(
            Finding(
                Severity.BLOCKS,
                "Foreign keys go round in a circle",
                some(map(_written, circle)),
                "A superuser can restore them; so can others in one transaction if a key is DEFERRABLE.",
            )
        )
    ordered = sorted(entries, key=lambda entry: ranks.get(loads.get(entry.dump_id, ("", "")), _place(entry)))
    positions = _sequences_that_go_on(entries, emptied, target)
    return RowsAlone(
        tuple(ordered),
        STILL_TRIGGERS if still.is_replica and mode is not RestoreMode.ONE_TRANSACTION else "",
        emptied,
        tuple(findings),
        frozenset(parent for _, parent in target.partitions),
        (*defers, *still.before),
        Closing(
            still.after,
            tuple(parts) if still.is_replica else (),
            {(entry.schema, entry.tag): position for entry, position in positions},
            tuple(_with_wholes(parts, target)),
        ),
        {entry.dump_id: _GOES_ON for entry, _ in positions},
    )


def _with_parts(tables: Iterable[Name], target: TargetFacts) -> dict[Name, None]:
    """These tables, with all partitions of theirs."""
    return _closed(tables, ((parent, child) for child, parent in target.partitions))


def _with_wholes(tables: Iterable[Name], target: TargetFacts) -> dict[Name, None]:
    """These tables, with those that they are partitions of."""
    return _closed(tables, target.partitions)


def _closed(tables: Iterable[Name], pairs: Iterable[tuple[Name, Name]]) -> dict[Name, None]:
    following: dict[Name, list[Name]] = defaultdict(list)
    for one, other in pairs:
        following[one].append(other)
    found = dict.fromkeys(tables)
    for name in (pending := list(found)):
        for other in following[name]:
            if other not in found:
                found[other] = None
                pending.append(other)
    return found


def _sequences_that_go_on(
    entries: Iterable[Entry], emptied: Collection[Name], target: TargetFacts
) -> list[tuple[Entry, tuple[int, bool]]]:
    """The sequences whose numbers are in rows that stay, as far as anybody knows; with the source's value."""
    owners = {(one.schema, one.name): one.table for one in target.objects if one.kind == "SEQUENCE"}
    found = []
    for entry in entries:
        if entry.kind != "SEQUENCE SET" or (position := value_set(entry.definition)) is None:
            continue
        owner = owners.get((entry.schema, entry.tag), "")
        users = _with_parts([(entry.schema, owner)], target) if owner else {}
        if not owner or any(name in target.rows_in and name not in emptied for name in users):
            found.append((entry, position))
    return found


def target_of(entry: Entry) -> Name:
    """The table that an entry's rows go into: not its own where they go through a partition's root."""
    try:
        place = parse_copy_statement(entry.copy_statement)
    except ValueError:
        return entry.schema, entry.tag
    return place.schema or entry.schema, place.name


def _place(entry: Entry) -> float:
    """Settings come before the rows, everything else after them."""
    return -1 if entry.section == "pre-data" else float("inf")


def _fitting(entries: Iterable[Entry], loads: dict[int, Name], target: TargetFacts) -> Iterable[Finding]:
    """Whether there are such tables, with such columns, into which this role may copy."""
    tables = {(one.schema, one.name): one for one in target.objects if one.kind == "TABLE"}
    lacking: list[str] = []
    missing = [name for name in dict.fromkeys(loads.values()) if name not in tables]
    for entry in entries:
        name = loads.get(entry.dump_id, ("", ""))
        if name in tables and entry.copy_statement:
            columns = columns_of(entry)
            lacking += [f"{_written(name)}.{one}" for one in columns if one not in tables[name].columns]
    missing += _missing_views_and_sequences(entries, target)
    if missing:
        yield Finding(
            Severity.BLOCKS,
            f"The target does not have {some(map(_written, missing))}",
            hint="Restore everything, or the definitions first with --what schema.",
        )
    if lacking:
        yield Finding(Severity.BLOCKS, f"The target has no {listed('column', lacking)}")
    hidden = [name for name in loads.values() if name in target.hides_rows]
    if hidden:
        yield Finding(
            Severity.BLOCKS,
            f"Row security lets {target.role} copy nothing into {listed('table', map(_written, hidden))}",
            hint="Restore as the tables’ owner, or as a role with BYPASSRLS.",
        )


def _missing_views_and_sequences(entries: Iterable[Entry], target: TargetFacts) -> Iterator[Name]:
    needed = {"SEQUENCE SET": "SEQUENCE", "MATERIALIZED VIEW DATA": "MATERIALIZED VIEW"}
    known = {(one.kind, one.schema, one.name) for one in target.objects}
    for entry in entries:
        if entry.kind in needed and (needed[entry.kind], entry.schema, entry.tag) not in known:
            yield entry.schema, entry.tag


def columns_of(entry: Entry) -> tuple[str, ...]:
    """The columns that an entry's rows have, where its COPY names them."""
    try:
        return parse_copy_statement(entry.copy_statement).columns or ()
    except ValueError:
        return ()


def _emptied(tables: Sequence[Name], target: TargetFacts) -> tuple[tuple[Name, ...], tuple[Finding, ...]]:
    """The tables to empty in one statement: those that get rows, and empty ones that refer to them.

    PostgreSQL empties no table that another refers to, not even an empty one, unless both go together
    (https://www.postgresql.org/docs/current/sql-truncate.html).
    """
    leaves: dict[Name, set[Name]] = defaultdict(set)
    for child, parent in target.partitions:
        leaves[parent].add(child)

    def may_go(name: Name) -> bool:
        if name in leaves:
            return all(map(may_go, leaves[name]))
        return name in tables or name not in target.rows_in

    emptied = dict.fromkeys(tables)
    outside: list[str] = []
    for name in (pending := list(tables)):
        for key in target.foreign_keys:
            if key.referenced != name or key.table in emptied:
                continue
            if may_go(key.table):
                emptied[key.table] = None
                pending.append(key.table)
            else:
                outside.append(f"{_written(key.table)} refers to {_written(name)}")
    findings = []
    if outside:
        findings.append(
            Finding(Severity.BLOCKS, "Tables with rows refer to tables that would be emptied", some(outside))
        )
    others = [
        str(one)
        for one in target.objects
        if one.kind == "TABLE" and (one.schema, one.name) in emptied and not one.is_mine
    ]
    if others:
        findings.append(
            Finding(Severity.BLOCKS, f"{target.role} does not own what would be emptied", some(others))
        )
    return tuple(emptied), tuple(findings)


def _keys(tables: Iterable[Name], keys: Iterable[ForeignKey]) -> list[ForeignKey]:
    """The keys between different ones of these tables; COPY checks those within one at its end."""
    known = set(tables)
    return [
        key for key in keys if key.table != key.referenced and key.table in known and key.referenced in known
    ]


def _ranks(tables: Sequence[Name], keys: Iterable[ForeignKey]) -> tuple[dict[Name, float], tuple[Name, ...]]:
    """Each table's place so that what it refers to comes first, and a circle if there is one."""
    sorter: TopologicalSorter[Name] = TopologicalSorter(dict.fromkeys(tables, ()))
    for key in keys:
        sorter.add(key.table, key.referenced)
    try:
        return {name: float(place) for place, name in enumerate(sorter.static_order())}, ()
    except CycleError as error:
        return {name: float(place) for place, name in enumerate(tables)}, tuple(dict.fromkeys(error.args[1]))


def _written(name: Name) -> str:
    return quote_qualified(*name)
