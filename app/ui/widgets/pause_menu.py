"""Pausing all schedules for a while: the same menu on the Schedule page and in the tray."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta, tzinfo

from PySide6.QtWidgets import QMenu

from app.ui.formats import translate
from app.ui.state import State


def fill_pause_menu(menu: QMenu, state: State) -> None:
    """Put what can be done now into a menu, which is emptied first; call it on `aboutToShow`."""
    menu.clear()
    now = state.now()
    menu.addAction(translate("pause", "1 Hour")).triggered.connect(
        lambda: pause_all(state, state.now() + timedelta(hours=1))
    )
    menu.addAction(translate("pause", "Until Tomorrow")).triggered.connect(
        lambda: pause_all(state, tomorrow(state.now(), state.zone))
    )
    menu.addSeparator()
    resume = menu.addAction(translate("pause", "Resume"))
    resume.triggered.connect(lambda: pause_all(state, None))
    resume.setEnabled(paused_until(state, now) is not None)


def pause_all(state: State, until: datetime | None) -> bool:
    """Have no schedule start anything before `until`; None resumes. False when it could not be kept."""
    return state.change_settings(lambda settings: replace(settings, paused_until=until))


def paused_until(state: State, now: datetime) -> datetime | None:
    """When the pause of all schedules ends; None where there is none."""
    until = state.settings.paused_until
    return until if until is not None and until > now else None


def tomorrow(now: datetime, zone: tzinfo) -> datetime:
    """The beginning of the next day on the wall, in UTC."""
    day = now.astimezone(zone).date() + timedelta(days=1)
    return datetime.combine(day, time(), zone).astimezone(UTC)
