"""Removes everything that Holdfast keeps on this computer for its user, except backups.

Files go by name and nothing else: what else lies in the same folders, a destination among them, stays.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from app.domain.errors import AppError, ErrorCode
from app.domain.reminders import Channel
from app.engine.rota import backup_runs
from app.engine.supabase_access import SERVICE, forget_token, key_account
from app.persistence import secrets
from app.persistence.catalog import Catalog, catalog_path
from app.persistence.manifest import MANIFEST_NAME
from app.persistence.settings import Settings, load_settings, settings_path
from app.postgres.sandbox import default_root, remove_stale_sandboxes
from app.system import autostart, paths, timers
from app.system.files import folder_error
from app.system.running import running

_FOLDERS = ("sandboxes", "servers", "templates")
"""In the cache, which on some systems all users that are root share."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A folder with backups, which stays: how many of them the history knows, and their bytes."""

    folder: Path
    backups: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Reset:
    """What would be removed, and what would stay.

    Attributes:
        projects, schedules: how many the settings have.
        accounts: what the keyring may hold besides Supabase's token, as its service and account.
        starts_at_login: the session starts Holdfast.
        has_timer: the system runs schedules.
        files: logs, locks and what can be made again.
        last: settings and catalog; they name what else there is, and go when that is gone.
        kept: where backups are.
        problem: why settings or catalog cannot be read; then not all is known that the keyring holds.
    """

    projects: int
    schedules: int
    accounts: tuple[tuple[str, str], ...]
    starts_at_login: bool
    has_timer: bool
    files: tuple[Path, ...]
    last: tuple[Path, ...]
    kept: tuple[Kept, ...]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Left:
    """Something that could not be removed, and why."""

    what: str
    why: str


def refuse_while_running() -> None:
    """See that no Holdfast is at work.

    Raises:
        AppError: LOCK_WAIT naming what runs.
    """
    names = list(running())
    try:
        if not names and backup_runs(load_settings(settings_path())):
            names = ["backup"]
    except AppError as error:
        if error.code is not ErrorCode.SETTINGS_DAMAGED:
            raise
    if names:
        raise AppError(
            ErrorCode.LOCK_WAIT,
            "Holdfast is running",
            detail=f"At work: {', '.join(names)}",
            hint="Quit it, or wait for its end, then try again. Nothing was removed.",
        )


def plan_reset() -> Reset:
    """Look what there is; nothing is changed, and the keyring is not asked.

    Raises:
        AppError: the session's entry for Holdfast cannot be read.
    """
    settings, problem = Settings(), ""
    try:
        settings = load_settings(settings_path())
    except AppError as error:
        problem = error.title
    names = [project.name for project in settings.projects]
    folders = [settings.destination_folder]
    folders += [Path(one.destination) for one in settings.schedules if one.destination]
    totals: dict[Path, tuple[int, int]] = {folder.resolve(): (0, 0) for folder in folders if folder.is_dir()}
    if catalog_path().exists():
        try:
            with closing(Catalog(catalog_path(), folders)) as catalog:
                names += catalog.projects()
                known = [Path(one.destination) for one in catalog.history() if one.path and not one.missing]
                found = {folder.resolve(): catalog.total(folder) for folder in (*folders, *known)}
                totals |= {folder: total for folder, total in found.items() if total[0] or folder in totals}
        except AppError as error:
            problem = problem or error.title
    return Reset(
        projects=len(settings.projects),
        schedules=len(settings.schedules),
        accounts=tuple(_accounts(dict.fromkeys(names))),
        starts_at_login=autostart.starts_at_login(),
        has_timer=timers.has_timer(),
        files=tuple(path for path in _files() if not _holds(path, totals)),
        last=tuple(_last_files()),
        kept=tuple(Kept(folder, *total) for folder, total in totals.items()),
        problem=problem,
    )


def carry_out(plan: Reset) -> tuple[Left, ...]:
    """Remove it, and give what could not be removed.

    Settings and catalog stay while anything of timer, login and keyring does, so that another try finds it.
    """
    left = [
        *_try("the timer that runs schedules", timers.uninstall_timer),
        *_try("the start at login", partial(autostart.set_start_at_login, False)),
        *_forget(plan.accounts),
    ]
    going = plan.files if left else (*plan.files, *plan.last)
    for path in going:
        left += _try(str(path), partial(_remove, path))
    if going == plan.files and plan.last:
        left.append(Left(str(settings_path()), "it names what is left; reset again when that can go"))
    for folder in _folders():
        if folder.is_dir() and not folder.is_symlink() and not any(folder.iterdir()):
            left += _try(str(folder), folder.rmdir)
    return tuple(left)


def _try(what: str, act: Callable[[], object]) -> tuple[Left, ...]:
    try:
        act()
    except (AppError, OSError) as error:
        return (Left(what, str(error)),)
    return ()


def _forget(accounts: Iterable[tuple[str, str]]) -> Iterator[Left]:
    """Empty the keyring; without one nothing is kept in it."""
    state = secrets.probe()
    if not state.usable:
        if state.locked:
            yield Left("passwords and tokens in the keyring", state.problem)
        return
    yield from _try("Supabase’s access token in the keyring", forget_token)
    for service, account in accounts:
        act = partial(secrets.delete_password, account, service)
        yield from _try(f"“{account}” of “{service}” in the keyring", act)


def _accounts(projects: Iterable[str]) -> Iterator[tuple[str, str]]:
    for name in projects:
        yield secrets.PROJECTS, name
        yield SERVICE, key_account(name)
    for channel in Channel:
        yield secrets.REMINDERS, channel.value


def _files() -> Iterator[Path]:
    data, logs = paths.data_folder(), paths.log_folder()
    for folder in (logs, logs / "operations"):
        if not folder.is_symlink():  # a link may lead to other programs' logs
            yield from _found(folder, "*.log", "*.log.?", "*.crash", "crash-*.txt")
    yield from _found(data, "updates.json", ".updates.json.*", "schedules/*.lock", "schedules/rota")
    yield from _found(data, "running/*.lock")
    yield from (default_root() / name for name in _FOLDERS if os.path.lexists(default_root() / name))


def _last_files() -> Iterator[Path]:
    path = settings_path()
    yield from _found(paths.data_folder(), f"{catalog_path().name}*", f"{catalog_path().stem}.damaged-*")
    yield from _found(path.parent, path.name, f"{path.name}.lock", f".{path.name}.*")
    window = window_file()
    yield from _found(window.parent, window.name)


def _found(folder: Path, *patterns: str) -> Iterator[Path]:
    """The files and links of these names: a folder of such a name is none of ours."""
    for pattern in patterns:
        yield from sorted(path for path in folder.glob(pattern) if path.is_symlink() or not path.is_dir())


def window_file() -> Path:
    """Where Qt keeps the window's size and place, as an INI file (doc.qt.io, QSettings, “Locations”)."""
    if sys.platform == "win32":
        base = Path(os.environ.get("APPDATA", str(Path.home())))
    else:
        base = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return base / "holdfast" / "holdfast.ini"


def _folders() -> Iterator[Path]:
    """Holdfast's own folders, the inner ones first; one that holds anything else stays."""
    data, logs = paths.data_folder(), paths.log_folder()
    yield from (logs / "operations", logs, data / "schedules", data / "running", default_root(), data)
    yield from (window_file().parent, paths.config_folder())
    if logs.parent.name == "holdfast":
        yield logs.parent


def _holds(path: Path, destinations: Iterable[Path]) -> bool:
    """Whether backups are kept in there, wherever a user may put them, or lie there unknown to us."""
    if any(folder.is_relative_to(path.resolve()) for folder in destinations):
        return True
    return not path.is_symlink() and any(path.rglob(MANIFEST_NAME))


def _remove(path: Path) -> None:
    """Remove a file, a link as what it is, or a folder of sandboxes unless another Holdfast uses it."""
    try:
        if path.is_symlink() or not path.is_dir():
            path.unlink(missing_ok=True)
            return
        remove_stale_sandboxes(path.parent)
        if not any(path.parent.glob(f"{_FOLDERS[0]}/*")):
            shutil.rmtree(path)
    except OSError as error:
        raise folder_error(error, path.parent) from error
