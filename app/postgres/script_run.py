"""Runs a SQL script of any origin on a server, item by item, and stops at the first error or goes on.

No psql takes part, so that nothing in a script can reach a program or a file of this computer: each
statement goes to the server by itself, as a message that may hold only one, and rows go to the COPY that
asked for them. (psql, when a COPY fails, takes its rows for commands and goes on.) What the server tells
of its session after each statement is compared with what the reader took for granted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import psycopg
from psycopg import pq

from app.domain.errors import AppError, Cancelled, ErrorCode
from app.postgres.connection import Connection, Session, connect, interrupt
from app.postgres.quoting import quote_literal
from app.postgres.script import CopyBlock, MetaCommand, Statement
from app.postgres.script_archive import ScriptItem
from app.postgres.script_dangers import UNREADABLE, danger_of_command
from app.postgres.script_errors import StatementError, StatementFailedError, error_of, message_of, unsafe
from app.postgres.shown_text import shortened
from app.postgres.statement_subject import TRANSACTION, subject_of
from app.postgres.statement_wire import Wire
from app.system.cancellation import CancelToken, abandonable

_MOST_ERRORS = 10_000
_BATCH = 200
_BATCH_BYTES = 256 * 1024
_SECOND_LOOK = re.compile(
    rb"(?:begin|commit|end|rollback|abort|start|prepare|savepoint|release|set|create|drop)\b", re.IGNORECASE
)
_OPENS_LARGE_OBJECT = re.compile(rb"SELECT pg_catalog\.lo_open\(")
_CLOSES_LARGE_OBJECT = re.compile(rb"SELECT pg_catalog\.lo_close\(")
_KEPT_IN_TRANSACTION = re.compile(
    rb"savepoint\b|release\b|rollback\s+(?:work\s+|transaction\s+)?to\b|set\s+constraints\b", re.IGNORECASE
)
_DATABASE = re.compile(rb"(?:create|drop)\s+database\b", re.IGNORECASE)
_PREPARATION = """
SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings
WHERE name IN ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout',
               'transaction_timeout', 'idle_session_timeout')
"""
_NOTICE_THE_END = """
SELECT pg_catalog.set_config(name, '1s', false) FROM pg_catalog.pg_settings
WHERE name = 'client_connection_check_interval' AND pg_catalog.version() ~ 'linux'
"""  # otherwise a server goes on for as long as a statement takes after we were killed
Edit = Callable[[int, bytes], bytes | None]


@dataclass(frozen=True, slots=True)
class ScriptRun:
    """What running a script came to: statements and bytes sent, and the errors where it went on."""

    statements: int
    bytes: int
    errors: tuple[StatementError, ...] = ()


def run_script(
    items: Iterable[ScriptItem],
    connection: Connection,
    encoding: str,
    edit: Edit = lambda _, text: text,
    *,
    one_transaction: bool,
    goes_on: bool = False,
    on_item: Callable[[int, int], None] = lambda _bytes, _dump_id: None,
    closing: Callable[[Session], None] | None = None,
    cancel: CancelToken,
) -> ScriptRun:
    """Run a script's items in one session.

    Args:
        items: the script, with the number of each item's entry (see `script_items`).
        connection: the target. The script's `\\connect`s to databases are passed over: `items` holds
            those of one database.
        encoding: of the script, PostgreSQL's name.
        edit: gives what to run instead of a statement; None to leave it out.
        one_transaction: all or nothing. The script's own BEGIN and COMMIT are left out.
        goes_on: goes on after errors, which are returned; in one transaction a failed statement alone
            is undone. The script's own BEGIN and COMMIT are left out here, too.
        on_item: told the bytes sent so far and the entry in work, after each statement and each block of
            rows.
        closing: given the session before the one transaction is committed; what it raises undoes all.
        cancel: stops within a second, also while the server waits for a lock.

    Raises:
        AppError: RESTORE_FAILED at the first error, with line, statement and the server's words;
            UNSAFE_SCRIPT for a meta-command, or when the script changes how quotes are read;
            CANNOT_RESTORE for what would end the one transaction; CONNECTION_LOST and the like.
        Cancelled: `cancel` was set.
    """
    cancel.check()
    session = abandonable(lambda: _connect(connection), cancel, lambda late: late.close())
    run = _Run(session, connection, edit, on_item, cancel)
    run.one_transaction, run.goes_on, run.closing = one_transaction, goes_on, closing
    try:
        run.prepare(encoding)
        for item in items:
            cancel.check()
            run.take(item)
        return run.finish()
    except Cancelled:
        interrupt(run.session)
        raise
    finally:
        run.close()


def _connect(connection: Connection) -> Session:
    return connect(connection, application=connection.keywords.get("application_name", "holdfast"))


class _Run:
    """One session and what was sent so far."""

    def __init__(
        self,
        session: Session,
        connection: Connection,
        edit: Edit,
        on_item: Callable[[int, int], None],
        cancel: CancelToken,
    ) -> None:
        self.session = session
        self.one_transaction = self.goes_on = False
        self.closing: Callable[[Session], None] | None = None
        self._wire = Wire(session, connection, cancel)
        self._server = self._wire.server
        self._edit = edit
        self._on_item = on_item
        self._cancel = cancel
        self._statements = self._bytes = 0
        self._errors: dict[tuple[int, int], StatementError] = {}
        self._batch: list[tuple[Statement, int, bytes]] = []
        self._batch_bytes = 0

    def close(self) -> None:
        """Hang up: what was not committed is undone."""
        self._wire.close()
        self.session.close()

    def prepare(self, encoding: str) -> None:
        """Make the session what the reader takes for granted, and begin."""
        self._own(_PREPARATION)
        self._own(_NOTICE_THE_END)
        self._own("SET standard_conforming_strings = on")
        self._own(f"SET client_encoding = {quote_literal(encoding)}")
        if self.one_transaction:
            self._own("BEGIN")

    def finish(self) -> ScriptRun:
        """Commit, and give what it came to."""
        self._send_batch()
        if self.one_transaction:
            if self.closing:
                self._close(self.closing)
            self._own("COMMIT")
        elif self._server.transaction_status == pq.TransactionStatus.INERROR:
            raise AppError(
                ErrorCode.RESTORE_FAILED,
                "The script ended in a transaction that had failed",
                detail="Its last transaction was undone.",
            )
        return ScriptRun(self._statements, self._bytes, tuple(self._errors.values()))

    def _close(self, closing: Callable[[Session], None]) -> None:
        try:
            with self._cancel.interrupting(lambda: interrupt(self.session)):
                closing(self.session)
        except psycopg.Error as error:
            self._cancel.check()
            if self._wire.is_lost:
                raise self._wire.lost(str(error)) from error
            detail = error.diag.message_primary or str(error)
            raise AppError(
                ErrorCode.RESTORE_FAILED, "What was restored could not be checked", detail=detail
            ) from error
        self._cancel.check()

    def take(self, numbered: ScriptItem) -> None:
        """Run one item."""
        item, dump_id = numbered.item, numbered.dump_id
        if isinstance(item, MetaCommand):
            self._send_batch()
            if danger := danger_of_command(item.text, item.line):
                raise unsafe(danger.line, danger.what, danger.statement)
            return
        text = item.statement if isinstance(item, CopyBlock) else item.text
        if self._is_left_out(text, item):
            return
        edited = self._edit(dump_id, text)
        if edited is None:
            return
        batches = self.one_transaction and not self.goes_on
        if batches and isinstance(item, Statement) and edited[:6].lower() == b"insert":
            self._batch.append((item, dump_id, edited))
            self._batch_bytes += len(edited)
            if len(self._batch) >= _BATCH or self._batch_bytes >= _BATCH_BYTES:
                self._send_batch()
            return
        self._send_batch()
        self._check_reading(item, edited)
        if self.one_transaction and self.goes_on:
            self._own("SAVEPOINT holdfast")
        alone = self.goes_on and not self.one_transaction
        if alone and _OPENS_LARGE_OBJECT.match(edited):
            self._own("BEGIN")  # a large object is open for as long as its transaction
        rows = item.data if isinstance(item, CopyBlock) else iter(())
        result = self._wire.run(edited, rows, lambda size: self._count(size, dump_id))
        self._statements += 1
        failed = result.status == pq.ExecStatus.FATAL_ERROR
        if failed:
            self._fail(item, dump_id, edited, result)
        if self.one_transaction:
            self._check_transaction(item, edited, failed=failed)
        elif alone and failed and self._server.transaction_status != pq.TransactionStatus.IDLE:
            self._own("ROLLBACK")
        elif alone and _CLOSES_LARGE_OBJECT.match(edited):
            self._own("COMMIT")

    def _send_batch(self) -> None:
        """Send INSERTs together."""
        if not self._batch:
            return
        batch, self._batch, self._batch_bytes = self._batch, [], 0
        for item, _, text in batch:
            self._check_reading(item, text)
        results = self._wire.run_all(
            [text for _, _, text in batch], lambda number, size: self._count(size, batch[number][1])
        )
        for (item, dump_id, text), result in zip(batch, results, strict=True):
            if result.status == pq.ExecStatus.FATAL_ERROR:
                self._fail(item, dump_id, text, result)
            self._statements += 1
        self._check_transaction(*batch[-1][::2], failed=False)

    def _is_left_out(self, text: bytes, item: Statement | CopyBlock) -> bool:
        """Whether it is transaction control that must not run here, or makes another database."""
        if not _SECOND_LOOK.match(text) or isinstance(item, CopyBlock):
            return False
        if _DATABASE.match(text):
            return True
        if not (self.one_transaction or self.goes_on) or subject_of(text[:400]).kind != TRANSACTION:
            return False
        if _KEPT_IN_TRANSACTION.match(text):
            return False
        if re.match(rb"rollback|abort|prepare", text, re.IGNORECASE):
            if self.goes_on:
                return True
            raise AppError(
                ErrorCode.CANNOT_RESTORE,
                "The script cannot run in one transaction",
                detail=f"Line {item.line}: {shortened(text)} would undo what came before it.",
                hint="Restore it into a new database, without one transaction.",
            )
        return True

    def _check_reading(self, item: Statement | CopyBlock, text: bytes) -> None:
        """The server must read quotes as the reader did, or text could be taken for statements."""
        standard = self._server.parameter_status(b"standard_conforming_strings") != b"off"
        encoding = (self._server.parameter_status(b"client_encoding") or b"").decode()
        if item.standard_strings != standard or encoding in UNREADABLE:
            raise unsafe(item.line, "what comes before it changed how quotes are read", shortened(text))

    def _check_transaction(self, item: Statement | CopyBlock, text: bytes, *, failed: bool) -> None:
        status = self._server.transaction_status
        if failed:
            self._own("ROLLBACK TO holdfast")
        elif status != pq.TransactionStatus.INTRANS:
            raise AppError(
                ErrorCode.CANNOT_RESTORE,
                "The script ended the transaction that it was restored in",
                detail=f"Line {item.line}: {shortened(text)}",
                hint="What came before it stays in the target. Restore into a new database instead.",
            )
        if self.goes_on:
            self._own("RELEASE holdfast")

    def _fail(self, item: Statement | CopyBlock, dump_id: int, text: bytes, result: Any) -> None:
        error = error_of(item.line, dump_id, text, result)
        if self._wire.is_lost:
            raise self._wire.lost(error.message)
        if not self.goes_on:
            self._cancel.check()
            raise StatementFailedError(error)
        key = dump_id, 0 if dump_id else item.line
        known = self._errors.get(key)
        if known:
            self._errors[key] = replace(known, more=known.more + 1)
        elif len(self._errors) < _MOST_ERRORS:
            self._errors[key] = error

    def _own(self, statement: str) -> None:
        """Run a statement of ours, which must not fail."""
        result = self._wire.run(statement.encode())
        if result.status == pq.ExecStatus.FATAL_ERROR:
            self._cancel.check()
            message = message_of(result)
            if self._wire.is_lost:
                raise self._wire.lost(message)
            raise AppError(
                ErrorCode.RESTORE_FAILED,
                "The restore could not be finished",
                detail=f"{message} · {statement}",
            )

    def _count(self, size: int, dump_id: int) -> None:
        self._bytes += size
        self._on_item(self._bytes, dump_id)
