from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.domain.due import Hold, Skipped, Waiting
from app.persistence.catalog import Catalog

NOW = datetime(2026, 11, 22, 15, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize("reason", [*Waiting, *Skipped])
def test_what_is_found_each_minute_is_one_span(tmp_path: Path, reason: Waiting | Skipped) -> None:
    path = tmp_path / "catalog.sqlite3"
    with Catalog(path) as catalog:
        for minute in (0, 1, 2):
            catalog.record_hold(Hold("s", NOW, reason, NOW + minute * MINUTE, NOW + minute * MINUTE))
    with Catalog(path) as catalog:
        assert catalog.holds_of("s", NOW) == (Hold("s", NOW, reason, NOW, NOW + 2 * MINUTE),)
        assert catalog.holds_of("s", NOW + MINUTE) == ()
        assert catalog.holds_of("another", NOW) == ()


def test_slots_reasons_and_schedules_are_told_apart_oldest_first(tmp_path: Path) -> None:
    holds = [
        Hold("s", NOW, Waiting.FOLDER_MISSING, NOW, NOW),
        Hold("s", NOW, Waiting.ON_BATTERY, NOW + MINUTE, NOW + MINUTE),
        Hold("s", NOW + MINUTE, Waiting.FOLDER_MISSING, NOW + MINUTE, NOW + MINUTE),
    ]
    with Catalog(tmp_path / "catalog.sqlite3") as catalog:
        for hold in (holds[2], holds[1], holds[0], Hold("t", NOW, Skipped.PAUSED, NOW, NOW)):
            catalog.record_hold(hold)
        assert catalog.holds_of("s", NOW) == tuple(holds)


def test_those_of_more_than_a_year_ago_go(tmp_path: Path) -> None:
    with Catalog(tmp_path / "catalog.sqlite3") as catalog:
        for ago in (500, 399, 0):
            at = NOW - timedelta(days=ago)
            catalog.record_hold(Hold("s", at, Skipped.PAUSED, at, at))
        assert [hold.slot for hold in catalog.holds_of("s", NOW - timedelta(days=999))] == [
            NOW - timedelta(days=399),
            NOW,
        ]
