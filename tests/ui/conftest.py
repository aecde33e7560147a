"""What tests of the window stand on: one offscreen application, a state of its own, and pictures to look at.

An unexpected warning of Qt, or an exception in a slot, fails the test.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import pytest
from PySide6.QtCore import QtMsgType, qInstallMessageHandler
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from app.domain.preferences import Appearance
from app.ui import appearance, translations
from app.ui.application import new_application
from app.ui.frame import Frame
from app.ui.main_window import MainWindow
from app.ui.state import State
from app.ui.widgets.rail import Place

OpenFrame = Callable[[Place], Frame]
Shoot = Callable[[QWidget, str], None]

_SCALE = os.environ.get("QT_SCALE_FACTOR", "")
SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots" / (f"scale-{_SCALE}" if _SCALE else "")
_HARMLESS = ("This plugin does not support propagateSizeHints()", "This plugin does not support raise()")


@pytest.fixture(scope="session")
def qapp() -> Iterator[QApplication]:
    """The one application of all tests: light, in English."""
    app = new_application(["holdfast"])
    appearance.install(app, Appearance.LIGHT)
    translations.install(app, "en")
    yield app
    app.closeAllWindows()


@pytest.fixture(autouse=True)
def _quiet_qt(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing unexpected from Qt, and no exception that Qt would swallow."""
    said: list[str] = []
    raised: list[BaseException] = []

    def listen(kind: QtMsgType, _context: object, text: str) -> None:
        if kind is not QtMsgType.QtDebugMsg and kind is not QtMsgType.QtInfoMsg and text not in _HARMLESS:
            said.append(text)

    def catch(_kind: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
        raised.append(error)

    monkeypatch.setattr(sys, "excepthook", catch)
    before = qInstallMessageHandler(listen)
    yield
    qInstallMessageHandler(before)
    assert not raised, f"raised in a slot: {raised!r}"
    assert not said, f"Qt warned: {said}"


@pytest.fixture
def state(qapp: QApplication, home: Path) -> Iterator[State]:
    """The state of a window that starts for the first time, in an empty home folder."""
    made = State()
    yield made
    made.catalog.close()
    for one in threading.enumerate():
        if one.name == "background":
            one.join(1)  # a worker that answers while what hears it is deleted crashes
    made.deleteLater()


@pytest.fixture
def open_frame(qapp: QApplication, state: State, qtbot: QtBot) -> Iterator[OpenFrame]:
    """Opens the window with its pages and its queue at a place; what runs at the end is stopped."""
    opened: list[Frame] = []

    def open_at(place: Place) -> Frame:
        made = Frame(qapp, state, MainWindow())
        opened.append(made)
        qtbot.addWidget(made.window)
        made.window.resize(1100, 720)
        made.window.show()
        made.window.open_place(place)
        return made

    yield open_at
    for made in opened:
        made.operations.queue.shutdown()
        made.deleteLater()


@pytest.fixture
def shoot(qapp: QApplication) -> Shoot:
    """Writes pictures of a widget, light and dark, to build/screenshots."""

    def take(widget: QWidget, name: str) -> None:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        grab(widget, f"{name}-light")
        appearance.set_appearance(qapp, Appearance.DARK)
        try:
            grab(widget, f"{name}-dark")
        finally:
            appearance.set_appearance(qapp, Appearance.LIGHT)

    def grab(widget: QWidget, name: str) -> None:
        qapp.processEvents()
        assert widget.grab().save(str(SCREENSHOTS / f"{name}.png"))

    return take
