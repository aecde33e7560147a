"""A backup while it runs: each table with its rows, its size and how far it is."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import (
    QFrame,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from app.domain.events import TableProgress, TableState
from app.domain.pace import Standing
from app.ui import formats, icons
from app.ui.models.dump_progress import PROGRESS_ROLE, Column, DumpProgress
from app.ui.theme import XL, L, M, S, colours
from app.ui.widgets.badge import RUNNING, Badge, paint_arc
from app.ui.widgets.basics import card, column, label, row
from app.ui.widgets.elided_label import ElidedLabel

_PROGRESS_WIDTH, _BAR, _WORDS = 260, 6, 52


class BackupRunning(QWidget):
    """Shows one operation."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = label("", "title")
        self._badge = Badge(RUNNING)
        self._place = ElidedLabel("", "second")
        self._place.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.model = DumpProgress()
        self._view = QTableView()
        self._view.setModel(self.model)
        self._view.setShowGrid(False)
        self._view.verticalHeader().hide()
        self._view.verticalHeader().setDefaultSectionSize(30)
        self._view.setSelectionMode(QTableView.SelectionMode.NoSelection)
        self._view.setItemDelegate(_Delegate(self._view))
        self._view.setAccessibleName(self.tr("Tables"))
        header = self._view.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(Column.TABLE, QHeaderView.ResizeMode.Stretch)
        header.resizeSection(Column.ROWS, 190)
        header.resizeSection(Column.SIZE, 90)
        header.resizeSection(Column.PROGRESS, _PROGRESS_WIDTH)
        self._counts = label("", "second")
        self._bytes = label("", "second")
        footer = QFrame()
        footer.setProperty("role", "tablefooter")
        sums = row(self._counts, None, self._bytes)
        sums.setContentsMargins(M, S, M, S)
        footer.setLayout(sums)
        frame = card()
        inside = column(self._view, footer, spacing=0)
        inside.setContentsMargins(1, 1, 1, 1)
        frame.setLayout(inside)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(XL, L, XL, XL)
        layout.setSpacing(M)
        head = row(self._title, self._badge, self._place)
        head.setStretch(2, 1)
        layout.addLayout(head)
        layout.addWidget(frame, 1)

    def show_start(self, title: str, folder: str, started: datetime) -> None:
        """A new operation."""
        self._title.setText(title)
        text = self.tr("Started %1, into %2").replace("%1", formats.clock(started))
        self._place.setText(text.replace("%2", folder))
        self.model.show_tables(())
        self._badge.show_status(RUNNING)

    def show_standing(self, standing: Standing, phase: str) -> None:
        """Where it is now."""
        self.model.show_tables(standing.tables)
        done, total = self.model.count(TableState.DONE), len(standing.tables)
        text = self.tr("%1 of %n table(s)", "", total).replace("%1", formats.count(done))
        self._badge.show_status(RUNNING, text if total and done < total else phase)
        sums = self.tr("%1 done, %2 in progress, %3 waiting").replace("%1", formats.count(done))
        sums = sums.replace("%2", formats.count(self.model.count(TableState.RUNNING)))
        self._counts.setText(sums.replace("%3", formats.count(self.model.count(TableState.WAITS))))
        self._bytes.setText(self.tr("%1 written").replace("%1", formats.size(standing.bytes)))


class _Delegate(QStyledItemDelegate):
    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        table: TableProgress = index.data(PROGRESS_ROLE)
        of = colours(option.palette)
        area = QRectF(option.rect)
        painter.save()
        painter.setPen(QColor(of.border))
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        painter.setFont(option.font)
        waits = table.state is TableState.WAITS
        painter.setPen(QColor(of.text2 if waits else of.text))
        text = str(index.data())
        if index.column() == Column.TABLE:
            self._paint_state(painter, table, QRectF(area.left() + M, area.center().y() - 9, 18, 18))
            area = area.adjusted(M + 18 + M, 0, -S, 0)
            text = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideMiddle, int(area.width()))
        elif index.column() == Column.PROGRESS:
            self._paint_bar(painter, table, area, text)
            painter.restore()
            return
        else:
            area = area.adjusted(S, 0, -S, 0)
        alignment = index.data(Qt.ItemDataRole.TextAlignmentRole)
        painter.drawText(area, int(alignment), text)
        painter.restore()

    def _paint_state(self, painter: QPainter, table: TableProgress, area: QRectF) -> None:
        of = colours()
        if table.state is TableState.RUNNING:
            paint_arc(painter, area, of.accent)
        elif table.state is TableState.DONE:
            icons.paint(painter, "check-circle-fill", of.ok, area)
        else:
            icons.paint(painter, "circle", of.text3, area)

    def _paint_bar(self, painter: QPainter, table: TableProgress, area: QRectF, text: str) -> None:
        of = colours()
        area = area.adjusted(S, 0, -M, 0)
        if table.state is TableState.WAITS:
            painter.drawText(area, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), text)
            return
        right = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight)
        painter.drawText(area, right, text)
        bar = QRectF(area.left(), area.center().y() - _BAR / 2, area.width() - _WORDS, _BAR)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(of.track))
        painter.drawRoundedRect(bar, _BAR / 2, _BAR / 2)
        painter.setBrush(QColor(of.oksolid if table.state is TableState.DONE else of.accent))
        bar.setWidth(max(_BAR, bar.width() * table.fraction))
        painter.drawRoundedRect(bar, _BAR / 2, _BAR / 2)
