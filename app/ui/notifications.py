"""Tells the desktop what went wrong while nobody looks, and takes it back when it is put right."""

from __future__ import annotations

import sys

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QApplication

from app.domain.errors import AppError
from app.domain.operation import Failed, OperationEvent, OperationKind
from app.ui import formats
from app.ui.desktop_notifications import DEFAULT_ACTION, DesktopNotifications, Note
from app.ui.error_words import in_language
from app.ui.health_watch import HealthWatch
from app.ui.notices import Help, Kind, Notice, folder_notice, standing_notices, success_notice
from app.ui.operation_signals import OperationSignals
from app.ui.state import State
from app.ui.tray import Tray
from app.ui.widgets.rail import Place

_TEST = "\0test"


class Notifications(QObject):
    """One notice for each project at most, on the desktop only while no window of Holdfast is in front.

    Signals:
        place_wanted: a notice was clicked: the `Place` and the project that it is about.
        backup_wanted: the project that is to be backed up now.
        settings_wanted: the folder for backups is to be chosen.
        tested: whether the test of `send_test` could be shown.
    """

    place_wanted = Signal(object, str)
    backup_wanted = Signal(str)
    settings_wanted = Signal()
    tested = Signal(bool)

    def __init__(
        self,
        state: State,
        operations: OperationSignals,
        watch: HealthWatch,
        tray: Tray,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._state, self._operations, self._watch, self._tray = state, operations, watch, tray
        self._known: dict[str, tuple[object, ...]] = {}
        self._last_good: dict[str, str] | None = None
        self._told: dict[str, Notice] = {}
        self._beside_tray = ""
        self._desktop = DesktopNotifications(self) if sys.platform == "linux" else None
        if self._desktop is not None:
            self._desktop.acted.connect(self._act)
            self._desktop.shown.connect(lambda note: self._show_tested(note, shown=True))
            self._desktop.failed.connect(self._show_beside_tray)
        tray.message_clicked.connect(lambda: self._act(self._beside_tray, DEFAULT_ACTION))
        watch.changed.connect(self._look)
        operations.finished.connect(self._hear)
        self._look()

    def close(self) -> None:
        """Let go of the desktop."""
        if self._desktop is not None:
            self._desktop.close()

    def send_test(self) -> None:
        """Show a notice, wherever the window is; `tested` tells what came of it."""
        self._show(
            Notice(
                _TEST,
                Kind.SUCCEEDED,
                self.tr("Notifications work"),
                self.tr("Holdfast tells of failures while its window is not in front."),
                place=Place.PROJECTS,
            )
        )

    def _look(self) -> None:
        state, watch = self._state, self._watch
        now, zone = state.now(), state.zone
        found = {one.key: one for one in standing_notices(watch.healths, now, zone)}
        if not watch.folder_present and watch.healths:
            missing = folder_notice(state.destination)
            found[missing.key] = missing
        for key in self._known.keys() - found.keys():
            del self._known[key]
            self._withdraw(key)
        for key, notice in found.items():
            if self._known.get(key) != notice.mark:
                self._known[key] = notice.mark
                self._tell(notice)
        self._look_at_successes(found)

    def _look_at_successes(self, found: dict[str, Notice]) -> None:
        good = {one.project: one.last_good for one in self._watch.healths if one.last_good}
        before, self._last_good = self._last_good, {name: entry.id for name, entry in good.items()}
        if before is None:
            return
        for name, entry in good.items():
            if before.get(name) != entry.id and name not in found:
                self._tell(success_notice(entry))

    def _hear(self, event: OperationEvent) -> None:
        """Failures of which the history says nothing; those of backups it does."""
        operation = event.operation
        if isinstance(event, Failed) and operation.kind is not OperationKind.BACKUP:
            title = self.tr("%1: failed").replace("%1", self._operations.title(operation))
            error = event.error
            said = in_language(error).title if isinstance(error, AppError) else type(error).__name__
            is_restore = operation.kind in (OperationKind.RESTORE, OperationKind.COPY)
            place, project = (Place.RESTORE, "") if is_restore else (Place.HISTORY, operation.project)
            text = formats.sentences(said)
            self._tell(Notice(operation.id, Kind.FAILED, title, text, place=place, project=project))

    def _tell(self, notice: Notice) -> None:
        is_wanted = getattr(self._state.settings.notifications, notice.kind.value)
        if is_wanted and QApplication.activeWindow() is None:
            self._show(notice)
        else:
            self._withdraw(notice.key)

    def _show(self, notice: Notice) -> None:
        self._told[notice.key] = notice
        actions = [(DEFAULT_ACTION, self.tr("Open Holdfast"))]
        words = {Help.BACK_UP: self.tr("Back Up Now"), Help.CHANGE_FOLDER: self.tr("Change Folder…")}
        if notice.help is not None:
            actions.append((notice.help.value, words[notice.help]))
        stays = notice.kind is not Kind.SUCCEEDED
        note = Note(notice.key, notice.title, notice.text, tuple(actions), stays)
        if self._desktop is not None:
            self._desktop.show(note)
        else:
            self._show_beside_tray(note)

    def _show_beside_tray(self, note: Note) -> None:
        self._beside_tray = note.key
        self._show_tested(note, shown=self._tray.show_message(note.title, note.text))

    def _show_tested(self, note: Note, *, shown: bool) -> None:
        if note.key == _TEST:
            self.tested.emit(shown)

    def _withdraw(self, key: str) -> None:
        if self._told.pop(key, None) is not None and self._desktop is not None:
            self._desktop.withdraw(key)

    def _act(self, key: str, action: str) -> None:
        notice = self._told.get(key)
        if notice is None:
            return
        if action == Help.BACK_UP:
            self.backup_wanted.emit(notice.project)
        elif action == Help.CHANGE_FOLDER:
            self.settings_wanted.emit()
        else:
            self.place_wanted.emit(notice.place, notice.project)
