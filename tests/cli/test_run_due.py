"""`holdfast run-due`: for cron; runs what is due, once, and says what it waits for."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.domain.backup import BackupOptions
from app.domain.project import Project
from app.domain.proof import ProofLevel
from app.domain.schedule import Schedule
from app.persistence.catalog import Catalog, catalog_path
from app.persistence.settings import Settings, change_settings, settings_path
from app.postgres.sandbox import SandboxServer
from app.system.process import run

if TYPE_CHECKING:
    from tests.cli.conftest import Cli
    from tests.conftest import NewDatabase


@pytest.fixture
def hourly(
    server17: SandboxServer, new_shop: NewDatabase, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PGPASSWORD", server17.password.reveal())
    (tmp_path / "Backups").mkdir()
    now = datetime.now(UTC)
    options = BackupOptions(proof=ProofLevel.COMPLETE)
    schedule = Schedule("hourly", "Shop", "0 * * * *", "UTC", now - timedelta(hours=2), options=options)
    settings = Settings(
        destination=str(tmp_path / "Backups"),
        projects=(Project("Shop", new_shop(server17).conninfo, now),),
        schedules=(schedule,),
    )
    change_settings(settings_path(), lambda _: settings)


def test_without_schedules_nothing_is_done(cli: Cli) -> None:
    ran = cli("run-due", "--json")
    assert (ran.status, ran.json) == (0, {"runs": [], "busy": False})


@pytest.mark.usefixtures("hourly")
def test_what_is_due_is_run_once(cli: Cli) -> None:
    ran = cli("run-due", "--json")
    assert ran.status == 0
    (run,) = ran.json["runs"]
    assert run["project"] == "Shop"
    assert run["schedule"] == "hourly"
    assert Path(run["folder"]).is_dir()
    assert cli("run-due", "--json").json["runs"] == []
    assert cli("run-due").output == ""  # cron would mail it


@pytest.mark.usefixtures("hourly")
def test_what_it_waits_for_is_said(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "Backups").rmdir()
    ran = cli("run-due")
    assert ran.status == 0
    assert ran.output == "Shop waits for the folder for backups.\n"
    (waits,) = cli("run-due", "--json").json["runs"]
    assert waits["waiting"] == ["folder-missing"]


@pytest.mark.usefixtures("hourly")
def test_it_works_without_standard_output_as_a_task_of_windows_has_none() -> None:
    code = (
        "import sys; sys.stdin = sys.stdout = sys.stderr = None; from app.cli import run_command_line as r; "
        "sys.exit(r(['run-due']))"
    )
    assert run([sys.executable, "-c", code], env=os.environ, timeout=60).status == 0
    with Catalog(catalog_path()) as catalog:
        (entry,) = catalog.history()
    assert entry.is_good


@pytest.mark.usefixtures("hourly")
def test_a_failure_is_told_with_status_1(cli: Cli) -> None:
    change_settings(settings_path(), lambda old: replace(old, projects=()))
    ran = cli("run-due", "--json")
    assert ran.status == 1
    assert ran.json["runs"][0]["error"]["code"] == "unknown-project"
