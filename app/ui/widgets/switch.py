"""An on-and-off switch, for what takes effect at once."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, QSize, QSizeF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from app.ui.theme import Colours, colours

_MARGIN = 3
SWITCH_SIZE = QSize(34, 20)


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
        return SWITCH_SIZE

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Groove and knob."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint_switch(
            painter,
            QRect(QPoint(), SWITCH_SIZE),
            colours(self.palette()),
            on=self.isChecked(),
            enabled=self.isEnabled(),
            mirrored=self.layoutDirection() is Qt.LayoutDirection.RightToLeft,
        )
        painter.end()


def paint_switch(
    painter: QPainter, where: QRect, of: Colours, *, on: bool, enabled: bool, mirrored: bool
) -> None:
    """Groove and knob in an area of `SWITCH_SIZE`."""
    painter.setPen(QColor(of.accentfill if on and enabled else of.check if enabled else of.border))
    painter.setBrush(QColor((of.accentfill if enabled else of.dot) if on else of.base))
    area = QRectF(where).adjusted(0.5, 0.5, -0.5, -0.5)
    painter.drawRoundedRect(area, where.height() / 2, where.height() / 2)
    side = where.height() - 2 * _MARGIN
    is_right = on is not mirrored
    left = where.width() - side - _MARGIN if is_right else _MARGIN
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(of.onaccent if on else of.check))
    painter.drawEllipse(QRectF(QPointF(where.topLeft()) + QPointF(left, _MARGIN), QSizeF(side, side)))
