"""The ring around the control that has the focus, and scroll bars that jump to where they are clicked."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QPushButton, QScrollBar, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from app.ui.focus_style import FocusRing


def test_the_ring_leaves_a_gap_around_the_button_that_has_the_focus(qapp: QApplication, qtbot: QtBot) -> None:
    ring, window = FocusRing(qapp), QWidget()
    qtbot.addWidget(window)
    layout = QVBoxLayout(window)
    buttons = [QPushButton(name) for name in ("Back Up", "Restore")]
    for button in buttons:
        layout.addWidget(button)
    with qtbot.waitActive(window):
        window.show()
        window.activateWindow()
    buttons[1].setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.waitUntil(ring.isVisible)
    assert ring.geometry() == buttons[1].geometry().adjusted(-4, -4, 4, 4)
    ring.deleteLater()


def test_a_click_in_a_scroll_bar_goes_there_at_once(qtbot: QtBot) -> None:
    bar = QScrollBar(Qt.Orientation.Vertical)
    qtbot.addWidget(bar)
    bar.resize(12, 400)
    bar.setRange(0, 1000)
    bar.show()
    qtbot.mouseClick(bar, Qt.MouseButton.LeftButton, pos=QPoint(6, 300))
    assert 700 < bar.value() < 850
