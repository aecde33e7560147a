"""Schemas and their tables with rows, sizes and check boxes: what Backup and Restore let the user choose."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QPersistentModelIndex, Qt, Signal

from app.ui import formats
from app.ui.icons import icon

Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True, slots=True)
class TableItem:
    """A table.

    Attributes:
        rows: None where nobody knows; likewise `bytes`.
        about: whether `rows` is an estimate.
    """

    schema: str
    name: str
    rows: int | None = None
    bytes: int | None = None
    about: bool = False


class Column(IntEnum):
    """The columns, in their order."""

    NAME = 0
    ROWS = 1
    SIZE = 2


@dataclass(slots=True)
class _Schema:
    name: str
    tables: list[TableItem]
    bytes: int
    checked: int


class TableTree(QAbstractItemModel):
    """Two levels; a schema's check box follows its tables', and the other way round.

    `selection_changed` tells of every change.
    """

    selection_changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._schemas: list[_Schema] = []
        self._unchecked: set[tuple[str, str]] = set()
        self._icons = (icon("folder", "text2"), icon("table", "text2"))

    def show_tables(self, tables: Iterable[TableItem]) -> None:
        """Show these, the largest first in each schema, all of them checked."""
        self.beginResetModel()
        by_schema: dict[str, list[TableItem]] = {}
        for table in tables:
            by_schema.setdefault(table.schema, []).append(table)
        self._schemas = []
        for name in sorted(by_schema, key=lambda name: (name != "public", name)):
            items = sorted(by_schema[name], key=lambda item: (-(item.bytes or 0), item.name))
            size = sum(item.bytes or 0 for item in items)
            self._schemas.append(_Schema(name, items, size, len(items)))
        self._unchecked.clear()
        self.endResetModel()
        self.selection_changed.emit()

    @property
    def checked(self) -> tuple[TableItem, ...]:
        """The tables that are chosen."""
        return tuple(
            table
            for schema in self._schemas
            for table in schema.tables
            if (table.schema, table.name) not in self._unchecked
        )

    @property
    def unchecked(self) -> tuple[TableItem, ...]:
        """The tables that are not."""
        return tuple(
            table
            for schema in self._schemas
            for table in schema.tables
            if (table.schema, table.name) in self._unchecked
        )

    @property
    def count(self) -> int:
        """All tables."""
        return sum(len(schema.tables) for schema in self._schemas)

    def check_all(self, checked: bool) -> None:
        """Choose everything or nothing."""
        self._unchecked = (
            set()
            if checked
            else {(table.schema, table.name) for schema in self._schemas for table in schema.tables}
        )
        for schema in self._schemas:
            schema.checked = len(schema.tables) if checked else 0
        self._tell_all()

    def choose(self, names: Sequence[tuple[str, str]]) -> None:
        """Choose these tables alone, by schema and name."""
        wanted = set(names)
        self._unchecked = {
            (table.schema, table.name)
            for schema in self._schemas
            for table in schema.tables
            if (table.schema, table.name) not in wanted
        }
        for schema in self._schemas:
            schema.checked = sum((schema.name, table.name) in wanted for table in schema.tables)
        self._tell_all()

    def texts(self, column: Column) -> set[str]:
        """What is enough of a column with numbers to measure how wide it must be.

        All figures have one width, so of numbers with as many of them the first and the last stand for all.
        """
        role = Qt.ItemDataRole.DisplayRole
        found = {str(self._schema_data(schema, column, role)) for schema in self._schemas}
        if column == Column.ROWS:
            found |= {self._some(len(schema.tables), len(schema.tables)) for schema in self._schemas}

        def number(table: TableItem) -> int:
            return (table.rows if column == Column.ROWS else table.bytes) or 0

        ends: dict[int, list[TableItem]] = {}
        for table in sorted((table for schema in self._schemas for table in schema.tables), key=number):
            ends.setdefault(len(str(number(table))), [table, table])[1] = table
        some = (table for pair in ends.values() for table in pair)
        return found | {str(self._table_data(table, column, role)) for table in some}

    def table_at(self, index: Index) -> TableItem | None:
        """The table of a row; None for a schema."""
        schema = self._schema_of(index)
        return None if schema is None else schema.tables[index.row()]

    def index(self, row: int, column: int, parent: Index = QModelIndex()) -> QModelIndex:
        if not self.hasIndex(row, column, parent):
            return QModelIndex()
        return self.createIndex(row, column, parent.row() + 1 if parent.isValid() else 0)

    def parent(self, index: Index = QModelIndex()) -> QModelIndex:  # type: ignore[override]
        number = index.internalId() if index.isValid() else 0
        return self.createIndex(number - 1, 0, 0) if number else QModelIndex()

    def rowCount(self, parent: Index = QModelIndex()) -> int:
        if not parent.isValid():
            return len(self._schemas)
        if parent.internalId() or parent.column():
            return 0
        return len(self._schemas[parent.row()].tables)

    def columnCount(self, parent: Index = QModelIndex()) -> int:
        return len(Column)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        schema = self._schema_of(index)
        if schema is None:
            return self._schema_data(self._schemas[index.row()], index.column(), role)
        return self._table_data(schema.tables[index.row()], index.column(), role)

    def setData(self, index: Index, value: object, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if role != Qt.ItemDataRole.CheckStateRole:
            return False
        checked = Qt.CheckState(value) is Qt.CheckState.Checked
        schema = self._schema_of(index)
        if schema is None:
            changed, tables = self._schemas[index.row()], self._schemas[index.row()].tables
        else:
            changed, tables = schema, [schema.tables[index.row()]]
        names = {(table.schema, table.name) for table in tables}
        self._unchecked = self._unchecked - names if checked else self._unchecked | names
        changed.checked = sum((table.schema, table.name) not in self._unchecked for table in changed.tables)
        top = self.index(self._schemas.index(changed), 0)
        self.dataChanged.emit(top, top.siblingAtColumn(Column.SIZE))
        last = self.index(len(changed.tables) - 1, Column.SIZE, top)
        self.dataChanged.emit(self.index(0, 0, top), last)
        self.selection_changed.emit()
        return True

    def flags(self, index: Index) -> Qt.ItemFlag:
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        base = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        return base | Qt.ItemFlag.ItemIsUserCheckable if index.column() == Column.NAME else base

    def _schema_of(self, index: Index) -> _Schema | None:
        number = index.internalId()
        return self._schemas[number - 1] if number else None

    def _schema_data(self, schema: _Schema, column: int, role: int) -> object:
        total = len(schema.tables)
        if role == Qt.ItemDataRole.DisplayRole:
            if column == Column.NAME:
                return schema.name
            if column == Column.ROWS:
                if schema.checked in (0, total):
                    return self.tr("%n table(s)", "", total)
                return self._some(schema.checked, total)
            return formats.size(schema.bytes) if schema.bytes else ""
        if role == Qt.ItemDataRole.CheckStateRole and column == Column.NAME:
            states = {0: Qt.CheckState.Unchecked, total: Qt.CheckState.Checked}
            return states.get(schema.checked, Qt.CheckState.PartiallyChecked)
        if role == Qt.ItemDataRole.DecorationRole and column == Column.NAME:
            return self._icons[0]
        return _alignment(column, role)

    def _table_data(self, table: TableItem, column: int, role: int) -> object:
        if role == Qt.ItemDataRole.DisplayRole:
            if column == Column.NAME:
                return table.name
            if column == Column.ROWS:
                return "" if table.rows is None else self._rows(table)
            return "" if table.bytes is None else formats.size(table.bytes)
        if role == Qt.ItemDataRole.CheckStateRole and column == Column.NAME:
            is_checked = (table.schema, table.name) not in self._unchecked
            return Qt.CheckState.Checked if is_checked else Qt.CheckState.Unchecked
        if role == Qt.ItemDataRole.DecorationRole and column == Column.NAME:
            return self._icons[1]
        if role == Qt.ItemDataRole.ToolTipRole and column == Column.SIZE and table.bytes is not None:
            return formats.exact_size(table.bytes)
        return _alignment(column, role)

    def _some(self, checked: int, total: int) -> str:
        return self.tr("%1 of %n table(s)", "", total).replace("%1", formats.count(checked))

    def _rows(self, table: TableItem) -> str:
        if table.about and not table.rows:
            return formats.DASH  # never analysed: nothing is known
        text = self.tr("1 row") if table.rows == 1 else self.tr("%1 rows")
        return ("~ " if table.about else "") + text.replace("%1", formats.count(table.rows or 0))

    def _tell_all(self) -> None:
        for number, schema in enumerate(self._schemas):
            top = self.index(number, 0)
            self.dataChanged.emit(top, top.siblingAtColumn(Column.SIZE))
            last = self.index(len(schema.tables) - 1, Column.SIZE, top)
            self.dataChanged.emit(self.index(0, 0, top), last)
        self.selection_changed.emit()


def _alignment(column: int, role: int) -> object:
    if role == Qt.ItemDataRole.TextAlignmentRole and column != Column.NAME:
        return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
    return None
