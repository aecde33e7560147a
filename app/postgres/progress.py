"""Turns the server's own progress reports into fractions.

`bytes_total` of pg_stat_progress_copy is 0 for a COPY TO, so a table's share is its rows done over
its rows counted, weighted by its size.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from app.domain.events import TableProgress, TableState
from app.postgres.connection import Session
from app.postgres.inspection import TableFacts


@dataclass(frozen=True, slots=True)
class Activity:
    """What the server does for one application at one moment.

    `rows` maps the oid of each table being copied to the rows done; `signature` changes whenever
    anything moves, also in phases that report nothing. `begun` holds the tables that pg_dump's workers
    have begun so far: each locks a table when it begins it, until the end. Empty where there are no workers.
    """

    rows: Mapping[int, int]
    signature: tuple[object, ...]
    begun: frozenset[int] = frozenset()


def read_activity(session: Session, application: str) -> Activity:
    """Ask what the sessions with this application_name are doing."""
    rows: list[tuple[Any, ...]] = session.execute(
        """
        SELECT p.relid::int8, p.tuples_processed,
               a.pid, a.state_change::text, a.query_start::text, a.wait_event
        FROM pg_catalog.pg_stat_activity a
        LEFT JOIN pg_catalog.pg_stat_progress_copy p ON p.pid = a.pid
        WHERE a.application_name = %s ORDER BY a.backend_start, a.pid
        """,
        [application],
    ).fetchall()
    copying = {row[0]: row[1] for row in rows if row[0]}
    return Activity(copying, tuple(rows), _begun(session, [row[2] for row in rows[1:]]))


def _begun(session: Session, workers: list[int]) -> frozenset[int]:
    """The tables that these processes have locked; pg_dump's first session locks all of them."""
    if not workers:
        return frozenset()
    locked = session.execute(
        """
        SELECT relation::int8 FROM pg_catalog.pg_locks
        WHERE locktype = 'relation' AND mode = 'AccessShareLock' AND pid = ANY (%s)
        """,
        [workers],
    ).fetchall()
    return frozenset(relation for (relation,) in locked)


class DumpProgress:
    """The share of a dump that is done; it never goes back and stays below 1 until the end.

    Args:
        tables: that are dumped.
        in_order: whether pg_dump takes them by schema and name, as it does without workers.
    """

    def __init__(self, tables: Collection[TableFacts], *, in_order: bool = False) -> None:
        self._tables = {table.oid: table for table in tables}
        self._weights = {table.oid: max(table.bytes, 8192) for table in tables}
        self._total = sum(self._weights.values())
        self._rows: dict[int, int] = {}
        self._shown = {
            table.oid: TableProgress(table.sql, TableState.WAITS, 0, table.estimated_rows, table.bytes)
            for table in tables
        }
        self._order: dict[int, int] = {}
        if in_order:
            by_name = sorted(tables, key=lambda table: (table.schema, table.name))
            self._order = {table.oid: number for number, table in enumerate(by_name)}
        self._fraction = 0.0

    @property
    def tables(self) -> tuple[TableProgress, ...]:
        """Every table, in the order in which they were given."""
        return tuple(self._shown.values())

    def update(
        self, copying: Mapping[int, int], counts: Mapping[int, int], begun: Collection[int] = ()
    ) -> tuple[float | None, str, int]:
        """Give the fraction (None while nothing is known), the table at work, and the rows done.

        A table that was being copied and is not any more is done.

        Args:
            copying: rows done of the tables at work, by oid.
            counts: what the server has counted so far, by oid.
            begun: tables that were begun, whether they were ever seen at work or not.
        """
        for oid in (*begun, *self._passed(copying)):
            if oid in self._tables:
                self._rows.setdefault(oid, 0)
        for oid in self._rows.keys() & self._tables.keys() - copying.keys():
            self._rows[oid] = max(counts.get(oid, 0), self._rows[oid])
        for oid, rows in copying.items():
            self._rows[oid] = max(rows, self._rows.get(oid, 0))
        done = 0.0
        for oid, table in self._tables.items():
            total = counts.get(oid, table.estimated_rows)
            state = self._state(oid, copying)
            rows = self._rows.get(oid, 0)
            if state is not TableState.WAITS:
                share = min(rows / max(total, 1), 1.0) if state is TableState.RUNNING else 1.0
                done += self._weights[oid] * share
            self._show(oid, state, rows, total)
        if self._total:
            self._fraction = max(self._fraction, min(done / self._total, 0.99))
        current = max(copying, key=lambda oid: self._weights.get(oid, 0), default=0)
        name = self._tables[current].sql if current in self._tables else ""
        return (self._fraction if self._rows else None), name, sum(self._rows.values())

    def finish(self, counts: Mapping[int, int]) -> tuple[TableProgress, ...]:
        """Take it that all tables are done, with these rows, and give them."""
        for oid, shown in self._shown.items():
            rows = counts.get(oid, shown.rows)
            self._show(oid, TableState.DONE, rows, rows)
        return self.tables

    def _state(self, oid: int, copying: Mapping[int, int]) -> TableState:
        if oid in copying:
            return TableState.RUNNING
        return TableState.DONE if oid in self._rows else TableState.WAITS

    def _passed(self, copying: Mapping[int, int]) -> list[int]:
        """The tables that come before the one at work, too small to have been seen."""
        if not self._order:
            return []
        last = max((self._order.get(oid, -1) for oid in copying), default=-1)
        return [oid for oid, number in self._order.items() if number < last]

    def _show(self, oid: int, state: TableState, rows: int, total: int) -> None:
        shown = self._shown[oid]
        if (shown.state, shown.rows, shown.total) != (state, rows, total):
            self._shown[oid] = TableProgress(shown.name, state, rows, total, shown.bytes)
