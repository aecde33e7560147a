"""Paints the two lines of a project's cells, with its state before the first and its proof in the fourth."""

from __future__ import annotations

from typing import cast

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from app.ui.models.project_table import ROW_ROLE, Column, ProjectRow, ProjectTable
from app.ui.theme import Colours, L, M, S, colours, font
from app.ui.widgets.badge import PROOF_STATUS, Status, paint_icon

ROW_HEIGHT = 60
_ICON, _SMALL_ICON = 20, 14


class ProjectDelegate(QStyledItemDelegate):
    """Two lines a cell; the strip has a delegate of its own."""

    def sizeHint(self, _option: QStyleOptionViewItem, _index: QModelIndex | QPersistentModelIndex) -> QSize:
        """Two lines high."""
        return QSize(0, ROW_HEIGHT)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Background, line, icon, two texts."""
        of = colours(option.palette)
        area = QRectF(option.rect)
        painter.save()
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(area, QColor(of.sel))
        painter.setPen(QColor(of.border))
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        row: ProjectRow = index.data(ROW_ROLE)
        upper, lower = cast("ProjectTable", index.model()).texts(index.row(), index.column())
        mirrored = option.direction is Qt.LayoutDirection.RightToLeft
        text = area.adjusted(S, 10, -S, -10)
        if index.column() == Column.PROJECT:
            text = self._after_icon(painter, row.status, area.adjusted(L, 0, -L, 0), _ICON, M, mirrored, of)
            text.adjust(0, 10, 0, -10)
        half = text.height() / 2
        painter.setPen(QColor(of.text))
        painter.setFont(font("strong") if index.column() == Column.PROJECT else option.font)
        self._line(painter, QRectF(text.left(), text.top(), text.width(), half), upper)
        below = QRectF(text.left(), text.top() + half, text.width(), half)
        painter.setFont(option.font)
        painter.setPen(QColor(of.text2))
        last = row.health.last_good
        if index.column() == Column.LAST and last is not None and last.proof_level is not None:
            status = PROOF_STATUS[last.proof_level]
            below = self._after_icon(painter, status, below, _SMALL_ICON, 5, mirrored, of)
            painter.setPen(QColor(getattr(of, status.colour)))
        self._line(painter, below, lower)
        painter.restore()

    def _after_icon(
        self,
        painter: QPainter,
        status: Status,
        area: QRectF,
        size: int,
        gap: int,
        mirrored: bool,
        of: Colours,
    ) -> QRectF:
        """Paint an icon where the line begins, and give what is left of it."""
        left = area.right() - size if mirrored else area.left()
        paint_icon(painter, status, QRectF(left, area.center().y() - size / 2, size, size), of)
        taken = size + gap
        return area.adjusted(0 if mirrored else taken, 0, -taken if mirrored else 0, 0)

    def _line(self, painter: QPainter, area: QRectF, text: str) -> None:
        elided = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideMiddle, int(area.width()))
        painter.drawText(area, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeading), elided)
