from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app.cli.schedule_text import WAITING, schedule_sentence, slot_line
from app.domain.due import Waiting
from app.domain.retention import RetentionRules
from app.domain.schedule import Schedule
from app.domain.slots import next_slots

NOW = datetime(2026, 11, 22, 15, tzinfo=UTC)
PLAIN = Schedule("s", "Shop", "30 2 * * *", "Europe/Berlin", NOW)


@pytest.mark.parametrize(
    ("cron", "rules", "words"),
    [
        (
            "30 2 * * *",
            RetentionRules(daily=7, weekly=4, monthly=12),
            "Every day at 02:30 (Europe/Berlin), keep 7 daily, 4 weekly, 12 monthly",
        ),
        ("0 * * * *", RetentionRules(last=24), "Every hour, on the hour (Europe/Berlin), keep the last 24"),
        ("1 * * * *", RetentionRules(), "Every hour, 1 minute past (Europe/Berlin)"),
        ("0 23 * * 3", RetentionRules(), "Every Wednesday at 23:00 (Europe/Berlin)"),
        ("30 2 28 * *", RetentionRules(), "On day 28 of every month at 02:30 (Europe/Berlin)"),
        (
            "30 2 L * *",
            RetentionRules(max_age_days=90),
            "On the last day of every month at 02:30 (Europe/Berlin), keep all, none older than 90 days",
        ),
        (
            "*/15 8-18 * * 1-5",
            RetentionRules(),
            "Every 15th minute from 08:00 through 18:59 on Mon",
        ),
    ],
)
def test_a_schedule_is_said_in_one_sentence(cron: str, rules: RetentionRules, words: str) -> None:
    assert schedule_sentence(replace(PLAIN, cron=cron, retention=rules)).startswith(words)


def test_limits_are_said_too() -> None:
    rules = RetentionRules(last=3, max_total_bytes=10**10)
    assert schedule_sentence(replace(PLAIN, retention=rules)).endswith(", keep the last 3, at most 10.0 GB")


def test_a_slot_says_what_a_clock_change_does_to_it() -> None:
    def lines(cron: str, after: datetime, count: int) -> list[str]:
        return [slot_line(slot) for slot in next_slots(replace(PLAIN, cron=cron), after, count)]

    assert lines("30 2 28 * *", datetime(2027, 2, 1, tzinfo=UTC), 2) == [
        "Sun 28 Feb 2027 02:30",
        "Sun 28 Mar 2027 03:00  clocks go forward, no 02:30",
    ]
    assert lines("0 * * * *", datetime(2026, 10, 24, 23, 30, tzinfo=UTC), 2) == [
        "Sun 25 Oct 2026 02:00  clocks go back, the first 02:00 of two",
        "Sun 25 Oct 2026 02:00  clocks go back, the second 02:00 of two",
    ]


def test_each_condition_has_its_words() -> None:
    assert set(WAITING) == set(Waiting)
