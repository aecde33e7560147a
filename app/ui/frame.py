"""Joins window, pages and operations: who tells whom, and what happens when the window is closed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QApplication, QWidget

from app.system.files import free_bytes
from app.ui.error_dialog import ErrorDialog, Remedy
from app.ui.main_window import MainWindow, open_folder
from app.ui.single_instance import FirstInstance
from app.ui.state import State
from app.ui.widgets.rail import Place


class Frame(QObject):
    """The running application around its window."""

    def __init__(self, app: QApplication, state: State) -> None:
        super().__init__(app)
        self._app = app
        self._state = state
        self.window = MainWindow({place: lambda place=place: self._make_page(place) for place in Place})
        self.window.rail.folder_wanted.connect(self._open_destination)
        self.window.dropped.connect(self.open_dumps)
        self.window.closing.connect(self._close)
        state.failed.connect(self.show_error)
        state.minute.connect(self._look_at_folder)
        state.settings_changed.connect(self._look_at_folder)

    def start(self, paths: Sequence[Path], *, hidden: bool) -> None:
        """Show the window, unless it starts hidden; then do what need not be done before the first paint."""
        if not hidden:
            self.window.restore_geometry()
            self.window.show()
        QTimer.singleShot(0, lambda: self._start_rest(tuple(paths)))

    def shut_down(self) -> None:
        """Let go of everything."""
        self._first.close()
        self._state.catalog.close()

    def open_dumps(self, paths: tuple[Path, ...]) -> None:
        """Look into what was dropped or given, in Restore."""
        self.window.open_place(Place.RESTORE)

    def show_error(self, error: BaseException, title: str = "", remedies: tuple[Remedy, ...] = ()) -> None:
        """Show a failure that has no place of its own on a page."""
        ErrorDialog(error, title, remedies, self.window).open()

    def _start_rest(self, paths: tuple[Path, ...]) -> None:
        self._first = FirstInstance(self._take, self)
        self._look_at_folder()
        if paths:
            self.open_dumps(paths)

    def _take(self, paths: tuple[Path, ...]) -> None:
        self.window.come_to_front()
        if paths:
            self.open_dumps(paths)

    def _make_page(self, place: Place) -> QWidget:
        raise NotImplementedError(place)

    def _open_destination(self) -> None:
        open_folder(self._state.destination)

    def _look_at_folder(self) -> None:
        folder = self._state.destination

        def look() -> int | None:
            return free_bytes(folder) if folder.is_dir() else None

        self._state.background.run(
            self,
            look,
            lambda free: self.window.rail.show_folder(str(folder), free),
            lambda _: self.window.rail.show_folder(str(folder), None),
        )

    def _close(self, event: QCloseEvent) -> None:
        self._app.quit()
