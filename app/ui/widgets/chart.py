"""Size and duration of a project's backups over time, drawn without a library of charts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from math import floor, log10

from PySide6.QtCore import QEvent, QLineF, QLocale, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QHelpEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.domain.history import Result
from app.persistence.history_query import Point
from app.ui import formats
from app.ui.theme import Colours, colours, font

_WIDEST, _LEAST_STEP = 14.0, 4.0
_ROUND = ((1, 2), (1.2, 3), (1.5, 3), (2, 2), (3, 3), (4, 4), (6, 3), (8, 4), (10, 2))
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB", "EB")


class SizeChart(QWidget):
    """Bars are sizes, the dashed line is how long they took, a cross is an attempt that left no backup.

    The bar of the selected backup has the accent.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._points: Sequence[Point] = ()
        self._selected: datetime | None = None
        self._now: datetime | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(180, 120)

    def show_points(
        self, points: Sequence[Point], selected: datetime | None, project: str, now: datetime
    ) -> None:
        """Show these, oldest first, so many of them around the selected one as there is room for."""
        self._points, self._selected, self._now = points, selected, now
        name = self.tr("Size and duration of the backups of %1").replace("%1", project)
        self.setAccessibleName(name)
        good = [point for point in points if point.result is Result.SUCCEEDED]
        if good:
            text = self.tr("%n backup(s), from %1 to %2", "", len(good))
            text = text.replace("%1", formats.size(good[0].bytes)).replace("%2", formats.size(good[-1].bytes))
            self.setAccessibleDescription(text)
        self.update()

    @property
    def has_bars(self) -> bool:
        """Whether there is anything to compare."""
        return any(point.bytes for point in self._points)

    def sizeHint(self) -> QSize:
        """As in the detail pane."""
        return QSize(250, 190)

    def shown(self) -> Sequence[Point]:
        """The points for which there is room, the selected one among them."""
        room = max(1, int(self._plot().width() / _LEAST_STEP))
        if len(self._points) <= room:
            return self._points
        place = next(
            (number for number, point in enumerate(self._points) if point.started == self._selected),
            len(self._points) - 1,
        )
        end = min(len(self._points), max(room, place + room // 4))
        return self._points[end - room : end]

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Title, axes, bars, line."""
        of = colours(self.palette())
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.layoutDirection() is Qt.LayoutDirection.RightToLeft:
            painter.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
        points, plot = self.shown(), self._plot()
        largest = max((point.bytes for point in points), default=0)
        top, power, steps = _ceiling(largest)
        self._draw_head(painter, of, _UNITS[power] if largest else "")
        painter.setFont(font("caption"))
        if not largest:
            painter.setPen(QColor(of.text3))
            painter.drawText(plot, Qt.AlignmentFlag.AlignCenter, self.tr("No backups yet"))
            painter.end()
            return
        self._draw_grid(painter, of, plot, top / 1000.0**power, steps)
        self._draw_bars(painter, of, plot, points, top)
        self._draw_line(painter, of, plot, points)
        self._draw_dates(painter, of, plot, points)
        painter.end()

    def event(self, event: QEvent) -> bool:
        """The tool tip tells of the bar under the mouse."""
        if isinstance(event, QHelpEvent) and event.type() is QEvent.Type.ToolTip:
            point = self._point_at(event.pos().x())
            QToolTip.showText(event.globalPos(), self._told(point) if point else "", self)
            return True
        return super().event(event)

    def _plot(self) -> QRectF:
        metrics = QFontMetricsF(font("caption"))
        left = metrics.horizontalAdvance("0.00") + 8
        line = metrics.height()
        return QRectF(left, line + 14, self.width() - left - 1, self.height() - 2 * line - 22)

    def _draw_head(self, painter: QPainter, of: Colours, unit: str) -> None:
        painter.setFont(font("section"))
        painter.setPen(QColor(of.text2))
        title = self.tr("Size, %1").replace("%1", unit) if unit else self.tr("Size")
        height = QFontMetricsF(font("section")).height()
        area = QRectF(0, 0, self.width(), height)
        painter.drawText(area, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, title)
        if not unit:
            return
        painter.setFont(font("caption"))
        words = self.tr("Duration")
        painter.drawText(area, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, words)
        right = self.width() - QFontMetricsF(font("caption")).horizontalAdvance(words) - 6
        painter.setPen(_dashes(of))
        painter.drawLine(QLineF(right - 22, height / 2 + 1, right, height / 2 + 1))

    def _draw_grid(self, painter: QPainter, of: Colours, plot: QRectF, top: float, steps: int) -> None:
        for number in range(steps + 1):
            y = plot.bottom() - plot.height() * number / steps
            painter.setPen(QPen(QColor(of.border), 1))
            painter.drawLine(QLineF(plot.left(), round(y) + 0.5, plot.right(), round(y) + 0.5))
            painter.setPen(QColor(of.text2))
            area = QRectF(0, y - 10, plot.left() - 6, 20)
            text = QLocale().toString(top * number / steps, "g", 4)
            painter.drawText(area, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)

    def _draw_bars(
        self, painter: QPainter, of: Colours, plot: QRectF, points: Sequence[Point], top: float
    ) -> None:
        step = _step(plot, points)
        width = max(2.0, step - (2 if step >= 5 else 1))
        painter.setPen(Qt.PenStyle.NoPen)
        for number, point in enumerate(points):
            x = self._x(plot, points, number)
            if point.result is not Result.SUCCEEDED:
                self._draw_cross(painter, of, QPointF(x, plot.bottom() - 5), min(2.5, width / 2))
                continue
            is_selected = point.started == self._selected
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(of.accent if is_selected else of.dot))
            height = max(1.0, plot.height() * point.bytes / top)
            bar = QRectF(x - width / 2, plot.bottom() - height, width, height)
            painter.drawRoundedRect(bar, min(1.5, width / 3), min(1.5, width / 3))

    def _draw_cross(self, painter: QPainter, of: Colours, at: QPointF, arm: float) -> None:
        painter.setPen(QPen(QColor(of.badsolid), 1.6))
        painter.drawLine(QLineF(at.x() - arm, at.y() - arm, at.x() + arm, at.y() + arm))
        painter.drawLine(QLineF(at.x() - arm, at.y() + arm, at.x() + arm, at.y() - arm))

    def _draw_line(self, painter: QPainter, of: Colours, plot: QRectF, points: Sequence[Point]) -> None:
        """Durations have no scale of their own: their longest is half as high as the plot."""
        known = [
            (number, point.seconds)
            for number, point in enumerate(points)
            if point.seconds is not None and point.result is Result.SUCCEEDED
        ]
        longest = max((seconds for _, seconds in known), default=0.0)
        if longest <= 0 or len(known) < 2:
            return
        corners = [
            QPointF(self._x(plot, points, number), plot.bottom() - plot.height() * 0.5 * seconds / longest)
            for number, seconds in known
        ]
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(of.base), 3.5))  # a rim, so that it is seen on bars, too
        painter.setOpacity(0.55)
        painter.drawPolyline(QPolygonF(corners))
        painter.setOpacity(1.0)
        painter.setPen(_dashes(of))
        painter.drawPolyline(QPolygonF(corners))

    def _draw_dates(self, painter: QPainter, of: Colours, plot: QRectF, points: Sequence[Point]) -> None:
        if self._now is None:
            return
        painter.setPen(QColor(of.text2))
        today = self._now.astimezone().date()
        area = QRectF(plot.left(), plot.bottom() + 5, plot.width(), self.height() - plot.bottom() - 5)
        first, last = (point.started.astimezone().date() for point in (points[0], points[-1]))
        right = self.tr("today") if last == today else formats.short_day(last, today)
        painter.drawText(area, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop, right)
        metrics, left = QFontMetricsF(font("caption")), formats.short_day(first, today)
        area.setLeft(self._x(plot, points, 0) - _step(plot, points) / 2)
        if area.width() > metrics.horizontalAdvance(left) + metrics.horizontalAdvance(right) + 12:
            painter.drawText(area, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop, left)

    def _x(self, plot: QRectF, points: Sequence[Point], number: int) -> float:
        """The middle of a bar; the newest stands at the right."""
        return plot.right() - _step(plot, points) * (len(points) - number - 0.5)

    def _point_at(self, x: float) -> Point | None:
        points, plot = self.shown(), self._plot()
        if not points or not plot.left() <= x <= plot.right():
            return None
        number = len(points) - 1 - floor((plot.right() - x) / _step(plot, points))
        return points[number] if 0 <= number < len(points) else None

    def _told(self, point: Point) -> str:
        when = formats.moment(point.started, self._now or point.started)
        if point.result is not Result.SUCCEEDED:
            return self.tr("%1: no backup").replace("%1", when)
        size, took = formats.size(point.bytes), formats.duration(point.seconds)
        return f"{when}\n{size} · {took}"


def _step(plot: QRectF, points: Sequence[Point]) -> float:
    return min(_WIDEST, plot.width() / max(1, len(points)))


def _dashes(of: Colours) -> QPen:
    pen = QPen(QColor(of.warnsolid), 1.6)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    pen.setDashPattern([3, 2])
    return pen


def _ceiling(largest: int) -> tuple[float, int, int]:
    """A round number not below it, the power of 1,000 that it is told in, and how many lines lead to it."""
    if largest <= 0:
        return 1.0, 0, 1
    power = min(int(log10(largest) // 3), len(_UNITS) - 1)
    value = largest / 1000**power
    magnitude: float = 10 ** floor(log10(value))
    nice, steps = next((one for one in _ROUND if value <= one[0] * magnitude * 1.0001), _ROUND[-1])
    return nice * magnitude * 1000.0**power, power, steps
