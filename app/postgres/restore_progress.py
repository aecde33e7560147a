"""What the server says of a restore while it runs: rows loaded, indexes built, locks waited for."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.postgres.connection import Session


@dataclass(frozen=True, slots=True)
class LockWait:
    """A session of the restore that waits for another's lock, and whose, in words."""

    seconds: float
    holder: str


@dataclass(frozen=True, slots=True)
class RestoreActivity:
    """What one look at the server found.

    Attributes:
        loading: bytes and rows loaded so far of each table at work, by oid.
        doing: what is worked on, in words; a table made in an open transaction has no name to others.
        waits: the longest wait for a lock.
        signature: changes whenever anything moves.
    """

    loading: dict[int, tuple[int, int]] = field(default_factory=dict)
    doing: str = ""
    waits: LockWait | None = None
    signature: tuple[object, ...] = ()


def read_restore_activity(session: Session, application: str) -> RestoreActivity:
    """Ask what the sessions with this application_name are doing."""
    rows = session.execute(
        """
        SELECT a.pid, a.state_change::text, a.query_start::text, a.wait_event, a.wait_event_type,
               c.relid::int8, c.bytes_processed, c.tuples_processed, c.relid::regclass::text,
               i.relid::regclass::text, i.phase, i.blocks_done, i.blocks_total, i.tuples_done, i.tuples_total,
               extract(epoch FROM pg_catalog.clock_timestamp() - a.query_start)::float8,
               CASE WHEN a.wait_event_type = 'Lock' THEN (
                   SELECT pg_catalog.string_agg(pg_catalog.format('process %%s of %%s%%s', b.pid, b.usename,
                       CASE WHEN b.application_name <> '' THEN ' (' || b.application_name || ')' END), ', ')
                   FROM pg_catalog.pg_stat_activity b
                   WHERE b.pid = ANY (pg_catalog.pg_blocking_pids(a.pid))
                     AND b.application_name <> a.application_name) END
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
    waits = [LockWait(row[15] or 0.0, row[16]) for row in rows if row[16]]
    return RestoreActivity(
        loading=loading,
        doing=doing or building,
        waits=max(waits, key=lambda wait: wait.seconds, default=None),
        signature=tuple(row[:15] for row in rows),
    )


def _name(text: str) -> str:
    return "" if text.isdigit() else text
