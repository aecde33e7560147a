"""Reads a backup's database part to its end: while pg_dump writes it, and again whenever it is checked.

A directory archive is followed file by file while pg_dump writes, so that reading it costs little time
of its own. A custom archive is read once pg_dump has ended.
"""

from __future__ import annotations

import os
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from app.domain.backup import Compression, FileRecord, LargeObjects, Manifest, TableRecord
from app.domain.errors import AppError, ErrorCode
from app.domain.events import Listener, Phase, Progress
from app.postgres.archive import Archive, read_archive
from app.postgres.archive_data import has_rows
from app.postgres.archive_digest import ArchiveDigest, FileDigest, OnBytes, digest_archive, summary
from app.postgres.archive_entry import VIA_ROOT, Entry
from app.postgres.copy_stream import StreamDigest
from app.system.cancellation import CancelToken
from app.system.files import path_inside

PLAIN_NAME = "database.sql"
"""How a plain SQL database part is called, before the suffix of its compression."""

_PAUSE = 0.05
_READERS = 2
_TOLD_BYTES = 8 << 20
_DATA_FILE = re.compile(r"\d+\.dat(\.\w+)?")


@dataclass(frozen=True, slots=True)
class Contents:
    """What a database part holds, found by reading it to the end.

    `tables` pairs the table's oid with its record; in plain SQL, which has no oids, it is 0.
    """

    tables: tuple[tuple[int, TableRecord], ...]
    large_objects: LargeObjects
    files: tuple[FileRecord, ...]


def database_path(folder: Path, manifest: Manifest) -> str:
    """The path of a backup's database part, relative to its folder.

    Raises:
        AppError: UNSAFE_PATH when it lies elsewhere, ARCHIVE_DAMAGED when its files are not listed.
    """
    part = next(part for part in manifest.parts if part.name == "database")
    path_inside(folder, part.path)
    if not any(file.path == part.path or file.path.startswith(f"{part.path}/") for file in manifest.files):
        raise AppError(
            ErrorCode.ARCHIVE_DAMAGED,
            "The backup does not list the files of its database",
            detail=f"{part.path!r} in {folder}",
            hint="Restore from another backup.",
        )
    return part.path


class ReadingBack:
    """Tells how far reading back is; called with the bytes of each block, from any thread.

    Args:
        done: bytes that were read before.
        total: bytes on the disk.
    """

    def __init__(self, done: int, total: int, listener: Listener) -> None:
        self._done = self._told = done
        self._total = max(total, 1)
        self._listener = listener
        self._lock = threading.Lock()

    def __call__(self, count: int) -> None:
        """Take what was read."""
        with self._lock:
            self._done += count
            if self._done - self._told < _TOLD_BYTES:
                return
            self._told = self._done
            share = min(self._done / self._total, 0.99)
            self._listener(Progress(Phase.READING_BACK, share, bytes=self._done))


def read_contents(
    folder: Path, path: str, cancel: CancelToken, on_bytes: OnBytes = lambda _: None
) -> Contents:
    """Read a backup's database part to its end.

    Args:
        folder: the backup.
        path: of the part, relative to it.
        on_bytes: told the bytes of each block of an archive.

    Raises:
        AppError: ARCHIVE_DAMAGED naming the file.
        Cancelled: `cancel` was set.
    """
    if path.startswith(PLAIN_NAME):
        from app.engine.plain_dump import read_plain  # the SQL reader takes long to import

        return read_plain(folder, path, cancel)
    archive = read_archive(folder / path)

    def check(count: int) -> None:
        cancel.check()
        on_bytes(count)

    return _contents(archive, digest_archive(archive, check), path)


class DirectoryReader:
    """Reads the data files of a directory archive while pg_dump writes them.

    Args:
        folder: the archive, which need not be there yet.
        compression: what pg_dump writes.
    """

    def __init__(self, folder: Path, compression: Compression) -> None:
        self._folder = folder
        self._compression = compression
        self._has_ended = threading.Event()
        self._digests: dict[str, FileDigest] = {}

    @property
    def size(self) -> int:
        """Bytes of the archive that were read so far."""
        return sum(digest.size for digest in tuple(self._digests.values()))

    def follow(self, stopped: CancelToken) -> None:
        """Read what there is, again and again, until `dump_has_ended`.

        Raises:
            AppError: ARCHIVE_DAMAGED.
            Cancelled: `stopped` was set.
        """
        while not self._has_ended.is_set():
            self._find_new_files()
            if not self._read_on(stopped):
                self._has_ended.wait(_PAUSE)
                stopped.check()

    def dump_has_ended(self) -> None:
        """Say that the files are complete."""
        self._has_ended.set()

    def contents(self, cancel: CancelToken, on_bytes: OnBytes = lambda _: None) -> Contents:
        """Read the rest and give everything."""
        self._find_new_files()
        with ThreadPoolExecutor(_READERS, "read back") as pool:
            list(pool.map(lambda digest: _read_rest(digest, cancel, on_bytes), self._digests.values()))
        archive = read_archive(self._folder)
        digest = digest_archive(archive, lambda _: cancel.check(), self._digests)
        return _contents(archive, digest, self._folder.name)

    def _find_new_files(self) -> None:
        try:
            names = [entry.name for entry in os.scandir(self._folder) if _DATA_FILE.fullmatch(entry.name)]
        except FileNotFoundError:
            return
        for name in sorted(set(names) - self._digests.keys()):
            self._digests[name] = FileDigest(self._folder / name, self._compression.method)

    def _read_on(self, stopped: CancelToken) -> int:
        done = 0
        for digest in self._digests.values():
            stopped.check()
            if not digest.has_ended:
                done += digest.advance()
        return done


class CustomReader:
    """Reads a custom archive, once pg_dump has ended: only then does it say where its data lie."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def follow(self, stopped: CancelToken) -> None:
        """Nothing to do."""

    def dump_has_ended(self) -> None:
        """Nothing to do."""

    @property
    def size(self) -> int:
        """Bytes of the archive that were read so far."""
        return 0

    def contents(self, cancel: CancelToken, on_bytes: OnBytes = lambda _: None) -> Contents:
        """Read all of it."""
        return read_contents(self._path.parent, self._path.name, cancel, on_bytes)


def _read_rest(digest: FileDigest, stopped: CancelToken, on_bytes: OnBytes) -> None:
    while count := digest.advance():
        stopped.check()
        on_bytes(count)


def _contents(archive: Archive, digest: ArchiveDigest, path: str) -> Contents:
    """Join the table of contents with what was read."""
    prefix = f"{path}/" if archive.path.is_dir() else ""
    records = tuple(
        (entry.oid, table_record(entry, digest.streams[entry.dump_id]))
        for entry in archive.entries
        if has_rows(entry)
    )
    files = tuple(replace(file, path=f"{prefix}{file.path}" if prefix else path) for file in digest.files)
    return Contents(records, summary(digest.large_objects), files)


def table_record(entry: Entry, stream: StreamDigest) -> TableRecord:
    """What the manifest says of a table's rows, but for the server's count."""
    return TableRecord(
        schema=entry.schema,
        name=entry.tag,
        rows=stream.rows,
        counted=None,
        bytes=stream.bytes,
        sha256=stream.sha256,
        copy_statement=entry.copy_statement,
        via_root=VIA_ROOT in entry.definition,
    )
