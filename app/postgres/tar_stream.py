"""Walks any tar archive as a stream, because `tarfile` reads names of any length into memory.

Known are the old format, ustar, GNU's long names and pax (POSIX.1-2001, `pax`, "ustar Interchange Format").
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from app.postgres.archive_errors import damaged

TAR_BLOCK = 512

_LONGEST_HEADER = 1 << 18
_MOST_PADDING = 64 << 20
_PAX_RECORD = re.compile(rb"(\d{1,7}) ([^=\n]{1,200})=")


class TarKind(Enum):
    """What a member is, as far as it matters here."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "link"
    OTHER = "device"


@dataclass(frozen=True, slots=True)
class TarMember:
    """A member's header; `size` in bytes."""

    name: str
    kind: TarKind
    size: int


_KINDS = {
    b"0": TarKind.FILE,
    b"\0": TarKind.FILE,
    b"7": TarKind.FILE,
    b"5": TarKind.FOLDER,
    b"1": TarKind.LINK,
    b"2": TarKind.LINK,
}
_LONG_NAME, _LONG_LINK, _PAX, _PAX_FOR_ALL = b"L", b"K", b"x", b"g"


class _Bytes:
    """Blocks of any size, taken in the sizes that are asked for."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._rest = b""

    def some(self, most: int) -> bytes:
        """Up to that many bytes; none at the end."""
        while not self._rest:
            block = next(self._blocks, None)
            if block is None:
                return b""
            self._rest = block
        data, self._rest = self._rest[:most], self._rest[most:]
        return data

    def up_to(self, count: int) -> bytes:
        """That many bytes, fewer only at the end."""
        pieces = []
        while count and (data := self.some(count)):
            pieces.append(data)
            count -= len(data)
        return b"".join(pieces)


def is_tar(head: bytes) -> bool:
    """Whether these first bytes of a file begin a tar archive."""
    return _header(head[:TAR_BLOCK]) is not None


def tar_stream(blocks: Iterator[bytes], name: str) -> Iterator[tuple[TarMember, Iterator[bytes]]]:
    """Each member and its content, which may be left unread; `blocks` are those of the archive `name`.

    The padding after the archive's end is read as well, so that the checksum of a compressed one is checked.

    Raises:
        AppError: ARCHIVE_DAMAGED.
    """
    source = _Bytes(blocks)
    long_name = ""
    pax: dict[bytes, bytes] = {}
    while True:
        block = source.up_to(TAR_BLOCK)
        if not block.strip(b"\0"):
            break
        header = _header(block)
        if header is None:
            raise damaged(name, "a header of the tar archive cannot be read")
        short_name, type_, size = header
        if type_ in (_LONG_NAME, _LONG_LINK, _PAX, _PAX_FOR_ALL):
            if size > _LONGEST_HEADER:
                raise damaged(name, f"a header of the tar archive has {size:,} bytes")
            text = source.up_to(size)
            source.up_to(-size % TAR_BLOCK)
            if type_ == _LONG_NAME:
                long_name = _text(text)
            elif type_ == _PAX:
                pax = _pax_records(text, name)
            continue
        if b"size" in pax:
            size = _number(pax[b"size"], name)
        kind = TarKind.OTHER if b"GNU.sparse.major" in pax else _KINDS.get(type_, TarKind.OTHER)
        full_name = _text(pax[b"path"]) if b"path" in pax else long_name or short_name
        if kind is TarKind.FILE and full_name.endswith("/"):
            kind = TarKind.FOLDER
        member = TarMember(full_name, kind, size if kind in (TarKind.FILE, TarKind.OTHER) else 0)
        long_name, pax = "", {}
        content = _content(source, member, name)
        yield member, content
        for _ in content:
            pass
        source.up_to(-member.size % TAR_BLOCK)
    left = _MOST_PADDING
    while left > 0 and (padding := source.some(1 << 20)):
        left -= len(padding)


def _content(source: _Bytes, member: TarMember, name: str) -> Iterator[bytes]:
    left = member.size
    while left:
        data = source.some(left)
        if not data:
            raise damaged(name, f"{member.name} in it is cut off")
        left -= len(data)
        yield data


def _header(block: bytes) -> tuple[str, bytes, int] | None:
    """Name, type and size; None when it is no header. Sizes of 8 GB and more are in base 256."""
    if len(block) != TAR_BLOCK or not block[0]:
        return None
    try:
        checksum = int(block[148:156].strip(b"\0 "), 8)
        size = (
            int.from_bytes(block[125:136])
            if block[124] & 0x80
            else int(block[124:136].strip(b"\0 ") or b"0", 8)
        )
    except ValueError:
        return None
    if checksum != sum(block) - sum(block[148:156]) + 8 * ord(" ") or size < 0:
        return None
    name = block[:100].partition(b"\0")[0]
    prefix = block[345:500].partition(b"\0")[0] if block[257:263] == b"ustar\0" else b""
    return _text(prefix + b"/" + name if prefix else name), block[156:157], size


def _pax_records(text: bytes, name: str) -> dict[bytes, bytes]:
    records = {}
    start = 0
    while match := _PAX_RECORD.match(text, start):
        end = start + int(match[1])
        if not match.end() < end <= len(text):
            break
        records[match[2]] = text[match.end() : end - 1]
        start = end
    if start != len(text):
        raise damaged(name, "an extended header of the tar archive cannot be read")
    return records


def _number(text: bytes, name: str) -> int:
    if not text.isdigit() or len(text) > 18:
        raise damaged(name, "a size in the tar archive cannot be read")
    return int(text)


def _text(data: bytes) -> str:
    return data.partition(b"\0")[0].decode("utf-8", "replace")
