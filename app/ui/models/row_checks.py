"""The rows of each table after a restore beside those of the source, differences first."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor

from app.domain.restore import RowCheck
from app.ui import formats
from app.ui.icons import icon
from app.ui.theme import colours

Index = QModelIndex | QPersistentModelIndex


class Column(IntEnum):
    """The columns, in their order."""

    TABLE = 0
    EXPECTED = 1
    FOUND = 2
    RESULT = 3


class RowChecks(QAbstractTableModel):
    """Read only."""

    def __init__(self) -> None:
        super().__init__()
        self._all: list[RowCheck] = []
        self._shown: list[RowCheck] = []

    def show_checks(self, checks: Iterable[RowCheck]) -> None:
        """Show these."""
        self._all = sorted(checks, key=lambda one: (one.found == one.expected, -one.expected, one.name))
        self.show_different(False)

    def show_different(self, only: bool) -> None:
        """Show all, or those alone that differ."""
        self.beginResetModel()
        self._shown = [one for one in self._all if not only or one.found != one.expected]
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self._shown)

    def columnCount(self, parent: Index = QModelIndex()) -> int:
        return len(Column)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(section)
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        return (self.tr("Table"), self.tr("In source"), self.tr("In target"), self.tr("Result"))[section]

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        check = self._shown[index.row()]
        column = Column(index.column())
        difference = check.found - check.expected
        if role == Qt.ItemDataRole.DisplayRole:
            if column is Column.TABLE:
                return f"{check.schema}.{check.name}"
            if column is Column.RESULT:
                sign = "+" if difference > 0 else "−"
                return f"{sign}{formats.count(abs(difference))}" if difference else self.tr("equal")
            return formats.count(check.expected if column is Column.EXPECTED else check.found)
        if role == Qt.ItemDataRole.DecorationRole and column is Column.TABLE:
            return icon("warning-octagon-fill", "bad") if difference else icon("check-circle-fill", "ok")
        if role == Qt.ItemDataRole.ForegroundRole and column is Column.RESULT:
            return QColor(colours().bad if difference else colours().text2)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(column)
        return None


def _alignment(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignLeft if column == Column.TABLE else Qt.AlignmentFlag.AlignRight
    return side | Qt.AlignmentFlag.AlignVCenter
