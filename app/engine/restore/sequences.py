"""Puts sequences back after a restore that was undone: setval does not take part in a transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from psycopg import errors

from app.domain.errors import AppError
from app.domain.events import Listener, Notice
from app.engine.restore.row_checks import Name
from app.postgres.connection import Connection, Session, asking, encode_sql, quote_qualified
from app.system.cancellation import CancelToken

_UNSEEN = (errors.UndefinedTable, errors.InvalidSchemaName, errors.InsufficientPrivilege)


@dataclass(frozen=True, slots=True)
class Position:
    """Where a sequence stands."""

    last: int
    is_called: bool
    goes_up: bool


def read_positions(
    connection: Connection, names: Iterable[Name], cancel: CancelToken
) -> Mapping[Name, Position]:
    """Where these sequences stand; one that is not there, or cannot be seen, is left out.

    Raises:
        AppError: the server refused.
        Cancelled: `cancel` was set.
    """
    with asking(connection, cancel) as session:
        return {name: at for name in names if (at := _position(session, name)) is not None}


def put_back(connection: Connection, positions: Mapping[Name, Position], listener: Listener) -> None:
    """Set sequences that stand before their old position there again.

    One that went on is left: others may have used its numbers, and a gap does no harm.
    """
    try:
        with asking(connection, CancelToken()) as session:
            for name, old in positions.items():
                now = _position(session, name)
                if now is None or now == old:
                    continue
                if now.last == old.last or (now.last < old.last) == old.goes_up:
                    session.execute(
                        "SELECT pg_catalog.setval(%s::pg_catalog.regclass, %s, %s)",
                        [quote_qualified(*name), old.last, old.is_called],
                    )
    except AppError as error:
        listener(Notice(f"Sequences that the restore had set could not be put back. {error}"))


def _position(session: Session, name: Name) -> Position | None:
    query = (
        "SELECT s.last_value, s.is_called, (SELECT q.seqincrement > 0 FROM pg_catalog.pg_sequence q "
        f"WHERE q.seqrelid = s.tableoid) FROM {quote_qualified(*name)} s"
    )
    try:
        found = session.execute(encode_sql(query)).fetchone()
    except _UNSEEN:
        return None
    return Position(int(found[0]), bool(found[1]), bool(found[2])) if found else None
