"""One backup of the history: what it is, what can be done with it, and everything that is known of it."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QMenu,
    QPlainTextEdit,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.domain.backup import TableRecord
from app.domain.history import Entry
from app.ui import formats
from app.ui.history_acts import Act, HistoryActs
from app.ui.history_words import badge_of, name_of
from app.ui.history_work import Detail, read_detail
from app.ui.models.plain_rows import Field, PlainRows
from app.ui.state import State
from app.ui.theme import L, M
from app.ui.widgets.badge import GOOD, Badge
from app.ui.widgets.basics import button, icon_button, label, line, row
from app.ui.widgets.changes_view import ChangesView
from app.ui.widgets.chart import SizeChart
from app.ui.widgets.counted_tabs import CountedTabs
from app.ui.widgets.elided_label import ElidedLabel
from app.ui.widgets.files_view import FilesView
from app.ui.widgets.note_editor import NoteEditor
from app.ui.widgets.plain_table import PlainTable
from app.ui.widgets.proof_view import ProofReport, ProofSummary
from app.ui.widgets.what_happened import WhatHappened

_SIDE_ROOM = 820
_BUTTON_ROOM = 780
_SLOW = 150
_PAUSE = 40
_PROOF_WIDTH, _CHART_WIDTH = 212, 250

HAPPENED, CHANGES, TABLES, REPORT, FILES, LOG, NOTES, PROOF, CHART = range(9)
"""The tabs, in their order."""


class HistoryDetail(QFrame):
    """A card. What takes reading is read beside the window; until it is there the head says what is known.

    Signals:
        act_wanted: an `Act` on the entry that is shown.
        remedy_wanted: a `Remedy` for it.
        look_wanted: the folder is to be read again.
        note_wanted: its new note.
        back_wanted: back to the list, where the detail is a page of its own.
    """

    act_wanted = Signal(object)
    remedy_wanted = Signal(object)
    look_wanted = Signal()
    note_wanted = Signal(str)
    back_wanted = Signal()

    def __init__(self, state: State, acts: HistoryActs, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self._state, self._acts = state, acts
        self.entry: Entry | None = None
        self.detail: Detail | None = None
        self._asked = 0
        self._tab, self._has_happened = CHANGES, False
        self._is_beside: bool | None = None
        self._drafts: dict[tuple[str, str], str] = {}
        self._pause, self._slow = _timer(self, _PAUSE), _timer(self, _SLOW)
        self._pause.timeout.connect(self._read)
        self._stack = QStackedWidget(self)
        self.happened = WhatHappened(self._stack)
        self.changes = ChangesView(self._stack)
        self.report = ProofReport(self._stack)
        self.files = FilesView(self._stack)
        self.note = NoteEditor(self._stack)
        self.tables: PlainRows[TableRecord] = PlainRows(self._table_fields(), self)
        self._log = QPlainTextEdit(self._stack)
        self._log.setProperty("role", "log")
        self._log.setReadOnly(True)
        self._log.document().setDocumentMargin(M)
        self._log.setAccessibleName(self.tr("Log"))
        self._log.setPlaceholderText(self.tr("No log of it is kept any more."))
        self.tabs = self._make_tabs()
        self._body = self._make_body()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(1, 1, 1, 1)
        layout.setSpacing(0)
        layout.addLayout(self._make_head())
        bar = row(self.tabs, None)
        bar.setContentsMargins(L, 2, L, 0)
        layout.addLayout(bar)
        layout.addWidget(line())
        layout.addLayout(self._body, 1)
        self._slow.timeout.connect(lambda: self._stack.setCurrentWidget(self._waiting))
        self.happened.remedy_wanted.connect(self.remedy_wanted)
        self.happened.act_wanted.connect(self.act_wanted)
        self.happened.look_wanted.connect(self.look_wanted)
        self.note.saved.connect(self.note_wanted)
        self._arrange()

    def sizeHint(self) -> QSize:
        """As high as the picture of the page has it."""
        return QSize(820, 290)

    def show_entry(self, entry: Entry | None, *, is_busy: bool = False) -> None:
        """Show this one; the same one anew where it changed."""
        before, self.entry = self.entry, entry
        self._acts.show_entry(entry, is_busy=is_busy)
        if entry is None or (entry == before and self.detail is not None):
            return
        is_same = before is not None and _key(before) == _key(entry)
        if before is not None and not is_same:
            self._keep_draft(before)
        self._show_head(entry)
        if not (is_same and self.note.is_changed):
            self.note.show_note(entry.note)
            if (draft := self._drafts.pop(_key(entry), None)) is not None:
                self.note.text.setPlainText(draft)
        if not is_same:
            self.detail = None
            self._slow.start()
        self._pause.start()

    def read_again(self) -> None:
        """The folder may be another one."""
        if self.entry is not None:
            self._read()

    def set_page(self, *, is_split: bool) -> None:
        """Where it is a page of its own there is a way back."""
        self.back.setVisible(not is_split)

    def redraw(self) -> None:
        """The day may be another one."""
        if self.entry is not None:
            self._heading.setText(name_of(self.entry, self._state.now()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Proof and chart stand beside the tabs where there is room."""
        super().resizeEvent(event)
        self._arrange()

    def _read(self) -> None:
        entry = self.entry
        if entry is None:
            return
        self._asked += 1
        asked, catalog = self._asked, self._state.catalog
        self._state.background.run(
            self,
            lambda: read_detail(entry, catalog),
            lambda detail: self._show_detail(entry, detail) if asked == self._asked else None,
            lambda error: self._state.failed.emit(error, self.tr("The backup cannot be shown")),
        )

    def _show_head(self, entry: Entry) -> None:
        self._heading.setText(name_of(entry, self._state.now()))
        self._heading.setToolTip(formats.exact_moment(entry.started))
        self._badge.show_status(badge_of(entry))

    def _show_detail(self, entry: Entry, detail: Detail) -> None:
        self._slow.stop()
        self.detail = detail
        now, manifest = self._state.now(), detail.manifest
        has_happened = self.happened.show_entry(entry, detail)
        self._log.setPlainText("\n".join((*(manifest.warnings if manifest else ()), detail.log)).strip())
        self.chart.show_points(detail.points, entry.started, entry.project, now)
        changed: int | None = None
        if manifest is not None:
            changed = self.changes.show_changes(detail, now)
            self.tables.show_rows(manifest.tables)
            self.report.show_proof(manifest, now)
            self.summary.show_proof(manifest)
            self.files.show_files(entry, manifest)
        self.tabs.set_count(CHANGES, changed)
        self.tabs.set_count(TABLES, len(manifest.tables) if manifest else None)
        self._has_happened = has_happened
        self._arrange()
        self._show_tab(self.tabs.currentIndex())

    def _arrange(self) -> None:
        """What is beside the tabs, what is one of them, and which buttons there is room for."""
        has_room = self.width() >= _SIDE_ROOM - 2
        has_manifest = self.detail is not None and self.detail.manifest is not None
        has_chart = self.chart.has_bars
        self._proof_side.setVisible(has_room and has_manifest)
        self._chart_side.setVisible(has_room and has_chart)
        tabs = [HAPPENED] if self._has_happened else []
        tabs += [CHANGES, TABLES, REPORT, FILES] if has_manifest else []
        tabs += [LOG, NOTES]
        if not has_room:
            tabs += [PROOF] if has_manifest else []
            tabs += [CHART] if has_chart else []
        self._offer_tabs(tabs)
        if has_room != self._is_beside:
            self._is_beside = has_room
            for widget, side, page in (
                (self.summary, self._proof_side, self._proof_page),
                (self.chart, self._chart_side, self._chart_page),
            ):
                target = side if has_room else page
                layout = target.layout()
                if layout is not None:
                    layout.addWidget(widget)
        for act, one in self._buttons.items():
            has_place = act in (Act.RESTORE, Act.PROVE) or self.width() >= _BUTTON_ROOM
            one.setVisible(has_place)

    def _offer_tabs(self, tabs: list[int]) -> None:
        """Show these; the one that the user chose last is shown again as soon as it is there."""
        chosen = self._tab if self._tab in tabs else tabs[0]
        self.tabs.blockSignals(True)
        for tab in tabs:
            self.tabs.setTabVisible(tab, True)
        self.tabs.setCurrentIndex(chosen)
        for tab in set(range(self.tabs.count())).difference(tabs):
            self.tabs.setTabVisible(tab, False)
        self.tabs.blockSignals(False)
        if self._stack.currentWidget() is not self._waiting:
            self._stack.setCurrentIndex(chosen)

    def _choose_tab(self, tab: int) -> None:
        self._tab = tab
        self._show_tab(tab)

    def _show_tab(self, tab: int) -> None:
        if self.detail is not None:
            self._stack.setCurrentIndex(tab)

    def _keep_draft(self, entry: Entry) -> None:
        if self.note.is_changed:
            self._drafts[_key(entry)] = self.note.note

    def _make_head(self) -> QHBoxLayout:
        self.back = icon_button("caret-left", self.tr("Back"), bare=True)
        self.back.clicked.connect(self.back_wanted)
        self.back.hide()
        self._heading = ElidedLabel("", "heading", mode=Qt.TextElideMode.ElideRight)
        self._badge = Badge(GOOD)
        self._buttons = {act: self._button(act) for act in (Act.RESTORE, Act.PROVE, Act.COPY, Act.FOLDER)}
        self.more = icon_button("dots-three-bold", self.tr("More"))
        menu = QMenu(self.more)
        menu.aboutToShow.connect(self._fill_menu)
        self.more.setMenu(menu)
        made = row(self.back, self._heading, self._badge, None, *self._buttons.values(), self.more)
        made.setContentsMargins(L, M - 2, M, 0)
        return made

    def _fill_menu(self) -> None:
        """What there is no button for."""
        menu = self.more.menu()
        menu.clear()
        self._acts.add_to(
            menu, *(act for act in Act if not (one := self._buttons.get(act)) or one.isHidden())
        )

    def _button(self, act: Act) -> QPushButton:
        action = self._acts[act]
        made = button(action.text(), act.value)
        made.setToolTip(action.toolTip())
        made.clicked.connect(action.trigger)
        action.enabledChanged.connect(made.setEnabled)
        made.setEnabled(action.isEnabled())
        return made

    def _make_tabs(self) -> CountedTabs:
        made = CountedTabs(self)
        made.setAccessibleName(self.tr("Parts of the detail"))
        for text in (
            self.tr("What Happened"),
            self.tr("What Changed"),
            self.tr("Tables"),
            self.tr("Proof Report"),
            self.tr("Files"),
            self.tr("Log"),
            self.tr("Notes"),
            self.tr("Proof"),
            self.tr("Chart"),
        ):
            made.addTab(text)
        made.setCurrentIndex(CHANGES)
        made.currentChanged.connect(self._choose_tab)
        return made

    def _make_body(self) -> QHBoxLayout:
        self._proof_page, self._chart_page = _holder(self._stack), _holder(self._stack, M)
        self._proof_side, self._chart_side = _holder(self), _holder(self, M)
        self.summary, self.chart = ProofSummary(self._proof_side), SizeChart(self._chart_side)
        self._proof_side.setFixedWidth(_PROOF_WIDTH)
        self._chart_side.setMinimumWidth(_CHART_WIDTH)
        self._chart_side.setMaximumWidth(_CHART_WIDTH * 2)
        self._waiting = label(self.tr("Reading the backup…"), "second", parent=self._stack)
        self._waiting.setAlignment(Qt.AlignmentFlag.AlignCenter)
        for page in (
            self.happened,
            self.changes,
            PlainTable(self.tables, self.tr("Tables of the backup"), parent=self._stack),
            self.report,
            self.files,
            self._log,
            self.note,
            self._proof_page,
            self._chart_page,
            self._waiting,
        ):
            self._stack.addWidget(page)
        made = QHBoxLayout()
        made.setContentsMargins(0, 0, 0, 0)
        made.setSpacing(0)
        made.addWidget(self._stack, 5)
        for side, share in ((self._proof_side, 0), (self._chart_side, 3)):
            made.addWidget(side, share)
        return made

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


def _holder(parent: QWidget, margin: int = 0) -> QWidget:
    made = QFrame(parent)
    made.setProperty("role", "side")
    layout = QVBoxLayout(made)
    layout.setContentsMargins(margin, margin - 2 if margin else 0, margin, margin - 2 if margin else 0)
    return made


def _timer(parent: QWidget, milliseconds: int) -> QTimer:
    made = QTimer(parent)
    made.setSingleShot(True)
    made.setInterval(milliseconds)
    return made


def _key(entry: Entry) -> tuple[str, str]:
    return entry.id, entry.destination
