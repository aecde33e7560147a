"""Ten years of a schedule in seconds: a computer with a clock that can be set, crashes, and a plain history.

The rules are asked as the window and `run-due` ask them. Beside them stands an oracle that knows the slots
from the calendar alone and what was run from the real time, and says at each tick what must happen.
"""

from __future__ import annotations

import calendar
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from enum import Enum, auto
from functools import cache
from zoneinfo import ZoneInfo

from app.domain.due import Due, DueState, due_slot, overdue_since
from app.domain.history import Entry, Result
from app.domain.proof import ProofLevel
from app.domain.retention import RetentionPlan, RetentionRules, plan_retention
from app.domain.schedule import Schedule
from app.domain.slots import Around, slots_around

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
_LONGEST_HISTORY, _RECENT = 120, 40
RETRIES = [timedelta(minutes=minutes) for minutes in (1, 5, 15, 60)]


class Fate(Enum):
    """What becomes of an attempt."""

    GOOD = auto()
    NOT_PROVEN = auto()
    """The backup is made, and its proof fails."""
    FAILS = auto()
    CANCELLED = auto()
    KILLED_BEFORE = auto()
    """The process dies before it has written anything."""
    KILLED_DURING = auto()
    """It leaves a partial folder, which the next attempt finds."""
    KILLED_AFTER = auto()
    """The backup is published, and the history does not know of it yet."""


# --- the calendar, read without cronsim


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_GAP = 9 * 366 * DAY
"""Longer than leap days are apart, also where a century has none."""


@cache
def slots_of(cron: str, zone: str, number: int) -> tuple[datetime, ...]:
    """Every slot of a stretch of time, in UTC, by the rules of Debian's crontab(5) and cron(8)."""
    info, start, end = (
        ZoneInfo(zone),
        _EPOCH + number * _stretch(cron),
        _EPOCH + (number + 1) * _stretch(cron),
    )
    find = _real_times if _is_real(cron) else _clock_times
    return tuple(sorted({at for at in find(cron, info, start, end) if start <= at < end}))


def _is_real(cron: str) -> bool:
    minute, hour, *_ = cron.split()
    return minute.startswith("*") or hour.startswith("*")


@cache
def _stretch(cron: str) -> timedelta:
    return DAY if _is_real(cron) else 32 * DAY


def _real_times(cron: str, zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[datetime]:
    """`*` in minute or hour: every moment at which the clock shows what was asked for."""
    minutes, hours = (_numbers(text, end) for text, end in zip(cron.split(), (60, 24), strict=False))
    quarters = {minute % 15 for minute in minutes}  # clocks are apart by quarters of an hour
    at = start
    while at < end:
        for rest in quarters:
            local = (at + rest * MINUTE).astimezone(zone)
            if local.minute in minutes and local.hour in hours and _is_day(cron, local.date()):
                yield at + rest * MINUTE
        at += 15 * MINUTE


def _clock_times(cron: str, zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[datetime]:
    """Fixed times: once each, the first of two, and after the gap for one that clocks skip."""
    minutes, hours = (_numbers(text, end) for text, end in zip(cron.split(), (60, 24), strict=False))
    day = start.date() - 3 * DAY
    while day < end.date() + 3 * DAY:
        if _is_day(cron, day):
            for hour in hours:
                for minute in minutes:
                    yield _first_moment(datetime(day.year, day.month, day.day, hour, minute), zone)
        day += DAY


def _first_moment(wanted: datetime, zone: ZoneInfo) -> datetime:
    at = wanted.replace(tzinfo=zone).astimezone(UTC)
    if at.astimezone(zone).replace(tzinfo=None) == wanted:
        return at
    before = wanted.replace(tzinfo=zone).utcoffset()  # of before the gap, so that `at` lies after it
    early, late = at - 2 * DAY, at
    while late - early > timedelta(seconds=1):
        middle = early + (late - early) / 2
        early, late = (middle, late) if middle.astimezone(zone).utcoffset() == before else (early, middle)
    return late.replace(microsecond=0)


def _is_day(cron: str, day: date) -> bool:
    _, _, days, months, weekdays = cron.split()
    last = calendar.monthrange(day.year, day.month)[1]
    fits = [
        days == "*" or (day.day == last if days == "L" else day.day in _numbers(days, 32)),
        weekdays == "*" or day.isoweekday() % 7 in {number % 7 for number in _numbers(weekdays, 8)},
    ]
    is_both = days.startswith("*") or weekdays.startswith("*")
    return (months == "*" or day.month in _numbers(months, 13)) and (all(fits) if is_both else any(fits))


def _numbers(text: str, end: int) -> set[int]:
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        low, _, high = span.partition("-")
        numbers = range(end) if low == "*" else range(int(low), int(high or low) + 1)
        found.update(numbers[:: int(step or 1)])
    return found


def newest_slot(schedule: Schedule, now: datetime) -> datetime | None:
    """The newest slot at or before a moment."""
    stretch = _stretch(schedule.cron)
    here = (now - _EPOCH) // stretch
    for number in range(here, here - _LONGEST_GAP // stretch, -1):
        slots = slots_of(schedule.cron, schedule.zone, number)
        if place := bisect_right(slots, now):
            return slots[place - 1]
    return None


def slot_after(schedule: Schedule, moment: datetime) -> datetime:
    """The first slot later than a moment."""
    stretch = _stretch(schedule.cron)
    here = (moment - _EPOCH) // stretch
    for number in range(here, here + _LONGEST_GAP // stretch):
        slots = slots_of(schedule.cron, schedule.zone, number)
        if (place := bisect_right(slots, moment)) < len(slots):
            return slots[place]
    raise AssertionError("it never comes")


def slots_between(schedule: Schedule, after: datetime, until: datetime) -> list[datetime]:
    """The slots after one moment, up to and with another."""
    found: list[datetime] = []
    stretch = _stretch(schedule.cron)
    for number in range((after - _EPOCH) // stretch, (until - _EPOCH) // stretch + 1):
        slots = slots_of(schedule.cron, schedule.zone, number)
        found += slots[bisect_right(slots, after) : bisect_right(slots, until)]
    return found


# --- retention, read from the words of the rules


def plainly_kept(backups: list[Entry], rules: RetentionRules, zone: ZoneInfo, now: datetime) -> set[str]:
    """The ids of the backups that stay, from the sentences in `domain.retention`, rule by rule."""
    there = [one for one in backups if one.result is Result.SUCCEEDED and not one.missing]
    if rules == RetentionRules():
        return {one.id for one in there}  # without any rule all are kept
    there.sort(key=lambda one: (one.started, one.id))
    good = [one for one in there if not one.proof_failure and one.kind != "safety"]
    firm = {one.id for one in there if one.pinned}  # pins
    if good:
        strength = {None: 0, ProofLevel.SEALED: 1, ProofLevel.COMPLETE: 2, ProofLevel.PROVEN: 3}
        highest = max(strength[one.proof_level] for one in good)
        firm.add(good[-1].id)  # the newest good one
        firm.add([one for one in good if strength[one.proof_level] == highest][-1].id)
    for one in there:
        is_young = now - one.started <= timedelta(days=30)
        if one.kind == "safety":  # kept for 30 days, and then removed
            firm |= {one.id} if is_young else set()
        elif one.proof_failure:  # 30 days, for somebody to look into it; longer until a good one is newer
            is_newest = not good or (good[-1].started, good[-1].id) <= (one.started, one.id)
            firm |= {one.id} if is_young or is_newest else set()
    numbers = {
        "%Y-%m-%d %H %z": rules.hourly,
        "%Y-%m-%d": rules.daily,
        "%G week %V": rules.weekly,
        "%Y-%m": rules.monthly,
        "%Y": rules.yearly,
    }
    asked = {one.id for one in _end_of(good, rules.last)}
    for name, number in numbers.items():
        last_of: dict[str, Entry] = {}  # the newest of each period that has one
        for one in good:
            last_of[one.started.astimezone(zone).strftime(name)] = one
        periods = sorted(last_of.values(), key=lambda one: (one.started, one.id))
        asked |= {one.id for one in _end_of(periods, number)}
    if not rules.last and not any(numbers.values()):
        asked = {one.id for one in good}  # no rule asks for a number
    if rules.max_age_days:  # none that is older, whatever the other rules say
        oldest = now - timedelta(days=rules.max_age_days)
        asked = {one.id for one in good if one.id in asked and one.started >= oldest}
    kept = firm | asked
    if rules.max_total_bytes:  # the oldest go until all together are no larger
        for one in there:
            total = sum(other.bytes for other in there if other.id in kept)
            if total > rules.max_total_bytes and one.id not in firm:
                kept.discard(one.id)
    return kept


def _end_of(entries: list[Entry], number: int) -> list[Entry]:
    return entries[-number:] if number else []


# --- the computer


@dataclass(frozen=True)
class Attempt:
    """What the oracle knows of one attempt.

    Attributes:
        shown: what the clock showed when it began and, unless nothing tells of that, when it ended.
        ended: on a clock that nobody sets; None when nothing tells of its end.
        began: likewise.
        jumps: how often the clock had been set by then.
        is_over: it settles its slot.
    """

    shown: tuple[datetime, ...]
    began: timedelta
    ended: timedelta | None
    jumps: int
    is_over: bool


@dataclass
class Computer:
    """A computer with one schedule.

    Attributes:
        schedule: as the settings have it.
        now: what its clock shows.
        rules: what is kept; applied after each good backup.
        duration: how long an attempt takes.
        is_open: conditions are met, its folder is there.
        counts: what happened how often, for a test to look at.
    """

    schedule: Schedule
    now: datetime
    rules: RetentionRules = field(default_factory=RetentionRules)
    duration: timedelta = timedelta(seconds=20)
    is_open: bool = True
    paused_until: datetime | None = None
    history: list[Entry] = field(default_factory=list)
    ran: list[datetime] = field(default_factory=list)
    overdue: bool = False
    _real: timedelta = timedelta()
    _jumps: int = 0
    _attempts: dict[datetime, list[Attempt]] = field(default_factory=dict)
    _unlearned: list[Entry] = field(default_factory=list)
    _around: Around | None = None
    _free_since: timedelta = timedelta()
    _number: int = 0

    # what happens to it

    def wake_for(self, time: timedelta, fate: Fate = Fate.GOOD, *, each_minute: bool = False) -> None:
        """Tick for a while; moments at which `Due` says that nothing happens are passed over."""
        end = self._real + time
        self._free_since = max(self._free_since, self._real)
        while self._real < end:
            due = self.tick(fate)
            step = MINUTE if each_minute else self._step_to(due)
            self._pass(min(step, max(end - self._real, MINUTE)))

    def sleep_for(self, time: timedelta) -> None:
        """A closed lid, or a computer that is off."""
        self._pass(time)
        self._free_since = self._real

    def set_clock(self, by: timedelta) -> None:
        """Set the clock, forward or back."""
        self.now += by
        self._jumps += 1
        self._free_since = self._real

    def set_open(self, is_open: bool) -> None:
        """The folder comes and goes; power, network or server likewise."""
        self._free_since = self._real if is_open and not self.is_open else self._free_since
        self.is_open = is_open

    def pause(self, time: timedelta) -> None:
        """Pause everything, or go on with nothing."""
        self.paused_until = self.now + time if time else None
        self._free_since = self._real

    def edit(self, **changes: object) -> None:
        """Change the schedule as the user does."""
        self.schedule = replace(self.schedule, **changes).revised(self.schedule, self.now)  # type: ignore[arg-type]
        self._around = self._around if self._number % 2 else None
        self._free_since = self._real

    def back_up_by_hand(self) -> None:
        """The user makes a good backup."""
        self.history.append(self._entry(None, self.now, Result.SUCCEEDED, self.now + self.duration))

    def rot(self, number: int) -> None:
        """A backup turns out to be damaged."""
        kept = [one for one in self.history if one.result is Result.SUCCEEDED and not one.missing]
        if kept:
            bad = kept[number % len(kept)]
            self.history[self.history.index(bad)] = replace(bad, proof_failure="a file was changed")

    # a tick, as the window and `run-due` do it

    def tick(self, fate: Fate) -> Due:
        """Look whether anything is due, and run it."""
        due = self._due()
        if self._unlearned and due.state is DueState.DUE and self.is_open:
            self.history += self._unlearned  # as each run begins: partial folders and folders are read
            self._unlearned = []
            due = self._due()
        if not self._unlearned:
            self._check_due(due)
        self._check_overdue()
        if due.state is DueState.DUE and due.slot is not None and self.is_open:
            self._check_is_in_time(due)
            self._run(due.slot, fate)
            after = self._due()
            self._check_overdue()
            if fate is not Fate.KILLED_BEFORE and not self._unlearned:
                assert after.state is not DueState.DUE or after.slot != due.slot
            return after
        return due

    def _due(self) -> Due:
        self._around = slots_around(self.schedule, self.now, self._around)
        around = self._around if self._number % 3 else None  # it must make no difference
        return due_slot(self.schedule, self.history, self.now, self.paused_until, around)

    def _run(self, slot: datetime, fate: Fate) -> None:
        started, began = self.now, self._real
        self.ran.append(slot)
        if fate is Fate.KILLED_BEFORE:
            self._free_since = self._real
            return
        self._pass(self.duration)
        is_over = fate in (Fate.GOOD, Fate.NOT_PROVEN, Fate.CANCELLED, Fate.KILLED_AFTER)
        ended = None if fate is Fate.KILLED_DURING else self._real
        attempts = self._attempts.setdefault(slot, [])
        assert not any(one.is_over for one in attempts), f"{slot} ran twice"
        assert len(attempts) <= len(RETRIES)
        shown = (started,) if ended is None else (started, self.now)
        attempts.append(Attempt(shown, began, ended, self._jumps, is_over))
        match fate:
            case Fate.KILLED_DURING:
                self._unlearned.append(self._entry(slot, started, Result.INTERRUPTED, None))
            case Fate.KILLED_AFTER:
                self._unlearned.append(self._entry(slot, started, Result.SUCCEEDED, self.now))
            case Fate.FAILS | Fate.CANCELLED:
                result = Result.FAILED if fate is Fate.FAILS else Result.CANCELLED
                self.history.append(self._entry(slot, started, result, self.now))
            case Fate.GOOD | Fate.NOT_PROVEN:
                made = self._entry(slot, started, Result.SUCCEEDED, self.now)
                failure = "TABLE a differs" if fate is Fate.NOT_PROVEN else ""
                self.history.append(replace(made, proof_failure=failure))
                if fate is Fate.GOOD:
                    self._prune()

    def _entry(
        self, slot: datetime | None, started: datetime, result: Result, finished: datetime | None
    ) -> Entry:
        self._number += 1
        levels = (ProofLevel.COMPLETE, ProofLevel.PROVEN, ProofLevel.COMPLETE, ProofLevel.SEALED)
        return Entry(
            id=f"{self._number:06}",
            project="Shop",
            started=started,
            result=result,
            finished=finished,
            kind="scheduled" if slot else "manual",
            schedule=self.schedule.id if slot else "",
            slot=slot,
            proof_level=levels[self._number % 4],
            bytes=100 + self._number % 7,
        )

    def _prune(self) -> None:
        if self.rules.is_off:
            return
        zone = ZoneInfo(self.schedule.zone)
        own = [one for one in self.history if one.schedule == self.schedule.id and not one.missing]
        plan = plan_retention(own, self.rules, zone, self.now)
        check_plan(plan, own, self.rules, zone, self.now)
        gone = {one.id for one in plan.removed}
        self.history = [replace(one, missing=True) if one.id in gone else one for one in self.history]
        assert plan_retention(plan.kept, self.rules, zone, self.now).removed == ()
        if len(self.history) > _LONGEST_HISTORY:  # of old ones that are gone nothing is asked any more
            old = [one for one in self.history[:-_RECENT] if not one.missing]
            self.history = old + self.history[-_RECENT:]

    # the oracle

    def _check_due(self, due: Due) -> None:
        found = (due.state, due.slot if due.attempt else None, due.attempt)
        allowed = self._allowed()
        assert found in allowed, f"{self.now}: {due}, and not one of {allowed}"

    def _allowed(self) -> set[tuple[DueState, datetime | None, int]]:
        schedule, now = self.schedule, self.now
        if not schedule.enabled:
            return {(DueState.OFF, None, 0)}
        if any(until is not None and until > now for until in (self.paused_until, schedule.paused_until)):
            return {(DueState.PAUSED, None, 0)}
        newest = newest_slot(schedule, now)
        if newest is None or newest <= schedule.since:
            return {(DueState.IDLE, None, 0)}
        allowed = self._allowed_for(newest)
        if now < self._starts_by(newest):
            before = newest_slot(schedule, newest - timedelta(microseconds=1))
            if before is None or before <= schedule.since:
                allowed = allowed | {(DueState.IDLE, None, 0)}
            else:
                allowed = allowed | self._allowed_for(before)
        return allowed

    def _allowed_for(self, slot: datetime) -> set[tuple[DueState, datetime | None, int]]:
        attempts = self._attempts.get(slot, [])
        number = len(attempts) + 1
        if any(one.is_over for one in attempts):
            return {(DueState.IDLE, None, 0)}
        if not attempts:
            return {(DueState.DUE, slot, 1)}
        if len(attempts) > len(RETRIES):
            return {(DueState.GAVE_UP, None, 0)}
        last, delay = attempts[-1], RETRIES[len(attempts) - 1]
        passed = self._real - (last.began if last.ended is None else last.ended)
        due, later = (DueState.DUE, slot, number), (DueState.RETRYING, slot, number)
        if any(one.jumps != self._jumps for one in attempts):  # the clock was set between
            seen = [slot, *(at for one in attempts for at in one.shown)]
            may_wait = passed < delay or any(self.now - delay < at <= self.now for at in seen)
            return {due, later} if may_wait else {due}
        return {due} if passed >= delay else {later}

    def _starts_by(self, slot: datetime) -> datetime:
        """Its jitter is over by then."""
        gap = slot_after(self.schedule, slot) - slot
        return slot + min(timedelta(seconds=self.schedule.jitter_seconds), gap / 2)

    def _check_is_in_time(self, due: Due) -> None:
        """Since it could have been run no more than a tick has passed."""
        assert due.slot is not None
        attempts = self._attempts.get(due.slot, [])
        if any(one.jumps != self._jumps for one in attempts):
            return
        free = self._real - self._free_since
        if self.paused_until is not None:
            free = min(free, self.now - self.paused_until)
        waited = self.now - self._starts_by(due.slot)
        if attempts:
            last = attempts[-1]
            waited = self._real - (last.began if last.ended is None else last.ended)
            waited -= RETRIES[len(attempts) - 1]
        assert min(free, waited) <= MINUTE + self.duration, f"{due} was left for {min(free, waited)}"

    def _check_overdue(self) -> None:
        schedule, now = self.schedule, self.now
        good = [
            one.started
            for one in self.history
            if one.result is Result.SUCCEEDED
            and not one.proof_failure
            and not one.missing
            and one.schedule in ("", schedule.id)
            and one.started <= now
        ]
        last = max(good, default=None)
        since = overdue_since(schedule, last)
        self.overdue = since is not None and since <= now
        if not schedule.enabled:
            assert since is None
            return
        slot = slot_after(schedule, max([schedule.since, *([last] if last else [])]))
        patience = min((slot_after(schedule, slot) - slot) / 2, DAY)
        retries = sum(RETRIES, timedelta()) + timedelta(seconds=schedule.jitter_seconds)
        assert since == slot + patience + retries

    # its time

    def _pass(self, time: timedelta) -> None:
        self.now += time
        self._real += time

    def _step_to(self, due: Due) -> timedelta:
        """To the first tick, one a minute, at which `due` says that something happens."""
        if due.state is DueState.OFF:
            return DAY
        if due.state is DueState.DUE:
            return MINUTE if self.is_open else 7 * MINUTE
        assert due.at is not None
        if due.state is not DueState.PAUSED:
            assert due.at <= self._starts_by(slot_after(self.schedule, self.now)), f"{due} passes over a slot"
        return MINUTE * max(1, -((self.now - due.at) // MINUTE))


def check_plan(
    plan: RetentionPlan, backups: list[Entry], rules: RetentionRules, zone: ZoneInfo, now: datetime
) -> None:
    """It keeps what a plain reading says, and never the last good one is removed, nor the best proven."""
    kept, removed = {one.id for one in plan.kept}, {one.id for one in plan.removed}
    assert not kept & removed
    assert kept == plainly_kept(backups, rules, zone, now)
    good = [
        one
        for one in backups
        if one.result is Result.SUCCEEDED and one.is_good and not one.missing and one.kind != "safety"
    ]
    if good:
        assert max(good, key=lambda one: (one.started, one.id)).id in kept
        best = max(one.proof_level.rank if one.proof_level else -1 for one in good)
        assert any(
            one.id in kept for one in good if (one.proof_level.rank if one.proof_level else -1) == best
        )


def clock_changes(zone: str, start: datetime, end: datetime) -> tuple[datetime, ...]:
    """The moments in UTC at which a zone's clocks change, to the minute."""
    info, found, at = ZoneInfo(zone), [], start
    while at < end:
        following = at + 7 * DAY
        offset = at.astimezone(info).utcoffset()
        if following.astimezone(info).utcoffset() != offset:
            early, late = at, following
            while late - early > timedelta(seconds=1):
                middle = early + (late - early) / 2
                is_before = middle.astimezone(info).utcoffset() == offset
                early, late = (middle, late) if is_before else (early, middle)
            found.append(late.replace(microsecond=0))
        at = following
    return tuple(found)
