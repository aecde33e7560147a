"""Reads every byte of an archive once and gives the hashes of its files, tables and large objects."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from app.domain.backup import CompressionMethod, FileRecord, LargeObjects
from app.postgres.archive import TOC, Archive, ArchiveFormat
from app.postgres.archive_custom import TABLE, block_start, read_oid
from app.postgres.archive_data import (
    BLOB_FILE,
    READ,
    data_file,
    decompressed_chunks,
    has_large_objects,
    has_rows,
    large_object_files,
    large_object_toc,
    reading,
)
from app.postgres.archive_errors import damaged
from app.postgres.archive_tar import TAR_BLOCK, tar_member
from app.postgres.block_file import BlockFile
from app.postgres.compression import BLOCK, Decompressor
from app.postgres.copy_stream import CopyDigest, StreamDigest
from app.system.files import path_inside

_STEP = 4 << 20

OnBytes = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class LargeObject:
    """One large object: its oid, length and SHA-256 (lower-case hex)."""

    oid: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ArchiveDigest:
    """What reading a whole archive gave.

    Attributes:
        files: every file; paths are relative to the archive's folder.
        streams: by dump id, for each entry with rows.
        large_objects: ordered by oid.
    """

    files: tuple[FileRecord, ...]
    streams: dict[int, StreamDigest]
    large_objects: tuple[LargeObject, ...]


class FileDigest:
    """Hashes one data file, compressed and decompressed, in one pass, also while it still grows.

    The file is open only while `advance` runs: a database has more tables than a process may have files.

    Args:
        path: the file, which need not be there yet.
        method: how it is compressed.
        name: what `FileRecord.path` is to be; by default the file's name.
    """

    def __init__(self, path: Path, method: CompressionMethod, *, name: str = "") -> None:
        self._path = path
        self._name = name or path.name
        self._sha = hashlib.sha256()
        self._size = 0
        self._decompressor = Decompressor(method, str(path))
        self._copy = CopyDigest()

    @property
    def rows(self) -> int:
        """Rows so far."""
        return self._copy.rows

    @property
    def size(self) -> int:
        """Bytes of the file that were read so far."""
        return self._size

    @property
    def has_ended(self) -> bool:
        """True when the end marker of COPY text was read, after which pg_dump writes nothing."""
        return self._copy.ended

    def advance(self, limit: int = _STEP) -> int:
        """Read on, up to `limit` bytes; gives how many there were, 0 when all that is there was read.

        Raises:
            AppError: ARCHIVE_DAMAGED.
        """
        done = 0
        with reading(self._path):
            try:
                file = self._path.open("rb", buffering=0)
            except FileNotFoundError:
                return 0
            with file:
                file.seek(self._size)
                while done < limit and (data := file.read(READ)):
                    self._sha.update(data)
                    for block in self._decompressor.feed(data):
                        self._copy.feed(block)
                    done += len(data)
        self._size += done
        return done

    def finish(self, *, end_marker: bool = True) -> tuple[FileRecord, StreamDigest]:
        """Read the rest of a file that is complete now.

        Args:
            end_marker: whether it must end with the end marker of COPY text.

        Raises:
            AppError: ARCHIVE_DAMAGED when it is missing, cut off, or more than its data.
        """
        while self.advance():
            pass
        if not self._path.is_file():
            raise damaged(self._path, "it is missing")
        self._decompressor.finish()
        try:
            stream = self._copy.finish(end_marker=end_marker)
        except ValueError as error:
            raise damaged(self._path, str(error)) from error
        return FileRecord(self._name, self._size, self._sha.hexdigest()), stream


def digest_archive(
    archive: Archive, on_bytes: OnBytes = lambda _: None, begun: Mapping[str, FileDigest] | None = None
) -> ArchiveDigest:
    """Read a whole archive.

    Args:
        archive: its table of contents.
        on_bytes: called with the number of bytes of each step; it may raise `Cancelled`.
        begun: data files of a directory archive, by name, of which a part was read before.

    Raises:
        AppError: ARCHIVE_DAMAGED, naming the file.
    """
    if archive.format is ArchiveFormat.DIRECTORY:
        return _digest_directory(archive, on_bytes, begun or {})
    with reading(archive.path), archive.path.open("rb", buffering=0) as raw:
        return _digest_stream(archive, raw, on_bytes)


def digest_blocks(
    archive: Archive, blocks: Iterator[bytes], on_bytes: OnBytes = lambda _: None
) -> ArchiveDigest:
    """Read a whole custom or tar archive that comes in blocks, because it lies in a packed file.

    Args:
        archive: its table of contents; errors name its path.
        blocks: all of its bytes.
        on_bytes: as in `digest_archive`.

    Raises:
        AppError: ARCHIVE_DAMAGED, naming the file.
    """
    return _digest_stream(archive, BlockFile(blocks), on_bytes)


def _digest_stream(archive: Archive, raw: io.RawIOBase, on_bytes: OnBytes) -> ArchiveDigest:
    hashing = _HashingFile(raw, on_bytes)
    file = cast("BinaryIO", io.BufferedReader(hashing, READ))
    parts = _custom_parts if archive.format is ArchiveFormat.CUSTOM else _tar_parts
    streams: dict[int, StreamDigest] = {}
    found: list[LargeObject] = []
    entries = {entry.dump_id: entry for entry in archive.entries}
    seen: set[int] = set()
    for dump_id, oid, blocks in parts(archive, file):
        entry = entries.get(dump_id)
        seen.add(dump_id)
        copy = CopyDigest()
        for block in blocks:
            copy.feed(block)
        try:
            stream = copy.finish(end_marker=entry is not None and has_rows(entry))
        except ValueError as error:
            what = entry.tag if entry else str(dump_id)
            raise damaged(archive.path, f"data of {what}: {error}") from error
        if oid:
            found.append(LargeObject(oid, stream.bytes, stream.sha256))
        elif entry is not None and has_rows(entry):
            streams[dump_id] = stream
    _check_complete(archive, seen, has_objects=bool(found))
    record = FileRecord(archive.path.name, hashing.size, hashing.sha.hexdigest())
    return ArchiveDigest((record,), streams, _ordered(found))


def summary(objects: Iterable[LargeObject]) -> LargeObjects:
    """The manifest's record of large objects; its hash is over a line with oid, length and hash of each."""
    count = size = 0
    sha = hashlib.sha256()
    for item in _ordered(objects):
        sha.update(f"{item.oid} {item.bytes} {item.sha256}\n".encode())
        count += 1
        size += item.bytes
    return LargeObjects(count, size, sha.hexdigest())


def _ordered(objects: Iterable[LargeObject]) -> tuple[LargeObject, ...]:
    return tuple(sorted(objects, key=lambda item: item.oid))


def _digest_directory(archive: Archive, on_bytes: OnBytes, begun: Mapping[str, FileDigest]) -> ArchiveDigest:
    method = archive.compression.method
    files: list[FileRecord] = []
    streams: dict[int, StreamDigest] = {}
    found: list[LargeObject] = []

    def digest(path: Path, method: CompressionMethod, *, end_marker: bool = False) -> StreamDigest:
        one = begun.get(path.name) or FileDigest(path, method)
        while count := one.advance():
            on_bytes(count)
        record, stream = one.finish(end_marker=end_marker)
        files.append(record)
        return stream

    digest(archive.path / TOC, CompressionMethod.NONE)
    for entry in archive.entries:
        if has_large_objects(entry):
            name = large_object_toc(archive, entry)
            digest(path_inside(archive.path, name), CompressionMethod.NONE)
        elif entry.has_data:
            stream = digest(*data_file(archive.path, entry.filename, method), end_marker=has_rows(entry))
            if has_rows(entry):
                streams[entry.dump_id] = stream
    for name, oid in large_object_files(archive).items():
        stream = digest(*data_file(archive.path, name, method))
        found.append(LargeObject(oid, stream.bytes, stream.sha256))
    return ArchiveDigest(tuple(files), streams, _ordered(found))


_Parts = Iterator[tuple[int, int, Iterator[bytes]]]


def _custom_parts(archive: Archive, file: BinaryIO) -> _Parts:
    """Dump id, oid (0 for a table) and data of everything in a custom archive, in the file's order."""
    remaining = archive.data_start
    while remaining:
        remaining -= len(file.read(min(remaining, READ))) or remaining
    while start := block_start(file, archive.path):
        kind, dump_id = start
        if kind == TABLE:
            yield dump_id, 0, decompressed_chunks(archive, file)
        else:
            while oid := read_oid(file, archive.path):
                yield dump_id, oid, decompressed_chunks(archive, file)


def _tar_parts(archive: Archive, file: BinaryIO) -> _Parts:
    """The same of a tar archive; members that are neither have the dump id 0."""
    dump_ids = {entry.filename: entry.dump_id for entry in archive.entries if entry.has_data}
    while (block := file.read(TAR_BLOCK)) != bytes(TAR_BLOCK):
        member = tar_member(block)
        if member is None:
            raise damaged(archive.path, "one of its tar headers cannot be read")
        name, size = member
        match = BLOB_FILE.fullmatch(name)
        yield dump_ids.get(name, 0), int(match[1]) if match else 0, _tar_data(archive, file, size)
        file.read(-size % TAR_BLOCK)
    while file.read(READ):
        pass


def _tar_data(archive: Archive, file: BinaryIO, size: int) -> Iterator[bytes]:
    while size:
        block = file.read(min(size, BLOCK))
        if not block:
            raise damaged(archive.path, "it is cut off")
        size -= len(block)
        yield block


def _check_complete(archive: Archive, seen: set[int], *, has_objects: bool) -> None:
    """What the table of contents announces must be there; a file cut off between two blocks looks whole."""
    for entry in archive.entries:
        is_there = entry.dump_id in seen
        if has_large_objects(entry) and archive.format is ArchiveFormat.TAR:
            is_there = has_objects
        if entry.has_data and not is_there:
            raise damaged(archive.path, f"the data of {entry.kind} {entry.tag} are missing")


class _HashingFile(io.RawIOBase):
    """Hashes what is read through it, from the first byte to the last."""

    def __init__(self, file: io.RawIOBase, on_bytes: OnBytes) -> None:
        self._file = file
        self._on_bytes = on_bytes
        self.sha = hashlib.sha256()
        self.size = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        count = self._file.readinto(buffer) or 0
        self.sha.update(buffer[:count])
        self.size += count
        self._on_bytes(count)
        return count
