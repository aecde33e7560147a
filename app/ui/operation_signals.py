"""Brings what the queue of operations tells from its worker threads into the window's thread."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from app.domain.operation import (
    OVER,
    Noted,
    Opened,
    Operation,
    OperationEvent,
    OperationKind,
    Progressed,
    Queued,
    Started,
)
from app.domain.pace import Standing, Workload
from app.engine.operations import Operations, OperationState, Status, Work
from app.ui import formats
from app.ui.phase_words import phase_words
from app.ui.widgets.operation_strip import Row

_SECOND = 1000


class OperationSignals(QObject):
    """The queue as the window sees it.

    Signals:
        changed: an operation began, moved or ended; `rows` say how things stand.
        finished: one is over, with its last event.
        opened: a copy is open: an `Opened` event.
        noted: a line for a log: the operation's id and the line.
    """

    changed = Signal()
    finished = Signal(object)
    opened = Signal(object)
    noted = Signal(str, object)
    _told = Signal(object)

    def __init__(self, log_folder: Path | None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.queue = Operations(self._told.emit, log_folder)
        self._told.connect(self._hear)
        self._standing: dict[str, Standing] = {}
        self._clock = QTimer(self)
        self._clock.setInterval(_SECOND)
        self._clock.timeout.connect(self.changed)

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
        """Queue an operation; as `Operations.submit`."""
        return self.queue.submit(kind, project, work, subject=subject, backup=backup, workload=workload)

    def cancel(self, id_: str) -> None:
        """Stop one."""
        self.queue.cancel(id_)

    def running(self, project: str = "") -> tuple[Status, ...]:
        """What is not over, of one project or of all."""
        everything = self.queue.snapshot()
        return tuple(one for one in everything if not project or one.operation.project == project)

    def rows(self) -> tuple[Row, ...]:
        """What the strip shows."""
        return tuple(self._row(status) for status in self.queue.snapshot())

    def title(self, operation: Operation) -> str:
        """“Backing up Shop”."""
        subject = operation.project or operation.subject
        words = {
            OperationKind.BACKUP: self.tr("Backing up %1"),
            OperationKind.PROOF: self.tr("Proving %1"),
            OperationKind.VERIFY: self.tr("Checking %1"),
            OperationKind.RESTORE: self.tr("Restoring into %1"),
            OperationKind.COPY: self.tr("Opening a copy of %1"),
            OperationKind.SAMPLE: self.tr("Trying with sample data"),
            OperationKind.EXPORT: self.tr("Exporting %1"),
            OperationKind.DELETE: self.tr("Deleting a backup of %1"),
            OperationKind.PRUNE: self.tr("Removing old backups of %1"),
        }
        return words[operation.kind].replace("%1", subject)

    def _hear(self, event: OperationEvent) -> None:
        if isinstance(event, Noted):
            self.noted.emit(event.operation.id, event.line)
            return
        if isinstance(event, Progressed):
            self._standing[event.operation.id] = event.standing
        if isinstance(event, (Queued, Started)):
            self._clock.start()
        if isinstance(event, Opened):
            self.opened.emit(event)
        if isinstance(event, OVER):
            self._standing.pop(event.operation.id, None)
            self.finished.emit(event)
            if self.queue.is_idle:
                self._clock.stop()
        self.changed.emit()

    def _row(self, status: Status) -> Row:
        operation, standing = status.operation, self._standing.get(status.operation.id, status.standing)
        title = self.title(operation)
        if status.state is OperationState.WAITING:
            return Row(operation.id, title, self.tr("waiting for its turn"), is_waiting=True)
        if status.is_stopping:
            return Row(operation.id, title, self.tr("stopping"))
        if status.state is OperationState.OPEN:
            return Row(operation.id, title, self.tr("open; Cancel closes it"), is_waiting=True)
        if standing is None:
            return Row(operation.id, title)
        detail = standing.table or phase_words(standing.phase)
        return Row(operation.id, title, detail, self._figures(standing), standing.fraction)

    def _figures(self, standing: Standing) -> str:
        parts = []
        if standing.rows_per_second:
            text = formats.count(round(standing.rows_per_second))
            parts.append(self.tr("%1 rows/s").replace("%1", text))
        if standing.bytes_per_second:
            text = formats.size(round(standing.bytes_per_second))
            parts.append(self.tr("%1/s").replace("%1", text))
        if standing.seconds_left is not None:
            parts.append(self.tr("about %1 left").replace("%1", formats.about(standing.seconds_left)))
        elif standing.fraction is None:
            parts.append(formats.about(standing.seconds))
        return " · ".join(parts)
