"""What the server says of a restore while it runs: rows loaded, indexes built, locks waited for."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.postgres.connection import Session


@dataclass(frozen=True, slots=True)
class RestoreActivity:
    """What one look at the server found.

    Attributes:
        loading: bytes and rows loaded so far of each table at work, by oid.
        doing: what is worked on, in words; a table made in an open transaction has no name to others.
        holder: who holds the lock that a session of the restore waits for, in words; empty when none waits.
        transactions: that have changed something and are still open.
        signature: changes whenever anything moves.
    """

    loading: dict[int, tuple[int, int]] = field(default_factory=dict)
    doing: str = ""
    holder: str = ""
    transactions: frozenset[int] = frozenset()
    signature: tuple[object, ...] = ()


def read_restore_activity(session: Session, application: str) -> RestoreActivity:
    """Ask what the sessions with this application_name are doing."""
    rows = session.execute(
        """
        SELECT a.pid, a.state_change::text, a.query_start::text, a.wait_event, a.wait_event_type,
               c.relid::int8, c.bytes_processed, c.tuples_processed, c.relid::regclass::text,
               i.relid::regclass::text, i.phase, i.blocks_done, i.blocks_total, i.tuples_done, i.tuples_total,
               CASE WHEN a.wait_event_type = 'Lock' THEN (
                   SELECT pg_catalog.string_agg(DISTINCT COALESCE(
                       'process ' || b.pid || COALESCE(' of ' || b.usename, '')
                       || COALESCE(' (' || NULLIF(b.application_name, '') || ')', ''),
                       'a prepared transaction'), ', ')
                   FROM pg_catalog.unnest(pg_catalog.pg_blocking_pids(a.pid)) AS blocking (pid)
                   LEFT JOIN pg_catalog.pg_stat_activity b USING (pid)
                   WHERE b.application_name IS DISTINCT FROM a.application_name) END,
               a.backend_xid::text
        FROM pg_catalog.pg_stat_activity a
        LEFT JOIN pg_catalog.pg_stat_progress_copy c ON c.pid = a.pid
        LEFT JOIN pg_catalog.pg_stat_progress_create_index i ON i.pid = a.pid
        WHERE a.application_name = %s ORDER BY a.pid
        """,
        [application],
    ).fetchall()
    loading = {row[5]: (int(row[6]), int(row[7])) for row in rows if row[5]}
    doing = next((_name(row[8]) for row in rows if row[8] and not row[8].isdigit()), "")
    building = next((f"index on {_name(row[9])}: {row[10]}" for row in rows if row[10]), "")
    return RestoreActivity(
        loading=loading,
        doing=doing or building,
        holder=next((row[15] for row in rows if row[15]), ""),
        transactions=frozenset(int(row[16]) for row in rows if row[16]),
        signature=tuple(row[:15] for row in rows),
    )


def _name(text: str) -> str:
    return "" if text.isdigit() else text
