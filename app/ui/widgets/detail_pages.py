"""What the tabs of a backup's detail show; what is rarely looked at is made when it first is."""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum
from functools import cached_property
from typing import TypeVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPlainTextEdit, QStackedWidget, QVBoxLayout, QWidget

from app.domain.backup import TableRecord
from app.domain.history import Entry
from app.ui import formats
from app.ui.history_work import Detail
from app.ui.models.plain_rows import Field, PlainRows
from app.ui.theme import M
from app.ui.widgets.basics import label
from app.ui.widgets.changes_view import ChangesView
from app.ui.widgets.files_view import FilesView
from app.ui.widgets.note_editor import NoteEditor
from app.ui.widgets.plain_table import PlainTable
from app.ui.widgets.proof_view import ProofReport
from app.ui.widgets.what_happened import WhatHappened

Page = TypeVar("Page", bound=QWidget)


class Tab(IntEnum):
    """The tabs, in their order; the last two are there where they have no place beside the others."""

    HAPPENED = 0
    CHANGES = 1
    TABLES = 2
    REPORT = 3
    FILES = 4
    LOG = 5
    NOTES = 6
    PROOF = 7
    CHART = 8


class DetailPages(QStackedWidget):
    """One page for each tab, and one that says that the backup is being read."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._filled: set[Tab] = set()
        self._places = {tab: _place(self, M if tab is Tab.CHART else 0) for tab in Tab}
        self._waiting = label(self.tr("Reading the backup…"), "second", parent=self)
        self._waiting.setAlignment(Qt.AlignmentFlag.AlignCenter)
        for page in (*self._places.values(), self._waiting):
            self.addWidget(page)
        self.happened = self.put(Tab.HAPPENED, WhatHappened(self._places[Tab.HAPPENED]))
        self.changes = self.put(Tab.CHANGES, ChangesView(self._places[Tab.CHANGES]))
        self.note = self.put(Tab.NOTES, NoteEditor(self._places[Tab.NOTES]))
        self._table_rows: PlainRows[TableRecord] = PlainRows(self._table_fields(), self)

    @cached_property
    def tables(self) -> PlainTable:
        """The tables of the backup."""
        return self.put(Tab.TABLES, PlainTable(self._table_rows, self.tr("Tables of the backup")))

    @cached_property
    def report(self) -> ProofReport:
        """The proof, object by object."""
        return self.put(Tab.REPORT, ProofReport())

    @cached_property
    def files(self) -> FilesView:
        """The files of the backup."""
        return self.put(Tab.FILES, FilesView())

    @cached_property
    def log(self) -> QPlainTextEdit:
        """The log of the operation that made it."""
        made = QPlainTextEdit()
        made.setProperty("role", "log")
        made.setReadOnly(True)
        made.document().setDocumentMargin(M)
        made.setAccessibleName(self.tr("Log"))
        made.setPlaceholderText(self.tr("No log of it is kept any more."))
        return self.put(Tab.LOG, made)

    @property
    def is_waiting(self) -> bool:
        """Whether it says that the backup is being read."""
        return self.currentWidget() is self._waiting

    def show_waiting(self) -> None:
        """Say that the backup is being read."""
        self.setCurrentWidget(self._waiting)

    def put(self, tab: Tab, widget: Page) -> Page:
        """Make this the page of a tab."""
        layout = self._places[tab].layout()
        if layout is not None:
            layout.addWidget(widget)
        return widget

    def forget(self) -> None:
        """What is shown belongs to another backup."""
        self._filled.clear()

    def show_tab(self, tab: Tab, entry: Entry, detail: Detail, now: datetime) -> None:
        """Show a tab, with what it tells of this entry."""
        if tab not in self._filled:
            self._filled.add(tab)
            self._fill(tab, entry, detail, now)
        self.setCurrentIndex(tab)

    def _fill(self, tab: Tab, entry: Entry, detail: Detail, now: datetime) -> None:
        manifest = detail.manifest
        if tab is Tab.LOG:
            self.log.setPlainText("\n".join((*(manifest.warnings if manifest else ()), detail.log)).strip())
        elif manifest is None:
            return
        elif tab is Tab.TABLES:
            self.tables.show()
            self._table_rows.show_rows(manifest.tables)
        elif tab is Tab.REPORT:
            self.report.show_proof(manifest, now)
        elif tab is Tab.FILES:
            self.files.show_files(entry, manifest)

    def _table_fields(self) -> tuple[Field[TableRecord], ...]:
        return (
            Field(
                self.tr("Table"),
                lambda one: one.name if one.schema == "public" else f"{one.schema}.{one.name}",
                icon=lambda _: ("table", "text2"),
            ),
            Field(
                self.tr("Rows"),
                lambda one: formats.count(one.rows),
                key=lambda one: one.rows,
                is_number=True,
            ),
            Field(
                self.tr("Size"),
                lambda one: formats.size(one.bytes),
                key=lambda one: one.bytes,
                tool_tip=lambda one: formats.exact_size(one.bytes),
                is_number=True,
            ),
        )


def _place(parent: QWidget, margin: int) -> QWidget:
    made = QWidget(parent)
    layout = QVBoxLayout(made)
    layout.setContentsMargins(margin, margin, margin, margin)
    return made
