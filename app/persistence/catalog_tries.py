"""What was told to whom, and what could not be told, as rows of the catalog."""

from __future__ import annotations

import sqlite3
from dataclasses import fields
from datetime import timedelta

import msgspec

from app.domain.reminders import Occasion, Try
from app.persistence.catalog_entry import stored
from app.persistence.catalog_file import DamagedRowError, transaction

_KEPT = timedelta(days=90)

_COLUMNS = tuple(field.name for field in fields(Try))
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM reminder"  # noqa: S608 - ours
_INSERT = f"INSERT INTO reminder ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608


def keep_try(connection: sqlite3.Connection, made: Try) -> int:
    """Write it, and give its number; of old ones those stay that keep an alarm from being told again."""
    with transaction(connection):
        connection.execute(
            "DELETE FROM reminder WHERE at < ? AND (NOT sent OR occasion = ?)",
            [stored(made.at - _KEPT), Occasion.SUCCEEDED],
        )
        cursor = connection.execute(_INSERT, [stored(getattr(made, column)) for column in _COLUMNS])
    return int(cursor.lastrowid or 0)


def end_try(connection: sqlite3.Connection, number: int, *, sent: bool, problem: str) -> None:
    """Write what came of it."""
    connection.execute(
        "UPDATE reminder SET sent = ?, problem = ? WHERE number = ?", [sent, stored(problem), number]
    )


def tries(connection: sqlite3.Connection) -> tuple[Try, ...]:
    """All that are kept, oldest first."""
    return tuple(map(_try_in, connection.execute(f"{_SELECT} ORDER BY number")))


def latest_tries(connection: sqlite3.Connection, limit: int) -> tuple[Try, ...]:
    """The last ones, newest first."""
    return tuple(map(_try_in, connection.execute(f"{_SELECT} ORDER BY number DESC LIMIT ?", [limit])))


def _try_in(row: tuple[object, ...]) -> Try:
    try:
        return msgspec.convert(dict(zip(_COLUMNS, row, strict=True)), Try, strict=False)
    except msgspec.ValidationError as error:
        raise DamagedRowError(str(error)) from error
