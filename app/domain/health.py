"""How a project stands: values that a front end puts into words.

Everything is told from the history, the schedules and `now`; nothing is stored that could be out of date.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum

from app.domain.due import Due, DueState, Waiting, counts_for, due_slot, overdue_since
from app.domain.history import Entry, Result
from app.domain.schedule import Schedule
from app.domain.strip import STRIP_DAYS, DayCell, strip_of

PROOF_DAYS = 35
"""A project whose last proof is older wants attention: weekly proofs, and a month of patience."""


class State(StrEnum):
    """How a project stands, worst first; the order is that of the health line."""

    OVERDUE = "overdue"
    """A schedule has been without a good backup for longer than it may be."""
    FAILED = "failed"
    """The last attempt failed, or the last backup turned out not to be good."""
    NEVER = "never"
    """There is no good backup."""
    ATTENTION = "attention"
    """There are good backups, but none that is proven, or the last proof is long ago."""
    WAITING = "waiting"
    """A slot is due and a condition is not met."""
    PAUSED = "paused"
    """All schedules are paused or switched off."""
    GOOD = "good"

    @property
    def rank(self) -> int:
        """Position in the order of urgency, the most urgent being 0."""
        return list(State).index(self)


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a project is not well: the error of its last attempt, or the proof that failed.

    Attributes:
        result: how the attempt ended: failed or interrupted, or succeeded where its proof failed.
        code: an `ErrorCode`; empty for a bug, an interruption and a failed proof.
        title, detail: as they were recorded.
        since: when the first of the failures in a row was.
        failures: how many there are in a row.
        is_old: it is an old backup that turned out to be damaged; newer ones are good.
    """

    result: Result
    code: str
    title: str
    detail: str
    since: datetime
    failures: int
    is_old: bool = False

    @property
    def is_proof(self) -> bool:
        """True when the backup was made, but turned out not to be good."""
        return self.result is Result.SUCCEEDED


@dataclass(frozen=True, slots=True)
class ScheduleHealth:
    """How one schedule stands: what comes next, what it waits for, since when it is overdue."""

    schedule: Schedule
    due: Due
    waiting: tuple[Waiting, ...]
    overdue_since: datetime | None


@dataclass(frozen=True, slots=True)
class Health:
    """How a project stands.

    Attributes:
        project: its name.
        state: the worst that is true of it, whether something runs or not.
        is_running: one of its backups is being made now.
        cause: why it is failed or overdue, if anything is known.
        last_good: the newest good backup that is still there; safety backups do not count.
        last_proven: the newest that is proven as well.
        overdue_since: the first of its schedules that is overdue has been so since then.
        schedules: each schedule of the project.
        next_at: the next slot or attempt of any schedule.
        strip: the last 30 days, oldest first.
    """

    project: str
    state: State
    is_running: bool
    cause: Cause | None
    last_good: Entry | None
    last_proven: Entry | None
    overdue_since: datetime | None
    schedules: tuple[ScheduleHealth, ...]
    next_at: datetime | None
    strip: tuple[DayCell, ...]


def project_health(
    project: str,
    entries: Iterable[Entry],
    schedules: Iterable[Schedule],
    now: datetime,
    *,
    zone: tzinfo,
    running_since: datetime | None = None,
    waiting: dict[str, tuple[Waiting, ...]] | None = None,
    paused_until: datetime | None = None,
    rotted: Iterable[Entry] = (),
) -> Health:
    """Tell how a project stands.

    Args:
        project: its name.
        entries: what `Catalog.recent` gives: all of the strip's days, the last good one and the last
            proven one; those of other projects are passed over.
        schedules: of any project.
        now: in UTC.
        zone: whose days the strip has.
        running_since: when the backup that runs now began.
        waiting: for each schedule's id the conditions that are not met.
        paused_until: of all schedules.
        rotted: what `Catalog.rotted` gives: backups of any project that lately were found damaged.
    """
    history = sorted(
        (entry for entry in entries if entry.project == project),
        key=lambda entry: (entry.started, entry.id),
        reverse=True,
    )
    own = [schedule for schedule in schedules if schedule.project == project]
    regular = [entry for entry in history if not entry.is_safety]
    good = [entry for entry in regular if entry.is_good and not entry.missing]
    standing = tuple(
        _schedule_health(schedule, regular, now, paused_until, (waiting or {}).get(schedule.id, ()))
        for schedule in own
    )
    overdue = [one.overdue_since for one in standing if one.overdue_since is not None]
    last_proven = next((entry for entry in good if entry.is_proven), None)
    cause = _cause(regular) or _rot(entry for entry in rotted if entry.project == project)
    return Health(
        project=project,
        state=_state(cause, good[0] if good else None, last_proven, standing, now),
        is_running=running_since is not None,
        cause=cause,
        last_good=good[0] if good else None,
        last_proven=last_proven,
        overdue_since=min(overdue, default=None),
        schedules=standing,
        next_at=min((one.due.at for one in standing if one.due.at is not None), default=None),
        strip=strip_of(regular, own, now, zone, STRIP_DAYS, is_running=running_since is not None),
    )


def _schedule_health(
    schedule: Schedule,
    regular: Sequence[Entry],
    now: datetime,
    paused_until: datetime | None,
    waiting: tuple[Waiting, ...],
) -> ScheduleHealth:
    good = (
        entry.started
        for entry in regular
        if counts_for(schedule, entry) and not entry.missing and entry.started <= now
    )
    since = overdue_since(schedule, next(good, None))
    due = due_slot(schedule, regular, now, paused_until)
    return ScheduleHealth(
        schedule,
        due,
        waiting if due.state is DueState.DUE else (),
        since if since is not None and since <= now else None,
    )


def _state(
    cause: Cause | None,
    last_good: Entry | None,
    last_proven: Entry | None,
    schedules: tuple[ScheduleHealth, ...],
    now: datetime,
) -> State:
    if any(one.overdue_since for one in schedules):
        return State.OVERDUE
    if cause is not None:
        return State.FAILED
    if last_good is None:
        return State.NEVER
    if last_proven is None or now - last_proven.started > timedelta(days=PROOF_DAYS):
        return State.ATTENTION
    if any(one.waiting for one in schedules):
        return State.WAITING
    if schedules and all(one.due.state in (DueState.OFF, DueState.PAUSED) for one in schedules):
        return State.PAUSED
    return State.GOOD


def _rot(rotted: Iterable[Entry]) -> Cause | None:
    """That old backups are damaged, though the last one is good."""
    found = sorted(rotted, key=lambda entry: entry.started)
    if not found:
        return None
    title, since = found[-1].proof_failure, found[0].started
    return Cause(Result.SUCCEEDED, "", title, "", since, len(found), is_old=True)


def _cause(regular: Sequence[Entry]) -> Cause | None:
    """What the last attempt failed of; None when it was good. A cancelled one says nothing."""
    failures: list[Entry] = []
    for entry in regular:
        if entry.is_good:
            break
        if entry.result is not Result.CANCELLED and not entry.missing:
            failures.append(entry)
    if not failures:
        return None
    last, since = failures[0], failures[-1].started
    title = last.proof_failure or last.error_title
    return Cause(last.result, last.error_code, title, last.error_detail, since, len(failures))
