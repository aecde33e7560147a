"""What all pages share: settings, history and the time, and the signals that these changed.

Pages get it by constructor. It reads settings and catalog itself, which is quick; everything that speaks
PostgreSQL or the keyring is loaded after the window is there, in a thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from PySide6.QtCore import QObject, QTimer, QTimeZone, Signal

from app.domain.due import Waiting, oldest_asked
from app.domain.errors import AppError
from app.domain.health import Health, project_health
from app.domain.history import Entry
from app.domain.preferences import Times
from app.domain.rota import ROTTED_IS_NEWS
from app.domain.strip import STRIP_DAYS
from app.persistence.catalog import Catalog, catalog_path
from app.persistence.settings import Settings, change_settings, load_settings, settings_path
from app.ui.background import Background

if TYPE_CHECKING:
    from app.domain.project import Secret
    from app.services import Services

_MINUTE = 60_000


class State(QObject):
    """The state of the window.

    Attributes:
        settings: as they are in the file.
        catalog: the history of backups.
        background: for short work that must not hold up the window.
        waiting: for the id of each schedule that is due what it waits for.
        running_since: for each project that is being backed up, since when.
        session_passwords: of projects whose password no keyring takes; gone when Holdfast ends.

    Signals:
        settings_changed: `settings` are other ones.
        history_changed: a backup was made, proven, changed or removed, or the folder was read again.
        minute: the time moved on; whatever says “3 minutes ago” says it anew.
        failed: something went wrong that has no page of its own: the exception and a title.
    """

    settings_changed = Signal()
    history_changed = Signal()
    minute = Signal()
    failed = Signal(object, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._path = settings_path()
        self.settings: Settings = load_settings(self._path)
        self.catalog = Catalog(catalog_path(), [self.settings.destination_folder])
        self.background = Background(self)
        self.running_since: dict[str, datetime] = {}
        self.waiting: dict[str, tuple[Waiting, ...]] = {}
        self.session_passwords: dict[str, Secret] = {}
        self._services: Services | None = None
        self._is_unreadable = False
        self._healths: tuple[Health, ...] | None = None
        self._asked: tuple[object, ...] = ()
        for changed in (self.settings_changed, self.history_changed, self.minute):
            changed.connect(self._forget)
        self._building = threading.Lock()
        self._timer = QTimer(self)
        self._timer.setInterval(_MINUTE)
        self._timer.timeout.connect(self.reload_settings)
        self._timer.timeout.connect(self.minute)
        self._timer.start()

    def services(self) -> Services:
        """What the operations act through; made by the first call, which takes half a second: in a worker.

        Raises:
            AppError: the settings cannot be read, or the catalog not be opened.
        """
        with self._building:
            if self._services is None or self._services.settings != self.settings:
                from app.services import build_services

                self._services = build_services(passwords=self.session_passwords)
            return self._services

    def now(self) -> datetime:
        """The time, in UTC."""
        return datetime.now(UTC)

    @property
    def zone(self) -> tzinfo:
        """The zone in which the window shows days and times."""
        if self.settings.times is Times.UTC:
            return UTC
        try:
            return ZoneInfo(bytes(QTimeZone.systemTimeZoneId().data()).decode())
        except (ZoneInfoNotFoundError, ValueError):
            return UTC

    def healths(self) -> tuple[Health, ...]:
        """How each project stands, in the order of the settings; looked up once for all who ask."""
        asked = (self.running_since, self.waiting, self.settings)
        if self._healths is None or asked != self._asked:
            self._asked = (dict(self.running_since), dict(self.waiting), self.settings)
            self._healths = self._look()
        return self._healths

    def _look(self) -> tuple[Health, ...]:
        now = self.now()
        since = now - timedelta(days=STRIP_DAYS + 1)
        rotted = self.catalog.rotted(now - ROTTED_IS_NEWS)
        return tuple(
            project_health(
                project.name,
                self._entries(project.name, since, now),
                self.settings.schedules,
                now,
                zone=self.zone,
                running_since=self.running_since.get(project.name),
                waiting=self.waiting,
                paused_until=self.settings.paused_until,
                rotted=rotted,
            )
            for project in self.settings.projects
        )

    def _entries(self, project: str, since: datetime, now: datetime) -> tuple[Entry, ...]:
        own = [schedule for schedule in self.settings.schedules if schedule.project == project]
        slots = {schedule.id: oldest_asked(schedule, now) for schedule in own}
        return self.catalog.recent(project, since, slots)

    def _forget(self) -> None:
        self._healths = None

    def reload_settings(self) -> None:
        """Take over what another process, the command line say, wrote meanwhile."""
        try:
            found = load_settings(self._path)
        except AppError as error:
            if not self._is_unreadable:
                self._is_unreadable = True
                self.failed.emit(error, self.tr("The settings were not read again"))
            return
        self._is_unreadable = False
        if found != self.settings:
            self.settings = found
            self.settings_changed.emit()

    def change_settings(self, change: Callable[[Settings], Settings]) -> bool:
        """Change the settings file and tell everybody; a failure is shown, and gives False."""
        try:
            self.settings = change_settings(self._path, change)
        except AppError as error:
            self.failed.emit(error, self.tr("The settings were not changed"))
            return False
        self.settings_changed.emit()
        return True

    @property
    def destination(self) -> Path:
        """The folder for backups."""
        return self.settings.destination_folder
