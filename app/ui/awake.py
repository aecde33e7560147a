"""Keeps the computer awake while anything runs; an open copy, at which nobody may be looking, does not."""

from __future__ import annotations

import threading

from PySide6.QtCore import QObject

from app.engine.operations import OperationState
from app.system.sleep import kept_awake
from app.ui.operation_signals import OperationSignals


class Awake(QObject):
    """Asks the system in a thread that waits while something runs: the answer may take seconds."""

    def __init__(self, operations: OperationSignals, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._operations = operations
        self._rest: threading.Event | None = None
        operations.changed.connect(self._look)

    def _look(self) -> None:
        running = [one for one in self._operations.running() if one.state is OperationState.RUNNING]
        if running and self._rest is None:
            self._rest = threading.Event()
            reason = self._operations.title(running[0].operation)
            threading.Thread(target=_keep_awake, args=(reason, self._rest), daemon=True, name="awake").start()
        elif not running and self._rest is not None:
            self._rest.set()
            self._rest = None


def _keep_awake(reason: str, rest: threading.Event) -> None:
    with kept_awake(reason):
        rest.wait()
