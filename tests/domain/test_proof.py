"""The verdict over a proof's objects."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from app.domain.proof import ObjectOutcome, Outcome, Proof, ProofLevel, count_outcomes, failure_of

objects = st.lists(
    st.builds(
        ObjectOutcome,
        kind=st.sampled_from(["TABLE", "TABLE DATA", "INDEX"]),
        name=st.text(min_size=1, max_size=5),
        outcome=st.sampled_from(Outcome),
        reason=st.sampled_from(["", "because"]),
    )
)


def test_levels_are_ordered_by_strength() -> None:
    assert [level.rank for level in ProofLevel] == [0, 1, 2]
    assert ProofLevel.PROVEN.rank > ProofLevel.COMPLETE.rank > ProofLevel.SEALED.rank


def test_only_what_differs_or_cannot_be_restored_is_a_failure() -> None:
    assert {outcome for outcome in Outcome if outcome.is_failure} == {Outcome.DIFFERS, Outcome.NOT_RESTORABLE}


@given(objects)
def test_a_failure_is_told_exactly_when_an_object_fails(items: list[ObjectOutcome]) -> None:
    failing = [item for item in items if item.outcome.is_failure]
    told = failure_of(items)
    assert bool(told) == bool(failing)
    if failing:
        assert failing[0].name in told
        assert ("more)" in told) == (len(failing) > 1)


@given(objects)
def test_every_object_is_counted_once(items: list[ObjectOutcome]) -> None:
    counts = count_outcomes(items)
    assert sum(counts.values()) == len(items)
    assert 0 not in counts.values()
    assert list(counts) == [outcome for outcome in Outcome if outcome in counts]


@given(objects)
def test_exceptions_are_all_but_the_identical_objects(items: list[ObjectOutcome]) -> None:
    proof = Proof(ProofLevel.PROVEN, datetime.now(UTC), objects=tuple(items))
    assert len(proof.exceptions) + sum(item.outcome is Outcome.IDENTICAL for item in items) == len(items)
