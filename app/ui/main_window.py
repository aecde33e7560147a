"""The window: the rail, the health line, what runs, the page of the chosen place, and the log."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from PySide6.QtCore import QByteArray, QSettings, QUrl, Signal
from PySide6.QtGui import (
    QCloseEvent,
    QDesktopServices,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QKeySequence,
    QResizeEvent,
    QShortcut,
)
from PySide6.QtWidgets import QHBoxLayout, QMainWindow, QStackedWidget, QVBoxLayout, QWidget

from app.ui.widgets.drop_overlay import DropOverlay
from app.ui.widgets.health_line import HealthLine
from app.ui.widgets.log_drawer import LogDrawer
from app.ui.widgets.operation_strip import OperationStrip
from app.ui.widgets.rail import Place, Rail

_FIRST_SIZE = (1100, 720)
_LEAST_SIZE = (800, 560)
_NARROW_BELOW = 960


class MainWindow(QMainWindow):
    """Holds the frame, which is painted before any page is there; pages are made when they are first visited.

    Signals:
        dropped: files or folders that were dropped anywhere on it, as a tuple of paths.
        closing: the user asked to close it; whoever listens decides what that means.
    """

    dropped = Signal(object)
    closing = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.setWindowTitle(self.tr("Holdfast"))
        self.setMinimumSize(*_LEAST_SIZE)
        self.resize(*_FIRST_SIZE)
        self.setAcceptDrops(True)
        self._makers: Mapping[Place, Callable[[], QWidget]] = {}
        self._pages: dict[Place, QWidget] = {}
        self.rail = Rail()
        self.health = HealthLine()
        self.strip = OperationStrip()
        self.log = LogDrawer()
        self._stack = QStackedWidget()
        self._right = right = QVBoxLayout()
        right.setContentsMargins(0, 0, 0, 0)
        right.setSpacing(0)
        right.addWidget(self.health)
        right.addWidget(self.strip)
        right.addWidget(self._stack, 1)
        right.addWidget(self.log)
        content = QWidget()
        layout = QHBoxLayout(content)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.rail)
        layout.addLayout(right, 1)
        self.setCentralWidget(content)
        self._overlay = DropOverlay(content)
        toggle_log = QShortcut(QKeySequence("Ctrl+L"), self)
        toggle_log.activated.connect(lambda: self.log.setVisible(self.log.isHidden()))

    def add_bar(self, bar: QWidget) -> None:
        """Put something between the health line and what runs."""
        self._right.insertWidget(self._right.indexOf(self.strip), bar)

    def fill(self, pages: Mapping[Place, Callable[[], QWidget]]) -> None:
        """Take what makes the page of each place, and open the first."""
        self._makers = pages
        self.rail.chosen.connect(self.open_place)
        self.open_place(Place.PROJECTS)

    @property
    def place(self) -> Place:
        """Where the user is."""
        current = self._stack.currentWidget()
        return next(place for place, page in self._pages.items() if page is current)

    def has_page(self, place: Place) -> bool:
        """Whether a place was visited."""
        return place in self._pages

    def page(self, place: Place) -> QWidget:
        """The page of a place; made now if it was not visited before."""
        if place not in self._pages:
            made = self._makers[place]()
            made.setObjectName("page")
            self._pages[place] = made
            self._stack.addWidget(made)
        return self._pages[place]

    def open_place(self, place: Place) -> QWidget:
        """Show a place, and give its page."""
        page = self.page(place)
        is_in_rail = self.rail.has_focus
        self._stack.setCurrentWidget(page)
        self.rail.choose(place)
        if is_in_rail:
            self.rail.focus(place)  # the ring does not stay at the place that was left
        return page

    def come_to_front(self) -> None:
        """Show the window, wherever it was."""
        self.setWindowState(self.windowState() & ~self.windowState().WindowMinimized)
        self.show()
        self.raise_()
        self.activateWindow()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The rail keeps its words while there is room for them."""
        super().resizeEvent(event)
        self.rail.set_narrow(self.width() < _NARROW_BELOW)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take local files and folders, whatever they are: the page says what it finds in them."""
        if _local_paths(event):
            event.acceptProposedAction()
            self._overlay.cover(True)

    def dragLeaveEvent(self, _event: QDragLeaveEvent) -> None:
        """It went away again."""
        self._overlay.cover(False)

    def dropEvent(self, event: QDropEvent) -> None:
        """Hand them on."""
        event.acceptProposedAction()
        self._overlay.cover(False)
        self.dropped.emit(_local_paths(event))

    def closeEvent(self, event: QCloseEvent) -> None:
        """Ask whoever listens; without an answer the window closes."""
        self.save_geometry()
        self.closing.emit(event)

    def save_geometry(self) -> None:
        """Remember size and place."""
        QSettings().setValue("window/geometry", self.saveGeometry())

    def restore_geometry(self) -> None:
        """Come back where it was, unless that screen is gone."""
        saved = QSettings().value("window/geometry")
        if isinstance(saved, QByteArray):
            self.restoreGeometry(saved)


def open_folder(path: Path) -> bool:
    """Show a folder in the file manager; False when there is none to do it."""
    return QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))


def _local_paths(event: QDropEvent) -> tuple[Path, ...]:
    return tuple(Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile())
