"""`holdfast run-due` as cron calls it: real processes that race, are killed, and lose their disk."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.domain.backup import Backup, BackupOptions
from app.domain.due import Skipped
from app.domain.history import Entry, Result
from app.domain.project import Project
from app.domain.proof import ProofLevel
from app.domain.retention import RetentionRules
from app.domain.schedule import Schedule
from app.engine.scheduler import room_for_one
from app.engine.verify import verify_backup
from app.persistence.catalog import Catalog, catalog_path
from app.persistence.manifest import read_manifest
from app.persistence.settings import Settings, change_settings, settings_path
from app.postgres.sandbox import SandboxServer
from app.system.cancellation import CancelToken
from app.system.process import Child, Finished

if TYPE_CHECKING:
    from tests.conftest import Database, Holdfast, NewDatabase

QUICK = BackupOptions(proof=ProofLevel.SEALED, counts=False, roles=False, jobs=1)
PATIENCE = 60.0


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    folder = tmp_path / "Backups"
    folder.mkdir()
    return folder


@pytest.fixture
def database(server17: SandboxServer, new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch) -> Database:
    database = new_database(server17)
    database.sql("CREATE TABLE orders AS SELECT n FROM generate_series(1, 100) n")
    monkeypatch.setenv("PGPASSWORD", database.password)
    return database


def due_schedule(name: str = "daily", options: BackupOptions = QUICK) -> Schedule:
    """One whose slot was 90 minutes ago and comes again tomorrow, whenever the test runs."""
    now = datetime.now(UTC)
    slot = now - timedelta(minutes=90)
    return Schedule(
        name, "Shop", f"{slot.minute} {slot.hour} * * *", "UTC", now - timedelta(hours=3), options=options
    )


def settle(database: Database, destination: Path, *schedules: Schedule) -> None:
    settings = Settings(
        destination=str(destination),
        projects=(Project("Shop", database.conninfo, datetime.now(UTC)),),
        schedules=schedules,
    )
    change_settings(settings_path(), lambda _: settings)


def attempts(schedule: str = "daily") -> list[Entry]:
    """Those of its slots, oldest first."""
    with Catalog(catalog_path()) as catalog:
        runs = catalog.runs_of(schedule, datetime.now(UTC) - timedelta(days=400))
    return sorted(runs, key=lambda entry: entry.started)


def set_back(*entries: Entry, minutes: int) -> None:
    """As if these attempts had been so much earlier."""
    span = timedelta(minutes=minutes)
    with Catalog(catalog_path()) as catalog:
        for entry in entries:
            finished = entry.finished and entry.finished - span
            catalog.record(replace(entry, started=entry.started - span, finished=finished))


def backups_in(destination: Path) -> list[Path]:
    """Whole backups; fails for one that is not."""
    found = sorted(path.parent for path in destination.glob("*/*/manifest.json"))
    for folder in found:
        verified = verify_backup(Backup(str(folder), read_manifest(folder)), CancelToken(), lambda _: None)
        assert not verified.manifest.proof.has_failed
    return found


def partials_in(destination: Path) -> list[Path]:
    return sorted(destination.glob("*/*.partial"))


def run_due_child() -> Child:
    return Child([sys.executable, "-m", "app", "run-due", "--json"], env=os.environ, stdout=Child.PIPE)


@contextmanager
def working(destination: Path) -> Iterator[Child]:
    """A `run-due` that has begun to write a backup; it is stopped there."""
    with run_due_child() as child:
        deadline = time.monotonic() + PATIENCE
        while not list(destination.glob("*/*.partial/database/*")):
            assert child.status is None, child.errors()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        child.interrupt(signal.SIGSTOP)
        yield child


@pytest.fixture
def large(database: Database) -> Database:
    """Large enough that its dump takes a while."""
    database.sql("CREATE TABLE large AS SELECT n, repeat(md5(n::text), 30) FROM generate_series(1, 150000) n")
    return database


def json_of(done: Finished) -> list[dict[str, object]]:
    assert done.status == 0, done.errors
    runs: list[dict[str, object]] = json.loads(done.output)["runs"]
    return runs


@pytest.mark.parametrize("rounds", [2, pytest.param(100, marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
def test_of_two_that_race_for_a_slot_one_runs_it(database: Database, destination: Path, rounds: int) -> None:
    for number in range(rounds):
        schedule = due_schedule(f"round-{number}")
        settle(database, destination, schedule)
        with ExitStack() as stack:
            racers = [stack.enter_context(run_due_child()) for _ in range(2)]
            said = [json.loads(racer.stdout.read()) for racer in racers]
            assert [racer.wait(PATIENCE) for racer in racers] == [0, 0], [one.errors() for one in racers]
        made = [run for one in said for run in one["runs"] if "folder" in run]
        (entry,) = attempts(schedule.id)
        assert [run["id"] for run in made] == [entry.id]
        assert entry.result is Result.SUCCEEDED
    assert len(backups_in(destination)) == rounds
    assert partials_in(destination) == []


def test_a_killed_run_is_an_attempt_and_the_next_call_after_a_minute_makes_the_backup(
    large: Database, destination: Path, holdfast: Holdfast
) -> None:
    settle(large, destination, due_schedule())
    with working(destination) as child:
        child.kill()
    assert backups_in(destination) == []

    (run,) = json_of(holdfast("run-due", "--json"))
    assert run["skipped"] is True
    assert partials_in(destination) == []
    (interrupted,) = attempts()
    assert (interrupted.result, interrupted.kind) == (Result.INTERRUPTED, "scheduled")
    (stands,) = json.loads(holdfast("schedules", "list", "--json").output)["schedules"]
    assert (stands["state"], stands["attempt"]) == ("retrying", 2)

    set_back(interrupted, minutes=2)
    (run,) = json_of(holdfast("run-due", "--json"))
    assert "folder" in run
    first, second = attempts()
    assert (first.result, second.result) == (Result.INTERRUPTED, Result.SUCCEEDED)
    assert first.slot == second.slot
    assert len(backups_in(destination)) == 1
    assert json_of(holdfast("run-due", "--json")) == []


@pytest.mark.slow
def test_a_run_that_the_system_ends_is_tried_again_and_one_that_the_user_ends_is_not(
    large: Database, destination: Path, holdfast: Holdfast
) -> None:
    settle(large, destination, due_schedule("ended"))
    for name, kind in (("ended", signal.SIGTERM), ("cancelled", signal.SIGINT)):
        settle(large, destination, due_schedule(name))
        with working(destination) as child:
            child.interrupt(signal.SIGCONT)
            child.interrupt(kind)
            assert child.wait(PATIENCE) == 130, child.errors()
        assert partials_in(destination) == []
    assert [entry.result for entry in attempts("ended")] == [Result.INTERRUPTED]
    assert [entry.result for entry in attempts("cancelled")] == [Result.CANCELLED]
    settle(large, destination, due_schedule("ended"), due_schedule("cancelled"))
    set_back(*attempts("ended"), *attempts("cancelled"), minutes=2)
    (run,) = json_of(holdfast("run-due", "--json"))
    assert run["schedule"] == "ended"


@pytest.mark.slow
def test_a_folder_that_goes_away_in_mid_run_fails_the_attempt_and_is_waited_for(
    large: Database, destination: Path, holdfast: Holdfast
) -> None:
    settle(large, destination, due_schedule())
    with working(destination) as child:
        away = destination.rename(destination.with_name("unplugged"))
        child.interrupt(signal.SIGCONT)
        assert child.wait(PATIENCE) == 1, child.errors()
    (failed,) = attempts()
    assert failed.result is Result.FAILED
    assert failed.error_code == "folder-missing"
    assert backups_in(away) == []

    set_back(failed, minutes=2)
    (left,) = partials_in(away)
    owner = json.loads((left / "owner.json").read_text())
    owner["started"] = (datetime.fromisoformat(owner["started"]) - timedelta(minutes=2)).isoformat()
    (left / "owner.json").write_text(json.dumps(owner))
    (run,) = json_of(holdfast("run-due", "--json"))
    assert run["waiting"] == ["folder-missing"]
    assert not destination.exists()
    (stands,) = json.loads(holdfast("schedules", "list", "--json").output)["schedules"]
    assert (stands["state"], [one["reason"] for one in stands["held"]]) == ("waiting", ["folder-missing"])

    away.rename(destination)
    (run,) = json_of(holdfast("run-due", "--json"))
    assert "folder" in run
    assert [entry.result for entry in attempts()] == [Result.FAILED, Result.SUCCEEDED]
    assert len(backups_in(destination)) == 1
    assert partials_in(destination) == []


def test_a_backup_that_was_published_just_before_a_crash_is_not_made_again(
    database: Database, destination: Path, holdfast: Holdfast
) -> None:
    settle(database, destination, due_schedule())
    json_of(holdfast("run-due", "--json"))
    (made,) = attempts()
    with Catalog(catalog_path()) as catalog:
        catalog.delete(made)  # as if the process had ended before it wrote there
    (run,) = json_of(holdfast("run-due", "--json"))
    assert run["skipped"] is True
    assert [entry.id for entry in attempts()] == [made.id]
    assert len(backups_in(destination)) == 1


def test_called_again_and_again_it_makes_one_backup_a_slot_and_keeps_as_many_as_it_should(
    database: Database, destination: Path, holdfast: Holdfast
) -> None:
    schedule = replace(due_schedule(), retention=RetentionRules(last=2))
    settle(database, destination, schedule)
    for day in range(4):
        (run,) = json_of(holdfast("run-due", "--json"))
        assert "folder" in run
        assert json_of(holdfast("run-due", "--json")) == []
        assert len(backups_in(destination)) == min(day + 1, 2)
        with Catalog(catalog_path()) as catalog:  # a day goes by
            for entry in attempts():
                catalog.delete(entry)
                earlier = entry.started - timedelta(days=1)
                slot = (entry.slot or earlier) - timedelta(days=1)
                catalog.record(replace(entry, started=earlier, slot=slot))
        change = replace(schedule, since=schedule.since - timedelta(days=day + 1))
        change_settings(settings_path(), lambda old, new=change: replace(old, schedules=(new,)))  # type: ignore[misc]
    assert sum(entry.missing for entry in attempts()) == 2


def test_any_number_of_missed_slots_is_made_good_by_one_run_and_that_is_told(
    database: Database, destination: Path, holdfast: Holdfast
) -> None:
    schedule = due_schedule()
    away = replace(schedule, since=schedule.since - timedelta(days=30))
    settle(database, destination, away)
    (run,) = json_of(holdfast("run-due", "--json"))
    assert "folder" in run
    assert json_of(holdfast("run-due", "--json")) == []
    with Catalog(catalog_path()) as catalog:
        (held,) = catalog.holds_of("daily", away.since)
    assert held.reason is Skipped.CAUGHT_UP
    assert held.until - held.since == timedelta(days=29)


@pytest.mark.slow
def test_once_leaves_what_else_is_due_to_the_next_call(
    database: Database, destination: Path, holdfast: Holdfast
) -> None:
    settle(database, destination, *(due_schedule(f"s{number}") for number in range(3)))
    assert len(json_of(holdfast("run-due", "--once", "--json"))) == 1
    assert len(json_of(holdfast("run-due", "--json"))) == 2
    assert json_of(holdfast("run-due", "--json")) == []


def test_a_third_call_leaves_the_work_to_the_two_that_are_at_it(
    database: Database, destination: Path, holdfast: Holdfast
) -> None:
    settle(database, destination, due_schedule())
    with room_for_one() as first, room_for_one() as second:
        assert first
        assert second
        assert json.loads(holdfast("run-due", "--json").output) == {"runs": [], "busy": True}
    assert len(json_of(holdfast("run-due", "--json"))) == 1
