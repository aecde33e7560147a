"""Whether a schedule is due, told from its history alone: nothing holds a timer, and nothing is forgotten.

A slot has one run of up to five attempts. Slots that were missed collapse into the newest of them. All
functions take `now`, so that sleep, restarts and clocks that are set are no special cases.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache

from app.domain.history import Entry, Result
from app.domain.schedule import Conditions, Schedule
from app.domain.slots import Around, following_slot, last_slot, next_slot, slots_around

RETRY_AFTER = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(minutes=60))
"""How long after each failed attempt of a slot the next one follows; after the last nothing does."""

RETRY_SPAN = sum(RETRY_AFTER, timedelta())
CATCH_UP_AFTER = timedelta(hours=3)
"""A run that starts later than this after its slot (more than retries and jitter take) is a catch-up."""

_LONGEST_GRACE = timedelta(days=1)


class DueState(StrEnum):
    """Where a schedule stands."""

    OFF = "off"
    PAUSED = "paused"
    IDLE = "idle"
    """The newest slot has had its run; `at` is the next one."""
    DUE = "due"
    """Its slot is to be run now."""
    RETRYING = "retrying"
    """The newest slot's last attempt failed; `at` is the next one, or the next slot if that is earlier."""
    GAVE_UP = "gave-up"
    """All attempts failed; `at` is the next slot."""


@dataclass(frozen=True, slots=True)
class Due:
    """Where a schedule stands, and what comes next.

    Attributes:
        state: what to do.
        slot: the slot that is due, retried or given up.
        attempt: which attempt of the slot comes next, from 1; 0 when none does.
        at: when something happens next: the run, the next attempt, the next slot, the end of a pause.
        is_catch_up: the slot is long past: the computer was off, or a condition was not met.
    """

    state: DueState
    slot: datetime | None = None
    attempt: int = 0
    at: datetime | None = None
    is_catch_up: bool = False


class Waiting(StrEnum):
    """Why a slot that is due does not start."""

    FOLDER_MISSING = "folder-missing"
    ON_BATTERY = "on-battery"
    METERED = "metered"
    SERVER_UNREACHABLE = "server-unreachable"


class Skipped(StrEnum):
    """Why slots had no run of their own."""

    PAUSED = "paused"
    """The schedule was paused when it came."""
    CAUGHT_UP = "caught-up"
    """Earlier slots were missed, and one run makes good for all of them."""


@dataclass(frozen=True, slots=True)
class Hold:
    """What kept a schedule from running, as it was found each minute; times are UTC.

    Attributes:
        schedule: its id.
        slot: the slot that was due, or that made good for the missed ones.
        reason: what it waited for, or why slots were passed over.
        since: when that was found first; the first missed slot for `CAUGHT_UP`.
        until: when it was found last; the last missed slot for `CAUGHT_UP`.
    """

    schedule: str
    slot: datetime
    reason: Waiting | Skipped
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the computer says of itself now; what it cannot tell counts as met."""

    folder_present: bool = True
    on_battery: bool = False
    metered: bool = False
    server_reachable: bool = True


def waiting_for(conditions: Conditions, now: Surroundings) -> tuple[Waiting, ...]:
    """The conditions that are not met, in the order in which a user should see to them."""
    return tuple(
        reason
        for reason, is_unmet in (
            (Waiting.FOLDER_MISSING, not now.folder_present),
            (Waiting.ON_BATTERY, conditions.mains_power and now.on_battery),
            (Waiting.METERED, conditions.not_metered and now.metered),
            (Waiting.SERVER_UNREACHABLE, conditions.server_reachable and not now.server_reachable),
        )
        if is_unmet
    )


def due_slot(
    schedule: Schedule,
    history: Iterable[Entry],
    now: datetime,
    paused_until: datetime | None = None,
    around: Around | None = None,
) -> Due:
    """Where the schedule stands.

    A run that a user cancelled is not retried; one that was interrupted counts as an attempt. Only a
    run of the very slot settles it, so that a clock that was wrong for a while stops nothing.

    Args:
        schedule: one that was checked.
        history: entries of any schedules; those of this schedule's newest slots must be among them.
        now: in UTC.
        paused_until: of all schedules.
        around: what `slots_around` gave before, where the caller remembers it.
    """
    if not schedule.enabled:
        return Due(DueState.OFF)
    pauses = [until for until in (schedule.paused_until, paused_until) if until is not None and until > now]
    if pauses:
        return Due(DueState.PAUSED, at=max(pauses))
    around = slots_around(schedule, now, around)
    slot, following = around.last, around.following
    if slot is not None and slot > schedule.since and now < starts_at(schedule, slot):
        # until its jitter has passed the one before counts: else ticks could always find it too early
        slot, following = last_slot(schedule, slot - timedelta(microseconds=1)), slot
    at = following and starts_at(schedule, following)
    if slot is None or slot <= schedule.since:
        return Due(DueState.IDLE, at=at)
    attempts = [entry for entry in history if entry.schedule == schedule.id and entry.slot == slot]
    is_late = now - slot > CATCH_UP_AFTER
    if not attempts:
        return Due(DueState.DUE, slot, 1, starts_at(schedule, slot), is_late)
    if any(entry.result in (Result.SUCCEEDED, Result.CANCELLED) for entry in attempts):
        return Due(DueState.IDLE, slot, at=at)
    if len(attempts) > len(RETRY_AFTER):
        return Due(DueState.GAVE_UP, slot, at=at)
    moments = [at for entry in attempts for at in (entry.started, entry.finished) if at is not None]
    ended = max((at for at in moments if at <= now), default=slot)  # a clock set back puts nothing off
    retry = ended + RETRY_AFTER[len(attempts) - 1]
    if retry <= now:
        return Due(DueState.DUE, slot, len(attempts) + 1, retry, is_late)
    return Due(DueState.RETRYING, slot, len(attempts) + 1, min(retry, at or retry), is_late)


def oldest_asked(schedule: Schedule, now: datetime, around: Around | None = None) -> datetime:
    """The oldest slot of whose attempts `due_slot` asks; that of a leap day is years ago.

    Args:
        schedule: one that was checked.
        now: in UTC.
        around: as for `due_slot`.
    """
    last = slots_around(schedule, now, around).last
    if last is None or last <= schedule.since:
        return schedule.since
    if now < starts_at(schedule, last):
        last = last_slot(schedule, last - timedelta(microseconds=1)) or last
    return last


def paused_slot(
    schedule: Schedule, history: Iterable[Entry], now: datetime, paused_until: datetime | None = None
) -> datetime | None:
    """The slot that would be run now, were it not for a pause; None when nothing is held back."""
    if due_slot(schedule, (), now, paused_until).state is not DueState.PAUSED:
        return None
    due = due_slot(replace(schedule, paused_until=None), history, now)
    return due.slot if due.state is DueState.DUE else None


def missed_slots(
    schedule: Schedule, history: Iterable[Entry], slot: datetime
) -> tuple[datetime, datetime] | None:
    """The first and the last slot before this one that had no attempt; None when none was missed.

    Looks no further back than the newest slot before that had one.
    """
    tried = [entry.slot for entry in history if entry.schedule == schedule.id and entry.slot is not None]
    start = max((at for at in tried if at < slot), default=schedule.since)
    first = next_slot(schedule, max(start, schedule.since))
    last = last_slot(schedule, slot - timedelta(microseconds=1))
    if first is None or last is None or not first <= last < slot:
        return None
    return first, last


def starts_at(schedule: Schedule, slot: datetime) -> datetime:
    """When a slot's first attempt starts: later by its share of the jitter, at most half way to the next."""
    if not schedule.jitter_seconds:
        return slot
    return slot + _delay(schedule.id, schedule.cron, schedule.zone, schedule.jitter_seconds, slot)


@lru_cache(maxsize=8192)
def _delay(identity: str, cron: str, zone: str, jitter: int, slot: datetime) -> timedelta:
    import hashlib  # few schedules wait at random, and it is slow to import

    digest = hashlib.sha256(f"{identity} {slot.isoformat()}".encode()).digest()
    share = int.from_bytes(digest[:4]) / 2**32
    longest = min(timedelta(seconds=jitter), _gap_after(cron, zone, slot) / 2)
    return timedelta(seconds=int(longest.total_seconds() * share))


def counts_for(schedule: Schedule, entry: Entry) -> bool:
    """True for a good backup that does what the schedule is for: one of its own, or one made by hand."""
    return entry.is_good and not entry.is_safety and entry.schedule in ("", schedule.id)


def overdue_since(schedule: Schedule, last_good: datetime | None) -> datetime | None:
    """When a schedule is overdue unless a good backup comes before; None for one that is switched off.

    A slot must have led to a good backup when half the time to the next one has passed (at most a day)
    and all retries could have been made. For an even rhythm this is 1.5 periods and the retry span after
    the last good backup, and it holds as well for "Monday to Friday" and for months.

    Args:
        last_good: the start of the newest backup that `counts_for` it and is still there.
    """
    if not schedule.enabled:
        return None
    start = schedule.since if last_good is None else max(last_good, schedule.since)
    slot = next_slot(schedule, start)
    if slot is None:
        return None
    grace = min(_gap_after(schedule.cron, schedule.zone, slot) / 2, _LONGEST_GRACE)
    return slot + grace + RETRY_SPAN + timedelta(seconds=schedule.jitter_seconds)


def _gap_after(cron: str, zone: str, slot: datetime) -> timedelta:
    following = following_slot(cron, zone, slot)
    return following - slot if following else timedelta(days=1)
