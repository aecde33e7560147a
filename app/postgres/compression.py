"""Compresses and decompresses piece by piece, so that memory stays flat whatever the size."""

from __future__ import annotations

import bz2
import lzma
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol, cast

import lz4.frame
from isal import igzip_lib
from isal.igzip_lib import IgzipDecompressor

from app.domain.backup import Compression, CompressionMethod
from app.postgres.archive_errors import damaged

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

BLOCK = 1 << 17
"""Largest decompressed block that is handed on, in bytes: it stays in the processor's cache."""

SUFFIXES = {
    CompressionMethod.NONE: "",
    CompressionMethod.GZIP: ".gz",
    CompressionMethod.LZ4: ".lz4",
    CompressionMethod.ZSTD: ".zst",
    CompressionMethod.BZIP2: ".bz2",
}
"""What pg_dump (and for bzip2, everybody) appends to a compressed file's name."""

XZ = "xz"
DEFLATE = "deflate"
"""What is read beside `CompressionMethod`, but never written: bare deflate is what zip files hold."""

_XZ_MEMORY = 128 << 20  # `xz -9` takes 65 MiB; a forged header could ask for 4 GiB
_DEFLATE_ERROR = cast("type[Exception]", igzip_lib.error)  # its stub calls it an instance
_ERRORS = (zstd.ZstdError, _DEFLATE_ERROR, lzma.LZMAError, OSError, ValueError, RuntimeError, EOFError)


class _Frame(Protocol):
    """One compressed frame, as the standard library's own decompressors read it."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes | None: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


def _gzip_frame(data: bytes) -> _Frame:
    """A frame of a gzip file, or one of the bare zlib of custom archives."""
    is_gzip = data.startswith(b"\x1f")  # a zlib stream begins with its method, 8 (RFC 1950)
    return IgzipDecompressor(igzip_lib.DECOMP_GZIP if is_gzip else igzip_lib.DECOMP_ZLIB)


_FRAMES: dict[str, Callable[[bytes], _Frame]] = {
    CompressionMethod.ZSTD: lambda _: zstd.ZstdDecompressor(),
    CompressionMethod.GZIP: _gzip_frame,
    CompressionMethod.BZIP2: lambda _: bz2.BZ2Decompressor(),
    CompressionMethod.LZ4: lambda _: lz4.frame.LZ4FrameDecompressor(),
    XZ: lambda _: lzma.LZMADecompressor(lzma.FORMAT_XZ, _XZ_MEMORY),
    DEFLATE: lambda _: IgzipDecompressor(igzip_lib.DECOMP_DEFLATE),
}
"""New frames, by their first bytes."""


class Decompressor:
    """Turns compressed bytes, fed in pieces of any size, into blocks of at most `BLOCK` bytes.

    Frames may follow one another, as parallel compressors write them. No bytes at all are an empty
    stream: pg_dump writes no frame for an empty large object.

    Args:
        method: how the bytes are compressed: a `CompressionMethod`, XZ or DEFLATE.
        name: what is being read, for the error.
        magics: how a frame may begin. Where these are given and something else follows the first frame, it
            is ignored, as gzip does: downloads and tapes append such.
    """

    def __init__(self, method: str, name: str, *, magics: tuple[bytes, ...] = ()) -> None:
        self._method = method
        self._name = name
        self._magics = magics
        self._between = b""  # after a frame: too little to tell whether another one begins
        self._has_ended = False
        self._is_first = True
        self._new_frame = _FRAMES.get(method)
        self._frame: _Frame | None = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Give the blocks that `data` completes; exhaust it before the next call.

        Raises:
            AppError: ARCHIVE_DAMAGED.
        """
        if self._new_frame is None:
            for start in range(0, len(data), BLOCK):
                yield data[start : start + BLOCK]
            return
        while data:
            if self._frame is None:
                if self._magics and not self._is_first:
                    data = self._next_frame(data)
                    if not data:
                        return
                self._is_first = False
                self._frame = self._new_frame(data)
            frame = self._frame
            while not frame.eof:
                try:
                    block = frame.decompress(data, BLOCK)
                except _ERRORS as error:
                    raise damaged(self._name, f"its {self._method} data cannot be read: {error}") from error
                data = b""
                if block:
                    yield block
                if frame.needs_input or not block:
                    break
            if frame.eof:
                data = frame.unused_data or b""
                self._frame = None

    def _next_frame(self, data: bytes) -> bytes:
        """What follows a frame, from where another one begins; empty when none does, or none yet."""
        data = b"" if self._has_ended else (self._between + data).lstrip(b"\0")
        self._between = b""
        if data.startswith(self._magics):
            return data
        if any(magic.startswith(data) for magic in self._magics):
            self._between = data
        else:
            self._has_ended = True
        return b""

    def finish(self) -> None:
        """Say that no more bytes follow.

        Raises:
            AppError: ARCHIVE_DAMAGED when the last frame is not complete.
        """
        if self._frame is not None:
            raise damaged(self._name, f"its {self._method} data end in the middle")


class Compressor(Protocol):
    """Compresses one stream: `compress` for each piece, `flush` for the end."""

    def compress(self, data: bytes, /) -> bytes:
        """What is ready after this piece."""

    def flush(self) -> bytes:
        """The rest; nothing may follow."""


class _Lz4Frame:
    def __init__(self, level: int) -> None:
        self._frame = lz4.frame.LZ4FrameCompressor(compression_level=level)
        self._start: bytes = self._frame.begin()

    def compress(self, data: bytes, /) -> bytes:
        start, self._start = self._start, b""
        return start + bytes(self._frame.compress(data))

    def flush(self) -> bytes:
        return self._start + bytes(self._frame.flush())


class _Plain:
    def compress(self, data: bytes, /) -> bytes:
        return data

    def flush(self) -> bytes:
        return b""


def new_compressor(compression: Compression) -> Compressor:
    """A compressor for one stream; without a level it takes the method's own default."""
    level = compression.level
    if compression.method is CompressionMethod.ZSTD:
        return zstd.ZstdCompressor(level or 3)
    if compression.method is CompressionMethod.GZIP:
        return zlib.compressobj(level or 6, wbits=31)
    if compression.method is CompressionMethod.BZIP2:
        return bz2.BZ2Compressor(level or 9)
    if compression.method is CompressionMethod.LZ4:
        return _Lz4Frame(level or 0)
    return _Plain()


def decompressed(path: Path, method: CompressionMethod) -> Iterator[bytes]:
    """A file's content in blocks.

    Raises:
        AppError: ARCHIVE_DAMAGED.
        OSError: it cannot be read.
    """
    decompressor = Decompressor(method, str(path))
    with path.open("rb", buffering=0) as file:
        while data := file.read(BLOCK):
            yield from decompressor.feed(data)
    decompressor.finish()


def method_of(path: Path) -> CompressionMethod:
    """How a file is compressed, by the suffix that Holdfast gave it."""
    return next(
        (method for method, suffix in SUFFIXES.items() if suffix == path.suffix), CompressionMethod.NONE
    )
