"""Options of a backup, as a user writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.backup import BackupOptions, Compression, CompressionMethod, Contents
from app.domain.errors import AppError, ErrorCode


@pytest.mark.parametrize(
    ("text", "method", "level"),
    [
        ("zstd:3", CompressionMethod.ZSTD, 3),
        ("ZSTD", CompressionMethod.ZSTD, None),
        (" gzip:9 ", CompressionMethod.GZIP, 9),
        ("bzip2", CompressionMethod.BZIP2, None),
        ("lz4:12", CompressionMethod.LZ4, 12),
        ("none", CompressionMethod.NONE, None),
    ],
)
def test_a_compression_is_read(text: str, method: CompressionMethod, level: int | None) -> None:
    assert Compression.parse(text) == Compression(method, level)


@pytest.mark.parametrize(
    "text", ["", "zip", "zstd:", "zstd:0", "zstd:23", "gzip:10", "none:1", "zstd:3:4", "zstd:³", "zstd:-1"]
)
def test_anything_else_is_refused_with_what_there_is(text: str) -> None:
    with pytest.raises(AppError) as failure:
        Compression.parse(text)
    assert failure.value.code is ErrorCode.INVALID_INPUT
    assert failure.value.hint


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        compression = Compression.parse(text)
    except AppError:
        return
    assert Compression.parse(str(compression)) == compression


@pytest.mark.parametrize(
    "options",
    [
        BackupOptions(schemas=("a",)),
        BackupOptions(tables=("a",)),
        BackupOptions(excluded_tables=("a",)),
        BackupOptions(contents=Contents.DATA),
    ],
)
def test_a_part_of_a_database_is_a_selection(options: BackupOptions) -> None:
    assert options.is_selection
    assert not BackupOptions().is_selection
