"""Collects what helps to find out why something does not work, as text that its user reads and then sends.

Nothing is sent from here, and nothing secret stands in it: see `public_settings`.
"""

from __future__ import annotations

import importlib.metadata
import locale
import os
import platform
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from app import __version__
from app.domain.errors import AppError
from app.engine.public_settings import masked, public_settings
from app.persistence import secrets
from app.persistence.settings import Settings, load_settings, settings_path
from app.postgres.sandbox import default_root
from app.postgres.toolchain import Installation, find_installations
from app.system import paths
from app.system.crash import last_crash
from app.system.files import free_bytes
from app.system.log import last_lines
from app.system.running import running

_LINES = 200
_PACKAGES = ("PySide6_Essentials", "keyring", "httpx", "msgspec")
_VARIABLES = ("XDG_CURRENT_DESKTOP", "XDG_SESSION_TYPE", "QT_QPA_PLATFORM", "QT_SCALE_FACTOR", "container")


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """What was found; every text in it is fit to be shown.

    Attributes:
        at: when, in UTC.
        versions: of Holdfast, and of what it stands on.
        system: what it runs on.
        tools: PostgreSQL's programs: where they are, and what they can do.
        keyring: its name, and whether it works.
        folders: for each of Holdfast's own and each destination where it is, and how much is free there.
        running: the names of Holdfast's processes.
        settings: see `public_settings`; why they cannot be read, where that is so.
        crash: the stacks of the last crash.
        log: the last lines of all processes.
    """

    at: datetime
    versions: Mapping[str, str]
    system: Mapping[str, str]
    tools: tuple[str, ...]
    keyring: str
    folders: Mapping[str, str]
    running: tuple[str, ...]
    settings: Mapping[str, object]
    crash: str = ""
    log: tuple[str, ...] = field(default=(), repr=False)


def collect(window: Mapping[str, str] | None = None) -> Diagnostics:
    """Look at everything; it takes seconds, since programs and the keyring are tried.

    Args:
        window: what only the window knows: Qt's version, its platform, screens.
    """
    settings: Settings | None = None
    try:
        settings = load_settings(settings_path())
        shown = public_settings(settings)
    except AppError as error:
        shown = {"problem": error.title}

    def clean(text: str) -> str:
        return masked(text, settings)

    folder = paths.log_folder()
    return Diagnostics(
        at=datetime.now(UTC),
        versions=_versions(),
        system={name: clean(value) for name, value in (_system() | dict(window or {})).items()},
        tools=tuple(clean(_tool(one)) for one in find_installations()),
        keyring=clean(_keyring()),
        folders={name: clean(_free(path)) for name, path in _folders(settings)},
        running=running(),
        settings=shown,
        crash=clean(_crash(folder)),
        log=tuple(map(clean, last_lines(folder, _LINES))),
    )


def diagnostics_text(found: Diagnostics) -> str:
    """All of it as plain text, in sections."""
    lines = [f"Holdfast diagnostics, {found.at:%Y-%m-%d %H:%M:%S} UTC"]
    sections: tuple[tuple[str, object], ...] = (
        ("Versions", found.versions),
        ("System", found.system),
        ("PostgreSQL tools", found.tools),
        ("Keyring", found.keyring),
        ("Folders", found.folders),
        ("Running", found.running),
        ("Settings", found.settings),
        ("Last crash", found.crash),
        ("Log", found.log),
    )
    for title, content in sections:
        lines += ["", title, *(f"  {line}" for line in _lines(content))]
    return "\n".join(lines) + "\n"


def _lines(content: object) -> Iterator[str]:
    """A value as lines, what it holds indented; lists without names stand one a line."""
    match content:
        case {} if not content:
            yield "none"
        case Mapping():
            for name, value in content.items():
                if isinstance(value, Mapping | list) and value:
                    yield f"{name}:"
                    yield from (f"  {line}" for line in _lines(value))
                else:
                    yield f"{name}: {_word(value)}"
        case list() | tuple():
            for one in content or ("none",):
                yield _word(one)
        case _:
            yield from _word(content).splitlines()


def _word(value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case Mapping():
            return ", ".join(f"{name} {_word(one)}" for name, one in value.items()) or "none"
        case list() | tuple():
            return "; ".join(map(_word, value)) or "none"
    return "none" if value in (None, "", {}) else str(value)


def _versions() -> dict[str, str]:
    import psycopg

    found = {
        "Holdfast": f"{__version__}, {'frozen' if getattr(sys, 'frozen', False) else 'from source'}",
        "Python": platform.python_version(),
        "psycopg": f"{psycopg.__version__} ({psycopg.pq.__impl__})",
        "libpq": str(psycopg.pq.version()),
    }
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = ""
    return found


def _system() -> dict[str, str]:
    found = {
        "os": _os_name(),
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cores": str(os.cpu_count()),
        "locale": ".".join(filter(None, locale.getlocale())),
        "root": "yes" if paths.is_root() else "no",
    }
    return found | {name: os.environ[name] for name in _VARIABLES if os.environ.get(name)}


def _os_name() -> str:
    if sys.platform == "darwin":
        return f"macOS {platform.mac_ver()[0]}"
    if sys.platform == "win32":
        return platform.platform()
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.platform()


def _tool(one: Installation) -> str:
    abilities = [*sorted(one.compression), *(["TLS"] * one.has_tls), *(["server"] * one.has_server)]
    return f"{one.version} {one.origin} {one.folder}: {one.problem or ', '.join(abilities)}"


def _keyring() -> str:
    found = secrets.probe()
    return f"{found.name}: {'works' if found.usable else found.problem}"


def _folders(settings: Settings | None) -> Iterator[tuple[str, Path]]:
    yield "settings", paths.config_folder()
    yield "data", paths.data_folder()
    yield "logs", paths.log_folder()
    yield "sandboxes", default_root()
    if settings is not None:
        yield "backups", settings.destination_folder
        for number, schedule in enumerate(settings.schedules, 1):
            if schedule.destination:
                yield f"backups of schedule {number}", Path(schedule.destination)


def _free(folder: Path) -> str:
    try:
        there = "" if folder.is_dir() else ", not there"
        return f"{folder}{there}, {free_bytes(folder) / 1e9:.1f} GB free"
    except OSError as error:
        return f"{folder}, {error.strerror}"


def _crash(folder: Path) -> str:
    crash = last_crash(folder)
    if crash is None:
        return ""
    try:
        return f"{crash.at:%Y-%m-%d %H:%M:%S}Z\n{crash.text()}"
    except OSError as error:
        return f"{crash.path.name}: {error.strerror}"
