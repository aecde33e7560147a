"""Holds one exported snapshot, so that counts and dump see the same database.

The locks come first: without them a TRUNCATE after the snapshot makes count and dump agree on an
empty table, because TRUNCATE is not transactional for older snapshots.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import errors
from psycopg.pq import TransactionStatus

from app.domain.backup import BackupOptions
from app.domain.errors import AppError, Cancelled, ErrorCode
from app.postgres.connection import Connection, Session, connect, interrupt
from app.postgres.failures import query_failure
from app.postgres.inspection import TableFacts, dumped_tables
from app.postgres.quoting import encode_sql
from app.system.cancellation import CancelToken, abandonable

_NO_LIMITS = (
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",
    "transaction_timeout",
)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An exported snapshot, alive as long as its session's transaction.

    `id` is what `pg_dump --snapshot` takes; `tables` are locked against change of their form.
    """

    id: str
    tables: tuple[TableFacts, ...]
    session: Session


@contextmanager
def hold_snapshot(
    connection: Connection, options: BackupOptions, cancel: CancelToken, *, lock_timeout: float
) -> Iterator[Snapshot]:
    """Lock the tables, export a snapshot, and hold both while inside.

    Args:
        lock_timeout: seconds to wait for the locks.

    Raises:
        AppError: LOCK_WAIT naming who holds the lock; RELATION_CHANGED when tables came or went
            meanwhile; or what the connection says.
        Cancelled: `cancel` was set.
    """
    session = abandonable(
        lambda: connect(connection, application="holdfast snapshot"), cancel, discard=Session.close
    )
    try:
        with cancel.interrupting(lambda: interrupt(session)):
            yield _export(session, options, lock_timeout)
    except psycopg.Error as error:
        cancel.check()
        raise query_failure(error, connection.describe()) from error
    finally:
        session.close()  # which ends the transaction, also where the server has gone


def _export(session: Session, options: BackupOptions, lock_timeout: float) -> Snapshot:
    session.execute("SET statement_timeout = 0")  # first, because the next one may take longer
    session.execute(
        "SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings WHERE name = ANY(%s)",
        [list(_NO_LIMITS)],
    )
    session.execute(f"SET lock_timeout = {max(1, int(lock_timeout * 1000))}".encode())
    session.execute("SET row_security = off")
    try:
        wanted = dumped_tables(session, options)
        session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        if wanted:
            names = ", ".join(f"ONLY {table.sql}" for table in wanted)
            session.execute(encode_sql(f"LOCK TABLE {names} IN ACCESS SHARE MODE"))
        ((snapshot_id,),) = session.execute("SELECT pg_catalog.pg_export_snapshot()").fetchall()
        locked = dumped_tables(session, options)
    except errors.LockNotAvailable as error:
        if session.info.transaction_status is not TransactionStatus.IDLE:
            session.execute("ROLLBACK")
        raise lock_held(session) from error
    except (errors.UndefinedTable, errors.InvalidSchemaName) as error:
        raise _tables_changed(str(error)) from error
    changed = {(table.oid, table.sql) for table in wanted} ^ {(table.oid, table.sql) for table in locked}
    if changed:
        raise _tables_changed(", ".join(sorted({name for _, name in changed})[:5]))
    session.execute("SET LOCAL search_path = ''")  # as pg_dump has it when it reads with a condition
    # Beside a dump that keeps the processors busy, neither compiling nor more workers save any time.
    session.execute("SET LOCAL jit = off")
    session.execute("SET LOCAL max_parallel_workers_per_gather = 0")
    return Snapshot(snapshot_id, locked, session)


def count_rows(session: Session, table: TableFacts, cancel: CancelToken) -> int:
    """Rows of this table alone (no children) that the dump will hold.

    Raises:
        Cancelled: when `cancel` interrupted the query.
    """
    try:
        ((rows,),) = session.execute(
            encode_sql(f"SELECT pg_catalog.count(*) FROM ONLY {table.sql} {table.condition}")
        ).fetchall()
    except errors.QueryCanceled:
        if cancel.is_cancelled:
            raise Cancelled from None
        raise
    return int(rows)


def _tables_changed(detail: str) -> AppError:
    return AppError(
        ErrorCode.RELATION_CHANGED,
        "Tables came or went while the snapshot was taken",
        detail=detail,
        hint="Start again when no migration runs.",
    )


def lock_held(session: Session) -> AppError:
    """LOCK_WAIT, naming the sessions that hold tables of this database exclusively or wait to do so."""
    holders = session.execute(
        """
        SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), a.pid, a.usename, a.application_name,
               a.state, pg_catalog.left(a.query, 80), l.granted
        FROM pg_catalog.pg_locks l
        JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
        JOIN pg_catalog.pg_class c ON c.oid = l.relation
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' AND c.relkind = 'r'
          AND l.database = (SELECT oid FROM pg_catalog.pg_database
                            WHERE datname = pg_catalog.current_database())
          AND n.nspname !~ '^pg_'
        ORDER BY l.granted DESC, a.query_start LIMIT 3
        """
    ).fetchall()
    detail = "; ".join(
        f"{table} is {'held' if granted else 'waited for'} by process {pid} of {user}"
        + (f" ({application})" if application else "")
        + f", {state or 'active'}: {query or 'its query cannot be seen'}"
        for table, pid, user, application, state, query, granted in holders
    )
    return AppError(
        ErrorCode.LOCK_WAIT,
        "A table is locked by another session",
        detail=detail or "the session that held it is gone now",
        hint="Wait until that session is done, or end it with pg_terminate_backend(its process number).",
    )
