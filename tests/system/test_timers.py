"""What the system is told to run each minute: read back by its own rules, and by itself where it is here."""

from __future__ import annotations

import os
import plistlib
import re
import shlex
import shutil
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from app.system import timers
from app.system.process import run
from app.system.timers import (
    can_install,
    cron_line,
    due_command,
    has_timer,
    install_timer,
    launch_agent,
    own_cron_line,
    systemd_service,
    systemd_timer,
    task_xml,
    timer_files,
    uninstall_timer,
)

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="systemd is Linux's")

PROGRAMS = [
    "/opt/holdfast",
    "/home/zoë/my apps/holdfast",
    r'/a "quoted" $HOME `x` back\slash/100%f & <co>',
    "/a/'b'/%h",
]


def test_the_command_runs_what_is_due(tmp_path: Path) -> None:
    command, folder = due_command()
    assert command[-1] == "run-due"
    done = run([*command, "--json"], env=os.environ, timeout=60, cwd=folder or tmp_path)
    assert done.status == 0, done.errors
    assert '"runs": []' in done.output


def test_a_frozen_build_runs_itself_and_windows_opens_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", "/opt/holdfast/holdfast")
    assert due_command() == (["/opt/holdfast/holdfast", "run-due"], None)


def test_an_installed_command_is_preferred_to_the_source_tree(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("python", "holdfast"):
        (tmp_path / name).touch(mode=0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert due_command() == ([str(tmp_path / "holdfast"), "run-due"], None)
    (tmp_path / "holdfast").unlink()
    command, folder = due_command()
    assert command == [str(tmp_path / "python"), "-m", "app", "run-due"]
    assert folder is not None
    assert (folder / "app").is_dir()


def unit_words(line: str) -> list[str]:
    """The quoted words of a unit's line, by systemd.syntax(7) and systemd.unit(5)."""
    quoted = re.findall(r'"((?:\\.|[^"\\])*)"', line)
    return [re.sub(r"\\(.)", r"\1", part).replace("%%", "%") for part in quoted]


def value(unit: str, key: str) -> str:
    (line,) = (line for line in unit.splitlines() if line.startswith(f"{key}="))
    return line.partition("=")[2]


@pytest.mark.parametrize("program", PROGRAMS)
def test_each_sign_of_a_path_reaches_systemd_as_it_is(program: str) -> None:
    unit = systemd_service([program, "run-due"], Path("/a b/100%"), {"XDG_DATA_HOME": program})
    start = value(unit, "ExecStart")
    assert unit_words(start)[-2:] == [program, "run-due"]
    assert start.startswith(":") == ("$" in start)
    assert value(unit, "WorkingDirectory") == "/a b/100%%"
    assert unit_words(value(unit, "Environment")) == [f"XDG_DATA_HOME={program}"]


@on_linux
@pytest.mark.parametrize("folder", ["plain", "my apps", 'a "quoted" $HOME', r"back\slash 100%f", "it's zoë"])
def test_systemd_itself_takes_the_units(tmp_path: Path, folder: str) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed")
    place = tmp_path / folder
    place.mkdir()
    command = place / "holdfast"
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    for minutes in (1, 7, 59):
        service, timer = tmp_path / "holdfast-due.service", tmp_path / "holdfast-due.timer"
        service.write_text(systemd_service([str(command), "run-due"], place, {"XDG_CONFIG_HOME": str(place)}))
        timer.write_text(systemd_timer(minutes))
        environment = {"PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": str(tmp_path)}
        done = run([program, "verify", "--user", "--man=no", service, timer], env=environment, timeout=60)
        own = [line for line in done.errors.splitlines() if "holdfast-due" in line or str(tmp_path) in line]
        assert (done.status, own) == (0, []), done.errors


@pytest.mark.parametrize("program", PROGRAMS)
def test_cron_and_its_shell_run_what_was_meant(tmp_path: Path, program: str) -> None:
    shell = shutil.which("sh")
    if shell is None:
        pytest.skip("there is no sh")
    own = tmp_path / program.replace("/", "_")
    own.write_text('#!/bin/sh\necho "$PWD|$XDG_DATA_HOME|$1" >> "$MARK"\n')
    own.chmod(0o755)
    place = tmp_path / "a b%"
    place.mkdir()
    line = cron_line([str(own), "run-due"], place, {"XDG_DATA_HOME": program}, 1)
    assert line.startswith("* * * * * ")
    command = line.removeprefix("* * * * * ")
    assert not re.search(r"(?<!\\)%", command)  # cron would make a new line of it
    mark = tmp_path / "mark"
    environment = {"MARK": str(mark), "PATH": os.environ["PATH"]}
    done = run([shell, "-c", command.replace("\\%", "%")], env=environment, timeout=10)
    assert (done.status, done.output, done.errors) == (0, "", "")
    assert mark.read_text() == f"{place}|{program}|run-due\n"


def test_cron_looks_as_often_as_asked() -> None:
    assert cron_line(["/h"], None, {}, 5) == "*/5 * * * * /h >/dev/null"


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_mac_gets_a_launch_agent(program: str) -> None:
    agent = plistlib.loads(launch_agent([program, "run-due"], Path(program), {"XDG_DATA_HOME": program}, 5))
    assert agent["ProgramArguments"] == [program, "run-due"]
    assert (agent["StartInterval"], agent["RunAtLoad"], agent["WorkingDirectory"]) == (300, True, program)
    assert agent["EnvironmentVariables"] == {"XDG_DATA_HOME": program}
    assert agent["Label"] == "holdfast.due"


@pytest.mark.parametrize(
    "program", [r"C:\Program Files\Holdfast\holdfast.exe", r"C:\Users\Zoë & <Söhne>\pythonw.exe"]
)
def test_windows_gets_a_task(program: str) -> None:
    content = task_xml([program, "-m", "app", "run-due"], Path(r"C:\a b"), 5)
    assert content.startswith(b"\xff\xfe")
    names = {"t": "http://schemas.microsoft.com/windows/2004/02/mit/task"}
    task = ElementTree.fromstring(content.decode("utf-16").partition("\n")[2])

    def text(path: str) -> str | None:
        return task.findtext("/".join(f"t:{part}" for part in path.split("/")), namespaces=names)

    assert text("Actions/Exec/Command") == program
    assert text("Actions/Exec/Arguments") == "-m app run-due"
    assert text("Actions/Exec/WorkingDirectory") == r"C:\a b"
    assert text("Triggers/TimeTrigger/Repetition/Interval") == "PT5M"
    assert text("Settings/DisallowStartIfOnBatteries") == "false"
    assert text("Settings/ExecutionTimeLimit") == "PT0S"
    assert task.get("version") == "1.2"


def test_the_timer_sees_the_settings_that_are_used_now(home: Path) -> None:
    assert f"XDG_CONFIG_HOME={shlex.quote(str(home / 'config'))} " in own_cron_line(1)


@pytest.fixture
def systemctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Notes what it is called with, in the place of the real one: no test may touch the user's timers."""
    called = tmp_path / "called"
    program = tmp_path / "bin" / "systemctl"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" >> {shlex.quote(str(called))}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    return called


@on_linux
def test_it_is_installed_and_taken_away_again(home: Path, systemctl: Path) -> None:
    units = home / "config" / "systemd" / "user"
    assert can_install()
    assert not has_timer()
    install_timer(5)
    install_timer(1)
    assert has_timer()
    assert {path.name for path in units.iterdir()} == {"holdfast-due.service", "holdfast-due.timer"}
    assert {path: path.read_bytes() for path in units.iterdir()} == timer_files(1)
    assert "--user enable holdfast-due.timer" in systemctl.read_text()
    assert uninstall_timer()
    assert list(units.iterdir()) == []
    assert "--user disable --now holdfast-due.timer" in systemctl.read_text()
    assert not uninstall_timer()
    assert not has_timer()


@on_linux
def test_without_a_systemd_of_the_users_own_nothing_is_installed(
    home: Path, systemctl: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (systemctl.parent / "bin" / "systemctl").write_text("#!/bin/sh\nexit 1\n")
    assert not can_install()
    monkeypatch.setenv("PATH", str(home))
    assert not can_install()


def test_arguments_with_spaces_are_quoted_for_windows() -> None:
    assert timers._windows_quoted("a b") == '"a b"'
