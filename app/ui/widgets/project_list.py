"""The table of projects: two lines a row, with the last 30 days between them."""

from __future__ import annotations

from datetime import tzinfo

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QHeaderView, QTableView, QWidget

from app.ui.models.project_table import STRIP_ROLE, Column, ProjectTable
from app.ui.theme import S, font
from app.ui.widgets.day_strip import DayStripDelegate, strip_size
from app.ui.widgets.project_delegate import ROW_HEIGHT, ProjectDelegate

_HEADER = 28
_LEAST_SHOWN, _SHOWN = 2, 5
"""Rows before the table scrolls, with little room and with enough: the rest is the card's below."""
_LEAST_NAME = 190


class ProjectList(QTableView):
    """The table.

    Signals:
        chosen: the name of the project that is selected.
        opened: its name, after Enter or two clicks; `delete_wanted` after Delete.
    """

    chosen = Signal(str)
    opened = Signal(str)
    delete_wanted = Signal(str)

    def __init__(self, model: ProjectTable, zone: tzinfo, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows = model
        self.setModel(model)
        self.setAccessibleName(self.tr("Projects"))
        self.setItemDelegate(ProjectDelegate(self))
        self._strips = DayStripDelegate(STRIP_ROLE, zone, S, self)
        self.setItemDelegateForColumn(Column.STRIP, self._strips)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setMouseTracking(True)
        self.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QTableView.SelectionMode.SingleSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        lines = self.verticalHeader()
        lines.hide()
        lines.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        lines.setDefaultSectionSize(max(ROW_HEIGHT, 2 * self.fontMetrics().height() + 26))
        header = self.horizontalHeader()
        header.setProperty("role", "lines")
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setHighlightSections(False)
        header.setSectionsClickable(False)
        header.setFixedHeight(max(_HEADER, header.fontMetrics().height() + 10))
        self.doubleClicked.connect(lambda index: self._tell(self.opened, index))
        self.selectionModel().currentRowChanged.connect(lambda index, _: self._tell(self.chosen, index))
        model.modelReset.connect(self.updateGeometry)
        self._fit_columns()

    def set_zone(self, zone: tzinfo) -> None:
        """Times are said in another one."""
        self._strips.set_zone(zone)

    def choose(self, name: str) -> None:
        """Select this project, or the first one."""
        row = max(0, self._rows.row_of(name))
        how = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
        index = self._rows.index(row, Column.PROJECT)
        self.selectionModel().setCurrentIndex(index, how)
        self._tell(self.chosen, index)

    def fit_height(self, *, shows_all: bool) -> None:
        """As high as its rows; up to five of them, unless nothing else is on the page."""
        rows = max(1, self._rows.rowCount())
        self.setMinimumHeight(self._height_of(min(rows, _LEAST_SHOWN)))
        self.setMaximumHeight(self._height_of(rows if shows_all else min(rows, _SHOWN)))
        self.updateGeometry()

    def sizeHint(self) -> QSize:
        """All that it may have."""
        return QSize(super().sizeHint().width(), self.maximumHeight())

    def _height_of(self, rows: int) -> int:
        return self.horizontalHeader().height() + rows * self.verticalHeader().defaultSectionSize()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """With little room the strip goes first, then the version: names must be read."""
        super().resizeEvent(event)
        left = self.viewport().width() - sum(self._widths.values())
        for column in (Column.STRIP, Column.SERVER):
            is_hidden = left < _LEAST_NAME
            if self.isColumnHidden(column) != is_hidden:
                self.setColumnHidden(column, is_hidden)
            left += self._widths[column] if is_hidden else 0

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter opens, Delete deletes."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._tell(self.opened, self.currentIndex())
        elif event.key() == Qt.Key.Key_Delete:
            self._tell(self.delete_wanted, self.currentIndex())
        else:
            super().keyPressEvent(event)

    def _tell(self, signal: object, index: QModelIndex) -> None:
        row = self._rows.at(index.row()) if index.isValid() else None
        if row is not None:
            signal.emit(row.name)  # type: ignore[attr-defined]

    def _fit_columns(self) -> None:
        body, badge = self.fontMetrics(), QFontMetrics(font("badge"))
        texts = {
            Column.SERVER: ("17.10 ", self.tr("888.8 GB")),
            Column.LAST: ("Wed 28 Nov 23:00", self.tr("Last good backup")),
            Column.NEXT: (self.tr("for mains power"), self.tr("Backing up, 88%"), self.tr("Tomorrow")),
        }
        self._widths = {
            column: max(
                body.horizontalAdvance(max(shown, key=len)),
                badge.horizontalAdvance(str(self._rows.headerData(column, Qt.Orientation.Horizontal))),
            )
            + 2 * S
            + 6
            for column, shown in texts.items()
        }
        self._widths[Column.STRIP] = strip_size().width() + 2 * S
        header = self.horizontalHeader()
        for column in Column:
            mode = QHeaderView.ResizeMode.Fixed
            header.setSectionResizeMode(
                column, QHeaderView.ResizeMode.Stretch if column is Column.PROJECT else mode
            )
            if column in self._widths:
                header.resizeSection(column, self._widths[column])
