"""COPY text is counted and hashed alike, however it is cut into pieces."""

from __future__ import annotations

import hashlib
import itertools
import random
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.postgres.copy_stream import (
    END_MARKER,
    CopyDigest,
    MultisetDigest,
    StreamDigest,
    without_end_marker,
)

ROWS = st.lists(st.text(alphabet="ab\\.N\t", max_size=12).map(str.encode), max_size=40).map(
    lambda rows: [row for row in rows if row != b"\\."]
)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in itertools.pairwise(edges)]


def digest(parts: list[bytes], *, end_marker: bool) -> StreamDigest:
    copy = CopyDigest()
    for part in parts:
        copy.feed(part)
    return copy.finish(end_marker=end_marker)


def expected(data: bytes) -> StreamDigest:
    return StreamDigest(data.count(b"\n"), len(data), hashlib.sha256(data).hexdigest())


@given(rows=ROWS, cuts=st.lists(st.integers(0, 1 << 20)))
def test_rows_bytes_and_hash_do_not_depend_on_the_pieces_or_the_marker(
    rows: list[bytes], cuts: list[int]
) -> None:
    data = b"".join(row + b"\n" for row in rows)
    marked = data + END_MARKER
    assert digest(pieces(data, cuts), end_marker=False) == expected(data)
    assert digest(pieces(marked, cuts), end_marker=True) == expected(data)
    assert b"".join(without_end_marker(pieces(marked, cuts))) == data


def test_every_single_cut_finds_the_marker() -> None:
    data = b"1\tone\n2\t\\\\.\n"
    marked = data + END_MARKER
    for cut in range(len(marked) + 1):
        assert digest([marked[:cut], marked[cut:]], end_marker=True) == expected(data)
    assert digest([bytes([byte]) for byte in marked], end_marker=True) == expected(data)


def test_a_table_without_columns_has_empty_lines() -> None:
    assert digest([b"\n\n\n" + END_MARKER], end_marker=True) == expected(b"\n\n\n")
    assert digest([END_MARKER], end_marker=True) == expected(b"")


@pytest.mark.parametrize(
    "stream",
    [
        b"",
        b"1\n",
        b"1\n\\.",
        b"1\n\\.\n",
        b"1\n\\.\n\n",
        b"1\n\\.\n\n\n\n",
        b"1\n\\.\n\n\n2\n",
        b"1\n\\.\n\nx",
        b"1\\.\n\n\n",
        b"\\\\.\n\n\n",
        b".\n\n\n",
    ],
)
def test_a_missing_or_displaced_marker_is_refused(stream: bytes) -> None:
    copy = CopyDigest()
    copy.feed(stream)
    assert not copy.ended
    with pytest.raises(ValueError, match="end marker"):
        copy.finish(end_marker=True)
    with pytest.raises(ValueError, match="end marker"):
        list(without_end_marker([stream]))


def test_it_tells_how_far_it_is() -> None:
    copy = CopyDigest()
    copy.feed(b"1\n2\n3\n4\n")
    assert (copy.rows, copy.size, copy.ended) == (1, 8, False)
    copy.feed(END_MARKER)
    assert (copy.rows, copy.size, copy.ended) == (3, 13, True)


def test_a_row_of_256_mb_passes_in_flat_memory() -> None:
    block = b"x" * (1 << 20)
    copy, multiset = CopyDigest(), MultisetDigest()
    tracemalloc.start()
    try:
        for _ in range(256):
            copy.feed(block)
            multiset.feed(block)
        for one in (copy, multiset):
            one.feed(b"\n")
        copy.feed(END_MARKER)
        found = copy.finish(end_marker=True)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (found.rows, found.bytes) == (1, (256 << 20) + 1)
    assert peak < 4 << 20


@given(rows=ROWS, cuts=st.lists(st.integers(0, 1 << 20)), seed=st.integers())
def test_a_multiset_does_not_depend_on_order_or_pieces(rows: list[bytes], cuts: list[int], seed: int) -> None:
    def multiset(some: list[bytes]) -> str:
        one = MultisetDigest()
        for part in pieces(b"".join(row + b"\n" for row in some), cuts):
            one.feed(part)
        return one.finish()

    shuffled = random.Random(seed).sample(rows, len(rows))
    assert multiset(rows) == multiset(shuffled)
    assert multiset(rows) != multiset([*rows, b"one more"])
    if rows:
        assert multiset(rows) != multiset(rows[1:])
        assert multiset(rows) != multiset([*rows, rows[0]])
