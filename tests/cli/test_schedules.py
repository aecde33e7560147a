"""`holdfast schedules`: what was asked for stands in the settings, and what is wrong changes nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.domain.backup import Contents
from app.domain.due import Hold, Skipped, Waiting
from app.domain.history import Entry, Result
from app.domain.project import Project
from app.domain.proof import ProofLevel
from app.domain.retention import RetentionRules
from app.domain.schedule import Conditions, Schedule
from app.engine.scheduler import only_run
from app.persistence.catalog import Catalog, catalog_path
from app.persistence.settings import Settings, change_settings, load_settings, settings_path

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

BERLIN = ("--zone", "Europe/Berlin")


@pytest.fixture(autouse=True)
def projects(tmp_path: Path) -> None:
    (tmp_path / "Backups").mkdir()
    made = tuple(
        Project(name, f"host=/nowhere dbname={name.lower()}", datetime.now(UTC)) for name in ("Shop", "Blog")
    )
    settings = Settings(destination=str(tmp_path / "Backups"), projects=made)
    change_settings(settings_path(), lambda _: settings)


def saved() -> tuple[Schedule, ...]:
    return load_settings(settings_path()).schedules


def added(cli: Cli, *arguments: str) -> Schedule:
    done = cli("schedules", "add", "--project", "shop", *arguments)
    assert done.status == 0, done.errors
    return saved()[-1]


@pytest.mark.parametrize(
    ("arguments", "cron"),
    [
        (["--cron", "*/15 8-18 * * 1-5"], "*/15 8-18 * * 1-5"),
        (["--every", "hour"], "0 * * * *"),
        (["--every", "hour", "--at", ":15"], "15 * * * *"),
        (["--every", "day"], "30 2 * * *"),
        (["--every", "day", "--at", "04:05"], "5 4 * * *"),
        (["--every", "week"], "30 2 * * 0"),
        (["--every", "week", "--on", "Fri", "--at", "23:00"], "0 23 * * 5"),
        (["--every", "month"], "30 2 1 * *"),
        (["--every", "month", "--on", "28"], "30 2 28 * *"),
        (["--every", "month", "--on", "last"], "30 2 L * *"),
    ],
)
def test_a_rhythm_becomes_a_cron_expression(cli: Cli, arguments: list[str], cron: str) -> None:
    assert added(cli, *arguments).cron == cron


def test_all_that_can_be_chosen_is_kept(cli: Cli, tmp_path: Path) -> None:
    schedule = added(
        cli,
        *("--every", "day", *BERLIN, "--name", "nightly", "--to", str(tmp_path / "stick"), "--jitter", "5"),
        *("--proof", "complete", "--what", "schema", "--schema", "public", "--compress", "zstd:9"),
        *("--no-roles", "--keep-last", "1", "--keep-hourly", "2", "--keep-daily", "3", "--keep-weekly", "4"),
        *("--keep-monthly", "5", "--keep-yearly", "6", "--keep-days", "400", "--max-size", "1.5TB"),
        *("--only-on-mains", "--not-metered", "--only-when-reachable", "--trash"),
    )
    assert (schedule.project, schedule.zone, schedule.name) == ("Shop", "Europe/Berlin", "nightly")
    assert (schedule.destination, schedule.jitter_seconds) == (str(tmp_path / "stick"), 300)
    options = schedule.options
    assert (options.proof, options.contents, options.schemas) == (
        ProofLevel.COMPLETE,
        Contents.SCHEMA,
        ("public",),
    )
    assert (str(options.compression), options.roles) == ("zstd:9", False)
    assert schedule.retention == RetentionRules(1, 2, 3, 4, 5, 6, 400, 1_500_000_000_000)
    assert schedule.conditions == Conditions(mains_power=True, not_metered=True, server_reachable=True)
    assert schedule.trash


def test_it_is_said_in_words_with_the_next_three_times(cli: Cli, tmp_path: Path) -> None:
    arguments = ("--every", "day", *BERLIN, "--keep-daily", "7", "--to", str(tmp_path / "stick"))
    said = cli("schedules", "add", "--project", "Shop", *arguments)
    assert said.output.startswith("Shop: Every day at 02:30 (Europe/Berlin), keep 7 daily\n")
    assert said.output.count("\nNext  ") == 3
    assert "Removes   nothing now" in said.output
    assert "stick is not there now; the schedule waits for it." in said.errors
    told = cli("schedules", "add", "--project", "Shop", *arguments, "--json").json
    assert told["sentence"] == "Every day at 02:30 (Europe/Berlin), keep 7 daily"
    assert len(told["next"]) == 3
    assert (told["removes_now"], told["schedule"]["id"]) == ([], saved()[1].id)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ([], "--every"),
        (["--every", "day", "--cron", "0 0 * * *"], "--every"),
        (["--every", "fortnight"], "fortnight"),
        (["--cron", "61 * * * *"], "Minutes go from 0 to 59"),
        (["--cron", "0 0 30 2 *"], "no day of the month"),
        (["--cron", "0 0 * * *", "--at", "02:30"], "--at"),
        (["--every", "day", "--at", "24:00"], "24:00"),
        (["--every", "hour", "--at", "02:30"], ":15"),
        (["--every", "day", "--on", "Monday"], "--on"),
        (["--every", "week", "--on", "S"], "weekday"),
        (["--every", "month", "--on", "31"], "31"),
        (["--every", "day", "--zone", "Mars/Olympus"], "Mars/Olympus"),
        (["--every", "day", "--keep-last", "-1"], "retention.last"),
        (["--every", "day", "--keep-last", "x"], "--keep-last"),
        (["--every", "day", "--max-size", "much"], "50GB"),
        (["--every", "day", "--max-size", "9" * 400], "retention.max_total_bytes"),
        (["--every", "day", "--jitter", "61"], "--jitter"),
        (["--every", "day", "--proof", "certain"], "--proof"),
        (["--every", "day", "--no-counts", "--proof", "proven"], "--no-counts"),
        (["--every", "day", "--compress", "rar"], "rar"),
    ],
)
def test_wrong_input_is_named_and_nothing_is_written(cli: Cli, arguments: list[str], word: str) -> None:
    before = settings_path().read_bytes()
    refused = cli("schedules", "add", "--project", "Shop", *arguments)
    assert refused.status == 2
    assert word in refused.errors
    assert settings_path().read_bytes() == before


def test_an_unknown_project_is_named_and_nothing_is_written(cli: Cli) -> None:
    refused = cli("schedules", "add", "--project", "Shpo", "--every", "day", "--json")
    assert (refused.status, refused.json["error"]["code"]) == (1, "unknown-project")
    assert "Shop" in refused.json["error"]["detail"]
    assert saved() == ()


def test_a_schedule_is_called_by_its_project_its_id_or_the_beginning_of_it(cli: Cli) -> None:
    first = added(cli, "--every", "day", *BERLIN)
    for name in ("SHOP", first.id, first.id[:8]):
        assert cli("schedules", "disable", name).status == 0
        assert not saved()[0].enabled
        assert cli("schedules", "enable", name).status == 0
        assert saved()[0].enabled
    second = added(cli, "--every", "hour")
    ambiguous = cli("schedules", "remove", "Shop")
    assert ambiguous.status == 2
    assert first.id in ambiguous.errors
    assert second.id in ambiguous.errors
    assert cli("schedules", "remove", first.id[:3]).status == 2
    assert len(saved()) == 2
    removed = cli("schedules", "remove", second.id[:8])
    assert removed.output == "Removed the schedule of Shop. Its backups stay where they are.\n"
    assert saved() == (saved()[0],)
    assert saved()[0].id == first.id


def test_what_came_while_it_was_off_is_not_made_good(cli: Cli) -> None:
    schedule = added(cli, "--every", "hour")
    begun = datetime.now(UTC)
    assert cli("schedules", "disable", "Shop").status == 0
    assert saved()[0].since == schedule.since
    assert cli("schedules", "enable", "Shop").status == 0
    assert saved()[0].since >= begun


def test_one_or_all_are_paused_for_a_while_and_resumed(cli: Cli) -> None:
    added(cli, "--every", "day")
    now = datetime.now(UTC)
    assert cli("schedules", "pause", "--for", "1d 12h").status == 0
    until = load_settings(settings_path()).paused_until
    assert until is not None
    assert timedelta(hours=36) <= until - now < timedelta(hours=37)
    assert cli("schedules", "list", "--json").json["schedules"][0]["state"] == "paused"
    assert cli("schedules", "resume").status == 0
    assert load_settings(settings_path()).paused_until is None
    assert cli("schedules", "pause", "Shop", "--until", "2199-12-24 18:00").status == 0
    assert saved()[0].paused_until == datetime(2199, 12, 24, 18).astimezone()
    assert "paused until" in cli("schedules", "list").output
    assert cli("schedules", "resume", "Shop").status == 0
    assert saved()[0].paused_until is None


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--for", "2h", "--until", "18:00"],
        ["--for", "soon"],
        ["--for", "9999999w"],
        ["--until", "2001-01-01"],
        ["--until", "then"],
        ["Blog", "--for", "2h"],
    ],
)
def test_a_pause_without_sense_is_refused(cli: Cli, arguments: list[str]) -> None:
    added(cli, "--every", "day")
    before = settings_path().read_bytes()
    assert cli("schedules", "pause", *arguments).status == 2
    assert settings_path().read_bytes() == before


def test_the_next_times_say_what_clock_changes_do(cli: Cli) -> None:
    added(cli, "--every", "hour", *BERLIN)
    told = cli("schedules", "next", "--count", "900", "--json").json["schedules"]
    assert len(told[0]["slots"]) == 900
    assert told[0]["slots"][0]["at"] < told[0]["slots"][1]["at"]
    assert cli("schedules", "next", "Shop", "--count", "2").output.splitlines()[0] == "Shop, Europe/Berlin"
    assert cli("schedules", "next", "Blog").status == 2


def test_without_schedules_the_list_says_how_to_make_one(cli: Cli) -> None:
    assert "holdfast schedules add" in cli("schedules", "list").output
    assert cli("schedules", "list", "--json").json == {"schedules": [], "paused_until": None}


def due_hours_ago(hours: float, **more: object) -> Schedule:
    """A schedule whose last slot was some hours ago, and the next one is tomorrow."""
    slot = datetime.now(UTC) - timedelta(hours=hours)
    since = slot - timedelta(days=3)
    return Schedule("daily-id", "Shop", f"{slot.minute} {slot.hour} * * *", "UTC", since, **more)  # type: ignore[arg-type]


def state_of(cli: Cli, schedule: Schedule, *entries: Entry) -> dict[str, object]:
    change_settings(settings_path(), lambda old: replace(old, schedules=(schedule,)))
    with Catalog(catalog_path()) as catalog:
        for entry in entries:
            catalog.record(entry)
    assert cli("schedules", "list").status == 0
    found: dict[str, object] = cli("schedules", "list", "--json").json["schedules"][0]
    return found


def attempt(schedule: Schedule, result: Result, ago: timedelta, number: int = 0) -> Entry:
    now = datetime.now(UTC)
    hour, minute = int(schedule.cron.split()[1]), int(schedule.cron.split()[0])
    slot = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    slot = slot if slot <= now else slot - timedelta(days=1)
    started = now - ago
    return Entry(
        f"20260101T000000Z-{number:06}",
        "Shop",
        started,
        result,
        finished=started,
        kind="scheduled",
        error_title="" if result is Result.SUCCEEDED else "The server is away",
        schedule=schedule.id,
        slot=slot,
        destination=str(Path.home()),
    )


def test_the_list_tells_how_each_stands(cli: Cli, tmp_path: Path) -> None:
    daily = due_hours_ago(2)
    failed = [attempt(daily, Result.FAILED, timedelta(seconds=5), number) for number in range(5)]
    assert state_of(cli, daily)["state"] == "due"
    with only_run(daily):
        assert state_of(cli, daily)["state"] == "running"
    away = state_of(cli, due_hours_ago(2, destination=str(tmp_path / "stick")))
    assert (away["state"], away["waiting"]) == ("waiting", ["folder-missing"])
    assert state_of(cli, due_hours_ago(2, enabled=False))["state"] == "off"
    retrying = state_of(cli, daily, failed[0])
    assert (retrying["state"], retrying["attempt"]) == ("retrying", 2)
    last = retrying["last"]
    assert isinstance(last, dict)
    assert (last["result"], last["error_title"]) == ("failed", "The server is away")
    assert state_of(cli, daily, *failed)["state"] == "gave-up"
    good = attempt(daily, Result.SUCCEEDED, timedelta(seconds=1), 9)
    idle = state_of(cli, daily, good)
    assert (idle["state"], idle["overdue_since"]) == ("idle", None)


def test_what_has_no_good_backup_for_too_long_is_overdue(cli: Cli) -> None:
    assert state_of(cli, due_hours_ago(20))["overdue_since"] is not None
    assert "overdue since" in cli("schedules", "list").output


def test_what_held_slots_up_is_listed(cli: Cli) -> None:
    daily = due_hours_ago(2)
    now = datetime.now(UTC)
    with Catalog(catalog_path()) as catalog:
        catalog.record_hold(Hold(daily.id, now, Waiting.ON_BATTERY, now, now))
        catalog.record_hold(Hold(daily.id, now, Skipped.CAUGHT_UP, now - timedelta(days=2), now))
    held = state_of(cli, daily)["held"]
    assert isinstance(held, list)
    assert [one["reason"] for one in held] == ["caught-up", "on-battery"]
    assert "waited for mains power" in cli("schedules", "list").output
