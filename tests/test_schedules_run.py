"""Schedules make real backups: once a slot, retried, recorded, pruned; in the window's way and in cron's."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.domain.backup import BackupOptions
from app.domain.due import Skipped, Waiting
from app.domain.errors import AppError
from app.domain.events import Event, Notice
from app.domain.history import Result
from app.domain.project import Project
from app.domain.proof import ProofLevel
from app.domain.retention import RetentionRules
from app.domain.schedule import Conditions, Schedule
from app.engine.preflight import BackupRequest
from app.engine.scheduler import only_run
from app.persistence.settings import Settings, change_settings, settings_path
from app.postgres.sandbox import SandboxServer
from app.services import Services, build_services
from app.system.cancellation import CancelToken
from tests.conftest import Database, NewDatabase
from tests.kept_backups import keep_backup

_LAST_HOUR = datetime.now(UTC) - timedelta(hours=2)
HOURLY = Schedule(
    "hourly",
    "Shop",
    "0 * * * *",
    "UTC",
    _LAST_HOUR,
    options=BackupOptions(proof=ProofLevel.COMPLETE),
)


@pytest.fixture
def shop(
    server17: SandboxServer, new_shop: NewDatabase, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Database:
    database = new_shop(server17)
    monkeypatch.setenv("PGPASSWORD", server17.password.reveal())
    (tmp_path / "Backups").mkdir()
    settings = Settings(
        destination=str(tmp_path / "Backups"),
        projects=(Project("Shop", database.conninfo, datetime.now(UTC)),),
        schedules=(HOURLY,),
    )
    change_settings(settings_path(), lambda _: settings)
    return database


def run(services: Services, schedule: Schedule = HOURLY) -> object:
    return services.run_schedule(schedule, CancelToken(), lambda _: None)


def test_a_slot_that_is_due_is_run_once(shop: Database) -> None:
    services = build_services()
    (due,) = services.due_runs()
    assert due.waiting == ()
    assert run(services) is not None
    (entry,) = services.catalog.history()
    assert (entry.kind, entry.schedule, entry.slot) == ("scheduled", "hourly", due.due.slot)
    assert entry.is_good
    assert services.due_runs() == ()
    assert run(services) is None
    assert len(services.catalog.history()) == 1


def test_what_another_process_runs_is_left_to_it(shop: Database) -> None:
    services = build_services()
    with only_run(HOURLY) as ours:
        assert ours
        with only_run(HOURLY) as again:
            assert not again
        assert run(services) is None
    assert services.catalog.history() == ()


def test_an_attempt_that_failed_is_recorded_with_its_slot_and_retried_later(
    shop: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", "not this one")
    services = build_services()
    (due,) = services.due_runs()
    with pytest.raises(AppError):
        run(services)
    (entry,) = services.catalog.history()
    assert (entry.result, entry.schedule, entry.slot) == (Result.FAILED, "hourly", due.due.slot)
    assert services.due_runs() == ()  # the next attempt comes in a minute


def test_a_project_that_is_gone_is_an_attempt_that_failed(shop: Database) -> None:
    change_settings(settings_path(), lambda old: replace(old, projects=()))
    services = build_services()
    with pytest.raises(AppError):
        run(services)
    assert [entry.result for entry in services.catalog.history()] == [Result.FAILED]


def test_a_folder_that_is_not_connected_is_waited_for(shop: Database, tmp_path: Path) -> None:
    (tmp_path / "Backups").rmdir()
    (due,) = build_services().due_runs()
    assert due.waiting == (Waiting.FOLDER_MISSING,)


def test_a_server_that_does_not_answer_is_waited_for_where_that_is_asked(
    shop: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    asks = replace(HOURLY, conditions=Conditions(server_reachable=True))
    change_settings(settings_path(), lambda old: replace(old, schedules=(asks,)))
    (due,) = build_services().due_runs()
    assert due.waiting == ()
    monkeypatch.setenv("PGPASSWORD", "not this one")
    (due,) = build_services().due_runs()
    assert due.waiting == (Waiting.SERVER_UNREACHABLE,)


def test_after_a_success_its_rules_remove_what_is_not_kept_and_nothing_else(shop: Database) -> None:
    services = build_services()
    keeps_one = replace(HOURLY, retention=RetentionRules(last=1))
    connection = services.connection_of(services.settings.projects[0])
    request = BackupRequest("Shop", connection, HOURLY.options, services.settings.destination_folder)
    by_hand = services.backup(request, CancelToken(), lambda _: None)
    old = run(services, keeps_one)
    earlier = replace(
        services.catalog.find(services.catalog.history()[0].id)[0],
        slot=datetime.now(UTC) - timedelta(hours=30),
    )
    services.catalog.delete(earlier)
    services.catalog.record(earlier)  # as if it had been made a day ago
    new = run(services, keeps_one)
    assert old is not None
    assert new is not None
    folders = {Path(entry.path).exists() for entry in services.catalog.history() if not entry.missing}
    assert folders == {True}
    gone = [entry for entry in services.catalog.history() if entry.missing]
    assert [entry.id for entry in gone] == [earlier.id]
    assert not Path(earlier.path).exists()
    assert Path(by_hand.folder).exists()


def test_what_holds_a_slot_up_is_kept_and_how_it_stands_is_told(shop: Database, tmp_path: Path) -> None:
    (tmp_path / "Backups").rename(tmp_path / "away")
    services = build_services()
    services.due_runs()
    services.due_runs()
    (hold,) = services.catalog.holds_of("hourly", _LAST_HOUR)
    assert hold.reason is Waiting.FOLDER_MISSING
    assert hold.since < hold.until
    (health,) = services.schedule_healths()
    assert health.waiting == (Waiting.FOLDER_MISSING,)
    (tmp_path / "away").rename(tmp_path / "Backups")
    pause = datetime.now(UTC) + timedelta(hours=1)
    change_settings(settings_path(), lambda old: replace(old, paused_until=pause))
    services = build_services()
    assert services.due_runs() == ()
    assert {one.reason for one in services.catalog.holds_of("hourly", _LAST_HOUR)} == {
        Waiting.FOLDER_MISSING,
        Skipped.PAUSED,
    }


def test_old_backups_that_cannot_be_removed_do_not_make_a_failure_of_the_new_one(
    shop: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = build_services()
    keeps_one = replace(HOURLY, retention=RetentionRules(last=1))
    old = keep_backup(tmp_path / "Backups", datetime.now(UTC) - timedelta(days=3), "hourly")
    (Path(old.path) / "manifest.json").write_bytes(b"{}")
    services.catalog.record(old)
    said: list[Event] = []
    made = services.run_schedule(keeps_one, CancelToken(), said.append)
    assert made is not None
    notices = [event.text for event in said if isinstance(event, Notice)]
    assert any(text.startswith(f"The old backup {old.id} of Shop was not removed.") for text in notices)
    assert Path(old.path).is_dir()


def test_a_stick_that_comes_and_goes_is_waited_for_and_then_caught_up_once(
    shop: Database, tmp_path: Path
) -> None:
    services, stick = build_services(), tmp_path / "Backups"
    assert run(services) is not None
    folder = Path(services.catalog.history()[0].path)
    daily = replace(HOURLY, id="quarterly", cron="*/15 * * * *", since=_LAST_HOUR - timedelta(days=2))
    change_settings(settings_path(), lambda old: replace(old, schedules=(daily,)))
    stick.rename(tmp_path / "pulled")
    services = build_services()
    for _ in range(3):
        (due,) = services.due_runs()
        assert due.waiting == (Waiting.FOLDER_MISSING,)
    assert not stick.exists()  # it is not made where the stick should be
    held = services.catalog.holds_of("quarterly", _LAST_HOUR)
    assert {one.reason for one in held} == {Waiting.FOLDER_MISSING}
    (tmp_path / "pulled").rename(stick)
    (due,) = services.due_runs()
    assert due.waiting == ()
    assert run(services, daily) is not None
    made = [one for one in services.catalog.history() if one.schedule == "quarterly"]
    assert len(made) == 1  # for two days of slots
    assert made[0].slot is not None
    assert due.due.slot is not None
    assert made[0].slot >= due.due.slot
    assert folder.is_dir()


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", pytest.param("America/Adak", marks=pytest.mark.slow)])
def test_the_computers_own_time_zone_plays_no_part(
    shop: Database, monkeypatch: pytest.MonkeyPatch, zone: str
) -> None:
    services = build_services()
    (before,) = services.due_runs()
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        (after,) = services.due_runs()
        assert after.due.slot == before.due.slot or datetime.now(UTC).minute == 0
        assert run(services) is not None
        monkeypatch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        assert run(services) is None or datetime.now(UTC).minute == 0
    finally:
        monkeypatch.undo()
        time.tzset()
