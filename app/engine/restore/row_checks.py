"""Counts the rows of restored tables, to be compared with those of the source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue

from psycopg import errors

from app.postgres.connection import Connection, asking, encode_sql, quote_identifier
from app.system.cancellation import CancelToken

Name = tuple[str, str]

_SESSIONS = 2


def count_rows(connection: Connection, tables: Iterable[Name], cancel: CancelToken) -> Mapping[Name, int]:
    """Rows of each table alone, without its children; a table that is not there is left out.

    Raises:
        AppError: the server refused a query.
        Cancelled: `cancel` was set.
    """
    left: SimpleQueue[Name] = SimpleQueue()
    for table in tables:
        left.put(table)
    found: dict[Name, int] = {}

    def work() -> None:
        with asking(connection, cancel) as session:
            while True:
                try:
                    schema, name = left.get_nowait()
                except Empty:
                    return
                table = f"{quote_identifier(schema)}.{quote_identifier(name)}"
                try:
                    ((rows,),) = session.execute(
                        encode_sql(f"SELECT pg_catalog.count(*) FROM ONLY {table}")
                    ).fetchall()
                except (errors.UndefinedTable, errors.InvalidSchemaName):
                    continue
                found[schema, name] = int(rows)

    if left.empty():
        return found
    with ThreadPoolExecutor(_SESSIONS, "row checks") as pool:
        for future in [pool.submit(work) for _ in range(_SESSIONS)]:
            future.result()
    return found
