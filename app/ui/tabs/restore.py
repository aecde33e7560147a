"""Restore: drop, look inside, choose, see the plan, restore, read the report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFileDialog, QProgressBar, QStackedWidget, QVBoxLayout, QWidget

from app.domain.errors import AppError, ErrorCode
from app.domain.errors import Cancelled as CancelledError
from app.domain.restore import RestoreReport
from app.system.cancellation import CancelToken
from app.ui import formats
from app.ui.background import cancel_soon
from app.ui.error_words import in_language
from app.ui.option_words import in_window_words
from app.ui.restore_work import look_into
from app.ui.state import State
from app.ui.theme import XL, L, S
from app.ui.widgets.basics import button, column, label, row, scrolled
from app.ui.widgets.drop_zone import DropZone
from app.ui.widgets.elided_label import ElidedLabel
from app.ui.widgets.latest_backups import LatestBackups
from app.ui.widgets.message_panel import MessagePanel
from app.ui.widgets.restore_choice import RestoreChoice
from app.ui.widgets.restore_report import RestoreReportView

if TYPE_CHECKING:
    from app.engine.restore.contents import SourceContents


class RestorePage(QWidget):
    """The page, in one of four stages.

    Signals:
        restore_wanted: a `PlannedRestore` that was confirmed.
        history_wanted: all backups are asked for.
        folder_wanted: a folder is to be shown in the file manager.
    """

    restore_wanted = Signal(object)
    history_wanted = Signal()
    folder_wanted = Signal(str)

    def __init__(self, state: State, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._cancel = CancelToken()
        self._stack = QStackedWidget()
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._stack)
        self._drop = self._make_drop()
        self._looking = self._make_looking()
        self.choice = RestoreChoice(state)
        self.choice.other_wanted.connect(self.start_over)
        self.choice.restore_wanted.connect(self.restore_wanted)
        self.report = RestoreReportView()
        self.report.another_wanted.connect(self.start_over)
        self.report.folder_wanted.connect(self.folder_wanted)
        self.report.undo_wanted.connect(lambda folder: self.open_paths((Path(folder),)))
        self.report.failed.connect(state.failed)
        for stage in (self._drop, self._looking, self.choice, self.report):
            self._stack.addWidget(stage)
        state.history_changed.connect(self._show_latest)
        state.settings_changed.connect(self._show_latest)
        self._show_latest()

    def open_paths(self, paths: tuple[Path, ...], project: str = "") -> None:
        """Look into these; scripts that belong together are one source.

        Args:
            paths: files and folders, whatever they are.
            project: the target to begin with.
        """
        cancel_soon(self._cancel)
        self._cancel = cancel = CancelToken()
        self._problem.hide()
        names = ", ".join(path.name for path in paths)
        self._looking_at.setText(self.tr("Looking into %1").replace("%1", names))
        self._stack.setCurrentWidget(self._looking)

        def show(found: tuple[SourceContents, ...]) -> None:
            if cancel is self._cancel:
                self._show_contents(found, project)

        self._state.background.run(
            self,
            lambda: look_into(paths, cancel),
            show,
            lambda error: self._show_problem(error, names) if cancel is self._cancel else None,
        )

    def start_over(self) -> None:
        """Let go of the source."""
        cancel_soon(self._cancel)
        self.choice.leave()
        self._problem.hide()
        self._show_latest()
        self._stack.setCurrentWidget(self._drop)

    def show_report(self, report: RestoreReport) -> None:
        """Show what came of a restore."""
        self.choice.leave()
        self.report.show_report(report)
        self._stack.setCurrentWidget(self.report)

    def show_running(self, is_running: bool) -> None:
        """While the restore runs, nothing can be chosen."""
        self.choice.show_running(is_running)

    def choose_file(self) -> None:
        """As the button does: Ctrl+O."""
        names, _ = QFileDialog.getOpenFileNames(self, self.tr("Choose a Backup"))
        if names:
            self.open_paths(tuple(map(Path, names)))

    def _show_contents(self, found: tuple[SourceContents, ...], project: str) -> None:
        if len(found) != 1:
            several = AppError(
                ErrorCode.INVALID_INPUT,
                self.tr("These are %1 backups that do not belong together").replace(
                    "%1", formats.count(len(found))
                ),
                detail=", ".join(one.paths[0].name for one in found),
                hint=self.tr("Drop one of them, or the scripts of one database together."),
            )
            self._show_problem(several, "")
            return
        self.choice.show_source(found[0], project)
        self._stack.setCurrentWidget(self.choice)

    def _show_problem(self, error: Exception, names: str) -> None:
        self._stack.setCurrentWidget(self._drop)
        if isinstance(error, CancelledError):
            return
        if not isinstance(error, AppError):
            self._state.failed.emit(error, self.tr("%1 could not be looked into").replace("%1", names))
            return
        shown = in_language(error)
        text = formats.sentences(shown.detail, in_window_words(shown.hint))
        self._problem.say("bad", f"{shown.title.rstrip('.')}.", text)

    def _make_drop(self) -> QWidget:
        made = QWidget()
        self._problem = MessagePanel()
        self._zone = DropZone()
        self._zone.chosen.connect(self.open_paths)
        self._latest_title = label(self.tr("Latest backups"), "section")
        self._all = button(self.tr("All in History"), kind="link")
        self._all.clicked.connect(self.history_wanted)
        self._latest = LatestBackups()
        self._latest.chosen.connect(lambda entry: self.open_paths((Path(entry.path),), entry.project))
        layout = column(
            label(self.tr("Restore"), "title"),
            self._problem,
            self._zone,
            row(self._latest_title, None, self._all),
            self._latest,
            spacing=S + 4,
        )
        layout.setContentsMargins(XL, L, XL, XL)
        layout.setStretch(2, 1)
        made.setLayout(layout)
        return scrolled(made)

    def _make_looking(self) -> QWidget:
        made = QWidget()
        self._looking_at = ElidedLabel("", "heading")
        self._looking_at.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        bar = QProgressBar()
        bar.setRange(0, 0)
        bar.setTextVisible(False)
        bar.setFixedWidth(360)
        bar.setAccessibleName(self.tr("Looking into the source"))
        stop = button(self.tr("Cancel"))
        stop.clicked.connect(self.start_over)
        layout = column(
            None, self._looking_at, row(None, bar, None), 4, row(None, stop, None), None, spacing=L
        )
        layout.setContentsMargins(XL, L, XL, XL)
        made.setLayout(layout)
        return made

    def _show_latest(self) -> None:
        found = map(self._state.catalog.last_backup, self._state.catalog.projects())
        entries = sorted(filter(None, found), key=lambda entry: entry.started, reverse=True)
        self._latest.show_entries(tuple(entries[:4]), self._state.now())
        for widget in (self._latest, self._latest_title, self._all):
            widget.setVisible(bool(entries))
