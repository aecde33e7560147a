"""Runs pg_restore, and tells which entry of the archive each error belongs to."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from app.domain.errors import AppError
from app.postgres.archive import Archive, ArchiveFormat, write_custom, write_directory_toc
from app.postgres.archive_entry import Entry
from app.postgres.connection import Connection
from app.postgres.failures import dump_failure
from app.postgres.shown_text import without_values
from app.postgres.toolchain import Installation
from app.system.cancellation import CancelToken
from app.system.files import BLOCK, folder_error
from app.system.process import Child

_LONGEST = 2000
_LABELS = re.compile(r"^((?:\s*(?:pg_restore|error|warning):)+) *(.*)$", re.DOTALL)
_CUT_OFF = re.compile(
    r"^ *(?=from TOC entry \d+; |(?:finished|launching) item \d+ |creating [A-Z ]+ \""
    r"|processing data for table \")"
)
_ENTRY = re.compile(r"(?:from|while .*) TOC entry (\d+); ")
_ERROR = re.compile(r"could not execute query: |COPY failed for table ")
_PART = re.compile(r"(DETAIL|HINT|CONTEXT|QUERY|LINE \d+|LOCATION|STATEMENT): ")
_WHERE = re.compile(
    r"(?:CONTEXT: +)?(?:COPY .+?, line \d+(?:, column [^:]+)?"
    r"|(?:\S+ )?function (?:\"[^\"]+\"|[^()]+\([^)]*\))(?: line \d+| during \w+)?)"
)
_NEWS = re.compile(r"(?:launching|skipping|creating|processing data for|executing|finished item \d+) ")
_COPY_FAILED = re.compile(r'COPY failed for table "(.+?)": ')
_DONE = re.compile(r"(?:creating|processing data for|executing|finished item \d+) ")


@dataclass(frozen=True, slots=True)
class EntryError:
    """What the server said to one entry, and to which command.

    `dump_id` is 0 when pg_restore does not tell which entry. Its parallel workers share one standard
    error, so that with several errors at a time it can be another worker's entry: the command, or for
    rows the message, says for sure.
    """

    dump_id: int
    message: str
    command: str = ""


@dataclass(slots=True)
class _Reader:
    """Reads pg_restore's standard error, line by line."""

    on_entry: Callable[[int], None]
    errors: list[EntryError] = field(default_factory=list)
    entries: int = 0
    _dump_id: int = 0
    _is_command: bool = False
    _part: str = ""

    def line(self, text: str) -> None:
        """Take one line; workers and leader cut into each other's lines, between a label and its text."""
        labels, rest = "", text
        if match := _LABELS.match(text):
            labels, rest = match[1], match[2]
        elif match := _CUT_OFF.match(text):
            labels, rest = "pg_restore:", text[match.end() :]
        if labels and (match := _ENTRY.match(rest)):
            self._dump_id, self._is_command = int(match[1]), False
        elif _ERROR.match(rest) or ("error:" in labels and not _NEWS.match(rest)):
            self._is_command = False
            self._part = ""
            self.errors.append(EntryError(self._dump_id, _message(rest)))
        elif labels:
            self._is_command = False
            if _DONE.match(rest):
                self.entries += 1
                self.on_entry(self.entries)
        elif self.errors and text.startswith("Command was: "):
            self._is_command = True
            self.errors[-1] = replace(self.errors[-1], command=text.removeprefix("Command was: "))
        elif self.errors and text.strip():
            self._continue(self.errors.pop(), text)

    def _continue(self, last: EntryError, text: str) -> None:
        if self._is_command:
            if len(last.command) < _LONGEST:
                last = replace(last, command=f"{last.command}\n{text}")
        elif len(last.message) < _LONGEST and (told := self._without_rows(last, text)):
            last = replace(last, message=f"{last.message} {told}")
        self.errors.append(last)

    def _without_rows(self, last: EntryError, text: str) -> str:
        """What may be shown of a further line: hints, and where it was, but no values of rows."""
        if match := _PART.match(text):
            self._part = match[1]
        if last.dump_id == 0 and not self._part:
            return text.strip()
        if self._part == "HINT":
            return text.strip()
        if self._part == "CONTEXT" and (where := _WHERE.match(text)):
            return where[0]
        return ""


def _message(text: str) -> str:
    return without_values(re.sub(r"^could not execute query: (ERROR|FATAL): +", "", text))


def prepare_archive(
    archive: Archive, entries: Sequence[Entry], workspace: Path, *, edited: bool, cancel: CancelToken
) -> tuple[Path, Path | None]:
    """Make what pg_restore is to be given, so that it restores these entries alone.

    A list for `--use-list` does unless a definition was `edited`; then a directory archive gets a new
    table of contents beside its data, and a custom one is written anew.

    Returns:
        The archive to restore, and the list if there is one.

    Raises:
        AppError: DISK_FULL, FOLDER_MISSING or FOLDER_READ_ONLY.
        Cancelled: `cancel` was set.
    """
    if not edited:
        use_list = workspace / "entries.list"
        use_list.write_text("".join(f"{entry.dump_id}; 0 0\n" for entry in entries))
        return archive.path, use_list
    if archive.format is ArchiveFormat.DIRECTORY:
        folder = workspace / "archive"
        folder.mkdir()
        for path in archive.path.iterdir():
            if path.name != "toc.dat":
                _link(path, folder / path.name, cancel)
        write_directory_toc(archive, entries, folder)
        return folder, None
    copy = workspace / "archive.dump"
    write_custom(archive, entries, copy, cancel.check)
    return copy, None


def _link(path: Path, link: Path, cancel: CancelToken) -> None:
    """A hard link, or a copy on another disk: pg_restore 15 takes no symbolic links."""
    try:
        link.hardlink_to(path.resolve())
    except OSError:
        _copy(path, link, cancel)


def _copy(path: Path, copy: Path, cancel: CancelToken) -> None:
    try:
        with path.open("rb") as source, copy.open("wb") as target:
            while block := source.read(BLOCK):
                cancel.check()
                target.write(block)
    except OSError as error:
        raise folder_error(error, copy.parent) from error


def restore_archive(
    tool: Installation,
    archive: Path | Iterable[bytes],
    connection: Connection,
    *,
    jobs: int | None,
    options: Sequence[str] = (),
    entries: Path | None = None,
    cancel: CancelToken,
    on_entry: Callable[[int], None] = lambda _: None,
) -> tuple[EntryError, ...]:
    """Restore an archive and go on after errors, which are returned.

    Args:
        archive: what pg_restore reads; a custom or tar archive can come in blocks, but not with `jobs`.
        jobs: parallel sessions, at least two, because with one that commits each entry pg_restore may
            fill freed space and put rows in another order; None for a single one without that option.
        options: further options of pg_restore.
        entries: a file for `--use-list`.
        on_entry: told how many entries were begun or done.

    Raises:
        AppError: pg_restore did not get as far as the entries, or lost the server.
        Cancelled: `cancel` was set.
    """
    arguments = [
        str(tool.program("pg_restore")),
        f"--dbname={connection.conninfo}",
        "--no-password",
        "--verbose",
        *options,
    ]
    if jobs is not None:
        arguments.append(f"--jobs={max(2, jobs)}")
    if entries is not None:
        arguments.append(f"--use-list={entries}")
    reader = _Reader(on_entry)
    is_file = isinstance(archive, Path)
    with (
        Child(
            [*arguments, archive] if isinstance(archive, Path) else arguments,
            env=connection.environment(),
            stdin=Child.NULL if is_file else Child.PIPE,
            on_error_line=reader.line,
        ) as child,
        cancel.interrupting(child.terminate),
    ):
        if not isinstance(archive, Path):
            _feed(child, archive)
        status = child.wait()
        cancel.check()
        if status != 0 and not reader.errors:
            raise dump_failure("pg_restore", child.errors(), status, connection.describe())
        fatal = [error for error in reader.errors if error.dump_id == 0]
        if fatal:
            raise _fatal(fatal, status, connection)
    return tuple(reader.errors)


def errors_by_entry(errors: Iterable[EntryError], entries: Sequence[Entry]) -> dict[int, EntryError]:
    """The first error of each entry; what it was about counts for more than what pg_restore did then."""
    by_id = {entry.dump_id: entry for entry in entries}
    failed: dict[int, EntryError] = {}
    for error in errors:
        told = by_id.get(error.dump_id)
        dump_id = error.dump_id
        if told is None or not _is_about(error, told):
            dump_id = next((entry.dump_id for entry in entries if _is_about(error, entry)), dump_id)
        failed.setdefault(dump_id, error)
    return failed


def _is_about(error: EntryError, entry: Entry) -> bool:
    if match := _COPY_FAILED.match(error.message):
        return entry.kind == "TABLE DATA" and entry.tag == match[1]
    command = _lines(error.command)
    return bool(command) and any(
        _lines(text).startswith(command) for text in (entry.definition, entry.copy_statement)
    )


def _lines(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if line.strip())


def _feed(child: Child, blocks: Iterable[bytes]) -> None:
    try:
        for block in blocks:
            child.stdin.write(block)
        child.stdin.close()
    except BrokenPipeError:
        pass  # it has read enough, or failed; its status says which


def _fatal(errors: Iterable[EntryError], status: int, connection: Connection) -> AppError:
    text = "\n".join(error.message for error in errors)
    return dump_failure("pg_restore", text, status, connection.describe())
