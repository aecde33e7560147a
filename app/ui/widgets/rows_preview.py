"""The first rows of a table in a dump, before anything is restored."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtWidgets import (
    QFrame,
    QHeaderView,
    QPlainTextEdit,
    QStackedWidget,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from app.domain.errors import AppError
from app.system.cancellation import CancelToken
from app.ui.background import cancel_soon
from app.ui.error_words import in_language
from app.ui.restore_work import rows_of
from app.ui.state import State
from app.ui.theme import M, S
from app.ui.widgets.basics import label, row
from app.ui.widgets.icon_label import IconLabel
from app.ui.widgets.plain_table import Lines

if TYPE_CHECKING:
    from app.engine.restore.first_rows import TableRows

Index = QModelIndex | QPersistentModelIndex
_NULL = "NULL"


class RowsPreview(QFrame):
    """A card that asks for the rows of one table at a time."""

    def __init__(self, state: State, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self._state = state
        self._cancel = CancelToken()
        self._hint = label("", "second")
        self._model = _Rows()
        self._table = QTableView()
        self._table.setModel(self._model)
        self._table.setShowGrid(False)
        self._table.setItemDelegate(Lines(self._table))
        self._table.horizontalHeader().setProperty("role", "plain")
        self._table.verticalHeader().hide()
        self._table.verticalHeader().setDefaultSectionSize(26)
        self._table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self._table.horizontalHeader().setHighlightSections(False)
        self._table.horizontalHeader().setStretchLastSection(True)
        self._table.setAccessibleName(self.tr("First rows"))
        self._lines = QPlainTextEdit()
        self._lines.setReadOnly(True)
        self._lines.setProperty("role", "log")
        self._lines.setAccessibleName(self.tr("First rows"))
        self._stack = QStackedWidget()
        self._stack.addWidget(self._table)
        self._stack.addWidget(self._lines)
        head = row(IconLabel("eye", "text2", 16), self._hint, None)
        head.setContentsMargins(M, S, M, S)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(1, 1, 1, 1)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addWidget(self._stack, 1)
        self.leave()

    def leave(self) -> None:
        """Show nothing."""
        cancel_soon(self._cancel)
        self._hint.setText(self.tr("Select a table to see its first rows"))
        self._stack.hide()
        self.setMaximumHeight(36)

    def show_table(self, paths: Sequence[Path], table: str) -> None:
        """Read the first rows of this table."""
        cancel_soon(self._cancel)
        self._cancel = cancel = CancelToken()
        self._hint.setText(self.tr("Reading the first rows of %1…").replace("%1", table))
        self._state.background.run(
            self,
            lambda: rows_of(paths, table, "", cancel),
            lambda rows: self._show(table, rows) if cancel is self._cancel else None,
            lambda error: self._refuse(error) if cancel is self._cancel else None,
        )

    def _show(self, table: str, rows: TableRows | None) -> None:
        if rows is None or not (rows.rows or rows.lines):
            self._hint.setText(self.tr("%1 has no rows").replace("%1", table))
            self._stack.hide()
            self.setMaximumHeight(36)
            return
        self._hint.setText(self.tr("First rows of %1").replace("%1", table))
        if rows.lines:
            self._lines.setPlainText("\n".join(rows.lines))
            self._stack.setCurrentWidget(self._lines)
        else:
            self._model.show_rows(rows.columns, rows.rows)
            self._stack.setCurrentWidget(self._table)
        self.setMaximumHeight(16_777_215)
        self._stack.show()

    def _refuse(self, error: Exception) -> None:
        text = in_language(error).title if isinstance(error, AppError) else str(error)
        self._hint.setText(text)
        self._stack.hide()
        self.setMaximumHeight(36)


class _Rows(QAbstractTableModel):
    def __init__(self) -> None:
        super().__init__()
        self._columns: tuple[str, ...] = ()
        self._rows: tuple[tuple[str | None, ...], ...] = ()

    def show_rows(self, columns: tuple[str, ...], rows: tuple[tuple[str | None, ...], ...]) -> None:
        self.beginResetModel()
        self._columns, self._rows = columns, rows
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._columns)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if role == Qt.ItemDataRole.DisplayRole and orientation is Qt.Orientation.Horizontal:
            return self._columns[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return None
        value = self._rows[index.row()][index.column()]
        text = _NULL if value is None else value
        return text if role == Qt.ItemDataRole.ToolTipRole else text.replace("\n", " ")[:200]
