"""Which old backups are looked at again, and when: a disk forgets silently, and is asked little at a time.

Each backup's files are read about every three weeks, so that a computer which is often off manages once in
thirty days; the newest of each project is restored once a week. All functions take `now`, and tell from
what was checked before: nothing holds a plan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from app.domain.history import Entry

FILES_EVERY = timedelta(days=20)
"""A backup whose files were not read for so long is due; it has ten days' time for its turn."""

PROOF_EVERY = timedelta(days=7)
TRY_AGAIN_AFTER = timedelta(days=1)
"""After a check that something hindered: no space for a sandbox, a disk that cannot be read."""

ROTTED_IS_NEWS = timedelta(days=7)
"""For so long it is told everywhere that an old backup is damaged; History shows it for good."""

STEP = timedelta(hours=1)
_STEPS_OF_ROUND = 8 * 24
"""All backups could be read in so many steps of an hour, should all be due at once."""


class CheckKind(StrEnum):
    """How a backup is looked at."""

    FILES = "files"
    """Its files and streams are read and compared with their checksums."""
    RESTORE = "restore"
    """It is restored in the sandbox."""


@dataclass(frozen=True, slots=True)
class Check:
    """The last time that a backup was looked at in this way.

    Attributes:
        id, destination: the backup's.
        project: its project's name.
        kind: how.
        at: when it ended, in UTC.
        problem: what hindered it; empty when it told whether the backup is good.
    """

    id: str
    destination: str
    project: str
    kind: CheckKind
    at: datetime
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A backup that is to be looked at now."""

    entry: Entry
    kind: CheckKind


def wanted_checks(
    entries: Iterable[Entry],
    checks: Sequence[Check],
    now: datetime,
    *,
    prove_weekly: bool,
    is_there: Callable[[Entry], bool] = lambda _: True,
) -> tuple[Wanted, ...]:
    """What is looked at in this step: one restore, or the files of a share of what is due; often nothing.

    Args:
        entries: the history.
        checks: the last ones; those of the future, made while the clock was wrong, count for nothing.
        now: in UTC.
        prove_weekly: whether the newest backup of each project is restored.
        is_there: whether a backup can be reached; one on a disk that is away is neither good nor bad.
    """
    past = [check for check in checks if check.at <= now]
    if any(now - check.at < STEP for check in past):
        return ()
    good = [
        entry
        for entry in entries
        if entry.is_good and entry.path and not entry.missing and entry.started <= now
    ]
    if prove_weekly and (proof := _wanted_proof(good, past, now, is_there)) is not None:
        return (Wanted(proof, CheckKind.RESTORE),)
    return tuple(Wanted(entry, CheckKind.FILES) for entry in _wanted_files(good, past, now, is_there))


def _wanted_proof(
    good: Sequence[Entry], past: Sequence[Check], now: datetime, is_there: Callable[[Entry], bool]
) -> Entry | None:
    """The newest backup of the project that waits longest for a proof."""
    newest: dict[str, Entry] = {}
    proven: dict[str, datetime] = {}
    for entry in good:
        if not entry.is_safety:
            newest[entry.project] = max(newest.get(entry.project, entry), entry, key=_order)
        if entry.is_proven:
            proven[entry.project] = max(proven.get(entry.project, entry.started), entry.started)
    for check in past:
        if check.kind is CheckKind.RESTORE:
            rest = TRY_AGAIN_AFTER - PROOF_EVERY if check.problem else timedelta()
            at = check.at + rest
            proven[check.project] = max(proven.get(check.project, at), at)
    never = datetime.min.replace(tzinfo=now.tzinfo)
    due = [
        entry
        for project, entry in newest.items()
        if now - max(proven.get(project, never), never) >= PROOF_EVERY
    ]
    due.sort(key=lambda entry: (proven.get(entry.project, never), _order(entry)))
    return next((entry for entry in due if is_there(entry)), None)


def _wanted_files(
    good: Sequence[Entry], past: Sequence[Check], now: datetime, is_there: Callable[[Entry], bool]
) -> list[Entry]:
    """Those that wait longest, together no more than a step's share of all; at least one."""
    checked = {(entry.id, entry.destination): entry.finished or entry.started for entry in good}
    for check in past:
        key = check.id, check.destination
        if key in checked:
            rest = TRY_AGAIN_AFTER - FILES_EVERY if check.problem else timedelta()
            checked[key] = max(checked[key], check.at + rest)
    due = [entry for entry in good if now - checked[entry.id, entry.destination] >= FILES_EVERY]
    due.sort(key=lambda entry: (checked[entry.id, entry.destination], _order(entry)))
    share = sum(entry.bytes for entry in good) // _STEPS_OF_ROUND
    found: list[Entry] = []
    for entry in due:
        if found and (share := share - found[-1].bytes) < entry.bytes:
            break
        if is_there(entry):
            found.append(entry)
    return found


def _order(entry: Entry) -> tuple[datetime, str, str]:
    return entry.started, entry.id, entry.destination
