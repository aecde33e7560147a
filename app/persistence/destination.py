"""Looks after the folder of backups: lists them, removes what crashes left, deletes what is no longer wanted.

The folder may hold other people's files. Nothing is removed but partial backups that look exactly like
Holdfast's own, and files that a manifest lists.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from app.domain.backup import Manifest
from app.domain.errors import AppError, ErrorCode
from app.persistence.checksums import listed_path
from app.persistence.manifest import MANIFEST_NAME, read_manifest
from app.persistence.partial import OWNER_NAME, PARTIAL_SUFFIX, Owner, read_owner, remove_tree
from app.system.files import files_under, folder_error, sync_folder
from app.system.process_id import ProcessId, kill_tree

_NAME = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")
_OWN_TEMPORARY = re.compile(r"\.(manifest|owner)\.json\.[^/]{8}")
_DELETING_NAME = "manifest.deleting.json"
_UNOWNED_SECONDS = 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class Interrupted:
    """A backup that a crash ended, with its slot. `problem` says why its remains could not be removed."""

    id: str
    project: str
    started: datetime
    folder: Path
    problem: str = ""
    schedule: str = ""
    slot: datetime | None = None


@dataclass(frozen=True, slots=True)
class Deleted:
    """What a deletion did: how many files went, and the foreign files for which the folder stays."""

    files: int
    foreign: tuple[str, ...]


def list_backups(
    destination: Path, since: datetime | None = None
) -> Iterator[tuple[Path, Manifest | AppError]]:
    """Each backup below the destination, by project's folder and name, with its manifest.

    Args:
        destination: the folder for backups.
        since: only those that were begun then or later, by their names; the others are not read.

    A backup whose manifest cannot be used comes with the error; folders that are no backups do not come.
    Manifests are read one at a time, because there may be many and each may be large.

    Raises:
        AppError: FOLDER_MISSING or FOLDER_READ_ONLY when the destination cannot be read.
    """
    first = f"{since.astimezone(UTC):%Y%m%dT%H%M%SZ}" if since else ""
    for folder in _candidates(destination):
        if folder.name.endswith(PARTIAL_SUFFIX) or folder.name < first:
            continue
        try:
            yield folder, read_manifest(folder)
        except AppError as error:
            if error.code is not ErrorCode.NOT_A_BACKUP:
                yield folder, error


def newest_with(folder: Path, name: str, fits: Callable[[Manifest], bool]) -> Path | None:
    """The newest backup in a project's folder that holds a file of this name and fits, if there is one."""
    try:
        found = sorted((Path(entry.path) for entry in os.scandir(folder)), reverse=True)
    except OSError:
        return None
    for backup in found:
        if not _NAME.fullmatch(backup.name) or backup.is_symlink() or not (backup / name).is_file():
            continue
        try:
            if fits(read_manifest(backup)):
                return backup
        except AppError:
            continue
    return None


def find_partials(destination: Path) -> tuple[Path, ...]:
    """Folders with the name of a partial backup, whoever writes them.

    Raises:
        AppError: FOLDER_MISSING or FOLDER_READ_ONLY when the destination cannot be read.
    """
    return tuple(folder for folder in _candidates(destination) if _is_partial(folder))


def clean_partials(destination: Path) -> tuple[Interrupted, ...]:
    """Remove what crashes left: partial backups, children that still write to them, half done deletions.

    A partial backup stays while its owner lives, and when it belongs to another host. One whose
    `owner.json` is missing or damaged was hit between two system calls or by a failing disk; it stays
    until nothing in it has changed for a day, because its owner may live elsewhere, and is not reported.
    A destination that does not exist has nothing to clean.

    Raises:
        AppError: FOLDER_READ_ONLY when the destination cannot be read.
    """
    if not destination.exists():
        return ()
    interrupted = []
    for folder in _candidates(destination):
        if _is_partial(folder):
            owner = read_owner(folder)
            if owner is None:
                _remove_unowned(folder)
            elif owner.is_here and not owner.process.is_alive:
                interrupted.append(_remove_interrupted(folder, owner))
        elif _NAME.fullmatch(folder.name):
            _finish(folder)
    return tuple(interrupted)


def delete_backup(folder: Path) -> Deleted:
    """Remove the files that the backup's manifest lists, its manifest, and the folders this empties.

    From the first removal on, the manifest has another name, so that half a backup is never listed;
    `clean_partials` finishes what a crash interrupts. Foreign files stay, and their folders with them.

    Raises:
        AppError: UNSAFE_PATH when a listed path leaves the folder; NOT_A_BACKUP, ARCHIVE_DAMAGED or
            NEWER_MANIFEST when the manifest cannot be used. Nothing was deleted then.
            FOLDER_READ_ONLY or FOLDER_MISSING when a file cannot be removed.
    """
    if folder.is_symlink():
        raise AppError(
            ErrorCode.UNSAFE_PATH, "The backup's folder is a link", detail=f"{folder}, nothing was deleted"
        )
    manifest = read_manifest(folder)
    for file in manifest.files:
        listed_path(folder, file)
    try:
        (folder / MANIFEST_NAME).rename(folder / _DELETING_NAME)
        sync_folder(folder)
        return _delete_listed(folder, manifest)
    except OSError as error:
        raise folder_error(error, folder) from error


def _candidates(destination: Path) -> list[Path]:
    """Folders two levels below the destination; links are not followed into a backup."""
    try:
        projects = sorted(Path(entry.path) for entry in os.scandir(destination) if entry.is_dir())
    except OSError as error:
        raise folder_error(error, destination) from error
    found: list[Path] = []
    for project in projects:
        try:
            entries = sorted(os.scandir(project), key=lambda entry: entry.name)
        except PermissionError:
            continue  # somebody else's: Holdfast makes folders that it can read
        found += [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
    return found


def _is_partial(folder: Path) -> bool:
    return folder.name.endswith(PARTIAL_SUFFIX) and bool(
        _NAME.fullmatch(folder.name.removesuffix(PARTIAL_SUFFIX))
    )


def _remove_interrupted(folder: Path, owner: Owner) -> Interrupted:
    for child in owner.children:
        if child.is_alive and _works_in(child.pid, folder):
            kill_tree(child)
        _kill_group(child, folder)
    problem = ""
    try:
        remove_tree(folder)
    except AppError as error:
        problem = str(error)
    name = folder.name.removesuffix(PARTIAL_SUFFIX)
    return Interrupted(name, owner.project, owner.started, folder, problem, owner.schedule, owner.slot)


def _works_in(pid: int, folder: Path) -> bool:
    """True for a process that names the folder in its command, or has it or a file of it open.

    `owner.json` alone is no reason to kill: it may be forged, or copied along with a disk.
    """
    import psutil  # takes long to import, and only what a crash left needs it

    places = {str(folder.absolute()), str(folder.resolve())}
    try:
        process = psutil.Process(pid)
        if any(place in argument for argument in process.cmdline() for place in places):
            return True
        held = [process.cwd(), *(file.path for file in process.open_files())]
    except psutil.Error:
        return False
    return any(Path(path).is_relative_to(place) for path in held for place in places)


def _kill_group(leader: ProcessId, folder: Path) -> None:
    """Kill workers that outlived a killed leader: its group's members that work in the folder."""
    if not hasattr(os, "getpgid"):
        return
    import psutil

    for pid in psutil.pids():
        try:
            if os.getpgid(pid) == leader.pid and _works_in(pid, folder):
                psutil.Process(pid).kill()
        except (ProcessLookupError, PermissionError, psutil.Error):
            continue


def _remove_unowned(folder: Path) -> None:
    try:
        newest = max(path.lstat().st_mtime for path in (folder, *files_under(folder)))
        if newest < time.time() - _UNOWNED_SECONDS:
            remove_tree(folder)
    except (OSError, AppError):
        pass  # it changes or cannot be removed; the next start looks again


def _finish(folder: Path) -> None:
    """Finish a publication or a deletion that a crash interrupted at its last step."""
    owner = read_owner(folder)
    try:
        if owner and owner.is_here and not owner.process.is_alive:
            (folder / OWNER_NAME).unlink(missing_ok=True)
        if (folder / _DELETING_NAME).is_file():
            _delete_listed(folder, read_manifest(folder, _DELETING_NAME))
        else:
            _remove_if_empty(folder)
    except (OSError, AppError):
        pass  # such a folder is not listed as a backup; the next start tries again


def _delete_listed(folder: Path, manifest: Manifest) -> Deleted:
    count = 0
    own = (folder / path.name for path in folder.iterdir() if _OWN_TEMPORARY.fullmatch(path.name))
    listed = (listed_path(folder, file) for file in manifest.files)
    for path in (*own, folder / OWNER_NAME, *listed):
        if path.is_file():
            path.unlink()
            count += 1
    for parent, _, _ in os.walk(folder, topdown=False):
        if Path(parent) != folder:
            _remove_if_empty(Path(parent))
    (folder / _DELETING_NAME).unlink(missing_ok=True)
    foreign = tuple(path.relative_to(folder).as_posix() for path in files_under(folder))
    _remove_if_empty(folder)
    sync_folder(folder.parent)
    return Deleted(count + 1, foreign)


def _remove_if_empty(folder: Path) -> None:
    if not any(folder.iterdir()):
        folder.rmdir()
