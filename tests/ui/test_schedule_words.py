"""Schedules in words: rhythms, cron expressions, what is kept, what waits, what was changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QLocale
from PySide6.QtWidgets import QApplication

from app.domain.due import Due, DueState, Waiting
from app.domain.errors import AppError
from app.domain.health import Cause, ScheduleHealth
from app.domain.history import Result
from app.domain.project import Project
from app.domain.retention import RetentionRules
from app.domain.schedule import Conditions, Every, Preset, Schedule, check_cron
from app.domain.slots import next_slots
from app.persistence.settings import Settings
from app.ui import schedule_words
from app.ui.cron_words import cron_words
from app.ui.schedule_edits import as_saved, new_schedule, problems, with_schedule, without_schedule

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 22, 14, 20, tzinfo=UTC)
SHOP = Schedule("shop", "Shop", "30 2 * * *", "Europe/Berlin", NOW - timedelta(days=9))

pytestmark = pytest.mark.usefixtures("qapp")


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("* * * * *", "Every minute"),
        ("*/15 * * * *", "Every 15 minutes"),
        ("5,35 * * * *", "Every hour at minute 5 and 35"),
        ("15 */2 * * *", "Every 2 hours at minute 15"),
        ("0 */6 * * *", "At 00:00, 06:00, 12:00, and 18:00"),
        ("*/10 8-18 * * 1-5", "Every 10 minutes, from 08:00 to 18:59, on Monday to Friday"),
        ("*/10 8,9,20 * * *", "Every 10 minutes, in the hours 8, 9, and 20"),
        ("30 2 1,15 * *", "At 02:30, on day 1 and 15 of the month"),
        ("30 2 L * *", "At 02:30, on the last day of the month"),
        ("30 2 LW * *", "At 02:30, on the last working day of the month"),
        ("30 2 * * SAT,SUN", "At 02:30, on Saturday and Sunday"),
        ("30 2 * * MON#2", "At 02:30, on the second Monday of the month"),
        ("30 2 * * 5L", "At 02:30, on the last Friday of the month"),
        ("30 2 1 * MON", "At 02:30, on day 1 of the month or on Monday"),
        ("30 2 */2 * MON", None),
        ("30 2 1 JAN,JUL *", "At 02:30, on day 1 of the month, in January and July"),
        ("30 2 1 3-9/3 *", "At 02:30, on day 1 of the month, in March, June, and September"),
    ],
)
def test_cron_expressions_are_said_in_words(cron: str, words: str | None) -> None:
    said = cron_words(cron)
    if words is None:
        assert said.endswith("31 of the month, only on Monday")
    else:
        assert said == words


def test_they_are_said_in_the_language_of_the_window() -> None:
    before = QLocale()
    QLocale.setDefault(QLocale("de"))
    try:
        assert "Montag" in cron_words("*/10 * * * 1")
        assert "Mittwoch" in schedule_words.in_words(replace(SHOP, cron="0 23 * * 3"))
    finally:
        QLocale.setDefault(before)


_FIELD = st.text("0123456789*,-/#LW", min_size=1, max_size=6)


@given(st.tuples(_FIELD, _FIELD, _FIELD, _FIELD, _FIELD))
@settings(max_examples=300, deadline=None)
def test_whatever_is_a_cron_expression_can_be_said(parts: tuple[str, ...]) -> None:
    cron = " ".join(parts)
    try:
        check_cron(cron, "UTC", NOW)
    except AppError:
        return
    assert cron_words(cron)


@pytest.mark.parametrize(
    ("preset", "words"),
    [
        (Preset(Every.HOUR), "Every hour on the hour"),
        (Preset(Every.HOUR, 15), "Every hour at minute 15"),
        (Preset(Every.WEEK, 0, 23, 3), "Every Wednesday at 23:00"),
        (Preset(Every.WEEK, 0, 23, 0), "Every Sunday at 23:00"),
        (Preset(Every.MONTH, 30, 2, day=0), "On the last day of every month at 02:30"),
    ],
)
def test_presets_are_said_in_words(preset: Preset, words: str) -> None:
    assert schedule_words.in_words(replace(SHOP, cron=preset.cron)) == f"{words} (Europe/Berlin)"


def test_what_is_kept_is_said_with_its_limits() -> None:
    rules = RetentionRules(last=3, hourly=24, yearly=2, max_age_days=400, max_total_bytes=50_000_000_000)
    assert schedule_words.retention(rules) == (
        "keep the last 3, 24 hourly, 2 yearly, none older than 400 days, 50.0 GB at most"
    )
    assert schedule_words.retention(RetentionRules(max_age_days=9)) == "keep all, none older than 9 days"
    assert schedule_words.retention(RetentionRules()) == ""


def test_clock_changes_are_said_of_the_slots_that_they_move() -> None:
    before = datetime(2026, 10, 24, 12, tzinfo=UTC)
    (fixed,) = next_slots(SHOP, before, 1)
    assert schedule_words.clock_change(fixed) == "clocks go back, the first 02:30 of two"
    hourly = next_slots(replace(SHOP, cron="30 * * * *"), before, 16)
    assert [schedule_words.clock_change(one) for one in hourly if one.change] == [
        "clocks go back, the first 02:30 of two",
        "clocks go back, the second 02:30 of two",
    ]


def standing(
    state: DueState, at: datetime | None = None, *waiting: Waiting, **other: object
) -> schedule_words.Standing:
    due = Due(state, slot=NOW - timedelta(minutes=20), at=at)
    health = ScheduleHealth(SHOP, due, waiting, None)
    cause = Cause(Result.FAILED, "", "The disk is full", "", NOW, 5)
    return schedule_words.standing(health, cause, NOW, BERLIN, **other)  # type: ignore[arg-type]


def test_each_state_says_what_comes_next_and_why() -> None:
    soon = NOW + timedelta(minutes=14)
    assert standing(DueState.IDLE, soon).text == "Next: today 15:34"
    assert standing(DueState.IDLE).text == "It never comes again"
    assert standing(DueState.RETRYING, soon).text == "Retrying at 15:34: The disk is full"
    assert standing(DueState.GAVE_UP, NOW + timedelta(days=3)).text == (
        "Next: Wed 25 Nov 15:20: The disk is full"
    )
    assert standing(DueState.DUE).text == "Due now"
    running = standing(DueState.DUE, is_running=True)
    assert (running.text, running.status and running.status.text) == ("Backing up now", "Running")
    waiting = standing(DueState.DUE, None, Waiting.FOLDER_MISSING, Waiting.METERED)
    assert waiting.text == "15:00 waits for the backup folder and a network that is not metered"
    assert standing(DueState.PAUSED, soon).text == "Until today 15:34"
    assert standing(DueState.OFF).word == "Off"


def test_changes_are_named_with_both_values() -> None:
    new = replace(
        SHOP,
        cron="30 2 28 * *",
        zone="UTC",
        destination="/mnt/vault",
        conditions=Conditions(mains_power=True),
        retention=RetentionRules(max_total_bytes=5_000_000_000),
    )
    assert schedule_words.changes(SHOP, new) == (
        "times Every day at 02:30 → On day 28 of every month at 02:30",
        "time zone Europe/Berlin → UTC",
        "folder the default one → /mnt/vault",
        "mains power off → on",
        "size at most – → 5.0 GB",
    )
    assert schedule_words.changes(SHOP, replace(SHOP, cron="x")) == ("times Every day at 02:30 → x",)


def test_each_wrong_field_has_its_own_words() -> None:
    wrong = replace(SHOP, cron="0 0 30 2 *", zone="Mars", destination="here")
    assert list(problems(wrong)) == ["cron", "zone", "destination"]
    assert problems(wrong)["zone"] == ("There is no time zone “Mars”. Names look like Europe/Berlin or UTC.")
    assert problems(SHOP) == {}
    assert "five fields" in problems(replace(SHOP, cron=""))["cron"]


def test_a_new_schedule_is_for_a_project_that_has_none(home: Path, qapp: QApplication) -> None:
    projects = (Project("Shop", "", NOW), Project("Blog", "", NOW))
    made = new_schedule(Settings(projects=projects, schedules=(SHOP,)), "Europe/Berlin", NOW)
    assert (made.project, made.since, made.retention.is_off) == ("Blog", NOW, True)
    assert problems(made) == {}


def test_settings_keep_what_the_form_does_not_say() -> None:
    before = Settings(projects=(Project("Shop", "", NOW),))
    added = with_schedule(before, SHOP, NOW)
    (kept,) = added.schedules
    assert kept.since == NOW
    off = replace(kept, enabled=False)
    changed = with_schedule(added, off, NOW + timedelta(days=1))
    assert as_saved(replace(SHOP, name="x"), changed.schedules[0]) == replace(off, name="x")
    assert without_schedule(changed, "shop").schedules == ()
    with pytest.raises(AppError):
        with_schedule(before, replace(SHOP, project="Gone"), NOW)
