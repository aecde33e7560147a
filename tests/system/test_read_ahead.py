from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.system.read_ahead import read_ahead


@given(st.lists(st.binary(), max_size=40))
def test_blocks_come_as_they_are_and_in_order(blocks: list[bytes]) -> None:
    assert list(read_ahead(iter(blocks))) == blocks


def test_a_failure_comes_after_the_blocks_before_it() -> None:
    def failing() -> Iterator[bytes]:
        yield b"a"
        raise ValueError("torn")

    found = read_ahead(failing())
    assert next(found) == b"a"
    with pytest.raises(ValueError, match="torn"):
        next(found)


def test_whoever_stops_early_leaves_no_thread_behind() -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b"x"

    before = threading.active_count()
    found = read_ahead(endless())
    assert next(found) == b"x"
    assert threading.active_count() == before + 1
    found.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before


def test_no_more_than_a_few_blocks_are_read_ahead() -> None:
    read: list[int] = []

    def counted() -> Iterator[bytes]:
        for number in range(1000):
            read.append(number)
            yield b""

    found = read_ahead(counted())
    for number in range(100):
        next(found)
        assert len(read) <= number + 12
    found.close()  # type: ignore[attr-defined]
