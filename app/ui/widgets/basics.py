"""Buttons, texts, cards and lines as the style sheet knows them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TypeVar

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.ui.icons import icon

Item = QWidget | QLayout | int | None
_Box = TypeVar("_Box", bound=QBoxLayout)
_LONG_WORD = re.compile(r"\S{20,}")
_USUAL_LETTERS = 13
"""Pixels."""
_JOINT = re.compile(r"[._@:,=](?=\w)")


class _Button(QPushButton):
    """Enter presses the button that has the focus, never the default one of its dialog instead of it."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        else:
            super().keyPressEvent(event)


def button(
    text: str, icon_name: str = "", *, kind: str = "", size: str = "", parent: QWidget | None = None
) -> QPushButton:
    """A button.

    Args:
        text: a verb in title case.
        icon_name: of `icons.icon`.
        kind: primary, danger, flat or link; plain where it is empty.
        size: small or big; 30 high where it is empty.
    """
    made = _Button(text, parent)
    made.setProperty("kind", kind)
    made.setProperty("scale", size)  # “size” is a property of Qt's own
    made.setAutoDefault(False)
    if icon_name:
        role = "onaccent" if kind in ("primary", "danger") else "accent" if kind == "link" else "text"
        made.setIcon(icon(icon_name, role))
        made.setIconSize(QSize(22, 16))  # six of them are the gap
    if kind == "link":
        made.setCursor(Qt.CursorShape.PointingHandCursor)
    made.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
    return made


def icon_button(
    icon_name: str, name: str, *, bare: bool = False, parent: QWidget | None = None
) -> QToolButton:
    """A square button with an icon alone; `name` is its tool tip and what a screen reader says."""
    made = QToolButton(parent)
    made.setProperty("kind", "plain")
    made.setProperty("bare", bare)
    made.setIcon(icon(icon_name))
    made.setIconSize(QSize(16, 16))
    made.setToolTip(name)
    made.setAccessibleName(name)
    made.setFixedSize(30, 30)
    made.setStyleSheet("padding: 0;")
    made.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    made.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
    return made


def label(text: str = "", role: str = "", *, wrap: bool = False, parent: QWidget | None = None) -> QLabel:
    """Plain text in a role of the style sheet (title, heading, caption, hint …); never rich text."""
    made = QLabel(text, parent)
    made.setTextFormat(Qt.TextFormat.PlainText)
    if role:
        made.setProperty("role", role)
    made.setWordWrap(wrap)
    return made


def scrolled(page: QWidget) -> QScrollArea:
    """Around a page that may be higher than its room: nothing of it is squeezed or cut."""
    made = QScrollArea()
    made.setWidgetResizable(True)
    made.setFrameShape(QFrame.Shape.NoFrame)
    made.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    made.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    made.setWidget(page)
    return made


def card(parent: QWidget | None = None) -> QFrame:
    """A white surface with a thin border."""
    return _frame("card", parent)


def panel(tone: str, parent: QWidget | None = None) -> QFrame:
    """A tinted surface inside of a page: bad, warn, info, ok or neutral."""
    made = _frame("panel", parent)
    made.setProperty("tone", tone)
    return made


def line(*, vertical: bool = False, parent: QWidget | None = None) -> QFrame:
    """A thin line."""
    return _frame("vline" if vertical else "line", parent)


def row(*items: Item, spacing: int = 8) -> QHBoxLayout:
    """Items side by side; a number is a gap, None takes what is left."""
    return _fill(QHBoxLayout(), items, spacing)


def column(*items: Item, spacing: int = 8) -> QVBoxLayout:
    """Items below each other; a number is a gap, None takes what is left."""
    return _fill(QVBoxLayout(), items, spacing)


def breakable(text: str) -> str:
    """With places at which long names of tables, hosts and files can be broken, which Qt breaks at no dot."""
    return _LONG_WORD.sub(lambda found: _JOINT.sub("\\g<0>\u200b", found[0]), text)


def give_way(head: QLayout, room: int, buttons: Iterable[QWidget]) -> None:
    """Show as many of the buttons in a head as there is room for; those that are named first go first."""
    rare = tuple(buttons)
    for one in rare:
        one.show()
    for one in rare:
        head.invalidate()  # a layout inside of another one keeps its old hint until it is shown
        if head.sizeHint().width() <= room:
            break
        one.hide()


def in_letters(widget: QWidget, pixels: int) -> int:
    """A measure that was taken with the usual letters, for the letters of this widget."""
    return pixels * widget.fontInfo().pixelSize() // _USUAL_LETTERS


def resize_in_letters(dialog: QWidget, size: QSize) -> None:
    """Give a dialog this size, or with larger letters a larger one, up to the screen's height."""
    most = dialog.screen().availableSize().height()
    dialog.resize(in_letters(dialog, size.width()), min(in_letters(dialog, size.height()), most))


def fit_width(dialog: QWidget, width: int) -> None:
    """Make a dialog so wide, or as wide as its buttons need; before it is shown."""
    dialog.ensurePolished()
    for one in dialog.findChildren(QWidget):
        one.ensurePolished()
    layout = dialog.layout()
    if layout is not None:
        layout.invalidate()
        wide = max(width, layout.totalMinimumSize().width())
        dialog.setFixedWidth(wide)
        dialog.resize(wide, layout.totalHeightForWidth(wide))


def restyle(widget: QWidget) -> None:
    """Let the style sheet look at a widget's properties again."""
    widget.style().unpolish(widget)
    widget.style().polish(widget)


def _frame(role: str, parent: QWidget | None) -> QFrame:
    made = QFrame(parent)
    made.setProperty("role", role)
    return made


def _fill(layout: _Box, items: tuple[Item, ...], spacing: int) -> _Box:
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(spacing)
    for item in items:
        if item is None:
            layout.addStretch(1)
        elif isinstance(item, int):
            layout.addSpacing(item)
        elif isinstance(item, QWidget):
            layout.addWidget(item)
        else:
            layout.addLayout(item)
    return layout
