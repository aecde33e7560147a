"""Writes a backup as the three scripts of Supabase's command line: roles.sql, schema.sql, data.sql.

What goes in is chosen from the archive's table of contents, as `supabase db dump` chooses it, and pg_restore
writes it: no text of a definition is ever searched or changed. What that command loses comes along: large
objects, contents of materialized views, the user's triggers and policies on the platform's tables.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from app.domain.backup import Backup
from app.domain.errors import AppError, ErrorCode
from app.domain.events import Listener, Phase, Progress
from app.domain.remedy import Remedy
from app.engine.restore.source import open_source
from app.engine.supabase_selection import ENDS, Scripts, choose_scripts
from app.postgres.archive import Archive, ArchiveFormat, write_custom, write_directory_toc
from app.postgres.archive_entry import Entry, python_codec
from app.postgres.failures import dump_failure
from app.postgres.restoring import prepare_archive
from app.postgres.toolchain import Installation, Version, pick_restore_tool
from app.system.cancellation import CancelToken
from app.system.files import BLOCK, folder_error, free_bytes, sync_file, sync_folder
from app.system.process import Child, child_environment

NAMES = ("roles.sql", "schema.sql", "data.sql")
_UNKNOWN = Version(0, 0)
_BEGIN, _COMMIT = b"\nBEGIN;\n", b"\nCOMMIT;\n"
_SETTING_BEHIND = b"\nSET client_encoding = "
_TRANSACTION_TIMEOUT = b"\nSET transaction_timeout = 0;"
_KNOWS_TRANSACTION_TIMEOUT = 17
_LONGEST_END = 4096
_DATA_BEGINS = "SET session_replication_role = replica;\n"


@dataclass(frozen=True, slots=True)
class SupabaseSql:
    """What was written.

    Attributes:
        files: the three scripts, in the order in which they run.
        left_out: what of the user's is not in them, and why.
        notes: what is to be done beside them.
    """

    files: tuple[Path, ...]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]


def write_supabase_sql(
    backup: Backup,
    folder: Path,
    installations: Sequence[Installation],
    cancel: CancelToken,
    listener: Listener,
    *,
    replaces: bool = False,
) -> SupabaseSql:
    """Write the three scripts of a backup; they are there whole or not at all.

    Args:
        folder: where to; it is made if it is not there.
        replaces: whether scripts that are there may go.

    Raises:
        AppError: INVALID_INPUT when there are such files, or for a backup that is a script itself;
            TOOL_MISSING, ARCHIVE_DAMAGED, DISK_FULL, FOLDER_MISSING or FOLDER_READ_ONLY.
        Cancelled: `cancel` was set; nothing was left.
    """
    _refuse_existing(folder, replaces)
    listener(Progress(Phase.EXPORTING, 0.0))
    with tempfile.TemporaryDirectory(prefix="holdfast-export-") as name:
        workspace = Path(name)
        source = open_source([Path(backup.folder)], workspace, cancel)
        if source.archive is None:
            raise AppError(
                ErrorCode.INVALID_INPUT,
                "This backup is a script already, and cannot be taken apart",
                hint="Use a backup in the directory or custom format, or restore this one with Holdfast.",
            )
        source.verify(cancel, listener)
        server = source.server or _UNKNOWN
        tool = pick_restore_tool(
            installations,
            source.tool or _UNKNOWN,
            source.archive.compression.method,
            server,
        )
        scripts = choose_scripts(source)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _check_space(folder, sum(size for _, size in source.streams.values()))
            writer = _Writer(source.archive, tool, workspace, server, cancel, listener)
            files = writer.write(scripts, folder)
        except OSError as error:
            raise folder_error(error, folder) from error
    return SupabaseSql(files, scripts.left_out, scripts.notes)


@dataclass(frozen=True, slots=True)
class _Writer:
    """Has pg_restore write the scripts."""

    archive: Archive
    tool: Installation
    workspace: Path
    server: Version
    cancel: CancelToken
    listener: Listener

    def write(self, scripts: Scripts, folder: Path) -> tuple[Path, ...]:
        """Write all three, and give them their names when they are whole."""
        files = tuple(folder / name for name in NAMES)
        with ExitStack() as stack:
            unfinished = [_unfinished(file, stack) for file in files]
            roles, schema, data = unfinished
            roles.write_bytes(self._encoded(scripts.roles))
            self._append(schema, scripts.before, [self._definitions(scripts.schema)], scripts.after)
            rows, use_list = prepare_archive(
                self.archive, scripts.data, self.workspace, edited=scripts.edits_data, cancel=self.cancel
            )
            listing = [] if use_list is None else [f"--use-list={use_list}"]
            self._append(data, _DATA_BEGINS, [*listing, rows], ENDS)
            for path in unfinished:
                sync_file(path)
            for path, file in zip(unfinished, files, strict=True):
                path.replace(file)
            sync_folder(folder)
        return files

    def _definitions(self, entries: Sequence[Entry]) -> Path:
        """An archive of definitions alone, whose rows are not copied."""
        if self.archive.format is ArchiveFormat.DIRECTORY:
            folder = self.workspace / "definitions"
            folder.mkdir()
            write_directory_toc(self.archive, entries, folder)
            return folder
        copy = self.workspace / "definitions.dump"
        write_custom(replace(self.archive, data_start=self.archive.path.stat().st_size), entries, copy)
        return copy

    def _encoded(self, text: str) -> bytes:
        """A text of our own as the archive's are, which says so itself."""
        if not text or text.isascii():
            return text.encode()
        encoding = self.archive.encoding
        return f"SET client_encoding = '{encoding}';\n{text}".encode(
            python_codec(encoding), "surrogateescape"
        )

    def _append(self, path: Path, head: str, arguments: Sequence[str | Path], tail: str) -> None:
        """Write what pg_restore makes of an archive, between two texts of our own."""
        command = [self.tool.program("pg_restore"), "--single-transaction", "--file=-", *arguments]
        with (
            path.open("wb") as file,
            Child(command, env=child_environment(), stdout=Child.PIPE) as child,
            self.cancel.interrupting(child.terminate),
        ):
            file.write(self._encoded(head))
            for block in _without_transaction(iter(lambda: child.stdout.read(BLOCK), b""), self.server):
                file.write(block)
                self.listener(Progress(Phase.EXPORTING, bytes=file.tell()))
            status = child.wait()
            self.cancel.check()
            if status != 0:
                raise dump_failure("pg_restore", child.errors(), status, "")
            file.write(self._encoded(tail))


def _unfinished(file: Path, stack: ExitStack) -> Path:
    """A hidden file beside it, which goes away unless it gets the name."""
    descriptor, path = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    os.close(descriptor)
    stack.callback(Path(path).unlink, missing_ok=True)
    return Path(path)


def _without_transaction(blocks: Iterator[bytes], server: Version) -> Iterator[bytes]:
    """What pg_restore writes, without the transaction around it, which is psql's own.

    Only so does it write large objects without one for each, which would end psql's in the middle. In its
    first lines goes, too, what an older server does not know.
    """
    start = b""
    for block in blocks:
        start += block
        if _SETTING_BEHIND in start:
            break
    before, begin, after = start.partition(_BEGIN)
    if not begin:
        return  # it has failed, and its status tells
    if server.major < _KNOWS_TRANSACTION_TIMEOUT:
        after = after.replace(_TRANSACTION_TIMEOUT, b"", 1)
    yield before
    rest = after
    for block in blocks:
        rest += block
        yield rest[:-_LONGEST_END]
        rest = rest[-_LONGEST_END:]
    before, _, after = rest.rpartition(_COMMIT)
    yield before + after


def _refuse_existing(folder: Path, replaces: bool) -> None:
    there = [name for name in NAMES if (folder / name).exists()]
    if there and not replaces:
        raise AppError(
            ErrorCode.INVALID_INPUT,
            f"There is already a file {there[0]}",
            detail=str(folder),
            hint="Choose another folder, or replace it with --replace.",
            actions=(Remedy.REPLACE_FILE,),
        )


def _check_space(folder: Path, needed: int) -> None:
    free = free_bytes(folder)
    if free < needed:
        raise AppError(
            ErrorCode.DISK_FULL,
            "The folder has too little space for the scripts",
            detail=f"{folder} has {free:,} bytes left, the rows alone take {needed:,}",
            hint="Free some space or choose another folder.",
        )
