"""What the Schedule page does with schedules: make one, find what is wrong with it, put it into settings."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import datetime

from app.domain.errors import AppError
from app.domain.schedule import Schedule, check_cron, zone_named
from app.persistence.settings import Settings, find_project
from app.ui.engine_words import translated

_ANY_CRON, _ANY_ZONE = "0 0 * * *", "UTC"


def new_schedule(settings: Settings, zone: str, now: datetime) -> Schedule:
    """Every day at 02:30, for the first project that has no schedule."""
    served = {schedule.project for schedule in settings.schedules}
    names = [project.name for project in settings.projects]
    project = next((name for name in names if name not in served), names[0])
    return Schedule(uuid.uuid4().hex, project, "30 2 * * *", zone, now)


def problems(schedule: Schedule) -> dict[str, str]:
    """What is wrong with which field, each in words; empty when the schedule can run."""
    found: dict[str, str] = {}
    usable, wrong_zone = schedule, ""
    try:
        zone_named(schedule.zone)
    except AppError as error:
        wrong_zone = _words(error)
        usable = replace(usable, zone=_ANY_ZONE)
    try:
        check_cron(schedule.cron, usable.zone, schedule.since)
    except AppError as error:
        found["cron"] = _words(error)
        usable = replace(usable, cron=_ANY_CRON)
    if wrong_zone:
        found["zone"] = wrong_zone
    try:
        usable.check()
    except AppError as error:
        found[error.title.partition(":")[0]] = _words(error)
    return found


def as_saved(draft: Schedule, saved: Schedule | None) -> Schedule:
    """A draft with what is not edited in its form: it may have been switched or paused meanwhile."""
    if saved is None:
        return draft
    return replace(draft, since=saved.since, enabled=saved.enabled, paused_until=saved.paused_until)


def with_schedule(settings: Settings, schedule: Schedule, now: datetime) -> Settings:
    """The settings with a schedule in the place of the one with its id, or added to them.

    Raises:
        AppError: INVALID_INPUT when it could not run; UNKNOWN_PROJECT.
    """
    schedule.check()
    named = replace(schedule, project=find_project(settings, schedule.project).name)
    old = next((one for one in settings.schedules if one.id == schedule.id), None)
    if old is None:
        return replace(settings, schedules=(*settings.schedules, replace(named, since=now)))
    new = named.revised(old, now)
    return replace(settings, schedules=tuple(new if one == old else one for one in settings.schedules))


def without_schedule(settings: Settings, identity: str) -> Settings:
    """The settings without the schedule with that id."""
    return replace(settings, schedules=tuple(one for one in settings.schedules if one.id != identity))


def _words(error: AppError) -> str:
    """A problem without the name of its field, at which it stands."""
    problem = translated(error.title.partition(": ")[2] or error.title)
    return f"{problem[0].upper()}{problem[1:]}. {translated(error.hint)}".rstrip()
