from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.history import Entry, Result
from app.domain.proof import ProofLevel
from app.domain.rota import FILES_EVERY, PROOF_EVERY, STEP, Check, CheckKind, Wanted, wanted_checks

NOW = datetime(2026, 11, 22, 15, tzinfo=UTC)
DAY = timedelta(days=1)


def backup(days: float = 0, **changes: object) -> Entry:
    started = NOW - days * DAY
    plain = Entry(
        id=f"{started:%Y%m%dT%H%M%S%f}",
        project="Shop",
        started=started,
        result=Result.SUCCEEDED,
        finished=started + timedelta(minutes=1),
        proof_level=ProofLevel.COMPLETE,
        bytes=100,
        destination="/backups",
        path="/backups/shop/x",
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def check(
    entry: Entry,
    kind: CheckKind = CheckKind.FILES,
    days: float = 0.5,
    problem: str = "",
    project: str = "Shop",
) -> Check:
    return Check(entry.id, entry.destination, project, kind, NOW - days * DAY, problem)


def wanted(entries: Sequence[Entry], checks: Sequence[Check] = (), **more: object) -> tuple[Wanted, ...]:
    return wanted_checks(entries, checks, NOW, **({"prove_weekly": False} | more))  # type: ignore[arg-type]


def test_files_are_read_again_when_nobody_has_read_them_for_weeks() -> None:
    young, old = backup(19), backup(21)
    assert wanted([young, old]) == (Wanted(old, CheckKind.FILES),)
    assert wanted([old], [check(old, days=19)]) == ()
    assert wanted([old], [check(old, CheckKind.RESTORE, days=19)]) == ()  # a restore reads them, too
    assert wanted([old], [check(old, days=21)]) == (Wanted(old, CheckKind.FILES),)


def test_one_step_an_hour_with_a_share_of_all_and_the_longest_waiting_first() -> None:
    many = [backup(21 + number / 100, bytes=10) for number in range(400)]
    found = wanted(many)
    assert [one.entry for one in found] == [many[-1], many[-2]]  # 400 in eight days
    assert wanted(many, [check(many[0], days=0.03)]) == ()
    large = replace(many[-1], bytes=10**12)
    assert [one.entry for one in wanted([*many[:-1], large])] == [large]


def test_what_is_gone_bad_or_away_is_not_looked_at() -> None:
    old = backup(40)
    others = [replace(old, missing=True), replace(old, proof_failure="x"), replace(old, result=Result.FAILED)]
    for other in others:
        assert wanted([other]) == ()
    assert wanted([old], is_there=lambda _: False) == ()
    assert wanted([old, backup(41)], is_there=lambda one: one == old) == (Wanted(old, CheckKind.FILES),)


def test_what_was_hindered_is_tried_again_after_a_day() -> None:
    old = backup(40)
    assert wanted([old], [check(old, days=0.9, problem="cannot be read")]) == ()
    assert wanted([old], [check(old, days=1.1, problem="cannot be read")]) != ()
    assert wanted([old], [check(old, CheckKind.RESTORE, 0.9, "no space")], prove_weekly=True) == ()
    assert wanted([old], [check(old, CheckKind.RESTORE, 1.1, "no space")], prove_weekly=True) != ()


def test_the_newest_of_each_project_is_restored_once_a_week() -> None:
    newest, older, other = backup(1), backup(3), backup(2, project="Other")
    safety = backup(0.2, kind="safety")
    entries = [newest, older, other, safety]
    (first,) = wanted(entries, prove_weekly=True)
    assert first == Wanted(other, CheckKind.RESTORE)
    done = check(other, CheckKind.RESTORE, 0.1, project="Other")
    assert wanted(entries, [done], prove_weekly=True) == (Wanted(newest, CheckKind.RESTORE),)
    proven = replace(older, proof_level=ProofLevel.PROVEN)
    assert wanted([newest, proven], prove_weekly=True) == ()
    long_ago = replace(older, started=NOW - PROOF_EVERY, proof_level=ProofLevel.PROVEN)
    assert wanted([newest, long_ago], prove_weekly=True) == (Wanted(newest, CheckKind.RESTORE),)
    assert wanted(entries, prove_weekly=False) == ()


def test_a_clock_that_was_in_the_future_stops_no_check() -> None:
    old = backup(40)
    assert wanted([old], [check(old, days=-400)]) == (Wanted(old, CheckKind.FILES),)
    assert wanted([backup(-3)]) == ()


@settings(deadline=None, max_examples=25)
@given(
    ages=st.lists(st.integers(0, 200), min_size=1, max_size=60),
    sizes=st.lists(st.integers(1, 10**9), min_size=60, max_size=60),
    on=st.integers(9, 24),
)
def test_each_backup_is_read_at_least_once_in_thirty_days_also_by_a_computer_that_is_off_at_night(
    ages: list[int], sizes: list[int], on: int
) -> None:
    entries = [
        backup(days + number / 1000, bytes=size)
        for number, (days, size) in enumerate(zip(ages, sizes, strict=False))
    ]
    last = {entry.id: NOW for entry in entries}  # all were read when this begins
    checks = [Check(one.id, one.destination, "Shop", CheckKind.FILES, NOW, "") for one in entries]
    now, most, total = NOW, 0, sum(one.bytes for one in entries)
    for step in range(24 * 70):
        now = NOW + step * STEP
        if step % 24 >= on:
            continue
        found = wanted_checks(entries, checks, now, prove_weekly=False)
        size = sum(one.entry.bytes for one in found)
        most = max(most, size)
        assert len(found) <= 1 or size <= total / (8 * 24)
        for one in found:
            assert now - last[one.entry.id] >= FILES_EVERY
            last[one.entry.id] = now
            checks = [old for old in checks if old.id != one.entry.id]
            checks.append(Check(one.entry.id, "/backups", "Shop", CheckKind.FILES, now, ""))
        assert all(now - at <= 30 * DAY for at in last.values())


@pytest.mark.parametrize("backups", [1, 5000])
def test_a_long_history_is_quick(backups: int) -> None:
    entries = [backup(30 + number / 100) for number in range(backups)]
    assert len(wanted(entries)) >= 1
