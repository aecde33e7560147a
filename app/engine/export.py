"""Writes a backup as one file, a tar or a zip, which Holdfast and any unpacker read again.

Each file is held against its hash on the way, so that a damaged backup is not handed on as a good one.
"""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from app.domain.backup import Backup, FileRecord
from app.domain.errors import AppError, ErrorCode
from app.domain.events import Listener, Phase, Progress
from app.domain.project import folder_name
from app.domain.remedy import Remedy
from app.persistence.checksums import listed_path
from app.persistence.manifest import MANIFEST_NAME
from app.system.cancellation import CancelToken
from app.system.files import BLOCK, folder_error, free_bytes, sync_file, sync_folder

SUFFIXES = (".tar", ".zip")
_OVERHEAD = 2048  # bytes a file, in either form

AddFile = Callable[[str, int, int, IO[bytes]], None]


def export_name(backup: Backup, suffix: str = ".tar") -> str:
    """A name for the file that tells what is in it."""
    manifest = backup.manifest
    return f"{folder_name(manifest.project)} {manifest.started:%Y-%m-%d %H%M}{suffix}"


def export_backup(
    backup: Backup, target: Path, cancel: CancelToken, listener: Listener, *, replace: bool = False
) -> Path:
    """Write all files of a backup into one; it is there whole or not at all.

    Args:
        target: ends in `.tar` or `.zip`. Neither compresses: a backup is compressed already.
        replace: whether a file that is there may go.

    Raises:
        AppError: INVALID_INPUT for another ending, or when there is such a file; DISK_FULL,
            FOLDER_MISSING or FOLDER_READ_ONLY; ARCHIVE_DAMAGED when a file is not as it was written;
            UNSAFE_PATH.
        Cancelled: `cancel` was set; nothing was left.
    """
    folder, manifest = Path(backup.folder), backup.manifest
    if target.suffix.lower() not in SUFFIXES:
        raise AppError(
            ErrorCode.INVALID_INPUT, "The file's name must end in .tar or .zip", detail=target.name
        )
    _refuse_existing(target, replace)
    _check_space(target, manifest.bytes + _OVERHEAD * (len(manifest.files) + 8))
    listener(Progress(Phase.EXPORTING, 0.0))
    told = _Told(manifest.bytes, cancel, listener)
    top = f"{folder_name(manifest.project)} {manifest.id}"
    try:
        with _written(target, replace) as file, _packer(file, target.suffix.lower()) as add:
            # first, so that whoever reads the tar knows at once what it is
            data = (folder / MANIFEST_NAME).read_bytes()
            add(f"{top}/{MANIFEST_NAME}", len(data), int(manifest.started.timestamp()), io.BytesIO(data))
            for record in manifest.files:
                _add(add, top, listed_path(folder, record), record, told)
    except OSError as error:
        raise folder_error(error, target.parent) from error
    return target


class _Told:
    """Counts the bytes of all files, and asks whether to go on."""

    def __init__(self, total: int, cancel: CancelToken, listener: Listener) -> None:
        self._total = max(total, 1)
        self._cancel = cancel
        self._listener = listener
        self._done = 0

    def add(self, count: int, name: str) -> None:
        self._cancel.check()
        self._done += count
        share = min(self._done / self._total, 0.99)
        self._listener(Progress(Phase.EXPORTING, share, name, bytes=self._done))


class _HashedFile(io.RawIOBase):
    """A file of the backup that is hashed while it is read."""

    def __init__(self, file: IO[bytes], name: str, told: _Told) -> None:
        self.digest = hashlib.sha256()
        self.size = 0
        self._file = file
        self._name = name
        self._told = told

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        data = self._file.read(size if size >= 0 else BLOCK)
        self.digest.update(data)
        self.size += len(data)
        self._told.add(len(data), self._name)
        return data


def _add(add: AddFile, top: str, path: Path, record: FileRecord, told: _Told) -> None:
    try:
        with path.open("rb", buffering=0) as file:
            if os.fstat(file.fileno()).st_size != record.bytes:
                raise _damaged(path)
            hashed = _HashedFile(cast("IO[bytes]", file), record.path, told)
            modified = int(os.fstat(file.fileno()).st_mtime)
            add(f"{top}/{record.path}", record.bytes, modified, cast("IO[bytes]", hashed))
    except FileNotFoundError as error:
        raise _damaged(path) from error
    if hashed.digest.hexdigest() != record.sha256:
        raise _damaged(path)


@contextmanager
def _packer(file: IO[bytes], suffix: str) -> Iterator[AddFile]:
    """Gives what adds a file, by its name, size, time and content."""
    if suffix == ".tar":
        with tarfile.TarFile(fileobj=file, mode="w", format=tarfile.PAX_FORMAT, copybufsize=BLOCK) as tar:

            def add_to_tar(name: str, size: int, modified: int, content: IO[bytes]) -> None:
                info = tarfile.TarInfo(name)
                info.size, info.mtime, info.mode = size, modified, 0o600
                tar.addfile(info, content)

            yield add_to_tar
        return
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:

        def add_to_zip(name: str, size: int, _modified: int, content: IO[bytes]) -> None:
            info = zipfile.ZipInfo(name)
            info.external_attr = 0o600 << 16
            with archive.open(info, "w", force_zip64=size > 1 << 31) as member:
                while data := content.read(BLOCK):
                    member.write(data)

        yield add_to_zip


@contextmanager
def _written(target: Path, replace: bool) -> Iterator[IO[bytes]]:
    """A file that gets its name when all is in it; until then it is hidden beside it."""
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    unfinished = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
        sync_file(unfinished)
        if replace:
            unfinished.replace(target)
        else:
            _name_anew(unfinished, target)
        sync_folder(target.parent)
    finally:
        unfinished.unlink(missing_ok=True)


def _name_anew(unfinished: Path, target: Path) -> None:
    """Rename without replacing a file that came meanwhile; only disks without links leave a moment for it."""
    try:
        target.hardlink_to(unfinished)
    except FileExistsError:
        _refuse_existing(target, replace=False)
    except OSError:
        _refuse_existing(target, replace=False)
        unfinished.rename(target)


def _refuse_existing(target: Path, replace: bool) -> None:
    if not replace and target.exists():
        raise AppError(
            ErrorCode.INVALID_INPUT,
            f"There is already a file {target.name}",
            detail=str(target),
            hint="Choose another name, or replace it.",
            actions=(Remedy.REPLACE_FILE,),
        )


def _check_space(target: Path, needed: int) -> None:
    free = free_bytes(target.parent)
    if free < needed:
        raise AppError(
            ErrorCode.DISK_FULL,
            "The folder has too little space for the file",
            detail=f"{target.parent} has {free:,} bytes left, the file needs {needed:,}",
            hint="Free some space or choose another folder.",
        )


def _damaged(path: Path) -> AppError:
    return AppError(
        ErrorCode.ARCHIVE_DAMAGED,
        f"The file {path.name} is not as it was written",
        detail=str(path),
        hint="Nothing was exported. Use another backup, or put a whole copy of the file back.",
    )
