"""The last 30 days of a project at a glance: one cell a day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum

from app.domain.due import CATCH_UP_AFTER, RETRY_SPAN
from app.domain.history import Entry, Result
from app.domain.schedule import Schedule
from app.domain.slots import last_slot

STRIP_DAYS = 30


class CellState(StrEnum):
    """What a day was like."""

    GOOD = "good"
    FAILED = "failed"
    MISSED = "missed"
    """A slot had no run at its time."""
    NONE = "none"
    """Nothing was scheduled, and nothing done."""
    RUNNING = "running"


@dataclass(frozen=True, slots=True)
class DayCell:
    """One day of the strip, with what its tooltip says.

    Attributes:
        day: the local date.
        state: the worst of the day, unless a later run of that day was good.
        shown: the run that decides: the last good one or the last that failed; None where there is none.
        runs: attempts of that day.
        missed_slot: the slot that had no run, in UTC.
    """

    day: date
    state: CellState
    shown: Entry | None = None
    runs: int = 0
    missed_slot: datetime | None = None


def strip_of(
    entries: Iterable[Entry],
    schedules: Sequence[Schedule],
    now: datetime,
    zone: tzinfo,
    days: int = STRIP_DAYS,
    *,
    is_running: bool = False,
) -> tuple[DayCell, ...]:
    """The cells of the last `days` local days, the oldest first, today last.

    A run belongs to the day of its slot, so that one that jitter or a retry moved past midnight does not
    leave a gap; a catch-up belongs to the day on which it ran, and the day before stays missed.

    Args:
        entries: of one project, without safety backups.
        schedules: of the same project; those that are switched off miss nothing.
        now: in UTC.
        zone: whose days they are.
        is_running: a backup runs now.
    """
    today = now.astimezone(zone).date()
    by_day: dict[date, list[Entry]] = {}
    for entry in sorted(entries, key=lambda one: (one.started, one.id)):
        by_day.setdefault(_moment(entry).astimezone(zone).date(), []).append(entry)
    cells = []
    for back in range(days - 1, -1, -1):
        day = today - timedelta(days=back)
        runs = by_day.get(day, [])
        cell = _cell(day, runs, _unserved(day, runs, schedules, now, zone))
        if is_running and day == today:
            cell = DayCell(day, CellState.RUNNING, cell.shown, cell.runs, cell.missed_slot)
        cells.append(cell)
    return tuple(cells)


def _cell(day: date, runs: list[Entry], missed: datetime | None) -> DayCell:
    done = [entry for entry in runs if entry.result is not Result.CANCELLED]
    if done and not done[-1].is_good:
        return DayCell(day, CellState.FAILED, done[-1], len(runs), missed)
    shown = done[-1] if done else None
    if missed is not None:
        return DayCell(day, CellState.MISSED, shown, len(runs), missed)
    return DayCell(day, CellState.GOOD if done else CellState.NONE, shown, len(runs))


def _unserved(
    day: date, runs: list[Entry], schedules: Sequence[Schedule], now: datetime, zone: tzinfo
) -> datetime | None:
    """The last slot of a day that had no run in time, and no later run that day made good for it."""
    begin = datetime.combine(day, time(), zone).astimezone(UTC)
    end = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
    missed = None
    for schedule in schedules:
        if not schedule.enabled:
            continue
        patience = RETRY_SPAN + timedelta(seconds=schedule.jitter_seconds)
        slot = last_slot(schedule, min(end - timedelta(microseconds=1), now - patience))
        if slot is None or slot < begin or slot <= schedule.since:
            continue
        served = any(
            entry.result is not Result.CANCELLED and (entry.slot == slot or entry.started >= slot)
            for entry in runs
            if entry.schedule in ("", schedule.id)
        )
        if not served and (missed is None or slot > missed):
            missed = slot
    return missed


def _moment(entry: Entry) -> datetime:
    """What decides to which day a run belongs."""
    is_in_time = entry.slot is not None and timedelta() <= entry.started - entry.slot <= CATCH_UP_AFTER
    return entry.slot if is_in_time and entry.slot is not None else entry.started
