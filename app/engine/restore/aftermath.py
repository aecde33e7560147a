"""Finds out what a restore that did not succeed has left, and sees to it that it is left alone."""

from __future__ import annotations

import time
from collections.abc import Collection

from app.domain.errors import AppError, ErrorCode
from app.domain.events import Listener, Notice
from app.postgres.connection import Connection, Session, asking
from app.system.cancellation import CancelToken

_GONE_SECONDS, _LOOK_SECONDS = 2.0, 0.05


def end_sessions(connection: Connection, application: str, listener: Listener) -> None:
    """End what the server still does for us: one that waits for a lock does not notice that we are gone."""
    try:
        with asking(connection, CancelToken()) as session:
            deadline = time.monotonic() + _GONE_SECONDS
            while _terminate(session, application) and time.monotonic() < deadline:
                time.sleep(_LOOK_SECONDS)
    except AppError as error:
        if error.code is not ErrorCode.UNKNOWN_DATABASE:
            listener(Notice(f"Sessions of the restore may still run on the server. {error}"))


def _terminate(session: Session, application: str) -> bool:
    """Tell all of them to end; gives whether there were any."""
    return bool(
        session.execute(
            "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity "
            "WHERE application_name = %s AND pid <> pg_catalog.pg_backend_pid()",
            [application],
        ).fetchall()
    )


def was_committed(connection: Connection, transactions: Collection[int]) -> bool | None:
    """Whether one of these transactions was committed; None when that cannot be told.

    The server shows their numbers without the epoch, which is that of the next number, or the one before.
    """
    if not transactions:
        return None
    try:
        with asking(connection, CancelToken()) as session:
            states = session.execute(
                """
                SELECT pg_catalog.txid_status(CASE WHEN number > next + (1::int8 << 31)
                                                   THEN number - (1::int8 << 32)
                                                   ELSE number END)
                FROM (SELECT next, (next >> 32 << 32) | short AS number
                      FROM pg_catalog.unnest(%s::int8[]) AS short,
                           pg_catalog.txid_snapshot_xmax(pg_catalog.txid_current_snapshot()) AS next) t
                """,
                [list(transactions)],
            ).fetchall()
    except AppError:
        return None
    return any(state == "committed" for (state,) in states)
