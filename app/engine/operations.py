"""Runs operations in threads: one at a time for each project, two at once, the others wait in order."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from app.domain.errors import AppError
from app.domain.errors import Cancelled as CancelledError
from app.domain.events import Listener
from app.domain.operation import (
    Cancelled,
    Failed,
    LogLine,
    Noted,
    Operation,
    OperationEvent,
    OperationKind,
    Progressed,
    Queued,
    Started,
    Succeeded,
)
from app.domain.pace import Standing, Workload
from app.engine.operation_teller import Tell, Teller, describe_failure
from app.system.cancellation import CancelToken

Work = Callable[[CancelToken, Listener], object]
"""What an operation does: stops when the token is set, tells the listener, returns the result."""

_AT_ONCE = 2
_LOGS_KEPT = 100
_log = logging.getLogger(__name__)


class OperationState(StrEnum):
    """Where an operation is in the queue. An open copy holds up nobody."""

    WAITING = "waiting"
    RUNNING = "running"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Status:
    """An operation that is not over, and where it was last."""

    operation: Operation
    state: OperationState
    standing: Standing | None
    is_stopping: bool


class Operations:
    """The queue; any thread may use it.

    Args:
        tell: the one listener. It is called from worker threads, and by `submit` and `cancel` from the
            caller's; the events of one operation come in order. It must return soon.
        log_folder: where the log of each operation is kept; None for nowhere.
    """

    def __init__(self, tell: Tell, log_folder: Path | None = None) -> None:
        self._listener = tell
        self._log_folder = log_folder
        self._lock = threading.RLock()
        self._waiting: list[_Run] = []
        self._running: list[_Run] = []
        self._logs: dict[str, Teller] = {}
        self._is_closed = False

    def submit(
        self,
        kind: OperationKind,
        project: str,
        work: Work,
        *,
        subject: str = "",
        backup: str = "",
        workload: Workload = (),
    ) -> Operation:
        """Queue an operation; it begins at once where nothing stands in its way.

        Args:
            project: whose others it waits for; empty for none.
            subject: what its title names besides.
            backup: id of the backup that it works on.
            workload: its phases, from `domain.pace`; without them there is no percent.

        Raises:
            RuntimeError: the queue was shut down.
        """
        now = datetime.now(UTC)
        operation = Operation(
            f"{now:%Y%m%dT%H%M%SZ}-{os.urandom(3).hex()}",
            kind,
            project,
            subject,
            backup,
            queued=now,
            workload=workload,
        )
        teller = Teller(operation, self._tell, self._log_folder, on_open=self._start_waiting)
        run = _Run(operation, work, teller)
        with self._lock:
            if self._is_closed:
                raise RuntimeError("the queue of operations was shut down")
            self._logs[operation.id] = teller
            for id_ in list(self._logs)[:-_LOGS_KEPT]:
                del self._logs[id_]
        self._tell(Queued(operation))
        if self._enqueue(run):
            self._start_waiting()
        else:
            self._end(run, Cancelled(operation, datetime.now(UTC)))
        return operation

    def cancel(self, id_: str) -> None:
        """Stop an operation: a waiting one is over at once, a running one soon. Others are left alone.

        It never blocks, although telling servers and children to stop takes seconds where they are frozen.
        """
        with self._lock:
            waiting = [run for run in self._waiting if run.operation.id == id_]
            running = [run for run in self._running if run.operation.id == id_]
            self._waiting = [run for run in self._waiting if run not in waiting]
        for run in waiting:
            run.cancel.cancel()
            self._end(run, Cancelled(run.operation, datetime.now(UTC)))
        for run in running:
            threading.Thread(target=run.cancel.cancel, daemon=True, name="cancel").start()

    def snapshot(self) -> tuple[Status, ...]:
        """Every operation that is not over: those that run, then those that wait, in order."""
        with self._lock:
            running = [run for run in self._running if not run.is_over]
            return (*(run.status() for run in running), *(run.status(waits=True) for run in self._waiting))

    @property
    def is_idle(self) -> bool:
        """True when nothing runs, waits or is open."""
        return not self.snapshot()

    def log(self, id_: str) -> tuple[LogLine, ...]:
        """The log of an operation, also of one that is over, as long as it is one of the last hundred."""
        with self._lock:
            teller = self._logs.get(id_)
        return teller.lines if teller else ()

    def shutdown(self, timeout: float | None = None) -> bool:
        """Stop everything and wait until all of it has ended; nothing can be queued any more.

        Whoever ends Holdfast wants his backups all the same: what a schedule asked for is made up for later.

        Args:
            timeout: seconds to wait; None for as long as it takes.

        Returns:
            Whether everything has ended.
        """
        with self._lock:
            self._is_closed = True
            everything = [run.operation.id for run in (*self._waiting, *self._running)]
            threads = [run.thread for run in self._running if run.thread is not None]
            for run in self._running:
                run.cancel.by_system = not run.cancel.is_cancelled
        for id_ in everything:
            self.cancel(id_)
        deadline = None if timeout is None else time.monotonic() + timeout
        for thread in threads:
            thread.join(None if deadline is None else max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in threads)

    def _enqueue(self, run: _Run) -> bool:
        """False when the queue was shut down meanwhile."""
        with self._lock:
            if not self._is_closed:
                self._waiting.append(run)
            return not self._is_closed

    def _start_waiting(self) -> None:
        """Start what can be, in order."""
        with self._lock:
            for run in tuple(self._waiting):
                busy = [other for other in self._running if not other.teller.is_open]
                project = run.operation.project.casefold()
                taken = {other.operation.project.casefold() for other in busy} - {""}
                if len(busy) >= _AT_ONCE:
                    return
                if project in taken:
                    continue
                self._waiting.remove(run)
                self._running.append(run)
                name = f"{run.operation.kind} {run.operation.id}"
                run.thread = threading.Thread(target=self._work, args=(run,), daemon=True, name=name)
                run.thread.start()

    def _work(self, run: _Run) -> None:
        operation, teller = run.operation, run.teller
        teller.begin()
        self._tell(Started(operation, datetime.now(UTC)))
        ending: OperationEvent
        try:
            run.cancel.check()
            result = run.work(run.cancel, teller.hear)
        except CancelledError:
            ending = Cancelled(operation, datetime.now(UTC))
        except Exception as error:  # noqa: BLE001 - an AppError or a bug: the listener is told
            traceback = describe_failure(error)
            if traceback:
                _log.error("%s failed by an error in Holdfast itself", operation.kind, exc_info=error)
            ending = Failed(operation, datetime.now(UTC), error, traceback)
        else:
            ending = Succeeded(operation, datetime.now(UTC), result)
        run.is_over = True
        self._end(run, ending)
        with self._lock:
            self._running.remove(run)
        self._start_waiting()

    def _end(self, run: _Run, ending: OperationEvent) -> None:
        run.teller.end(ending)
        self._tell(ending)

    def _tell(self, event: OperationEvent) -> None:
        _note(event)
        try:
            self._listener(event)
        except Exception:  # noqa: BLE001 - a bug of the listener must not end a backup
            _log.exception("the listener failed")


def _note(event: OperationEvent) -> None:
    """A line for the process's own log when an operation begins and ends; its own log has the rest."""
    if isinstance(event, (Queued, Progressed, Noted)):
        return
    operation, what = event.operation, type(event).__name__.lower()
    if isinstance(event, Failed) and isinstance(event.error, AppError):
        what = f"failed: {event.error.code}: {event.error.title}"
    about = f" of {operation.project}" if operation.project else ""
    _log.info("%s %s%s: %s", operation.kind, operation.id, about, what)


class _Run:
    """An operation with its work."""

    def __init__(self, operation: Operation, work: Work, teller: Teller) -> None:
        self.operation = operation
        self.work = work
        self.teller = teller
        self.cancel = CancelToken()
        self.thread: threading.Thread | None = None
        self.is_over = False

    def status(self, *, waits: bool = False) -> Status:
        state = OperationState.OPEN if self.teller.is_open else OperationState.RUNNING
        return Status(
            self.operation,
            OperationState.WAITING if waits else state,
            self.teller.standing,
            self.cancel.is_cancelled,
        )
