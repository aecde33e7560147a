"""Shows `PlainRows`: thin lines between rows, the header to sort by, one column that takes what is left."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, Qt
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import (
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from app.ui.models.plain_rows import PlainRows
from app.ui.theme import M, S, colours

_ROW = 30
_SAMPLE = 200


class PlainTable(QTableView):
    """A table that is only read.

    Args:
        rows: its model.
        name: what a screen reader calls it.
        header: whether there is one, by which the table is sorted.
        stretched: the column that takes what is left.
        widest: in pixels, how wide the others may be.
    """

    def __init__(
        self,
        rows: PlainRows[Any],
        name: str,
        *,
        header: bool = True,
        stretched: int = 0,
        widest: int = 260,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._stretched, self._widest = stretched, widest
        self.setModel(rows)
        self.setItemDelegate(Lines(self))
        self.setAccessibleName(name)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QTableView.SelectionMode.SingleSelection)
        self.setVerticalScrollMode(QTableView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.verticalHeader().setDefaultSectionSize(max(_ROW, self.fontMetrics().height() + 12))
        top = self.horizontalHeader()
        top.setVisible(header)
        top.setHighlightSections(False)
        top.setMinimumSectionSize(24)
        top.setProperty("role", "plain")
        if header:
            top.setSectionsClickable(True)
            top.setSortIndicatorShown(False)
            top.setSortIndicatorClearable(True)
            top.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
            top.sectionClicked.connect(self._sort)
        rows.modelReset.connect(self.fit_columns)

    def fit_columns(self) -> None:
        """Each column as wide as what it shows; one takes the rest."""
        model, metrics = self.model(), self.fontMetrics()
        header = self.horizontalHeader()
        for column in range(model.columnCount()):
            if column == self._stretched:
                header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
                continue
            texts = [str(model.headerData(column, Qt.Orientation.Horizontal)) if header.isVisible() else ""]
            texts += [str(model.index(row, column).data()) for row in range(min(_SAMPLE, model.rowCount()))]
            width = max(map(metrics.horizontalAdvance, texts), default=0)
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Interactive)
            is_last = column == model.columnCount() - 1
            header.resizeSection(column, min(width + M + 4, self._widest) + (S if is_last else 0))

    def _sort(self, column: int) -> None:
        header = self.horizontalHeader()
        order = Qt.SortOrder.AscendingOrder
        if (
            header.isSortIndicatorShown()
            and header.sortIndicatorSection() == column
            and header.sortIndicatorOrder() is order
        ):
            order = Qt.SortOrder.DescendingOrder
        header.setSortIndicatorShown(True)
        header.setSortIndicator(column, order)
        self.model().sort(column, order)


class Lines(QStyledItemDelegate):
    """Thin lines between rows, and the room at both sides that headers of the role “plain” have."""

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """One cell."""
        inner, area = QStyleOptionViewItem(option), QRect(option.rect)
        is_first, is_last = index.column() == 0, index.column() == index.model().columnCount() - 1
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(area, QColor(colours().sel))
        inner.rect = area.adjusted(M if is_first else 0, 0, -S if is_last else 0, 0)
        super().paint(painter, inner, index)
        painter.save()
        painter.setPen(QPen(QColor(colours().border), 1))
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        painter.restore()
