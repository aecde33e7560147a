"""Old backups are looked at again: one whose byte was flipped is found, and counts for nothing after that."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.domain.backup import Backup, BackupOptions
from app.domain.events import Event, Notice, Phase, Progress
from app.domain.health import State, project_health
from app.domain.history import Entry
from app.domain.project import Project
from app.domain.proof import ProofLevel
from app.domain.retention import RetentionRules, plan_retention
from app.domain.rota import CheckKind, Wanted
from app.engine.preflight import BackupRequest
from app.engine.rota import backup_runs, due_checks, may_look
from app.engine.scheduler import only_one
from app.persistence.manifest import MANIFEST_NAME, read_manifest
from app.persistence.partial import PartialBackup
from app.persistence.settings import Settings, change_settings, settings_path
from app.postgres.sandbox import SandboxServer
from app.services import Services, build_services
from app.system.cancellation import CancelToken
from tests.conftest import NewDatabase

NOW = datetime.now(UTC)
LATER = NOW + timedelta(days=40)


@pytest.fixture
def services(server17: SandboxServer, new_shop: NewDatabase, tmp_path: Path) -> Services:
    database = new_shop(server17)
    (tmp_path / "Backups").mkdir()
    settings = Settings(
        destination=str(tmp_path / "Backups"),
        projects=(Project("Shop", database.conninfo, NOW),),
    )
    change_settings(settings_path(), lambda _: settings)
    made = build_services()
    options = BackupOptions(proof=ProofLevel.COMPLETE)
    request = BackupRequest("Shop", database.connection, options, settings.destination_folder)
    made.backup(request, CancelToken(), lambda _: None)
    return made


def due(services: Services) -> tuple[Wanted, ...]:
    settings = replace(services.settings, prove_weekly=False)
    return due_checks(settings, services.catalog, LATER)


def recheck(
    services: Services, wanted: Sequence[Wanted], events: list[Event] | None = None
) -> tuple[Backup, ...]:
    heard = [] if events is None else events
    return services.recheck(wanted, CancelToken(), heard.append)


def flip_a_byte(folder: Path) -> None:
    file = max(
        (path for path in (folder / "database").rglob("*") if path.is_file()),
        key=lambda one: one.stat().st_size,
    )
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def test_a_good_backup_stays_what_it_is_and_has_its_turn_only_weeks_later(services: Services) -> None:
    (wanted,) = due(services)
    assert wanted.kind is CheckKind.FILES
    assert len(recheck(services, [wanted])) == 1
    (entry,) = services.catalog.history()
    assert entry.is_good
    (check,) = services.catalog.checks()
    assert (check.id, check.kind, check.problem) == (entry.id, CheckKind.FILES, "")
    assert (
        due_checks(replace(services.settings, prove_weekly=False), services.catalog, NOW + timedelta(days=19))
        == ()
    )


def test_a_backup_whose_byte_was_flipped_no_longer_counts_as_good(services: Services) -> None:
    (wanted,) = due(services)
    flip_a_byte(Path(wanted.entry.path))
    (checked,) = recheck(services, [wanted])
    assert checked.manifest.proof.has_failed
    (entry,) = services.catalog.history()
    assert not entry.is_good
    assert due(services) == ()  # it needs no second opinion
    assert services.catalog.good() == ()
    assert services.catalog.rotted(NOW) == (entry,)
    health = project_health("Shop", [entry], (), NOW, zone=UTC)
    assert (health.state, health.last_good) == (State.FAILED, None)
    assert health.cause is not None
    assert health.cause.is_proof
    newer = replace(entry, id="newer", proof_failure="", started=NOW)
    for rot, state in (((entry,), State.FAILED), ((), State.ATTENTION)):
        health = project_health("Shop", [newer], (), NOW, zone=UTC, rotted=rot)
        assert (health.state, health.last_good) == (state, newer)
    assert services.catalog.rotted(NOW + timedelta(days=1)) == ()
    older = replace(entry, id="older", proof_failure="", started=entry.started - timedelta(days=99))
    plan = plan_retention([entry, older], RetentionRules(last=1), UTC, NOW)
    assert older in plan.kept


def test_a_manifest_that_was_damaged_is_found_too(services: Services) -> None:
    (wanted,) = due(services)
    path = Path(wanted.entry.path) / MANIFEST_NAME
    path.write_bytes(path.read_bytes().replace(b'"Shop"', b'"Shoq"'))
    assert recheck(services, [wanted]) == ()
    (entry,) = services.catalog.history()
    assert "manifest.json" in entry.proof_failure
    assert services.catalog.rotted(NOW) == (entry,)


def test_a_folder_that_is_away_says_nothing_of_its_backups(services: Services, tmp_path: Path) -> None:
    (wanted,) = due(services)
    shutil.move(tmp_path / "Backups", tmp_path / "elsewhere")
    assert due(services) == ()
    assert recheck(services, [wanted]) == ()
    (entry,) = services.catalog.history()
    assert entry.is_good
    (check,) = services.catalog.checks()
    assert check.problem
    shutil.move(tmp_path / "elsewhere", tmp_path / "Backups")
    assert [one.entry.id for one in due(services)] == [entry.id]


@pytest.mark.parametrize("kind", CheckKind)
def test_a_disk_that_goes_away_while_it_is_read_is_no_damage(
    services: Services, tmp_path: Path, kind: CheckKind
) -> None:
    (wanted,) = due(services)
    heard: list[Event] = []

    def pull_out(event: Event) -> None:
        heard.append(event)
        if (
            isinstance(event, Progress)
            and event.phase is Phase.CHECKING_FILES
            and (tmp_path / "Backups").exists()
        ):
            (tmp_path / "Backups").rename(tmp_path / "pulled")

    assert services.recheck([replace(wanted, kind=kind)], CancelToken(), pull_out) == ()
    (entry,) = services.catalog.history()
    assert entry.is_good
    assert any(isinstance(one, Notice) and "was not checked" in one.text for one in heard)


def test_the_newest_is_restored_once_a_week_unless_that_is_switched_off(services: Services) -> None:
    (wanted,) = due_checks(services.settings, services.catalog, LATER)
    assert wanted.kind is CheckKind.RESTORE
    (proven,) = recheck(services, [wanted])
    assert proven.manifest.proof.level is ProofLevel.PROVEN
    (entry,) = services.catalog.history()
    assert entry.is_proven
    assert due_checks(services.settings, services.catalog, NOW + timedelta(days=6)) == ()
    assert (
        due_checks(services.settings, services.catalog, NOW + timedelta(days=8))[0].kind is CheckKind.RESTORE
    )


def test_nothing_is_looked_at_while_a_backup_is_made_or_by_two_at_once(services: Services) -> None:
    (wanted,) = due(services)
    partial = PartialBackup.create(services.settings.destination_folder, "Shop")
    assert backup_runs(services.settings)
    assert due(services) == ()
    partial.discard()
    assert due(services) != ()
    with only_one("rota"):
        assert recheck(services, [wanted]) == ()
    assert services.catalog.checks() == ()


def test_a_long_history_is_read_every_ten_minutes_at_most(home: Path) -> None:
    now = datetime.now(UTC)
    assert may_look(now)
    assert not may_look(now + timedelta(minutes=9))
    assert may_look(now + timedelta(minutes=11))
    assert may_look(now - timedelta(days=3))  # the clock was set back


def test_when_it_was_checked_outlives_a_reading_of_the_folder(services: Services) -> None:
    (wanted,) = due(services)
    recheck(services, [wanted])
    before = services.catalog.checks()
    services.catalog.rescan(services.settings.destination_folder)
    assert services.catalog.checks() == before
    services.catalog.delete(services.catalog.history()[0])
    assert services.catalog.checks() == ()
    assert read_manifest(Path(wanted.entry.path)).id == wanted.entry.id
    assert isinstance(wanted.entry, Entry)
