"""Keeps a log of each operation as a text file, to be read when the window is gone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

from app.domain.operation import LogLine, Operation
from app.domain.project import folder_name
from app.system import paths

_KEPT = 300
_MOST_BYTES = 2 << 20
_NAME = re.compile(r"(\d{8}T\d{6}Z)-[0-9a-f]{6} (\S+) (.*)\.log")
_SLACK = timedelta(seconds=2)


def operation_logs_folder() -> Path:
    """Where the user's logs of operations lie."""
    return paths.log_folder() / "operations"


class OperationLog:
    """The file of one operation; a disk that is full or gone ends the log and nothing else.

    Args:
        folder: where logs lie; made when it is missing, and the oldest of too many are removed.
    """

    def __init__(self, folder: Path, operation: Operation) -> None:
        self._file: IO[str] | None = None
        self._left = _MOST_BYTES
        name = f"{operation.id} {operation.kind} {folder_name(operation.project)}.log"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for old in _logs(folder)[_KEPT - 1 :]:
                old.unlink(missing_ok=True)
            self._file = (folder / name).open("a", encoding="utf-8", errors="backslashreplace", buffering=1)
            (folder / name).chmod(0o600)
        except OSError:
            self.close()

    def write(self, line: LogLine) -> None:
        """Add a line; one that would make the file larger than 2 MiB is left out."""
        text = f"{line.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z  {line.text}\n"
        self._left -= len(text)
        if self._file is None or self._left < 0:
            return
        try:
            self._file.write(text)
        except OSError:
            self.close()

    def close(self) -> None:
        """Let go of the file."""
        file, self._file = self._file, None
        if file is not None:
            try:
                file.close()
            except OSError:
                pass  # the disk is full; what was written stays


def find_log(folder: Path, project: str, at: datetime) -> Path | None:
    """The log of what ran for this project at this time; None when there is none any more."""
    for path in _logs(folder):
        match = _NAME.fullmatch(path.name)
        if match is None or match[3] != folder_name(project):
            continue
        queued = datetime.strptime(match[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        try:
            ended = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        except OSError:
            continue
        if queued - _SLACK <= at <= ended + _SLACK:
            return path
    return None


def _logs(folder: Path) -> list[Path]:
    """Newest first."""
    found = (path for path in folder.glob("*.log") if _NAME.fullmatch(path.name))
    return sorted(found, key=lambda path: path.name, reverse=True)
