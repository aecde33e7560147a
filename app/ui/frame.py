"""Joins window, pages and operations: who tells whom, and what happens when the window is closed."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtGui import QCloseEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QApplication

from app.domain.errors import AppError
from app.domain.health_line import Act
from app.domain.operation import Failed, LogLine, Operation, OperationEvent, OperationKind
from app.domain.preferences import OnClose
from app.persistence.operation_log import operation_logs_folder
from app.system.files import free_bytes
from app.ui import formats
from app.ui.awake import Awake
from app.ui.error_dialog import ErrorDialog, Remedy
from app.ui.health_watch import HealthWatch
from app.ui.launcher import Launcher
from app.ui.login_start import repair_login_start
from app.ui.main_window import MainWindow, open_folder
from app.ui.operation_signals import OperationSignals
from app.ui.pages import Pages
from app.ui.question import Question
from app.ui.remedies import Remedies
from app.ui.schedule_watch import ScheduleWatch
from app.ui.single_instance import FirstInstance
from app.ui.state import State
from app.ui.tray import Tray
from app.ui.wake_watch import WakeWatch

if TYPE_CHECKING:
    from app.ui.news import OwnNews
    from app.ui.notifications import Notifications
    from app.ui.window_log import WindowLog


_log = logging.getLogger(__name__)


class Frame(QObject):
    """The running application around its window."""

    def __init__(self, app: QApplication, state: State, window: MainWindow) -> None:
        super().__init__(app)
        self._app = app
        self.window = window
        self._state = state
        self.operations = OperationSignals(operation_logs_folder(), self)
        self.launcher = Launcher(state, self.operations, self)
        self.schedules = ScheduleWatch(state, self.operations, self.launcher, self)
        self.remedies = Remedies(self.launcher, self)
        self.health = HealthWatch(state, self.operations, self)
        self.tray = Tray(state, self.operations, self.health, self)
        self._notifications: Notifications | None = None
        self._news: OwnNews | None = None
        self._awake: Awake | None = None
        self._wakes: WakeWatch | None = None
        self.pages = Pages(state, self.operations, self.launcher, window, self)
        self._logged = ""
        self._errors: set[tuple[str, str]] = set()
        self._first: FirstInstance | None = None
        self._connect()

    def start(self, paths: Sequence[Path], log: WindowLog) -> None:
        """Once the first page is painted, begin to work: tray, schedules, files that were given."""
        QTimer.singleShot(0, lambda: self._start_rest(tuple(paths), log))

    def shut_down(self) -> None:
        """Stop what runs, and let go of everything."""
        self.tray.close()
        self.operations.queue.shutdown(timeout=15)
        if self._notifications is not None:
            self._notifications.close()
        if self._first is not None:
            self._first.close()
        self._state.catalog.close()

    def show_error(self, error: BaseException, title: str = "", remedies: tuple[Remedy, ...] = ()) -> None:
        """Show a failure that has no place of its own on a page."""
        shown = (title, str(error))
        if shown not in self._errors:
            self._errors.add(shown)
            dialog = ErrorDialog(error, title, remedies, self.window)
            dialog.finished.connect(lambda _: self._errors.discard(shown))
            dialog.open()

    def _connect(self) -> None:
        window, state, operations = self.window, self._state, self.operations
        window.rail.folder_wanted.connect(self._open_destination)
        window.dropped.connect(self.pages.open_dumps)
        window.closing.connect(self._close)
        window.strip.cancelled.connect(operations.cancel)
        window.strip.opened.connect(self._show_log)
        window.log.folder_wanted.connect(lambda: open_folder(operation_logs_folder()))
        operations.changed.connect(self._show_operations)
        operations.noted.connect(self._add_to_log)
        operations.finished.connect(self._finish)
        state.failed.connect(_note)
        state.failed.connect(self.show_error)
        tray = self.tray
        tray.open_wanted.connect(window.come_to_front)
        tray.backup_wanted.connect(self.launcher.back_up_project)
        tray.cancel_wanted.connect(operations.cancel)
        tray.folder_wanted.connect(self._open_destination)
        tray.settings_wanted.connect(self._open_settings)
        tray.quit_wanted.connect(self.quit)
        self._app.applicationStateChanged.connect(self._come_back)
        health = self.health
        health.changed.connect(self._show_health)
        self.remedies.settings_wanted.connect(self._open_settings)
        window.rail.settings_wanted.connect(self._open_settings)
        self.remedies.project_wanted.connect(self.pages.edit_project)
        self.pages.settings_wanted.connect(self._open_settings)
        self.pages.remedy_wanted.connect(self.remedies.apply_to_attempt)
        self.remedies.history_wanted.connect(self.pages.show_history)
        self.remedies.largest_wanted.connect(self.pages.show_largest)
        for keys, act in (
            ("Ctrl+N", self.pages.add_project),
            ("Ctrl+B", self.pages.back_up),
            ("Ctrl+O", self.pages.choose_dump),
            ("Ctrl+F", lambda: self.pages.ask("focus_search")),
            ("F5", lambda: self.pages.ask("refresh")),
        ):
            shortcut = QShortcut(QKeySequence(keys), window)
            shortcut.setContext(Qt.ShortcutContext.ApplicationShortcut)
            shortcut.activated.connect(act)

    def _start_rest(self, paths: tuple[Path, ...], log: WindowLog) -> None:
        self._first = FirstInstance(self.take, self)
        self.health.look()
        self.tray.start()
        self._start_notifications()
        self._start_news(log)
        self._awake = Awake(self.operations, self)
        self._wakes = WakeWatch(self._state, self)
        repair_login_start(self._state, self)
        self.schedules.look()
        if paths:
            self.pages.open_dumps(paths)
        if self.window.isVisible():
            self.pages.load_ahead()

    def _start_notifications(self) -> None:
        from app.ui.notifications import Notifications

        made = Notifications(self._state, self.operations, self.health, self.tray, self)
        made.place_wanted.connect(self.pages.come_to)
        made.backup_wanted.connect(self.launcher.back_up_project)
        made.settings_wanted.connect(self._open_settings)
        self._notifications = made

    def _start_news(self, log: WindowLog) -> None:
        from app.engine.updates import release_source
        from app.ui.news import OwnNews

        self._news = OwnNews(self._state, self.window, log, release_source(), self)

    def take(self, paths: tuple[Path, ...]) -> None:
        """Come to the front, with what somebody opened elsewhere."""
        self.window.come_to_front()
        if paths:
            self.pages.open_dumps(paths)

    def _come_back(self, now: Qt.ApplicationState) -> None:
        """The user is here again: what others changed meanwhile is shown."""
        if now is Qt.ApplicationState.ApplicationActive:
            self._state.reload_settings()

    def _show_operations(self) -> None:
        kinds = (OperationKind.BACKUP, OperationKind.SAMPLE)
        self._state.running_since = {
            status.operation.project: status.operation.queued
            for status in self.operations.running()
            if status.operation.kind in kinds
        }
        rows = self.operations.rows()
        self.window.strip.show_rows(rows)
        waiting = sum(row.is_waiting for row in rows)
        parts = []
        if running := len(rows) - waiting:
            parts.append(self.tr("%1 running").replace("%1", formats.count(running)))
        if waiting:
            parts.append(self.tr("%1 waiting").replace("%1", formats.count(waiting)))
        self.window.health.show_activity(", ".join(parts))

    def _finish(self, event: OperationEvent) -> None:
        operation = event.operation
        if isinstance(event, Failed) and not self._is_scheduled(operation):
            title = self.tr("%1: failed").replace("%1", self.operations.title(operation))
            self.show_error(event.error, title, self.remedies.buttons(event.error, operation))
        self._state.history_changed.emit()

    def _is_scheduled(self, operation: Operation) -> bool:
        """Whether a schedule asked for it: then nobody waits for it, and it is told by other means."""
        return any(schedule.id == operation.subject for schedule in self._state.settings.schedules)

    def _show_log(self, id_: str) -> None:
        statuses = {status.operation.id: status.operation for status in self.operations.running()}
        if id_ in statuses:
            self._logged = id_
            lines = (_log_text(line) for line in self.operations.queue.log(id_))
            self.window.log.show_log(self.operations.title(statuses[id_]), lines)

    def _add_to_log(self, id_: str, line: LogLine) -> None:
        if id_ == self._logged:
            self.window.log.add_line(_log_text(line))

    def _open_destination(self) -> None:
        open_folder(self._state.destination)

    def _show_health(self) -> None:
        words = self.health.words
        self.window.health.show_health(words.tone, words.sentence, words.action, self._help)
        self._look_at_folder()

    def _help(self) -> None:
        """Do what the health line offers."""
        line, healths = self.health.line, {health.project: health for health in self.health.healths}
        match line.act:
            case Act.BACK_UP:
                for name in line.projects:
                    self.launcher.back_up_project(name)
            case Act.PROVE:
                for name in line.projects:
                    if (last := healths[name].last_good) is not None:
                        self.launcher.prove(last)
            case Act.SHOW_CAUSE:
                self.pages.show_history(line.projects[0])
            case Act.RESUME:
                self._state.change_settings(lambda settings: replace(settings, paused_until=None))
            case Act.ADD_PROJECT:
                self.pages.add_project()
            case Act.CONNECT_FOLDER:
                self._open_settings("general")
            case Act.SHOW_REMINDERS:
                self._open_settings("reminders")
            case Act.NOTHING:
                pass

    def _open_settings(self, page: str = "") -> None:
        from app.ui.settings_dialog import Page, SettingsDialog

        dialog = SettingsDialog(self._state, has_tray=self.tray.is_shown, parent=self.window)
        dialog.folder_wanted.connect(open_folder)
        if self._notifications is not None:
            dialog.test_wanted.connect(self._notifications.send_test)
            self._notifications.tested.connect(dialog.show_tested)
        dialog.open_page(Page(page or "general"))
        self.window.come_to_front()
        dialog.open()

    def _look_at_folder(self) -> None:
        """How much is free; a disk that sleeps must not hold up the window."""
        folder, is_chosen = self._state.destination, bool(self._state.settings.destination)
        self._state.background.run(
            self,
            # the default folder is made by the first backup
            lambda: free_bytes(folder) if folder.is_dir() or not is_chosen else None,
            lambda free: self.window.rail.show_folder(str(folder), free),
            lambda _: self.window.rail.show_folder(str(folder), None),
        )

    def quit(self) -> None:
        """Quit; what runs is not stopped without a word."""
        running = len(self.operations.running())
        if running or self.pages.has_changes:
            self.window.come_to_front()
            self._ask_on_close(running)
        else:
            self._app.exit(0)

    def _close(self, event: QCloseEvent) -> None:
        """Go on in the tray, quit, or ask which of both; what runs is never stopped without a word."""
        choice = self._state.settings.on_close
        runs = self.operations.running()
        if choice is OnClose.TRAY and self._can_hide:
            return
        is_free = not runs and not self.pages.has_changes
        if is_free and (choice is OnClose.QUIT or not self._can_hide):
            self._app.exit(0)
            return
        event.ignore()
        self._ask_on_close(len(runs))

    def _ask_on_close(self, running: int) -> None:
        question: Question
        loses = bool(running) or self.pages.has_changes
        stop = (
            self.tr("Stop and Quit") if running else self.tr("Quit Holdfast"),
            "danger" if loses else "",
            lambda: self._leave(OnClose.QUIT, question),
        )
        stay = (self.tr("Keep Running in Background"), "primary", lambda: self._leave(OnClose.TRAY, question))
        title, text = self._why_not_close(running)
        question = Question(
            title,
            text,
            (stay, stop) if self._can_hide else (stop,),
            remember="" if loses else self.tr("Do not ask again"),
            parent=self.window,
        )
        question.open()

    def _why_not_close(self, running: int) -> tuple[str, str]:
        if running:
            title = self.tr("Quit while %n operation(s) are running?", "", running)
            return title, self.tr("What is stopped leaves nothing behind. Backups that are finished stay.")
        if self.pages.has_changes:
            title = self.tr("Something was entered that is not saved.")
            return title, self.tr("It is lost when Holdfast quits.")
        title = self.tr("Keep Holdfast running?")
        return title, self.tr("Schedules run, and failures are told, only while Holdfast runs.")

    def _leave(self, choice: OnClose, question: Question) -> None:
        if question.is_remembered:
            self._state.change_settings(lambda settings: replace(settings, on_close=choice))
        if choice is OnClose.QUIT:
            self._app.exit(0)
        else:
            self.window.save_geometry()
            self.window.hide()

    @property
    def _can_hide(self) -> bool:
        """Whether there is a way back to a hidden window: the tray, or a second start."""
        return self.tray.is_shown or sys.platform == "linux"


def _note(error: Exception, title: str) -> None:
    """A line in the log for what a worker or a page met."""
    if isinstance(error, AppError):
        from app.system.log import note_failure

        note_failure(error, title or "failed")
    else:
        _log.error("an error in Holdfast itself: %s", title, exc_info=error)


def _log_text(line: LogLine) -> str:
    return f"{line.at.astimezone():%H:%M:%S}  {line.text}"
