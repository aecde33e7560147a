"""Projects: the databases that are backed up, how each of them stands, and what can be done with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QLineEdit, QStackedWidget, QVBoxLayout, QWidget
from shiboken6 import isValid

from app.domain.conninfo import conninfo_keywords
from app.domain.errors import AppError
from app.domain.history import Entry
from app.domain.operation import OperationKind
from app.persistence.settings import remove_project, settings_path
from app.ui import formats
from app.ui.icons import icon
from app.ui.models.project_table import ProjectRow, ProjectTable
from app.ui.operation_signals import OperationSignals
from app.ui.phase_words import phase_words
from app.ui.question import Question
from app.ui.session_pooler import SessionPooler
from app.ui.state import State
from app.ui.theme import XL, L, M, S
from app.ui.widgets.basics import button, column, label, row
from app.ui.widgets.empty_state import EmptyState
from app.ui.widgets.message_panel import MessagePanel
from app.ui.widgets.project_detail import ProjectDetail
from app.ui.widgets.project_list import ProjectList
from app.ui.widgets.project_panes import ProjectPanes

if TYPE_CHECKING:
    from app.ui.project_dialog import ProjectDialog

_SEARCH_WIDTH = 180


class ProjectsPage(QWidget):
    """The page.

    Signals:
        sample_wanted: the sample database is to be backed up.
        back_up_wanted: a project's name; `history_wanted` and `schedule_wanted` likewise.
        prove_wanted: an `Entry`; `restore_wanted` likewise.
        delete_backups_wanted: the entries that go to the trash with their project.
        settings_wanted: the page of the settings that is to be shown.
    """

    sample_wanted = Signal()
    back_up_wanted = Signal(str)
    history_wanted = Signal(str)
    schedule_wanted = Signal(str)
    prove_wanted = Signal(object)
    restore_wanted = Signal(object)
    delete_backups_wanted = Signal(object)
    settings_wanted = Signal(str)

    def __init__(self, state: State, operations: OperationSignals, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state, self._operations = state, operations
        self._versions: dict[str, str] = {}
        self._rows: tuple[ProjectRow, ...] = ()
        self._dialog: ProjectDialog | None = None
        self._chosen = ""
        self.model = ProjectTable()
        self.view = ProjectList(self.model, state.zone)
        self.view.chosen.connect(self._choose)
        self.view.opened.connect(self._open)
        self.view.delete_wanted.connect(self.delete_project)
        self.view.customContextMenuRequested.connect(self._show_menu)
        self.detail = ProjectDetail(state)
        for signal, to in (
            (self.detail.back_up_wanted, self.back_up_wanted),
            (self.detail.prove_wanted, self.prove_wanted),
            (self.detail.restore_wanted, self.restore_wanted),
            (self.detail.history_wanted, self.history_wanted),
            (self.detail.schedule_wanted, self.schedule_wanted),
        ):
            signal.connect(to)
        self.detail.edit_wanted.connect(self.edit_project)
        self.detail.delete_wanted.connect(self.delete_project)
        self.search = QLineEdit()
        self.search.setPlaceholderText(self.tr("Search"))
        self.search.setAccessibleName(self.tr("Search projects"))
        self.search.addAction(icon("magnifying-glass", "text3"), QLineEdit.ActionPosition.LeadingPosition)
        self.search.setClearButtonEnabled(True)
        self.search.setFixedWidth(_SEARCH_WIDTH)
        self.search.textChanged.connect(self._search)
        self.add = button(self.tr("Add Project…"), "plus")
        self.add.clicked.connect(self.add_project)
        self.notice = MessagePanel()
        self._pooler = SessionPooler(state, self.notice, self)
        self._pooler.token_wanted.connect(lambda name: self._open_dialog(name, finds=True))
        self._pooler.edit_wanted.connect(self.edit_project)
        self.detail.pooler_wanted.connect(self._pooler.use)
        self._count = label("", "hint")
        self.panes = ProjectPanes(self.view, self.detail)
        self._first = button(self.tr("Add Project…"), "plus", kind="primary", size="big")
        self._first.clicked.connect(self.add_project)
        self.sample = button(self.tr("Try With Sample Data"), size="big")
        self.sample.clicked.connect(self.sample_wanted)
        self._stack = QStackedWidget()
        self._empty, self._full = self._make_empty(), self._make_full()
        self._stack.addWidget(self._empty)
        self._stack.addWidget(self._full)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._stack)
        QWidget.setTabOrder(self.search, self.add)
        QWidget.setTabOrder(self.add, self.view)
        for changed in (state.settings_changed, state.history_changed, state.minute):
            changed.connect(self.refresh)
        operations.changed.connect(self._show_progress, Qt.ConnectionType.QueuedConnection)
        self.refresh()

    def refresh(self) -> None:
        """Show how everything stands now."""
        state = self._state
        if not state.settings.projects:
            self._stack.setCurrentWidget(self._empty)
            self._show_progress()
            return
        self._stack.setCurrentWidget(self._full)
        strings = {project.name: project.conninfo for project in state.settings.projects}
        rows = tuple(
            ProjectRow(
                health.project,
                conninfo_keywords(strings[health.project]),
                health,
                self._versions.get(health.last_good.path, "") if health.last_good else "",
                self._progress(health.project),
            )
            for health in state.healths()
        )
        self._rows = rows
        self.view.set_zone(state.zone)
        self.model.show_rows(rows, state.now(), state.zone)
        self._count.setText(formats.count(len(rows)))
        self._show_choice()
        self._read_versions(tuple(row.health.last_good for row in rows if row.health.last_good))

    def add_project(self) -> None:
        """Ask for a new project."""
        self._open_dialog("")

    def edit_project(self, name: str) -> None:
        """Ask for another connection of a project."""
        self._open_dialog(name)

    def delete_project(self, name: str) -> None:
        """Ask whether a project is to go, and its backups with it."""
        if self._refuse_busy(name):
            return
        number, size = self._state.catalog.kept(name)
        text = self.tr("Its connection, its schedules and its password are forgotten.")
        if number:
            stay = self.tr("Its %n backup(s), %1, stay in their folder and in History.", "", number)
            text = f"{text} {stay.replace('%1', formats.size(size))}"
        question: Question
        delete = (
            self.tr("Delete Project"),
            "danger",
            lambda: self._delete(name, with_backups=question.is_remembered),
        )
        question = Question(
            self.tr("Delete the project “%1”?").replace("%1", formats.shortened(name)),
            text,
            (delete,),
            remember=self.tr("Move its backups to the trash, too") if number else "",
            parent=self.window(),
        )
        question.open()

    @property
    def chosen(self) -> str:
        """The name of the project that is selected; empty while there is none."""
        row = self.model.at(self.view.currentIndex().row()) if self._state.settings.projects else None
        return row.name if row else ""

    @property
    def has_changes(self) -> bool:
        """The dialog is open, and something in it is not kept."""
        return self._dialog is not None and isValid(self._dialog) and self._dialog.has_changes

    def focus_search(self) -> None:
        """Look for a project."""
        self.panes.show_list()
        self.search.setFocus()
        self.search.selectAll()

    def showEvent(self, event: QShowEvent) -> None:
        """Where there is nothing yet, Enter adds the first project."""
        super().showEvent(event)
        if self._stack.currentWidget() is self._empty:
            self._first.setFocus()

    def _open_dialog(self, name: str, *, finds: bool = False) -> None:
        from app.ui.project_dialog import ProjectDialog

        try:
            dialog = ProjectDialog(self._state, name, self._is_busy, self.window())
        except AppError as error:  # it was deleted meanwhile
            self._state.failed.emit(error, "")
            return
        dialog.saved.connect(self._show_saved)
        dialog.settings_wanted.connect(self.settings_wanted)
        dialog.open()
        if finds:
            dialog.find_at_supabase()
        self._dialog = dialog

    def _is_busy(self, project: str) -> bool:
        return any(status.operation.project == project for status in self._operations.running())

    def _show_saved(self, name: str, problem: str) -> None:
        self._chosen = name
        self.search.clear()
        self._state.reload_settings()
        self._state.history_changed.emit()
        self.notice.hide()
        if problem:
            title = self.tr("The password of %1 is kept only until Holdfast ends.")
            self._show_keyring_problem(title.replace("%1", formats.shortened(name)), problem)

    def _show_keyring_problem(self, title: str, problem: str) -> None:
        show = (self.tr("Show Keyring"), lambda: self.settings_wanted.emit("security"))
        self.notice.say("warn", title, formats.sentences(problem), (show,))

    def _refuse_busy(self, name: str) -> bool:
        if not self._is_busy(name):
            return False
        text = self.tr("%1 is busy: cancel what runs, or wait for it.")
        self.notice.say("warn", text.replace("%1", formats.shortened(name)))
        return True

    def _delete(self, name: str, *, with_backups: bool) -> None:
        if self._refuse_busy(name):
            return
        session, catalog = self._state.session_passwords, self._state.catalog

        def delete() -> tuple[str, tuple[Entry, ...]]:
            from app.ui.project_work import forget_password

            backups = tuple(one for one in catalog.history(name) if one.path and not one.missing)
            remove_project(settings_path(), name)
            return forget_password(name, session), backups if with_backups else ()

        def done(answer: tuple[str, tuple[Entry, ...]]) -> None:
            problem, backups = answer
            self._state.reload_settings()
            self._state.history_changed.emit()
            if problem:
                title = self.tr("The password of %1 is still in the keyring.")
                self._show_keyring_problem(title.replace("%1", formats.shortened(name)), problem)
            if backups:
                self.delete_backups_wanted.emit(backups)

        def failed(error: Exception) -> None:
            self._state.failed.emit(error, self.tr("%1 was not deleted").replace("%1", name))

        self._state.background.run(self, delete, done, failed)

    def _open(self, name: str) -> None:
        """Where the detail is a page of its own, go to it; else edit the project."""
        if not self.panes.show_detail():
            self.edit_project(name)

    def _choose(self, name: str) -> None:
        self._chosen = name
        found = self.model.at(self.model.row_of(name))
        if found is not None:
            self.detail.show_row(found)

    def _search(self, text: str) -> None:
        if self.panes.is_detail_alone:
            self.focus_search()
        self.model.search(text)
        self._show_choice()

    def _show_choice(self) -> None:
        found = self.model.rowCount()
        if self.model.row_of(self._chosen) < 0:
            self.panes.show_list()  # it is gone
        self.panes.show_found(found)
        if found:
            self.view.choose(self._chosen)

    def _show_menu(self, where: QPoint) -> None:
        self.detail.menu.popup(self.view.viewport().mapToGlobal(where))

    def _show_progress(self) -> None:
        """Follow what runs; the history is asked only when something began or ended."""
        if not self._state.settings.projects:
            kinds = {status.operation.kind for status in self._operations.running()}
            self.sample.setEnabled(OperationKind.SAMPLE not in kinds)
            return
        if any(row.health.is_running != (row.name in self._state.running_since) for row in self._rows):
            self.refresh()
            return
        said = {row.name: self._progress(row.name) or row.progress for row in self._rows}
        if any(row.progress != said[row.name] for row in self._rows):
            self._rows = tuple(replace(row, progress=said[row.name]) for row in self._rows)
            self.model.show_rows(self._rows, self._state.now(), self._state.zone)

    def _progress(self, project: str) -> str:
        """“dumping, 38%”; empty while nothing is known."""
        for status in self._operations.running(project):
            if (standing := status.standing) is not None:
                words = phase_words(standing.phase)
                return words if standing.fraction is None else f"{words}, {formats.share(standing.fraction)}"
        return ""

    def _read_versions(self, entries: tuple[Entry, ...]) -> None:
        """The servers' versions stand in the manifests, which are read once, beside the window."""
        unread = [entry.path for entry in entries if entry.path not in self._versions]
        if not unread:
            return
        self._versions.update(dict.fromkeys(unread, ""))  # asked for once

        def read() -> dict[str, str]:
            from app.ui.project_facts import server_versions

            return server_versions([Path(path) for path in unread])

        def show(found: dict[str, str]) -> None:
            for path in unread:
                self._versions.pop(path)
            self._versions.update(found)
            if found:
                self.refresh()

        self._state.background.run(self, read, show, lambda error: self._state.failed.emit(error, ""))

    def _make_empty(self) -> QWidget:
        text = self.tr(
            "Holdfast copies a Supabase project or any PostgreSQL database into a folder, "
            "and proves that the copy can be restored."
        )
        caption = self.tr(
            "The sample runs on this computer only: a small PostgreSQL is started, backed up, proven, "
            "and left in History for you to restore."
        )
        title = self.tr("Add a project to back it up")
        return EmptyState(title, text, (self._first, self.sample), caption)

    def _make_full(self) -> QWidget:
        heading = row(
            label(self.tr("Projects"), "title"), self._count, None, self.search, self.add, spacing=S
        )
        head = column(heading, self.notice, spacing=M)
        head.setContentsMargins(XL, L, XL, M)
        page = QWidget()
        layout = column(head, spacing=0)
        layout.addWidget(self.panes, 1)
        page.setLayout(layout)
        return page
