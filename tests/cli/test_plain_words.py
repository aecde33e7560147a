from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cli.plain_words import read_clock, read_moment, read_size, read_span
from app.domain.errors import AppError

NOW = datetime(2026, 11, 22, 15, tzinfo=UTC)


def test_sizes_go_by_thousands_unless_they_say_otherwise() -> None:
    assert [read_size(text) for text in ("7", "5k", "5 KB", "1.5TB", "500MiB", "2 gib", "0.5PB", "10b")] == [
        7,
        5_000,
        5_000,
        1_500_000_000_000,
        500 * 1024**2,
        2 * 1024**3,
        500_000_000_000_000,
        10,
    ]


def test_spans_may_have_several_parts() -> None:
    assert [read_span(text) for text in ("30m", "2h", "3 d", "1w", "1d 12h", "1D12H")] == [
        timedelta(minutes=30),
        timedelta(hours=2),
        timedelta(days=3),
        timedelta(weeks=1),
        timedelta(hours=36),
        timedelta(hours=36),
    ]


def test_a_time_of_day_is_the_next_one() -> None:
    local = NOW.astimezone()
    soon, before = local + timedelta(minutes=5), local - timedelta(minutes=5)
    assert read_moment(f"{soon:%H:%M}", NOW) == NOW + timedelta(minutes=5)
    assert read_moment(f"{before:%H:%M}", NOW) == NOW + timedelta(hours=24, minutes=-5)


def test_a_moment_may_have_an_offset() -> None:
    assert read_moment("2026-12-24T18:00+02:00", NOW) == datetime(2026, 12, 24, 16, tzinfo=UTC)
    assert read_moment("2026-12-24", NOW) == datetime(2026, 12, 24).astimezone(UTC)


@pytest.mark.parametrize("text", ["", "soon", "2026-11-22", "0001-01-01", "24:00", "2026-13-01"])
def test_what_is_no_moment_to_come_is_refused(text: str) -> None:
    with pytest.raises(AppError):
        read_moment(text, NOW)


@given(st.text(max_size=20) | st.from_regex(r"[0-9:.\-+TZwdhmkgi ]{0,20}"))
def test_nothing_that_can_be_typed_breaks_a_reader(text: str) -> None:
    for read in (read_clock, read_span, read_size, lambda text: read_moment(text, NOW)):
        with suppress(AppError):
            read(text)
