"""When old backups were looked at last, as rows of the catalog: the rota is told from them."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime

from app.domain.history import Entry
from app.domain.rota import Check, CheckKind
from app.persistence.catalog_entry import select, stored

_KEEP = (
    "INSERT OR REPLACE INTO checked (id, destination, kind, project, at, problem) VALUES (?, ?, ?, ?, ?, ?)"
)


def keep_check(connection: sqlite3.Connection, check: Check) -> None:
    """Write it in the place of the last one of the same backup and kind."""
    row = (check.id, check.destination, check.kind.value, check.project, check.at, check.problem)
    connection.execute(_KEEP, [stored(value) for value in row])


def rotted(connection: sqlite3.Connection, since: datetime) -> tuple[Entry, ...]:
    """The backups that a check since then found bad."""
    condition = (
        "proof_failure <> '' AND NOT missing AND EXISTS (SELECT 1 FROM checked WHERE checked.id = backup.id "
        "AND checked.destination = backup.destination AND problem = '' AND at >= ?) ORDER BY started DESC"
    )
    return select(connection, f"result = 'succeeded' AND {condition}", stored(since))


def checks(connection: sqlite3.Connection) -> tuple[Check, ...]:
    """The last ones of all backups that are known."""
    rows = connection.execute(
        "SELECT checked.id, checked.destination, checked.project, checked.kind, at, problem "
        "FROM checked JOIN backup ON backup.id = checked.id AND backup.destination = checked.destination"
    )
    return tuple(
        Check(id_, place, project, CheckKind(kind), datetime.fromisoformat(at).astimezone(UTC), problem)
        for id_, place, project, kind, at, problem in rows
    )
