"""Turns what an operation says into what its listener hears: percent of the whole, and not too often.

It also keeps the operation's log.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from app.domain.errors import AppError
from app.domain.events import CopyOpened, Event, Progress, TableProgress, TableState
from app.domain.operation import (
    Cancelled,
    Failed,
    LogLine,
    Noted,
    Opened,
    Operation,
    OperationEvent,
    Progressed,
)
from app.domain.pace import Meter, Standing, measured
from app.persistence.operation_log import OperationLog

Tell = Callable[[OperationEvent], None]

_INTERVAL = 0.1
_MOST_LINES = 2000
_LOGGED_TABLES = 200  # the largest ones


class Teller:
    """Speaks for one operation; its own worker threads may use it at the same time.

    Attributes:
        standing: where the operation was last; None before it said anything.
        is_open: whether it is a copy that can be used now.

    Args:
        on_open: called when it becomes so.
    """

    def __init__(
        self, operation: Operation, tell: Tell, log_folder: Path | None, *, on_open: Callable[[], None]
    ) -> None:
        self.operation = operation
        self.standing: Standing | None = None
        self.is_open = False
        self._tell = tell
        self._on_open = on_open
        self._log_folder = log_folder
        self._file: OperationLog | None = None
        self._lines: deque[LogLine] = deque(maxlen=_MOST_LINES)
        self._lock = threading.RLock()
        self._meter = Meter(operation.workload, time.monotonic())
        self._told = 0.0
        self._is_held_back = False
        self._timer: threading.Timer | None = None

    @property
    def lines(self) -> tuple[LogLine, ...]:
        """The log so far."""
        with self._lock:
            return tuple(self._lines)

    def begin(self) -> None:
        """Take the time: the operation starts."""
        with self._lock:
            self._meter = Meter(self.operation.workload, time.monotonic())
            if self._log_folder is not None:
                self._file = OperationLog(self._log_folder, self.operation)
            subject = ", ".join(filter(None, (self.operation.project, self.operation.subject)))
            self._note(f"{self.operation.kind.capitalize()} of {subject}" if subject else "Started")

    def hear(self, event: Event) -> None:
        """Take what the operation says."""
        with self._lock:
            if isinstance(event, Progress):
                self._progress(event)
                return
            self._note(event.text, is_warning=not isinstance(event, CopyOpened))
            if not isinstance(event, CopyOpened):
                return
            self._flush()
            self.is_open = True
            self._tell(Opened(self.operation, event.address))
        self._on_open()

    def end(self, ending: OperationEvent) -> None:
        """Deliver what was held back, and close the log."""
        with self._lock:
            self._flush()
            self._note(_last_words(ending))
            if self._file is not None:
                self._file.close()

    def _progress(self, event: Progress) -> None:
        before = self.standing
        now = time.monotonic()
        self._meter, self.standing = measured(self._meter, event, now)
        if before is None or before.phase is not event.phase:
            self._note(event.phase.value.capitalize())
        if event.log:
            self._note(event.log)
        for text in _finished(before.tables if before else (), event.tables):
            self._note(text)
        if self._timer is None and now - self._told >= _INTERVAL:
            self._say()
            return
        self._is_held_back = True
        if self._timer is None:
            self._timer = threading.Timer(self._told + _INTERVAL - now, self._late)
            self._timer.daemon = True
            self._timer.start()

    def _late(self) -> None:
        with self._lock:
            self._timer = None
            if self._is_held_back:
                self._say()

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._is_held_back:
            self._say()

    def _say(self) -> None:
        self._is_held_back = False
        self._told = time.monotonic()
        if self.standing is not None:
            self._tell(Progressed(self.operation, self.standing))

    def _note(self, text: str, *, is_warning: bool = False) -> None:
        line = LogLine(datetime.now(UTC), text)
        self._lines.append(line)
        if self._file is not None:
            self._file.write(line)
        self._tell(Noted(self.operation, line, is_warning))


def describe_failure(error: Exception) -> str:
    """The traceback of a bug; nothing for a failure that has a name."""
    return "" if isinstance(error, AppError) else "".join(traceback.format_exception(error))


def _last_words(ending: OperationEvent) -> str:
    if isinstance(ending, Failed):
        return f"Failed: {ending.error}" if not ending.traceback else f"Failed\n{ending.traceback}"
    return "Cancelled" if isinstance(ending, Cancelled) else "Done"


def _finished(before: tuple[TableProgress, ...], after: tuple[TableProgress, ...]) -> list[str]:
    """Lines for the largest tables that began or ended since then."""
    known: Sequence[TableProgress | None] = before if len(before) == len(after) else (None,) * len(after)
    lines = []
    for old, new in zip(known[:_LOGGED_TABLES], after[:_LOGGED_TABLES], strict=True):
        if old is new or (old is not None and old.state is new.state):
            continue
        if new.state is TableState.DONE:
            lines.append(f"{new.name}: {new.rows:,} rows, {new.bytes:,} bytes in the database")
        elif new.state is TableState.RUNNING:
            lines.append(f"{new.name}: started")
    return lines
