"""Lists and reads the files in a zip, whose sizes are not to be trusted.

`zipfile` reads the list of files alone: it would decompress a few kilobytes of bzip2 to gigabytes at once,
and before Python 3.12.2 it does not notice files that overlap, the trick of the densest zip bombs.
"""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from app.domain.backup import CompressionMethod
from app.domain.errors import AppError, ErrorCode
from app.postgres.archive_errors import bomb, damaged
from app.postgres.compression import BLOCK, DEFLATE, XZ, Decompressor

_LARGEST_LIST = 8 << 20
_LOCAL_HEADER = struct.Struct("<4s5H3L2H")
_METHODS = {
    0: CompressionMethod.NONE.value,
    8: DEFLATE,
    12: CompressionMethod.BZIP2.value,
    93: CompressionMethod.ZSTD.value,
    95: XZ,
}
_OTHER_METHODS = {9: "Deflate64", 14: "LZMA", 98: "PPMd"}
_UNREADABLE = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    struct.error,
    NotImplementedError,
    OverflowError,
    ValueError,
    EOFError,
    IndexError,
)


@dataclass(frozen=True, slots=True)
class ZipMember:
    """A file in a zip, as the list at the zip's end has it.

    Attributes:
        size: of its content in bytes, as is claimed.
        packed_size: bytes that it takes in the zip.
        method: the number that stands for its compression.
        start: where its own header stands.
    """

    name: str
    size: int
    packed_size: int
    method: int
    crc: int
    start: int
    is_folder: bool
    is_link: bool
    is_encrypted: bool


class _LimitedReader(io.BufferedReader):
    """Refuses to read a list of files that would take too much memory."""

    def read(self, size: int | None = -1, /) -> bytes:
        most = _LARGEST_LIST + 1
        data = super().read(most if size is None or not 0 <= size < most else size)
        if len(data) == most:
            raise zipfile.BadZipFile("its list of files is too large")
        return data


def zip_members(file: BinaryIO, name: str) -> tuple[ZipMember, ...]:
    """What a zip says that it holds, in its own order, folders too; a backslash parts folders like a slash.

    Raises:
        AppError: ARCHIVE_DAMAGED; DECOMPRESSION_BOMB when files overlap.
    """
    limited = _LimitedReader(cast("io.RawIOBase", file))
    try:
        with zipfile.ZipFile(limited) as archive:
            members = tuple(_member(info) for info in archive.infolist())
    except _UNREADABLE as error:
        cut_off = "the list of files at its end is missing" if "not a zip" in str(error) else str(error)
        raise damaged(name, f"the zip cannot be read: {cut_off}") from error
    finally:
        limited.detach()
    end = 0
    for member in sorted(members, key=lambda member: member.start):
        if member.start < end:
            raise bomb(name, f"files that overlap, {member.name!r} among them")
        end = member.start + _LOCAL_HEADER.size + member.packed_size
    return members


def _member(info: zipfile.ZipInfo) -> ZipMember:
    return ZipMember(
        name=info.filename.replace("\\", "/"),
        size=info.file_size,
        packed_size=info.compress_size,
        method=info.compress_type,
        crc=info.CRC,
        start=info.header_offset,
        is_folder=info.is_dir(),
        is_link=stat.S_ISLNK(info.external_attr >> 16),
        is_encrypted=bool(info.flag_bits & 1) or info.compress_type == 99,
    )


def encrypted(member: ZipMember, name: str) -> AppError:
    """The error for a member of the zip `name` that only a password opens."""
    return AppError(
        ErrorCode.UNKNOWN_FORMAT,
        f"{Path(name).name} is encrypted with a password",
        detail=f"{member.name} in {name}",
        hint="Unpack it with its password (7-Zip can), then use what was in it.",
    )


def zip_content(file: BinaryIO, member: ZipMember, name: str) -> Iterator[bytes]:
    """A member's content, checked against its size and checksum; `file` is not to be moved meanwhile.

    Raises:
        AppError: ARCHIVE_DAMAGED; UNKNOWN_FORMAT when it is encrypted or compressed in a rare way.
    """
    if member.is_encrypted:
        raise encrypted(member, name)
    method = _METHODS.get(member.method)
    if method is None:
        other = _OTHER_METHODS.get(member.method, f"method {member.method}")
        raise AppError(
            ErrorCode.UNKNOWN_FORMAT,
            f"{member.name} is compressed in a way that Holdfast cannot read",
            detail=f"{other}, in {name}",
            hint="Unpack the zip (7-Zip can), then use what was in it.",
        )
    label = f"{member.name} in {name}"
    decompressor = Decompressor(method, label)
    left, crc = member.size, 0
    for data in _packed(file, member, label):
        for block in decompressor.feed(data):
            left -= len(block)
            crc = zlib.crc32(block, crc)
            if left < 0:
                raise damaged(label, f"it is larger than the {member.size:,} bytes that the zip says")
            yield block
    decompressor.finish()
    if left or crc != member.crc:
        raise damaged(label, "its checksum is wrong" if not left else f"{left:,} bytes of it are missing")


def _packed(file: BinaryIO, member: ZipMember, label: str) -> Iterator[bytes]:
    file.seek(member.start)
    header = file.read(_LOCAL_HEADER.size)
    if len(header) < _LOCAL_HEADER.size or not header.startswith(b"PK\x03\x04"):
        raise damaged(label, "it is not where the zip says")
    *_, name_length, extra_length = _LOCAL_HEADER.unpack(header)
    file.seek(name_length + extra_length, io.SEEK_CUR)
    left = member.packed_size
    while left:
        data = file.read(min(BLOCK, left))
        if not data:
            raise damaged(label, "it is cut off")
        left -= len(data)
        yield data
