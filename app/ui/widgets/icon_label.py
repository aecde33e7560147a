"""An icon that stands beside text, in its colour, and follows a change of appearance."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.ui import icons
from app.ui.theme import colours
from app.ui.widgets.badge import paint_arc


class IconLabel(QWidget):
    """The icon of that name in a colour of `theme.Colours`; without a name the arc of what runs."""

    def __init__(self, name: str, role: str = "text2", size: int = 16, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name, self._role, self._size = name, role, size
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def show_icon(self, name: str, role: str) -> None:
        """Another one."""
        self._name, self._role = name, role
        self.update()

    def sizeHint(self) -> QSize:
        """A square."""
        return QSize(self._size, self._size)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """The icon."""
        painter = QPainter(self)
        area, colour = QRectF(0, 0, self._size, self._size), getattr(colours(self.palette()), self._role)
        if self._name:
            icons.paint(painter, self._name, colour, area)
        else:
            paint_arc(painter, area, colour)
        painter.end()
