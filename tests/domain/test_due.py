from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.due import (
    CATCH_UP_AFTER,
    RETRY_AFTER,
    RETRY_SPAN,
    Due,
    DueState,
    Surroundings,
    Waiting,
    counts_for,
    due_slot,
    overdue_since,
    starts_at,
    waiting_for,
)
from app.domain.history import Entry, Result
from app.domain.schedule import Conditions, Schedule
from app.domain.slots import slots_around

MADE = datetime(2026, 11, 20, 12, tzinfo=UTC)
SLOT = datetime(2026, 11, 22, 2, 30, tzinfo=UTC)
NEXT = SLOT + timedelta(days=1)
DAILY = Schedule("s1", "Shop", "30 2 * * *", "UTC", MADE)
MINUTE = timedelta(minutes=1)


def run(started: datetime, result: Result = Result.FAILED, **changes: object) -> Entry:
    plain = Entry(
        id=f"{started:%Y%m%dT%H%M%S%f}",
        project="Shop",
        started=started,
        result=result,
        finished=started + timedelta(seconds=30),
        kind="scheduled",
        schedule="s1",
        slot=SLOT,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def test_a_new_schedule_waits_for_its_first_slot() -> None:
    assert due_slot(DAILY, (), MADE) == Due(DueState.IDLE, at=SLOT - timedelta(days=1))
    at_the_slot = replace(DAILY, since=SLOT)
    assert due_slot(at_the_slot, (), SLOT).state is DueState.IDLE


def test_a_slot_is_due_from_its_moment_on_and_done_once_it_has_a_good_run() -> None:
    assert due_slot(DAILY, (), SLOT) == Due(DueState.DUE, SLOT, 1, SLOT)
    done = [run(SLOT, Result.SUCCEEDED)]
    assert due_slot(DAILY, done, SLOT + MINUTE) == Due(DueState.IDLE, SLOT, at=NEXT)
    assert due_slot(DAILY, [run(SLOT, Result.SUCCEEDED, schedule="s2")], SLOT).state is DueState.DUE


def test_missed_slots_are_one_catch_up() -> None:
    late = SLOT + timedelta(days=5, hours=9)
    due = due_slot(DAILY, (), late)
    assert (due.state, due.slot, due.is_catch_up) == (DueState.DUE, SLOT + timedelta(days=5), True)
    caught_up = [run(late, Result.SUCCEEDED, slot=due.slot)]
    assert due_slot(DAILY, caught_up, late + MINUTE).state is DueState.IDLE
    assert not due_slot(DAILY, (), SLOT + CATCH_UP_AFTER).is_catch_up


def test_a_failed_slot_is_retried_after_1_5_15_and_60_minutes_and_then_left_for_the_next() -> None:
    attempts: list[Entry] = []
    at = SLOT
    for number, delay in enumerate(RETRY_AFTER, start=2):
        attempts.append(run(at))
        retry = at + timedelta(seconds=30) + delay
        waiting = due_slot(DAILY, attempts, retry - timedelta(seconds=1))
        assert waiting == Due(DueState.RETRYING, SLOT, number, retry)
        assert due_slot(DAILY, attempts, retry).state is DueState.DUE
        at = retry
    attempts.append(run(at))
    assert due_slot(DAILY, attempts, at + MINUTE) == Due(DueState.GAVE_UP, SLOT, at=NEXT)
    assert due_slot(DAILY, attempts, NEXT) == Due(DueState.DUE, NEXT, 1, NEXT)


def test_the_next_slot_comes_before_a_later_attempt() -> None:
    quarterly = replace(DAILY, cron="*/15 * * * *")
    failed = [run(SLOT + minutes * MINUTE, finished=None) for minutes in (0, 1, 6)]
    due = due_slot(quarterly, failed, SLOT + 7 * MINUTE)
    assert (due.state, due.attempt, due.at) == (DueState.RETRYING, 4, SLOT + 15 * MINUTE)


def test_an_interrupted_run_is_tried_again_and_a_cancelled_one_is_not() -> None:
    killed = run(SLOT, Result.INTERRUPTED, finished=None)
    assert due_slot(DAILY, [killed], SLOT + timedelta(hours=1)).attempt == 2
    cancelled = run(SLOT, Result.CANCELLED)
    assert due_slot(DAILY, [cancelled], SLOT + timedelta(hours=1)) == Due(DueState.IDLE, SLOT, at=NEXT)


def test_off_and_paused_start_nothing_and_a_pause_is_caught_up_afterwards() -> None:
    assert due_slot(replace(DAILY, enabled=False), (), SLOT) == Due(DueState.OFF)
    until = SLOT + timedelta(hours=5)
    paused = replace(DAILY, paused_until=until)
    assert due_slot(paused, (), SLOT) == Due(DueState.PAUSED, at=until)
    assert due_slot(DAILY, (), SLOT, until) == Due(DueState.PAUSED, at=until)
    assert due_slot(paused, (), SLOT, until + MINUTE).at == until + MINUTE
    assert due_slot(paused, (), until).state is DueState.DUE


def test_a_clock_that_was_wrong_for_a_while_stops_nothing() -> None:
    from_the_future = run(SLOT + timedelta(days=400), Result.SUCCEEDED, slot=SLOT + timedelta(days=400))
    assert due_slot(DAILY, [from_the_future], SLOT).state is DueState.DUE
    jumped = run(SLOT, Result.FAILED, finished=SLOT + timedelta(days=400))
    assert due_slot(DAILY, [jumped], SLOT + 2 * MINUTE).state is DueState.DUE


@given(seconds=st.integers(1, 3600), cron=st.sampled_from(["* * * * *", "30 * * * *", "30 2 * * *"]))
def test_jitter_is_the_same_each_time_and_never_reaches_the_next_slot(seconds: int, cron: str) -> None:
    made = replace(DAILY, cron=cron, jitter_seconds=seconds, since=SLOT - timedelta(seconds=1))
    begins = starts_at(made, SLOT)
    assert begins == starts_at(made, SLOT)
    assert SLOT <= begins < SLOT + timedelta(seconds=seconds)
    if begins > SLOT:
        assert due_slot(made, (), begins - timedelta(seconds=1)) == Due(DueState.IDLE, at=begins)
    assert due_slot(made, (), begins) == Due(DueState.DUE, SLOT, 1, begins)


def test_jitter_spreads_schedules() -> None:
    starts = {starts_at(replace(DAILY, id=f"s{n}", jitter_seconds=3600), SLOT) for n in range(50)}
    assert len(starts) > 40


def test_what_is_known_of_the_slots_is_used_while_it_holds() -> None:
    known = slots_around(DAILY, SLOT)
    assert (known.last, known.following) == (SLOT, NEXT)
    assert slots_around(DAILY, NEXT - MINUTE, known) is known
    assert slots_around(DAILY, NEXT, known).last == NEXT
    assert slots_around(DAILY, SLOT - MINUTE, known).following == SLOT
    assert slots_around(replace(DAILY, cron="0 * * * *"), SLOT, known).last == SLOT - 30 * MINUTE
    assert due_slot(DAILY, (), SLOT, around=known) == due_slot(DAILY, (), SLOT)
    assert due_slot(DAILY, (), NEXT, around=known) == due_slot(DAILY, (), NEXT)


def test_a_clock_set_back_between_two_attempts_neither_hurries_nor_stops_the_third() -> None:
    later, earlier = run(SLOT + 36 * MINUTE), run(SLOT + 35 * MINUTE)
    due = due_slot(DAILY, [later, earlier], SLOT + 36 * MINUTE)
    assert (due.state, due.attempt) == (DueState.RETRYING, 3)


def test_minutely_ticks_do_not_starve_a_minutely_schedule_with_jitter() -> None:
    made = replace(DAILY, cron="* * * * *", jitter_seconds=3600, since=SLOT)
    ticks = [SLOT + number * MINUTE for number in range(2, 12)]
    assert all(due_slot(made, (), tick).state is DueState.DUE for tick in ticks)


def test_conditions_that_are_not_met_are_named_and_the_folder_always_must_be_there() -> None:
    everything = Conditions(mains_power=True, not_metered=True, server_reachable=True)
    worst = Surroundings(folder_present=False, on_battery=True, metered=True, server_reachable=False)
    assert waiting_for(everything, worst) == tuple(Waiting)
    assert waiting_for(Conditions(), worst) == (Waiting.FOLDER_MISSING,)
    assert waiting_for(everything, Surroundings()) == ()


@pytest.mark.parametrize(
    ("cron", "good", "overdue"),
    [
        ("30 2 * * *", datetime(2026, 11, 22, 2, 31), datetime(2026, 11, 23, 14, 30)),
        ("0 * * * *", datetime(2026, 11, 22, 2, 1), datetime(2026, 11, 22, 3, 30)),
        ("0 3 1 * *", datetime(2026, 12, 1, 3, 5), datetime(2027, 1, 2, 3, 0)),
        ("0 20 * * 1-5", datetime(2026, 11, 27, 20, 1), datetime(2026, 12, 1, 8, 0)),  # Friday to Monday
    ],
)
def test_overdue_is_a_slot_without_a_good_backup_half_way_to_the_next(
    cron: str, good: datetime, overdue: datetime
) -> None:
    made = replace(DAILY, cron=cron)
    assert overdue_since(made, good.replace(tzinfo=UTC)) == overdue.replace(tzinfo=UTC) + RETRY_SPAN


def test_without_any_backup_it_is_overdue_from_its_first_slot_and_never_when_off() -> None:
    first = SLOT - timedelta(days=1)
    assert overdue_since(DAILY, None) == first + timedelta(hours=12) + RETRY_SPAN
    assert overdue_since(DAILY, MADE - timedelta(days=99)) == first + timedelta(hours=12) + RETRY_SPAN
    assert overdue_since(replace(DAILY, enabled=False), None) is None


def test_only_its_own_runs_and_those_by_hand_count_for_a_schedule() -> None:
    good = run(SLOT, Result.SUCCEEDED)
    assert counts_for(DAILY, good)
    assert counts_for(DAILY, replace(good, schedule="", kind="manual"))
    assert not counts_for(DAILY, replace(good, schedule="s2"))
    assert not counts_for(DAILY, replace(good, kind="safety", schedule=""))
    assert not counts_for(DAILY, replace(good, proof_failure="differs"))
    assert not counts_for(DAILY, run(SLOT))


@settings(deadline=None, max_examples=60)
@given(
    cron=st.sampled_from(["* * * * *", "*/15 * * * *", "0 * * * *", "30 2 * * *", "0 1 * * 0"]),
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"]),
    jitter=st.sampled_from([0, 300, 3600]),
    steps=st.lists(
        st.tuples(
            st.one_of(st.integers(1, 3), st.integers(-120, 60 * 30)),  # minutes: ticks, sleep, clock set back
            st.sampled_from([*Result, Result.FAILED, Result.SUCCEEDED]),
        ),
        max_size=60,
    ),
)
def test_no_slot_runs_twice_and_none_is_ignored(
    cron: str, zone: str, jitter: int, steps: list[tuple[int, Result]]
) -> None:
    made = Schedule("s1", "Shop", cron, zone, MADE, jitter_seconds=jitter)
    history: list[Entry] = []
    now = datetime(2026, 10, 25, 0, tzinfo=UTC) if zone != "UTC" else MADE
    made = replace(made, since=now)
    for minutes, result in steps:
        now += timedelta(minutes=minutes)
        due = due_slot(made, history, now)
        if due.state is DueState.DUE:
            assert due.slot is not None
            assert due.slot <= now
            history.append(run(now, result, id=str(len(history)), slot=due.slot, finished=now))
            assert due_slot(made, history, now).state is not DueState.DUE
        elif due.state is not DueState.RETRYING:
            assert due.at is not None
            assert due.at > now
    settled = [entry.slot for entry in history if entry.result in (Result.SUCCEEDED, Result.CANCELLED)]
    assert len(set(settled)) == len(settled)
    for slot in {entry.slot for entry in history}:
        assert sum(entry.slot == slot for entry in history) <= len(RETRY_AFTER) + 1
    later = now + timedelta(days=30)
    assert due_slot(made, history, later).state is DueState.DUE
