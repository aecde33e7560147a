"""Percent of the whole: never back, never whole, nothing made up; speeds and the time that is left."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.events import Phase, Progress, TableProgress, TableState
from app.domain.pace import (
    Meter,
    Rate,
    Standing,
    Workload,
    backup_workload,
    copy_workload,
    grown,
    measured,
    proof_workload,
    restore_workload,
    sample_workload,
    verify_workload,
)

PHASES = st.sampled_from(list(Phase))
PROGRESS = st.builds(
    Progress,
    phase=PHASES,
    fraction=st.none() | st.floats(0, 1),
    rows=st.integers(0, 10**9),
    bytes=st.integers(0, 10**12),
)
WORKLOADS = st.lists(st.tuples(PHASES, st.floats(0.01, 1000)), max_size=12).map(tuple)


def run(workload: Workload, *steps: tuple[float, Progress]) -> list[Standing]:
    meter = Meter(workload, 0.0)
    found = []
    for now, progress in steps:
        meter, standing = measured(meter, progress, now)
        found.append(standing)
    return found


@given(workload=WORKLOADS, steps=st.lists(PROGRESS, max_size=30))
def test_whatever_is_told_the_share_never_goes_back_and_is_never_whole(
    workload: Workload, steps: list[Progress]
) -> None:
    known = [
        standing.fraction for standing in run(workload, *enumerate(steps)) if standing.fraction is not None
    ]
    assert all(0 <= fraction <= 0.99 for fraction in known)
    assert all(before <= after for before, after in pairwise(known))


@given(st.integers(0, 1 << 45), st.booleans())
def test_every_workload_counts_each_phase(size: int, proven: bool) -> None:
    for workload in (
        backup_workload(size, proven=proven),
        backup_workload(size, proven=proven, storage_bytes=size),
        proof_workload(size),
        verify_workload(size),
        restore_workload(size, safety_bytes=size),
        copy_workload(size),
        sample_workload(size),
    ):
        assert all(seconds > 0 for _, seconds in workload)


def test_phases_follow_each_other_by_their_share() -> None:
    workload = ((Phase.CHECKING, 1.0), (Phase.DUMPING, 7.0), (Phase.SEALING, 2.0))
    found = run(
        workload,
        (0, Progress(Phase.CHECKING)),
        (1, Progress(Phase.DUMPING)),
        (2, Progress(Phase.DUMPING, 0.0)),
        (3, Progress(Phase.DUMPING, 0.5)),
        (4, Progress(Phase.DUMPING, 0.99)),
        (5, Progress(Phase.SEALING, 0.5)),
        (6, Progress(Phase.SEALING, 1.0)),
    )
    assert [one.fraction for one in found] == pytest.approx([None, None, 0.1, 0.45, 0.793, 0.9, 0.99])


def test_a_long_phase_that_tells_nothing_leaves_the_share_unknown_and_a_short_one_holds_it() -> None:
    workload = ((Phase.DUMPING, 4.0), (Phase.READING_BACK, 5.0), (Phase.SEALING, 1.0))
    found = run(
        workload,
        (0, Progress(Phase.DUMPING, 1.0)),
        (1, Progress(Phase.READING_BACK)),
        (2, Progress(Phase.SEALING)),
    )
    assert [one.fraction for one in found] == [0.4, None, 0.9]


def test_a_phase_that_stands_there_twice_is_taken_in_order() -> None:
    workload = ((Phase.STARTING_SANDBOX, 1.0), (Phase.DUMPING, 8.0), (Phase.STARTING_SANDBOX, 1.0))
    found = run(
        workload,
        (0, Progress(Phase.STARTING_SANDBOX, 0.5)),
        (1, Progress(Phase.DUMPING, 0.5)),
        (2, Progress(Phase.STARTING_SANDBOX, 0.5)),
    )
    assert [one.fraction for one in found] == pytest.approx([0.05, 0.5, 0.95])


def test_another_try_holds_the_share_until_it_has_come_as_far() -> None:
    workload = ((Phase.LOCKING, 1.0), (Phase.DUMPING, 9.0))
    found = run(
        workload,
        (0, Progress(Phase.DUMPING, 0.5)),
        (1, Progress(Phase.LOCKING, 0.0)),
        (2, Progress(Phase.DUMPING, 0.2)),
        (3, Progress(Phase.DUMPING, 0.6)),
    )
    assert [one.fraction for one in found] == pytest.approx([0.55, 0.55, 0.55, 0.64])


def test_speeds_are_smoothed_and_begin_anew_with_a_phase() -> None:
    found = run(
        (),
        (0.0, Progress(Phase.DUMPING, rows=0, bytes=0)),
        (1.0, Progress(Phase.DUMPING, rows=100, bytes=1000)),
        (2.0, Progress(Phase.DUMPING, rows=200, bytes=2000)),
        (3.0, Progress(Phase.DUMPING, rows=900, bytes=2000)),
        (4.0, Progress(Phase.COMPARING, rows=5, bytes=5)),
    )
    speeds = [(one.rows_per_second, one.bytes_per_second) for one in found]
    assert speeds[1:3] == [(100, 1000), (100, 1000)]
    assert speeds[3][0] == pytest.approx(100 + 600 * 0.2212, rel=1e-3)
    assert 700 < (speeds[3][1] or 0) < 1000
    assert speeds[4] == (None, None)
    assert [one.seconds for one in found] == [0, 1, 2, 3, 4]
    assert {one.fraction for one in found} == {None}


def test_moments_close_together_do_not_shake_the_speed() -> None:
    rate = grown(None, 0, 0.0)
    rate = grown(rate, 100, 1.0)
    assert grown(rate, 150, 1.01) is rate
    assert grown(rate, 0, 5.0) == Rate(5.0, 0)


def test_the_time_that_is_left_follows_the_share() -> None:
    workload = ((Phase.DUMPING, 1.0),)
    steps = [(float(n), Progress(Phase.DUMPING, n / 100)) for n in range(51)]
    found = run(workload, *steps)
    assert found[2].seconds_left is None
    assert found[10].seconds_left == pytest.approx(90)
    assert found[50].seconds_left == pytest.approx(50)


def test_the_tables_of_a_dump_stay_when_it_is_over() -> None:
    tables = (TableProgress("public.t", TableState.DONE, 1, 1, 8192),)
    found = run((), (0, Progress(Phase.DUMPING, tables=tables)), (1, Progress(Phase.SEALING)))
    assert found[1].tables is tables


def test_a_table_is_whole_only_when_it_is_done() -> None:
    def share(state: TableState, rows: int, total: int) -> float:
        return TableProgress("t", state, rows, total, 1).fraction

    assert share(TableState.WAITS, 0, 10) == 0
    assert share(TableState.RUNNING, 5, 10) == 0.5
    assert share(TableState.RUNNING, 20, 10) == 0.99
    assert share(TableState.RUNNING, 0, 0) == 0
    assert share(TableState.DONE, 0, 0) == 1
