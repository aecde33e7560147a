"""`reset` and `diagnostics` as a user calls them, and the log that verbs keep."""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.domain.project import Project
from app.persistence.settings import add_project, settings_path
from app.system.process import Child, run
from app.system.running import claim, running
from tests.ui.desktop import desktop, wait_for

if TYPE_CHECKING:
    from tests.cli.conftest import Cli
    from tests.conftest import Holdfast


@pytest.fixture
def used(home: Path) -> Path:
    """The settings of a Holdfast that was used."""
    project = Project("Shop", "host=127.0.0.1 port=1 dbname=ledger", datetime.now(UTC))
    add_project(settings_path(), project)
    (home / "Documents" / "Holdfast").mkdir(parents=True)
    (home / "Documents" / "Holdfast" / "mine").write_text("kept")
    return home / "config" / "holdfast" / "settings.json"


@pytest.fixture
def holdfast(home: Path, holdfast: Holdfast, monkeypatch: pytest.MonkeyPatch) -> Holdfast:
    """Without a keyring, whatever desktop the tests run on."""
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    return holdfast


def test_a_reset_says_what_goes_and_what_stays_and_does_it(
    holdfast: Holdfast, used: Path, home: Path
) -> None:
    done = holdfast("reset", "--settings", "--yes")
    assert done.status == 0, done.errors
    assert "Settings, with 1 project, 0 schedules" in done.output
    assert f"{home / 'Documents' / 'Holdfast'}  0 backups" in done.output
    assert done.output.endswith("Removed. Backups are where they were.\n")
    assert not used.exists()
    assert (home / "Documents" / "Holdfast" / "mine").read_text() == "kept"


def test_without_an_answer_nothing_is_removed(holdfast: Holdfast, used: Path) -> None:
    asked = holdfast("reset", "--settings")
    assert asked.status == 130
    assert "Remove all this?" in asked.errors
    assert used.exists()


def test_what_is_to_be_reset_must_be_said(cli: Cli, used: Path) -> None:
    assert cli("reset").status == 2
    assert cli("reset", "--yes").status == 2
    assert used.exists()


def test_a_window_that_is_open_is_not_reset(holdfast: Holdfast, used: Path) -> None:
    with closing(claim("window")):
        refused = holdfast("reset", "--settings", "--yes")
    assert refused.status == 1
    assert "Holdfast is running" in refused.errors
    assert "At work: window" in refused.errors
    assert used.exists()


def test_diagnostics_name_no_project(holdfast: Holdfast, used: Path) -> None:
    text = holdfast("diagnostics")
    assert text.status == 0, text.errors
    assert text.output.startswith("Holdfast diagnostics, ")
    assert "project-1" in text.output
    assert "Shop" not in text.output
    found = json.loads(holdfast("diagnostics", "--json").output)
    assert {"versions", "system", "tools", "keyring", "folders", "settings", "crash", "log"} <= set(found)


def test_verbs_that_work_keep_a_log(cli: Cli, used: Path, home: Path) -> None:
    failed = cli("backup", "--project", "Shop", "--to", str(home / "nowhere" / "at all"))
    assert failed.status == 1
    log = (home / "state" / "holdfast" / "log" / "backup.log").read_text().splitlines()
    assert ": failed: " in log[1]
    assert log[-1].endswith("ended")


def test_asking_for_help_or_running_nothing_leaves_no_log(cli: Cli, used: Path, home: Path) -> None:
    assert cli("backup", "--help").status == 0
    assert cli("run-due").status == 0
    assert cli("history").status == 0
    assert not list((home / "state").glob("**/*.log"))


def test_a_log_that_cannot_be_written_is_said_once_and_the_verb_goes_on(
    cli: Cli, used: Path, home: Path
) -> None:
    (home / "state").mkdir(exist_ok=True)
    (home / "state" / "holdfast").touch()
    done = cli("prune")
    assert done.status == 0
    assert done.errors.count("cannot be written") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_verb_that_crashes_leaves_its_stacks_on_standard_error(home: Path) -> None:
    program = (
        "import ctypes, sys; sys.argv[1:] = ['prune']; import app.cli.prune as p; "
        "p.build_services = lambda: ctypes.string_at(0); "
        "from app.cli import run_command_line; run_command_line(['prune'])"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = run([sys.executable, "-c", program], env=environment, timeout=30)
    assert done.status == -11
    assert "Segmentation fault" in done.errors


_PASSWORD = """
import sys
from app.domain.project import Secret
from app.persistence import secrets
if len(sys.argv) > 1:
    secrets.set_password("Shop", Secret(sys.argv[1]))
print(secrets.get_password("Shop") is not None)
"""


def test_a_real_keyring_is_emptied(used: Path, tmp_path: Path) -> None:
    with desktop(tmp_path) as screen:
        screen.start_bus()
        screen.start_keyring()
        screen.environment["PYTHONPATH"] = str(Path(__file__).parents[2])

        def python(*arguments: str) -> str:
            done = run([sys.executable, *arguments], env=screen.environment, timeout=60)
            assert done.status == 0, done.errors
            return done.output

        assert python("-c", _PASSWORD, "a password of a test") == "True\n"
        assert "Removed. Backups" in python("-m", "app", "reset", "--settings", "--yes")
        assert python("-c", _PASSWORD) == "False\n"


def test_a_real_window_hinders_a_reset_until_it_ends(holdfast: Holdfast, used: Path) -> None:
    environment = os.environ | {"QT_QPA_PLATFORM": "offscreen"}
    with Child([sys.executable, "-m", "app", "window"], env=environment) as window:
        wait_for(lambda: "window" in running(), 30)
        assert holdfast("reset", "--settings", "--yes").status == 1
        window.interrupt(signal.SIGTERM)
        assert window.wait(30) == 0, window.errors()
    assert holdfast("reset", "--settings", "--yes").status == 0
    assert not used.parent.exists()
