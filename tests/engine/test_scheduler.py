"""What is due is told from the catalog alone, for rhythms from minutes to leap days."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.domain.due import DueState
from app.domain.history import Entry, Result
from app.domain.schedule import Schedule
from app.domain.slots import Around
from app.engine.scheduler import due_runs, schedule_healths
from app.persistence.catalog import Catalog
from app.persistence.settings import Settings

LEAP_DAY = datetime(2028, 2, 29, 3, tzinfo=UTC)
LEAP = Schedule("leap", "Shop", "0 3 29 2 *", "UTC", datetime(2026, 1, 1, tzinfo=UTC))
DAILY = Schedule("daily", "Shop", "30 2 * * *", "UTC", datetime(2026, 1, 1, tzinfo=UTC))
YEARLY = Schedule("yearly", "Shop", "0 4 1 1 *", "UTC", datetime(2026, 1, 1, tzinfo=UTC))


def run(schedule: Schedule, slot: datetime) -> Entry:
    return Entry(
        id=f"{schedule.id}-{slot:%Y%m%d}",
        project="Shop",
        started=slot,
        result=Result.SUCCEEDED,
        finished=slot + timedelta(minutes=1),
        kind="scheduled",
        destination="/backups",
        schedule=schedule.id,
        slot=slot,
    )


def due(catalog: Catalog, now: datetime, *schedules: Schedule) -> list[datetime | None]:
    settings = Settings(schedules=schedules)
    return [one.due.slot for one in due_runs(settings, catalog, now, lambda _: True)]


@pytest.mark.parametrize("years", [1, 2, 3.9])
def test_a_slot_of_a_leap_day_runs_once_though_the_next_one_comes_in_years(
    tmp_path: Path, years: float
) -> None:
    now = LEAP_DAY + timedelta(days=365 * years)
    with Catalog(tmp_path / "c.sqlite3") as catalog:
        assert due(catalog, now, LEAP) == [LEAP_DAY]
        catalog.record(run(LEAP, LEAP_DAY))
        assert due(catalog, now, LEAP) == []


def test_a_project_with_a_daily_and_a_yearly_schedule_is_well_all_the_year(tmp_path: Path) -> None:
    now = datetime(2027, 9, 1, 12, tzinfo=UTC)
    with Catalog(tmp_path / "c.sqlite3") as catalog:
        catalog.record(run(YEARLY, datetime(2027, 1, 1, 4, tzinfo=UTC)))
        for day in range(1, 100):
            catalog.record(run(DAILY, datetime(2027, 9, 1, 2, 30, tzinfo=UTC) - timedelta(days=day - 1)))
        settings = Settings(schedules=(DAILY, YEARLY))
        for health in schedule_healths(settings, catalog, now, lambda _: True):
            assert (health.due.state, health.overdue_since) == (DueState.IDLE, None)


def test_slots_that_are_remembered_between_two_ticks_change_nothing(tmp_path: Path) -> None:
    settings, known = Settings(schedules=(DAILY, YEARLY)), dict[str, Around]()
    with Catalog(tmp_path / "c.sqlite3") as catalog:
        for hours in range(0, 24 * 40, 7):
            now = datetime(2027, 12, 10, tzinfo=UTC) + timedelta(hours=hours)
            remembered = due_runs(settings, catalog, now, lambda _: True, known)
            assert remembered == due_runs(settings, catalog, now, lambda _: True)
            for one in remembered:
                assert one.due.slot is not None
                catalog.record(run(one.schedule, one.due.slot))
