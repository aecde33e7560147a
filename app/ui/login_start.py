"""Start at login: the session's own entry and the setting follow each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QObject

from app.system import autostart
from app.ui.state import State


def choose_start_at_login(
    state: State, owner: QObject, wanted: bool, then: Callable[[], object] = lambda: None
) -> None:
    """Have the session start Holdfast, or no more; a failure is shown by the window.

    Args:
        state: keeps the setting.
        owner: whoever asks.
        wanted: start it.
        then: is called when it is done, or has failed.
    """

    def done(_: object) -> None:
        _keep(state, wanted)
        then()

    def failed(error: Exception) -> None:
        state.failed.emit(error, state.tr("Starting at login was not changed"))
        then()

    state.background.run(owner, lambda: autostart.set_start_at_login(wanted), done, failed)


def repair_login_start(state: State, owner: QObject) -> None:
    """Let the entry follow a Holdfast that was moved, and the setting what the user did to the entry."""

    def look() -> bool:
        autostart.repair_start_at_login()
        return autostart.starts_at_login()

    def failed(error: Exception) -> None:
        state.failed.emit(error, state.tr("Starting at login could not be checked"))

    state.background.run(owner, look, lambda starts: _keep(state, starts), failed)


def _keep(state: State, starts: bool) -> None:
    if state.settings.start_at_login is not starts:
        state.change_settings(lambda settings: replace(settings, start_at_login=starts))
