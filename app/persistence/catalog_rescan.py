"""Makes the catalog agree with the manifests of a destination: the folder is the truth."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, replace
from pathlib import Path

from app.domain.errors import AppError
from app.domain.history import Entry, Result
from app.persistence.catalog_entry import UPSERT, row_of, select


@dataclass(frozen=True, slots=True)
class Rescan:
    """What reading a destination changed, and the backups that could not be read."""

    added: int
    updated: int
    missing: int
    problems: tuple[tuple[Path, AppError], ...] = ()


def merge(
    connection: sqlite3.Connection, destination: str, found: dict[str, Entry], unread: set[str]
) -> Rescan:
    """Make a destination's entries agree with the backups found there; `unread` are paths with a problem."""
    known = {entry.id: entry for entry in select(connection, "destination = ?", destination)}
    added = updated = missing = 0
    for entry in found.values():
        old = known.get(entry.id) or _moved_away(connection, entry)
        merged = entry if old is None else _with_own(entry, old)
        if merged != old:
            connection.execute(UPSERT, row_of(merged))
            added, updated = (added, updated + 1) if entry.id in known else (added + 1, updated)
    for entry in known.values():
        is_here = entry.id in found or entry.path in unread
        if entry.result is Result.SUCCEEDED and not entry.missing and not is_here:
            connection.execute(UPSERT, row_of(replace(entry, missing=True)))
            missing += 1
    return Rescan(added, updated, missing)


def _moved_away(connection: sqlite3.Connection, entry: Entry) -> Entry | None:
    """Forget and give the entry of the same backup in another destination, when its folder is gone there."""
    for other in select(connection, "id = ?", entry.id):
        if other.destination != entry.destination and not Path(other.path).exists():
            connection.execute(
                "DELETE FROM backup WHERE id = ? AND destination = ?", (other.id, other.destination)
            )
            return other
    return None


def _with_own(entry: Entry, old: Entry) -> Entry:
    """What a manifest says, with what the user changed and what asked for the backup."""
    return replace(
        entry,
        project=old.project,
        pinned=old.pinned,
        note=old.note,
        schedule=old.schedule or entry.schedule,
        slot=old.slot or entry.slot,
    )
