from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.domain.backup import BackupOptions, Compression, CompressionMethod
from app.domain.errors import AppError, ErrorCode
from app.domain.project import Project
from app.domain.retention import RetentionRules
from app.domain.schedule import Conditions, Schedule
from app.persistence.schedules import (
    add_schedule,
    find_schedule,
    pause_all,
    remove_schedule,
    replace_schedule,
)
from app.persistence.settings import (
    add_project,
    change_settings,
    load_settings,
    remove_project,
    replace_project,
)

NOW = datetime(2026, 11, 22, 15, tzinfo=UTC)
SHOP = Project("Shop", "host=localhost dbname=shop", NOW)
BLOG = Project("Blog", "host=localhost dbname=blog", NOW)
DAILY = Schedule(
    "s1",
    "Shop",
    "30 2 * * *",
    "Europe/Berlin",
    NOW,
    name="nightly",
    options=BackupOptions(compression=Compression(CompressionMethod.ZSTD, 9), schemas=("public",)),
    destination="/mnt/vault",
    conditions=Conditions(mains_power=True),
    jitter_seconds=60,
    retention=RetentionRules(daily=7, max_total_bytes=1 << 40),
    paused_until=NOW + timedelta(hours=1),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "settings.json"
    add_project(file, SHOP)
    add_project(file, BLOG)
    add_schedule(file, DAILY)
    return file


def test_a_schedule_comes_back_as_it_was(path: Path) -> None:
    weekly = Schedule("s2", "blog", "0 3 * * 0", "UTC", NOW)
    add_schedule(path, weekly)
    assert load_settings(path).schedules == (DAILY, replace(weekly, project="Blog"))
    assert find_schedule(load_settings(path), "s1") == DAILY


def test_changed_times_count_from_now_and_the_place_stays(path: Path) -> None:
    add_schedule(path, Schedule("s2", "Blog", "0 3 * * 0", "UTC", NOW))
    later = NOW + timedelta(days=1)
    replace_schedule(path, replace(DAILY, name="x"), later)
    assert load_settings(path).schedules[0] == replace(DAILY, name="x")
    replace_schedule(path, replace(DAILY, cron="0 4 * * *"), later)
    assert load_settings(path).schedules[0] == replace(DAILY, cron="0 4 * * *", since=later)
    assert remove_schedule(path, "s1").cron == "0 4 * * *"
    assert [one.id for one in load_settings(path).schedules] == ["s2"]


def test_what_cannot_run_is_refused_and_nothing_changes(path: Path) -> None:
    before = path.read_bytes()
    for change, code in (
        (lambda: add_schedule(path, DAILY), ErrorCode.INVALID_INPUT),
        (lambda: add_schedule(path, replace(DAILY, id="s9", cron="x")), ErrorCode.INVALID_INPUT),
        (lambda: add_schedule(path, replace(DAILY, id="s9", project="Nobody")), ErrorCode.UNKNOWN_PROJECT),
        (lambda: replace_schedule(path, replace(DAILY, id="s9"), NOW), ErrorCode.INVALID_INPUT),
        (lambda: replace_schedule(path, replace(DAILY, zone="Nowhere"), NOW), ErrorCode.INVALID_INPUT),
        (lambda: remove_schedule(path, "s9"), ErrorCode.INVALID_INPUT),
    ):
        with pytest.raises(AppError) as caught:
            change()
        assert caught.value.code is code
    assert path.read_bytes() == before


def test_schedules_follow_a_renamed_project_and_go_with_a_removed_one(path: Path) -> None:
    add_schedule(path, Schedule("s2", "Blog", "0 3 * * 0", "UTC", NOW))
    replace_project(path, "shop", replace(SHOP, name="SHOP 2", conninfo="host=db"))
    settings = load_settings(path)
    assert settings.projects == (replace(SHOP, name="SHOP 2", conninfo="host=db"), BLOG)
    assert [one.project for one in settings.schedules] == ["SHOP 2", "Blog"]
    replace_project(path, "SHOP 2", replace(SHOP, name="Shop 2"))  # only the case
    remove_project(path, "shop 2")
    assert [one.id for one in load_settings(path).schedules] == ["s2"]


def test_a_name_that_another_project_has_is_refused_for_a_rename(path: Path) -> None:
    for name, project in (("Shop", replace(SHOP, name="bLOG")), ("Nobody", SHOP)):
        with pytest.raises(AppError):
            replace_project(path, name, project)
    with pytest.raises(AppError):
        replace_project(path, "Shop", replace(SHOP, conninfo="host=db password=hunter2"))
    assert load_settings(path).projects == (SHOP, BLOG)


def test_all_can_be_paused_and_resumed(path: Path) -> None:
    pause_all(path, NOW)
    assert load_settings(path).paused_until == NOW
    pause_all(path, None)
    assert load_settings(path).paused_until is None


def test_settings_from_before_there_were_schedules_still_load(tmp_path: Path) -> None:
    old = tmp_path / "old.json"
    old.write_text('{"destination": "/x", "stall_seconds": 60.0, "projects": [], "version": 1}')
    settings = load_settings(old)
    assert (settings.destination, settings.schedules, settings.notifications.failed) == ("/x", (), True)


def test_what_a_newer_holdfast_has_written_survives_a_change_by_an_older_one(path: Path) -> None:
    content = json.loads(path.read_text())
    content["theme"] = {"accent": "petrol"}
    content["notifications"]["by_mail"] = True
    content["projects"][0]["colour"] = "red"
    content["projects"][1]["colour"] = "blue"
    content["schedules"][0]["retention"]["decades"] = 3
    path.write_text(json.dumps(content))

    replace_schedule(path, replace(DAILY, name="changed"), NOW)
    replace_project(path, "Shop", replace(SHOP, name="Other"))
    change_settings(path, lambda old: replace(old, notifications=replace(old.notifications, failed=False)))
    kept = json.loads(path.read_text())
    assert kept["theme"] == {"accent": "petrol"}
    assert kept["notifications"] == {**content["notifications"], "failed": False}
    assert [(one["name"], one["colour"]) for one in kept["projects"]] == [("Other", "red"), ("Blog", "blue")]
    assert kept["schedules"][0]["retention"]["decades"] == 3
    assert kept["schedules"][0]["name"] == "changed"
    remove_project(path, "Other")
    (left,) = json.loads(path.read_text())["projects"]
    assert (left["name"], left["colour"]) == ("Blog", "blue")


@pytest.mark.parametrize("numbers", [{"jobs": 0}, {"jobs": 65}, {"stall_seconds": 0.0}])
def test_a_number_without_sense_is_refused_by_name(path: Path, numbers: dict[str, float]) -> None:
    before = path.read_bytes()
    with pytest.raises(AppError) as caught:
        change_settings(path, lambda old: replace(old, **numbers))  # type: ignore[arg-type]
    assert caught.value.code is ErrorCode.INVALID_INPUT
    assert caught.value.title.startswith(next(iter(numbers)))
    assert path.read_bytes() == before
