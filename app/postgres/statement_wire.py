"""Sends one statement a message to a server, and rows where it asks for them, until cancelled."""

from __future__ import annotations

import selectors
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import psycopg
from psycopg import pq

from app.postgres.connection import Connection, Session
from app.postgres.failures import connection_failure
from app.system.cancellation import CancelToken

_LOOK_SECONDS = 0.1

OnSent = Callable[[int], None]
"""Told of the bytes that were sent, a statement or a block of rows at a time."""


class Wire:
    """A session's line to its server, below psycopg, which would wait without looking at a CancelToken.

    Attributes:
        server: libpq's connection: its parameters, its transaction's status.
    """

    def __init__(self, session: Session, connection: Connection, cancel: CancelToken) -> None:
        self.server: Any = session.pgconn
        self._connection = connection
        self._cancel = cancel
        self._selector = selectors.DefaultSelector()
        self._selector.register(self.server.socket, selectors.EVENT_READ)

    def close(self) -> None:
        """Stop looking at the line; the session stays."""
        self._selector.close()

    @property
    def is_lost(self) -> bool:
        """Whether the server is out of reach."""
        return bool(self.server.status != pq.ConnStatus.OK)

    def lost(self, words: str) -> Exception:
        """What to raise when the line is lost: CONNECTION_LOST and the like, unless cancelled."""
        self._cancel.check()
        return connection_failure(words, self._connection.describe())

    def run(self, statement: bytes, rows: Iterable[bytes] = (), on_sent: OnSent = lambda _: None) -> Any:
        """Send one statement and its rows, and give the last result.

        Raises:
            AppError: CONNECTION_LOST and the like; what the server refuses stands in the result.
            Cancelled: the token was set.
        """
        try:
            self.server.send_query_params(statement, None)
            self._flush()
            on_sent(len(statement))
            last = result = self._result()
            while result is not None:
                last = result
                if result.status == pq.ExecStatus.COPY_IN:
                    self._send_rows(rows, on_sent)
                elif result.status == pq.ExecStatus.COPY_OUT:
                    self._drop_rows()
                result = self._result()
            return last
        except psycopg.OperationalError as error:
            raise self.lost(str(error)) from error

    def run_all(self, statements: Sequence[bytes], on_sent: Callable[[int, int], None]) -> Iterator[Any]:
        """Send statements without waiting for each, which a distant server would make slow; their results.

        libpq's pipeline mode still takes one statement a message, and after an error none that follows.

        Args:
            statements: without rows of their own.
            on_sent: told of each its number in the list and its bytes.

        Raises:
            AppError, Cancelled: as `run`.
        """
        server = self.server
        try:
            server.enter_pipeline_mode()
            for number, statement in enumerate(statements):
                server.send_query_params(statement, None)
                on_sent(number, len(statement))
            server.pipeline_sync()
            self._flush()
            for _ in statements:
                first = result = self._result()
                while result is not None:
                    result = self._result()
                yield first
            self._result()
            server.exit_pipeline_mode()
        except psycopg.OperationalError as error:
            raise self.lost(str(error)) from error

    def _send_rows(self, rows: Iterable[bytes], on_sent: OnSent) -> None:
        try:
            for block in rows:
                self.server.put_copy_data(block)
                self._flush()
                self._cancel.check()
                on_sent(len(block))
            self.server.put_copy_end()
        except psycopg.OperationalError:
            if self.is_lost:
                raise
            return  # the server has refused a row; its result says why
        self._flush()

    def _drop_rows(self) -> None:
        """Pass over the rows of COPY … TO STDOUT, which nobody wants."""
        while True:
            size, _ = self.server.get_copy_data(1)
            if size < 0:
                return
            if size == 0:
                self._wait(selectors.EVENT_READ)
                self.server.consume_input()

    def _flush(self) -> None:
        while self.server.flush():
            ready = self._wait(selectors.EVENT_READ | selectors.EVENT_WRITE)
            if ready & selectors.EVENT_READ:
                self.server.consume_input()

    def _result(self) -> Any:
        while self.server.is_busy():
            self._wait(selectors.EVENT_READ)
            self.server.consume_input()
        return self.server.get_result()

    def _wait(self, events: int) -> int:
        """Until the line is ready; looks at `cancel` on the way."""
        key = self._selector.get_key(self.server.socket)
        if key.events != events:
            self._selector.modify(self.server.socket, events)
        while True:
            ready = self._selector.select(_LOOK_SECONDS)
            self._cancel.check()
            if ready:
                return ready[0][1]
