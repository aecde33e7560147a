"""Removes the backups of a schedule that its rules do not keep, by the plan that can be seen before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from app.domain.errors import AppError
from app.domain.events import Listener
from app.domain.history import Entry, Result
from app.domain.retention import RetentionPlan, plan_retention
from app.domain.schedule import Schedule, zone_named
from app.engine.history import remove_backup
from app.persistence.catalog import Catalog
from app.persistence.manifest import MANIFEST_NAME
from app.system.cancellation import CancelToken


@dataclass(frozen=True, slots=True)
class Pruned:
    """What a prune did.

    Attributes:
        plan: what was to be kept and removed, and why.
        removed: the backups that are gone.
        problems: those that could not be removed, each with its error; they are whole, or, where only
            some of the files went, no backups any more.
    """

    plan: RetentionPlan
    removed: tuple[Entry, ...]
    problems: tuple[tuple[Entry, AppError], ...] = ()


def plan_for(schedule: Schedule, catalog: Catalog, default: Path, now: datetime) -> RetentionPlan:
    """What a schedule's rules keep and remove now.

    They judge the schedule's own backups in its folder, and the project's safety backups there, which
    have a time of their own. Backups that were made by hand, or by another schedule, are none of theirs;
    nor do those count whose folder somebody deleted: the ones that are there are all the safer.

    Args:
        schedule: with its rules.
        catalog: the history.
        default: the folder of a schedule that names none.
        now: in UTC.
    """
    folder = Path(schedule.destination) if schedule.destination else default
    judged = _judged(schedule, catalog, folder)
    if folder.is_dir():
        judged = (replace(one, missing=True) if _is_gone(one) else one for one in judged)
    return plan_retention(judged, schedule.retention, zone_named(schedule.zone), now)


def note_gone(schedule: Schedule, catalog: Catalog, default: Path) -> None:
    """Have the catalog know which of a schedule's backups are no longer in its folder."""
    folder = Path(schedule.destination) if schedule.destination else default
    if folder.is_dir():
        for entry in _judged(schedule, catalog, folder):
            if not entry.missing and _is_gone(entry):
                catalog.mark_missing(entry)


def carry_out(
    plan: RetentionPlan, catalog: Catalog, cancel: CancelToken, listener: Listener, *, trash: bool
) -> Pruned:
    """Remove what the plan removes, oldest first; one that cannot be removed holds up no other.

    Whenever it ends, each backup is whole, or no backup any more: its manifest's name goes first.

    Args:
        plan: a fresh one.
        catalog: remembers that they were there.
        cancel: asked between two of them.
        listener: hears of files that stay because they are not the backup's.
        trash: move them to the trash, instead of removing them for good.

    Raises:
        Cancelled: `cancel` was set.
    """
    removed: list[Entry] = []
    problems: list[tuple[Entry, AppError]] = []
    for entry in reversed(plan.removed):
        try:
            remove_backup(entry, catalog, cancel, listener, for_good=not trash)
            removed.append(entry)
        except AppError as error:
            problems.append((entry, error))
            if Path(entry.destination).is_dir() and _is_gone(entry):
                catalog.mark_missing(entry)
    return Pruned(plan, tuple(removed), tuple(problems))


def _judged(schedule: Schedule, catalog: Catalog, folder: Path) -> Iterator[Entry]:
    place = str(folder.resolve())
    for entry in catalog.history(schedule.project):
        if entry.destination == place and (entry.schedule == schedule.id or entry.is_safety):
            yield entry


def _is_gone(entry: Entry) -> bool:
    return entry.result is Result.SUCCEEDED and not (Path(entry.path) / MANIFEST_NAME).is_file()
