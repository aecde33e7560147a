"""Turns the server's own progress reports into fractions.

`bytes_total` of pg_stat_progress_copy is 0 for a COPY TO, so a table's share is its rows done over
its rows counted, weighted by its size.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from app.postgres.connection import Session
from app.postgres.inspection import TableFacts


@dataclass(frozen=True, slots=True)
class Activity:
    """What the server does for one application at one moment.

    `rows` maps the oid of each table being copied to the rows done; `signature` changes whenever
    anything moves, also in phases that report nothing.
    """

    rows: Mapping[int, int]
    signature: tuple[object, ...]


def read_activity(session: Session, application: str) -> Activity:
    """Ask what the sessions with this application_name are doing."""
    rows: list[tuple[Any, ...]] = session.execute(
        """
        SELECT p.relid::int8, p.tuples_processed,
               a.pid, a.state_change::text, a.query_start::text, a.wait_event
        FROM pg_catalog.pg_stat_activity a
        LEFT JOIN pg_catalog.pg_stat_progress_copy p ON p.pid = a.pid
        WHERE a.application_name = %s ORDER BY a.pid
        """,
        [application],
    ).fetchall()
    return Activity({row[0]: row[1] for row in rows if row[0]}, tuple(rows))


class DumpProgress:
    """The share of a dump that is done; it never goes back and stays below 1 until the end."""

    def __init__(self, tables: Collection[TableFacts]) -> None:
        self._tables = {table.oid: table for table in tables}
        self._weights = {table.oid: max(table.bytes, 8192) for table in tables}
        self._total = sum(self._weights.values())
        self._rows: dict[int, int] = {}
        self._fraction = 0.0

    def update(self, copying: Mapping[int, int], counts: Mapping[int, int]) -> tuple[float | None, str, int]:
        """Give the fraction (None while nothing is known), the table at work, and the rows done.

        A table that was being copied and is not any more is done.

        Args:
            copying: rows done of the tables at work, by oid.
            counts: what the server has counted so far, by oid.
        """
        for oid in self._rows.keys() & self._tables.keys() - copying.keys():
            self._rows[oid] = max(counts.get(oid, 0), self._rows[oid])
        for oid, rows in copying.items():
            self._rows[oid] = max(rows, self._rows.get(oid, 0))
        done = 0.0
        for oid in self._rows.keys() & self._tables.keys():
            expected = max(counts.get(oid, self._tables[oid].estimated_rows), 1)
            share = min(self._rows[oid] / expected, 1.0) if oid in copying else 1.0
            done += self._weights[oid] * share
        if self._total:
            self._fraction = max(self._fraction, min(done / self._total, 0.99))
        current = max(copying, key=lambda oid: self._weights.get(oid, 0), default=0)
        name = self._tables[current].sql if current in self._tables else ""
        return (self._fraction if self._rows else None), name, sum(self._rows.values())
