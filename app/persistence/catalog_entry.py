"""How one attempt at a backup stands in a row of the catalog."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from app.domain.backup import Manifest
from app.domain.history import Entry, Result
from app.persistence.catalog_file import DamagedRowError

COLUMNS = tuple(field.name for field in fields(Entry))
SELECT = f"SELECT {', '.join(COLUMNS)} FROM backup"  # noqa: S608 - names of our own fields
UPSERT = (
    f"INSERT OR REPLACE INTO backup ({', '.join(COLUMNS)}) "  # noqa: S608 - names of our own fields
    f"VALUES ({', '.join('?' * len(COLUMNS))})"
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
    )


def row_of(entry: Entry) -> tuple[object, ...]:
    """The entry as values for `UPSERT`."""
    return tuple(_stored(getattr(entry, column)) for column in COLUMNS)


def _stored(value: object) -> object:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return value


def storable(text: str) -> str:
    """Bytes that are no text (names in SQL_ASCII databases) as `\\udce9`; SQLite takes UTF-8 alone."""
    return text.encode("utf-8", "backslashreplace").decode()


def entry_in(row: tuple[object, ...]) -> Entry:
    """The entry in a row of `SELECT`.

    Raises:
        DamagedRowError: it holds what `row_of` never gives.
    """
    try:
        return msgspec.convert(dict(zip(COLUMNS, row, strict=True)), Entry, strict=False)
    except msgspec.ValidationError as error:
        raise DamagedRowError(str(error)) from error
