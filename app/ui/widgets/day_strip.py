"""The last 30 days of a project, one cell a day: shape and colour say what each was like."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import tzinfo

from PySide6.QtCore import (
    QDate,
    QEvent,
    QLocale,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QPointF,
    QRect,
    QRectF,
    QSize,
    Qt,
)
from PySide6.QtGui import QColor, QHelpEvent, QPainter, QPen
from PySide6.QtWidgets import QAbstractItemView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QToolTip

from app.domain.strip import STRIP_DAYS, CellState, DayCell
from app.ui import formats
from app.ui.formats import translate
from app.ui.theme import Colours, colours
from app.ui.widgets.badge import PROOF_STATUS

_CELL, _GAP, _RADIUS = QSize(6, 20), 2, 2
_PIECE, _DOT, _LINE = 7, 4, 1.5


def strip_size(days: int = STRIP_DAYS) -> QSize:
    """What a strip of so many days takes."""
    return QSize(days * (_CELL.width() + _GAP) - _GAP, _CELL.height())


def paint_strip(
    painter: QPainter, where: QRect, cells: Sequence[DayCell], of: Colours, *, mirrored: bool = False
) -> None:
    """Draw the cells into an area, in the middle of its height.

    Args:
        painter: of whatever shows them.
        where: the oldest day stands at its left edge.
        cells: oldest first.
        of: the colours.
        mirrored: the oldest day stands at the right edge, for languages that run from right to left.
    """
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for number, cell in enumerate(cells):
        _paint_cell(painter, _area(where, number, mirrored=mirrored), cell.state, of)
    painter.restore()


def cell_at(
    point: QPoint, where: QRect, cells: Sequence[DayCell], *, mirrored: bool = False
) -> DayCell | None:
    """The day under a point of a strip that was painted into `where`; gaps belong to the cell before."""
    away = where.right() - point.x() if mirrored else point.x() - where.left()
    number = away // (_CELL.width() + _GAP)
    return cells[number] if 0 <= number < len(cells) and where.contains(point) else None


def strip_words(cells: Sequence[DayCell]) -> str:
    """“27 good, 3 failed”: what a screen reader says of a strip."""
    counted = Counter(cell.state for cell in cells)
    parts = [
        text.replace("%1", formats.count(counted[state]))
        for state, text in (
            (CellState.GOOD, translate("strip", "%1 good")),
            (CellState.FAILED, translate("strip", "%1 failed")),
            (CellState.MISSED, translate("strip", "%1 missed")),
            (CellState.RUNNING, translate("strip", "running today")),
        )
        if counted[state]
    ]
    return ", ".join(parts) or translate("strip", "no backups in %1 days").replace("%1", str(len(cells)))


def cell_words(cell: DayCell, zone: tzinfo) -> str:
    """The tool tip of a day: its date, what came of it, and of what; one fact a line."""
    states = {
        CellState.GOOD: translate("strip", "good"),
        CellState.FAILED: translate("strip", "failed"),
        CellState.MISSED: translate("strip", "missed"),
        CellState.NONE: translate("strip", "nothing was scheduled"),
        CellState.RUNNING: translate("strip", "running"),
    }
    day = QLocale().toString(
        QDate(cell.day.year, cell.day.month, cell.day.day), QLocale.FormatType.LongFormat
    )
    lines = [translate("strip", "%1: %2").replace("%1", day).replace("%2", states[cell.state])]
    shown = cell.shown
    if cell.missed_slot is not None:
        text = translate("strip", "no backup at %1")
        lines.append(text.replace("%1", formats.clock(cell.missed_slot, zone)))
    if shown is not None:
        facts = [formats.clock(shown.started, zone)]
        if shown.is_good:
            facts += [PROOF_STATUS[shown.proof_level].text] if shown.proof_level else []
            facts.append(formats.size(shown.bytes))
        else:
            facts.append(shown.proof_failure or shown.error_title or translate("strip", "interrupted"))
        lines.append(", ".join(facts))
    if cell.runs > 1:
        lines.append(translate("strip", "%1 runs").replace("%1", formats.count(cell.runs)))
    return "\n".join(lines)


class DayStripDelegate(QStyledItemDelegate):
    """Paints the strips of a column whose `role` gives each row's cells, and says what a day was like.

    The model gives `strip_words` as the cell's accessible text.

    Args:
        role: gives a sequence of `DayCell`.
        zone: of the window.
        margin: between the column's edge and the strip.
    """

    def __init__(self, role: int, zone: tzinfo, margin: int, parent: QAbstractItemView) -> None:
        super().__init__(parent)
        self._role, self._zone, self._margin = role, zone, margin

    def set_zone(self, zone: tzinfo) -> None:
        """Times are said in another one."""
        self._zone = zone

    def sizeHint(self, _option: QStyleOptionViewItem, _index: QModelIndex | QPersistentModelIndex) -> QSize:
        """The strip and its margins."""
        return strip_size() + QSize(2 * self._margin, 0)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Row, then strip."""
        self.initStyleOption(option, index)
        option.text = ""
        style = option.widget.style()
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, option, painter, option.widget)
        painter.setPen(QColor(colours(option.palette).border))
        area = QRectF(option.rect)
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        cells: Sequence[DayCell] = index.data(self._role) or ()
        mirrored = option.direction is Qt.LayoutDirection.RightToLeft
        paint_strip(painter, self._inner(option), cells, colours(), mirrored=mirrored)

    def helpEvent(
        self,
        event: QHelpEvent,
        view: QAbstractItemView,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> bool:
        """The tool tip of the day under the pointer."""
        if event.type() != QEvent.Type.ToolTip:
            return super().helpEvent(event, view, option, index)
        mirrored = option.direction is Qt.LayoutDirection.RightToLeft
        found = cell_at(event.pos(), self._inner(option), index.data(self._role) or (), mirrored=mirrored)
        QToolTip.showText(event.globalPos(), cell_words(found, self._zone) if found else "", view)
        return True

    def _inner(self, option: QStyleOptionViewItem) -> QRect:
        return option.rect.adjusted(self._margin, 0, -self._margin, 0)


def _area(where: QRect, number: int, *, mirrored: bool) -> QRectF:
    along = number * (_CELL.width() + _GAP)
    left = where.right() + 1 - _CELL.width() - along if mirrored else where.left() + along
    return QRectF(QPoint(left, where.top() + (where.height() - _CELL.height()) // 2), _CELL)


def _paint_cell(painter: QPainter, area: QRectF, state: CellState, of: Colours) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    match state:
        case CellState.GOOD:
            painter.setBrush(QColor(of.oksolid))
            painter.drawRoundedRect(area, _RADIUS, _RADIUS)
        case CellState.FAILED:
            painter.setBrush(QColor(of.badsolid))
            lower = area.height() - _PIECE
            painter.drawRoundedRect(area.adjusted(0, 0, 0, -lower), _RADIUS, _RADIUS)
            painter.drawRoundedRect(area.adjusted(0, lower, 0, 0), _RADIUS, _RADIUS)
        case CellState.MISSED:
            _outline(painter, area, of.warnsolid)
        case CellState.NONE:
            painter.setBrush(QColor(of.dot))
            painter.drawEllipse(area.center(), _DOT / 2, _DOT / 2)
        case CellState.RUNNING:
            _outline(painter, area, of.accent)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(of.accent))
            half = QRectF(QPointF(area.left(), area.center().y()), area.bottomRight())
            painter.drawRoundedRect(half, _RADIUS, _RADIUS)


def _outline(painter: QPainter, area: QRectF, colour: str) -> None:
    painter.setPen(QPen(QColor(colour), _LINE))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    inset = _LINE / 2
    painter.drawRoundedRect(area.adjusted(inset, inset, -inset, -inset), _RADIUS, _RADIUS)
