"""The tables of a running dump: how far each of them is."""

from __future__ import annotations

from enum import IntEnum

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt

from app.domain.events import TableProgress, TableState
from app.ui import formats

Index = QModelIndex | QPersistentModelIndex


class Column(IntEnum):
    """The columns, in their order."""

    TABLE = 0
    ROWS = 1
    SIZE = 2
    PROGRESS = 3


PROGRESS_ROLE = Qt.ItemDataRole.UserRole + 1
"""Gives the `TableProgress` of a row."""


class DumpProgress(QAbstractTableModel):
    """What runs first, then what is done, then what waits."""

    def __init__(self) -> None:
        super().__init__()
        self._tables: tuple[TableProgress, ...] = ()
        self._order: list[int] = []

    def show_tables(self, tables: tuple[TableProgress, ...]) -> None:
        """Show this moment; rows that did not move are not painted again."""
        rank = {TableState.RUNNING: 0, TableState.DONE: 1, TableState.WAITS: 2}
        order = sorted(range(len(tables)), key=lambda number: (rank[tables[number].state], number))
        if order != self._order or len(tables) != len(self._tables):
            is_other = len(tables) != len(self._tables)
            (self.beginResetModel if is_other else self.layoutAboutToBeChanged.emit)()
            self._tables, self._order = tables, order
            (self.endResetModel if is_other else self.layoutChanged.emit)()
            return
        before, self._tables = self._tables, tables
        for row, number in enumerate(order):
            if tables[number] is not before[number]:
                self.dataChanged.emit(self.index(row, 0), self.index(row, Column.PROGRESS))

    def count(self, state: TableState) -> int:
        """How many tables are in this state."""
        return sum(table.state is state for table in self._tables)

    def rowCount(self, parent: Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self._order)

    def columnCount(self, parent: Index = QModelIndex()) -> int:
        return len(Column)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(section)
        words = (self.tr("Table"), self.tr("Rows"), self.tr("Size"), self.tr("Progress"))
        return words[section] if role == Qt.ItemDataRole.DisplayRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        table = self._tables[self._order[index.row()]]
        if role == PROGRESS_ROLE:
            return table
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(index.column())
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        match Column(index.column()):
            case Column.TABLE:
                return table.name
            case Column.ROWS:
                if table.state is not TableState.RUNNING:
                    return formats.count(table.total or table.rows)
                text = self.tr("%1 of %2").replace("%1", formats.count(table.rows))
                return text.replace("%2", formats.count(table.total))
            case Column.SIZE:
                return formats.size(table.bytes)
            case Column.PROGRESS:
                words = {TableState.DONE: self.tr("done"), TableState.WAITS: self.tr("waits")}
                return words.get(table.state) or formats.share(table.fraction)


def _alignment(column: int) -> Qt.AlignmentFlag:
    is_number = column in (Column.ROWS, Column.SIZE)
    side = Qt.AlignmentFlag.AlignRight if is_number else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter
