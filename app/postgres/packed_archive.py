"""Finds one entry's data in a custom or tar archive that is packed, so that it can only be read through."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO, cast

from app.postgres.archive import Archive, ArchiveFormat, Entry
from app.postgres.archive_custom import TABLE, block_start, chunks, read_oid
from app.postgres.archive_data import READ, decompressed_chunks
from app.postgres.archive_errors import damaged
from app.postgres.archive_tar import TAR_BLOCK, tar_member
from app.postgres.block_file import BlockFile


def packed_stream(archive: Archive, entry: Entry, blocks: Iterator[bytes]) -> Iterator[bytes]:
    """An entry's data stream with its end marker; the archive is read no further than that.

    Args:
        archive: its table of contents.
        blocks: the bytes of the archive, from its first one on.

    Raises:
        AppError: ARCHIVE_DAMAGED.
    """
    file = cast("BinaryIO", io.BufferedReader(BlockFile(blocks), READ))
    if archive.format is ArchiveFormat.TAR:
        return _from_tar(archive, entry, file)
    return _from_custom(archive, entry, file)


def _from_custom(archive: Archive, entry: Entry, file: BinaryIO) -> Iterator[bytes]:
    _skip(archive, file, archive.data_start)
    while start := block_start(file, archive.path):
        kind, dump_id = start
        if dump_id == entry.dump_id:
            yield from decompressed_chunks(archive, file)
            return
        if kind == TABLE:
            _pass_over(archive, file)
        else:
            while read_oid(file, archive.path):
                _pass_over(archive, file)
    raise _missing(archive, entry)


def _from_tar(archive: Archive, entry: Entry, file: BinaryIO) -> Iterator[bytes]:
    while (block := file.read(TAR_BLOCK)) and block != bytes(TAR_BLOCK):
        member = tar_member(block)
        if member is None:
            raise damaged(archive.path, "one of its tar headers cannot be read")
        name, size = member
        if name == entry.filename:
            while size:
                data = file.read(min(size, READ))
                if not data:
                    raise damaged(archive.path, "it is cut off")
                size -= len(data)
                yield data
            return
        _skip(archive, file, size + -size % TAR_BLOCK)
    raise _missing(archive, entry)


def _pass_over(archive: Archive, file: BinaryIO) -> None:
    for _ in chunks(file, archive.path):
        pass


def _skip(archive: Archive, file: BinaryIO, count: int) -> None:
    while count:
        passed = len(file.read(min(count, READ)))
        if not passed:
            raise damaged(archive.path, "it is cut off")
        count -= passed


def _missing(archive: Archive, entry: Entry) -> Exception:
    return damaged(archive.path, f"the data of {entry.kind} {entry.tag} are missing")
