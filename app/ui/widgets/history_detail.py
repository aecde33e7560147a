"""One backup of the history: what it is, what can be done with it, and everything that is known of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import QSize, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from app.domain.history import Entry
from app.ui.history_acts import HistoryActs
from app.ui.history_work import Detail, read_detail
from app.ui.state import State
from app.ui.theme import L, M
from app.ui.widgets.basics import line, row
from app.ui.widgets.chart import SizeChart
from app.ui.widgets.counted_tabs import CountedTabs
from app.ui.widgets.detail_pages import DetailPages, Tab
from app.ui.widgets.history_head import HistoryHead
from app.ui.widgets.proof_view import ProofSummary

_SIDE_ROOM = 820
_PROOF_WIDTH, _CHART_WIDTH = 212, 250
_SLOW, _PAUSE = 150, 40


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
        self._is_busy = False
        self._asked = 0
        self._tab = Tab.CHANGES
        self._has_happened = False
        self._is_beside: bool | None = None
        self._drafts: dict[tuple[str, str], str] = {}
        self._pause, self._slow = _timer(self, _PAUSE), _timer(self, _SLOW)
        self.head = HistoryHead(acts, self)
        self.tabs = self._make_tabs()
        self.pages = DetailPages(self)
        self._proof_side, self._chart_side = _side(self, 0), _side(self, M)
        self._proof_side.setFixedWidth(_PROOF_WIDTH)
        self._chart_side.setMinimumWidth(_CHART_WIDTH)
        self._chart_side.setMaximumWidth(_CHART_WIDTH * 2)
        self.summary, self.chart = ProofSummary(self._proof_side), SizeChart(self._chart_side)
        bar = row(self.tabs, None)
        bar.setContentsMargins(L, 2, L, 0)
        body = QHBoxLayout()
        body.setSpacing(0)
        body.addWidget(self.pages, 5)
        body.addWidget(self._proof_side)
        body.addWidget(self._chart_side, 3)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(1, 1, 1, 1)
        layout.setSpacing(0)
        layout.addWidget(self.head)
        layout.addLayout(bar)
        layout.addWidget(line(parent=self))
        layout.addLayout(body, 1)
        self._connect()
        self._arrange()

    def sizeHint(self) -> QSize:
        """As high as the picture of the page has it."""
        return QSize(820, 290)

    def show_entry(self, entry: Entry | None, *, is_busy: bool = False) -> None:
        """Show this one; the same one anew where it changed.

        Args:
            is_busy: an operation works on it.
        """
        before, self.entry, self._is_busy = self.entry, entry, is_busy
        self._show_acts()
        if entry is None or (entry == before and self.detail is not None):
            return
        is_same = before is not None and _key(before) == _key(entry)
        note = self.pages.note
        if before is not None and not is_same and note.is_changed:
            self._drafts[_key(before)] = note.note
        self.head.show_entry(entry, self._state.now())
        if not (is_same and note.is_changed):
            note.show_note(entry.note)
            if (draft := self._drafts.pop(_key(entry), None)) is not None:
                note.text.setPlainText(draft)
        if not is_same:
            self.detail = None
            self._slow.start()
        self._pause.start()

    def read_again(self) -> None:
        """The folder may be another one."""
        entry = self.entry
        if entry is None:
            return
        self._asked += 1
        asked, catalog = self._asked, self._state.catalog

        def show(detail: Detail) -> None:
            if asked == self._asked and self.entry == entry:
                self._show_detail(entry, detail)

        self._state.background.run(
            self,
            lambda: read_detail(entry, catalog),
            show,
            lambda error: self._state.failed.emit(error, self.tr("The backup cannot be shown")),
        )

    def set_page(self, *, is_split: bool) -> None:
        """Where it is a page of its own there is a way back."""
        self.head.set_page(is_alone=not is_split)

    def redraw(self) -> None:
        """The day may be another one."""
        if self.entry is not None:
            self.head.show_entry(self.entry, self._state.now())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Proof and chart stand beside the tabs where there is room."""
        super().resizeEvent(event)
        self._arrange()

    def _connect(self) -> None:
        self.head.back_wanted.connect(self.back_wanted)
        self._pause.timeout.connect(self.read_again)
        self._slow.timeout.connect(self.pages.show_waiting)
        happened = self.pages.happened
        happened.remedy_wanted.connect(self.remedy_wanted)
        happened.act_wanted.connect(self.act_wanted)
        happened.look_wanted.connect(self.look_wanted)
        self.pages.note.saved.connect(self.note_wanted)

    def _show_acts(self) -> None:
        entry = self.entry
        if entry is not None and self.detail is not None and self.detail.is_gone:
            entry = replace(entry, missing=True)
            self.head.show_entry(entry, self._state.now())
        elif self.detail is not None and self.detail.problem is not None:
            self.head.show_damaged()
        self._acts.show_entry(entry, is_busy=self._is_busy)

    def _show_detail(self, entry: Entry, detail: Detail) -> None:
        self._slow.stop()
        self.detail = detail
        self._show_acts()
        self.pages.forget()
        now, manifest = self._state.now(), detail.manifest
        self._has_happened = self.pages.happened.show_entry(entry, detail)
        self.chart.show_points(detail.points, entry.started, entry.project, now)
        changed: int | None = None
        if manifest is not None:
            changed = self.pages.changes.show_changes(detail, now)
            self.summary.show_proof(manifest)
        self.tabs.set_count(Tab.CHANGES, changed)
        self.tabs.set_count(Tab.TABLES, len(manifest.tables) if manifest else None)
        self._arrange()
        self._show_tab(self.tabs.currentIndex())

    def _arrange(self) -> None:
        """What is beside the tabs, and what is one of them."""
        has_room = self.width() >= _SIDE_ROOM - 2
        has_manifest = self.detail is not None and self.detail.manifest is not None
        has_chart = self.chart.has_bars
        self._proof_side.setVisible(has_room and has_manifest)
        self._chart_side.setVisible(has_room and has_chart)
        tabs = [Tab.HAPPENED] if self._has_happened else []
        if has_manifest or self.detail is None:
            tabs += [Tab.CHANGES, Tab.TABLES, Tab.REPORT, Tab.FILES]
        tabs += [Tab.LOG, Tab.NOTES]
        if not has_room:
            tabs += [Tab.PROOF] if has_manifest else []
            tabs += [Tab.CHART] if has_chart else []
        self._offer_tabs(tabs)
        if has_room != self._is_beside:
            self._is_beside = has_room
            for widget, side, tab in (
                (self.summary, self._proof_side, Tab.PROOF),
                (self.chart, self._chart_side, Tab.CHART),
            ):
                layout = side.layout()
                if not has_room:
                    self.pages.put(tab, widget)
                elif layout is not None:
                    layout.addWidget(widget)

    def _offer_tabs(self, tabs: Sequence[Tab]) -> None:
        """Show these; the one that the user chose last is shown again as soon as it is there."""
        chosen = self._tab if self._tab in tabs else tabs[0]
        self.tabs.blockSignals(True)
        for tab in tabs:
            self.tabs.setTabVisible(tab, True)
        self.tabs.setCurrentIndex(chosen)
        for tab in set(Tab).difference(tabs):
            self.tabs.setTabVisible(tab, False)
        self.tabs.blockSignals(False)
        self.tabs.updateGeometry()  # Qt does not, and the tabs would scroll
        if not self.pages.is_waiting:
            self._show_tab(chosen)

    def _choose_tab(self, tab: int) -> None:
        self._tab = Tab(tab)
        self._show_tab(tab)

    def _show_tab(self, tab: int) -> None:
        if self.detail is not None and self.entry is not None:
            self.pages.show_tab(Tab(tab), self.entry, self.detail, self._state.now())

    def _make_tabs(self) -> CountedTabs:
        made = CountedTabs(self)
        made.setAccessibleName(self.tr("Parts of the detail"))
        words = {
            Tab.HAPPENED: self.tr("What Happened"),
            Tab.CHANGES: self.tr("What Changed"),
            Tab.TABLES: self.tr("Tables"),
            Tab.REPORT: self.tr("Proof Report"),
            Tab.FILES: self.tr("Files"),
            Tab.LOG: self.tr("Log"),
            Tab.NOTES: self.tr("Notes"),
            Tab.PROOF: self.tr("Proof"),
            Tab.CHART: self.tr("Chart"),
        }
        for tab in Tab:
            made.addTab(words[tab])
        made.setCurrentIndex(Tab.CHANGES)
        made.currentChanged.connect(self._choose_tab)
        return made


def _side(parent: QWidget, margin: int) -> QWidget:
    made = QFrame(parent)
    made.setProperty("role", "side")
    layout = QVBoxLayout(made)
    layout.setContentsMargins(margin, max(0, margin - 2), margin, max(0, margin - 2))
    return made


def _timer(parent: QWidget, milliseconds: int) -> QTimer:
    made = QTimer(parent)
    made.setSingleShot(True)
    made.setInterval(milliseconds)
    return made


def _key(entry: Entry) -> tuple[str, str]:
    return entry.id, entry.destination
