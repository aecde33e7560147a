"""Notices at the next start that a process ended in the middle of machine code, and where it was.

Python's faulthandler writes the stacks of all threads when the process gets SIGSEGV, SIGFPE, SIGABRT, SIGBUS
or SIGILL, or an exception of Windows. It keeps the number of a file, which must stay open until it is
disabled: otherwise a crash would be written into whatever has that number then
(docs.python.org/3/library/faulthandler.html, “Issue with file descriptors”).
"""

from __future__ import annotations

import faulthandler
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

_KEPT = 5
_LONGEST = 64 << 10


@dataclass(frozen=True, slots=True)
class Crash:
    """An end that nobody wanted: when, in UTC, and the file with what is known of it."""

    at: datetime
    path: Path

    def text(self) -> str:
        """The stacks of all threads; files and functions, no values."""
        with self.path.open(encoding="utf-8", errors="replace") as file:
            return file.read(_LONGEST)


class CrashWatch:
    """Writes down where this process crashed, if it does; after `close` there is no trace of it.

    Args:
        name: of this process, which no other living one may have.
        folder: where logs are.

    Raises:
        OSError: nothing can be written there.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self._path = _trace(name, folder)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        faulthandler.enable(self._descriptor, all_threads=True)

    def close(self) -> None:
        """The process ends as it should."""
        faulthandler.disable()
        os.ftruncate(
            self._descriptor, 0
        )  # Windows' own exceptions are written down even where they are caught
        os.close(self._descriptor)
        try:
            self._path.unlink(missing_ok=True)
        except OSError:
            pass  # an empty one tells of nothing


def take_crash(name: str, folder: Path) -> Crash | None:
    """How the last process of this name ended, told once; its file is kept under another name.

    Call it before the `CrashWatch` of the next process. A process that was killed crashed not.
    """
    path = _trace(name, folder)
    try:
        found = path.stat()
        if not found.st_size:
            return None
        at = datetime.fromtimestamp(found.st_mtime, UTC)
        kept = path.rename(folder / f"crash-{at:%Y%m%dT%H%M%SZ}.txt")
        for old in crash_files(folder)[_KEPT:]:
            old.unlink(missing_ok=True)
    except OSError:
        return None
    return Crash(at, kept)


def last_crash(folder: Path) -> Crash | None:
    """The newest of those that were kept."""
    for path in crash_files(folder):
        return Crash(datetime.strptime(path.stem, "crash-%Y%m%dT%H%M%SZ").replace(tzinfo=UTC), path)
    return None


def crash_files(folder: Path) -> tuple[Path, ...]:
    """What is kept of crashes, newest first."""
    return tuple(sorted(folder.glob("crash-????????T??????Z.txt"), reverse=True))


def _trace(name: str, folder: Path) -> Path:
    return folder / f"{name}.crash"
