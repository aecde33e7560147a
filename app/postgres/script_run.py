"""Runs a SQL script of any origin on a server, item by item, and stops at the first error or goes on.

No psql takes part, so that nothing in a script can reach a program or a file of this computer: each
statement goes to the server by itself, as a message that may hold only one, and rows go to the COPY that
asked for them. (psql, when a COPY fails, takes its rows for commands and goes on.) What the server tells
of its session after each statement is compared with what the reader took for granted.
"""

from __future__ import annotations

import re
import selectors
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import psycopg
from psycopg import pq

from app.domain.errors import AppError, Cancelled, ErrorCode
from app.postgres.connection import Connection, Session, connect, interrupt, quote_literal
from app.postgres.failures import connection_failure
from app.postgres.script import CopyBlock, MetaCommand, Statement
from app.postgres.script_archive import ScriptItem
from app.postgres.script_dangers import UNREADABLE, danger_of_command
from app.postgres.shown_text import shortened, without_values
from app.postgres.statement_subject import TRANSACTION, subject_of
from app.system.cancellation import CancelToken, abandonable

_LOOK_SECONDS = 0.1
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
_SETTING = re.compile(
    rb"(?:SET|RESET)\s+(?:SESSION\s+|LOCAL\s+)?([A-Za-z_][\w.]*)|SELECT\s+(?:pg_catalog\.)?set_config\s*\(\s*'(\w+)'",
    re.IGNORECASE,
)
_SINCE = {
    "check_function_bodies": 8,
    "row_security": 9.5,
    "idle_in_transaction_session_timeout": 9.6,
    "default_table_access_method": 12,
    "default_toast_compression": 14,
    "idle_session_timeout": 14,
    "transaction_timeout": 17,
}
_UNTIL = {"default_with_oids": 12, "xmlparse_options": 8}
_PREPARATION = """
SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings
WHERE name IN ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout',
               'transaction_timeout', 'idle_session_timeout')
"""
_NOTICE_THE_END = """
SELECT pg_catalog.set_config(name, '1s', false) FROM pg_catalog.pg_settings
WHERE name = 'client_connection_check_interval' AND pg_catalog.version() ~ 'linux'
"""  # otherwise a server goes on for as long as a statement takes after we were killed
_WHERE = re.compile(r"COPY .+?, line \d+(?:, column [^:]+)?")
_REMEDIES = {
    "53100": "The server's own disk is full: free some space there.",
    "42501": "The role may not do this: restore as the owner, or leave owners and privileges out.",
    "42P07": "The target already has it: restore into a new database, or clean the target first.",
    "42710": "The target already has it: restore into a new database, or clean the target first.",
    "42P06": "The target already has it: restore into a new database, or clean the target first.",
    "42723": "The target already has it: restore into a new database, or clean the target first.",
    "23505": "The target already has these rows: restore into a new database, or clean the target first.",
    "23503": "Rows that it refers to are missing: restore them as well, or correct the source.",
    "42704": "What it needs is missing in the target: a role, a type or an extension. Make it first.",
    "42P01": "A table that it needs is missing in the target: restore the whole script, or make it first.",
    "3F000": "A schema that it needs is missing in the target: restore the whole script, or make it first.",
    "58P01": "The server lacks a file, often an extension's: install the extension on the server.",
    "0A000": "The server cannot do this; is an extension missing, or is it older than the script?",
    "25001": "It cannot run inside of a transaction: restore without one.",
}

Edit = Callable[[int, bytes], bytes | None]


@dataclass(frozen=True, slots=True)
class StatementError:
    """What the server said to one statement.

    Attributes:
        line: of the script, where the statement begins; from 1.
        dump_id: its entry; 0 for settings.
        statement: its beginning.
        message: the server's own words, without the values of rows where it tells them apart.
        sqlstate: PostgreSQL's code of the error.
        hint: what can be done about it, where that is known.
        more: how many further statements of the same entry failed.
    """

    line: int
    dump_id: int
    statement: str
    message: str
    sqlstate: str
    hint: str = ""
    more: int = 0


class StatementFailedError(AppError):
    """A statement failed where nothing may; `error` says which, and what the server said."""

    def __init__(self, error: StatementError) -> None:
        super().__init__(
            ErrorCode.RESTORE_FAILED,
            f"The restore stopped in line {error.line} of the script",
            detail=f"{error.message} · {error.statement}",
            hint=error.hint,
        )
        self.error = error


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


def unknown_setting(statement: bytes, server_major: float) -> str:
    """The setting in `SET …` or `set_config` that a server of this major does not have; empty if it knows it.

    The versions are those in which the settings came and went, from PostgreSQL's release notes.
    """
    match = _SETTING.match(statement)
    if not match:
        return ""
    name = (match[1] or match[2]).decode().lower()
    is_unknown = _SINCE.get(name, 0) > server_major or server_major >= _UNTIL.get(name, 1_000_000)
    return name if is_unknown else ""


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
        self._server: Any = session.pgconn
        self._connection = connection
        self._edit = edit
        self._on_item = on_item
        self._cancel = cancel
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._server.socket, selectors.EVENT_READ)
        self._statements = self._bytes = 0
        self._errors: dict[tuple[int, int], StatementError] = {}
        self._batch: list[tuple[Statement, int, bytes]] = []
        self._batch_bytes = 0

    def close(self) -> None:
        """Hang up: what was not committed is undone."""
        self._selector.close()
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
            if self._server.status != pq.ConnStatus.OK:
                raise connection_failure(str(error), self._connection.describe()) from error
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
                raise _unsafe(danger.line, danger.what, danger.statement)
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
        result = self._run(edited, rows, dump_id)
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
        """Send INSERTs without waiting for each, which a distant server would make slow.

        libpq's pipeline mode still takes one statement a message, and after an error none that follows.
        """
        if not self._batch:
            return
        batch, self._batch, self._batch_bytes = self._batch, [], 0
        for item, _, text in batch:
            self._check_reading(item, text)
        server = self._server
        try:
            server.enter_pipeline_mode()
            for _, dump_id, text in batch:
                server.send_query_params(text, None)
                self._count(len(text), dump_id)
            server.pipeline_sync()
            self._flush()
            for item, dump_id, text in batch:
                result = self._result()
                if result.status == pq.ExecStatus.FATAL_ERROR:
                    self._fail(item, dump_id, text, result)
                while result is not None:
                    result = self._result()
                self._statements += 1
            self._result()
            server.exit_pipeline_mode()
        except psycopg.OperationalError as error:
            self._cancel.check()
            raise connection_failure(str(error), self._connection.describe()) from error
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
            raise _unsafe(item.line, "what comes before it changed how quotes are read", shortened(text))

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
        error = _error_of(item.line, dump_id, text, result)
        if self._server.status != pq.ConnStatus.OK:
            self._cancel.check()
            raise connection_failure(error.message, self._connection.describe())
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
        result = self._run(statement.encode(), iter(()), 0, counts=False)
        if result.status == pq.ExecStatus.FATAL_ERROR:
            self._cancel.check()
            message = _message(result)
            if self._server.status != pq.ConnStatus.OK:
                raise connection_failure(message, self._connection.describe())
            raise AppError(
                ErrorCode.RESTORE_FAILED,
                "The restore could not be finished",
                detail=f"{message} · {statement}",
            )

    def _run(self, statement: bytes, rows: Iterator[bytes], dump_id: int, *, counts: bool = True) -> Any:
        """Send one statement and its rows, and give the result."""
        server = self._server
        try:
            server.send_query_params(statement, None)
            self._flush()
            if counts:
                self._count(len(statement), dump_id)
            last = result = self._result()
            while result is not None:
                last = result
                if result.status == pq.ExecStatus.COPY_IN:
                    self._send_rows(rows, dump_id)
                elif result.status == pq.ExecStatus.COPY_OUT:
                    self._drop_rows()
                result = self._result()
            return last
        except psycopg.OperationalError as error:
            self._cancel.check()
            raise connection_failure(str(error), self._connection.describe()) from error

    def _send_rows(self, rows: Iterator[bytes], dump_id: int) -> None:
        server = self._server
        try:
            for block in rows:
                server.put_copy_data(block)
                self._flush()
                self._cancel.check()
                self._count(len(block), dump_id)
            server.put_copy_end()
        except psycopg.OperationalError:
            if server.status != pq.ConnStatus.OK:
                raise
            return  # the server has refused a row; its result says why
        self._flush()

    def _drop_rows(self) -> None:
        """Pass over the rows of COPY … TO STDOUT, which nobody wants."""
        while True:
            size, _ = self._server.get_copy_data(1)
            if size < 0:
                return
            if size == 0:
                self._wait(selectors.EVENT_READ)
                self._server.consume_input()

    def _count(self, size: int, dump_id: int) -> None:
        self._bytes += size
        self._on_item(self._bytes, dump_id)

    def _flush(self) -> None:
        while self._server.flush():
            ready = self._wait(selectors.EVENT_READ | selectors.EVENT_WRITE)
            if ready & selectors.EVENT_READ:
                self._server.consume_input()

    def _result(self) -> Any:
        server = self._server
        while server.is_busy():
            self._wait(selectors.EVENT_READ)
            server.consume_input()
        return server.get_result()

    def _wait(self, events: int) -> int:
        """Until the server's line is ready; looks at `cancel` on the way."""
        key = self._selector.get_key(self._server.socket)
        if key.events != events:
            self._selector.modify(self._server.socket, events)
        while True:
            ready = self._selector.select(_LOOK_SECONDS)
            self._cancel.check()
            if ready:
                return ready[0][1]


def _error_of(line: int, dump_id: int, text: bytes, result: Any) -> StatementError:
    state = (result.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode()
    return StatementError(line, dump_id, shortened(text), _message(result), state, _REMEDIES.get(state, ""))


def _message(result: Any) -> str:
    def told(field: pq.DiagnosticField) -> str:
        return (result.error_field(field) or b"").decode("utf-8", "replace")

    message = told(pq.DiagnosticField.MESSAGE_PRIMARY)
    if not message:
        message = result.error_message.decode("utf-8", "replace").strip() or "the server gave no reason"
    where = _WHERE.match(told(pq.DiagnosticField.CONTEXT))
    where_to = where[0] if where else ""
    parts = [without_values(message), where_to, told(pq.DiagnosticField.MESSAGE_HINT)]
    return " · ".join(part for part in parts if part)


def _unsafe(line: int, what: str, statement: str) -> AppError:
    return AppError(
        ErrorCode.UNSAFE_SCRIPT,
        "The SQL script was stopped",
        detail=f"Line {line}: {statement} · {what}",
        hint="Nothing of that was run. Remove it from the script if you trust the rest.",
    )
