"""Shows a `TableTree` as both pages have it: a filter, the tree, and a line that sums up."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QSortFilterProxyModel, Qt, Signal
from PySide6.QtWidgets import QFrame, QHeaderView, QLineEdit, QTreeView, QVBoxLayout, QWidget

from app.ui.icons import icon
from app.ui.models.table_tree import Column, TableItem, TableTree
from app.ui.theme import L, M, S
from app.ui.widgets.basics import button, label, line, row
from app.ui.widgets.elided_label import ElidedLabel

_FEW = 200


class TableTreeView(QFrame):
    """A card; `selection_changed` tells of check boxes, `table_chosen` of the row that is selected."""

    selection_changed = Signal()
    table_chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self.model = TableTree()
        self._proxy = QSortFilterProxyModel(self)
        self._proxy.setSourceModel(self.model)
        self._proxy.setRecursiveFilteringEnabled(True)
        self._proxy.setAutoAcceptChildRows(True)
        self._proxy.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.filter = QLineEdit()
        self.filter.setPlaceholderText(self.tr("Filter tables"))
        self.filter.setAccessibleName(self.tr("Filter tables"))
        self.filter.setClearButtonEnabled(True)
        self.filter.addAction(icon("magnifying-glass", "text3"), QLineEdit.ActionPosition.LeadingPosition)
        self.filter.textChanged.connect(self._narrow)
        everything = button(self.tr("All"))
        everything.clicked.connect(lambda: self.model.check_all(True))
        nothing = button(self.tr("None"))
        nothing.clicked.connect(lambda: self.model.check_all(False))
        self.view = QTreeView()
        self.view.setModel(self._proxy)
        self.view.setHeaderHidden(True)
        self.view.setUniformRowHeights(True)
        self.view.setIndentation(20)
        self.view.setAccessibleName(self.tr("Tables"))
        self.view.setSelectionBehavior(QTreeView.SelectionBehavior.SelectRows)
        header = self.view.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(Column.NAME, QHeaderView.ResizeMode.Stretch)
        for column in (Column.ROWS, Column.SIZE):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Interactive)
        self.view.setStyleSheet("QTreeView::item { height: 26px; }")
        self.view.selectionModel().currentChanged.connect(self._choose)
        self.model.selection_changed.connect(self.selection_changed)
        self._left = ElidedLabel("", "second", mode=Qt.TextElideMode.ElideRight)
        self._right = label("", "second")
        footer = QFrame()
        footer.setProperty("role", "tablefooter")
        summary = row(self._left, self._right)
        summary.setStretch(0, 1)
        summary.setContentsMargins(M, S, M, S)
        footer.setLayout(summary)
        tools = row(self.filter, everything, nothing)
        tools.setContentsMargins(M, S, M, S)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(1, 1, 1, 1)
        layout.setSpacing(0)
        layout.addLayout(tools)
        layout.addWidget(line())
        inset = row(self.view)  # as far from the border as the first column of other tables
        inset.setContentsMargins(S, 0, S, 0)
        layout.addLayout(inset, 1)
        layout.addWidget(footer)

    def show_tables(self, tables: tuple[TableItem, ...]) -> None:
        """Show these; schemas are open where there are not too many."""
        self.model.show_tables(tables)
        self._fit_columns()
        if len(tables) <= _FEW:
            self.view.expandAll()
        elif self.model.rowCount():
            self.view.expand(self._proxy.index(0, 0))

    def say(self, left: str, right: str = "") -> None:
        """What stands below the tree."""
        self._left.setText(left)
        self._right.setText(right)

    def _fit_columns(self) -> None:
        """Numbers get what they need; names get the rest."""
        metrics = self.view.fontMetrics()
        for column in (Column.ROWS, Column.SIZE):
            width = max(map(metrics.horizontalAdvance, self.model.texts(column)), default=0)
            self.view.header().resizeSection(column, width + L)

    def _narrow(self, text: str) -> None:
        self._proxy.setFilterFixedString(text)
        if text:
            self.view.expandAll()

    def _choose(self, current: QModelIndex) -> None:
        source = self._proxy.mapToSource(current)
        self.table_chosen.emit(self.model.table_at(source) if source.isValid() else None)
