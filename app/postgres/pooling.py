"""Finds out whether a pooler stands before the server, what its sessions are worth, and how many it has.

A pooler in transaction mode gives each transaction any of its sessions: settings leak to strangers. And
whoever asks for more sessions than a pool has waits without a word.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import psycopg

from app.domain.errors import AppError
from app.postgres.connection import Connection, Session, connect, hang_up
from app.system.cancellation import CancelToken

_PATIENCE = 5.0


@dataclass(frozen=True, slots=True)
class Pooling:
    """What a pooler does.

    Attributes:
        shares_sessions: another transaction of ours may be in another session.
        free_sessions: how many it gave at once beside the one that asked, of those that were wanted.
    """

    shares_sessions: bool
    free_sessions: int = 0


def pooling_of(
    connection: Connection, session: Session, wanted: int, cancel: CancelToken | None = None
) -> Pooling | None:
    """Ask a session that is in no transaction; None where it is the server's own.

    A pooler answers a sign-in itself, so that the number of the server's process that it names is none:
    PgBouncer does; of Supavisor *not verified against the hosted service*.

    Args:
        connection: what `session` came from.
        session: in autocommit mode.
        wanted: how many sessions beside it are needed at once; as many are tried, for a moment.
        cancel: ends the trying.

    Raises:
        Cancelled: `cancel` was set.
    """
    if session.info.backend_pid == _process(session):
        return None
    with ExitStack() as stack, ThreadPoolExecutor(max(wanted, 1), "pooler") as pool:
        tried = [pool.submit(_another, connection) for _ in range(wanted)]
        others = [one for one in (attempt.result() for attempt in tried) if one is not None]
        for other in others:
            stack.callback(other.close)
        if cancel is not None:
            cancel.check()
        return Pooling(_are_shared(session, others), len(others))


def _are_shared(session: Session, others: list[Session]) -> bool:
    """Whether a session of ours changes its process, or two that are open have the same."""
    processes: list[set[int]] = []
    for one in (session, *others):
        try:
            with _hung_up_later(one):
                # twice in a row: a pooler may take its sessions in turn
                processes.append({_process(one), _process(one)})
        except psycopg.Error:
            continue  # it went away meanwhile, and says nothing
    seen: set[int] = set()
    for numbers in processes:
        if len(numbers) > 1 or numbers & seen:
            return True
        seen |= numbers
    return False


def _another(connection: Connection) -> Session | None:
    """A session more, if there is one within a few seconds."""
    try:
        session = connect(connection.to(connect_timeout=str(int(_PATIENCE))))
    except AppError:
        return None
    try:
        with _hung_up_later(session):
            _process(session)
    except psycopg.Error:
        session.close()
        return None
    return session


@contextmanager
def _hung_up_later(session: Session) -> Iterator[None]:
    timer = threading.Timer(_PATIENCE, hang_up, [session])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _process(session: Session) -> int:
    ((number,),) = session.execute("SELECT pg_catalog.pg_backend_pid()").fetchall()
    return int(number)
