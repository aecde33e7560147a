from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.domain.due import DueState, Waiting
from app.domain.health import Health, State, project_health
from app.domain.health_line import Act, HealthLine, Topic, health_line
from app.domain.history import Entry, Result
from app.domain.proof import ProofLevel
from app.domain.schedule import Schedule
from app.domain.strip import CellState

NOW = datetime(2026, 11, 22, 14, tzinfo=UTC)
DAILY = Schedule("s1", "Shop", "30 2 * * *", "UTC", datetime(2026, 1, 1, tzinfo=UTC))


def entry(hours: float, result: Result = Result.SUCCEEDED, **changes: object) -> Entry:
    started = NOW - timedelta(hours=hours)
    level = ProofLevel.PROVEN if result is Result.SUCCEEDED else None
    plain = Entry(f"{hours}", "Shop", started, result, finished=started, proof_level=level)
    return replace(plain, **changes)  # type: ignore[arg-type]


def failed(hours: float, **changes: object) -> Entry:
    plain = entry(hours, Result.FAILED, error_code="unreachable", error_title="No IPv6", error_detail="db.x")
    return replace(plain, **changes)  # type: ignore[arg-type]


def health(*entries: Entry, schedules: tuple[Schedule, ...] = (DAILY,), **options: object) -> Health:
    return project_health("Shop", entries, schedules, NOW, zone=UTC, **options)  # type: ignore[arg-type]


def test_a_project_with_a_recent_proven_backup_is_good() -> None:
    last = entry(11, slot=NOW.replace(hour=2, minute=30), schedule="s1")
    found = health(last)
    assert (found.state, found.cause, found.last_good, found.last_proven) == (State.GOOD, None, last, last)
    assert found.next_at == NOW.replace(day=23, hour=2, minute=30)
    assert found.overdue_since is None
    assert len(found.strip) == 30
    assert found.strip[-1].state is CellState.GOOD
    assert health(last, schedules=()).state is State.GOOD


def test_without_a_good_backup_it_is_never_backed_up() -> None:
    for entries in ((), (entry(1, kind="safety"),), (entry(1, missing=True),), (entry(1, Result.CANCELLED),)):
        assert health(*entries, schedules=()).state is State.NEVER


def test_a_failure_names_its_cause_and_how_often_it_came() -> None:
    found = health(failed(1, error_title="Now this"), failed(2), entry(12), failed(40))
    assert found.state is State.FAILED
    assert found.cause is not None
    assert (found.cause.title, found.cause.code, found.cause.failures) == ("Now this", "unreachable", 2)
    assert found.cause.since == NOW - timedelta(hours=2)
    assert not found.cause.is_proof
    assert health(entry(1), failed(2)).cause is None
    assert health(entry(1, Result.CANCELLED), entry(2), failed(3)).cause is None


def test_a_last_backup_that_is_not_good_is_a_failure_of_its_own() -> None:
    found = health(entry(1, proof_failure="TABLE orders differs"), entry(12))
    assert (found.state, found.last_good) == (State.FAILED, entry(12))
    assert found.cause is not None
    assert (found.cause.title, found.cause.is_proof) == ("TABLE orders differs", True)
    gone = entry(1, proof_failure="differs", missing=True)
    assert health(gone, entry(12)).state is State.GOOD


def test_overdue_goes_before_failed_and_keeps_the_cause() -> None:
    found = health(failed(1), entry(24 * 3))
    assert found.state is State.OVERDUE
    assert found.cause is not None
    assert found.overdue_since == datetime(2026, 11, 20, 15, 51, tzinfo=UTC)
    assert health(failed(1), entry(24 * 3), schedules=()).state is State.FAILED


def test_what_another_schedule_or_a_restore_made_does_not_hide_that_one_is_overdue() -> None:
    weekly = replace(DAILY, id="s2", cron="0 3 * * 1")
    hourly_runs = [entry(hours, schedule="s1") for hours in range(24)]
    old = entry(24 * 20, schedule="s2")
    found = health(*hourly_runs, old, schedules=(DAILY, weekly))
    assert found.state is State.OVERDUE
    assert [one.overdue_since is not None for one in found.schedules] == [False, True]
    assert health(*hourly_runs, entry(1), schedules=(DAILY, weekly)).state is State.GOOD
    assert health(entry(1, kind="safety"), entry(99)).state is State.OVERDUE
    assert health(entry(1, missing=True), entry(99)).state is State.OVERDUE


def test_a_backup_from_a_clock_that_was_ahead_does_not_hide_that_one_is_overdue() -> None:
    assert health(entry(-24 * 400), entry(99)).state is State.OVERDUE


def test_proofs_that_never_were_or_are_long_ago_want_attention() -> None:
    complete = entry(1, proof_level=ProofLevel.COMPLETE)
    assert health(complete).state is State.ATTENTION
    assert health(complete, entry(24 * 36)).state is State.ATTENTION
    assert health(complete, entry(24 * 34)).state is State.GOOD


def test_waiting_and_paused_are_shown_where_nothing_is_worse() -> None:
    yesterday = entry(35, schedule="s1", slot=NOW.replace(day=21, hour=2, minute=30))
    waiting = {"s1": (Waiting.ON_BATTERY,)}
    found = health(yesterday, waiting=waiting)
    assert (found.state, found.schedules[0].waiting) == (State.WAITING, (Waiting.ON_BATTERY,))
    assert found.schedules[0].due.state is DueState.DUE
    until = NOW + timedelta(hours=1)
    assert health(yesterday, paused_until=until).state is State.PAUSED
    assert health(yesterday, paused_until=until, waiting=waiting).state is State.PAUSED
    assert health(yesterday, schedules=(replace(DAILY, enabled=False),)).state is State.PAUSED
    assert health(entry(99), paused_until=until).state is State.OVERDUE


def test_a_running_backup_keeps_the_state_beneath() -> None:
    found = health(failed(1), entry(12), running_since=NOW)
    assert (found.state, found.is_running, found.strip[-1].state) == (State.FAILED, True, CellState.RUNNING)


def test_other_projects_play_no_part() -> None:
    other = replace(DAILY, project="Blog", id="s3")
    assert health(replace(failed(1), project="Blog"), entry(11), schedules=(other,)) == health(
        entry(11), schedules=()
    )


SHOP = health(entry(11))


def of(name: str, *entries: Entry, **options: object) -> Health:
    return replace(health(*entries, **options), project=name)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("projects", "topic", "names", "act"),
    [
        ((), Topic.NO_PROJECTS, (), Act.ADD_PROJECT),
        ((SHOP,), Topic.GOOD, (), Act.NOTHING),
        ((SHOP, of("Old", entry(99))), Topic.OVERDUE, ("Old",), Act.BACK_UP),
        ((of("A", entry(80)), of("B", entry(99)), of("C")), Topic.OVERDUE, ("C", "B", "A"), Act.BACK_UP),
        ((SHOP, of("F", failed(1), entry(11))), Topic.FAILED, ("F",), Act.SHOW_CAUSE),
        (
            (of("P", entry(1, proof_failure="x"), entry(11)), of("N", schedules=())),
            Topic.PROOF_FAILED,
            ("P",),
            Act.BACK_UP,
        ),
        ((SHOP, of("N", schedules=())), Topic.NEVER_BACKED_UP, ("N",), Act.BACK_UP),
        (
            (of("A", entry(1, proof_level=None)), of("B", entry(2, proof_level=None))),
            Topic.NEVER_PROVEN,
            ("B", "A"),
            Act.PROVE,
        ),
        ((of("O", entry(1, proof_level=None), entry(24 * 50)),), Topic.PROOF_OLD, ("O",), Act.PROVE),
        ((of("R", entry(99), running_since=NOW),), Topic.RUNNING, ("R",), Act.NOTHING),
        ((replace(SHOP, is_running=True),), Topic.GOOD, (), Act.NOTHING),
        ((of("P", entry(11), paused_until=NOW + timedelta(1)), SHOP), Topic.PAUSED, ("P",), Act.RESUME),
    ],
)
def test_the_health_line_speaks_of_the_most_urgent(
    projects: tuple[Health, ...], topic: Topic, names: tuple[str, ...], act: Act
) -> None:
    line = health_line(projects, folder_present=True)
    assert (line.topic, line.projects, line.act) == (topic, names, act)


def test_the_health_line_carries_what_its_sentence_needs() -> None:
    overdue = of("Old", failed(1), entry(99))
    line = health_line([SHOP, overdue], folder_present=True)
    assert line.last_good == NOW - timedelta(hours=99)
    assert line.cause == overdue.cause
    assert health_line([overdue], folder_present=False) == HealthLine(Topic.FOLDER_MISSING)
    waiting = of("W", entry(35), waiting={"s1": (Waiting.METERED,)})
    assert health_line([waiting], folder_present=True).waiting == (Waiting.METERED,)


def test_the_health_of_a_busy_project_is_told_quickly() -> None:
    hourly = replace(DAILY, cron="0 * * * *")
    entries = [entry(hours, schedule="s1") for hours in range(24 * 31)]
    started = time.perf_counter()
    health(*entries, schedules=(hourly, replace(DAILY, id="s2")))
    assert time.perf_counter() - started < 0.25
