"""Keeps a rotating log of what each process of Holdfast did, for whoever must find out why it did not.

Nothing in it is secret: failures stand there with code and title, and what looks like a password or a token
is taken out of every line. The times are UTC.
"""

from __future__ import annotations

import logging
import os
import platform
import re
import sys
import time
from collections.abc import Callable, Iterator
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path

from app import __version__
from app.domain.errors import AppError

IS_SHOWN = "is_shown"
"""In `extra`, marks what stands on standard error already."""

_FILE_BYTES = 1 << 20
_KEPT = 3
_READ_BYTES = 256 << 10
_LONGEST = 16 << 10
"""Characters of a record; some exceptions quote whole statements."""
_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z ")
_SECRETS = (
    (re.compile(r"(\w://)(?:[^\s'\"@]{0,2500}+@)+"), r"\1…@"),
    # the same with blanks and quotes, where no port follows the colon
    (re.compile(r"(\w://[^\s:/@]{0,200}+:)(?!\d{1,5}\b)(?:[^@\n]{0,500}+@)+"), r"\1…@"),
    (re.compile(r"(\w%3A%2F%2F)\S{0,1000}%40", re.IGNORECASE), r"\1…%40"),
    (re.compile(r"\b(bearer|basic|digest)\s+\S+", re.IGNORECASE), r"\1 …"),
    (
        re.compile(
            r"(password|passwd|passphrase|\bpwd|\bpass|secret|token|cookie|authorization|scram_\w+_key"
            r"|(?:api|access|private|service_role)[_-]?key)"
            r"(['\"]?\s*(?:=>|[=:]|%3[AD])\s*|\s+(?=[be]?['\"]))"
            r"([be]?'(?:\\.|''|[^'\\])*+(?:'|\Z)|[be]?\"(?:\\.|\"\"|[^\"\\])*+(?:\"|\Z)|\S+)",
            re.IGNORECASE,
        ),
        r"\1\2…",
    ),
    (re.compile(r"\bSCRAM-SHA-256\$\S+|\bmd5[0-9a-f]{32}\b"), "…"),  # what a server keeps of a password
    (re.compile(r"\bsbp?_\w{8,}|\bsb_(secret|publishable)_\w+|\beyJ[\w-]{1,2000}\.[\w-]+\.[\w-]*"), "…"),
)

_log = logging.getLogger(__name__)


class Log:
    """The log of this process, from now on.

    Args:
        name: of its file, which no other living process may have (`running.claim`).
        folder: where it is kept.
        tell: is called once, from any thread, with the reason why nothing can be written.
        at_once: begin with a line that says so; otherwise that waits until there is something to tell.
    """

    def __init__(
        self, name: str, folder: Path, tell: Callable[[str], object], *, at_once: bool = True
    ) -> None:
        self._file = _LogFile(folder / f"{name}.log", tell)
        self._file.setFormatter(_Lines(name))
        self._before = _app.level
        _app.setLevel(logging.INFO)
        self._handlers: list[logging.Handler] = [self._file]
        if not _root.handlers and sys.stderr is not None:
            self._handlers.append(_console())  # a root without handlers has one of its own for warnings
        for handler in self._handlers:
            _root.addHandler(handler)
        if at_once:
            self._file.begin()

    def close(self) -> None:
        """End it with a line that says so, if anything was told."""
        if self._file.has_begun:
            _log.info("ended")
        for handler in self._handlers:
            _root.removeHandler(handler)
        _app.setLevel(self._before)
        try:
            self._file.close()
        except OSError:
            pass  # the disk is full, of which was told


def note_failure(error: AppError, what: str = "failed") -> None:
    """A line for a failure that has a name; its details may hold what is in a database, and stay out."""
    _log.info("%s: %s: %s", what, error.code, error.title)


def without_secrets(text: str) -> str:
    """Text in which nothing stands that looks like a password or a token."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


def log_files(folder: Path) -> tuple[Path, ...]:
    """The files of all processes' logs."""
    return tuple(sorted(path for pattern in ("*.log", "*.log.*") for path in folder.glob(pattern)))


def last_lines(folder: Path, number: int) -> tuple[str, ...]:
    """The last lines of all logs together, in the order of time."""
    entries = [entry for path in log_files(folder) for entry in _entries(path)]
    entries.sort(key=lambda entry: entry[0].partition("Z ")[0])
    lines = [line for entry in entries for line in entry]
    return tuple(lines[-number:])


class _LogFile(RotatingFileHandler):
    """Files that their owner alone may read. A disk that is full, or a missing folder, stops nobody."""

    def __init__(self, path: Path, tell: Callable[[str], object]) -> None:
        super().__init__(
            path,
            maxBytes=_FILE_BYTES,
            backupCount=_KEPT,
            encoding="utf-8",
            errors="backslashreplace",
            delay=True,
        )
        self.has_begun = False
        self._tell: Callable[[str], object] | None = tell

    def begin(self) -> None:
        """Say who writes here."""
        self.has_begun = True
        kind = "frozen" if getattr(sys, "frozen", False) else "from source"
        system = f"{platform.system()} {platform.release()}"
        _log.info("Holdfast %s, %s, Python %s, %s", __version__, kind, platform.python_version(), system)

    def emit(self, record: logging.LogRecord) -> None:
        """Write it, after the line with which every log begins."""
        if not self.has_begun:
            self.begin()
        super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Tell of the first failure; a bug in a message itself is shown as logging does."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
        elif self._tell is not None:
            tell, self._tell = self._tell, None
            tell(error.strerror or str(error))

    def _open(self) -> TextIOWrapper:
        path = Path(self.baseFilename)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.parent.chmod(0o700)  # whoever made it
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        return TextIOWrapper(open(descriptor, "ab"), self.encoding, self.errors)


class _Lines(logging.Formatter):
    """One record in one line, those that follow indented, so that no text can pass for a record."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"%(asctime)s.%(msecs)03dZ {name} {os.getpid()} %(levelname)s %(name)s: %(message)s",
            "%Y-%m-%d %H:%M:%S",
        )
        self.converter = time.gmtime

    def format(self, record: logging.LogRecord) -> str:
        lines = super().format(record)[: 2 * _LONGEST].splitlines()
        text = without_secrets("\n    ".join(lines))  # before the cut: half a secret looks like none
        return f"{text[:_LONGEST]} …" if len(text) > _LONGEST else text


def _console() -> logging.Handler:
    """Warnings on standard error, as without a log, but for those that stand there already."""
    made = logging.StreamHandler()
    made.setLevel(logging.WARNING)
    made.addFilter(lambda record: not getattr(record, IS_SHOWN, False))
    return made


def _entries(path: Path) -> Iterator[list[str]]:
    """The newest records of a file, each with the lines that belong to it."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _READ_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return
    entry: list[str] = []
    for line in text.splitlines():
        if _TIME.match(line):
            if entry:
                yield entry
            entry = [line]
        elif entry:
            entry.append(line)
    if entry:
        yield entry


_root = logging.getLogger()
_app = logging.getLogger("app")
