"""Looks at a folder for backups: whether it can be written to, and how much fits."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from app.system.files import free_bytes


@dataclass(frozen=True, slots=True)
class FolderFacts:
    """What was found.

    Attributes:
        is_there: it exists and is a folder.
        problem: why it cannot be written to, in the system's words; empty when it can.
        free, total: bytes of its disk; of the nearest folder above it where it is not there.
        backups, bytes: those that are known to lie in it.
    """

    is_there: bool
    problem: str
    free: int
    total: int
    backups: int = 0
    bytes: int = 0

    @property
    def is_usable(self) -> bool:
        """Backups can be written there."""
        return self.is_there and not self.problem


def look_at_folder(folder: Path) -> FolderFacts:
    """Look; a disk that sleeps, or a network, takes its time: not for the window's thread.

    Only writing tells whether one may write: permissions say little on shares, and nothing to root.
    """
    problem = ""
    try:
        is_there = folder.is_dir()
        if is_there:
            with tempfile.TemporaryFile(dir=folder, prefix=".holdfast-"):
                pass
    except OSError as error:
        is_there, problem = folder.exists(), error.strerror or str(error)
    above = folder
    while not above.exists() and above != above.parent:
        above = above.parent
    return FolderFacts(is_there, problem, free_bytes(above), shutil.disk_usage(above).total)
