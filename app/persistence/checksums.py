"""Hashes a backup's files, so that a changed, short or missing one is found and named."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from app.domain.backup import FileRecord, Manifest
from app.domain.errors import AppError, ErrorCode
from app.persistence.manifest import MANIFEST_NAME
from app.system.cancellation import CancelToken
from app.system.files import BLOCK, files_under, path_inside

CHECKSUMS_NAME = "SHA256SUMS"

Item = TypeVar("Item")

_HASHING_THREADS = 2
_MOST_PROBLEMS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Verified:
    """A backup whose files are all as they were written: how many, their bytes, and what else lies there."""

    files: int
    bytes: int
    extra: tuple[str, ...]


def checksum_lines(files: Iterable[FileRecord]) -> bytes:
    """The content of SHA256SUMS, as GNU's `sha256sum --check` reads it.

    A name with a backslash, newline or carriage return is escaped, and its line begins with a
    backslash (coreutils manual, “cksum output modes”).
    """
    lines = []
    for file in files:
        name = file.path.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
        mark = "" if name == file.path else "\\"
        lines.append(os.fsencode(f"{mark}{file.sha256}  {name}\n"))
    return b"".join(lines)


def hash_file(path: Path, cancel: CancelToken, on_bytes: Callable[[int], None] | None = None) -> str:
    """SHA-256 of a file as lower-case hex; `on_bytes` gets the length of each block.

    Raises:
        OSError: it cannot be read.
        Cancelled: `cancel` was set.
    """
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while block := file.read(BLOCK):
            cancel.check()
            digest.update(block)
            if on_bytes:
                on_bytes(len(block))
    return digest.hexdigest()


def in_threads(function: Callable[[Item], None], items: Iterable[Item], threads: int) -> None:
    """Call `function` with each item from a few threads; the first error stops them and is raised.

    The items are drawn one by one, because a pool's queue of 100,000 would take more memory than
    the whole backup may.
    """
    lock = threading.Lock()
    remaining = iter(items)

    def work() -> None:
        nonlocal remaining
        while True:
            with lock:
                try:
                    item = next(remaining)
                except StopIteration:
                    return
            try:
                function(item)
            except BaseException:
                with lock:
                    remaining = iter(())
                raise

    with ThreadPoolExecutor(threads) as pool:
        workers = [pool.submit(work) for _ in range(threads)]
    for worker in workers:
        worker.result()


def verify_files(
    folder: Path, manifest: Manifest, progress: Callable[[int], None], cancel: CancelToken
) -> Verified:
    """Read every file that the manifest lists and compare its size and hash.

    Args:
        folder: the backup.
        manifest: its manifest, as `read_manifest` gave it.
        progress: gets the bytes read so far; called from other threads, one call at a time.
        cancel: stops it between two blocks.

    Raises:
        AppError: ARCHIVE_DAMAGED with every file that is missing, short or changed; UNSAFE_PATH, before
            anything is read, when a listed path leaves the folder.
        Cancelled: `cancel` was set.
    """
    paths = [(file, listed_path(folder, file)) for file in manifest.files]
    lock = threading.Lock()
    problems: list[str] = []
    done = 0

    def advance(length: int) -> None:
        nonlocal done
        with lock:
            done += length
            progress(done)

    def check(item: tuple[FileRecord, Path]) -> None:
        cancel.check()
        problem = _problem_of(*item, cancel, advance)
        if problem:
            problems.append(f"{item[0].path} {problem}")

    in_threads(check, paths, _HASHING_THREADS)
    if problems:
        raise _damaged(folder, sorted(problems))
    return Verified(len(paths), done, extra_files(folder, manifest))


def listed_path(folder: Path, file: FileRecord) -> Path:
    """Where a file that a manifest lists lies.

    Raises:
        AppError: UNSAFE_PATH when the path leaves the folder, or no file can have it.
    """
    try:
        return path_inside(folder, file.path)
    except (OSError, ValueError) as error:
        raise AppError(
            ErrorCode.UNSAFE_PATH, "The backup names a file that cannot exist", detail=f"{folder}: {error}"
        ) from error


def extra_files(folder: Path, manifest: Manifest) -> tuple[str, ...]:
    """Files in the folder that the manifest does not list, which are somebody else's."""
    known = {file.path for file in manifest.files} | {MANIFEST_NAME}
    found = (path.relative_to(folder).as_posix() for path in files_under(folder))
    return tuple(path for path in found if path not in known)


def _problem_of(
    file: FileRecord, path: Path, cancel: CancelToken, advance: Callable[[int], None]
) -> str | None:
    try:
        if not path.is_file():
            return "is missing"
        size = path.stat().st_size
        if size != file.bytes:
            return f"has {size:,} bytes instead of {file.bytes:,}"
        if hash_file(path, cancel, advance) != file.sha256:
            return "was changed"
    except (OSError, ValueError) as error:
        return f"cannot be read: {error.strerror if isinstance(error, OSError) else error}"
    return None


def _damaged(folder: Path, problems: list[str]) -> AppError:
    shown = problems[:_MOST_PROBLEMS_SHOWN]
    more = len(problems) - len(shown)
    title = f"The file {problems[0]}" if len(problems) == 1 else f"{len(problems)} files are damaged"
    return AppError(
        ErrorCode.ARCHIVE_DAMAGED,
        title,
        detail="; ".join(shown) + (f"; and {more} more" if more else "") + f" (in {folder})",
        hint="Use another backup, or put a whole copy of the file back.",
    )
