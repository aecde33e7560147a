"""Paints the two lines of a project's cells, with its state before the first and its proof in the fourth."""

from __future__ import annotations

from typing import cast

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from app.ui.models.project_table import ROW_ROLE, Column, ProjectRow, ProjectTable
from app.ui.theme import L, M, S, colours, font
from app.ui.widgets.badge import PROOF_STATUS, paint_icon

ROW_HEIGHT = 60
_ICON = 20


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
        text = area.adjusted(S, 10, -S, -10)
        if index.column() == Column.PROJECT:
            icon = QRectF(area.left() + L, area.center().y() - _ICON / 2, _ICON, _ICON)
            paint_icon(painter, row.status, icon, of)
            text.setLeft(icon.right() + M)
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
            paint_icon(painter, status, QRectF(below.left(), below.center().y() - 7, 14, 14), of)
            painter.setPen(QColor(getattr(of, status.colour)))
            below.setLeft(below.left() + 19)
        self._line(painter, below, lower)
        painter.restore()

    def _line(self, painter: QPainter, area: QRectF, text: str) -> None:
        elided = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideMiddle, int(area.width()))
        painter.drawText(area, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeading), elided)
