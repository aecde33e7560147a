"""How far a backup has been shown to be good, object by object.

The rules of the verdict: a backup is *proven* when the sandbox gave back every data stream and
every object that can be compared. Exceptions that are listed (recomputed, not checked) stand beside
the badge; an object that differs or that cannot be restored makes the proof fail.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ProofLevel(StrEnum):
    """What has been shown, weakest first."""

    SEALED = "sealed"
    """Every file is hashed and synced; the archive's table of contents was read."""
    COMPLETE = "complete"
    """Every data stream was read to its end; its rows equal the server's count in the same snapshot."""
    PROVEN = "proven"
    """Restored into a sandbox and compared: every stream identical, every object there."""

    @property
    def rank(self) -> int:
        """Position in the order of strength, from 0."""
        return _RANKS[self]


_RANKS = {level: rank for rank, level in enumerate(ProofLevel)}


class Outcome(StrEnum):
    """What the proof found out about one object."""

    IDENTICAL = "identical"
    REORDERED = "identical in other order"
    RECOMPUTED = "recomputed"
    NOT_CHECKED = "not checked"
    NOT_RESTORABLE = "not restorable as is"
    DIFFERS = "differs"

    @property
    def is_failure(self) -> bool:
        """True when one such object is enough to make a proof fail."""
        return self in (Outcome.NOT_RESTORABLE, Outcome.DIFFERS)


@dataclass(frozen=True, slots=True)
class ObjectOutcome:
    """The outcome for one object of a backup.

    `kind` is pg_dump's own word for it (TABLE, INDEX, TABLE DATA, SEQUENCE SET, BLOB …);
    `name` is qualified and quoted as SQL would have it.
    """

    kind: str
    name: str
    outcome: Outcome
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Proof:
    """The result of checking one backup.

    Attributes:
        level: the strongest level that was reached.
        checked_at: when, in UTC.
        failure: why a check failed; empty when every check that was made passed.
        server: version of the sandbox's server; empty unless a sandbox was used.
        seconds: how long the check took.
        objects: the outcome of each object; empty below `proven`.
        notes: what a reader should know besides (waiting for space, another major version).
    """

    level: ProofLevel
    checked_at: datetime
    failure: str = ""
    server: str = ""
    seconds: float = 0.0
    objects: tuple[ObjectOutcome, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def has_failed(self) -> bool:
        """True when a check was made and did not pass."""
        return bool(self.failure)

    @property
    def exceptions(self) -> tuple[ObjectOutcome, ...]:
        """The objects whose outcome is not plainly *identical*."""
        return tuple(item for item in self.objects if item.outcome is not Outcome.IDENTICAL)


def count_outcomes(objects: Iterable[ObjectOutcome]) -> dict[Outcome, int]:
    """How many objects have each outcome, in the order of `Outcome`, without zeros."""
    counts = Counter(item.outcome for item in objects)
    return {outcome: counts[outcome] for outcome in Outcome if counts[outcome]}


def failure_of(objects: Iterable[ObjectOutcome]) -> str:
    """The first failing object in words, with how many more there are; empty when none fails."""
    failing = [item for item in objects if item.outcome.is_failure]
    if not failing:
        return ""
    first = failing[0]
    reason = f": {first.reason}" if first.reason else ""
    more = f" (and {len(failing) - 1} more)" if len(failing) > 1 else ""
    return f"{first.kind} {first.name} {first.outcome.value}{reason}{more}"
