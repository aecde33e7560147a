"""Has the system run Holdfast each minute, so that schedules need neither the window nor a session."""

from __future__ import annotations

import os
import plistlib
import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

from app.domain.errors import AppError, ErrorCode
from app.system.autostart import command_folder, quiet_command
from app.system.files import folder_error, make_folder, write_atomically
from app.system.process import Finished, run

ARGUMENTS = ("run-due",)
LARGEST_STEP = 59
"""Minutes between two runs, at most."""

_NAME = "holdfast-due"
_TASK = "Holdfast schedules"
_LABEL = "holdfast.due"
_TASK_NAMESPACE = "http://schemas.microsoft.com/windows/2004/02/mit/task"
_CARRIED = ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")
"""Where settings and history are; a timer does not know what a login shell sets."""

_PLAIN = re.compile(r"[A-Za-z0-9_./+ -]+")
_SECONDS = 20.0


def due_command() -> tuple[list[str], Path | None]:
    """The command that runs what is due, and where it must run, if that matters."""
    command = quiet_command(*ARGUMENTS)
    return command, command_folder(command)


def carried_environment() -> dict[str, str]:
    """The variables that the system's timer must set, as they are now."""
    return {name: os.environ[name] for name in _CARRIED if os.environ.get(name)}


def systemd_service(command: Sequence[str], folder: Path | None, environment: Mapping[str, str]) -> str:
    """A unit that runs what is due once, see systemd.service(5) and systemd.exec(5)."""
    if not _PLAIN.fullmatch(command[0]):  # systemd refuses a program with quotes or the like in its path
        command = ["/bin/sh", "-c", 'exec "$0" "$@"', *command]
    literal = ":" if any("$" in part for part in command) else ""  # no variable is one (systemd 244)
    lines = (
        "[Unit]",
        "Description=Holdfast: back up what is due",
        "",
        "[Service]",
        "Type=oneshot",
        f"ExecStart={literal}{' '.join(map(_unit_quoted, command))}",
        *([f"WorkingDirectory={_unit_value(str(folder))}"] if folder else []),
        *(f"Environment={_unit_quoted(f'{name}={value}')}" for name, value in environment.items()),
        "KillMode=mixed",  # Holdfast ends its children itself, and tidies up
    )
    return "\n".join(lines) + "\n"


def systemd_timer(minutes: int) -> str:
    """The unit that starts the other one, see systemd.timer(5); after sleep it does so at once."""
    lines = (
        "[Unit]",
        "Description=Holdfast: look each minute what is due",
        "",
        "[Timer]",
        f"OnCalendar=*:0/{minutes}",
        "OnStartupSec=30",
        "AccuracySec=10",
        "",
        "[Install]",
        "WantedBy=timers.target",
    )
    return "\n".join(lines) + "\n"


def cron_line(
    command: Sequence[str], folder: Path | None, environment: Mapping[str, str], minutes: int
) -> str:
    """A line for `crontab -e`, see crontab(5); what goes wrong is left for cron to mail."""
    go = f"cd {shlex.quote(str(folder))} && " if folder else ""
    sets = "".join(f"{name}={shlex.quote(value)} " for name, value in environment.items())
    line = f"{go}{sets}{shlex.join(command)} >/dev/null"
    step = "*" if minutes == 1 else f"*/{minutes}"
    return f"{step} * * * * " + line.replace("%", "\\%")


def launch_agent(
    command: Sequence[str], folder: Path | None, environment: Mapping[str, str], minutes: int
) -> bytes:
    """A property list for `~/Library/LaunchAgents`, see launchd.plist(5)."""
    return plistlib.dumps(
        {
            "Label": _LABEL,
            "ProgramArguments": list(command),
            "RunAtLoad": True,
            "StartInterval": minutes * 60,
            "ProcessType": "Background",
        }
        | ({"WorkingDirectory": str(folder)} if folder else {})
        | ({"EnvironmentVariables": dict(environment)} if environment else {})
    )


def task_xml(command: Sequence[str], folder: Path | None, minutes: int) -> bytes:
    """A task for `schtasks /Create /XML`, see Microsoft's Task Scheduler Schema; in UTF-16, as it asks."""
    task = ElementTree.Element("Task", version="1.2", xmlns=_TASK_NAMESPACE)
    about = ElementTree.SubElement(task, "RegistrationInfo")
    ElementTree.SubElement(about, "Description").text = "Backs up what is due."
    trigger = ElementTree.SubElement(ElementTree.SubElement(task, "Triggers"), "TimeTrigger")
    repetition = ElementTree.SubElement(trigger, "Repetition")
    ElementTree.SubElement(repetition, "Interval").text = f"PT{minutes}M"
    ElementTree.SubElement(trigger, "StartBoundary").text = "2026-01-01T00:00:00"
    settings = ElementTree.SubElement(task, "Settings")
    for name, value in (
        ("MultipleInstancesPolicy", "Parallel"),  # another project's backup need not wait; slots have locks
        ("DisallowStartIfOnBatteries", "false"),
        ("StopIfGoingOnBatteries", "false"),
        ("StartWhenAvailable", "true"),
        ("ExecutionTimeLimit", "PT0S"),
    ):
        ElementTree.SubElement(settings, name).text = value
    action = ElementTree.SubElement(ElementTree.SubElement(task, "Actions"), "Exec")
    ElementTree.SubElement(action, "Command").text = command[0]
    ElementTree.SubElement(action, "Arguments").text = " ".join(map(_windows_quoted, command[1:]))
    if folder:
        ElementTree.SubElement(action, "WorkingDirectory").text = str(folder)
    text = ElementTree.tostring(task, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-16"?>\n{text}\n'.encode("utf-16")


def timer_files(minutes: int) -> dict[Path, bytes]:
    """What `install_timer` writes, and where; on Windows a task is made from it and the file goes."""
    command, folder = due_command()
    environment = carried_environment()
    if sys.platform == "win32":
        return {Path("holdfast.xml"): task_xml(command, folder, minutes)}
    if sys.platform == "darwin":
        path = Path.home() / "Library" / "LaunchAgents" / f"{_LABEL}.plist"
        return {path: launch_agent(command, folder, environment, minutes)}
    units = _unit_folder()
    return {
        units / f"{_NAME}.service": systemd_service(command, folder, environment).encode(),
        units / f"{_NAME}.timer": systemd_timer(minutes).encode(),
    }


def own_cron_line(minutes: int) -> str:
    """The line for cron, for this installation."""
    command, folder = due_command()
    return cron_line(command, folder, carried_environment(), minutes)


def can_install() -> bool:
    """Whether the system takes a timer: but for macOS and Windows a systemd of the user's own must run."""
    if sys.platform in ("win32", "darwin"):
        return True
    try:
        return _run("systemctl", "--user", "show-environment")
    except AppError:
        return False


def install_timer(minutes: int) -> None:
    """Write the timer and have the system start it now and at each login; one that is there is replaced.

    Raises:
        AppError: FOLDER_READ_ONLY and the like; TOOL_BROKEN when the system refuses it.
    """
    files = timer_files(minutes)
    if sys.platform == "win32":
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "holdfast.xml"
            file.write_bytes(next(iter(files.values())))
            _need("schtasks", "/Create", "/F", "/TN", _TASK, "/XML", str(file))
        return
    for path, content in files.items():
        make_folder(path.parent)
        write_atomically(path, content, mode=0o644)
    if sys.platform == "darwin":
        (path,) = files
        _run("launchctl", "bootout", f"{_mac_session()}/{_LABEL}")
        _need("launchctl", "bootstrap", _mac_session(), str(path))
        return
    _need("systemctl", "--user", "daemon-reload")
    _need("systemctl", "--user", "enable", f"{_NAME}.timer")
    _need("systemctl", "--user", "restart", f"{_NAME}.timer")


def uninstall_timer() -> bool:
    """Take it away again; False where there was none.

    Raises:
        AppError: FOLDER_READ_ONLY when the files cannot be removed; TOOL_BROKEN, see `install_timer`.
    """
    if sys.platform == "win32":
        return _run("schtasks", "/Delete", "/F", "/TN", _TASK)
    paths = [path for path in timer_files(1) if path.exists()]
    if not paths:
        return False
    if sys.platform == "darwin":
        _run("launchctl", "bootout", f"{_mac_session()}/{_LABEL}")
    elif can_install():
        _need("systemctl", "--user", "disable", "--now", f"{_NAME}.timer")
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise folder_error(error, path.parent) from error
    if sys.platform != "darwin" and can_install():
        _need("systemctl", "--user", "daemon-reload")
    return True


def has_timer() -> bool:
    """Whether `install_timer` was called, and its work is still there."""
    if sys.platform == "win32":
        return _run("schtasks", "/Query", "/TN", _TASK)
    return all(path.exists() for path in timer_files(1))


def runs_without_session() -> bool:
    """Whether the timer goes on after the user logged out; systemd calls that lingering."""
    if sys.platform != "linux":
        return False
    import pwd

    return (Path("/var/lib/systemd/linger") / pwd.getpwuid(os.geteuid()).pw_name).exists()


def _unit_folder() -> Path:
    config = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(config) if config else Path.home() / ".config") / "systemd" / "user"


def _unit_value(text: str) -> str:
    """A value as it is: a percent sign would begin a specifier."""
    return text.replace("%", "%%")


def _unit_quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{_unit_value(escaped)}"'


def _windows_quoted(text: str) -> str:
    """An argument for a program's own parser; ours have neither quotes nor a backslash at the end."""
    return f'"{text}"' if " " in text else text


def _mac_session() -> str:
    return f"gui/{os.getuid()}" if sys.platform != "win32" else ""


def _run(*command: str) -> bool:
    return _finished(command).status == 0


def _finished(command: Sequence[str]) -> Finished:
    program = shutil.which(command[0]) or command[0]
    return run([program, *command[1:]], env=os.environ, timeout=_SECONDS)


def _need(*command: str) -> None:
    done = _finished(command)
    if done.status:
        raise AppError(
            ErrorCode.TOOL_BROKEN,
            "The system did not take the timer",
            detail=f"{shlex.join(command)}: {(done.errors or done.output).strip()}",
            hint="“holdfast schedules install --print” shows what it is, to be set up by hand.",
        )
