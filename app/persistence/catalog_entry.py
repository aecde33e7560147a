"""How one attempt at a backup stands in a row of the catalog."""

from __future__ import annotations

import sqlite3
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from app.domain.backup import Manifest
from app.domain.history import Entry, Result
from app.persistence.catalog_file import SEARCH, DamagedRowError

COLUMNS = tuple(field.name for field in fields(Entry))
OLD_COLUMNS = COLUMNS[: COLUMNS.index("missing") + 1]
"""Those of the first catalogs: what can be saved of a damaged one that was never brought up to date."""

_OWN = ("project", "pinned", "note", "schedule", "slot")
"""What the user can change in the catalog alone, and what asked for the backup: reading a manifest again
leaves them as they are."""

_UPDATED = tuple(column for column in COLUMNS if column not in _OWN)

# ruff: noqa: S608 - the queries are made of the names of our own fields
SELECT = f"SELECT {', '.join(COLUMNS)} FROM backup"
OLD_SELECT = f"SELECT {', '.join(OLD_COLUMNS)} FROM backup"
UPSERT = (
    f"INSERT INTO backup ({', '.join(COLUMNS)}, search) VALUES ({', '.join('?' * (len(COLUMNS) + 1))}) "
    "ON CONFLICT (id, destination) DO UPDATE SET "
    f"{', '.join(f'{column} = excluded.{column}' for column in _UPDATED)}, "
    "schedule = coalesce(nullif(backup.schedule, ''), excluded.schedule), "
    "slot = coalesce(backup.slot, excluded.slot), "
    f"search = {SEARCH.format(own='backup', new='excluded')}"
)


def entry_of(folder: Path, manifest: Manifest) -> Entry:
    """The entry of a backup that succeeded, from its manifest."""
    return Entry(
        id=manifest.id,
        project=manifest.project,
        started=manifest.started,
        finished=manifest.finished,
        result=Result.SUCCEEDED,
        kind=manifest.kind,
        proof_level=manifest.proof.level,
        proof_failure=manifest.proof.failure,
        bytes=manifest.bytes,
        database_bytes=manifest.database_bytes,
        rows=manifest.rows,
        tables=len(manifest.tables),
        destination=str(folder.resolve().parent.parent),
        path=str(folder.resolve()),
        note=manifest.options.note,
        schedule=manifest.schedule,
        slot=manifest.slot,
    )


def row_of(entry: Entry) -> tuple[object, ...]:
    """The entry as values for `UPSERT`."""
    search = f"{entry.project}\n{entry.note}\n{entry.error_title}\n{entry.error_code}"
    return *(stored(getattr(entry, column)) for column in COLUMNS), storable(search.casefold())


def stored(value: object) -> object:
    """A value of an entry as SQLite keeps it: moments as text in UTC, which sorts by time."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return value


def storable(text: str) -> str:
    """Bytes that are no text (names in SQL_ASCII databases) as `\\udce9`; SQLite takes UTF-8 alone."""
    return text.encode("utf-8", "backslashreplace").decode()


def entry_in(row: tuple[object, ...]) -> Entry:
    """The entry in a row of `SELECT` or `OLD_SELECT`.

    Raises:
        DamagedRowError: it holds what `row_of` never gives.
    """
    try:
        return msgspec.convert(dict(zip(COLUMNS, row, strict=False)), Entry, strict=False)
    except msgspec.ValidationError as error:
        raise DamagedRowError(str(error)) from error


def select(connection: sqlite3.Connection, condition: str, *arguments: object) -> tuple[Entry, ...]:
    """The entries for which a condition holds, with its values."""
    values = [storable(value) if isinstance(value, str) else value for value in arguments]
    return tuple(map(entry_in, connection.execute(f"{SELECT} WHERE {condition}", values)))
