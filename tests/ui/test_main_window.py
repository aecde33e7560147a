"""The frame: places, keys, narrow windows, drops anywhere."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot

from app.ui.main_window import MainWindow
from app.ui.widgets.operation_strip import Row
from app.ui.widgets.rail import Place
from tests.ui.conftest import Shoot


@pytest.fixture
def window(qapp: QApplication, qtbot: QtBot) -> MainWindow:
    made = MainWindow()
    made.fill({place: partial(QLabel, place.value) for place in Place})
    qtbot.addWidget(made)
    made.show()
    return made


def mime_of(*paths: str) -> QMimeData:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(path) for path in paths])
    return data


def enter(window: QWidget, data: QMimeData) -> QDragEnterEvent:
    event = QDragEnterEvent(
        QPoint(300, 300),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(window, event)
    return event


def test_pages_are_made_when_they_are_first_visited(window: MainWindow) -> None:
    assert set(window._pages) == {Place.PROJECTS}
    window.open_place(Place.HISTORY)
    assert window.place == Place.HISTORY
    assert window.open_place(Place.HISTORY) is window.page(Place.HISTORY)


def test_the_five_places_have_keys(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.keyClick(window, Qt.Key.Key_4, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: window.place is Place.SCHEDULE)


def test_files_can_be_dropped_anywhere(window: MainWindow, qtbot: QtBot, shoot: Shoot) -> None:
    data = mime_of("/tmp/ä shop.dump", "/tmp/roles.sql")
    assert enter(window, data).isAccepted()
    assert window._overlay.isVisible()
    shoot(window, "window-dragging")
    drop = QDropEvent(
        QPointF(300, 300),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    with qtbot.waitSignal(window.dropped) as dropped:
        QApplication.sendEvent(window, drop)
    assert dropped.args == [(Path("/tmp/ä shop.dump"), Path("/tmp/roles.sql"))]
    assert not window._overlay.isVisible()


def test_what_leaves_again_leaves_nothing_behind(window: MainWindow) -> None:
    enter(window, mime_of("/tmp/shop.dump"))
    QApplication.sendEvent(window, QDragLeaveEvent())
    assert not window._overlay.isVisible()


def test_text_from_a_browser_is_not_taken(window: MainWindow) -> None:
    data = QMimeData()
    data.setUrls([QUrl("https://example.org/shop.dump")])
    assert not enter(window, data).isAccepted()


def test_a_narrow_window_keeps_its_icons(window: MainWindow, qapp: QApplication, shoot: Shoot) -> None:
    window.resize(800, 560)
    qapp.processEvents()
    assert window.rail.width() == 56
    shoot(window, "window-narrow")
    window.resize(1100, 720)
    qapp.processEvents()
    assert window.rail.width() == 188


def test_operations_stack_and_can_be_cancelled(window: MainWindow, qtbot: QtBot, shoot: Shoot) -> None:
    window.strip.show_rows(
        (
            Row(
                "1",
                "Backing up Shop",
                "public.order_items",
                "41,200 rows/s · 88 MB/s · about 1 min left",
                0.62,
            ),
            Row("2", "Proving Blog", "starting the sandbox", "12 s"),
            Row("3", "Backing up Blog", "waiting for its turn", is_waiting=True),
        )
    )
    window.health.show_health("warn", "Shop staging is overdue: last good backup 3 days ago.", "Back Up Now")
    window.log.show_log("Backing up Shop", ["15:12:04  Snapshot exported", "15:12:05  pg_dump 17.10"])
    shoot(window, "window-operations")
    with qtbot.waitSignal(window.strip.cancelled) as cancelled:
        qtbot.mouseClick(window.strip._rows["2"]._cancel, Qt.MouseButton.LeftButton)
    assert cancelled.args == ["2"]
    window.strip.show_rows(())
    assert not window.strip.isVisible()
