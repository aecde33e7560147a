from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.history import Entry, Result
from app.domain.proof import ProofLevel
from app.persistence.catalog import Catalog
from app.persistence.history_query import HistoryFilter, ProofFilter, Sort

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def entry(number: int, **changes: object) -> Entry:
    plain = Entry(
        id=f"id{number:04}",
        project="Shop",
        started=NOON + timedelta(hours=number),
        result=Result.SUCCEEDED,
        finished=NOON + timedelta(hours=number, seconds=number % 7),
        proof_level=ProofLevel.COMPLETE,
        bytes=1000 - number,
        destination="/backups",
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


ENTRIES = (
    *(entry(number, project=f"Project {number % 3}") for number in range(20)),
    entry(30, project="Möbel", kind="safety", proof_level=ProofLevel.PROVEN, note="Vor dem Ölwechsel"),
    entry(31, result=Result.FAILED, proof_level=None, bytes=0, error_code="disk-full", error_title="Full"),
    entry(32, result=Result.INTERRUPTED, proof_level=None, finished=None, bytes=0),
    entry(33, proof_failure="TABLE x differs", kind="scheduled"),
    entry(34, kind="scheduled", note="100% of_it"),
)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    with Catalog(tmp_path_factory.mktemp("catalog") / "c.sqlite3") as made:
        for one in ENTRIES:
            made.record(one)
        yield made


def numbers(catalog: Catalog, wanted: HistoryFilter) -> list[int]:
    found = [int(row.entry.id[2:]) for row in catalog.page(wanted, descending=False)]
    assert catalog.count(wanted) == len(found)
    return found


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (HistoryFilter(text="ÖLWECHSEL"), [30]),
        (HistoryFilter(text="möbel vor"), [30]),
        (HistoryFilter(text="möbel disk"), []),
        (HistoryFilter(text="DISK-full"), [31]),
        (HistoryFilter(text="100% of_"), [34]),
        (HistoryFilter(text="%"), [34]),
        (HistoryFilter(text="  "), [int(one.id[2:]) for one in ENTRIES]),
        (HistoryFilter(projects=("Möbel", "Shop")), [30, 31, 32, 33, 34]),
        (HistoryFilter(results=(Result.FAILED, Result.INTERRUPTED)), [31, 32]),
        (HistoryFilter(proofs=(ProofFilter.FAILED,)), [33]),
        (HistoryFilter(proofs=(ProofFilter.NONE, ProofFilter.PROVEN)), [30, 31, 32]),
        (HistoryFilter(kinds=("scheduled",)), [33, 34]),
        (HistoryFilter(since=NOON + timedelta(hours=33)), [33, 34]),
        (HistoryFilter(until=NOON + timedelta(hours=1)), [0]),
        (HistoryFilter(text="nothing"), []),
    ],
)
def test_filters_find_what_they_name(catalog: Catalog, wanted: HistoryFilter, expected: list[int]) -> None:
    assert numbers(catalog, wanted) == expected


@pytest.mark.parametrize("sort", Sort)
@pytest.mark.parametrize("descending", [True, False])
def test_pages_join_to_the_whole_in_the_order_of_the_column(
    catalog: Catalog, sort: Sort, descending: bool
) -> None:
    parts = [
        catalog.page(HistoryFilter(), sort, descending=descending, offset=offset, limit=4)
        for offset in range(0, len(ENTRIES) + 4, 4)
    ]
    found = [row.entry for part in parts for row in part]
    assert sorted(found, key=lambda one: one.id) == list(ENTRIES)

    def key(one: Entry) -> tuple[object, ...]:
        proof = "failed" if one.proof_failure else one.proof_level or ""
        values = {
            Sort.TIME: one.started,
            Sort.PROJECT: one.project,
            Sort.KIND: one.kind,
            Sort.RESULT: one.result,
            Sort.PROOF: proof,
            Sort.SIZE: one.bytes,
            Sort.DURATION: -1 if one.seconds is None else round(one.seconds, 2),
        }
        return values[sort], one.started

    assert found == sorted(ENTRIES, key=key, reverse=descending)


def test_the_trend_compares_with_the_last_regular_backup_of_the_project(catalog: Catalog) -> None:
    rows = {row.entry.id: row for row in catalog.page(HistoryFilter())}
    assert rows["id0003"].previous_bytes == 1000
    assert rows["id0003"].trend == pytest.approx(-0.003)
    assert (rows["id0000"].previous_bytes, rows["id0000"].trend) == (None, None)
    assert rows["id0034"].previous_bytes == 1000 - 33
    assert rows["id0031"].trend is None
    before = catalog.previous(entry(5, project="Project 2"))
    assert before is not None
    assert before.id == "id0002"
    assert catalog.previous(entry(0, project="Project 0")) is None


def test_a_series_is_oldest_first_and_without_safety_backups(catalog: Catalog) -> None:
    points = catalog.series("Shop", NOON + timedelta(hours=32))
    assert [(point.bytes, point.result) for point in points] == [
        (0, Result.INTERRUPTED),
        (967, Result.SUCCEEDED),
        (966, Result.SUCCEEDED),
    ]
    assert [point.seconds for point in points] == [
        None,
        pytest.approx(5, abs=0.01),
        pytest.approx(6, abs=0.01),
    ]
    assert points[1].started == NOON + timedelta(hours=33)
    assert len(catalog.series("Project 0")) == 7
    assert catalog.series("Möbel") == ()


def test_health_is_told_from_the_recent_ones_and_the_last_good_and_proven(tmp_path: Path) -> None:
    proven, good, bad = (
        entry(1, proof_level=ProofLevel.PROVEN),
        entry(2),
        entry(3, proof_failure="differs"),
    )
    failed = entry(10, result=Result.FAILED)
    with Catalog(tmp_path / "c.sqlite3") as catalog:
        for one in (entry(0), proven, good, bad, failed, entry(4, kind="safety"), entry(5, missing=True)):
            catalog.record(one)
        recent = catalog.recent("Shop", NOON + timedelta(hours=9))
        assert recent == (failed, good, proven)
        assert catalog.recent("Shop", NOON + timedelta(hours=11)) == (good, proven)
        assert catalog.recent("Other", NOON) == ()


def test_of_schedules_that_come_seldom_the_last_run_is_asked_for_too(tmp_path: Path) -> None:
    yearly = {"schedule": "yearly", "kind": "scheduled"}
    older = entry(1, slot=NOON, **yearly)
    cancelled = entry(2, result=Result.CANCELLED, slot=NOON + timedelta(hours=1), **yearly)
    daily = entry(30, schedule="daily", slot=NOON + timedelta(hours=29))
    by_hand = entry(31)
    with Catalog(tmp_path / "c.sqlite3") as catalog:
        for one in (older, cancelled, daily, by_hand):
            catalog.record(one)
        slots = {"yearly": NOON + timedelta(hours=1), "daily": NOON + timedelta(hours=29)}
        assert set(catalog.recent("Shop", NOON + timedelta(hours=31))) == {daily, by_hand}
        assert set(catalog.recent("Shop", NOON + timedelta(hours=31), slots)) == {
            older,
            cancelled,
            daily,
            by_hand,
        }
        found = catalog.runs_of_each(slots)
        assert {name: [one.id for one in runs] for name, runs in found.items()} == {
            "yearly": [cancelled.id],
            "daily": [daily.id],
        }
        (run,) = found["yearly"]
        assert (run.started, run.finished, run.result) == (
            cancelled.started,
            cancelled.finished,
            Result.CANCELLED,
        )
        assert catalog.runs_of_each({"other": NOON, "": NOON}) == {"other": (), "": ()}


def test_a_project_that_is_renamed_takes_its_history_along(tmp_path: Path) -> None:
    with Catalog(tmp_path / "c.sqlite3") as catalog:
        catalog.record(entry(1, note="x"))
        catalog.rename_project("Shop", "Möbel")
        assert catalog.count(HistoryFilter(text="möbel x")) == 1
        assert catalog.count(HistoryFilter(text="shop")) == 0
        assert catalog.history("Möbel") == (entry(1, note="x", project="Möbel"),)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=st.text(), project=st.text())
def test_any_text_can_be_searched(catalog: Catalog, text: str, project: str) -> None:
    wanted = HistoryFilter(text=text, projects=(project,))
    assert catalog.count(wanted) == len(catalog.page(wanted))


def test_a_folder_tells_how_many_backups_lie_in_it_and_how_large_they_are(tmp_path: Path) -> None:
    with Catalog(tmp_path / "c.sqlite3") as catalog:
        assert catalog.total(Path("/backups")) == (0, 0)
        for one in (*ENTRIES, entry(50, destination="/elsewhere"), entry(51, missing=True)):
            catalog.record(one)
        made = [one for one in ENTRIES if one.result is Result.SUCCEEDED]
        assert catalog.total(Path("/backups")) == (len(made), sum(one.bytes for one in made))
