"""Tells which processes of Holdfast are alive, and gives each a name of its own for its files."""

from __future__ import annotations

import os
import sys
from itertools import count
from pathlib import Path

from app.system import paths

_SUFFIX = ".lock"


class Claim:
    """A name that no other living process has: the kind of process, with a number where it is not the first.

    The system lets go of it when the process ends, however that happens.
    """

    def __init__(self, name: str, descriptor: int) -> None:
        self.name = name
        self._descriptor = descriptor

    def close(self) -> None:
        """Let others have the name."""
        os.close(self._descriptor)


def claim(kind: str) -> Claim:
    """Take the first free name of a kind: window, run-due, run-due-2, …

    Raises:
        OSError: nothing can be written into the folder for data.
    """
    folder = _folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for number in count(1):
        name = kind if number == 1 else f"{kind}-{number}"
        descriptor = _taken(folder / f"{name}{_SUFFIX}")
        if descriptor is not None:
            return Claim(name, descriptor)
    raise AssertionError("there is no last number")


def running() -> tuple[str, ...]:
    """The names of all processes that have one."""
    alive = []
    for path in _folder().glob(f"*{_SUFFIX}"):
        try:
            descriptor = _taken(path)
        except OSError:
            continue  # somebody else's: no name of ours
        if descriptor is None:
            alive.append(path.stem)
        else:
            os.close(descriptor)
    return tuple(sorted(alive))


def _folder() -> Path:
    return paths.data_folder() / "running"


def _taken(path: Path) -> int | None:
    """A descriptor that holds the lock; None where another process does."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _lock(descriptor)
    except (BlockingIOError, PermissionError):  # Windows says the latter
        os.close(descriptor)
        return None
    return descriptor


# filelock, which is used elsewhere, takes 40 ms to import: too long for a window that has just come up.
if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
