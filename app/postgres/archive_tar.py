"""Walks the members of a tar archive as pg_dump writes them: plain files, one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from app.postgres.archive_errors import damaged

TAR_BLOCK = 512


def tar_member(block: bytes) -> tuple[str, int] | None:
    """Name and size of the file that a tar header describes; None when it is not one.

    Sizes of 8 GB and more are written in base 256 (PostgreSQL's src/port/tar.c).
    """
    if len(block) != TAR_BLOCK or block[156:157] not in (b"0", b"\0"):
        return None
    is_large = block[124] & 0x80
    try:
        checksum = int(block[148:156].rstrip(b"\0 "), 8)
        size = int.from_bytes(block[125:136]) if is_large else int(block[124:136].rstrip(b"\0 "), 8)
    except ValueError:
        return None
    if checksum != sum(block) - sum(block[148:156]) + 8 * ord(" ") or size < 0:
        return None
    return block[:100].partition(b"\0")[0].decode("ascii", "replace"), size


def tar_members(file: BinaryIO, path: Path, size: int) -> Iterator[tuple[str, int]]:
    """Name and size of each file in a tar archive of `size` bytes.

    When it gives one, `file` stands at the beginning of that member's data; it may be moved freely.

    Raises:
        AppError: ARCHIVE_DAMAGED.
    """
    start = 0
    while True:
        file.seek(start)
        block = file.read(TAR_BLOCK)
        if block == bytes(TAR_BLOCK):
            return
        member = tar_member(block)
        if member is None:
            raise damaged(path, f"the tar header at byte {start:,} cannot be read")
        end = start + TAR_BLOCK + -(-member[1] // TAR_BLOCK) * TAR_BLOCK
        if end > size:
            raise damaged(path, f"{member[0]} in it is cut off")
        yield member
        start = end
