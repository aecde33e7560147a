"""Counts the rows of restored tables, to be compared with those of the source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue

from psycopg import errors

from app.domain.errors import AppError, ErrorCode
from app.postgres.connection import Connection, Session, asking
from app.postgres.quoting import Name, encode_sql, quote_qualified
from app.system.cancellation import CancelToken

_SESSIONS = 2


def count_rows(
    connection: Connection, tables: Iterable[Name], cancel: CancelToken, *, lock_seconds: float
) -> Mapping[Name, int | None]:
    """Rows of each table: with its partitions, without its children. One that is not there is left out.

    A table whose rows the role may not see, or not all of them, has None.

    Raises:
        AppError: LOCK_WAIT when a table stays locked for longer than `lock_seconds`; the server refused.
        Cancelled: `cancel` was set.
    """
    left: SimpleQueue[Name] = SimpleQueue()
    for table in tables:
        left.put(table)
    found: dict[Name, int | None] = {}

    def work() -> None:
        with asking(connection, cancel) as session:
            session.execute("SET statement_timeout = 0")
            session.execute("SET row_security = off")  # rather an error than some of the rows
            session.execute(f"SET lock_timeout = {int(lock_seconds * 1000)}".encode())
            while True:
                try:
                    table = left.get_nowait()
                except Empty:
                    return
                try:
                    found[table] = _count(session, table)
                except (errors.UndefinedTable, errors.InvalidSchemaName):
                    continue
                except errors.InsufficientPrivilege:
                    found[table] = None

    if left.empty():
        return found
    with ThreadPoolExecutor(_SESSIONS, "row checks") as pool:
        for future in [pool.submit(work) for _ in range(_SESSIONS)]:
            future.result()
    return found


def count_own_rows(session: Session, tables: Iterable[Name], is_own: str) -> Mapping[Name, int | None]:
    """Rows that the session's transaction has put into each table, whatever others do there meanwhile.

    Args:
        is_own: the condition on a row, which is called `own`.

    Returns:
        As `count_rows` does.
    """
    found: dict[Name, int | None] = {}
    for table in tables:
        try:
            with session.transaction():
                found[table] = _count(session, table, f" WHERE {is_own}")
        except (errors.UndefinedTable, errors.InvalidSchemaName):
            continue
        except (errors.InsufficientPrivilege, errors.FeatureNotSupported):
            found[table] = None
    return found


def _count(session: Session, table: Name, condition: str = "") -> int:
    name = quote_qualified(*table)
    try:
        found = session.execute(
            "SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
            "WHERE c.relkind = 'p' AND n.nspname = %s AND c.relname = %s",
            table,
        ).fetchone()
        only = "" if found else "ONLY "  # rows that are loaded through a root lie in its partitions
        query = f"SELECT pg_catalog.count(*) FROM {only}{name} own{condition}"
        ((rows,),) = session.execute(encode_sql(query)).fetchall()
    except errors.LockNotAvailable:
        raise AppError(
            ErrorCode.LOCK_WAIT,
            f"The rows of {name} cannot be counted: another session has locked it",
            hint="Wait until that session is done, or end it.",
        ) from None
    return int(rows)
