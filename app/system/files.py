"""Writing files so that a crash leaves the old one or the new one, and reading them to check."""

from __future__ import annotations

import errno
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from app.domain.errors import AppError, ErrorCode

BLOCK = 1 << 20


def write_atomically(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Replace `path` by a synced file with this content, or leave what was there.

    Raises:
        AppError: DISK_FULL, FOLDER_MISSING or FOLDER_READ_ONLY.
    """
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                _sync(file.fileno())
            Path(name).chmod(mode)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        sync_folder(path.parent)
    except OSError as error:
        raise folder_error(error, path.parent) from error


def make_folder(folder: Path) -> Path:
    """Make a folder that Holdfast itself chose, with its parents.

    Raises:
        AppError: FOLDER_MISSING, FOLDER_READ_ONLY or DISK_FULL.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise folder_error(error, folder) from error
    return folder


def sync_file(path: Path) -> None:
    """Make the file's content survive a power cut."""
    with path.open("rb+") as file:
        _sync(file.fileno())


def sync_folder(path: Path) -> None:
    """Make the folder's names survive a power cut (Windows does so by itself).

    Some network shares cannot sync a folder and answer EINVAL or EBADF, which PostgreSQL ignores as
    well (fsync_fname_ext in fd.c).
    """
    if sys.platform == "win32":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EBADF):
            raise
    finally:
        os.close(descriptor)


def _sync(descriptor: int) -> None:
    """Past the disk's own cache too, which fsync(2) of macOS leaves alone; not every volume can."""
    if sys.platform == "darwin":
        import fcntl

        try:
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
        except OSError as error:
            if error.errno not in (errno.ENOTSUP, errno.ENOTTY, errno.EINVAL):
                raise
    os.fsync(descriptor)


def files_under(folder: Path) -> Iterator[Path]:
    """Every file below `folder`, sorted by path; links are given as they are and not followed."""
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.is_dir(follow_symlinks=False):
            yield from files_under(Path(entry.path))
        else:
            yield Path(entry.path)


def sha256_of(path: Path) -> str:
    """Hash of the file's bytes, as lower-case hex."""
    import hashlib  # OpenSSL takes 2 MB, and most processes hash nothing

    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def free_bytes(folder: Path) -> int:
    """Bytes that the current user can still write there; asks the nearest parent that exists."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def path_inside(folder: Path, relative: str) -> Path:
    """Join a path that came from a file, which nobody has to trust.

    Raises:
        AppError: UNSAFE_PATH when it is absolute, leaves the folder or passes through a link.
    """
    parts = PurePosixPath(relative).parts
    unsafe = (
        not parts
        or relative.startswith(("/", "\\"))
        or "\\" in relative
        or "\0" in relative
        or ".." in parts
        or any(":" in part for part in parts if sys.platform == "win32")
    )
    path = folder
    if not unsafe:
        for part in parts:
            path = path / part
            unsafe = unsafe or path.is_symlink()
    if unsafe:
        raise AppError(
            ErrorCode.UNSAFE_PATH,
            "The backup names a file outside of its own folder",
            detail=f"{relative!r} in {folder}",
            hint="The backup was changed by someone; it is refused, and nothing was deleted.",
        )
    return path


def folder_error(error: OSError, folder: Path) -> AppError:
    """The `AppError` for a failed write below `folder`."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return AppError(
            ErrorCode.DISK_FULL,
            "The disk is full",
            detail=f"{folder} has {free_bytes(folder):,} bytes left",
            hint="Free some space or choose another folder, then start again.",
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return AppError(
            ErrorCode.FOLDER_READ_ONLY,
            "The folder cannot be written to",
            detail=f"{folder}: {error.strerror}",
            hint="Change its permissions or choose another folder.",
        )
    return AppError(
        ErrorCode.FOLDER_MISSING,
        "The folder cannot be used",
        detail=f"{folder}: {error.strerror or error}",
        hint="Connect the disk that it is on, create it, or choose another folder.",
    )
