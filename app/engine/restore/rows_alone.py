"""Plans to put rows into tables that are there: in which order, past which triggers, and what hinders it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from app.domain.restore import Finding, RestoreMode, Severity
from app.engine.restore.wording import counted, listed, some
from app.postgres.archive_entry import Entry
from app.postgres.connection import quote_qualified
from app.postgres.script import parse_copy_statement
from app.postgres.target import ForeignKey, TargetFacts

Name = tuple[str, str]

STILL_TRIGGERS = "-c session_replication_role=replica"


@dataclass(frozen=True, slots=True)
class RowsAlone:
    """How rows get into tables that exist.

    Attributes:
        entries: with tables after those that they refer to.
        settings: for the restoring sessions, as PGOPTIONS has them.
        truncated: tables that are emptied first, all in one statement.
        partitioned: those of them that have partitions, which are emptied too.
        findings: what hinders it, and what it means.
    """

    entries: tuple[Entry, ...]
    settings: str
    truncated: tuple[Name, ...]
    findings: tuple[Finding, ...]
    partitioned: frozenset[Name] = frozenset()

    @property
    def drops(self) -> tuple[str, ...]:
        """The statement that empties tables, if any is."""
        names = ", ".join(
            f"{'' if name in self.partitioned else 'ONLY '}{_written(name)}" for name in self.truncated
        )
        return (f"TRUNCATE TABLE {names};",) if names else ()


def plan_rows(entries: Sequence[Entry], target: TargetFacts, *, clean: bool, mode: RestoreMode) -> RowsAlone:
    """Plan the rows of a dump, without definitions, for a target.

    Args:
        clean: empty the tables first.
        mode: deferred keys are no hindrance where all happens in one transaction.
    """
    loads = {entry.dump_id: target_of(entry) for entry in entries if entry.kind == "TABLE DATA"}
    tables = list(dict.fromkeys(loads.values()))
    findings = list(_fitting(entries, loads, target))
    leaves = [(entry.schema, entry.tag) for entry in entries if entry.kind == "TABLE DATA"]
    loaded = list(dict.fromkeys((*tables, *leaves)))
    filled = [name for name in loaded if name in target.rows_in]
    emptied: tuple[Name, ...] = ()
    if clean and filled:
        emptied, hindered = _emptied(loaded, target)
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
    ranks, circle = _ranks(tables, _keys(tables, target.foreign_keys, deferred=True))
    fires = [name for name in tables if name in target.triggers_on]
    settings = ""
    if (circle or fires) and target.may_replicate:
        settings = STILL_TRIGGERS
        why = "their triggers would fire" if fires else "their foreign keys go round in a circle"
        findings.append(
            Finding(
                Severity.INFORMS,
                "Triggers keep still, and foreign keys are not checked, while the rows are loaded",
                f"{some(map(_written, fires or circle))}: {why}",
            )
        )
        stubborn = [name for name in tables if name in target.always_triggers_on]
        if stubborn:
            findings.append(
                Finding(
                    Severity.WARNS,
                    "Triggers that are enabled always fire even so, and may change rows",
                    some(map(_written, stubborn)),
                    "ALTER TABLE … DISABLE TRIGGER for the time of the restore.",
                )
            )
    else:
        if circle and mode is RestoreMode.ONE_TRANSACTION:
            ranks, circle = _ranks(tables, _keys(tables, target.foreign_keys, deferred=False))
        if circle:
            findings.append(
                Finding(
                    Severity.BLOCKS,
                    "Foreign keys go round in a circle",
                    some(map(_written, circle)),
                    f"A superuser can restore them; or allow {target.role} to set session_replication_role.",
                )
            )
        if fires:
            findings.append(
                Finding(
                    Severity.WARNS,
                    "Triggers fire while rows are loaded, and may change them",
                    some(map(_written, fires)),
                    f"{target.role} may not keep them still; a superuser can.",
                )
            )
    ordered = sorted(entries, key=lambda entry: ranks.get(loads.get(entry.dump_id, ("", "")), _place(entry)))
    partitioned = frozenset(parent for _, parent in target.partitions)
    return RowsAlone(tuple(ordered), settings, emptied, tuple(findings), partitioned)


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
            columns = _columns(entry)
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


def _columns(entry: Entry) -> tuple[str, ...]:
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


def _keys(tables: Iterable[Name], keys: Iterable[ForeignKey], *, deferred: bool) -> list[ForeignKey]:
    """The keys between different ones of these tables; COPY checks those within one at its end."""
    known = set(tables)
    return [
        key
        for key in keys
        if key.table != key.referenced
        and key.table in known
        and key.referenced in known
        and (deferred or not key.is_deferred)
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
