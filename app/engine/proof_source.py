"""What a proof restores: an archive through pg_restore, or plain SQL through psql."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from app.domain.backup import CompressionMethod, Format, Manifest
from app.engine.read_back import database_path
from app.engine.restore_list import RestoreList, edit_text
from app.engine.sandbox_database import SandboxDatabase
from app.postgres.archive import Archive, read_archive
from app.postgres.archive_data import digest_large_objects, open_stream
from app.postgres.archive_entry import Entry, python_codec
from app.postgres.copy_stream import without_end_marker
from app.postgres.dumping import dump_schema
from app.postgres.restoring import errors_by_entry, prepare_archive, restore_archive
from app.postgres.script_archive import (
    ScriptArchive,
    is_owner_change,
    read_script_archive,
    rows_of,
    script_items,
)
from app.postgres.script_run import run_script
from app.postgres.toolchain import Installation, Version
from app.system.cancellation import CancelToken

_JOBS = max(2, min(4, os.cpu_count() or 1))
_NO_PRIVILEGES = (
    "--no-owner",
    "--no-privileges",
    "--no-publications",
    "--no-subscriptions",
    "--no-tablespaces",
    "--no-security-labels",
)

OnEntry = Callable[[int], None]


@dataclass(frozen=True)
class ArchiveSource:
    """A directory or custom archive."""

    archive: Archive
    is_one_pass: ClassVar[bool] = False
    """Whether what is not restored in one go takes reading everything again."""

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Its table of contents."""
        return self.archive.entries

    @property
    def encoding(self) -> str:
        """Of its texts and data."""
        return self.archive.encoding

    @property
    def compression(self) -> CompressionMethod:
        """What its reader must understand."""
        return self.archive.compression.method

    @property
    def tool_version(self) -> Version:
        """The pg_dump that wrote it."""
        return Version.parse(self.archive.dump_version)

    def restore(
        self,
        plan: RestoreList,
        entries: Sequence[Entry],
        database: SandboxDatabase,
        tool: Installation,
        workspace: Path,
        *,
        cancel: CancelToken,
        on_entry: OnEntry,
    ) -> dict[int, str]:
        """Restore some of the planned entries; gives the server's words for each that failed, by dump id."""
        path = self.archive.path
        if plan.is_edited:
            path = workspace / ("archive" if path.is_dir() else "archive.dump")
            if not path.exists():
                prepare_archive(self.archive, plan.entries, workspace, edited=True, cancel=cancel)
        _, use_list = prepare_archive(self.archive, entries, workspace, edited=False, cancel=cancel)
        errors = restore_archive(
            tool,
            path,
            database.restorer,
            jobs=_JOBS,
            options=_NO_PRIVILEGES,
            entries=use_list,
            cancel=cancel,
            on_entry=on_entry,
        )
        return {number: error.message for number, error in errors_by_entry(errors, entries).items()}

    def rows(self, entry: Entry) -> Iterator[bytes]:
        """An entry's rows, without the end marker."""
        return without_end_marker(open_stream(self.archive, entry))

    def large_objects(self) -> dict[int, str]:
        """SHA-256 of each large object by oid."""
        return digest_large_objects(self.archive)

    def definitions(
        self, tool: Installation, database: SandboxDatabase, workspace: Path, cancel: CancelToken
    ) -> tuple[Entry, ...]:
        """The definitions that the sandbox has now, in the form that this source has them in."""
        again = workspace / "again.dump"
        dump_schema(tool, database.superuser, again, Format.CUSTOM, cancel=cancel)
        return read_archive(again).entries


@dataclass(frozen=True)
class PlainSource:
    """A script; `version` is the pg_dump that wrote it, `cancel` breaks off reading it."""

    path: Path
    version: Version
    cancel: CancelToken
    is_one_pass: ClassVar[bool] = True

    @cached_property
    def script(self) -> ScriptArchive:
        """What it holds."""
        return read_script_archive(self.path, self.cancel.check)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Its statements, grouped by pg_dump's comments."""
        return self.script.entries

    @property
    def encoding(self) -> str:
        """Of its texts and data."""
        return self.script.encoding

    @property
    def compression(self) -> CompressionMethod:
        """Holdfast decompresses it itself."""
        return CompressionMethod.NONE

    @property
    def tool_version(self) -> Version:
        """The pg_dump that wrote it."""
        return self.version

    def restore(
        self,
        plan: RestoreList,  # noqa: ARG002 - its entries were edited one by one
        entries: Sequence[Entry],
        database: SandboxDatabase,
        tool: Installation,  # noqa: ARG002 - the statements go to the server without one
        workspace: Path,  # noqa: ARG002 - nothing has to be prepared
        *,
        cancel: CancelToken,
        on_entry: OnEntry,
    ) -> dict[int, str]:
        """Run some of the planned entries; gives the server's words for each that failed, by dump id."""
        kept = {entry.dump_id: entry for entry in entries}
        codec = python_codec(self.encoding)
        done: set[int] = set()

        def edit(dump_id: int, statement: bytes) -> bytes | None:
            if dump_id == 0:
                return statement
            entry = kept.get(dump_id)
            if entry is None or is_owner_change(statement):
                return None
            done.add(dump_id)
            on_entry(len(done))
            text = statement.decode(codec, "surrogateescape")
            return edit_text(entry.kind, text, database).encode(codec, "surrogateescape") or None

        run = run_script(
            script_items(self.path),
            database.restorer,
            self.encoding,
            edit,
            one_transaction=True,
            goes_on=True,
            cancel=cancel,
        )
        return {error.dump_id: error.message for error in run.errors if error.dump_id}

    def rows(self, entry: Entry) -> Iterator[bytes]:
        """An entry's rows; the script is read up to them."""
        return rows_of(self.path, entry)

    def large_objects(self) -> dict[int, str]:
        """SHA-256 of each large object by oid."""
        return {item.oid: item.sha256 for item in self.script.large_objects}

    def definitions(
        self, tool: Installation, database: SandboxDatabase, workspace: Path, cancel: CancelToken
    ) -> tuple[Entry, ...]:
        """The definitions that the sandbox has now, in the form that this source has them in."""
        again = workspace / "again.sql"
        dump_schema(tool, database.superuser, again, Format.PLAIN, cancel=cancel)
        return read_script_archive(again).entries


ProofSource = ArchiveSource | PlainSource


def open_source(folder: Path, manifest: Manifest, cancel: CancelToken) -> ProofSource:
    """The database part of a backup; `cancel` breaks off reading it.

    Raises:
        AppError: ARCHIVE_DAMAGED, UNKNOWN_FORMAT; UNSAFE_PATH when it lies elsewhere.
    """
    path = folder / database_path(folder, manifest)
    if manifest.format is Format.PLAIN:
        part = next(part for part in manifest.parts if part.name == "database")
        return PlainSource(path, Version.parse(part.tool), cancel)
    return ArchiveSource(read_archive(path))
