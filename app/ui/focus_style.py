"""Draws keyboard focus around buttons, outside of their edge, where a style sheet cannot draw."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QFocusFrame,
    QProxyStyle,
    QStyle,
    QStyleOption,
    QWidget,
)

from app.ui.theme import colours

_GAP, _WIDTH, _RADIUS = 2, 2, 8


class RingStyle(QProxyStyle):
    """Fusion, with room for the ring.

    The ring alone has it: what asks Python for each size and habit of each control makes a change of
    appearance half as slow again.
    """

    def pixelMetric(
        self,
        metric: QStyle.PixelMetric,
        option: QStyleOption | None = None,
        widget: QWidget | None = None,
    ) -> int:
        """Sizes, but for the ring's as Fusion has them."""
        if metric in (QStyle.PixelMetric.PM_FocusFrameHMargin, QStyle.PixelMetric.PM_FocusFrameVMargin):
            return _GAP + _WIDTH
        return super().pixelMetric(metric, option, widget)


class FocusRing(QFocusFrame):
    """Follows the focus through one application; shown only where the keyboard brought it."""

    def __init__(self, app: QApplication) -> None:
        super().__init__()
        style = RingStyle("Fusion")
        style.setParent(self)
        self.setStyle(style)
        app.focusChanged.connect(self._follow)

    def _follow(self, _old: QWidget | None, new: QWidget | None) -> None:
        if isinstance(new, QAbstractButton) and new.property("focusRing") is not False:
            self.setWidget(new)
        else:
            self.setWidget(None)  # type: ignore[arg-type]

    def paintEvent(self, _event: QPaintEvent) -> None:
        """A rounded line around the control."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(colours(self.palette()).focus), _WIDTH))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        half = _WIDTH / 2
        area = QRectF(QPointF(half, half), self.rect().toRectF().bottomRight() - QPointF(half, half))
        painter.drawRoundedRect(area, _RADIUS, _RADIUS)
        painter.end()
