"""The moments at which a schedule is due, with the clock changes of its time zone.

The rules are those of Debian's cron, as cronsim has them: a fixed time that clocks skip comes when they
have been put forward, and one that comes twice counts once; `*` in the hour or minute follows real time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from functools import lru_cache
from itertools import islice

from cronsim import CronSim

from app.domain.schedule import Schedule, zone_named

_LARGEST_CHANGE = timedelta(hours=3)
"""Clocks have never been put back by more in one go."""


class ClockChange(StrEnum):
    """What a clock change does to a slot."""

    SKIPPED = "skipped"
    """Clocks go forward: the time that was asked for does not exist that day."""
    FIRST_OF_TWO = "first-of-two"
    """Clocks go back: the time comes twice, and this is the first."""
    SECOND_OF_TWO = "second-of-two"


@dataclass(frozen=True, slots=True)
class Slot:
    """A moment at which a schedule is due.

    Attributes:
        at: in UTC.
        local: the same in the schedule's zone.
        change: the clock change that concerns it, if any.
        wanted: the local time that was asked for; other than `local` only when clocks skipped it.
    """

    at: datetime
    local: datetime
    change: ClockChange | None
    wanted: datetime


def next_slots(schedule: Schedule, after: datetime, count: int) -> tuple[Slot, ...]:
    """The next `count` slots later than `after`, for the user to see; `since` plays no part."""
    zone = zone_named(schedule.zone)
    moments = islice(_moments(schedule.cron, schedule.zone, after), count)
    return tuple(_slot(schedule.cron, at, zone) for at in moments)


def next_slot(schedule: Schedule, after: datetime) -> datetime | None:
    """The first slot later than `after`, in UTC; None when there is none in 50 years."""
    return following_slot(schedule.cron, schedule.zone, after)


@lru_cache(maxsize=8192)
def following_slot(cron: str, zone: str, after: datetime) -> datetime | None:
    """As `next_slot`. It is remembered, since each tick asks for what follows the same slots and backups."""
    return next(_moments(cron, zone, after), None)


def last_slot(schedule: Schedule, until: datetime) -> datetime | None:
    """The newest slot at or before `until`, in UTC; None when there was none in 50 years."""
    return _newest(schedule.cron, schedule.zone, until)


@lru_cache(maxsize=8192)
def _newest(cron: str, zone_name: str, until: datetime) -> datetime | None:
    zone = zone_named(zone_name)
    start = (until + timedelta(seconds=1)).astimezone(zone)  # CronSim begins before its start
    if start.fold:  # a fixed time has its slot in the first of two equal hours: begin after both
        start = (start.astimezone(UTC) + _LARGEST_CHANGE).astimezone(zone)
    for moment in CronSim(cron, start, reverse=True):
        at = moment.astimezone(UTC)
        if at <= until:
            return at
    return None


@dataclass(frozen=True, slots=True)
class Around:
    """The slots on both sides of a moment, in UTC; they hold until the next one comes."""

    cron: str
    zone: str
    last: datetime | None
    following: datetime | None


def slots_around(schedule: Schedule, now: datetime, known: Around | None = None) -> Around:
    """The newest slot at or before `now` and the first one later.

    Args:
        known: an earlier answer; given back while it holds, so that a tick over a thousand schedules
            computes no slot that it knows.
    """
    if (
        known is not None
        and (known.cron, known.zone) == (schedule.cron, schedule.zone)
        and (known.last is None or known.last <= now)
        and (known.following is None or now < known.following)
    ):
        return known
    last = last_slot(schedule, now)
    return Around(schedule.cron, schedule.zone, last, next_slot(schedule, last or now))


def _moments(cron: str, zone: str, after: datetime) -> Iterator[datetime]:
    """Slots in UTC, each later than the one before: two that clocks skip may come at the same moment."""
    last = after
    for moment in CronSim(cron, after.astimezone(zone_named(zone))):
        at = moment.astimezone(UTC)
        if at > last:
            yield from _overlooked(cron, zone, last, at)
            last = at
            yield at


def _overlooked(cron: str, zone: str, last: datetime, at: datetime) -> Iterator[datetime]:
    """Slots between two that CronSim gave: it leaps an hour in whose midst clocks change by half of one."""
    info = zone_named(zone)
    offsets = [moment.astimezone(info).utcoffset() or timedelta() for moment in (last, at)]
    if not (offsets[1] - offsets[0]) % timedelta(hours=1):
        return
    found: list[datetime] = []
    while (before := _newest(cron, zone, at - timedelta(microseconds=1))) and before > last:
        found.append(before)
        at = before
    yield from reversed(found)


def _slot(cron: str, at: datetime, zone: tzinfo) -> Slot:
    local = at.astimezone(zone)
    if local.fold:
        return Slot(at, local, ClockChange.SECOND_OF_TWO, local)
    if local.utcoffset() != local.replace(fold=1).utcoffset():
        return Slot(at, local, ClockChange.FIRST_OF_TWO, local)
    before = (at - timedelta(seconds=1)).astimezone(zone)
    gap = local.replace(tzinfo=None) - before.replace(tzinfo=None) - timedelta(seconds=1)
    if gap and _is_fixed(cron):
        wanted = next(CronSim(cron, before.replace(tzinfo=None))).replace(tzinfo=zone)
        if wanted.replace(tzinfo=None) < local.replace(tzinfo=None):
            return Slot(at, local, ClockChange.SKIPPED, wanted)
    return Slot(at, local, None, local)


def _is_fixed(cron: str) -> bool:
    minute, hour = cron.split()[:2]
    return not minute.startswith("*") and not hour.startswith("*")
