"""Answers what a window asks of a long history, so that 100,000 backups feel like ten.

Each query that pages, counts or sorts reads one narrow index (see `catalog_file.SORTED`); only the rows
of the page itself are read from the table.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from app.domain.history import Entry, Result
from app.persistence.catalog_entry import COLUMNS, entry_in, select, storable, stored
from app.persistence.catalog_file import DamagedRowError


class Sort(StrEnum):
    """The columns by which a window sorts; among equals the newer comes first, or last when ascending."""

    TIME = "started"
    PROJECT = "project"
    KIND = "kind"
    RESULT = "result"
    PROOF = "proof"
    SIZE = "bytes"
    DURATION = "seconds"


class ProofFilter(StrEnum):
    """What a proof column shows."""

    NONE = ""
    SEALED = "sealed"
    COMPLETE = "complete"
    PROVEN = "proven"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class HistoryFilter:
    """Which entries are shown: those for which all of it holds. Empty tuples and None filter nothing.

    Attributes:
        text: words that stand in project, note or error, each somewhere, without regard to case.
        projects: their names.
        results: how the attempt ended.
        proofs: how far it is proven, or that the proof failed.
        kinds: manual, scheduled, safety.
        since, until: it started at or after, and before.
    """

    text: str = ""
    projects: tuple[str, ...] = ()
    results: tuple[Result, ...] = ()
    proofs: tuple[ProofFilter, ...] = ()
    kinds: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """An entry as a row of the window's table.

    Attributes:
        entry: what is known of it.
        previous_bytes: size of the project's last regular backup before it; None when there was none.
    """

    entry: Entry
    previous_bytes: int | None

    @property
    def trend(self) -> float | None:
        """By which share the size differs from the previous one; None where there is nothing to compare."""
        if not self.previous_bytes or self.entry.result is not Result.SUCCEEDED:
            return None
        return self.entry.bytes / self.previous_bytes - 1


@dataclass(frozen=True, slots=True)
class Point:
    """One attempt in the chart of a project: when, how large, how long, how it ended."""

    started: datetime
    bytes: int
    seconds: float | None
    result: Result


_REGULAR = "result = 'succeeded' AND kind <> 'safety'"
_PREVIOUS = f"project = ? AND started < ? AND {_REGULAR} ORDER BY started DESC, id DESC LIMIT 1"

# ruff: noqa: S608 - the queries are made of names of our own


def page(
    connection: sqlite3.Connection,
    wanted: HistoryFilter,
    sort: Sort,
    *,
    descending: bool,
    offset: int,
    limit: int,
) -> tuple[Listed, ...]:
    """The entries from `offset` on, at most `limit` of them, each with what its trend is told from."""
    condition, values = _condition(wanted)
    direction = "DESC" if descending else "ASC"
    order = f"{sort} {direction}, started {direction}" if sort is not Sort.TIME else f"started {direction}"
    rows = connection.execute(
        f"SELECT rowid FROM backup INDEXED BY sorted_by_{sort} WHERE {condition} "
        f"ORDER BY {order} LIMIT ? OFFSET ?",
        [*values, limit, offset],
    )
    return tuple(_listed(connection, rowid) for (rowid,) in rows.fetchall())


def count(connection: sqlite3.Connection, wanted: HistoryFilter) -> int:
    """How many entries there are."""
    condition, values = _condition(wanted)
    index = f"INDEXED BY sorted_by_{Sort.TIME}" if values else ""
    (number,) = connection.execute(
        f"SELECT count(*) FROM backup {index} WHERE {condition}", values
    ).fetchone()
    return int(number)


def total(connection: sqlite3.Connection, destination: str) -> tuple[int, int]:
    """How many backups lie in a folder, and their bytes."""
    number, size = connection.execute(
        "SELECT count(*), coalesce(sum(bytes), 0) FROM backup "
        "WHERE destination = ? AND result = 'succeeded' AND NOT missing",
        [storable(destination)],
    ).fetchone()
    return int(number), int(size)


def kept(connection: sqlite3.Connection, project: str) -> tuple[int, int]:
    """How many backups of a project are there, and their bytes."""
    number, size = connection.execute(
        "SELECT count(*), coalesce(sum(bytes), 0) FROM backup "
        "INDEXED BY backup_kept WHERE project = ? AND result = 'succeeded' AND missing = 0",
        [storable(project)],
    ).fetchone()
    return int(number), int(size)


def projects(connection: sqlite3.Connection) -> tuple[str, ...]:
    """The names of all projects; leaps from name to name through the index."""
    query = """
        WITH RECURSIVE named (project) AS (
            SELECT min(project) FROM backup
            UNION ALL
            SELECT (SELECT min(project) FROM backup WHERE project > named.project)
            FROM named WHERE named.project IS NOT NULL
        )
        SELECT project FROM named WHERE project IS NOT NULL
    """
    return tuple(name for (name,) in connection.execute(query))


def previous(connection: sqlite3.Connection, entry: Entry) -> Entry | None:
    """The project's last regular backup before this one."""
    found = select(connection, _PREVIOUS, entry.project, stored(entry.started))
    return found[0] if found else None


def recent(
    connection: sqlite3.Connection, project: str, since: datetime, slots: Mapping[str, datetime]
) -> tuple[Entry, ...]:
    """What tells a project's health: all since then, and the last good and the last proven one before.

    For each schedule among `slots` besides: its attempts from that slot on, and its last good one.
    """
    found = {
        (entry.id, entry.destination): entry
        for condition in (
            "started >= ? ORDER BY started DESC, id DESC",
            f"started < ? AND {_GOOD} ORDER BY started DESC, id DESC LIMIT 1",
            f"started < ? AND {_GOOD} AND proof_level = 'proven' ORDER BY started DESC, id DESC LIMIT 1",
        )
        for entry in select(connection, f"project = ? AND {condition}", project, stored(since))
    }
    for schedule, slot in slots.items():
        for condition, value in (
            ("schedule <> '' AND slot >= ?", slot),
            (f"schedule <> '' AND ? <> '' AND {_GOOD} ORDER BY slot DESC LIMIT 1", since),
        ):
            for entry in select(connection, f"schedule = ? AND {condition}", schedule, stored(value)):
                found.setdefault((entry.id, entry.destination), entry)
    return tuple(found.values())


_GOOD = f"{_REGULAR} AND proof_failure = '' AND NOT missing"


def since_good(connection: sqlite3.Connection, project: str, schedule: str) -> tuple[Entry, ...]:
    """A schedule's last good backup, the last one that is still there, and what was tried since.

    Backups by hand are among them. Of what was tried no more is given than tells how it stands.
    """
    own = f"project = ? AND schedule IN ('', ?) AND {_REGULAR}"
    good = f"{own} AND proof_failure = ''"
    newest = "ORDER BY started DESC, id DESC LIMIT"
    last = select(connection, f"{good} {newest} 1", project, schedule)
    there = select(connection, f"{good} AND NOT missing {newest} 1", project, schedule)
    tried = "project = ? AND schedule IN ('', ?) AND kind <> 'safety' AND started > ?"
    since = stored(last[0].started) if last else ""
    found = select(connection, f"{tried} {newest} {_MOST_TRIED}", project, schedule, since)
    return (*found, *dict.fromkeys((*last, *there)))


_MOST_TRIED = 500


def runs_of(connection: sqlite3.Connection, schedule: str, since: datetime) -> tuple[Entry, ...]:
    """The attempts of a schedule's slots since then."""
    return select(connection, "schedule = ? AND schedule <> '' AND slot >= ?", schedule, stored(since))


def runs_of_each(
    connection: sqlite3.Connection, slots: Mapping[str, datetime]
) -> dict[str, tuple[Entry, ...]]:
    """The attempts of each schedule from its slot on, with what is asked of a slot and nothing else.

    One query, for a tick asks for a thousand schedules.
    """
    wanted = json.dumps([[storable(schedule), stored(slot)] for schedule, slot in slots.items()])
    columns = ", ".join(f"backup.{column}" for column in _OF_A_SLOT)
    rows = connection.execute(
        f"SELECT {columns} FROM json_each(?) AS wanted CROSS JOIN backup "
        "ON backup.schedule = wanted.value ->> 0 AND backup.schedule <> '' "
        "AND backup.slot >= wanted.value ->> 1",
        [wanted],
    )
    found: dict[str, list[Entry]] = {schedule: [] for schedule in slots}
    for row in rows:
        found[row[-2]].append(_attempt(row))
    return {schedule: tuple(entries) for schedule, entries in found.items()}


def _attempt(row: tuple[Any, ...]) -> Entry:
    """Read by hand: msgspec takes four times as long, which a thousand at each tick would show."""
    id_, project, started, result, finished, schedule, slot = row
    try:
        return Entry(
            id_,
            project,
            datetime.fromisoformat(started),
            Result(result),
            datetime.fromisoformat(finished) if finished else None,
            schedule=schedule,
            slot=datetime.fromisoformat(slot),
        )
    except (TypeError, ValueError) as error:
        raise DamagedRowError(str(error)) from error


_OF_A_SLOT = ("id", "project", "started", "result", "finished", "schedule", "slot")


def series(connection: sqlite3.Connection, project: str, since: datetime | None) -> tuple[Point, ...]:
    """A project's attempts for a chart, oldest first; safety backups are none of them."""
    rows = connection.execute(
        "SELECT started, bytes, seconds, result FROM backup "
        "WHERE project = ? AND started >= ? AND kind <> 'safety' ORDER BY started, id",
        [storable(project), stored(since) if since else ""],
    )
    return tuple(
        Point(datetime.fromisoformat(at).astimezone(UTC), size, seconds, Result(result))
        for at, size, seconds, result in rows
    )


def _listed(connection: sqlite3.Connection, rowid: int) -> Listed:
    row = connection.execute(
        f"SELECT {', '.join(COLUMNS)}, (SELECT older.bytes FROM backup AS older "
        "WHERE older.project = backup.project AND older.started < backup.started "
        "AND older.result = 'succeeded' AND older.kind <> 'safety' "
        "ORDER BY older.started DESC, older.id DESC LIMIT 1) FROM backup WHERE rowid = ?",
        [rowid],
    ).fetchone()
    return Listed(entry_in(row[:-1]), row[-1])


def _condition(wanted: HistoryFilter) -> tuple[str, list[object]]:
    """The filter as SQL with its values."""
    conditions: list[str] = []
    values: list[object] = []
    for column, allowed in (
        ("project", wanted.projects),
        ("result", wanted.results),
        ("proof", wanted.proofs),
        ("kind", wanted.kinds),
    ):
        if allowed:
            conditions.append(f"{column} IN ({', '.join('?' * len(allowed))})")
            values += map(storable, allowed)
    for condition, at in (("started >= ?", wanted.since), ("started < ?", wanted.until)):
        if at is not None:
            conditions.append(condition)
            values.append(stored(at))
    for word in wanted.text.split():
        conditions.append("instr(search, ?)")
        values.append(storable(word.casefold()))
    return " AND ".join(conditions) or "TRUE", values
