"""What kept schedules from running, as rows of the catalog: the computer does not remember it."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta

from app.domain.due import Hold, Skipped, Waiting
from app.persistence.catalog_entry import stored
from app.persistence.catalog_file import transaction

_KEPT = timedelta(days=400)

_COLUMNS = ("schedule", "slot", "reason", "since", "until")
_KEEP = (
    "INSERT INTO hold VALUES (?, ?, ?, ?, ?) ON CONFLICT (schedule, slot, reason) "
    "DO UPDATE SET since = min(since, excluded.since), until = max(until, excluded.until)"
)


def keep_hold(connection: sqlite3.Connection, hold: Hold) -> None:
    """Write it, or move the end of the same one; those of more than a year ago go."""
    row = [stored(getattr(hold, column)) for column in _COLUMNS]
    with transaction(connection):
        connection.execute(_KEEP, row)
        connection.execute(
            "DELETE FROM hold WHERE schedule = ? AND slot < ?", [row[0], stored(hold.slot - _KEPT)]
        )


def holds_of(connection: sqlite3.Connection, schedule: str, since: datetime) -> tuple[Hold, ...]:
    """Those of a schedule's slots since then, oldest slot first."""
    rows = connection.execute(
        "SELECT schedule, slot, reason, since, until FROM hold WHERE schedule = ? AND slot >= ? "
        "ORDER BY slot, since, reason",
        [stored(schedule), stored(since)],
    )
    return tuple(
        Hold(one, _moment(slot), _reason(why), _moment(a), _moment(b)) for one, slot, why, a, b in rows
    )


def _reason(text: str) -> Waiting | Skipped:
    return Waiting(text) if text in set(Waiting) else Skipped(text)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
