"""An on-and-off switch, for what takes effect at once."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from app.ui.theme import colours

_WIDTH, _HEIGHT, _MARGIN = 34, 20, 3


class Switch(QAbstractButton):
    """Checked is on; `name` is what a screen reader says."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setCheckable(True)
        self.setAccessibleName(name)
        self.setToolTip(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """34 by 20."""
        return QSize(_WIDTH, _HEIGHT)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Groove and knob."""
        of = colours(self.palette())
        on, enabled = self.isChecked(), self.isEnabled()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QColor(of.accentfill if on and enabled else of.check if enabled else of.border))
        painter.setBrush(QColor((of.accentfill if enabled else of.dot) if on else of.base))
        area = QRectF(0.5, 0.5, _WIDTH - 1, _HEIGHT - 1)
        painter.drawRoundedRect(area, _HEIGHT / 2, _HEIGHT / 2)
        side = _HEIGHT - 2 * _MARGIN
        is_right = on is (self.layoutDirection() is Qt.LayoutDirection.LeftToRight)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(of.onaccent if on else of.check))
        painter.drawEllipse(QRectF(_WIDTH - side - _MARGIN if is_right else _MARGIN, _MARGIN, side, side))
        painter.end()
