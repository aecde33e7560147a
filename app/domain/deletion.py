"""What deleting backups means, to be named before it is done."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import StrEnum

from app.domain.history import Entry


class Consequence(StrEnum):
    """Something that a user should know before backups of a project are deleted."""

    NONE_LEFT = "none-left"
    """No good backup of the project is left."""
    NONE_PROVEN_LEFT = "none-proven-left"
    """There is a proven one now, and none afterwards."""
    NEWEST_GOES = "newest-goes"
    """The newest good one is among them."""
    PINNED_GOES = "pinned-goes"
    """One that the user pinned is among them."""


def consequences(deleted: Sequence[Entry], known: Collection[Entry]) -> dict[str, tuple[Consequence, ...]]:
    """What deleting these means for each project that it means something for.

    Args:
        deleted: what is to go.
        known: all entries of their projects, these too. Safety backups do not count as regular ones.
    """
    gone = {(entry.id, entry.destination) for entry in deleted}
    found = {}
    for project in dict.fromkeys(entry.project for entry in deleted):
        regular = [one for one in known if one.project == project and one.is_good and not one.is_safety]
        there = [one for one in regular if not one.missing]
        left = [one for one in there if (one.id, one.destination) not in gone]
        told = []
        if len(left) < len(there):
            newest = max(there, key=lambda one: one.started)
            if not left:
                told.append(Consequence.NONE_LEFT)
            elif newest not in left:
                told.append(Consequence.NEWEST_GOES)
            if left and any(one.is_proven for one in there) and not any(one.is_proven for one in left):
                told.append(Consequence.NONE_PROVEN_LEFT)
        if any(entry.pinned for entry in deleted if entry.project == project):
            told.append(Consequence.PINNED_GOES)
        if told:
            found[project] = tuple(told)
    return found
