"""`holdfast prune`: what it shows is what it does, and nothing goes without a yes."""

from __future__ import annotations

import os
import pty
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.domain.history import Entry
from app.domain.project import Project
from app.domain.retention import RetentionRules
from app.domain.schedule import Schedule
from app.engine.scheduler import only_run
from app.persistence.catalog import Catalog, catalog_path
from app.persistence.settings import Settings, change_settings, settings_path
from app.system.process import Child
from tests.kept_backups import ids, keep_backup, trashed, whole_in

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

NOW = datetime.now(UTC)
DAILY = Schedule("daily", "Shop", "30 2 * * *", "UTC", NOW, retention=RetentionRules(last=2))
BLOG = replace(DAILY, id="blog", project="Blog")


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    folder = tmp_path / "Backups"
    folder.mkdir()
    return folder


@pytest.fixture
def own(destination: Path) -> list[Entry]:
    """Five of each schedule; gives those of Shop, newest first."""
    projects = tuple(Project(name, "dbname=x", NOW) for name in ("Shop", "Blog"))
    settings = Settings(destination=str(destination), projects=projects, schedules=(DAILY, BLOG))
    change_settings(settings_path(), lambda _: settings)
    with Catalog(catalog_path()) as catalog:
        made = [
            keep_backup(destination, NOW - timedelta(days=day, hours=hour), one.id, project=one.project)
            for hour, one in enumerate((DAILY, BLOG), 1)
            for day in range(5)
        ]
        for entry in made:
            catalog.record(entry)
    return made[:5]


def test_a_dry_run_tells_what_goes_and_why_and_removes_nothing(
    cli: Cli, destination: Path, own: Sequence[Entry]
) -> None:
    told = cli("prune", "--dry-run", "--project", "shop")
    assert told.status == 0
    lines = told.output.splitlines()
    assert lines[0] == "Shop: Every day at 02:30 (UTC), keep the last 2"
    assert lines[1].startswith(f"  keep    {own[0].started:%Y-%m-%d %H:%M} UTC")
    assert lines[1].endswith("best proven, newest, last")
    assert lines[5].startswith(f"  remove  {own[4].started:%Y-%m-%d %H:%M} UTC")
    assert lines[5].endswith("no rule keeps it")
    assert lines[6].startswith("  Keeps 2, removes 3 (")
    (shop, blog) = cli("prune", "--dry-run", "--json").json["schedules"]
    assert [one["id"] for one in shop["remove"]] == [one.id for one in own[2:]]
    assert {one["rule"] for one in shop["remove"]} == {"not-needed"}
    assert shop["keep"][1]["reasons"] == ["last"]
    assert (blog["removed"], blog["to"]) == ([], "for-good")
    assert len(whole_in(destination)) == 10


def test_it_removes_what_it_said_and_the_next_one_finds_nothing(
    cli: Cli, destination: Path, own: Sequence[Entry]
) -> None:
    (shop,) = cli("prune", "--project", "Shop", "--yes", "--json").json["schedules"]
    assert sorted(shop["removed"]) == [one["id"] for one in reversed(shop["remove"])] == ids(own[2:])
    assert len(whole_in(destination)) == 7
    again = cli("prune", "--yes")
    assert "Removed 3 old backups of Blog for good." in again.errors
    assert len(whole_in(destination)) == 4
    assert "removes none." in cli("prune", "--yes").output


def test_they_can_go_to_the_trash(cli: Cli, destination: Path, home: Path, own: Sequence[Entry]) -> None:
    before = trashed(home)
    assert cli("prune", "--project", "Shop", "--trash", "--yes").status == 0
    assert len(whole_in(destination)) == 7
    assert len(trashed(home) - before) == 3


def test_a_schedule_that_makes_a_backup_is_left_to_prune_by_itself(
    cli: Cli, destination: Path, own: Sequence[Entry]
) -> None:
    with only_run(DAILY):
        (shop,) = cli("prune", "--project", "Shop", "--yes", "--json").json["schedules"]
    assert (shop["busy"], shop["removed"]) == (True, [])
    assert len(whole_in(destination)) == 10


def test_backups_on_a_disk_that_is_away_are_named_with_status_1(
    cli: Cli, destination: Path, own: Sequence[Entry]
) -> None:
    destination.rename(destination.with_name("away"))
    told = cli("prune", "--yes", "--project", "Shop", "--json")
    assert told.status == 1
    (shop,) = told.json["schedules"]
    assert {one["error"]["code"] for one in shop["problems"]} == {"folder-missing"}
    assert len(whole_in(destination.with_name("away"))) == 10


def test_an_unknown_project_is_named(cli: Cli, own: Sequence[Entry]) -> None:
    assert cli("prune", "--project", "Nothing", "--json").json["error"]["code"] == "unknown-project"


def test_without_schedules_nothing_is_removed(cli: Cli) -> None:
    assert cli("prune").output == "No schedule, no rules: nothing is ever removed.\n"


@pytest.mark.skipif(sys.platform == "win32", reason="a terminal of POSIX")
@pytest.mark.parametrize(("answer", "left"), [(b"n\n", 10), (b"y\n", 4)])
def test_on_a_terminal_it_asks(destination: Path, own: Sequence[Entry], answer: bytes, left: int) -> None:
    ours, theirs = pty.openpty()
    os.write(ours, answer)  # the terminal keeps it until it is read
    with os.fdopen(theirs, "r+b", buffering=0) as terminal:
        command = [sys.executable, "-m", "app", "prune"]
        with Child(command, env=os.environ, stdin=terminal) as child:
            status = child.wait(60)
            assert "Remove 6 backups for good?" in child.errors()
    os.close(ours)
    assert status == (130 if left == 10 else 0)
    assert len(whole_in(destination)) == left
