"""A line edit whose text gives way in the middle until it is edited: a path shows both of its ends."""

from __future__ import annotations

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPalette, QResizeEvent
from PySide6.QtWidgets import QLineEdit, QStyle, QStyleOptionFrame, QToolButton, QWidget

_INSIDE = 2
"""Pixels that QLineEdit keeps free at both ends of its text."""


class ElidedEdit(QLineEdit):
    """For paths and hosts; what is cut stands in the tool tip."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.textChanged.connect(self._show_tip)

    @property
    def shown(self) -> str:
        """What there is room for."""
        return self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideMiddle, self._room().width())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The tool tip is there when it is needed."""
        super().resizeEvent(event)
        self._show_tip()

    def paintEvent(self, event: QPaintEvent) -> None:
        """As it is while it has the keys, or fits."""
        text = self.shown
        if self.hasFocus() or text == self.text():
            super().paintEvent(event)
            return
        option = QStyleOptionFrame()
        self.initStyleOption(option)
        painter = QPainter(self)
        style = self.style()
        style.drawPrimitive(QStyle.PrimitiveElement.PE_PanelLineEdit, option, painter, self)
        place = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        role = QPalette.ColorRole.Text
        style.drawItemText(painter, self._room(), int(place), option.palette, self.isEnabled(), text, role)
        painter.end()

    def _room(self) -> QRect:
        option = QStyleOptionFrame()
        self.initStyleOption(option)
        room = self.style().subElementRect(QStyle.SubElement.SE_LineEditContents, option, self)
        room.adjust(_INSIDE, 0, -_INSIDE, 0)
        for one in self.findChildren(QToolButton):
            if one.isVisibleTo(self):
                taken = one.geometry()
                if taken.center().x() < self.width() / 2:
                    room.setLeft(max(room.left(), taken.right() + _INSIDE))
                else:
                    room.setRight(min(room.right(), taken.left() - _INSIDE))
        return room

    def _show_tip(self) -> None:
        self.setToolTip(self.text() if self.shown != self.text() else "")
