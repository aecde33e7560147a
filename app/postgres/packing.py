"""Takes the wrapping off a file, layer by layer and as a stream, so that no disk has to hold it twice."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from app.domain.errors import AppError, ErrorCode
from app.postgres.archive_errors import unreadable
from app.postgres.compression import BLOCK, Decompressor
from app.postgres.tar_stream import TarKind, is_tar, tar_stream
from app.postgres.zip_members import zip_content, zip_members

Check = Callable[[], None]
"""Is called often and may raise, to cancel."""

_LARGEST_INNER_ZIP = (
    64 << 20
)  # a zip is read from its end: inside of another packing it has to fit into memory


class Packing(StrEnum):
    """One way to wrap files; the first five wrap a single one."""

    GZIP = "gzip"
    BZIP2 = "bzip2"
    XZ = "xz"
    ZSTD = "zstd"
    LZ4 = "lz4"
    ZIP = "zip"
    TAR = "tar"


_ZSTD_SKIPPED = tuple(bytes((0x50 + number, 0x2A, 0x4D, 0x18)) for number in range(16))
_MAGICS = {
    Packing.GZIP: (b"\x1f\x8b\x08",),
    Packing.BZIP2: tuple(b"BZh%d" % level for level in range(1, 10)),
    Packing.XZ: (b"\xfd7zXZ\0",),
    Packing.ZSTD: (b"\x28\xb5\x2f\xfd", *_ZSTD_SKIPPED),
    Packing.LZ4: (b"\x04\x22\x4d\x18",),
    Packing.ZIP: (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"),
}


@dataclass(frozen=True, slots=True)
class Layer:
    """One wrapping.

    Attributes:
        member: zip and tar: the file that is meant, or the folder, which ends with a slash or is empty
            where the files lie at the top.
    """

    packing: Packing
    member: str = ""

    def __str__(self) -> str:
        return f"{self.packing} ({self.member})" if self.member else self.packing.value


def packing_of(head: bytes) -> Packing | None:
    """How a file that begins like this is wrapped; None when it is not."""
    for packing, magics in _MAGICS.items():
        if head.startswith(magics):
            return packing
    return Packing.TAR if is_tar(head) else None


def file_blocks(path: Path, check: Check) -> Iterator[bytes]:
    """A file's bytes as they are.

    Raises:
        AppError: INVALID_INPUT when it cannot be read.
    """
    try:
        with path.open("rb", buffering=0) as file:
            while data := file.read(BLOCK):
                check()
                yield data
    except OSError as error:
        raise unreadable(path, error) from error


def decompressed(blocks: Iterator[bytes], packing: Packing, name: str, check: Check) -> Iterator[bytes]:
    """What one of the wrappings of a single file holds; anything behind its last frame is ignored.

    Raises:
        AppError: ARCHIVE_DAMAGED.
    """
    decompressor = Decompressor(packing, name, magics=_MAGICS[packing])
    for data in blocks:
        for block in decompressor.feed(data):
            check()
            yield block
    decompressor.finish()


def unpacked(path: Path, layers: tuple[Layer, ...], check: Check) -> Iterator[bytes]:
    """The bytes below all these layers, outermost first, in blocks of at most `BLOCK` bytes.

    Raises:
        AppError: ARCHIVE_DAMAGED; UNKNOWN_FORMAT when a member is encrypted or not there.
    """
    blocks = file_blocks(path, check)
    for number, layer in enumerate(layers):
        if layer.packing is Packing.ZIP:
            blocks = _zip_member(path, None if number == 0 else blocks, layer.member, check)
        elif layer.packing is Packing.TAR:
            blocks = tar_content(path, blocks, layer.member)
        else:
            blocks = decompressed(blocks, layer.packing, str(path), check)
    return blocks


@contextmanager
def opened_zip(path: Path, blocks: Iterator[bytes] | None) -> Iterator[BinaryIO]:
    """The zip at `path` itself, or one inside of other layers, whose `blocks` are kept in memory.

    Raises:
        AppError: UNKNOWN_FORMAT when such an inner zip is too large for that.
    """
    if blocks is None:
        with path.open("rb") as file:
            yield file
        return
    content = io.BytesIO()
    for block in blocks:
        content.write(block)
        if content.tell() > _LARGEST_INNER_ZIP:
            raise AppError(
                ErrorCode.UNKNOWN_FORMAT,
                f"{path.name} holds a zip that is too large to be read where it is",
                detail=f"more than {_LARGEST_INNER_ZIP >> 20} MiB, inside of another archive",
                hint="Unpack the outer archive, then use the zip that was in it.",
            )
    content.seek(0)
    yield content


def _zip_member(path: Path, blocks: Iterator[bytes] | None, name: str, check: Check) -> Iterator[bytes]:
    with opened_zip(path, blocks) as file:
        member = next((one for one in zip_members(file, str(path)) if one.name == name), None)
        if member is None:
            raise _missing(path, name)
        for block in zip_content(file, member, str(path)):
            check()
            yield block


def tar_content(path: Path, blocks: Iterator[bytes], name: str) -> Iterator[bytes]:
    """The content of the file `name` in a tar archive of these blocks; `path` is for errors.

    Raises:
        AppError: ARCHIVE_DAMAGED; UNKNOWN_FORMAT when it is not there.
    """
    is_found = False
    for member, content in tar_stream(blocks, str(path)):
        if member.name == name and member.kind is TarKind.FILE and not is_found:
            is_found = True
            yield from content
    if not is_found:
        raise _missing(path, name)


def _missing(path: Path, name: str) -> AppError:
    return AppError(
        ErrorCode.UNKNOWN_FORMAT,
        f"{path.name} holds no {name}",
        hint="It was changed since it was looked into; start again.",
    )
