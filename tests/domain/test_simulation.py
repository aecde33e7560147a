"""Schedules over ten years: every zone's clock changes, sleep, crashes, clocks that are set, failures."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import cycle
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.retention import RetentionRules
from app.domain.schedule import Schedule
from tests.domain.simulator import DAY, MINUTE, Computer, Fate, clock_changes, newest_slot, slots_between

START = datetime(2026, 1, 1, 0, 0, 17, tzinfo=UTC)
DECADE = datetime(2036, 1, 1, tzinfo=UTC)
USUAL = RetentionRules(last=2, daily=4, weekly=2, yearly=2)


def made(cron: str, zone: str = "Europe/Berlin", since: datetime = START, jitter: int = 0) -> Schedule:
    return Schedule("s1", "Shop", cron, zone, since, jitter_seconds=jitter)


@pytest.mark.parametrize(
    ("cron", "jitter"),
    [
        ("30 2 * * *", 0),
        ("30 2 * * 1", 3600),
        ("0 3 L * *", 600),
        ("0 3 29 2 *", 0),
        ("15 12 1 1 *", 0),
        pytest.param("30 2 * * 1-5", 3600, marks=pytest.mark.slow),
        pytest.param("*/30 2 * * *", 60, marks=pytest.mark.slow),
    ],
)
def test_ten_years_of_a_computer_that_is_always_on_have_one_run_for_each_slot(cron: str, jitter: int) -> None:
    computer = Computer(made(cron, jitter=jitter), START, USUAL)
    computer.wake_for(DECADE - START)
    expected = slots_between(computer.schedule, START, computer.now)
    assert set(expected[:-1]) <= set(computer.ran) <= set(expected)
    assert len(computer.ran) == len(set(computer.ran))
    assert not computer.overdue


@pytest.mark.parametrize(
    ("cron", "years"),
    [
        ("30 2 * * *", 2),
        ("0 * * * *", 0.1),
        ("0 4 * * 0", 10),
        pytest.param("30 2 * * *", 10, marks=pytest.mark.slow),
        pytest.param("0 * * * *", 1, marks=pytest.mark.slow),
    ],
)
def test_years_in_which_every_kind_of_thing_goes_wrong(cron: str, years: float) -> None:
    computer = Computer(made(cron, jitter=300), START, USUAL, duration=3 * MINUTE)
    troubles = cycle(
        [
            (Fate.GOOD, DAY * 1.1),
            (Fate.FAILS, DAY * 0.4),
            (Fate.GOOD, DAY * 3),
            (Fate.KILLED_DURING, DAY * 0.3),
            (Fate.GOOD, DAY * 0.5),
            (Fate.KILLED_AFTER, DAY * 1.3),
            (Fate.GOOD, DAY * 0.9),
            (Fate.NOT_PROVEN, DAY * 1.2),
            (Fate.KILLED_BEFORE, timedelta(hours=1)),
            (Fate.GOOD, DAY * 2),
            (Fate.CANCELLED, DAY * 0.6),
        ]
    )
    sleeps = cycle([timedelta(hours=9), DAY * 4, timedelta(minutes=3), DAY * 40, timedelta(0)])
    end = START + timedelta(days=365.25 * years)
    while computer.now < end:
        fate, time = next(troubles)
        computer.wake_for(time, fate)
        computer.sleep_for(next(sleeps))
    computer.wake_for(3 * DAY)
    assert not computer.overdue
    assert computer.ran[-1] == newest_slot(computer.schedule, computer.now)


def by_their_clocks(start: datetime, end: datetime) -> dict[tuple[object, ...], str]:
    """One zone for each way in which clocks change in that time."""
    found: dict[tuple[object, ...], str] = {}
    for zone in sorted(available_timezones() - {"localtime", "Factory"}):
        changes = clock_changes(zone, start, end)
        offsets = [at.astimezone(ZoneInfo(zone)).utcoffset() for at in (start, *changes)]
        found.setdefault((changes, *offsets), zone)
    return found


def sweep(start: datetime, end: datetime, crons: dict[str, timedelta]) -> int:
    """Wake a computer around each clock change of all zones, and let it sleep between; gives their number."""
    swept = 0
    for changes, zone in ((key[0], zone) for key, zone in by_their_clocks(start, end).items()):
        assert isinstance(changes, tuple)
        for cron, around in crons.items():
            computer = Computer(made(cron, zone, start), start + timedelta(seconds=40))
            for change in changes:
                computer.sleep_for(max(change - around - computer.now, timedelta(0)))
                computer.wake_for(2 * around)
            swept += len(changes)
    return swept


AROUND = {
    "30 2 * * *": timedelta(hours=25),
    "0,30 1-3 * * *": timedelta(hours=4),
    "0 * * * *": timedelta(hours=3),
    "59 23 * * *": timedelta(hours=13),
}


def test_each_clock_change_of_every_zone_is_lived_through() -> None:
    start = START.replace(second=0)
    assert sweep(start, start + 3 * 366 * DAY, AROUND) > 300


@pytest.mark.slow
@pytest.mark.parametrize("year", [1996, 2006, 2016, 2026])
def test_each_clock_change_of_a_decade_is_lived_through(year: int) -> None:
    start, end = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 10, 1, 1, tzinfo=UTC)
    assert sweep(start, end, AROUND | {"*/15 * * * *": timedelta(hours=1)}) > 1000


ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Havana",
    "Asia/Kathmandu",
]
CRONS = [
    "*/15 * * * *",
    "0 * * * *",
    "30 2 * * *",
    "0,45 1-3 * * *",
    "0 20 * * 1-5",
    "5 4 * * 0",
    "0 1 L * *",
    "0 3 29 2 *",
]
MINUTES = st.one_of(st.integers(1, 90), st.integers(90, 60 * 36), st.integers(60 * 36, 60 * 24 * 60))
JUMPS = st.one_of(st.integers(-20, 20), st.integers(-180, 180), st.integers(-600_000, 600_000))
EVENTS = st.one_of(
    st.tuples(st.just("nothing"), st.just(0)),
    st.tuples(st.just("sleep"), MINUTES),
    st.tuples(st.just("set the clock"), JUMPS),
    st.tuples(st.just("closed"), st.integers(1, 60 * 30)),
    st.tuples(st.just("pause"), st.one_of(st.just(0), MINUTES)),
    st.tuples(st.just("off"), st.integers(1, 60 * 30)),
    st.tuples(st.just("zone"), st.integers(0, len(ZONES) - 1)),
    st.tuples(st.just("cron"), st.integers(0, len(CRONS) - 1)),
    st.tuples(st.just("by hand"), st.just(0)),
    st.tuples(st.just("rot"), st.integers(0, 99)),
    st.tuples(st.just("duration"), st.sampled_from([0, 1, 7, 200])),
)
AWAKE = st.one_of(st.integers(0, 5), st.integers(0, 100), st.integers(60, 60 * 48))
STEPS = st.lists(
    st.tuples(EVENTS, AWAKE, st.sampled_from([*Fate, *[Fate.FAILS] * 3, *[Fate.GOOD] * 3])),
    min_size=3,
    max_size=30,
)
EACH_MINUTE = 100
COUNT = st.sampled_from([0, 0, 1, 2, 5])
RULES = st.builds(
    RetentionRules,
    last=COUNT,
    hourly=COUNT,
    daily=COUNT,
    weekly=COUNT,
    monthly=COUNT,
    yearly=COUNT,
    max_age_days=st.sampled_from([0, 0, 1, 40]),
    max_total_bytes=st.sampled_from([0, 0, 1, 350]),
)


Steps = list[tuple[tuple[str, int], int, Fate]]


def live(computer: Computer, steps: Steps) -> None:
    for (what, number), awake, fate in steps:
        minutes = MINUTE * number
        match what:
            case "sleep":
                computer.sleep_for(minutes)
            case "set the clock":
                computer.set_clock(minutes)
            case "closed":
                computer.set_open(is_open=False)
                computer.wake_for(minutes, fate)
                computer.set_open(is_open=True)
            case "pause":
                computer.pause(minutes)
            case "off":
                computer.edit(enabled=False)
                computer.wake_for(minutes, fate)
                computer.edit(enabled=True)
            case "zone":
                computer.edit(zone=ZONES[number])
            case "cron":
                computer.edit(cron=CRONS[number])
            case "by hand":
                computer.back_up_by_hand()
            case "rot":
                computer.rot(number)
            case "duration":
                computer.duration = minutes
        computer.wake_for(MINUTE * awake, fate, each_minute=awake <= EACH_MINUTE)


def check_a_life(
    cron: str,
    zone: str,
    jitter: int,
    rules: RetentionRules,
    start: datetime,
    steps: Steps,
) -> None:
    computer = Computer(made(cron, zone, start, jitter), start, rules)
    live(computer, steps)
    computer.pause(timedelta(0))
    computer.duration = MINUTE
    runs = len(computer.ran)
    computer.wake_for(timedelta(hours=12))  # what was missed is one run, and what fails is over by then
    computer.sleep_for(9 * 366 * DAY)
    computer.wake_for(timedelta(hours=6), Fate.GOOD)
    assert len(computer.ran) > runs
    assert not computer.overdue


LIFE = {
    "cron": st.sampled_from(CRONS),
    "zone": st.sampled_from(ZONES),
    "jitter": st.sampled_from([0, 0, 300, 3600]),
    "rules": RULES,
    "start": st.datetimes(datetime(2024, 1, 1), datetime(2031, 1, 1), timezones=st.just(UTC)).map(
        lambda at: at.replace(microsecond=0)
    ),
    "steps": STEPS,
}


@settings(deadline=None, max_examples=40)
@given(**LIFE)
def test_whatever_happens_no_slot_runs_twice_and_none_is_ignored(**life: object) -> None:
    check_a_life(**life)  # type: ignore[arg-type]


@pytest.mark.slow
@settings(deadline=None, max_examples=800)
@given(**LIFE)
def test_whatever_happens_much_more_often(**life: object) -> None:
    check_a_life(**life)  # type: ignore[arg-type]


@settings(deadline=None, max_examples=50)
@given(
    cron=st.sampled_from(CRONS[:6]),
    zone=st.sampled_from(ZONES),
    start=st.datetimes(datetime(2026, 1, 1), datetime(2031, 1, 1), timezones=st.just(UTC)),
    asleep=st.integers(1, 400),
)
def test_any_number_of_missed_slots_is_one_catch_up(
    cron: str, zone: str, start: datetime, asleep: int
) -> None:
    computer = Computer(made(cron, zone, start), start)
    computer.sleep_for(asleep * DAY)
    newest = newest_slot(computer.schedule, computer.now)
    computer.wake_for(MINUTE)
    assert computer.ran == ([newest] if newest and newest > start else [])
    computer.wake_for(timedelta(hours=5))
    assert len(computer.ran) == len(set(computer.ran))


def test_a_schedule_that_fails_for_days_is_overdue_and_no_longer_once_it_succeeds() -> None:
    computer = Computer(made("30 2 * * *"), START)
    told = []
    for fate in [Fate.GOOD] * 3 + [Fate.FAILS] * 3 + [Fate.NOT_PROVEN] * 2 + [Fate.GOOD]:
        computer.wake_for(DAY, fate)
        told.append(computer.overdue)
    assert told == [False, False, False, False, True, True, True, True, False]
