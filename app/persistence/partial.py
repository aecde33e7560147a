"""A backup while it is written, and its publication: only whole and synced backups carry a backup's name.

It is written as `<destination>/<project>/<UTC time>-<6 hex>.partial` with an `owner.json` that says
which process writes it. Publishing syncs everything, renames the folder once, and only then takes
`owner.json` away, so that no crash leaves a partial backup whose owner cannot be told.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import stat
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from app.domain.backup import Backup, FileRecord, Manifest
from app.domain.errors import AppError, ErrorCode
from app.domain.project import folder_name
from app.persistence.checksums import CHECKSUMS_NAME, checksum_lines, hash_file, in_threads
from app.persistence.manifest import write_manifest
from app.persistence.restore_text import RESTORE_NAME, restore_text
from app.system.cancellation import CancelToken
from app.system.files import (
    files_under,
    folder_error,
    path_inside,
    sync_file,
    sync_folder,
    write_atomically,
)
from app.system.process_id import ProcessId, own_process_id

OWNER_NAME = "owner.json"
PARTIAL_SUFFIX = ".partial"

_SYNC_THREADS = 4
_REMOVAL_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Owner:
    """Who writes a partial backup: the process, its host, the children it started, and for which slot."""

    project: str
    started: datetime
    host: str
    process: ProcessId
    children: tuple[ProcessId, ...] = ()
    schedule: str = ""
    slot: datetime | None = None

    @property
    def is_here(self) -> bool:
        """True when it ran on this host, so that its end can be told."""
        return self.host == socket.gethostname()


class PartialBackup:
    """A backup that this process is writing.

    Attributes:
        id: the backup's name, `<UTC time>-<6 hex>`.
        folder: where to write its files.
        started: when it was begun, in UTC.
    """

    def __init__(self, folder: Path, owner: Owner) -> None:
        self.id = folder.name.removesuffix(PARTIAL_SUFFIX)
        self.folder = folder
        self.started = owner.started
        self._owner = owner
        self._lock = threading.Lock()

    @classmethod
    def create(
        cls, destination: Path, project: str, schedule: str = "", slot: datetime | None = None
    ) -> PartialBackup:
        """Make the folder for a new backup. The destination itself must exist: a disk may be unplugged.

        Args:
            destination: the folder for backups.
            project: under whose name it is filed.
            schedule, slot: what asked for it, so that a crash is known to have been this slot's attempt.

        Raises:
            AppError: FOLDER_MISSING, FOLDER_READ_ONLY or DISK_FULL.
        """
        started = datetime.now(UTC)
        name = f"{started:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
        # absolute, so that the commands of children tell after a crash where they work
        folder = destination.absolute() / folder_name(project) / f"{name}{PARTIAL_SUFFIX}"
        try:
            folder.parent.mkdir(mode=0o700, exist_ok=True)
            folder.mkdir(mode=0o700)
        except OSError as error:
            raise folder_error(error, destination) from error
        owner = Owner(project, started, socket.gethostname(), own_process_id(), schedule=schedule, slot=slot)
        partial = cls(folder, owner)
        try:
            partial._write_owner()
        except AppError:
            remove_tree(folder)
            raise
        return partial

    def record_child(self, child: ProcessId) -> None:
        """Note a child that writes here, so that it can be ended after a crash of this process."""
        with self._lock:
            self._owner = replace(self._owner, children=(*self._owner.children, child))
            self._write_owner()

    def remove(self, name: str) -> None:
        """Remove one file or folder that was written, if it is there.

        Raises:
            AppError: FOLDER_READ_ONLY or FOLDER_MISSING when it cannot be removed.
        """
        path = self.folder / name
        if path.is_dir():
            remove_tree(path)
            return
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise folder_error(error, self.folder) from error

    def discard(self) -> None:
        """Remove everything that was written.

        Raises:
            AppError: FOLDER_READ_ONLY or FOLDER_MISSING when it cannot be removed.
        """
        remove_tree(self.folder)

    def _write_owner(self) -> None:
        content = msgspec.json.format(msgspec.json.encode(self._owner), indent=2)
        write_atomically(self.folder / OWNER_NAME, content)


def publish(
    partial: PartialBackup,
    manifest: Manifest,
    known: Iterable[FileRecord] = (),
    cancel: CancelToken | None = None,
) -> Backup:
    """Give a finished backup its checksums, its manifest and its name, and make it survive a power cut.

    Args:
        partial: the backup, to which nobody writes any more.
        manifest: all but its `files`, which are filled in here.
        known: files whose hash was taken while they were written; the others are read here.
        cancel: stops it before the backup gets its name.

    Raises:
        AppError: DISK_FULL, FOLDER_MISSING or FOLDER_READ_ONLY; ARCHIVE_DAMAGED when a known file is
            missing or has another size; UNSAFE_PATH for a link or a name that could not be read back.
        Cancelled: `cancel` was set. The partial backup is then still there.
    """
    cancel = cancel or CancelToken()
    folder = partial.folder
    try:
        files = _sealed_files(folder, known, cancel)
        _add(folder, RESTORE_NAME, restore_text(manifest).encode(errors="backslashreplace"), files)
        _add(folder, CHECKSUMS_NAME, checksum_lines(files), files)
        whole = replace(manifest, files=tuple(files))
        write_manifest(folder, whole)
        _sync_folders(folder)
        cancel.check()
        final = folder.with_name(partial.id)
        folder.rename(final)
        sync_folder(final.parent)
        sync_folder(final.parent.parent)
        (final / OWNER_NAME).unlink()
    except OSError as error:
        raise folder_error(error, folder) from error
    return Backup(str(final), whole)


def read_owner(folder: Path) -> Owner | None:
    """Who writes or wrote this partial backup; None when that cannot be told, or someone else says it."""
    path = folder / OWNER_NAME
    try:
        state = path.lstat()
        if not stat.S_ISREG(state.st_mode) or (sys.platform != "win32" and state.st_uid != os.geteuid()):
            return None
        owner = msgspec.json.decode(path.read_bytes(), type=Owner)
    except (OSError, msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    return owner if owner.started.tzinfo and (owner.slot is None or owner.slot.tzinfo) else None


def remove_tree(folder: Path) -> None:
    """Remove a folder with all that is in it; a child that is just ending may still write there.

    Raises:
        AppError: FOLDER_READ_ONLY or FOLDER_MISSING when it cannot be removed.
    """
    for attempt in range(_REMOVAL_ATTEMPTS):
        try:
            shutil.rmtree(folder)
            return
        except FileNotFoundError:
            if not folder.exists():
                return
        except OSError as error:
            if attempt == _REMOVAL_ATTEMPTS - 1:
                raise folder_error(error, folder) from error
        time.sleep(0.1)


def _sealed_files(folder: Path, known: Iterable[FileRecord], cancel: CancelToken) -> list[FileRecord]:
    """Sync and close to others every file; give their records in the order of their paths."""
    hashed = {record.path: record for record in known}
    paths = [path for path in files_under(folder) if path != folder / OWNER_NAME]
    for path in paths:
        path_inside(folder, path.relative_to(folder).as_posix())
        _make_private(path, 0o600)  # all before the first sync, which then commits all of them
    records: dict[str, FileRecord] = {}

    def seal(path: Path) -> None:
        cancel.check()
        name = path.relative_to(folder).as_posix()
        sync_file(path)
        size = path.stat().st_size
        record = hashed.get(name) or FileRecord(name, size, hash_file(path, cancel))
        if record.bytes != size:
            raise _not_as_written(path, f"it has {size:,} bytes, {record.bytes:,} were written")
        records[name] = record

    in_threads(seal, paths, _SYNC_THREADS)
    lost = hashed.keys() - records.keys()
    if lost:
        raise _not_as_written(folder / min(lost), "it is gone")
    return [records[name] for name in sorted(records)]


def _add(folder: Path, name: str, content: bytes, files: list[FileRecord]) -> None:
    path = folder / name
    write_atomically(path, content)
    files.append(FileRecord(name, len(content), hash_file(path, CancelToken())))


def _sync_folders(folder: Path) -> None:
    for path, _, _ in os.walk(folder, topdown=False):
        _make_private(Path(path), 0o700)
        sync_folder(Path(path))


def _make_private(path: Path, mode: int) -> None:
    try:
        path.chmod(mode)
    except PermissionError:
        pass  # FAT and exFAT, as on a USB stick, know no modes (chmod(2): EPERM)


def _not_as_written(path: Path, reason: str) -> AppError:
    return AppError(
        ErrorCode.ARCHIVE_DAMAGED,
        "A file of the backup was changed while it was taken",
        detail=f"{path}: {reason}",
        hint="Look for a program that works in the folder, then take the backup again.",
    )
