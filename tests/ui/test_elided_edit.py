"""A field for paths shows both ends of what it has no room for, and all of it where it is edited."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from app.ui.icons import icon
from app.ui.widgets.basics import column
from app.ui.widgets.elided_edit import ElidedEdit
from tests.ui.conftest import Shoot

LONG = "/home/somebody/documents/of/many/years/and/places/backups of the shop"


def test_what_does_not_fit_is_cut_in_its_middle_and_whole_in_the_tool_tip(qtbot: QtBot, shoot: Shoot) -> None:
    page = QWidget()
    page.setObjectName("page")
    field, short, other = ElidedEdit(), ElidedEdit(), QLineEdit()
    field.addAction(icon("folder", "text2"), QLineEdit.ActionPosition.LeadingPosition)
    page.setLayout(column(field, short, other))
    qtbot.addWidget(page)
    page.resize(260, 140)
    page.show()
    other.setFocus()
    field.setText(LONG)
    short.setText("/srv")
    assert field.shown.startswith("/home")
    assert field.shown.endswith("shop")
    assert "…" in field.shown
    assert field.toolTip() == LONG
    assert field.text() == LONG
    assert (short.shown, short.toolTip()) == ("/srv", "")
    shoot(page, "elided-edit")
    page.resize(900, 140)
    qtbot.waitUntil(lambda: field.shown == LONG)
    assert field.toolTip() == ""


def test_while_it_is_edited_it_is_a_line_edit_like_any_other(qtbot: QtBot) -> None:
    field = ElidedEdit()
    qtbot.addWidget(field)
    field.resize(120, 30)
    field.show()
    field.setFocus()
    qtbot.keyClicks(field, LONG)
    qtbot.keyClick(field, Qt.Key.Key_Home)
    assert (field.text(), field.cursorPosition()) == (LONG, 0)
