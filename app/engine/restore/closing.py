"""Finishes a restore into a database that exists: its triggers, keys, counts and sequences.

In one transaction all of it happens before the commit, so that nobody else's rows are taken for restored
ones, and so that what does not hold undoes the restore.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from psycopg import errors

from app.domain.errors import AppError, ErrorCode
from app.domain.restore import RestoreFailure
from app.engine.restore.row_checks import count_own_rows
from app.engine.restore.sequences import Position, advance
from app.postgres.connection import Session
from app.postgres.quoting import Name, encode_sql, quote_qualified
from app.postgres.unchecked_keys import BrokenKey, broken_keys

_OTHERS = """
SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity
WHERE datname = pg_catalog.current_database() AND backend_type = 'client backend'
  AND application_name NOT LIKE 'holdfast%'
"""
_REMEDY = "Restore the rows that they refer to as well, or correct the source."
_UNCHECKABLE = "Drop the key in the target and add it again, which checks it."


@dataclass(frozen=True, slots=True)
class Closing:
    """What a plan wants done when everything is loaded.

    Attributes:
        statements: give the target back what was changed for the time of the restore.
        unchecked: tables whose keys the server did not check.
        sequences: where the source has those that are not set before: the value, and whether it is used.
        referring: tables with rows of their own that refer to rows that were deleted, and may have come back.
        tables: those that got rows, and what they are partitions of, whose sequences may have to go on.
    """

    statements: tuple[str, ...] = ()
    unchecked: tuple[Name, ...] = ()
    sequences: Mapping[Name, tuple[int, bool]] = field(default_factory=dict)
    tables: tuple[Name, ...] = ()
    referring: tuple[Name, ...] = ()

    def with_project(
        self, statements: tuple[str, ...], rows: tuple[Name, ...], referring: tuple[Name, ...]
    ) -> Closing:
        """The same, with what a Supabase project needs beside it."""
        unchecked = tuple(dict.fromkeys((*self.unchecked, *rows)))
        return replace(
            self, statements=(*self.statements, *statements), unchecked=unchecked, referring=referring
        )


@dataclass(frozen=True, slots=True)
class Closed:
    """What closing came to.

    Attributes:
        rows: our own by table, where they could be told from those of others.
        sequences: what was done other than the source says, in words.
        failures: keys that do not hold.
        other_sessions: those of others in the database, who may have written to the restored tables.
    """

    rows: Mapping[Name, int | None] = field(default_factory=dict)
    sequences: Mapping[Name, str] = field(default_factory=dict)
    failures: tuple[RestoreFailure, ...] = ()
    other_sessions: int = 0


def close_transaction(
    session: Session, closing: Closing, rows: Iterable[Name], before: Mapping[Name, Position]
) -> Closed:
    """Close in the transaction that loaded the rows, which is not committed yet.

    Raises:
        AppError: RESTORE_FAILED naming the keys that do not hold.
        psycopg.Error: the server refused.
    """
    own = "UTF8" if session.info.parameter_status("server_encoding") != "SQL_ASCII" else "SQL_ASCII"
    for statement in (
        "RESET SESSION AUTHORIZATION",
        "RESET ROLE",
        f"SET client_encoding = '{own}'",
        "SET search_path = ''",
        "SET row_security = off",  # rather an error than some of the rows
    ):
        session.execute(statement.encode())
    try:
        session.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except errors.IntegrityError as error:
        raise _undone(error.diag.message_primary or str(error), _REMEDY) from None
    ((number,),) = session.execute("SELECT pg_catalog.txid_current() % (1::int8 << 32)").fetchall()
    is_new = f"own.xmin = '{number}'::pg_catalog.xid"
    broken = (*broken_keys(session, closing.unchecked, is_new), *broken_keys(session, closing.referring))
    if failures := [_failure(key) for key in broken]:
        causes = "; ".join(one.cause for one in failures)
        raise _undone(causes, failures[0].remedy)
    found = count_own_rows(session, rows, is_new)
    advanced = advance(session, closing.sequences, before, closing.tables)
    for statement in closing.statements:
        session.execute(encode_sql(statement))
    return Closed(found, advanced)


def close_apart(session: Session, closing: Closing, before: Mapping[Name, Position]) -> Closed:
    """Close where every entry was committed by itself; rows are counted apart.

    Raises:
        psycopg.Error: the server refused.
    """
    session.execute("SET statement_timeout = 0")
    session.execute("SET row_security = off")
    failures = tuple(_failure(key) for key in broken_keys(session, closing.unchecked))
    sequences = advance(session, closing.sequences, before, closing.tables)
    ((others,),) = session.execute(_OTHERS).fetchall()
    return Closed(sequences=sequences, failures=failures, other_sessions=others)


def _failure(key: BrokenKey) -> RestoreFailure:
    kind = "CONSTRAINT" if key.referenced is None else "FK CONSTRAINT"
    remedy = _UNCHECKABLE if key.rows is None else _REMEDY
    return RestoreFailure(kind, f"{quote_qualified(*key.table)} {key.key}", "", key.cause, remedy)


def _undone(detail: str, hint: str) -> AppError:
    return AppError(
        ErrorCode.RESTORE_FAILED, "The restored rows break keys of the target", detail=detail, hint=hint
    )
