"""Sets sequences: back after a restore that was undone, as setval takes part in no transaction; and after
rows were restored among others, so that they give no number that is in use.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from psycopg import errors

from app.domain.errors import AppError
from app.domain.events import Listener, Notice
from app.postgres.connection import Connection, Session, asking
from app.postgres.quoting import Name, encode_sql, quote_identifier, quote_literal, quote_qualified
from app.system.cancellation import CancelToken

_SETVAL = re.compile(
    r"\bSELECT (?:pg_catalog\.)?setval\('(?:[^']|'')+'(?:::\w+)?, (-?\d+)(?:, (true|false))?\);?\s*$"
)
_SEQUENCES = """
SELECT n.nspname, c.relname, q.seqincrement, q.seqmin, q.seqmax, m.nspname, t.relname,
       CASE WHEN NOT q.seqcycle AND a.atttypid IN (20, 21, 23, 1700) THEN a.attname END
FROM pg_catalog.pg_sequence q
JOIN pg_catalog.pg_class c ON c.oid = q.seqrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid
     AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype IN ('a', 'i')
     AND d.refobjsubid > 0
LEFT JOIN pg_catalog.pg_class t ON t.oid = d.refobjid
LEFT JOIN pg_catalog.pg_namespace m ON m.oid = t.relnamespace
LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
"""
"""Each sequence with the column that owns it, of int8, int2, int4 or numeric; without it if it cycles."""
_UNSEEN = (errors.UndefinedTable, errors.InvalidSchemaName, errors.InsufficientPrivilege)


_WHY = {
    "column": "its column has values up to there",
    "target": "the target had given numbers up to there",
}


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
                    _set(session, name, old)
    except AppError as error:
        listener(Notice(f"Sequences that the restore had set could not be put back. {error}"))


def value_set(definition: str) -> tuple[int, bool] | None:
    """What a SEQUENCE SET sets: the value, and whether it is used; None where only the server can tell."""
    match = _SETVAL.search(definition)
    return (int(match[1]), match[2] != "false") if match else None


def advance(
    session: Session,
    wanted: Mapping[Name, tuple[int, bool]],
    before: Mapping[Name, Position],
    tables: Collection[Name],
) -> Mapping[Name, str]:
    """Set sequences as far as any of these says: the source, where they stand or stood, the column's values.

    Args:
        wanted: what the source says of those that have not been set.
        before: where sequences stood before the restore.
        tables: whose own sequences must not give a number that their column has.

    Returns:
        What was done other than the source says, in words.

    Raises:
        psycopg.Error: the server refused.
    """
    if not wanted and not before and not tables:
        return {}
    done: dict[Name, str] = {}
    for schema, name, step, least, most, *column in session.execute(_SEQUENCES).fetchall():
        sequence, owner = (schema, name), (column[0], column[1])
        if sequence not in wanted and sequence not in before and owner not in tables:
            continue
        now = _position(session, sequence)
        if now is None:
            continue
        source = Position(*wanted[sequence], now.goes_up) if sequence in wanted else None
        highest = _of_column(session, owner, column[2], now) if column[2] else None
        if highest is not None and not least <= highest.last <= most:
            highest = None
        known = (now, before.get(sequence), source, highest)
        best = max(filter(None, known), key=lambda one: _next(one, step) * (1 if step > 0 else -1))
        if _next(best, step) != _next(now, step):
            _set(session, sequence, best)
        if source is not None and _next(best, step) != _next(source, step):
            why = "column" if best is highest else "target"
            done[sequence] = f"it stands at {best.last:,} rather than {source.last:,}: {_WHY[why]}"
        elif source is None and _next(best, step) != _next(now, step):
            done[sequence] = f"it was moved on from {now.last:,} to {best.last:,}: {_WHY['column']}"
    return done


def _next(position: Position, step: int) -> int:
    return position.last + step if position.is_called else position.last


def _of_column(session: Session, table: Name, column: str, like: Position) -> Position | None:
    which = "max" if like.goes_up else "min"
    query = f"SELECT pg_catalog.{which}({quote_identifier(column)})::int8 FROM {quote_qualified(*table)}"
    try:
        with session.transaction():
            ((value,),) = session.execute(encode_sql(query)).fetchall()
    except (errors.InsufficientPrivilege, errors.NumericValueOutOfRange):
        return None
    return None if value is None else Position(int(value), True, like.goes_up)


def _set(session: Session, name: Name, position: Position) -> None:
    written = quote_literal(quote_qualified(*name))
    query = f"SELECT pg_catalog.setval({written}, {position.last}, {position.is_called})"
    session.execute(encode_sql(query))


def _position(session: Session, name: Name) -> Position | None:
    query = (
        "SELECT s.last_value, s.is_called, (SELECT q.seqincrement > 0 FROM pg_catalog.pg_sequence q "
        f"WHERE q.seqrelid = s.tableoid) FROM {quote_qualified(*name)} s"
    )
    try:
        with session.transaction():  # what cannot be seen must not fail what comes after it
            found = session.execute(encode_sql(query)).fetchone()
    except _UNSEEN:
        return None
    return Position(int(found[0]), bool(found[1]), bool(found[2])) if found else None
