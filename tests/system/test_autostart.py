from __future__ import annotations

import plistlib
import re
import shutil
import sys
from pathlib import Path

import pytest

from app.system import autostart
from app.system.autostart import (
    desktop_entry,
    launch_agent,
    repair_start_at_login,
    set_start_at_login,
    start_command,
    start_folder,
    starts_at_login,
)
from app.system.process import run

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="an XDG desktop's own way")


@pytest.fixture
def entry(home: Path) -> Path:
    return home / "config" / "autostart" / "holdfast.desktop"


def value(entry: bytes, key: str) -> str:
    """A string value of a desktop entry, as a desktop reads it."""
    (line,) = (line for line in entry.decode().splitlines() if line.startswith(f"{key}="))
    return line.partition("=")[2].replace("\\\\", "\\")


def words(line: str) -> list[str]:
    """The arguments of an Exec line, by the Desktop Entry Specification."""
    quoted = re.findall(r'"((?:\\.|[^"\\])*)"', line)
    return [re.sub(r"\\(.)", r"\1", part).replace("%%", "%") for part in quoted]


def test_the_command_starts_holdfast_hidden(tmp_path: Path) -> None:
    command = start_command()
    assert command[-2:] == ["window", "--hidden"]
    done = run([*command[:-2], "--version"], env={}, timeout=20, cwd=start_folder() or tmp_path)
    assert "holdfast" in done.output.lower()


@on_linux
def test_it_is_switched_on_and_off(entry: Path) -> None:
    assert not starts_at_login()
    set_start_at_login(True)
    assert starts_at_login()
    assert entry.stat().st_mode & 0o777 == 0o644
    set_start_at_login(False)
    set_start_at_login(False)
    assert not starts_at_login()
    assert not entry.exists()


@on_linux
def test_a_desktop_takes_the_entry(entry: Path) -> None:
    program = shutil.which("desktop-file-validate")
    if program is None:
        pytest.skip("desktop-file-validate is not installed")
    set_start_at_login(True)
    done = run([program, entry], env={}, timeout=10)
    assert (done.status, done.output) == (0, "")


@pytest.mark.parametrize(
    "program",
    ["/opt/holdfast", "/home/zoë/my apps/holdfast", r'/a "quoted" $HOME `x` back\slash/100 %f', "/a/'b'"],
)
def test_each_sign_of_a_path_reaches_the_desktop_as_it_is(program: str) -> None:
    entry = desktop_entry([program, "window", "--hidden"])
    assert words(value(entry, "Exec")) == [program, "window", "--hidden"]
    assert value(entry, "TryExec") == program


@on_linux
def test_the_entry_follows_when_holdfast_was_moved(entry: Path) -> None:
    set_start_at_login(True)
    assert not repair_start_at_login()
    right = entry.read_bytes()
    entry.write_bytes(desktop_entry(["/where/it/was/before", "window", "--hidden"]))
    assert repair_start_at_login()
    assert entry.read_bytes() == right


@on_linux
@pytest.mark.parametrize("line", ["Hidden=true", "X-GNOME-Autostart-enabled = false"])
def test_what_the_desktop_switched_off_stays_off(entry: Path, line: str) -> None:
    entry.parent.mkdir(parents=True)
    old = f"[Desktop Entry]\nExec=/where/it/was/before\n{line}\n"
    entry.write_text(old)
    assert not starts_at_login()
    assert not repair_start_at_login()
    assert entry.read_text() == old


@on_linux
def test_what_the_user_removed_stays_away(entry: Path) -> None:
    assert not repair_start_at_login()
    assert not entry.exists()


def test_a_mac_gets_a_launch_agent() -> None:
    agent = plistlib.loads(launch_agent(["/Applications/Hold & Fast.app/holdfast", "window", "--hidden"]))
    assert agent["ProgramArguments"] == ["/Applications/Hold & Fast.app/holdfast", "window", "--hidden"]
    assert agent["RunAtLoad"] is True
    assert "WorkingDirectory" not in agent


def test_windows_gets_one_line_with_quotes_where_a_path_has_spaces() -> None:
    command = [r"C:\Program Files\Holdfast\holdfast.exe", "window", "--hidden"]
    assert autostart._run_value(command) == r'"C:\Program Files\Holdfast\holdfast.exe" window --hidden'
