from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import AppError, ErrorCode
from app.domain.history import Entry, Result
from app.domain.proof import ProofLevel
from app.domain.retention import Keep, Removal, RetentionRules, plan_retention

NOW = datetime(2026, 11, 22, 15, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def backup(hours: float = 0, **changes: object) -> Entry:
    started = NOW - timedelta(hours=hours)
    plain = Entry(
        id=f"{started:%Y%m%dT%H%M%S}",
        project="Shop",
        started=started,
        result=Result.SUCCEEDED,
        proof_level=ProofLevel.COMPLETE,
        bytes=100,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def daily(count: int) -> list[Entry]:
    return [backup(24 * day + 12) for day in range(count)]


def test_without_rules_everything_stays() -> None:
    backups = [*daily(40), backup(9999, kind="safety"), backup(9999, proof_failure="differs")]
    plan = plan_retention(backups, RetentionRules(), BERLIN, NOW)
    assert set(plan.kept) == set(backups)
    assert plan.removed == ()


def test_seven_daily_and_four_weekly_keep_the_newest_of_each() -> None:
    plan = plan_retention(daily(60), RetentionRules(daily=7, weekly=4), BERLIN, NOW)
    days = [one.started.astimezone(BERLIN).date().isoformat() for one in plan.kept]
    assert days == [
        *(f"2026-11-{day:02}" for day in range(22, 15, -1)),  # and the Sundays before
        "2026-11-15",
        "2026-11-08",
        "2026-11-01",
    ]
    reasons = {verdict.backup.started: verdict.reasons for verdict in plan.verdicts}
    assert {Keep.DAILY, Keep.WEEKLY} <= set(reasons[plan.kept[0].started])
    assert plan.removed_bytes == 50 * 100
    assert {verdict.removed_by for verdict in plan.verdicts if not verdict.reasons} == {Removal.NOT_NEEDED}


def test_days_are_those_of_the_zone_and_only_days_with_a_backup_count() -> None:
    late, early = backup(15.5), backup(16.5)  # 23:30 and 22:30 UTC on the 21st: after and before midnight
    plan = plan_retention([late, early], RetentionRules(daily=1), BERLIN, NOW)
    assert plan.removed == (early,)
    plan = plan_retention([late, early], RetentionRules(daily=1), UTC, NOW)
    assert plan.removed == (early,)
    assert plan_retention([late, early], RetentionRules(daily=2), BERLIN, NOW).removed == ()
    assert plan_retention([late, early], RetentionRules(daily=2), UTC, NOW).removed == (early,)
    old = [backup(24 * 400), backup(24 * 300)]
    assert plan_retention([late, *old], RetentionRules(daily=3), BERLIN, NOW).removed == ()


def test_the_hour_that_comes_twice_is_two_hours() -> None:
    first, second = (
        backup(started=datetime(2026, 10, 25, hour, 30, tzinfo=UTC), id=str(hour)) for hour in (0, 1)
    )
    assert first.started.astimezone(BERLIN).hour == second.started.astimezone(BERLIN).hour
    assert plan_retention([first, second], RetentionRules(hourly=2), BERLIN, NOW).removed == ()


def test_the_best_proven_the_newest_and_the_pinned_stay_whatever_the_rules_say() -> None:
    backups = daily(30)
    backups[20] = replace(backups[20], proof_level=ProofLevel.PROVEN)
    backups[25] = replace(backups[25], proof_level=ProofLevel.PROVEN)
    backups[28] = replace(backups[28], pinned=True)
    for rules in (RetentionRules(last=1), RetentionRules(max_age_days=1), RetentionRules(max_total_bytes=1)):
        plan = plan_retention(backups, rules, BERLIN, NOW)
        assert plan.kept == (backups[0], backups[20], backups[28])
        assert Keep.NEWEST in plan.verdicts[0].reasons
        assert plan.verdicts[20].reasons[0] is Keep.BEST_PROVEN
        assert plan.verdicts[28].reasons[0] is Keep.PINNED


def test_a_backup_whose_proof_failed_never_takes_the_place_of_a_good_one() -> None:
    bad = backup(1, proof_failure="TABLE x differs", proof_level=ProofLevel.PROVEN)
    good = backup(5)
    plan = plan_retention([bad, good, backup(6)], RetentionRules(last=1), BERLIN, NOW)
    assert plan.kept == (bad, good)
    assert plan.verdicts[0].reasons == (Keep.DOUBTFUL,)
    long_ago = replace(bad, started=NOW - timedelta(days=31))
    assert plan_retention([long_ago, good], RetentionRules(last=5), BERLIN, NOW).removed == (long_ago,)
    alone = plan_retention([long_ago], RetentionRules(last=5, max_total_bytes=1), BERLIN, NOW)
    assert alone.kept == (long_ago,)


def test_safety_backups_have_a_time_of_their_own() -> None:
    fresh, stale = (backup(24 * days, kind="safety", proof_level=ProofLevel.PROVEN) for days in (29, 31))
    regular = [backup(1), backup(24 * 40), backup(24 * 41)]
    rules = RetentionRules(last=2, max_age_days=0, max_total_bytes=1)
    plan = plan_retention([fresh, stale, *regular], rules, BERLIN, NOW)
    assert plan.kept == (regular[0], fresh)
    by = {verdict.backup.id: verdict.removed_by for verdict in plan.verdicts}
    assert by[stale.id] is Removal.SAFETY_EXPIRED
    assert by[regular[1].id] is Removal.TOO_LARGE
    assert plan_retention([stale], RetentionRules(last=9), BERLIN, NOW).removed == (stale,)
    pinned = replace(stale, pinned=True)
    assert plan_retention([pinned], RetentionRules(last=9), BERLIN, NOW).kept == (pinned,)


def test_size_removes_the_oldest_first_and_only_as_many_as_needed() -> None:
    plan = plan_retention(daily(10), RetentionRules(max_total_bytes=650), BERLIN, NOW)
    assert plan.removed == tuple(daily(10)[6:])


def test_attempts_without_a_backup_are_not_spoken_of() -> None:
    gone = [backup(1, result=Result.FAILED), backup(2, missing=True), backup(3, result=Result.CANCELLED)]
    assert plan_retention(gone, RetentionRules(last=1), BERLIN, NOW).verdicts == ()


@pytest.mark.parametrize("field", ["last", "hourly", "yearly", "max_age_days", "max_total_bytes"])
def test_a_number_without_sense_is_refused_by_name(field: str) -> None:
    for value in (-1, 2**63):
        with pytest.raises(AppError) as caught:
            replace(RetentionRules(), **{field: value}).check()
        assert caught.value.code is ErrorCode.INVALID_INPUT
        assert field in caught.value.title


COUNTS = st.integers(0, 4)
RULES = st.builds(
    RetentionRules,
    last=COUNTS,
    hourly=COUNTS,
    daily=COUNTS,
    weekly=COUNTS,
    monthly=COUNTS,
    yearly=COUNTS,
    max_age_days=st.sampled_from([0, 0, 1, 30, 400]),
    max_total_bytes=st.sampled_from([0, 0, 1, 500, 2000]),
)
BACKUPS = st.lists(
    st.builds(
        backup,
        hours=st.one_of(st.integers(0, 72), st.integers(0, 24 * 900)),
        id=st.uuids().map(str),
        kind=st.sampled_from(["manual", "scheduled", "scheduled", "safety"]),
        result=st.sampled_from([Result.SUCCEEDED] * 5 + [Result.FAILED]),
        proof_level=st.sampled_from([None, *ProofLevel]),
        proof_failure=st.sampled_from(["", "", "", "differs"]),
        pinned=st.sampled_from([False, False, False, True]),
        missing=st.sampled_from([False, False, False, True]),
        bytes=st.integers(0, 300),
    ),
    max_size=25,
)


def brute_force(backups: list[Entry], rules: RetentionRules) -> set[str]:
    """What a plain reading of the rules keeps, backup by backup, without any of the code under test."""
    present = [one for one in backups if one.result == "succeeded" and not one.missing]
    good = [one for one in present if not one.proof_failure and one.kind != "safety"]

    def newer(one: Entry, among: list[Entry]) -> list[Entry]:
        return [other for other in among if (other.started, other.id) > (one.started, one.id)]

    def in_periods(one: Entry, count: int, pattern: Callable[[datetime], str]) -> bool:
        own = pattern(one.started.astimezone(BERLIN))
        periods = {pattern(other.started.astimezone(BERLIN)) for other in newer(one, good)}
        return own not in periods and len(periods) < count

    def counted(one: Entry) -> bool:
        named = [
            len(newer(one, good)) < rules.last,
            in_periods(one, rules.hourly, lambda at: f"{at:%Y-%m-%d %H %z}"),
            in_periods(one, rules.daily, lambda at: f"{at:%Y-%m-%d}"),
            in_periods(one, rules.weekly, lambda at: f"{at:%G-%V}"),
            in_periods(one, rules.monthly, lambda at: f"{at:%Y-%m}"),
            in_periods(one, rules.yearly, lambda at: f"{at:%Y}"),
        ]
        no_numbers = not any(
            (rules.last, rules.hourly, rules.daily, rules.weekly, rules.monthly, rules.yearly)
        )
        return no_numbers or any(named)

    def level(one: Entry) -> int:
        return [None, "sealed", "complete", "proven"].index(one.proof_level)

    def untouchable(one: Entry) -> bool:
        if one.pinned:
            return True
        days = (NOW - one.started).total_seconds() / 86400
        if one.kind == "safety":
            return days <= 30
        if one.proof_failure:
            return days <= 30 or not newer(one, good)
        is_best = not any(
            (level(other), other.started, other.id) > (level(one), one.started, one.id) for other in good
        )
        return is_best or not newer(one, good)

    def stays(one: Entry) -> bool:
        if untouchable(one):
            return True
        if one.kind == "safety" or one.proof_failure:
            return False
        too_old = bool(rules.max_age_days) and (NOW - one.started) > timedelta(days=rules.max_age_days)
        return counted(one) and not too_old

    if rules == RetentionRules():
        return {one.id for one in present}
    kept = [one for one in present if stays(one)]
    for one in sorted(kept, key=lambda one: (one.started, one.id)):
        if rules.max_total_bytes and sum(other.bytes for other in kept) > rules.max_total_bytes:
            kept = [other for other in kept if other is not one or untouchable(one)]
    return {one.id for one in kept}


@given(backups=BACKUPS, rules=RULES)
def test_it_keeps_exactly_what_a_plain_reading_of_the_rules_says(
    backups: list[Entry], rules: RetentionRules
) -> None:
    plan = plan_retention(backups, rules, BERLIN, NOW)
    assert {one.id for one in plan.kept} == brute_force(backups, rules)
    for verdict in plan.verdicts:
        assert bool(verdict.reasons) == (verdict.removed_by is None)


@given(backups=BACKUPS, rules=RULES)
def test_it_never_removes_what_must_stay_and_a_second_run_removes_nothing(
    backups: list[Entry], rules: RetentionRules
) -> None:
    plan = plan_retention(backups, rules, BERLIN, NOW)
    good = [one for one in plan.kept + plan.removed if one.is_good and not one.is_safety]
    if good:
        best = max(one.proof_level.rank if one.proof_level else -1 for one in good)
        assert (
            max(one.proof_level.rank if one.proof_level else -1 for one in plan.kept if one in good) == best
        )
        assert max(good, key=lambda one: (one.started, one.id)) in plan.kept
    assert not any(one.pinned for one in plan.removed)
    assert not any(one.is_safety and NOW - one.started <= timedelta(days=30) for one in plan.removed)
    assert plan_retention(plan.kept, rules, BERLIN, NOW).removed == ()
    assert plan_retention(reversed(backups), rules, BERLIN, NOW) == plan


def test_ten_thousand_backups_are_planned_quickly() -> None:
    backups = [backup(hours) for hours in range(10_000)]
    rules = RetentionRules(last=5, hourly=24, daily=7, weekly=4, monthly=12, yearly=3, max_total_bytes=2000)
    started = time.perf_counter()
    plan_retention(backups, rules, BERLIN, NOW)
    assert time.perf_counter() - started < 1  # 0.2 s on a quiet machine; the benchmark holds the number
