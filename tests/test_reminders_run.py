"""What runs schedules tells of them, too: the window's way, cron's way, and after a real backup."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.domain.backup import BackupOptions
from app.domain.errors import AppError
from app.domain.project import Project
from app.domain.proof import ProofLevel
from app.domain.reminders import Command, DeadMan, Occasion, Reminders
from app.domain.schedule import Schedule
from app.persistence.settings import Settings, change_settings, settings_path
from app.postgres.sandbox import SandboxServer
from app.services import build_services
from app.system.cancellation import CancelToken
from app.system.process import child_environment, own_command, own_command_folder, run
from tests.conftest import NewDatabase
from tests.outside_servers import web_server

NOW = datetime.now(UTC)
LONG_AGO = NOW - timedelta(days=9)
HOURLY = Schedule(
    "hourly",
    "Shop",
    "0 * * * *",
    "UTC",
    NOW - timedelta(minutes=90),
    options=BackupOptions(proof=ProofLevel.SEALED, counts=False, roles=False, jobs=1),
)


def teller(folder: Path) -> Command:
    """A command that adds what it is told to a file."""
    program = f"import sys; open({str(folder / 'told')!r}, 'a').write(sys.stdin.read() + '\\0')"
    return Command((sys.executable, "-c", program), LONG_AGO, tuple(Occasion))


def told(folder: Path) -> list[dict[str, Any]]:
    try:
        return [json.loads(one) for one in (folder / "told").read_text().split("\0") if one]
    except FileNotFoundError:
        return []


def settle(folder: Path, *projects: Project, **channels: Any) -> None:
    (folder / "Backups").mkdir(exist_ok=True)
    made = Settings(
        destination=str(folder / "Backups"),
        projects=projects,
        schedules=(HOURLY,),
        reminders=Reminders(command=teller(folder), **channels),
    )
    change_settings(settings_path(), lambda _: made)


def test_a_run_that_fails_is_told_when_it_ends(tmp_path: Path) -> None:
    settle(tmp_path)
    with pytest.raises(AppError):
        build_services().run_schedule(HOURLY, CancelToken(), lambda _: None)
    (heard,) = told(tmp_path)
    assert (heard["event"], heard["error_code"], heard["attempts"]) == ("failing", "unknown-project", 1)
    build_services().due_runs()
    assert len(told(tmp_path)) == 1


def test_run_due_tells_in_a_process_of_its_own_and_history_what_could_not_be_told(tmp_path: Path) -> None:
    settle(tmp_path, dead_man=DeadMan("https://nowhere.invalid/x", LONG_AGO, tells_failures=True))

    def holdfast(*arguments: str) -> Any:
        done = run(
            [*own_command(), *arguments], env=child_environment(), timeout=90, cwd=own_command_folder()
        )
        return json.loads(done.output)

    assert holdfast("run-due", "--json")["runs"][0]["error"]["code"] == "unknown-project"
    assert [one["event"] for one in told(tmp_path)] == ["failing"]
    holdfast("run-due", "--json")
    assert len(told(tmp_path)) == 1
    change_settings(
        settings_path(),
        lambda it: replace(it, reminders=replace(it.reminders, command=Command(("false",), LONG_AGO))),
    )
    services = build_services()
    (entry,) = services.catalog.history()
    for number in range(4):
        services.catalog.record(replace(entry, id=f"again-{number}"))
    holdfast("run-due", "--json")
    tries = holdfast("history", "--json")["reminders"]
    in_vain = {(one["channel"], one["occasion"]) for one in tries if not one["sent"]}
    assert in_vain == {("command", "failed"), ("dead-man", "failed")}


def test_a_cancelled_run_tells_nothing(tmp_path: Path) -> None:
    settle(tmp_path)
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(AppError):
        build_services().run_schedule(HOURLY, cancel, lambda _: None)
    assert told(tmp_path) == []


def test_a_real_backup_is_told_and_a_dead_mans_switch_pinged(
    server17: SandboxServer, new_shop: NewDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    database = new_shop(server17)
    monkeypatch.setenv("PGPASSWORD", database.password)
    with web_server() as server:
        project = Project("Shop", database.conninfo, NOW)
        settle(tmp_path, project, dead_man=DeadMan(server.url("/ping"), LONG_AGO))
        backup = build_services().run_schedule(HOURLY, CancelToken(), lambda _: None)
        assert backup is not None
        build_services().due_runs()
    (heard,) = told(tmp_path)
    assert (heard["event"], heard["backup"], heard["proof"]) == ("succeeded", backup.manifest.id, "sealed")
    assert heard["bytes"] == backup.manifest.bytes
    assert [one.path for one in server.asked] == ["/ping"]
    assert database.password not in json.dumps(heard)
