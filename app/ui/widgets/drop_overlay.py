"""Lies over the window while something is held above it: dropping anywhere looks into it."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from app.ui import icons
from app.ui.theme import RADIUS_CARD, XL, S, colours, font

_ICON, _VEIL = 40, 235


class DropOverlay(QWidget):
    """Hidden otherwise; it takes no events."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._covered = parent
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def cover(self, shown: bool) -> None:
        """Cover the parent, or go."""
        if shown:
            self.setGeometry(self._covered.rect())
            self.raise_()
        self.setVisible(shown)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """A tinted veil with a border, an icon and a few words."""
        of = colours(self.palette())
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        fill = QColor(of.tint)
        fill.setAlpha(_VEIL)
        painter.setBrush(fill)
        painter.setPen(QPen(QColor(of.accent), 2))
        area = QRectF(self.rect()).adjusted(S, S, -S, -S)
        painter.drawRoundedRect(area, RADIUS_CARD, RADIUS_CARD)
        centre = area.center()
        icon = QRectF(centre.x() - _ICON / 2, centre.y() - _ICON, _ICON, _ICON)
        icons.paint(painter, "file-arrow-down", of.accent, icon)
        painter.setFont(font("title"))
        painter.setPen(QColor(of.text))
        words = area.adjusted(0, XL * 2, 0, 0)
        painter.drawText(words, int(Qt.AlignmentFlag.AlignCenter), self.tr("Drop to look inside"))
        painter.end()
