"""Reads and writes pg_dump's table of contents, so that an archive is understood without pg_restore.

Formats 1.12 to 1.16 are known: pg_dump 12 to 15 write 1.14, pg_dump 16 writes 1.15, 17 and 18 write 1.16
(PostgreSQL's src/bin/pg_dump/pg_backup_archiver.c, ReadHead). Single entries are in `archive_entry`.
"""

from __future__ import annotations

import gc
import re
import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from app.domain.backup import Compression, CompressionMethod
from app.postgres.archive_entry import (
    Entry,
    Layout,
    encode_entry,
    encode_number,
    entry_reader,
    python_codec,
    read_number,
)
from app.postgres.archive_errors import damaged, unknown_format
from app.postgres.archive_tar import TAR_BLOCK, tar_member
from app.system.files import BLOCK, folder_error

__all__ = [
    "TOC",
    "Archive",
    "ArchiveFormat",
    "Entry",
    "read_archive",
    "write_custom",
    "write_directory_toc",
]

TOC = "toc.dat"

_MAGIC = b"PGDMP"
_OLDEST = (1, 12)
_NEWEST = (1, 16)
_WINDOW = 4 << 20
_LARGEST_ENTRY = 64 << 20
_SMALLEST_ENTRY = 70
_METHODS = (CompressionMethod.NONE, CompressionMethod.GZIP, CompressionMethod.LZ4, CompressionMethod.ZSTD)
_CUSTOM, _TAR = 1, 3
_ENCODING = re.compile(r"SET client_encoding = '([^']*)'")
_UNREADABLE = (struct.error, IndexError, ValueError, OverflowError)


class ArchiveFormat(StrEnum):
    """How pg_dump packed an archive."""

    DIRECTORY = "directory"
    CUSTOM = "custom"
    TAR = "tar"


@dataclass(frozen=True, slots=True)
class Archive:
    """What a table of contents says.

    Attributes:
        path: the file, or the folder that holds `toc.dat`.
        version: of the format, like (1, 16, 0).
        compression: of the data; before 1.15 only gzip and none can be told.
        created: in the local time of the machine that made it.
        database: its name.
        server_version: the dumped server's own words, like `17.10 (Debian …)`.
        dump_version: pg_dump's version.
        encoding: PostgreSQL's name of the client encoding that texts and data have.
        header: the bytes before the list of entries.
        data_start: custom: where the list of entries ends and data begin.
        offset_size: bytes in a data offset.
    """

    path: Path
    format: ArchiveFormat
    version: tuple[int, int, int]
    compression: Compression
    created: datetime
    database: str
    server_version: str
    dump_version: str
    encoding: str
    entries: tuple[Entry, ...]
    header: bytes
    data_start: int
    offset_size: int

    @property
    def layout(self) -> Layout:
        """What decides how its entries' bytes look."""
        is_custom = self.format is ArchiveFormat.CUSTOM
        return Layout(self.version, is_custom, self.offset_size, python_codec(self.encoding))


def read_archive(path: Path) -> Archive:
    """Read the table of contents of a directory, custom or tar archive.

    Memory grows with the table of contents (some 1 KB for each entry), not with the data.

    Raises:
        AppError: UNKNOWN_FORMAT when it is no archive that Holdfast knows, ARCHIVE_DAMAGED when it is one
            but cannot be read.
    """
    with _collecting_later():
        return _read_archive(path)


@contextmanager
def _collecting_later() -> Iterator[None]:
    """Hold back the garbage collector, which looks at every entry again and again while they are made."""
    is_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if is_enabled:
            gc.enable()


def _read_archive(path: Path) -> Archive:
    try:
        if path.is_dir():
            if not (path / TOC).is_file():
                raise unknown_format(path, f"the folder has no {TOC}")
            with (path / TOC).open("rb") as file:
                return _read(path, file, ArchiveFormat.DIRECTORY, (path / TOC).stat().st_size)
        if path.exists() and not path.is_file():
            raise unknown_format(path, "it is neither a file nor a folder")
        with path.open("rb") as file:
            start = file.read(TAR_BLOCK)
            file.seek(0)
            if start.startswith(_MAGIC):
                return _read(path, file, ArchiveFormat.CUSTOM, path.stat().st_size)
            name, size = tar_member(start) or ("", 0)
            if name != TOC:
                raise unknown_format(path, "it is not an archive of pg_dump")
            file.seek(TAR_BLOCK)
            return _read(path, file, ArchiveFormat.TAR, min(size, path.stat().st_size - TAR_BLOCK))
    except OSError as error:
        raise damaged(path, error.strerror or str(error)) from error


def write_directory_toc(archive: Archive, entries: Iterable[Entry], folder: Path) -> None:
    """Write `toc.dat` for these entries of a directory archive; their data files are not copied.

    Raises:
        AppError: DISK_FULL, FOLDER_MISSING or FOLDER_READ_ONLY.
    """
    entries = tuple(entries)
    layout = archive.layout
    try:
        with (folder / TOC).open("wb") as target:
            target.write(archive.header + encode_number(len(entries)))
            target.writelines(encode_entry(entry, layout) for entry in entries)
    except OSError as error:
        raise folder_error(error, folder) from error


def write_custom(
    archive: Archive, entries: Iterable[Entry], target: Path, check: Callable[[], None] = lambda: None
) -> None:
    """Write a custom archive with these entries and all the data of the archive they come from.

    Raises:
        AppError: DISK_FULL, FOLDER_MISSING or FOLDER_READ_ONLY; what `check` raises between blocks.
    """
    entries = tuple(entries)
    start = archive.header + encode_number(len(entries))
    length = len(start) + sum(len(encode_entry(entry, archive.layout)) for entry in entries)
    layout = replace(archive.layout, shift=length - archive.data_start)
    try:
        with archive.path.open("rb") as source, target.open("wb") as written:
            written.write(start)
            written.writelines(encode_entry(entry, layout) for entry in entries)
            source.seek(archive.data_start)
            while block := source.read(BLOCK):
                check()
                written.write(block)
    except OSError as error:
        raise folder_error(error, target.parent) from error


def _read(path: Path, file: BinaryIO, form: ArchiveFormat, size: int, encoding: str = "UTF8") -> Archive:
    """Read the table of contents that begins here and may be up to `size` bytes long.

    Texts are read in the encoding that is likely; where the ENCODING entry, which comes first, names one
    that is read differently, everything is read again.
    """
    name = path / TOC if form is ArchiveFormat.DIRECTORY else path
    start = file.tell()
    buffer = file.read(min(_WINDOW, size))
    unread = size - len(buffer)
    try:
        archive = _read_header(path, buffer, form, encoding)
        count, position = read_number(buffer, len(archive.header))
    except _UNREADABLE as error:
        raise damaged(name, "its first bytes make no sense") from error
    if not 0 <= count <= size // _SMALLEST_ENTRY:
        raise damaged(name, f"{size:,} bytes cannot hold {count:,} entries")
    read_entry = entry_reader(archive.layout)
    entries: list[Entry] = []
    passed = 0
    encoding_is_known = False
    while len(entries) < count:
        try:
            entry, end = read_entry(buffer, position)
        except _UNREADABLE as error:
            more = b""
            if len(buffer) - position <= _LARGEST_ENTRY:
                more = file.read(min(max(_WINDOW, len(buffer) - position), unread))
            if not more:
                raise damaged(name, f"entry {len(entries) + 1} of {count} cannot be read") from error
            unread -= len(more)
            passed += position
            buffer, position = buffer[position:] + more, 0
            continue
        position = end
        entries.append(entry)
        if entry.kind == "ENCODING" and not encoding_is_known:
            encoding_is_known = True
            named = _ENCODING.search(entry.definition)
            archive = replace(archive, encoding=named[1] if named else "SQL_ASCII")
            if archive.layout.codec != python_codec(encoding):
                file.seek(start)
                return _read(path, file, form, size, archive.encoding)
    if len({entry.dump_id for entry in entries}) != count:
        raise damaged(name, "two entries have the same number")
    return replace(archive, entries=tuple(entries), data_start=passed + position)


def _read_header(path: Path, buffer: bytes, form: ArchiveFormat, encoding: str) -> Archive:
    version = (buffer[5], buffer[6], buffer[7])
    if not buffer.startswith(_MAGIC):
        raise ValueError("no magic number")
    if not _OLDEST <= version[:2] <= _NEWEST:
        raise unknown_format(path, f"its version is {version[0]}.{version[1]}-{version[2]}")
    number_size, offset_size, code = buffer[8:11]
    if number_size != 4 or offset_size not in (4, 8):
        raise ValueError("sizes of numbers")
    if code != (_CUSTOM if form is ArchiveFormat.CUSTOM else _TAR):
        raise ValueError("the format's code is another one")
    position = 11
    if version >= (1, 15):
        compression = Compression(_METHODS[buffer[position]])
        position += 1
    else:
        level, position = read_number(buffer, position)
        method = CompressionMethod.GZIP if level else CompressionMethod.NONE
        compression = Compression(method, level if level > 0 else None)
    moment = []
    for _ in range(7):
        number, position = read_number(buffer, position)
        moment.append(number)
    second, minute, hour, day, month, year, _ = moment
    texts = []
    for _ in range(3):
        length, position = read_number(buffer, position)
        end = position + max(length, 0)
        if end > len(buffer):
            raise IndexError
        texts.append(buffer[position:end].decode(python_codec(encoding), "surrogateescape"))
        position = end
    return Archive(
        path=path,
        format=form,
        version=version,
        compression=compression,
        created=datetime(  # noqa: DTZ001 - pg_dump writes no zone
            year + 1900, month + 1, day, hour, minute, min(second, 59)
        ),
        database=texts[0],
        server_version=texts[1],
        dump_version=texts[2],
        encoding=encoding,
        entries=(),
        header=buffer[:position],
        data_start=0,
        offset_size=offset_size,
    )
