"""Looks each minute whether a schedule, or a look at an old backup, is due: also after sleep."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from app.domain.due import Waiting
from app.ui.launcher import Launcher
from app.ui.operation_signals import OperationSignals
from app.ui.state import State

if TYPE_CHECKING:
    from app.domain.rota import Wanted
    from app.engine.scheduler import ScheduledRun
    from app.persistence.catalog import Catalog
    from app.persistence.settings import Settings


class ScheduleWatch(QObject):
    """Asks the history what is due; what waits is told to `state.waiting`."""

    def __init__(
        self, state: State, operations: OperationSignals, launcher: Launcher, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._state = state
        self._operations = operations
        self._launcher = launcher
        state.minute.connect(self.look)
        state.minute.connect(self.look_at_old)
        state.settings_changed.connect(self.look)

    def look(self) -> None:
        """Look now; the answer comes from a worker, since a server may have to be asked."""
        if not self._state.settings.schedules:
            return
        services = self._state.services
        self._state.background.run(
            self,
            lambda: services().due_runs(),
            self._start,
            lambda error: self._state.failed.emit(error, self.tr("The schedules could not be looked at")),
        )

    def look_at_old(self) -> None:
        """Have an old backup looked at again, where one is due and nothing else runs."""
        if self._operations.running():
            return
        state = self._state
        state.background.run(
            self,
            partial(_due_checks, state.settings, state.catalog, state.now()),
            self._recheck,
            lambda error: state.failed.emit(error, self.tr("The schedules could not be looked at")),
        )

    def _recheck(self, wanted: tuple[Wanted, ...]) -> None:
        if wanted and not self._operations.running():
            self._launcher.recheck(wanted)

    def _start(self, runs: tuple[ScheduledRun, ...]) -> None:
        queued = {status.operation.subject for status in self._operations.running()}
        waiting: dict[str, tuple[Waiting, ...]] = {}
        for run in runs:
            if run.waiting:
                waiting[run.schedule.id] = run.waiting
            elif run.schedule.id not in queued:
                self._launcher.run_schedule(run.schedule)
        if waiting != self._state.waiting:
            self._state.waiting = waiting
            self._state.history_changed.emit()


def _due_checks(settings: Settings, catalog: Catalog, now: datetime) -> tuple[Wanted, ...]:
    """Without the services, which are not made for a window that only waits in the tray."""
    from app.engine.rota import look

    return look(settings, catalog, now)
