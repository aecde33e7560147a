from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.domain.history import Entry, Result
from app.domain.schedule import Schedule
from app.domain.strip import CellState, DayCell, strip_of

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 22, 14, tzinfo=UTC)
TODAY = date(2026, 11, 22)
DAILY = Schedule("s1", "Shop", "30 2 * * *", "Europe/Berlin", datetime(2026, 1, 1, tzinfo=UTC))
HOURLY = replace(DAILY, id="s2", cron="0 * * * *")


def run(back: int, hour: float, result: Result = Result.SUCCEEDED, **changes: object) -> Entry:
    """An attempt so many days ago, at a local hour."""
    local = datetime.combine(TODAY - timedelta(days=back), datetime.min.time(), BERLIN) + timedelta(
        hours=hour
    )
    plain = Entry(f"{back}-{hour}", "Shop", local.astimezone(UTC), result)
    return replace(plain, **changes)  # type: ignore[arg-type]


def slot(back: int, hour: float = 2.5) -> datetime:
    return run(back, hour).started


def states(
    entries: list[Entry], schedules: tuple[Schedule, ...] = (), days: int = 4, **options: bool
) -> list[str]:
    return [cell.state for cell in strip_of(entries, schedules, NOW, BERLIN, days, **options)]


def test_thirty_days_end_today() -> None:
    cells = strip_of([], (), NOW, BERLIN)
    assert len(cells) == 30
    assert cells[-1] == DayCell(TODAY, CellState.NONE)
    assert cells[0].day == date(2026, 10, 24)


def test_days_are_good_failed_missed_or_empty() -> None:
    runs = [run(3, 2.5), run(2, 2.5, Result.FAILED), run(0, 2.5)]
    assert states(runs, (DAILY,)) == ["good", "failed", "missed", "good"]
    assert states(runs) == ["good", "failed", "none", "good"]
    cell = strip_of(runs, (DAILY,), NOW, BERLIN, 3)[1]
    assert cell.missed_slot == slot(1)
    assert strip_of(runs, (DAILY,), NOW, BERLIN, 3)[0].shown == runs[1]


def test_the_worst_of_a_day_wins_unless_a_later_run_was_good() -> None:
    failed, good = run(0, 2.5, Result.FAILED), run(0, 5)
    assert states([failed, good], days=1) == ["good"]
    assert states([run(0, 1), failed], days=1) == ["failed"]
    assert states([run(0, 1), run(0, 2, Result.INTERRUPTED)], days=1) == ["failed"]
    assert states([run(0, 1, proof_failure="TABLE x differs")], days=1) == ["failed"]
    cell = strip_of([failed, good], (), NOW, BERLIN, 1)[0]
    assert (cell.shown, cell.runs) == (good, 2)


def test_a_cancelled_run_is_no_run() -> None:
    assert states([run(0, 2.5, Result.CANCELLED)], days=1) == ["none"]
    assert states([run(0, 1), run(0, 2, Result.CANCELLED)], days=1) == ["good"]
    cancelled = run(0, 2.5, Result.CANCELLED, schedule="s1", slot=slot(0))
    assert states([cancelled], (DAILY,), days=1) == ["missed"]


def test_a_backup_that_was_removed_later_was_good_on_its_day() -> None:
    assert states([run(0, 1, missing=True)], days=1) == ["good"]


def test_today_is_not_missed_before_its_retries_are_over_nor_before_the_schedule_began() -> None:
    soon = replace(DAILY, cron="0 14 * * *")  # 14:00 in Berlin; it is 15:00, retries end at 15:21
    assert states([], (soon,), days=2) == ["missed", "none"]
    assert states([], (replace(soon, cron="30 13 * * *"),), days=1) == ["missed"]
    assert states([], (replace(DAILY, since=slot(1)),), days=3) == ["none", "none", "missed"]
    assert states([], (replace(DAILY, enabled=False),), days=2) == ["none", "none"]


def test_slots_that_were_slept_through_are_missed_unless_a_later_run_of_the_day_was_good() -> None:
    morning = [run(1, hour, schedule="s2", slot=slot(1, hour)) for hour in range(5)]
    assert states(morning, (HOURLY,), days=2)[0] == "missed"
    assert states([*morning, run(1, 23, schedule="s2", slot=slot(1, 23))], (HOURLY,), days=2)[0] == "good"


def test_a_run_that_a_retry_moved_past_midnight_belongs_to_its_slot_and_a_catch_up_to_its_own_day() -> None:
    late = replace(DAILY, cron="59 23 * * *")
    after_midnight = run(1, 0.1, schedule="s1", slot=slot(2, 23 + 59 / 60))
    assert states([after_midnight], (late,)) == ["missed", "good", "missed", "none"]
    catch_up = run(0, 9, schedule="s1", slot=slot(1))
    assert states([catch_up], (DAILY,), days=2) == ["missed", "good"]


def test_a_backup_by_hand_serves_the_slot_before_it_and_another_schedule_does_not() -> None:
    assert states([run(1, 9)], (DAILY,), days=2)[0] == "good"
    assert states([run(1, 9, schedule="s9", slot=slot(1, 9))], (DAILY,), days=2)[0] == "missed"


def test_a_running_backup_shows_today() -> None:
    assert states([run(0, 1)], days=2, is_running=True) == ["none", "running"]


@pytest.mark.parametrize("now", [datetime(2026, 3, 29, 12), datetime(2026, 10, 25, 12)])
def test_days_of_clock_changes_are_one_cell_each(now: datetime) -> None:
    now = now.replace(tzinfo=UTC)
    cells = strip_of([], (replace(DAILY, cron="30 2 * * *"),), now, BERLIN, 3)
    assert [cell.day.day for cell in cells] == [now.day - 2, now.day - 1, now.day]
    assert [cell.state for cell in cells] == [CellState.MISSED] * 3
