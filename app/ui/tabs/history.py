"""History: every backup that was tried, found again in a moment, with all that is known of it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QActionGroup, QKeySequence, QResizeEvent, QShortcut, QShowEvent
from PySide6.QtWidgets import QFileDialog, QMenu, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from app.domain.deletion import Consequence, consequences
from app.domain.errors import AppError
from app.domain.history import Entry, Result
from app.domain.project import folder_name
from app.domain.remedy import Remedy
from app.persistence.history_query import HistoryFilter, Listed, Sort
from app.ui import formats
from app.ui.history_acts import Act, HistoryActs
from app.ui.history_words import name_of
from app.ui.history_work import change_note, entries_beside
from app.ui.models.history_model import SORTS, Column, HistoryModel, Question
from app.ui.question import Question as Dialog
from app.ui.state import State
from app.ui.theme import XL, L, M, S
from app.ui.widgets.basics import button, card, column, label, row
from app.ui.widgets.empty_state import EmptyState
from app.ui.widgets.history_detail import NOTES, HistoryDetail
from app.ui.widgets.history_filters import HistoryFilters
from app.ui.widgets.history_table import HistoryTable

_SPLIT_FROM = 640
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
        self.filters = HistoryFilters()
        self.table = HistoryTable(self.model)
        self.detail = HistoryDetail(state, self.acts)
        self._count = label("", "count")
        self._pages = QStackedWidget()
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
        self._show_list()
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
        self._arrange()

    def showEvent(self, event: QShowEvent) -> None:
        """The list has the keys."""
        super().showEvent(event)
        self._arrange()
        if self.window().focusWidget() is None:
            self.table.setFocus(Qt.FocusReason.OtherFocusReason)

    def _make_layout(self) -> None:
        back_up = button(self.tr("Back Up Now"), "archive", kind="primary")
        back_up.clicked.connect(lambda: self.back_up_wanted.emit(""))
        clear = button(self.tr("Clear Filters"))
        clear.clicked.connect(self.filters.clear)
        again = button(self.tr("Try Again"))
        again.clicked.connect(self._ask_first)
        self._empty = EmptyState(
            self.tr("No backups yet"),
            self.tr("Each backup that is made, or tried, is listed here with its proof and what changed."),
            (back_up,),
            icon_name="clock-counter-clockwise",
        )
        self._nothing = EmptyState(
            self.tr("No backup matches"),
            self.tr("There are backups, but none that all filters let through."),
            (clear,),
            icon_name="magnifying-glass",
        )
        self._unreadable = EmptyState(
            self.tr("The history cannot be read"),
            self.tr("Your backups in the folder are not touched by this."),
            (again,),
            icon_name="warning",
        )
        frame = card()
        inner = column(self.table, spacing=0)
        inner.setContentsMargins(1, 1, 1, 1)
        frame.setLayout(inner)
        self._frame = frame
        self._results = QStackedWidget()
        self._results.addWidget(frame)
        self._results.addWidget(self._nothing)
        self._splitter = QSplitter(Qt.Orientation.Vertical)
        self._splitter.setChildrenCollapsible(False)
        self._splitter.setHandleWidth(M)
        self._splitter.addWidget(self._results)
        self._splitter.addWidget(self.detail)
        self._splitter.setStretchFactor(0, 1)
        self._splitter.setStretchFactor(1, 0)
        self._results.setMinimumHeight(150)
        self.detail.setMinimumHeight(190)
        listing = QWidget()
        layout = column(self.filters, self._splitter, spacing=S)
        layout.setStretch(1, 1)
        layout.setContentsMargins(0, 0, 0, 0)
        listing.setLayout(layout)
        self._listing = listing
        self._alone = QWidget()
        alone = QVBoxLayout(self._alone)
        alone.setContentsMargins(0, 0, 0, 0)
        for page in (listing, self._alone, self._empty, self._unreadable):
            self._pages.addWidget(page)
        title = row(label(self.tr("History"), "title"), self._count, None, self.filters.search)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(XL, L, XL, L)
        outer.setSpacing(S)
        outer.addLayout(title)
        outer.addWidget(self._pages, 1)

    def _connect(self) -> None:
        state, detail = self._state, self.detail
        self.filters.changed.connect(self._ask_anew)
        self.model.answered.connect(self._show_answer)
        self.model.failed.connect(self._show_unreadable)
        self.table.sort_wanted.connect(self._sort_by)
        self.table.selectionModel().currentRowChanged.connect(lambda now, _: self._select(now.row()))
        self.model.dataChanged.connect(lambda *_: self._select(self.table.row))
        self.table.customContextMenuRequested.connect(self._show_menu)
        self.table.opened.connect(self._open_detail)
        self.acts.wanted.connect(self._act)
        detail.act_wanted.connect(self._act)
        detail.remedy_wanted.connect(self._help)
        detail.look_wanted.connect(self._look_again)
        detail.note_wanted.connect(self._save_note)
        detail.back_wanted.connect(self._show_list)
        state.history_changed.connect(self._ask_again)
        state.minute.connect(self._redraw)
        for keys, owner, act in (
            (
                QKeySequence(QKeySequence.StandardKey.Delete),
                self.table,
                lambda: self.acts[Act.DELETE].trigger(),
            ),
            (QKeySequence(Qt.Key.Key_Escape), self.detail, self._show_list),
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
        self._results.setCurrentWidget(self._frame if total else self._nothing)
        self.detail.setVisible(bool(total) or self._pages.currentWidget() is self._alone)
        if not everything:
            self._pages.setCurrentWidget(self._empty)
            self.detail.show_entry(None)
            return
        if self._pages.currentWidget() is not self._alone:
            self._pages.setCurrentWidget(self._listing)
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
        self._pages.setCurrentWidget(self._unreadable)
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

    def _arrange(self) -> None:
        is_split = self.window().height() >= _SPLIT_FROM
        if is_split == (self.detail.parent() is self._splitter):
            return
        if is_split:
            was_open = self._pages.currentWidget() is self._alone
            self._splitter.addWidget(self.detail)
            self.detail.setVisible(self.model.rowCount() > 0)
            if was_open:
                self._pages.setCurrentWidget(self._listing)
        else:
            layout = self._alone.layout()
            if layout is not None:
                layout.addWidget(self.detail)
            self.detail.show()
        self.detail.set_page(not is_split)

    def _open_detail(self) -> None:
        if self.detail.parent() is self._alone and self.detail.entry is not None:
            self._pages.setCurrentWidget(self._alone)
            self.detail.back.setFocus(Qt.FocusReason.OtherFocusReason)

    def _show_list(self) -> None:
        if self._pages.currentWidget() is self._alone:
            self._pages.setCurrentWidget(self._listing)
            self.table.setFocus(Qt.FocusReason.OtherFocusReason)

    def _leave_search(self) -> None:
        """Esc takes back the search first, then leaves it."""
        if self.filters.search.text():
            self.filters.search.clear()
        else:
            self.table.setFocus(Qt.FocusReason.OtherFocusReason)

    def _act(self, act: Act) -> None:
        entry = self.detail.entry
        if entry is None:
            return
        simple = {
            Act.RESTORE: self.restore_wanted,
            Act.PROVE: self.prove_wanted,
            Act.VERIFY: self.verify_wanted,
            Act.COPY: self.copy_wanted,
        }
        if act in simple:
            simple[act].emit(entry)
        elif act is Act.FOLDER:
            self.folder_wanted.emit(entry.path)
        elif act is Act.EXPORT:
            self._ask_for_file(entry)
        elif act is Act.PIN:
            self._pin(entry)
        elif act is Act.NOTE:
            self._open_detail()
            self.detail.tabs.setCurrentIndex(NOTES)
            self.detail.note.text.setFocus(Qt.FocusReason.OtherFocusReason)
        elif act is Act.DELETE:
            self._ask_to_delete(entry)

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

    def _pin(self, entry: Entry) -> None:
        try:
            self._state.catalog.pin(entry, not entry.pinned)
        except AppError as error:
            self._state.failed.emit(error, self.tr("The backup was not pinned"))
            return
        self._state.history_changed.emit()

    def _save_note(self, note: str) -> None:
        entry, catalog = self.detail.entry, self._state.catalog
        if entry is None:
            return

        def show(_told: tuple[str, ...]) -> None:
            if self.detail.entry is not None and self.detail.entry.id == entry.id:
                self.detail.note.show_note(note)
            self._state.history_changed.emit()

        self._state.background.run(
            self,
            lambda: change_note(entry, note, catalog),
            show,
            lambda error: self._state.failed.emit(error, self.tr("The note was not saved")),
        )

    def _ask_for_file(self, entry: Entry) -> None:
        name = f"{folder_name(entry.project)} {entry.started:%Y-%m-%d %H%M}.tar"
        kinds = (self.tr("One file, tar (*.tar)"), self.tr("One file, zip (*.zip)"))
        path, kind = QFileDialog.getSaveFileName(
            self, self.tr("Export Backup"), str(Path.home() / name), ";;".join(kinds)
        )
        if path:
            chosen = Path(path)
            if chosen.suffix.lower() not in (".tar", ".zip"):
                chosen = chosen.with_name(chosen.name + (".zip" if kind == kinds[1] else ".tar"))
            self.export_wanted.emit(entry, chosen)

    def _ask_to_delete(self, entry: Entry) -> None:
        try:
            known = entries_beside(entry, self._state.catalog)
        except AppError as error:
            self._show_unreadable(error)
            return
        has_folder = entry.result is Result.SUCCEEDED and not entry.missing
        told = consequences([entry], known).get(entry.project, ())
        words = [self._consequence(one, entry) for one in told]
        if has_folder:
            words.insert(
                0, self.tr("Its folder (%1) goes to the trash.").replace("%1", formats.size(entry.bytes))
            )
            title, act = self.tr("Delete the backup %1"), self.tr("Delete Backup")
        else:
            words.insert(0, self.tr("The entry is forgotten. Nothing on any disk is deleted."))
            title, act = self.tr("Remove %1 from the history"), self.tr("Remove Entry")
        name = name_of(entry, self._state.now())
        answer = (act, "danger" if has_folder else "primary", lambda: self.delete_wanted.emit(entry))
        Dialog(title.replace("%1", f"“{name}”"), "\n".join(words), (answer,), parent=self).open()

    def _consequence(self, one: Consequence, entry: Entry) -> str:
        words = {
            Consequence.NONE_LEFT: self.tr("It is the only good backup of %1: none is left then."),
            Consequence.NONE_PROVEN_LEFT: self.tr("It is the only proven backup of %1."),
            Consequence.NEWEST_GOES: self.tr("It is the newest good backup of %1."),
            Consequence.PINNED_GOES: self.tr("You pinned it."),
        }
        return words[one].replace("%1", entry.project)
