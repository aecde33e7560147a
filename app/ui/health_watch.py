"""Knows at any moment how everything stands, for whatever shows it: health line, tray, notifications."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.domain.health import Health
from app.domain.health_line import HealthLine, health_line
from app.domain.reminder_rules import silences
from app.domain.reminders import Try
from app.ui.health_words import HealthWords, health_words
from app.ui.operation_signals import OperationSignals
from app.ui.state import State


class HealthWatch(QObject):
    """Looks again whenever history, settings, what runs or the time changed.

    Attributes:
        healths: how each project stands.
        line: what is most urgent.
        folder_present: the folder for backups can be reached.

    Signals:
        changed: it was looked; `healths` and `line` are new.
    """

    changed = Signal()

    def __init__(self, state: State, operations: OperationSignals, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._folder = state.settings.destination
        self.folder_present = True
        self._running: frozenset[str] = frozenset()
        self._look()
        state.history_changed.connect(self.look)
        state.settings_changed.connect(self.look)
        state.minute.connect(self.look)
        operations.changed.connect(self._look_at_running)

    @property
    def words(self) -> HealthWords:
        """The line in words."""
        state = self._state
        return health_words(self.line, state.now(), state.zone, state.settings.paused_until)

    def look(self) -> None:
        """Look now; at the folder, too, which is told when its disk has answered."""
        folder = self._state.settings.destination
        if folder != self._folder:
            self._folder, self.folder_present = folder, True  # until its disk has answered
        self._look()
        if not folder:
            return  # the default one is made by the first backup
        self._state.background.run(
            self,
            Path(folder).is_dir,
            lambda present: self._take_folder(folder, present=present),
            lambda _: self._take_folder(folder, present=False),
        )

    def _look(self) -> None:
        self.healths: tuple[Health, ...] = self._state.healths()
        self.line: HealthLine = health_line(
            self.healths,
            folder_present=self.folder_present,
            silent=silences(self._state.settings.reminders, self._tries()),
        )
        self.changed.emit()

    def _tries(self) -> tuple[Try, ...]:
        """What was told; few have any channel."""
        return self._state.catalog.tries() if self._state.settings.reminders.active else ()

    def _take_folder(self, folder: str, *, present: bool) -> None:
        """A disk may answer when another folder was chosen since."""
        if folder == self._folder and present is not self.folder_present:
            self.folder_present = present
            self._look()

    def _look_at_running(self) -> None:
        """What runs moves every second; how things stand changes when something begins or ends."""
        running = frozenset(self._state.running_since)
        if running != self._running:
            self._running = running
            self._look()
