"""A sorted list of values as a table that is only read: tables, files and objects of a backup."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor

from app.ui.icons import icon
from app.ui.theme import colours

Index = QModelIndex | QPersistentModelIndex
Value = TypeVar("Value")


def _nothing(_: object) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Field(Generic[Value]):
    """A column.

    Attributes:
        title: of its header.
        text: what a cell shows.
        key: what it is sorted by; the text where there is none.
        tool_tip: the exact value.
        colour: of the text, by name in `theme.Colours`; the usual one where it is empty.
        icon: name and colour of the icon before it.
        is_number: stands on the right.
    """

    title: str
    text: Callable[[Value], str]
    key: Callable[[Value], Any] | None = None
    tool_tip: Callable[[Value], str] = _nothing
    colour: Callable[[Value], str] = _nothing
    icon: Callable[[Value], tuple[str, str]] | None = None
    is_number: bool = False


class PlainRows(QAbstractTableModel, Generic[Value]):
    """Cells are made when they are looked at, so that thousands of rows cost nothing."""

    def __init__(self, fields: Sequence[Field[Value]], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._fields = tuple(fields)
        self._rows: list[Value] = []

    def show_rows(self, rows: Sequence[Value]) -> None:
        """Show these, in this order."""
        self.beginResetModel()
        self._rows = list(rows)
        self.endResetModel()

    def value_at(self, row: int) -> Value:
        """What a row stands for."""
        return self._rows[row]

    def rowCount(self, parent: Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self._fields)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._fields[section].title
        return _alignment(self._fields[section]) if role == Qt.ItemDataRole.TextAlignmentRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        value, field = self._rows[index.row()], self._fields[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return field.text(value)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(field)
        if role == Qt.ItemDataRole.ToolTipRole:
            return field.tool_tip(value) or None
        if role == Qt.ItemDataRole.ForegroundRole and (name := field.colour(value)):
            return QColor(getattr(colours(), name))
        if role == Qt.ItemDataRole.DecorationRole and field.icon is not None:
            return icon(*field.icon(value))
        return None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        if column < 0:
            return
        field = self._fields[column]
        self.layoutAboutToBeChanged.emit()
        self._rows.sort(key=field.key or field.text, reverse=order is Qt.SortOrder.DescendingOrder)
        self.layoutChanged.emit()


def _alignment(field: Field[Any]) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if field.is_number else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter
