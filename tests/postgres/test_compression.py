"""Decompression by pieces: the same bytes whatever the pieces, and damage is noticed."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import random
import sys
import tracemalloc
import zlib
from collections.abc import Callable
from contextlib import suppress

import lz4.frame
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.backup import CompressionMethod
from app.domain.errors import AppError, ErrorCode
from app.postgres.compression import BLOCK, XZ, Decompressor

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

COMPRESSORS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "zstd": (CompressionMethod.ZSTD, zstd.compress),
    "gzip": (CompressionMethod.GZIP, gzip.compress),
    "zlib": (CompressionMethod.GZIP, zlib.compress),
    "bzip2": (CompressionMethod.BZIP2, bz2.compress),
    "lz4": (CompressionMethod.LZ4, lz4.frame.compress),
    "xz": (XZ, lzma.compress),
}
each_method = pytest.mark.parametrize("name", COMPRESSORS)


def decompress(method: str, data: bytes, piece: int = 1 << 18) -> bytes:
    decompressor = Decompressor(method, "a file")
    blocks = [
        block
        for start in range(0, len(data), piece)
        for block in decompressor.feed(data[start : start + piece])
    ]
    decompressor.finish()
    assert all(0 < len(block) <= BLOCK for block in blocks)
    return b"".join(blocks)


@each_method
@given(content=st.binary(max_size=3000), repeat=st.integers(1, 200), piece=st.integers(1, 5000))
@settings(max_examples=25, deadline=None)
def test_gives_back_what_was_compressed_whatever_the_pieces(
    name: str, content: bytes, repeat: int, piece: int
) -> None:
    method, compress = COMPRESSORS[name]
    assert decompress(method, compress(content * repeat), piece) == content * repeat


@each_method
def test_reads_frames_that_follow_one_another(name: str) -> None:
    method, compress = COMPRESSORS[name]
    one, two = os.urandom(BLOCK), b"x" * BLOCK * 3
    for piece in (1000, 1 << 20):
        assert decompress(method, compress(one) + compress(two) + compress(b""), piece) == one + two


@pytest.mark.parametrize("method", CompressionMethod)
def test_no_bytes_are_an_empty_stream(method: CompressionMethod) -> None:
    assert decompress(method, b"") == b""


def test_without_compression_bytes_pass_through() -> None:
    content = os.urandom(BLOCK * 2 + 7)
    assert decompress(CompressionMethod.NONE, content, BLOCK * 3) == content


@each_method
@pytest.mark.parametrize("content", [b"", b"some text\n" * 50_000])
def test_a_truncated_stream_is_damaged(name: str, content: bytes) -> None:
    method, compress = COMPRESSORS[name]
    whole = compress(content)
    for cut in (1, 4, len(whole) // 2):
        with pytest.raises(AppError, match="a file") as caught:
            decompress(method, whole[:-cut])
        assert caught.value.code is ErrorCode.ARCHIVE_DAMAGED


@each_method
def test_trailing_garbage_is_damage(name: str) -> None:
    method, compress = COMPRESSORS[name]
    for garbage in (b"x", b"not compressed at all"):
        with pytest.raises(AppError) as caught:
            decompress(method, compress(b"text") + garbage)
        assert caught.value.code is ErrorCode.ARCHIVE_DAMAGED


@each_method
def test_damaged_bytes_raise_nothing_but_an_app_error(name: str) -> None:
    method, compress = COMPRESSORS[name]
    whole = compress(bytes(range(256)) * 40)
    chance = random.Random(5)
    for _ in range(300):
        broken = bytearray(whole)
        for _ in range(chance.randrange(1, 4)):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        with suppress(AppError):
            decompress(method, bytes(broken), chance.randrange(1, 3000))


@each_method
def test_memory_stays_flat_when_little_becomes_much(name: str) -> None:
    method, compress = COMPRESSORS[name]
    bomb = compress(bytes(64 << 20))
    decompressor = Decompressor(method, "a file")
    tracemalloc.start()
    try:
        size = sum(map(len, decompressor.feed(bomb)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    decompressor.finish()
    assert size == 64 << 20
    assert peak < 10 << 20  # xz keeps 8 MiB
