"""Runs short work beside the window, whose thread never waits: a question to a server, the keyring, a folder.

Operations (backups, proofs, restores) have a queue of their own; this is for what is answered soon.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from PySide6.QtCore import QObject, Signal
from shiboken6 import isValid

from app.system.cancellation import CancelToken

Answer = TypeVar("Answer")


class Background(QObject):
    """Takes work from the window's thread and gives the answers there.

    Each piece of work has a thread of its own that does not keep the process alive: a keyring whose
    prompt nobody answers blocks for ever.
    """

    _answered = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._answered.connect(_call)

    def run(
        self,
        owner: QObject,
        work: Callable[[], Answer],
        then: Callable[[Answer], object],
        failed: Callable[[Exception], object],
    ) -> None:
        """Do `work` elsewhere, then call `then` with its answer, or `failed` with what it raised.

        Args:
            owner: whoever asks; nothing is called when it is gone by then.
        """

        def answer(call: Callable[[], object]) -> None:
            if isValid(self):
                self._answered.emit(lambda: call() if isValid(owner) else None)

        def run() -> None:
            try:
                found = work()
            except Exception as error:  # noqa: BLE001 - `failed` shows it
                reason = error
                answer(lambda: failed(reason))
            else:
                answer(lambda: then(found))

        threading.Thread(target=run, daemon=True, name="background").start()


def cancel_soon(cancel: CancelToken) -> None:
    """Cancel without waiting: telling a server to stop takes seconds where it is frozen."""
    threading.Thread(target=cancel.cancel, daemon=True, name="cancel").start()


def _call(call: Callable[[], object]) -> None:
    call()
