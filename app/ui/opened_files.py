"""Takes files that a system gives to a running program as events: macOS, for what the Finder opens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEvent
from PySide6.QtGui import QFileOpenEvent
from PySide6.QtWidgets import QApplication

Take = Callable[[tuple[Path, ...]], object]


class Application(QApplication):
    """The one application; files that come before anybody takes them wait."""

    _take: Take | None = None
    _waiting: tuple[Path, ...] = ()

    def give_files_to(self, take: Take) -> None:
        """Have this called with each file that is opened from now on, and with those that wait."""
        self._take = take
        if self._waiting:
            waiting, self._waiting = self._waiting, ()
            take(waiting)

    def event(self, event: QEvent) -> bool:
        """An address that is no file is nothing for Holdfast."""
        if not isinstance(event, QFileOpenEvent) or not event.file():
            return super().event(event)
        path = Path(event.file())
        if self._take is None:
            self._waiting = (*self._waiting, path)
        else:
            self._take((path,))
        return True
