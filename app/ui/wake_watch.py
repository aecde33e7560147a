"""Notices that the computer slept, that its clock was set, or that the network came back: time for a tick.

A timer of a minute sleeps along with the computer, and would have a schedule wait for what was left of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

from app.ui.state import State

if TYPE_CHECKING:
    from PySide6.QtNetwork import QNetworkInformation

_LOOK_EVERY = 5_000
_JUMP = 15.0
"""Seconds by which the clock on the wall is ahead of or behind the one that nobody sets."""


class WakeWatch(QObject):
    """Has `state` tell of a new minute at once when the time or the network is another one.

    Args:
        state: is told.
        clocks: the time of day and that of a clock which only counts, both in seconds.
    """

    def __init__(
        self,
        state: State,
        parent: QObject | None = None,
        *,
        clocks: Callable[[], tuple[float, float]] = lambda: (time.time(), time.monotonic()),
    ) -> None:
        super().__init__(parent)
        self._state = state
        self._clocks = clocks
        self._apart = self._difference()
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK_EVERY)
        self._timer.timeout.connect(self.look)
        self._timer.start()
        self._network: QNetworkInformation | None = None
        state.settings_changed.connect(self._watch_network)
        self._watch_network()

    def look(self) -> None:
        """Look whether the clocks have moved apart: the one that counts stands still in sleep."""
        apart = self._difference()
        if abs(apart - self._apart) > _JUMP:
            self._tell()
        self._apart = apart

    def _difference(self) -> float:
        wall, counted = self._clocks()
        return wall - counted

    def _watch_network(self) -> None:
        """Where the system tells of its network, and a schedule may wait for it.

        Elsewhere the next minute finds it; what asks the system takes 3 MB.
        """
        if self._network is not None or not self._state.settings.schedules:
            return
        from PySide6.QtNetwork import QNetworkInformation

        if QNetworkInformation.loadDefaultBackend():
            self._network = QNetworkInformation.instance()
            self._network.reachabilityChanged.connect(self.hear_of_network)

    def hear_of_network(self, now: QNetworkInformation.Reachability) -> None:
        """A network that came back is what a schedule may have waited for."""
        from PySide6.QtNetwork import QNetworkInformation

        if now in (QNetworkInformation.Reachability.Online, QNetworkInformation.Reachability.Site):
            self._tell()

    def _tell(self) -> None:
        self._state.reload_settings()
        self._state.minute.emit()
