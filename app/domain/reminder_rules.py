"""When something is told, and that it is told once.

What stands wrong is computed from the history, and what was told from the record of what was tried, with
`now` as a parameter: nothing is told twice, and what could not be told is tried again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from app.domain.due import RETRY_AFTER as _ATTEMPTS_AFTER
from app.domain.due import Due, DueState, counts_for, due_slot, overdue_since
from app.domain.history import Entry, Result
from app.domain.reminders import Channel, Occasion, Reminder, Reminders, Try
from app.domain.schedule import Schedule

RETRY_AFTER = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(minutes=60))
"""How long after each try in vain a channel is tried again; the last one again and again."""

MOST_TRIES = 72
"""Three days of tries in vain, and a reminder is given up; setting the channel anew begins anew."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a schedule stands, as far as it is told.

    Attributes:
        schedule: its id.
        is_well: nothing is wrong, told or not.
        alarms: what is wrong and can be told.
        last_good: its newest good backup.
        success: that backup, if the schedule made it, as something to tell.
        recovery: the same as the end of what was wrong; None while anything is.
    """

    schedule: str
    is_well: bool = True
    alarms: tuple[Reminder, ...] = ()
    last_good: Entry | None = None
    success: Reminder | None = None
    recovery: Reminder | None = None


def standing(
    schedule: Schedule,
    entries: Iterable[Entry],
    now: datetime,
    *,
    paused_until: datetime | None = None,
    is_held: bool = False,
) -> Standing:
    """How a schedule stands; one that is switched off has nothing to tell.

    Args:
        schedule: any.
        entries: of its project, the last good one and everything since among them.
        now: in UTC.
        paused_until: of all schedules.
        is_held: its slot is due and does not start, because a condition is not met.
    """
    if not schedule.enabled:
        return Standing(schedule.id)
    own = [entry for entry in entries if _concerns(schedule, entry)]
    own.sort(key=lambda entry: (entry.started, entry.id), reverse=True)
    good = next((entry for entry in own if counts_for(schedule, entry)), None)
    since_good = own[: own.index(good)] if good else own
    bad = [
        entry
        for entry in since_good
        if entry.result is not Result.CANCELLED and entry.started >= schedule.since and not entry.missing
    ]
    there = next((entry.started for entry in own if counts_for(schedule, entry) and not entry.missing), None)
    late = overdue_since(schedule, there)
    is_late = late is not None and late <= now
    is_well = not bad and not is_late
    due = Due(DueState.IDLE) if is_well else due_slot(schedule, own, now, paused_until)
    about = Reminder(
        "",
        Occasion.OVERDUE,
        schedule.project,
        now,
        schedule.id,
        schedule.name,
        due.slot,
        next_attempt=due.at if due.state is DueState.RETRYING else None,
        last_good=good.started if good else None,
    )
    alarms = [*_failures(about, schedule, bad, good)]
    # a slot that is about to run, after a night without power say, is given its chance first
    if late is not None and is_late and (due.state is not DueState.DUE or is_held):
        key = f"overdue/{schedule.id}/{late.isoformat()}"
        last = next((entry for entry in bad if entry.result is not Result.SUCCEEDED), None)
        alarms.append(replace(about, key=key, at=late, **_cause(last)))
    if good is None:
        return Standing(schedule.id, is_well, tuple(alarms))
    made = replace(about, at=good.finished or good.started, next_attempt=None, **_made(good))
    success = replace(made, key=f"succeeded/{good.id}", occasion=Occasion.SUCCEEDED)
    recovery = replace(made, key=f"recovered/{schedule.id}/{good.id}", occasion=Occasion.RECOVERED)
    is_own = good.schedule == schedule.id
    return Standing(
        schedule.id, is_well, tuple(alarms), good, success if is_own else None, recovery if is_well else None
    )


def doubtful(entries: Iterable[Entry], standings: Iterable[Standing]) -> Iterator[Reminder]:
    """A reminder for each backup that is there and not good, whoever made it and however long ago.

    Args:
        entries: those whose proof failed.
        standings: of all schedules; a good backup after it makes a schedule well again.
    """
    found = {one.schedule: one for one in standings}
    for entry in entries:
        if not entry.proof_failure or entry.missing or entry.is_safety:
            continue
        of = found.get(entry.schedule)
        good = of.last_good if of else None
        is_latest = of is not None and (good is None or good.started < entry.started)
        yield Reminder(
            f"proof-failed/{entry.id}",
            Occasion.PROOF_FAILED,
            entry.project,
            entry.finished or entry.started,
            schedule=entry.schedule if is_latest else "",
            slot=entry.slot,
            last_good=good.started if good else None,
            backup=entry.id,
            bytes=entry.bytes,
        )


def due_reminders(
    wanted: Sequence[Occasion],
    since: datetime,
    standings: Sequence[Standing],
    doubts: Sequence[Reminder],
    tries: Sequence[Try],
    *,
    now: datetime,
) -> tuple[Reminder, ...]:
    """What a channel is to be told now, alarms first.

    Args:
        wanted: what the user wants to be told.
        since: when the channel was set: earlier successes are not told, earlier tries in vain do not count.
        standings: of all schedules.
        doubts: what `doubtful` gave.
        tries: all that were made over this channel, in their order.
        now: in UTC.
    """
    told = {one.key for one in tries if one.sent}
    alarms = [one for each in standings for one in each.alarms] + list(doubts)
    given_up = {one.schedule for one in alarms if one.occasion is Occasion.FAILED and one.occasion in wanted}
    found = [
        one
        for one in alarms
        if not (one.occasion is Occasion.FAILING and one.schedule in given_up)  # which says more
    ]
    for each in standings:
        is_open = _is_open(each.schedule, tries)
        if each.recovery is not None and is_open and Occasion.RECOVERED in wanted:
            found.append(each.recovery)
        elif each.success is not None and each.success.at >= since:
            is_told = f"recovered/{each.schedule}/{each.success.backup}" in told
            found += [] if is_told else [each.success]
    found.sort(key=lambda one: (not one.occasion.is_alarm, one.at, one.key))
    return _to_try(
        [one for one in found if one.occasion in wanted and one.key not in told], since, tries, now
    )


def due_pings(
    wanted: Sequence[Occasion],
    since: datetime,
    standings: Sequence[Standing],
    doubts: Sequence[Reminder],
    tries: Sequence[Try],
    *,
    now: datetime,
) -> tuple[Reminder, ...]:
    """What a dead-man's switch is to be told now; arguments as for `due_reminders`.

    One switch stands for all schedules, so that a success counts only while all of them are well: what
    is wrong with one must not be hidden by the others. Of several successes the newest is enough.
    """
    told = {one.key for one in tries if one.sent}
    alarms = [one for each in standings for one in each.alarms] + list(doubts)
    found = [one for one in alarms if one.occasion in wanted and one.key not in told]
    made = [one.success for one in standings if one.success is not None and one.success.at >= since]
    is_well = all(one.is_well for one in standings)
    newest = max(made, key=lambda one: one.at, default=None)
    if newest is not None and is_well and not found and newest.key not in told:
        found.append(newest)
    return _to_try(found, since, tries, now)


@dataclass(frozen=True, slots=True)
class Silence:
    """A channel over which nothing can be told.

    Attributes:
        channel: which.
        since: when the first of the tries in vain was.
        tries: how many there were.
        problem: why the last one was in vain.
    """

    channel: Channel
    since: datetime
    tries: int
    problem: str


def silence(channel: Channel, since: datetime, tries: Iterable[Try]) -> Silence | None:
    """The tries in vain since the last one that was not; None when that was the last.

    Args:
        channel: which.
        since: when it was set; tries before count for nothing.
        tries: over any channels, in their order.
    """
    tail = _in_vain([one for one in tries if one.channel is channel], since)
    return Silence(channel, tail[0].at, len(tail), tail[-1].problem) if tail else None


def silences(reminders: Reminders, tries: Sequence[Try]) -> tuple[Silence, ...]:
    """Every channel that is switched on and over which nothing gets through."""
    found = (silence(channel, of.since, tries) for channel, of in reminders.active.items())
    return tuple(one for one in found if one is not None)


def _concerns(schedule: Schedule, entry: Entry) -> bool:
    return entry.project == schedule.project and (
        entry.schedule == schedule.id or counts_for(schedule, entry)
    )


def _failures(
    about: Reminder, schedule: Schedule, bad: Sequence[Entry], good: Entry | None
) -> Iterator[Reminder]:
    """The first failure since the last good backup, and the newest slot all of whose attempts failed."""
    failed = [entry for entry in bad if entry.result is not Result.SUCCEEDED]
    if not failed:
        return
    mark = f"{schedule.id}/{schedule.since.isoformat()}/{good.id if good else 'never'}"
    first, last = failed[-1], failed[0]
    slots: dict[datetime | None, list[Entry]] = {}
    for entry in failed:
        slots.setdefault(entry.slot, []).append(entry)
    over = [
        attempts
        for slot, attempts in slots.items()
        if slot is not None and (len(attempts) > len(_ATTEMPTS_AFTER) or slot != last.slot)
    ]
    yield replace(
        about,
        key=f"failing/{mark}",
        occasion=Occasion.FAILING,
        at=first.finished or first.started,
        slot=last.slot,
        attempts=len(failed),
        **_cause(last),
    )
    if over:
        newest = over[0][0]
        yield replace(
            about,
            key=f"failed/{mark}/{newest.error_code}",
            occasion=Occasion.FAILED,
            at=newest.finished or newest.started,
            slot=newest.slot,
            attempts=len(over[0]),
            next_attempt=None,
            **_cause(newest),
        )


def _cause(entry: Entry | None) -> dict[str, Any]:
    if entry is None:
        return {}
    title = "It was interrupted" if entry.result is Result.INTERRUPTED else entry.error_title
    return {"error_code": entry.error_code, "error_title": title}


def _made(entry: Entry) -> dict[str, Any]:
    level = entry.proof_level.value if entry.proof_level else ""
    return {"backup": entry.id, "bytes": entry.bytes, "proof": level, "slot": entry.slot}


def _is_open(schedule: str, tries: Iterable[Try]) -> bool:
    """Whether the last thing that was told of a schedule is that something is wrong."""
    own = [one.occasion for one in tries if one.schedule == schedule and one.sent]
    last = next((one for one in reversed(own) if one is not Occasion.SUCCEEDED), None)
    return last is not None and last.is_alarm


def _to_try(
    found: Sequence[Reminder], since: datetime, tries: Sequence[Try], now: datetime
) -> tuple[Reminder, ...]:
    """Those that were not tried a moment ago in vain, nor too often; none while the channel rests."""
    if not _has_rested(_in_vain(tries, since), now):
        return ()
    counted = {one.key: [past for past in tries if past.key == one.key and past.at >= since] for one in found}
    ready = [
        one for one in found if len(counted[one.key]) < MOST_TRIES and _has_rested(counted[one.key], now)
    ]
    return tuple(
        sorted(ready, key=lambda one: len(counted[one.key]))
    )  # one that is refused holds up no other


def _in_vain(tries: Sequence[Try], since: datetime) -> list[Try]:
    """The tries after the last one that was not in vain."""
    tail: list[Try] = []
    for one in reversed(tries):
        if one.sent or one.at < since:
            break
        tail.append(one)
    return tail[::-1]


def _has_rested(tail: Sequence[Try], now: datetime) -> bool:
    past = [one.at for one in tail if one.at <= now]  # a clock that was set back puts nothing off
    return not past or max(past) + RETRY_AFTER[min(len(tail), len(RETRY_AFTER)) - 1] <= now
