"""Reads the data part of a custom archive: blocks of chunks (src/bin/pg_dump/pg_backup_custom.c).

A block is its kind (a byte) and dump id, and the chunks of one data stream; or, for large objects, an oid
and chunks for each one, ended by oid 0. A chunk is its length and its bytes; length 0 ends the chunks.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from app.postgres.archive_entry import read_number
from app.postgres.archive_errors import damaged

TABLE = 1
LARGE_OBJECTS = 3

_GATHER = 1 << 16


def block_start(file: BinaryIO, path: Path) -> tuple[int, int] | None:
    """Kind and dump id of the block that begins here; None at the end of the file.

    Raises:
        AppError: ARCHIVE_DAMAGED.
    """
    kind = file.read(1)
    if not kind:
        return None
    if kind[0] not in (TABLE, LARGE_OBJECTS):
        raise damaged(path, f"there is no data of the kind {kind[0]}")
    return kind[0], _number(file, path)


def read_oid(file: BinaryIO, path: Path) -> int:
    """The oid of the next large object, 0 behind the last one; oids above 2**31 are written as negative."""
    return _number(file, path) & 0xFFFF_FFFF


def chunks(file: BinaryIO, path: Path) -> Iterator[bytes]:
    """The chunks that begin here, several small ones together and large ones in parts.

    Raises:
        AppError: ARCHIVE_DAMAGED.
    """
    gathered: list[bytes] = []
    size = 0
    while length := _number(file, path):
        if length < 0:
            raise damaged(path, "the length of a chunk is negative")
        while length:
            part = file.read(min(length, _GATHER))
            if not part:
                raise damaged(path, "it is cut off")
            length -= len(part)
            gathered.append(part)
            size += len(part)
            if size >= _GATHER:
                yield b"".join(gathered)
                gathered.clear()
                size = 0
    yield b"".join(gathered)


def find_blocks(file: BinaryIO, path: Path) -> Iterator[tuple[int, int]]:
    """Dump id and offset of each block from here to the end; data are passed over, not read.

    Raises:
        AppError: ARCHIVE_DAMAGED.
    """
    offset = file.tell()
    end = os.fstat(file.fileno()).st_size
    while start := block_start(file, path):
        yield start[1], offset
        if start[0] == TABLE:
            _skip_chunks(file, path, end)
        else:
            while read_oid(file, path):
                _skip_chunks(file, path, end)
        offset = file.tell()


def _skip_chunks(file: BinaryIO, path: Path, end: int) -> None:
    while length := _number(file, path):
        if length < 0 or file.seek(length, os.SEEK_CUR) > end:
            raise damaged(path, "it is cut off")


def _number(file: BinaryIO, path: Path) -> int:
    raw = file.read(5)
    if len(raw) < 5:
        raise damaged(path, "it is cut off")
    return read_number(raw, 0)[0]
