"""Says which schedules have a slot to run now, and what keeps the others: asked at least once a minute.

Nothing is remembered between two times of asking: the history tells what was run. What held a slot up
stands in the catalog for people to read, and decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from app.domain.due import (
    Due,
    DueState,
    Hold,
    Skipped,
    Surroundings,
    Waiting,
    due_slot,
    oldest_asked,
    paused_slot,
    waiting_for,
)
from app.domain.health import ScheduleHealth, project_health
from app.domain.schedule import Schedule
from app.domain.slots import Around, slots_around
from app.persistence.catalog import Catalog
from app.persistence.settings import Settings
from app.system import paths
from app.system.network import is_metered

MOST_AT_ONCE = 2
"""Processes that run what is due; as many as the window's own queue runs operations."""

_HISTORY = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class ScheduledRun:
    """A schedule whose slot is due, and what it waits for; it can start when that is nothing."""

    schedule: Schedule
    due: Due
    waiting: tuple[Waiting, ...]


def due_runs(
    settings: Settings,
    catalog: Catalog,
    now: datetime,
    reaches: Callable[[Schedule], bool],
    known: dict[str, Around] | None = None,
) -> tuple[ScheduledRun, ...]:
    """Every schedule with a slot that is due now.

    Args:
        settings: with the schedules.
        catalog: the history.
        now: in UTC.
        reaches: whether anybody answers at a schedule's database; asked where it is a condition.
        known: the slots of schedules by their ids, kept between two times of asking: the calendar is slow.
    """
    known = {} if known is None else known
    enabled = [schedule for schedule in settings.schedules if schedule.enabled]
    for schedule in enabled:
        known[schedule.id] = slots_around(schedule, now, known.get(schedule.id))
    runs = catalog.runs_of_each(
        {schedule.id: oldest_asked(schedule, now, known[schedule.id]) for schedule in enabled}
    )
    found = []
    for schedule in enabled:
        due = due_slot(schedule, runs[schedule.id], now, settings.paused_until, known[schedule.id])
        if due.state is DueState.DUE and due.slot is not None:
            around = surroundings(schedule, settings, reaches)
            found.append(ScheduledRun(schedule, due, waiting_for(schedule.conditions, around)))
    return tuple(found)


def holds(
    runs: Iterable[ScheduledRun], settings: Settings, catalog: Catalog, now: datetime
) -> Iterator[Hold]:
    """What keeps schedules from running now: conditions of those that are due, and pauses."""
    for run in runs:
        if run.due.slot is not None:
            yield from (Hold(run.schedule.id, run.due.slot, reason, now, now) for reason in run.waiting)
    for schedule in settings.schedules:
        if not any(until and until > now for until in (schedule.paused_until, settings.paused_until)):
            continue
        runs_then = catalog.runs_of(schedule.id, oldest_asked(schedule, now))
        slot = paused_slot(schedule, runs_then, now, settings.paused_until)
        if slot is not None:
            yield Hold(schedule.id, slot, Skipped.PAUSED, now, now)


def schedule_healths(
    settings: Settings, catalog: Catalog, now: datetime, reaches: Callable[[Schedule], bool]
) -> tuple[ScheduleHealth, ...]:
    """How each schedule stands, in the order of the settings; arguments as for `due_runs`."""
    waiting = {run.schedule.id: run.waiting for run in due_runs(settings, catalog, now, reaches)}
    found: dict[str, ScheduleHealth] = {}
    for project in dict.fromkeys(schedule.project for schedule in settings.schedules):
        own = [schedule for schedule in settings.schedules if schedule.project == project]
        slots = {schedule.id: oldest_asked(schedule, now) for schedule in own}
        entries = catalog.recent(project, now - _HISTORY, slots)
        health = project_health(
            project, entries, own, now, zone=UTC, waiting=waiting, paused_until=settings.paused_until
        )
        found |= {one.schedule.id: one for one in health.schedules}
    return tuple(found[schedule.id] for schedule in settings.schedules)


def surroundings(schedule: Schedule, settings: Settings, reaches: Callable[[Schedule], bool]) -> Surroundings:
    """What the computer says of itself now, as far as this schedule asks for it.

    A network of which nobody tells whether it is metered counts as one that is not.
    """
    conditions = schedule.conditions
    battery = psutil.sensors_battery() if conditions.mains_power else None
    chosen = schedule.destination or settings.destination
    return Surroundings(
        folder_present=not chosen or Path(chosen).is_dir(),  # the default one is made by the first backup
        on_battery=battery is not None and battery.power_plugged is False,
        metered=conditions.not_metered and is_metered() is True,
        server_reachable=not conditions.server_reachable or reaches(schedule),
    )


def is_running(schedule: Schedule) -> bool:
    """Whether any process makes a backup of this schedule, or removes some, at the moment."""
    with only_run(schedule) as is_ours:
        return not is_ours


@contextmanager
def only_run(schedule: Schedule) -> Iterator[bool]:
    """Whether this process is the one that runs the schedule now; a dead owner's lock counts for nothing."""
    with only_one(schedule.id) as is_ours:
        yield is_ours


@contextmanager
def room_for_one(most: int = MOST_AT_ONCE) -> Iterator[bool]:
    """Whether fewer than `most` other processes are here: cron starts one each minute."""
    with ExitStack() as stack:
        yield any(stack.enter_context(only_one(f"run-due-{number}")) for number in range(most))


@contextmanager
def only_one(name: str) -> Iterator[bool]:
    """Whether this process is the one that does what has this name now."""
    folder = paths.data_folder() / "schedules"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = FileLock(folder / f"{name}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()
