"""Has the session start Holdfast when the user logs in, hidden: schedules run only while it runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from app.domain.errors import AppError, ErrorCode
from app.system.files import folder_error, make_folder, write_atomically
from app.system.process import own_command, own_command_folder

ARGUMENTS = ("window", "--hidden")

_LABEL = "holdfast"
_RUN_KEY = r"Software\Microsoft\Windows\CurrentVersion\Run"
_QUOTED = str.maketrans({sign: f"\\{sign}" for sign in '"`$\\'})


def quiet_command(*arguments: str) -> list[str]:
    """The command with which the system starts Holdfast; a source tree's must run in `command_folder`."""
    if getattr(sys, "frozen", False):
        return [*own_command(for_system=True), *arguments]
    python = Path(sys.executable)
    if sys.platform == "win32":  # the command holdfast.exe would open a terminal
        return [str(python.with_name("pythonw.exe")), "-m", "app", *arguments]
    installed = python.with_name("holdfast")
    if os.access(installed, os.X_OK):
        return [str(installed), *arguments]
    return [*own_command(), *arguments]


def command_folder(command: Sequence[str]) -> Path | None:
    """Where a `quiet_command` must run; None where that does not matter."""
    return own_command_folder() if "-m" in command else None


def start_command() -> list[str]:
    """The command that starts Holdfast hidden; it must run in `start_folder`."""
    return quiet_command(*ARGUMENTS)


def start_folder() -> Path | None:
    """Where `start_command` must run; None where that does not matter."""
    return command_folder(start_command())


def starts_at_login() -> bool:
    """Whether the session will start Holdfast; not where the desktop's own settings switched it off."""
    entry = _read()
    return entry is not None and not _is_switched_off(entry)


def set_start_at_login(wanted: bool) -> None:
    """Have the session start Holdfast, or no more.

    Raises:
        AppError: FOLDER_READ_ONLY, FOLDER_MISSING or DISK_FULL.
    """
    if sys.platform == "win32":
        _set_run_key(_run_value(start_command()) if wanted else None)
        return
    path = _path()
    try:
        if wanted:
            make_folder(path.parent)
            write_atomically(path, _content(), mode=0o644)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise folder_error(error, path.parent) from error


def repair_start_at_login() -> bool:
    """Write the entry anew where Holdfast was moved since; True where that was needed.

    An entry that the user removed, or switched off in the desktop's own settings, stays as it is.

    Raises:
        AppError: as `set_start_at_login`.
    """
    entry = _read()
    if entry is None or entry == _content() or _is_switched_off(entry):
        return False
    set_start_at_login(True)
    return True


def desktop_entry(command: Sequence[str], folder: Path | None = None) -> bytes:
    """An entry for `~/.config/autostart`, by freedesktop.org's Desktop Entry and Autostart specifications."""
    quoted = " ".join(f'"{part.translate(_QUOTED)}"' for part in command).replace("%", "%%")
    lines = (
        "[Desktop Entry]",
        "Type=Application",
        "Version=1.4",
        "Name=Holdfast",
        "Comment=Backs up databases on schedule",
        "Icon=holdfast",
        f"TryExec={_escaped(command[0])}",
        f"Exec={_escaped(quoted)}",
        *([f"Path={_escaped(str(folder))}"] if folder else []),
        "Terminal=false",
        "StartupNotify=false",
        "X-GNOME-Autostart-enabled=true",
    )
    return ("\n".join(lines) + "\n").encode()


def launch_agent(command: Sequence[str], folder: Path | None = None) -> bytes:
    """A property list for `~/Library/LaunchAgents`, see launchd.plist(5)."""
    import plistlib

    return plistlib.dumps(
        {
            "Label": _LABEL,
            "ProgramArguments": list(command),
            "RunAtLoad": True,
            "LimitLoadToSessionType": "Aqua",
            "ProcessType": "Interactive",
        }
        | ({"WorkingDirectory": str(folder)} if folder else {})
    )


def _run_value(command: Sequence[str]) -> str:
    """A value for Windows' Run key; no path has quotes there."""
    return " ".join(f'"{part}"' if " " in part else part for part in command)


def _content() -> bytes:
    command = start_command()
    if sys.platform == "win32":
        return _run_value(command).encode()
    write = launch_agent if sys.platform == "darwin" else desktop_entry
    return write(command, start_folder())


def _path() -> Path:
    if sys.platform == "darwin":
        return Path.home() / "Library" / "LaunchAgents" / f"{_LABEL}.plist"
    config = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(config) if config else Path.home() / ".config") / "autostart" / "holdfast.desktop"


def _read() -> bytes | None:
    if sys.platform == "win32":
        return _run_key()
    try:
        return _path().read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise folder_error(error, _path().parent) from error


def _is_switched_off(entry: bytes) -> bool:
    """Desktops switch an entry off in the file itself."""
    lines = {line.strip().replace(b" ", b"").lower() for line in entry.splitlines()}
    return bool(lines & {b"hidden=true", b"x-gnome-autostart-enabled=false"})


def _escaped(text: str) -> str:
    """A string value: its backslashes are doubled, after an argument's own quoting."""
    return text.replace("\\", "\\\\")


if sys.platform == "win32":
    import winreg

    def _run_key() -> bytes | None:
        try:
            with winreg.OpenKey(winreg.HKEY_CURRENT_USER, _RUN_KEY) as key:
                return str(winreg.QueryValueEx(key, "Holdfast")[0]).encode()
        except FileNotFoundError:
            return None

    def _set_run_key(value: str | None) -> None:
        try:
            with winreg.CreateKey(winreg.HKEY_CURRENT_USER, _RUN_KEY) as key:
                if value is None:
                    winreg.DeleteValue(key, "Holdfast")
                else:
                    winreg.SetValueEx(key, "Holdfast", 0, winreg.REG_SZ, value)
        except FileNotFoundError:
            return  # there was none to remove
        except OSError as error:
            raise AppError(
                ErrorCode.FOLDER_READ_ONLY, "The registry cannot be written to", detail=str(error)
            ) from error
