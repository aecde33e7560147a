"""Asks once whether Holdfast may look for new versions, and then has it look once a day."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal

from app.engine.updates import Look, Source, daily_look
from app.system.cancellation import CancelToken
from app.ui.state import State

_HOUR = 3_600_000


class UpdateWatch(QObject):
    """Looks at start, each hour whether a day is over, and when the user wants it from now on.

    Args:
        source: where new versions are.

    Signals:
        asks: the user was never asked.
        found: a `Look` at a version to tell of; None where there is none any more.
    """

    asks = Signal()
    found = Signal(object)

    def __init__(self, state: State, source: Source, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state, self._source = state, source
        self._last: Look | None = None
        self._told: Look | None = None
        self._is_looking = False
        self._wants = state.settings.updates
        self._cancel = CancelToken()
        self._timer = QTimer(self)
        self._timer.setInterval(_HOUR)
        self._timer.timeout.connect(self._look)
        state.settings_changed.connect(self._follow)

    def start(self) -> None:
        """Ask the user, or the feed."""
        self._timer.start()
        if self._wants is None:
            self.asks.emit()
        self._look()

    def _follow(self) -> None:
        before, self._wants = self._wants, self._state.settings.updates
        if self._wants is not before:
            self._look()
        self._tell()

    def _look(self) -> None:
        if not self._wants or self._is_looking:
            return
        self._is_looking = True
        now = self._state.now()
        self._state.background.run(
            self, lambda: daily_look(self._source, now, self._cancel), self._take, self._fail
        )

    def _take(self, look: Look | None) -> None:
        self._is_looking = False
        self._last = look
        self._tell()

    def _fail(self, error: Exception) -> None:
        self._is_looking = False
        raise error  # a bug: `daily_look` keeps what is none to itself

    def _tell(self) -> None:
        """Say it once, and no more when it is skipped or nobody wants to hear of it."""
        look = self._last
        if look is None or not self._wants or not look.is_news(self._state.settings.skipped_version):
            look = None
        if look != self._told:
            self._told = look
            self.found.emit(look)
