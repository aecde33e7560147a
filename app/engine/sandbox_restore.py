"""Restores a backup into the sandbox, in the steps that a sandbox which sorts text differently needs.

Collations of ICU and of other systems are not in the sandbox. Where the backed-up database used them,
a check or a partition's bounds can refuse rows that it took: these are dropped, the rows loaded again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import errors

from app.domain.proof import Outcome
from app.engine.proof_source import ProofSource
from app.engine.restore_list import RestoreList
from app.engine.sandbox_database import SandboxDatabase
from app.postgres.archive_entry import Entry
from app.postgres.connection import connect
from app.postgres.quoting import Name, encode_sql, quote_identifier, quote_literal
from app.postgres.toolchain import Installation
from app.system.cancellation import CancelToken

OTHER_ORDER = "it does not hold in the sandbox, which sorts text differently"

_DATA = ("TABLE DATA", "SEQUENCE SET", "BLOBS")
_CHECK = re.compile(r'new row for relation ".+?" violates check constraint "(.+?)"')
_DOMAIN_CHECK = re.compile(r'value for domain (.+?) violates check constraint "(.+?)"')
_DEADLOCK = "deadlock detected"  # two tables that are loaded at once, whose checks look into each other
_BOUNDS = re.compile(r'new row for relation ".+?" violates partition constraint')

_CANNOT_BE_TAKEN = (
    errors.UndefinedObject,
    errors.UndefinedTable,
    errors.InsufficientPrivilege,
    errors.DependentObjectsStillExist,
    errors.SyntaxError,
)

OnEntry = Callable[[int], None]


@dataclass(slots=True)
class Restored:
    """What came of a restore.

    Attributes:
        errors: the server's words for each entry that failed, by dump id.
        dropped: constraints that were dropped so that rows could be loaded, by schema and name of each
            table or domain that had them.
        detached: partitions, by schema and name, that were taken off their parent for the same reason.
        untimely: checks, in words, that hold once everything is loaded, but not before, by schema and
            name of the table.
        broken: checks, in words, that the rows do not fulfil and that compare no text, likewise.
    """

    errors: dict[int, str] = field(default_factory=dict)
    dropped: dict[Name, set[str]] = field(default_factory=dict)
    detached: set[Name] = field(default_factory=set)
    untimely: dict[Name, str] = field(default_factory=dict)
    broken: dict[Name, str] = field(default_factory=dict)


class SandboxRestore:
    """One restore into the sandbox: `load` the rows, then `finish` with what is made after them.

    Rows come first, all of them, as they do when pg_restore works alone; a table whose rows need an
    index of another table to be there (a regclass) is then found every time. They can be read back
    while `finish` runs.
    """

    def __init__(
        self,
        source: ProofSource,
        plan: RestoreList,
        database: SandboxDatabase,
        tool: Installation,
        *,
        workspace: Path,
        cancel: CancelToken,
    ) -> None:
        self.result = Restored()
        self._source = source
        self._plan = plan
        self._database = database
        self._tool = tool
        self._workspace = workspace
        self._cancel = cancel
        last = max((number for number, entry in enumerate(plan.entries) if entry.kind in _DATA), default=-1)
        split = len(plan.entries) if source.is_one_pass and plan.sorts_like_source else last + 1
        self._early, self._late = plan.entries[:split], plan.entries[split:]
        self._repair = _Repair(database, self.result)

    def load(self, on_entry: OnEntry) -> None:
        """Restore definitions and rows, and go on after errors; `on_entry` is told how many were done.

        Raises:
            AppError: the tool did not get as far as the entries, or lost the server.
            Cancelled: `cancel` was set.
        """
        self._restore(self._early, on_entry)
        for entry in [e for e in self._early if _DEADLOCK in self.result.errors.get(e.dump_id, "")]:
            del self.result.errors[entry.dump_id]
            self._restore([entry], lambda _: None)
        while not self._plan.sorts_like_source and (again := self._repair.loadable(self._early)):
            for entry in again:
                del self.result.errors[entry.dump_id]
            self._restore(again, lambda _: None)

    def finish(self) -> None:
        """Restore indexes, keys, triggers and the like. Raises as `load` does."""
        self._restore(self._late, lambda _: None)
        self._repair.put_back()

    def _restore(self, entries: Sequence[Entry], on_entry: OnEntry) -> None:
        if entries:
            self.result.errors |= self._source.restore(
                self._plan,
                entries,
                self._database,
                self._tool,
                self._workspace,
                cancel=self._cancel,
                on_entry=on_entry,
            )


@dataclass(frozen=True, slots=True)
class _Taken:
    """A check that was dropped from its owner, and all tables or domains that had it from there."""

    owner: str
    name: str
    definition: str
    compares_text: bool
    tables: list[Name]


class _Repair:
    """Takes away what refuses rows, and puts back what did so for another reason than their order."""

    def __init__(self, database: SandboxDatabase, result: Restored) -> None:
        self._connection = database.restorer.to(options="-csearch_path=pg_catalog")
        self._result = result
        self._taken: list[_Taken] = []

    def loadable(self, entries: Sequence[Entry]) -> list[Entry]:
        """The entries whose rows can be tried again, after what refused them was dropped."""
        failed = [entry for entry in entries if entry.dump_id in self._result.errors]
        return [entry for entry in failed if entry.kind == "TABLE DATA" and self._make_room(entry)]

    def _make_room(self, entry: Entry) -> bool:
        message = self._result.errors[entry.dump_id]
        table = f"{quote_identifier(entry.schema)}.{quote_identifier(entry.tag)}"
        try:
            if match := _DOMAIN_CHECK.search(message):
                return self._drop_domain_check(match[1], match[2])
            if match := _CHECK.search(message):
                return self._drop_check(table, match[1])
            if _BOUNDS.search(message):
                return self._detach(table, (entry.schema, entry.tag))
        except _CANNOT_BE_TAKEN:
            return False  # the rows' own error says what is wrong
        return False

    def put_back(self) -> None:
        """Add each dropped check again: one that holds now did not depend on the order of text.

        Nor does one that compares no text; where that fails again, no server can load the rows.
        """
        for taken in self._taken:
            blame = self._result.untimely
            try:
                self._run(f"{taken.owner} ADD CONSTRAINT {quote_identifier(taken.name)} {taken.definition}")
            except psycopg.Error:
                if taken.compares_text:
                    continue
                blame = self._result.broken
            for table in taken.tables:
                self._result.dropped[table].discard(taken.name)
                blame[table] = f"{taken.name} {taken.definition}"

    def _drop_check(self, table: str, constraint: str) -> bool:
        """Drop it where it comes from, which takes it from all tables that inherit it."""
        rows = self._rows(_TABLES_WITH_CHECK, table, constraint)
        tables = [(row[4], row[5]) for row in rows]
        for relation, inherited, definition, compares_text, *_ in rows:
            if not inherited:
                owner = f"ALTER TABLE {relation}"
                self._take(_Taken(owner, constraint, definition, bool(compares_text), tables))
        return bool(rows)

    def _drop_domain_check(self, domain: str, constraint: str) -> bool:
        rows = self._rows(_DOMAIN_WITH_CHECK, domain, constraint)
        for relation, definition, compares_text, schema, name in rows:
            owner = f"ALTER DOMAIN {relation}"
            self._take(_Taken(owner, constraint, definition, bool(compares_text), [(schema, name)]))
        return bool(rows)

    def _take(self, taken: _Taken) -> None:
        self._run(f"{taken.owner} DROP CONSTRAINT {quote_identifier(taken.name)}")
        self._taken.append(taken)
        for table in taken.tables:
            self._result.dropped.setdefault(table, set()).add(taken.name)

    def _detach(self, table: str, name: Name) -> bool:
        parents = self._rows(_PARENT, table)
        for (parent,) in parents:
            self._run(f"ALTER TABLE {parent} DETACH PARTITION {table}")
            self._result.detached.add(name)
        return bool(parents)

    def _run(self, statement: str) -> None:
        with connect(self._connection) as session:
            session.execute(encode_sql(statement))

    def _rows(self, query: str, *arguments: str) -> list[tuple[str, ...]]:
        text = query.format(*map(quote_literal, arguments), compares_text=_COMPARES_TEXT)
        with connect(self._connection) as session:
            return session.execute(encode_sql(text)).fetchall()


def outcome_of_dropped(restored: Restored, entry: Entry) -> tuple[Outcome, str] | None:
    """What the constraints that were dropped from an entry's object mean for it; None where none was."""
    kind, name = entry.kind, (entry.schema, entry.tag)
    if kind == "TABLE ATTACH" and name in restored.detached:
        return Outcome.NOT_CHECKED, OTHER_ORDER
    if kind in ("TABLE", "DOMAIN", "FOREIGN TABLE"):
        if name in restored.untimely:
            text = f"its rows cannot be loaded before those of other tables: {restored.untimely[name]}"
            return Outcome.NOT_RESTORABLE, text
        if name in restored.broken:
            return Outcome.NOT_RESTORABLE, f"its rows do not fulfil its check: {restored.broken[name]}"
        if restored.dropped.get(name):
            return Outcome.NOT_CHECKED, f"{', '.join(sorted(restored.dropped[name]))}: {OTHER_ORDER}"
    if kind in ("CHECK CONSTRAINT", "COMMENT"):
        for (schema, _), constraints in restored.dropped.items():
            if schema == entry.schema and any(_names(entry, constraint) for constraint in constraints):
                return Outcome.NOT_CHECKED, OTHER_ORDER
    return None


def _names(entry: Entry, constraint: str) -> bool:
    """Whether a check of its own, or a comment on one, is about this constraint."""
    if entry.kind == "COMMENT":
        return any(
            entry.tag.startswith(f"CONSTRAINT {name} ON ")
            for name in (constraint, quote_identifier(constraint))
        )
    return entry.tag.endswith(f" {constraint}")


# Whether an expression of a check is given a collation (C and POSIX are 950 and 951 everywhere), or is
# about ranges of text or rows, which bring theirs along.
_COMPARES_TEXT = """(
    k.conbin::text ~ ':inputcollid (?!0 |950 |951 )|:inputcollids [(]o [^)]*[1-9]'
    OR EXISTS (
        SELECT FROM pg_catalog.pg_type of LEFT JOIN pg_catalog.pg_range r ON r.rngtypid = of.oid
            LEFT JOIN pg_catalog.pg_range m ON m.rngmultitypid = of.oid
        WHERE (of.typtype = 'c' OR r.rngcollation <> 0 OR m.rngcollation <> 0) AND of.oid IN (
            SELECT a.atttypid FROM pg_catalog.pg_attribute a
            WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)
            UNION ALL SELECT d.typbasetype FROM pg_catalog.pg_type d WHERE d.oid = k.contypid
        )
    )
)"""
_TABLES_WITH_CHECK = """
WITH RECURSIVE up AS (
    SELECT {}::pg_catalog.regclass::pg_catalog.oid AS oid
    UNION SELECT i.inhparent FROM pg_catalog.pg_inherits i JOIN up ON up.oid = i.inhrelid
), down AS (
    SELECT oid FROM up
    UNION SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN down ON down.oid = i.inhparent
)
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), k.coninhcount > 0,
       pg_catalog.pg_get_constraintdef(k.oid), {compares_text}, n.nspname, c.relname
FROM down JOIN pg_catalog.pg_class c ON c.oid = down.oid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_constraint k ON k.conrelid = c.oid AND k.contype = 'c' AND k.conname = {}
"""
_DOMAIN_WITH_CHECK = """
SELECT pg_catalog.format('%I.%I', n.nspname, t.typname), pg_catalog.pg_get_constraintdef(k.oid),
       {compares_text}, n.nspname, t.typname
FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
JOIN pg_catalog.pg_constraint k ON k.contypid = t.oid
WHERE t.oid = {}::pg_catalog.regtype AND k.conname = {}
"""
_PARENT = """
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname)
FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhparent
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE i.inhrelid = {}::pg_catalog.regclass AND c.relkind = 'p'
"""
