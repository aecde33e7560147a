"""Keeps the user's settings and projects in one file that people can read; passwords never stand in it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import msgspec

from app.domain.errors import AppError, ErrorCode
from app.domain.preferences import Appearance, Notifications, OnClose, Times
from app.domain.project import Project
from app.domain.reminders import Reminders
from app.domain.schedule import Schedule
from app.persistence.newer_fields import with_newer_fields
from app.system import paths
from app.system.files import folder_error, write_atomically

SETTINGS_VERSION = 1

_LOCK_SECONDS = 10.0
_LONGEST_NAME = 200
_MOST_JOBS = 64
_SHORTEST_STALL = 1.0
_SECRET_KEYWORD = re.compile(
    r"(?:^|\s)(?:password|sslpassword|oauth_client_secret|scram_client_key|scram_server_key)\s*=",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user has chosen.

    Attributes:
        destination: folder for backups; empty for the system's documents folder.
        stall_seconds: an operation without any progress for so long is stalled.
        projects: the user's projects, in the order in which they were added.
        appearance: of the window.
        language: of the window, as two letters; the system's where it is empty.
        on_close: what closing the window does.
        times: the zone in which the window shows moments.
        tray: Holdfast shows an icon in the tray, where there is one.
        start_at_login: it starts with the session, hidden.
        notifications: of what the desktop is told.
        jobs: parallel workers of a backup or restore; None for what machine and server allow.
        schedules: in the order in which they were added.
        paused_until: no schedule starts anything before, in UTC.
        prove_weekly: the newest backup of each project is proven by restore once a week.
        reminders: how somebody is told who looks at no window.
        updates: Holdfast looks for new versions once a day; None while nobody was asked.
        skipped_version: a new version of which the user does not want to hear.
        version: of the file's format. A new field needs no new version, for an older Holdfast keeps what
            it does not know; a new value of a known field does, for an older one would refuse the file.
    """

    destination: str = ""
    stall_seconds: float = 600.0
    projects: tuple[Project, ...] = ()
    appearance: Appearance = Appearance.SYSTEM
    language: str = ""
    on_close: OnClose = OnClose.ASK
    times: Times = Times.LOCAL
    tray: bool = True
    start_at_login: bool = False
    notifications: Notifications = field(default_factory=Notifications)
    jobs: int | None = None
    schedules: tuple[Schedule, ...] = ()
    paused_until: datetime | None = None
    prove_weekly: bool = True
    reminders: Reminders = field(default_factory=Reminders)
    updates: bool | None = None
    skipped_version: str = ""
    version: int = SETTINGS_VERSION

    @property
    def destination_folder(self) -> Path:
        """Where backups go."""
        return Path(self.destination) if self.destination else paths.default_destination()


def settings_path() -> Path:
    """The file that the functions below are given, unless a test has its own."""
    return paths.config_folder() / "settings.json"


def load_settings(path: Path) -> Settings:
    """Read the settings; without a file they are the defaults.

    Raises:
        AppError: SETTINGS_DAMAGED when the file cannot be read or understood. It is left as it is.
    """
    try:
        settings = msgspec.json.decode(path.read_bytes(), type=Settings)
    except FileNotFoundError:
        return Settings()
    except OSError as error:
        raise _damaged(path, error.strerror or str(error)) from error
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise _damaged(path, str(error)) from error
    if settings.version > SETTINGS_VERSION:
        raise AppError(
            ErrorCode.SETTINGS_DAMAGED,
            "The settings were written by a newer Holdfast",
            detail=f"{path} has version {settings.version}",
            hint="Update Holdfast.",
        )
    return settings


def change_settings(path: Path, change: Callable[[Settings], Settings]) -> Settings:
    """Read, change and write the settings while no other process does, and give the new ones.

    Raises:
        AppError: INVALID_INPUT for a number without sense, SETTINGS_DAMAGED, and nothing is overwritten;
            FOLDER_READ_ONLY, FOLDER_MISSING or DISK_FULL when they cannot be written; TIMED_OUT when
            another process keeps them locked.
    """
    with _locked(path):
        before = load_settings(path)
        changed = change(before)
        _check_numbers(changed)
        raw = msgspec.json.decode(path.read_bytes()) if path.exists() else {}
        new = with_newer_fields(raw, _as_json(before), _as_json(changed))
        content = msgspec.json.format(msgspec.json.encode(new), indent=2) + b"\n"
        write_atomically(path.resolve(), content)  # a link, as of dotfiles, stays one
    return changed


def add_project(path: Path, project: Project) -> None:
    """Keep a new project.

    Raises:
        AppError: INVALID_INPUT when its name is taken (case does not matter) or cannot be used, or when
            its connection string holds a password; also as `change_settings`.
    """
    _check(project)

    def add(settings: Settings) -> Settings:
        _refuse_taken(settings.projects, project)
        return replace(settings, projects=(*settings.projects, project))

    change_settings(path, add)


def find_project(settings: Settings, name: str) -> Project:
    """The project of that name; case does not matter.

    Raises:
        AppError: UNKNOWN_PROJECT with the names that come close.
    """
    by_name = {project.name.casefold(): project for project in settings.projects}
    if name.casefold() in by_name:
        return by_name[name.casefold()]
    import difflib  # for mistakes alone

    close = [by_name[key].name for key in difflib.get_close_matches(name.casefold(), by_name)]
    raise AppError(
        ErrorCode.UNKNOWN_PROJECT,
        f"There is no project “{name}”",
        detail="Did you mean " + " or ".join(f"“{other}”" for other in close) + "?" if close else "",
        hint="“holdfast projects list” shows all; “holdfast projects add” makes one.",
    )


def remove_project(path: Path, name: str) -> Project:
    """Forget a project and its schedules, and give it back. Its backups and its password stay where they are.

    Raises:
        AppError: UNKNOWN_PROJECT; also as `change_settings`.
    """
    removed: list[Project] = []

    def remove(settings: Settings) -> Settings:
        project = find_project(settings, name)
        removed.append(project)
        return replace(
            settings,
            projects=tuple(other for other in settings.projects if other != project),
            schedules=tuple(one for one in settings.schedules if not _same(one.project, project.name)),
        )

    change_settings(path, remove)
    return removed[0]


def replace_project(path: Path, name: str, project: Project) -> None:
    """Put a project in the place of the one of that name; after a rename its schedules follow.

    The catalog (`Catalog.rename_project`) and the password in the keyring are the caller's to move.

    Raises:
        AppError: UNKNOWN_PROJECT; INVALID_INPUT as for `add_project`; also as `change_settings`.
    """
    _check(project)

    def change(settings: Settings) -> Settings:
        old = find_project(settings, name)
        others = [other for other in settings.projects if other != old]
        _refuse_taken(others, project)
        return replace(
            settings,
            projects=tuple(project if other == old else other for other in settings.projects),
            schedules=tuple(
                replace(one, project=project.name) if _same(one.project, old.name) else one
                for one in settings.schedules
            ),
        )

    change_settings(path, change)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    from filelock import FileLock, Timeout  # only who writes needs it

    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = FileLock(f"{path}.lock", timeout=_LOCK_SECONDS)
        lock.acquire()
    except Timeout as error:
        raise AppError(
            ErrorCode.TIMED_OUT,
            "Another Holdfast is changing the settings",
            detail=f"{path} was locked for {_LOCK_SECONDS:g} s",
            hint="Close the other one, then try again.",
        ) from error
    except OSError as error:
        raise folder_error(error, path.parent) from error
    try:
        yield
    finally:
        lock.release()


def _as_json(settings: Settings) -> object:
    return msgspec.json.decode(msgspec.json.encode(settings))


def _check_numbers(settings: Settings) -> None:
    if settings.jobs is not None and not 1 <= settings.jobs <= _MOST_JOBS:
        raise AppError(
            ErrorCode.INVALID_INPUT,
            f"jobs: {settings.jobs} is not a number from 1 to {_MOST_JOBS}",
            hint="Without a number Holdfast takes what machine and server allow.",
        )
    if not _SHORTEST_STALL <= settings.stall_seconds < math.inf:
        raise AppError(
            ErrorCode.INVALID_INPUT,
            f"stall_seconds: {settings.stall_seconds:g} is less than {_SHORTEST_STALL:g}, or no number",
            hint="The default is 600.",
        )


def _refuse_taken(others: Iterable[Project], project: Project) -> None:
    for other in others:
        if _same(other.name, project.name):
            raise AppError(
                ErrorCode.INVALID_INPUT,
                f"There is already a project “{other.name}”",
                hint="Choose another name, or remove that project first.",
            )


def _same(one: str, other: str) -> bool:
    return one.casefold() == other.casefold()


def _check(project: Project) -> None:
    name = project.name
    if not name or name != name.strip() or not name.isprintable() or len(name) > _LONGEST_NAME:
        raise AppError(
            ErrorCode.INVALID_INPUT,
            f"{name[:_LONGEST_NAME]!a} cannot be a project's name",
            hint=f"Use 1 to {_LONGEST_NAME} letters, digits, signs and spaces, none at either end.",
        )
    if _SECRET_KEYWORD.search(project.conninfo):
        raise AppError(
            ErrorCode.INVALID_INPUT,
            "A project's connection cannot hold a password",
            hint="Give the password apart; it goes into the keyring.",
        )


def _damaged(path: Path, reason: str) -> AppError:
    return AppError(
        ErrorCode.SETTINGS_DAMAGED,
        "The settings cannot be read",
        detail=f"{path}: {reason}",
        hint="Correct the file, or rename it to begin anew and add the projects again. "
        "Nothing was overwritten; backups are not touched by this.",
    )
