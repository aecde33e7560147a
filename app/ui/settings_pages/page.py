"""What all pages of the settings look like: a title, and rows of labels with fields."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QLabel,
    QLayout,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from app.ui.theme import XL, L, M, S
from app.ui.widgets.basics import Item, column, label, line, row

_LABELS = 132
_FIELD_HEIGHT = 30
_EXPANDING = QSizePolicy.Policy.Expanding
_LEADING = Qt.AlignmentFlag.AlignLeading | Qt.AlignmentFlag.AlignVCenter


class SettingsPage(QScrollArea):
    """A page; it scrolls where large letters leave no room.

    Args:
        title: its heading.
        corner: stands at the heading's other end.
    """

    def __init__(self, title: str, corner: QWidget | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        content = QWidget()
        self.body = QVBoxLayout(content)
        self.body.setContentsMargins(XL, L, XL, XL)
        self.body.setSpacing(M)
        heading = row(label(title, "title"), None, *([corner] if corner else []))
        self.body.addLayout(heading)
        heading.setContentsMargins(0, 0, 0, 0 if corner else S)
        self.setWidget(content)


class Rows(QGridLayout):
    """Labels at the right end of their column, fields beside them, and what explains these below."""

    def __init__(self) -> None:
        super().__init__()
        self.setHorizontalSpacing(L)
        self.setVerticalSpacing(M + 2)
        self.setColumnMinimumWidth(0, _LABELS)
        self.setColumnStretch(1, 1)

    def add(self, text: str, field: QWidget | QLayout, *below: Item, buddy: QWidget | None = None) -> None:
        """Add a row.

        Args:
            text: of the label.
            field: what stands beside it.
            below: under the field.
            buddy: the control whose name the label is; the field where it is a widget.
        """
        named = label(text, "second", wrap=True)
        named.setAlignment(Qt.AlignmentFlag.AlignTrailing | Qt.AlignmentFlag.AlignVCenter)
        named.setMinimumHeight(min(_FIELD_HEIGHT, _height(field)))
        target = buddy or (field if isinstance(field, QWidget) else None)
        if target is not None:
            named.setBuddy(target)
            if not target.accessibleName():
                target.setAccessibleName(text)
        number = self.rowCount()
        self.addWidget(named, number, 0, Qt.AlignmentFlag.AlignTop)
        stacked = column(spacing=S - 2)
        if isinstance(field, QWidget):
            fills = isinstance(field, QLabel) or field.sizePolicy().horizontalPolicy() is _EXPANDING
            stacked.addWidget(field, alignment=Qt.AlignmentFlag(0) if fills else _LEADING)
        else:
            stacked.addLayout(field)
        for item in below:
            if isinstance(item, QWidget):
                stacked.addWidget(item)
            elif isinstance(item, QLayout):
                stacked.addLayout(item)
        self.addLayout(stacked, number, 1)

    def add_line(self) -> None:
        """A thin line over the whole width."""
        self.addWidget(line(), self.rowCount(), 0, 1, 2)


def _height(field: QWidget | QLayout) -> int:
    """How high a field will be when the style sheet has seen it."""
    if isinstance(field, QWidget):
        field.ensurePolished()
        return field.sizeHint().height()
    items = [field.itemAt(number) for number in range(field.count())]
    parts = [part for item in items if item is not None and (part := item.widget()) is not None]
    for part in parts:
        part.ensurePolished()
    return max((part.sizeHint().height() for part in parts), default=0)
