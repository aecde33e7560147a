from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.schedule import Schedule
from app.domain.slots import ClockChange, last_slot, next_slot, next_slots

NOW = datetime(2026, 11, 22, 15, tzinfo=UTC)


def schedule(cron: str, zone: str = "Europe/Berlin") -> Schedule:
    return Schedule("s", "Shop", cron, zone, NOW)


def shown(cron: str, zone: str, after: datetime, count: int) -> list[tuple[str, str | None]]:
    slots = next_slots(schedule(cron, zone), after, count)
    return [(f"{slot.local:%d %H:%M}", slot.change) for slot in slots]


def test_a_time_that_clocks_skip_comes_after_the_change_and_says_what_was_wanted() -> None:
    slots = next_slots(schedule("30 2 28 * *"), NOW, 5)
    assert [f"{slot.local:%a %d %b %Y %H:%M}" for slot in slots] == [
        "Sat 28 Nov 2026 02:30",
        "Mon 28 Dec 2026 02:30",
        "Thu 28 Jan 2027 02:30",
        "Sun 28 Feb 2027 02:30",
        "Sun 28 Mar 2027 03:00",
    ]
    assert [slot.change for slot in slots] == [None, None, None, None, ClockChange.SKIPPED]
    assert f"{slots[4].wanted:%H:%M}" == "02:30"
    assert slots[4].at == datetime(2027, 3, 28, 1, tzinfo=UTC)
    assert slots[0].wanted == slots[0].local


def test_a_fixed_time_that_comes_twice_counts_once() -> None:
    after = datetime(2026, 10, 24, 12, tzinfo=UTC)
    assert shown("30 2 * * *", "Europe/Berlin", after, 2) == [
        ("25 02:30", ClockChange.FIRST_OF_TWO),
        ("26 02:30", None),
    ]
    between = datetime(2026, 10, 25, 1, 10, tzinfo=UTC)  # 02:10, the second time
    assert shown("30 2 * * *", "Europe/Berlin", between, 1) == [("26 02:30", None)]
    assert last_slot(schedule("30 2 * * *"), between) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_hourly_follows_real_time_through_both_changes() -> None:
    spring, autumn = datetime(2026, 3, 29, 0, 30, tzinfo=UTC), datetime(2026, 10, 24, 23, 30, tzinfo=UTC)
    assert shown("0 * * * *", "Europe/Berlin", spring, 2) == [("29 03:00", None), ("29 04:00", None)]
    assert shown("0 * * * *", "Europe/Berlin", autumn, 3) == [
        ("25 02:00", ClockChange.FIRST_OF_TWO),
        ("25 02:00", ClockChange.SECOND_OF_TWO),
        ("25 03:00", None),
    ]


def test_an_hour_in_whose_midst_clocks_change_by_half_an_hour_keeps_its_slot() -> None:
    caracas = datetime(2016, 5, 1, 6, tzinfo=UTC)  # 02:30 became 03:00
    assert shown("0 * * * *", "America/Caracas", caracas, 3) == [
        ("01 02:00", None),
        ("01 03:00", None),
        ("01 04:00", None),
    ]


def test_two_times_that_clocks_skip_are_one_slot() -> None:
    spring = datetime(2026, 3, 28, 12, tzinfo=UTC)
    assert shown("0,30 2,3 * * *", "Europe/Berlin", spring, 3) == [
        ("29 03:00", ClockChange.SKIPPED),
        ("29 03:30", None),
        ("30 02:00", None),
    ]


def test_a_leap_day_is_waited_for() -> None:
    slots = next_slots(schedule("0 3 29 2 *"), NOW, 2)
    assert [slot.local.year for slot in slots] == [2028, 2032]
    assert last_slot(schedule("0 3 29 2 *"), NOW) == datetime(2024, 2, 29, 2, tzinfo=UTC)


def test_the_last_slot_is_at_or_before_the_moment() -> None:
    daily = schedule("30 2 * * *", "UTC")
    due = datetime(2026, 11, 22, 2, 30, tzinfo=UTC)
    assert last_slot(daily, due) == due
    assert last_slot(daily, due + timedelta(microseconds=1)) == due
    assert last_slot(daily, due - timedelta(microseconds=1)) == due - timedelta(days=1)
    assert next_slot(daily, due) == due + timedelta(days=1)
    assert next_slot(daily, due - timedelta(microseconds=1)) == due


ZONES = sorted(available_timezones() - {"localtime", "Factory"})
CRONS = [
    "0 * * * *",
    "*/15 * * * *",
    "30 2 * * *",
    "0,30 1,2,3 * * *",
    "0 0 * * *",
    "59 23 * * *",
    "15 */6 * * *",
    "30 2 * * 0",
    "0 1 L * *",
    "20 1-3 * * 6,0",
    "0 12 1 1 *",
]


def near_a_change(zone: str, year: int, index: int, minutes: int) -> datetime:
    """A moment within some hours of a clock change, where the zone has any that year."""
    info = ZoneInfo(zone)
    hours = [datetime(year, 1, 1, tzinfo=UTC) + timedelta(hours=hour) for hour in range(0, 8784, 6)]
    offsets = [hour.astimezone(info).utcoffset() for hour in hours]
    changes = [hours[at] for at in range(1, len(hours)) if offsets[at] != offsets[at - 1]] or [hours[100]]
    return changes[index % len(changes)] + timedelta(minutes=minutes)


@settings(deadline=None, max_examples=150)
@given(
    cron=st.sampled_from(CRONS),
    zone=st.sampled_from(ZONES),
    year=st.integers(2015, 2037),
    index=st.integers(0, 3),
    minutes=st.integers(-1000, 1000),
)
def test_backwards_and_forwards_agree_in_every_zone(
    cron: str, zone: str, year: int, index: int, minutes: int
) -> None:
    made = schedule(cron, zone)
    now = near_a_change(zone, year, index, minutes)
    last, following = last_slot(made, now), next_slot(made, now)
    assert last is not None
    assert following is not None
    assert last <= now < following
    assert next_slot(made, last) == following  # nothing between
    assert last_slot(made, following) == following
    assert last_slot(made, following - timedelta(seconds=1)) == last
    slots = next_slots(made, now - timedelta(days=1), 40)
    moments = [slot.at for slot in slots]
    assert moments == sorted(set(moments))
    assert all(slot.at == slot.local.astimezone(UTC) for slot in slots)
    assert all((slot.wanted != slot.local) == (slot.change is ClockChange.SKIPPED) for slot in slots)


@pytest.mark.parametrize(
    "zone", ["Australia/Lord_Howe", "Africa/Cairo", "America/Havana", "Antarctica/Troll"]
)
def test_a_daily_schedule_has_one_slot_a_day_also_where_clocks_change_oddly(zone: str) -> None:
    for cron in ("0 0 * * *", "15 2 * * *", "59 23 * * *"):
        slots = next_slots(schedule(cron, zone), datetime(2026, 1, 1, tzinfo=UTC), 365)
        days = [slot.local.date() for slot in slots]
        assert len(set(days)) == len(days)
        assert (days[-1] - days[0]).days == 364


def test_since_plays_no_part_in_what_is_shown() -> None:
    made = schedule("30 2 * * *")
    assert next_slots(replace(made, since=NOW + timedelta(days=9)), NOW, 3) == next_slots(made, NOW, 3)
