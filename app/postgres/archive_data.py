"""Gives an archive's data, decompressed, in blocks: COPY text of tables and bytes of large objects.

How data lie in the three formats: PostgreSQL's src/bin/pg_dump/pg_backup_{directory,custom,tar}.c.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from app.domain.backup import CompressionMethod
from app.postgres.archive import Archive, ArchiveFormat, Entry
from app.postgres.archive_custom import LARGE_OBJECTS, TABLE, block_start, chunks, find_blocks, read_oid
from app.postgres.archive_errors import damaged
from app.postgres.archive_tar import tar_members
from app.postgres.compression import BLOCK, SUFFIXES, Decompressor
from app.system.files import path_inside

BLOB_FILE = re.compile(r"blob_([1-9]\d{0,9})\.dat")
READ = 1 << 18
"""Bytes that are read at once."""

_LONGEST_LINE = 4096

_Places = Mapping[str, tuple[int, int]]


def has_rows(entry: Entry) -> bool:
    """Whether the entry has a data stream that COPY reads (not INSERT commands, not large objects)."""
    return entry.has_data and bool(entry.copy_statement)


def has_large_objects(entry: Entry) -> bool:
    """Whether the entry's data are large objects; since 1.16 an archive may have many such entries."""
    return entry.has_data and entry.kind == "BLOBS"


def open_stream(archive: Archive, entry: Entry) -> Iterator[bytes]:
    """An entry's data stream with its end marker, in small decompressed blocks.

    Raises:
        AppError: ARCHIVE_DAMAGED.
    """
    for _, blocks in data_streams(archive, (entry,)):
        yield from blocks


def data_streams(archive: Archive, entries: Iterable[Entry]) -> Iterator[tuple[Entry, Iterator[bytes]]]:
    """`open_stream` for several entries; finds them once where an archive does not say where they are.

    Raises:
        AppError: ARCHIVE_DAMAGED.
    """
    places: _Places | None = None
    for entry in entries:
        if archive.format is ArchiveFormat.DIRECTORY:
            yield entry, _read_file(*data_file(archive.path, entry.filename, archive.compression.method))
        elif archive.format is ArchiveFormat.CUSTOM and entry.data_offset is not None:
            yield entry, _read_custom(archive, entry, entry.data_offset)
        else:
            places = _find_places(archive) if places is None else places
            is_custom = archive.format is ArchiveFormat.CUSTOM
            place = places.get(str(entry.dump_id) if is_custom else entry.filename)
            if place is None:
                raise damaged(archive.path, f"the data of {entry.kind} {entry.tag} are missing")
            if is_custom:
                yield entry, _read_custom(archive, entry, place[0])
            else:
                yield entry, _read_part(archive.path, *place)


def large_objects(archive: Archive) -> Iterator[tuple[int, Iterator[bytes]]]:
    """Each large object's oid and its bytes in blocks; read one to its end before taking the next.

    Raises:
        AppError: ARCHIVE_DAMAGED.
    """
    entries = [entry for entry in archive.entries if has_large_objects(entry)]
    if archive.format is ArchiveFormat.DIRECTORY:
        for name, oid in large_object_files(archive).items():
            yield oid, _read_file(*data_file(archive.path, name, archive.compression.method))
    elif archive.format is ArchiveFormat.TAR:
        for name, place in _find_places(archive).items() if entries else ():
            if match := BLOB_FILE.fullmatch(name):
                yield int(match[1]), _read_part(archive.path, *place)
    else:
        places: _Places | None = None
        for entry in entries:
            offset = entry.data_offset
            if offset is None:
                places = _find_places(archive) if places is None else places
                if str(entry.dump_id) not in places:
                    raise damaged(archive.path, f"the data of {entry.kind} {entry.tag} are missing")
                offset = places[str(entry.dump_id)][0]
            yield from _read_custom_large_objects(archive, entry, offset)


def digest_large_objects(archive: Archive) -> dict[int, str]:
    """SHA-256 of each large object, as lower-case hex, by oid.

    Raises:
        AppError: ARCHIVE_DAMAGED.
    """
    found: dict[int, str] = {}
    for oid, blocks in large_objects(archive):
        digest = hashlib.sha256()
        for block in blocks:
            digest.update(block)
        found[oid] = digest.hexdigest()
    return found


def large_object_files(archive: Archive) -> dict[str, int]:
    """The oid of each large object in a directory archive by its file's name, without a suffix.

    Raises:
        AppError: ARCHIVE_DAMAGED or UNSAFE_PATH.
    """
    names: dict[str, int] = {}
    for entry in archive.entries:
        if has_large_objects(entry):
            toc = large_object_toc(archive, entry)
            path = path_inside(archive.path, toc)
            with reading(path), path.open("rb") as file:
                while line := file.readline(_LONGEST_LINE):
                    oid, _, name = line.decode("ascii", "replace").rstrip("\n").partition(" ")
                    if not (match := BLOB_FILE.fullmatch(name)) or match[1] != oid or line[-1:] != b"\n":
                        raise damaged(path, "one of its lines makes no sense")
                    names[name] = int(oid)
    return names


def large_object_toc(archive: Archive, entry: Entry) -> str:
    """The file that lists an entry's large objects in a directory archive; before 1.16 there is one."""
    return entry.filename if archive.version >= (1, 16) else "blobs.toc"


def data_file(folder: Path, name: str, expected: CompressionMethod) -> tuple[Path, CompressionMethod]:
    """A directory archive's data file and how it is compressed, which its suffix says, as in pg_restore.

    Raises:
        AppError: ARCHIVE_DAMAGED when there is none, UNSAFE_PATH when it lies outside of the folder.
    """
    for method in (expected, *SUFFIXES):
        path = path_inside(folder, name + SUFFIXES[method])
        if path.is_file():
            return path, method
    raise damaged(folder / (name + SUFFIXES[expected]), "it is missing")


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Inside, a failed read is an `AppError` that names the file."""
    try:
        yield
    except FileNotFoundError as error:
        raise damaged(path, "it is missing") from error
    except OSError as error:
        raise damaged(path, error.strerror or str(error)) from error


def _read_file(path: Path, method: CompressionMethod) -> Iterator[bytes]:
    with reading(path), path.open("rb", buffering=0) as file:
        decompressor = Decompressor(method, str(path))
        while data := file.read(READ):
            yield from decompressor.feed(data)
        decompressor.finish()


def _read_part(path: Path, start: int, size: int) -> Iterator[bytes]:
    with reading(path), path.open("rb", buffering=0) as file:
        file.seek(start)
        while size:
            data = file.read(min(size, BLOCK))
            if not data:
                raise damaged(path, "it is cut off")
            size -= len(data)
            yield data


@contextmanager
def _custom_block(archive: Archive, entry: Entry, offset: int, kind: int) -> Iterator[BinaryIO]:
    path = archive.path
    with reading(path), path.open("rb", buffering=READ) as file:
        file.seek(offset)
        if block_start(file, path) != (kind, entry.dump_id):
            raise damaged(path, f"the data of {entry.kind} {entry.tag} are not where they should be")
        yield file


def _read_custom(archive: Archive, entry: Entry, offset: int) -> Iterator[bytes]:
    with _custom_block(archive, entry, offset, TABLE) as file:
        yield from decompressed_chunks(archive, file)


def _read_custom_large_objects(
    archive: Archive, entry: Entry, offset: int
) -> Iterator[tuple[int, Iterator[bytes]]]:
    with _custom_block(archive, entry, offset, LARGE_OBJECTS) as file:
        while oid := read_oid(file, archive.path):
            yield oid, decompressed_chunks(archive, file)


def decompressed_chunks(archive: Archive, file: BinaryIO) -> Iterator[bytes]:
    """The data of a custom archive that begin here, up to their end."""
    decompressor = Decompressor(archive.compression.method, str(archive.path))
    for chunk in chunks(file, archive.path):
        yield from decompressor.feed(chunk)
    decompressor.finish()


def _find_places(archive: Archive) -> _Places:
    """Where data lie, as offset and size: by name in a tar archive, by dump id in a custom one (size 0)."""
    with reading(archive.path), archive.path.open("rb") as file:
        if archive.format is ArchiveFormat.TAR:
            size = archive.path.stat().st_size
            return {name: (file.tell(), length) for name, length in tar_members(file, archive.path, size)}
        file.seek(archive.data_start)
        return {str(dump_id): (offset, 0) for dump_id, offset in find_blocks(file, archive.path)}
