"""Adds, changes and removes schedules in the settings."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from app.domain.errors import AppError, ErrorCode
from app.domain.schedule import Schedule
from app.persistence.settings import Settings, change_settings, find_project

_SHORTEST_ID = 4


def find_schedule(settings: Settings, identity: str) -> Schedule:
    """The schedule with that id.

    Raises:
        AppError: INVALID_INPUT when there is none.
    """
    for schedule in settings.schedules:
        if schedule.id == identity:
            return schedule
    raise AppError(
        ErrorCode.INVALID_INPUT,
        f"There is no schedule “{identity}”",
        hint="“holdfast schedules list” shows all.",
    )


def schedule_called(settings: Settings, name: str) -> Schedule:
    """The schedule with that id, or one that begins so, or the only one of the project of that name.

    Raises:
        AppError: INVALID_INPUT when there is none, or more than one.
    """
    wanted = name.casefold()
    found = [one for one in settings.schedules if one.id == name]
    found = found or [one for one in settings.schedules if one.project.casefold() == wanted]
    if not found and len(name) >= _SHORTEST_ID:
        found = [one for one in settings.schedules if one.id.startswith(name)]
    if not found:
        return find_schedule(settings, name)
    if len(found) > 1:
        raise AppError(
            ErrorCode.INVALID_INPUT,
            f"“{name}” is more than one schedule",
            detail=", ".join(one.id for one in found),
            hint="Name one of them by its id; its beginning will do.",
        )
    return found[0]


def add_schedule(path: Path, schedule: Schedule) -> None:
    """Keep a new schedule.

    Raises:
        AppError: INVALID_INPUT when it could not run or its id is taken; UNKNOWN_PROJECT; also as
            `change_settings`.
    """
    schedule.check()

    def add(settings: Settings) -> Settings:
        if any(other.id == schedule.id for other in settings.schedules):
            raise AppError(ErrorCode.INVALID_INPUT, f"id: there is already a schedule “{schedule.id}”")
        return replace(settings, schedules=(*settings.schedules, _named(schedule, settings)))

    change_settings(path, add)


def replace_schedule(path: Path, schedule: Schedule, now: datetime) -> None:
    """Put a schedule in the place of the one with its id; other times count from `now`.

    Raises:
        AppError: as `add_schedule`, and INVALID_INPUT when there is none with its id.
    """
    schedule.check()

    def change(settings: Settings) -> Settings:
        old = find_schedule(settings, schedule.id)
        new = _named(schedule, settings).revised(old, now)
        return replace(settings, schedules=tuple(new if one == old else one for one in settings.schedules))

    change_settings(path, change)


def remove_schedule(path: Path, identity: str) -> Schedule:
    """Forget a schedule and give it back; its backups stay.

    Raises:
        AppError: INVALID_INPUT when there is none with that id; also as `change_settings`.
    """
    removed: list[Schedule] = []

    def remove(settings: Settings) -> Settings:
        old = find_schedule(settings, identity)
        removed.append(old)
        return replace(settings, schedules=tuple(one for one in settings.schedules if one != old))

    change_settings(path, remove)
    return removed[0]


def pause_all(path: Path, until: datetime | None) -> None:
    """Have no schedule start anything before `until`; None resumes.

    Raises:
        AppError: as `change_settings`.
    """
    change_settings(path, lambda settings: replace(settings, paused_until=until))


def _named(schedule: Schedule, settings: Settings) -> Schedule:
    """With the project's name as it is written there."""
    return replace(schedule, project=find_project(settings, schedule.project).name)
