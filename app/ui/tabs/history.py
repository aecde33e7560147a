"""History: every backup that was tried, found again in a moment, with all that is known of it."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QActionGroup, QKeySequence, QResizeEvent, QShortcut, QShowEvent
from PySide6.QtWidgets import QMenu, QVBoxLayout, QWidget

from app.domain.errors import AppError
from app.domain.history import Entry
from app.domain.remedy import Remedy
from app.persistence.history_query import HistoryFilter, Listed, Sort
from app.ui import formats
from app.ui.history_acts import Act, HistoryActs
from app.ui.history_requests import HistoryRequests
from app.ui.models.history_model import SORTS, Column, HistoryModel, Question
from app.ui.state import State
from app.ui.theme import XL, L, S
from app.ui.widgets.basics import label, row
from app.ui.widgets.detail_pages import Tab
from app.ui.widgets.history_panes import HistoryPanes

_FIRST_DOWN = (Column.TIME, Column.SIZE, Column.DURATION)


class HistoryPage(QWidget):
    """The page.

    Signals:
        restore_wanted: the `Entry` of a backup to restore.
        prove_wanted, verify_wanted, copy_wanted: likewise.
        folder_wanted: a folder to be shown in the file manager.
        export_wanted: the entry, and the `Path` of the file to write, which the user agreed to replace.
        delete_wanted: the entry, which goes to the trash; the user confirmed it.
        back_up_wanted: the name of a project; empty where none is chosen.
        remedy_wanted: a `Remedy` and the entry of the attempt that failed.
    """

    restore_wanted = Signal(object)
    prove_wanted = Signal(object)
    verify_wanted = Signal(object)
    copy_wanted = Signal(object)
    folder_wanted = Signal(str)
    export_wanted = Signal(object, object)
    delete_wanted = Signal(object)
    back_up_wanted = Signal(str)
    remedy_wanted = Signal(object, object)

    def __init__(self, state: State, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._busy: frozenset[str] = frozenset()
        self._is_new_question = False
        self._row = -1
        self.model = HistoryModel(state.catalog, state.background, state.now, self)
        self.acts = HistoryActs(self)
        self.requests = HistoryRequests(state, self)
        self.panes = HistoryPanes(state, self.model, self.acts, self)
        self.filters, self.table, self.detail = self.panes.filters, self.panes.table, self.panes.detail
        self._count = label("", "count")
        self._make_layout()
        self._connect()
        self._ask_first()

    def refresh(self) -> None:
        """Read the folder again: backups that came from elsewhere appear, those that went are marked."""
        catalog, destination = self._state.catalog, self._state.destination
        self._state.background.run(
            self,
            lambda: catalog.rescan(destination),
            lambda _: self._state.history_changed.emit(),
            lambda error: self._state.failed.emit(error, self.tr("The backup folder was not read")),
        )

    def focus_search(self) -> None:
        """As Ctrl+F does."""
        self.panes.show_list()
        self.filters.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.filters.search.selectAll()

    def show_project(self, name: str) -> None:
        """Show the backups of this project."""
        self.filters.choose_project(name)

    def show_largest(self) -> None:
        """Show everything, the largest first: what to delete when the disk is full."""
        self.filters.clear()
        self._ask(Question(HistoryFilter(), Sort.SIZE, descending=True))

    def show_busy(self, backups: frozenset[str]) -> None:
        """Operations work on the backups with these ids: they cannot be deleted meanwhile."""
        self._busy = backups
        self.detail.show_entry(self.detail.entry, is_busy=self._is_busy(self.detail.entry))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where the window is low, the detail is a page of its own."""
        super().resizeEvent(event)
        self.panes.arrange()

    def showEvent(self, event: QShowEvent) -> None:
        """The list has the keys."""
        super().showEvent(event)
        self.panes.arrange()
        if self.window().focusWidget() is None:
            self.table.setFocus(Qt.FocusReason.OtherFocusReason)

    def _make_layout(self) -> None:
        outer = QVBoxLayout(self)
        outer.setContentsMargins(XL, L, XL, L)
        outer.setSpacing(S)
        outer.addLayout(row(label(self.tr("History"), "title"), self._count, None, self.filters.search))
        outer.addWidget(self.panes, 1)

    def _connect(self) -> None:
        state, detail = self._state, self.detail
        self.filters.changed.connect(self._ask_anew)
        self.model.answered.connect(self._show_answer)
        self.model.failed.connect(self._show_unreadable)
        self.table.sort_wanted.connect(self._sort_by)
        self.table.selectionModel().currentRowChanged.connect(lambda now, _: self._select(now.row()))
        self.model.dataChanged.connect(lambda *_: self._select(self.table.row))
        self.table.customContextMenuRequested.connect(self._show_menu)
        self.table.opened.connect(self.panes.show_detail)
        self.panes.back_up_wanted.connect(lambda: self.back_up_wanted.emit(""))
        self.panes.again_wanted.connect(self._ask_first)
        self.requests.wanted.connect(self._hand_on)
        self.requests.export_wanted.connect(self.export_wanted)
        self.requests.delete_wanted.connect(self.delete_wanted)
        self.requests.note_kept.connect(self._show_note)
        self.acts.wanted.connect(self._act)
        detail.act_wanted.connect(self._act)
        detail.remedy_wanted.connect(self._help)
        detail.look_wanted.connect(self._look_again)
        detail.note_wanted.connect(self._save_note)
        state.history_changed.connect(self._ask_again)
        state.minute.connect(self._redraw)
        for keys, owner, act in (
            (
                QKeySequence(QKeySequence.StandardKey.Delete),
                self.table,
                lambda: self.acts[Act.DELETE].trigger(),
            ),
            (QKeySequence(Qt.Key.Key_Escape), self.detail, self.panes.show_list),
            (QKeySequence(Qt.Key.Key_Escape), self.filters.search, self._leave_search),
            (QKeySequence(Qt.Key.Key_Down), self.filters.search, self.table.setFocus),
        ):
            shortcut = QShortcut(keys, owner)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(act)

    def _ask_first(self) -> None:
        try:
            self.filters.show_projects(self._state.catalog.projects())
            self.model.ask(self._question(), at_once=True)
        except AppError as error:
            self._show_unreadable(error)

    def _question(self) -> Question:
        now = self.model.question
        return Question(self.filters.wanted(self._state.now()), now.sort, now.descending)

    def _ask_anew(self) -> None:
        """Another filter: the selected backup stays selected where it is among the new rows."""
        if self.panes.is_detail_alone:
            self.focus_search()
        self._ask(self._question())

    def _ask(self, question: Question) -> None:
        self._is_new_question = True
        self.model.ask(question, self.detail.entry, max(0, self._row))

    def _ask_again(self) -> None:
        """The history is another one; what is selected and in view stays so."""
        try:
            self.filters.show_projects(self._state.catalog.projects())
        except AppError as error:
            self._show_unreadable(error)
            return
        self.model.ask(self._question(), self.detail.entry, max(0, self._row))

    def _sort_by(self, wanted: Column) -> None:
        """By this column; by the same one the other way round."""
        now, sort = self.model.question, SORTS[wanted]
        descending = not now.descending if now.sort is sort else wanted in _FIRST_DOWN
        self._ask(Question(self.filters.wanted(self._state.now()), sort, descending))

    def _show_answer(self, place: int | None) -> None:
        total = self.model.rowCount()
        everything = total if not self.filters.is_active else self._state.catalog.count(HistoryFilter())
        text = self.tr("%1 backup(s)", "", everything).replace("%1", formats.count(everything))
        self._count.setText(text if everything else "")
        self.filters.show_count(total)
        self.filters.search.setVisible(bool(everything))
        self.panes.show_rows(total, everything)
        if not everything:
            self.detail.show_entry(None)
            return
        bar = self.table.verticalScrollBar()
        scrolled, before = bar.value(), self._row
        if total:
            fallback = 0 if self._is_new_question else min(max(0, before), total - 1)
            chosen = fallback if place is None else place
            self.table.select_row(chosen)
            if not self._is_new_question and place is not None and scrolled:
                height = self.table.verticalHeader().defaultSectionSize()
                bar.setValue(scrolled + (place - before) * height)
        self._is_new_question = False

    def _select(self, row: int) -> None:
        if row < 0:
            return
        self._row = row
        listed = self.model.row_at(row)
        if listed is not None:
            self._show_entry(listed)

    def _show_entry(self, listed: Listed) -> None:
        self.detail.show_entry(listed.entry, is_busy=self._is_busy(listed.entry))

    def _is_busy(self, entry: Entry | None) -> bool:
        return entry is not None and entry.id in self._busy

    def _show_unreadable(self, error: Exception) -> None:
        self.panes.show_unreadable()
        self._state.failed.emit(error, self.tr("The history cannot be read"))

    def _redraw(self) -> None:
        self.model.redraw()
        self.detail.redraw()

    def _show_menu(self, at: QPoint) -> None:
        if self.detail.entry is None:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for act in Act:
            if act in (Act.PIN, Act.DELETE):
                menu.addSeparator()
            own = menu.addAction(self.acts[act].icon(), self.acts[act].text(), self.acts[act].trigger)
            own.setEnabled(self.acts[act].isEnabled())
        menu.addSeparator()
        menu.addMenu(self._sort_menu(menu))
        menu.popup(self.table.viewport().mapToGlobal(at))

    def _sort_menu(self, parent: QMenu) -> QMenu:
        made = QMenu(self.tr("Sort By"), parent)
        group = QActionGroup(made)
        for one, sort in SORTS.items():
            title = str(self.model.headerData(one, Qt.Orientation.Horizontal))
            action = made.addAction(title)
            action.setCheckable(True)
            action.setChecked(sort is self.model.question.sort)
            group.addAction(action)
            action.triggered.connect(lambda _=False, one=one: self._sort_by(one))
        return made

    def _leave_search(self) -> None:
        """Esc takes back the search first, then leaves it."""
        if self.filters.search.text():
            self.filters.search.clear()
        else:
            self.table.setFocus(Qt.FocusReason.OtherFocusReason)

    def _act(self, act: Act) -> None:
        if self.detail.entry is None:
            return
        if act is Act.NOTE:
            self.panes.show_detail()
            self.detail.tabs.setCurrentIndex(Tab.NOTES)
            self.detail.pages.note.text.setFocus(Qt.FocusReason.OtherFocusReason)
        else:
            self.requests.act(act, self.detail.entry)

    def _hand_on(self, act: Act, entry: Entry) -> None:
        if act is Act.FOLDER:
            self.folder_wanted.emit(entry.path)
            return
        signals = {
            Act.RESTORE: self.restore_wanted,
            Act.PROVE: self.prove_wanted,
            Act.VERIFY: self.verify_wanted,
            Act.COPY: self.copy_wanted,
        }
        signals[act].emit(entry)

    def _help(self, remedy: Remedy) -> None:
        entry = self.detail.entry
        if entry is None:
            return
        if remedy is Remedy.TRY_AGAIN:
            self.back_up_wanted.emit(entry.project)
        elif remedy is Remedy.FREE_SPACE:
            self.show_largest()
        else:
            self.remedy_wanted.emit(remedy, entry)

    def _look_again(self) -> None:
        self.detail.read_again()
        self.refresh()

    def _save_note(self, note: str) -> None:
        if self.detail.entry is not None:
            self.requests.keep_note(self.detail.entry, note)

    def _show_note(self, entry: Entry, note: str) -> None:
        shown = self.detail.entry
        if shown is not None and (shown.id, shown.destination) == (entry.id, entry.destination):
            self.detail.pages.note.show_note(note)
