"""Backup: one sentence on what will happen, one button that does it, and options for who wants them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QComboBox, QStackedWidget, QVBoxLayout, QWidget

from app.domain.backup import Backup, BackupOptions, Contents
from app.domain.conninfo import conninfo_keywords
from app.domain.errors import AppError
from app.domain.operation import Failed, Operation, OperationEvent, OperationKind, Succeeded
from app.domain.project_types import is_supabase
from app.domain.proof import ProofLevel
from app.system.cancellation import CancelToken
from app.ui import formats
from app.ui.background import cancel_soon
from app.ui.backup_work import WantedBackup
from app.ui.error_words import in_language
from app.ui.icons import icon
from app.ui.models.table_tree import TableItem
from app.ui.operation_signals import OperationSignals
from app.ui.phase_words import phase_words
from app.ui.state import State
from app.ui.theme import XL, L, M, S
from app.ui.widgets.backup_options import BackupOptionsForm
from app.ui.widgets.backup_running import BackupRunning
from app.ui.widgets.basics import button, card, column, label, row, scrolled
from app.ui.widgets.elided_label import ElidedLabel
from app.ui.widgets.empty_state import EmptyState
from app.ui.widgets.icon_label import IconLabel
from app.ui.widgets.message_panel import MessagePanel

if TYPE_CHECKING:
    from app.domain.estimate import Estimate
    from app.engine.listing import Listing

_PAUSE = 250
_NARROW = 800


class BackupPage(QWidget):
    """The page.

    Signals:
        backup_wanted: a `WantedBackup`.
        add_wanted: there is no project yet, and one is to be added; `sample_wanted` likewise.
        backup_shown: the `Backup` whose folder is to be opened.
        history_wanted: the project whose backups are to be shown.
    """

    backup_wanted = Signal(object)
    add_wanted = Signal()
    sample_wanted = Signal()
    backup_shown = Signal(object)
    history_wanted = Signal(str)

    def __init__(self, state: State, operations: OperationSignals, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._operations = operations
        self._listing: Listing | None = None
        self._cancel = CancelToken()
        self._running = ""
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE)
        self._pause.timeout.connect(self._estimate)
        self.project = QComboBox()
        self.project.setMinimumWidth(220)
        self.project.currentIndexChanged.connect(self._choose)
        self.form = BackupOptionsForm()
        self.form.changed.connect(self._options_changed)
        self.button = button(self.tr("Back Up Now"), "archive", kind="primary", size="big")
        self.button.clicked.connect(self.back_up)
        self._sentence = label("", "summary", wrap=True)
        self._problem = MessagePanel()
        self._result = MessagePanel()
        self._size, self._time, self._free = (label("", "second") for _ in range(3))
        self._fold = button(self.tr("Options"), "caret-right", kind="flat", size="small")
        self._fold.clicked.connect(lambda: self.show_options(self.form.isHidden()))
        self._changed_note = ElidedLabel("", "second", mode=Qt.TextElideMode.ElideRight)
        self._reset = button(self.tr("Reset Options"), kind="link")
        self._reset.clicked.connect(self.form.reset)
        self._stack = QStackedWidget()
        self._ready = self._make_ready()
        self.running_view = BackupRunning()
        self._empty = self._make_empty()
        for stage in (self._empty, self._ready, self.running_view):
            self._stack.addWidget(stage)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._stack)
        self.show_options(False)
        state.settings_changed.connect(self._show_projects)
        operations.changed.connect(self._show_running)
        operations.finished.connect(self._show_end)
        self._show_projects()

    def choose_project(self, name: str) -> None:
        """Make it the one that is backed up."""
        self.project.setCurrentIndex(self.project.findText(name))

    def back_up(self) -> None:
        """Do it, unless something is wrong with the options."""
        if self.form.problem() or not self.project.currentText():
            self._options_changed()
            return
        self._result.hide()
        wanted = WantedBackup(self.project.currentText(), self.form.options(), self.form.destination)
        self.backup_wanted.emit(wanted)

    def show_options(self, shown: bool) -> None:
        """Fold the options out or in."""
        self.form.setVisible(shown)
        self._fold.setIcon(icon("caret-down" if shown else "caret-right"))
        self._spacer.setVisible(not shown)

    def refresh(self) -> None:
        """Ask the database again."""
        self._choose()

    def focus_search(self) -> None:
        """Look for a table."""
        self.show_options(True)
        self.form.tree.filter.setFocus()

    def _show_projects(self) -> None:
        before = self.project.currentText()
        names = [project.name for project in self._state.settings.projects]
        self.form.show_folder(self._state.destination)
        if names == [self.project.itemText(number) for number in range(self.project.count())] and names:
            return
        self.project.blockSignals(True)
        self.project.clear()
        for name in names:
            self.project.addItem(icon("database", "text2"), name)
        self.project.setCurrentIndex(max(0, self.project.findText(before)) if names else -1)
        self.project.blockSignals(False)
        if not names:
            self._stack.setCurrentWidget(self._empty)
            return
        self._stack.setCurrentWidget(self._ready)
        self._choose()

    def _choose(self) -> None:
        """Ask what the project holds; the button works without waiting for the answer."""
        cancel_soon(self._cancel)
        self._cancel = cancel = CancelToken()
        name = self.project.currentText()
        self._listing = None
        self.form.show_parts(self._has_parts(name))
        self._problem.hide()
        self._result.hide()
        self.form.tree.show_tables(())
        self.form.tree.say(self.tr("looking at the database…"))
        self._options_changed()
        self._show_running()
        services = self._state.services

        def ask() -> Listing:
            from app.persistence.settings import find_project

            made = services()
            return made.list_database(made.connection_of(find_project(made.settings, name)), cancel)

        self._state.background.run(
            self,
            ask,
            lambda listing: self._show_listing(listing) if cancel is self._cancel else None,
            lambda error: self._show_problem(error) if cancel is self._cancel else None,
        )

    def _has_parts(self, name: str) -> bool:
        known = {project.name: project.conninfo for project in self._state.settings.projects}
        return is_supabase(conninfo_keywords(known.get(name, "")))

    def _show_listing(self, listing: Listing) -> None:
        self._listing = listing
        tables = (TableItem(one.schema, one.name, one.rows, one.bytes, about=True) for one in listing.tables)
        self.form.tree.show_tables(tuple(tables))
        self._options_changed()

    def _show_problem(self, error: Exception) -> None:
        self.form.tree.say(self.tr("the database could not be asked"))
        if isinstance(error, AppError):
            again = (self.tr("Try Again"), self._choose)
            shown = in_language(error)
            text = formats.sentences(shown.detail, shown.hint)
            self._problem.say("bad", f"{shown.title.rstrip('.')}.", text, (again,))

    def _options_changed(self) -> None:
        problem = self.form.problem()
        self.button.setEnabled(not problem)
        number = self.form.changes
        self._changed_note.setText(problem or (self.tr("%n changed", "", number) if number else ""))
        self._reset.setVisible(bool(number))
        self._sentence.setText(self._words())
        model = self.form.tree.model
        if self._listing is not None:
            count = model.count
            text = self.tr("%1 of %n table(s)", "", count)
            size = formats.size(self._listing.bytes)
            self.form.tree.say(
                text.replace("%1", formats.count(len(model.checked))),
                self.tr("%1 in the database").replace("%1", size),
            )
        self._pause.start()

    def _words(self) -> str:
        """What will happen, in one sentence."""
        form, model = self.form, self.form.tree.model
        name, count = self.project.currentText(), model.count
        if self._listing is None or not count:
            what = self.tr("all tables of %1").replace("%1", name)
        elif model.unchecked:
            what = self.tr("%1 of %n table(s) of %2", "", count)
            what = what.replace("%1", formats.count(len(model.checked))).replace("%2", name)
        else:
            what = self.tr("%n table(s) of %1", "", count).replace("%1", name)
        contents = Contents(str(form.contents.value))
        if contents is Contents.SCHEMA:
            what = self.tr("the definitions of %1").replace("%1", what)
        elif contents is Contents.DATA:
            what = self.tr("the rows of %1").replace("%1", what)
        *first, last = (what, *form.parts)
        if first:
            what = self.tr("%1 and %2").replace("%1", ", ".join(first)).replace("%2", last)
        if form.proven.isChecked():
            text = self.tr("Back up %1 in one snapshot, then prove it by restoring it on this computer.")
        else:
            text = self.tr("Back up %1 in one snapshot, and count and hash every row.")
        return text.replace("%1", what)

    def _estimate(self) -> None:
        """Size and time, as far as they can be known."""
        if self.form.problem():
            self._facts.hide()
            return
        listing, cancel, services = self._listing, self._cancel, self._state.services
        options, name = self.form.options(), self.project.currentText()
        self._state.background.run(
            self,
            lambda: services().estimate(name, options, listing),
            lambda found: self._show_estimate(found, options) if cancel is self._cancel else None,
            lambda _: self._facts.hide(),
        )

    def _show_estimate(self, found: Estimate | None, options: BackupOptions) -> None:
        self._facts.setVisible(found is not None)
        if found is None:
            return
        self._size.setText(self.tr("about %1").replace("%1", formats.size(found.bytes)))
        text = self.tr("about %1").replace("%1", formats.about(found.seconds))
        if options.proof is ProofLevel.PROVEN:
            text += self.tr(", proof %1").replace("%1", formats.about(found.proof_seconds))
        self._time.setText(text)
        self._free.setText(self.tr("%1 free").replace("%1", formats.size(found.free)))
        if not found.fits:
            self._problem.say(
                "warn",
                self.tr("The folder has too little space for this backup."),
                self.tr("It needs about %1, and %2 are free. Choose another folder, or free some space.")
                .replace("%1", formats.size(found.bytes))
                .replace("%2", formats.size(found.free)),
            )

    def _show_running(self) -> None:
        """The page shows the backup of its project while that runs."""
        name = self.project.currentText()
        kinds = (OperationKind.BACKUP, OperationKind.SAMPLE)
        mine = [one for one in self._operations.running(name) if one.operation.kind in kinds]
        if not mine:
            if self._running:
                self._running = ""
                self._stack.setCurrentWidget(self._ready if name else self._empty)
            return
        status = mine[0]
        if status.operation.id != self._running:
            self._running = status.operation.id
            title = self._operations.title(status.operation)
            self.running_view.show_start(title, str(self._state.destination), status.operation.queued)
            self._stack.setCurrentWidget(self.running_view)
        if status.standing is not None:
            self.running_view.show_standing(status.standing, phase_words(status.standing.phase))

    def _show_end(self, event: OperationEvent) -> None:
        if event.operation.kind is not OperationKind.BACKUP:
            return
        if event.operation.project != self.project.currentText():
            return
        if isinstance(event, Succeeded) and isinstance(event.result, Backup):
            self._show_backup(event.result)
        elif isinstance(event, Failed) and isinstance(event.error, AppError):
            again = (self.tr("Try Again"), self.back_up)
            shown = in_language(event.error)
            text = formats.sentences(shown.detail, shown.hint)
            self._result.say("bad", f"{shown.title.rstrip('.')}.", text, (again,))
        elif not isinstance(event, Failed):
            self._result.say("info", self._words_of_cancelled(event.operation))

    def _words_of_cancelled(self, operation: Operation) -> str:
        """Whether a backup was there already when it was cancelled."""
        newest = self._state.catalog.history(operation.project, limit=1)
        if newest and newest[0].is_good and newest[0].started >= operation.queued:
            return self.tr("The proof was cancelled. The backup is kept; it is complete, but not proven.")
        return self.tr("The backup was cancelled. Nothing of it is left.")

    def _show_backup(self, backup: Backup) -> None:
        manifest = backup.manifest
        words = {
            ProofLevel.PROVEN: self.tr("%1 is backed up and proven."),
            ProofLevel.COMPLETE: self.tr("%1 is backed up; every row was counted and hashed."),
            ProofLevel.SEALED: self.tr("%1 is backed up; its files are sealed."),
        }
        tone, title = "ok", words[manifest.proof.level]
        if manifest.proof.failure:
            tone, title = "bad", self.tr("%1 is backed up, but the proof failed.")
        seconds = (manifest.finished - manifest.started).total_seconds()
        tables = len(manifest.tables)
        facts = self.tr("%n table(s), %1 rows, %2 in %3.", "", tables)
        facts = facts.replace("%1", formats.count(manifest.rows))
        facts = facts.replace("%2", formats.size(manifest.bytes)).replace("%3", formats.about(seconds))
        self._result.say(
            tone,
            title.replace("%1", manifest.project),
            formats.sentences(manifest.proof.failure, facts),
            (
                (self.tr("Open Folder"), lambda: self.backup_shown.emit(backup)),
                (self.tr("Show in History"), lambda: self.history_wanted.emit(manifest.project)),
            ),
        )

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where there is no room for two columns, one is below the other."""
        super().resizeEvent(event)
        self.form.arrange(self.width() - 2 * XL)
        place = self._summary if self.width() < _NARROW else self._texts
        if place.indexOf(self._facts) < 0:
            place.addWidget(self._facts)

    def _make_ready(self) -> QWidget:
        summary = card()
        self._facts = QWidget()
        self._facts.setLayout(
            row(
                IconLabel("archive", "text2", 16),
                self._size,
                S,
                IconLabel("clock", "text2", 16),
                self._time,
                S,
                IconLabel("hard-drive", "text2", 16),
                self._free,
                None,
                spacing=S,
            )
        )
        self._facts.hide()
        self._texts = column(self._sentence, self._facts, spacing=M)
        shortcut = label("Ctrl+B", "caption")
        shortcut.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        act = column(self.button, shortcut, spacing=4)
        inside = row(self._texts, act, spacing=XL)
        inside.setStretch(0, 1)
        self._summary = column(inside, spacing=M)
        self._summary.setContentsMargins(XL - 4, L, XL - 4, L)
        summary.setLayout(self._summary)
        chooser = label(self.tr("Project"), "second")
        chooser.setBuddy(self.project)
        self._spacer = QWidget()
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(XL, L, XL, XL)
        layout.setSpacing(M)
        layout.addLayout(row(label(self.tr("Backup"), "title"), None, chooser, self.project))
        layout.addWidget(self._problem)
        layout.addWidget(self._result)
        layout.addWidget(summary)
        options = row(self._fold, self._changed_note, self._reset)
        options.setStretch(1, 1)
        layout.addLayout(options)
        layout.addWidget(self.form, 1)
        layout.addWidget(self._spacer, 1)
        return scrolled(page)

    def _make_empty(self) -> QWidget:
        add = button(self.tr("Add Project…"), "plus", kind="primary", size="big")
        add.clicked.connect(self.add_wanted)
        sample = button(self.tr("Try With Sample Data"), size="big")
        sample.clicked.connect(self.sample_wanted)
        return EmptyState(
            self.tr("There is nothing to back up yet"),
            self.tr("Add a project: a Supabase project, or any PostgreSQL database."),
            (add, sample),
            icon_name="archive",
        )
