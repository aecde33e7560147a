"""What is told of slots that had no run: which were missed, and which a pause holds back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.domain.due import DueState, due_slot, missed_slots, paused_slot
from app.domain.history import Entry, Result
from app.domain.schedule import Schedule

NOW = datetime(2026, 11, 22, 15, 30, tzinfo=UTC)
HOURLY = Schedule("hourly", "Shop", "0 * * * *", "UTC", NOW - timedelta(days=2))
SLOT = NOW.replace(minute=0)


def run_of(slot: datetime, schedule: str = "hourly") -> Entry:
    return Entry(f"{slot:%d%H}", "Shop", slot, Result.SUCCEEDED, finished=slot, schedule=schedule, slot=slot)


def hours(number: int) -> timedelta:
    return timedelta(hours=number)


def test_slots_between_the_last_run_and_this_one_were_missed() -> None:
    history = [run_of(SLOT - hours(9)), run_of(SLOT - hours(5)), run_of(SLOT - hours(1), "another")]
    assert missed_slots(HOURLY, history, SLOT) == (SLOT - hours(4), SLOT - hours(1))


def test_after_a_run_in_time_none_was_missed() -> None:
    assert missed_slots(HOURLY, [run_of(SLOT - hours(1))], SLOT) is None
    assert missed_slots(replace(HOURLY, since=SLOT - timedelta(minutes=1)), [], SLOT) is None


def test_slots_from_before_the_schedule_was_made_or_changed_do_not_count() -> None:
    changed = replace(HOURLY, since=SLOT - timedelta(hours=2, minutes=30))
    assert missed_slots(changed, [run_of(SLOT - hours(9))], SLOT) == (SLOT - hours(2), SLOT - hours(1))


@given(st.sets(st.integers(1, 60)))
def test_it_is_what_one_finds_by_looking_at_each_hour(ran: set[int]) -> None:
    history = [run_of(SLOT - hours(ago)) for ago in ran]
    within = [ago for ago in ran if SLOT - hours(ago) > HOURLY.since]
    first = min(within, default=48) - 1
    missed = [ago for ago in range(1, first + 1) if SLOT - hours(ago) > HOURLY.since]
    found = missed_slots(HOURLY, history, SLOT)
    assert found == ((SLOT - hours(max(missed)), SLOT - hours(min(missed))) if missed else None)


def test_a_pause_holds_back_what_would_be_run() -> None:
    until = NOW + hours(1)
    assert paused_slot(HOURLY, [], NOW) is None
    assert paused_slot(HOURLY, [], NOW, until) == SLOT
    assert paused_slot(replace(HOURLY, paused_until=until), [], NOW) == SLOT
    assert paused_slot(HOURLY, [run_of(SLOT)], NOW, until) is None
    assert paused_slot(replace(HOURLY, enabled=False), [], NOW, until) is None
    assert paused_slot(HOURLY, [], until, until) is None
    assert due_slot(HOURLY, [], until, until).state is DueState.DUE
