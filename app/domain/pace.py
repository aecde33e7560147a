"""Says how far a whole operation is, how fast it goes and how long it will take, from what its phases tell.

Pure: the time is passed in, in seconds of any clock that does not jump.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from app.domain.events import Phase, Progress, TableProgress

Workload = tuple[tuple[Phase, float], ...]
"""The phases that an operation will go through, in order, each with the seconds that it may take. Only their
proportions count; a phase may stand there twice."""

_RATE_SECONDS = 4.0
_SHARE_SECONDS = 20.0
_SHORTEST = 0.25
_MOST = 0.99
_BLIND_SHARE = 0.15
_FIRST_GUESS_SECONDS = 3.0

_DUMP_RATE = 55e6  # bytes of database a second; all rates measured on two cores with the sample of 165 MB
_HASH_RATE = 800e6
_LINK_RATE = 300e6
_RESTORE_RATE = 65e6
_COMPARE_RATE = 60e6
_PACKED = 0.35


def backup_workload(database_bytes: int, *, proven: bool, storage_bytes: int = 0) -> Workload:
    """A backup of a database of this size and, where it is to be `proven`, its proof.

    Args:
        storage_bytes: of storage files, most of which the last backup holds and which are read there.
    """
    size = max(database_bytes, 1 << 20)
    phases = (
        (Phase.CHECKING, 0.3),
        (Phase.LOCKING, 0.2),
        (Phase.DUMPING, 0.5 + size / _DUMP_RATE),
        (Phase.READING_BACK, 0.1 + 0.03 * size / _DUMP_RATE),
        *(((Phase.SAVING_FILES, 0.5 + storage_bytes / _LINK_RATE),) if storage_bytes else ()),
        (Phase.SEALING, 0.3),
    )
    return phases + proof_workload(database_bytes) if proven else phases


def proof_workload(database_bytes: int) -> Workload:
    """The proof of a backup of a database of this size."""
    size = max(database_bytes, 1 << 20)
    return (
        (Phase.CHECKING_FILES, 0.1 + _PACKED * size / _HASH_RATE),
        (Phase.STARTING_SANDBOX, 1.2),
        (Phase.RESTORING, 0.5 + size / _RESTORE_RATE),
        (Phase.COMPARING, 0.5 + size / _COMPARE_RATE),
    )


def verify_workload(database_bytes: int) -> Workload:
    """Reading a backup's files and streams."""
    size = max(database_bytes, 1 << 20)
    return ((Phase.CHECKING_FILES, size / _HASH_RATE), (Phase.READING_BACK, 2 * size / _HASH_RATE))


def restore_workload(database_bytes: int, *, safety_bytes: int = 0) -> Workload:
    """A restore of a database of this size, after a backup of a target that has `safety_bytes`."""
    size = max(database_bytes, 1 << 20)
    before = backup_workload(safety_bytes, proven=False) if safety_bytes else ()
    return (
        *before,
        (Phase.CHECKING_FILES, 0.1 + _PACKED * size / _HASH_RATE),
        (Phase.RESTORING_INTO, 0.5 + size / _RESTORE_RATE),
        (Phase.COUNTING, 0.2 + size / (10 * _RESTORE_RATE)),
    )


def copy_workload(database_bytes: int) -> Workload:
    """A copy in a sandbox, until it is open."""
    return ((Phase.STARTING_SANDBOX, 1.2), (Phase.PLANNING, 0.5), *restore_workload(database_bytes))


def sample_workload(database_bytes: int) -> Workload:
    """The sample: its server is started and filled, then backed up and proven."""
    start = ((Phase.STARTING_SANDBOX, 1.2), (Phase.LOADING_SAMPLE, 2.0))
    return start + backup_workload(database_bytes, proven=True)


@dataclass(frozen=True, slots=True)
class Rate:
    """How fast a number grows, smoothed; `per_second` is None until two moments are known."""

    at: float
    value: float
    per_second: float | None = None


def grown(rate: Rate | None, value: float, now: float, smoothing: float = _RATE_SECONDS) -> Rate:
    """The rate after the number was seen at `value`; one that fell begins anew (another phase).

    Args:
        smoothing: seconds after which an older speed counts for about a third.
    """
    if rate is None or value < rate.value:
        return Rate(now, value)
    passed = now - rate.at
    if passed < _SHORTEST:
        return rate
    speed = (value - rate.value) / passed
    if rate.per_second is not None:
        weight = 1 - math.exp(-passed / smoothing)
        speed = rate.per_second + weight * (speed - rate.per_second)
    return Rate(now, value, speed)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an operation is as a whole.

    Attributes:
        phase: of its parts.
        fraction: of all of it, 0 to 0.99; it never goes back. None when it cannot be known.
        table: what is being worked on.
        rows, bytes: done so far in this phase.
        rows_per_second, bytes_per_second, seconds_left: smoothed; None when they are not known.
        seconds: since it began.
        tables: of a dump, largest first; they stay when the dump is over.
    """

    phase: Phase
    fraction: float | None = None
    table: str = ""
    rows: int = 0
    bytes: int = 0
    rows_per_second: float | None = None
    bytes_per_second: float | None = None
    seconds_left: float | None = None
    seconds: float = 0.0
    tables: tuple[TableProgress, ...] = ()


@dataclass(frozen=True, slots=True)
class Meter:
    """What has to be remembered between two moments of an operation.

    Attributes:
        workload: its phases; empty when they are not known, which leaves the fraction unknown.
        begun: when it began.
    """

    workload: Workload
    begun: float
    _place: int = -1
    _least: float = 0.0
    _phase: Phase | None = None
    _rows: Rate | None = None
    _bytes: Rate | None = None
    _share: Rate | None = None
    _tables: tuple[TableProgress, ...] = field(default=(), repr=False)


def measured(meter: Meter, progress: Progress, now: float) -> tuple[Meter, Standing]:
    """Take a step of the operation: the meter for the next one, and where the operation is now."""
    is_new = progress.phase is not meter._phase
    place = _place_of(meter, progress.phase) if is_new else meter._place
    fraction = _overall(meter.workload, place, progress, meter._least)
    least = max(meter._least, fraction or 0.0)
    rows = grown(None if is_new else meter._rows, progress.rows, now)
    bytes_ = grown(None if is_new else meter._bytes, progress.bytes, now)
    share = meter._share if fraction is None else grown(meter._share, fraction, now, _SHARE_SECONDS)
    tables = progress.tables or meter._tables
    after = replace(
        meter,
        _place=max(place, meter._place),
        _least=least,
        _phase=progress.phase,
        _rows=rows,
        _bytes=bytes_,
        _share=share,
        _tables=tables,
    )
    return after, Standing(
        phase=progress.phase,
        fraction=fraction,
        table=progress.table,
        rows=progress.rows,
        bytes=progress.bytes,
        rows_per_second=rows.per_second if progress.rows else None,
        bytes_per_second=bytes_.per_second if progress.bytes else None,
        seconds_left=_left(share, fraction, now - meter.begun),
        seconds=now - meter.begun,
        tables=tables,
    )


def _place_of(meter: Meter, phase: Phase) -> int:
    """The phase's place in the workload: the next one ahead, else the last one behind; -1 for neither."""
    phases = [one for one, _ in meter.workload]
    if phase in phases[meter._place + 1 :]:
        return phases.index(phase, meter._place + 1)
    behind = phases[: meter._place + 1]
    return len(behind) - 1 - behind[::-1].index(phase) if phase in behind else -1


def _overall(workload: Workload, place: int, progress: Progress, least: float) -> float | None:
    """Share of the whole. A phase that tells nothing and is long leaves it unknown; a short one holds it."""
    if place < 0:
        return least or None
    total = sum(seconds for _, seconds in workload)
    own = workload[place][1] / total
    if progress.fraction is None and (own > _BLIND_SHARE or not least):
        return None
    before = sum(seconds for _, seconds in workload[:place]) / total
    return max(least, min(before + own * min(progress.fraction or 0.0, 1.0), _MOST))


def _left(share: Rate | None, fraction: float | None, seconds: float) -> float | None:
    if share is None or fraction is None or not share.per_second or seconds < _FIRST_GUESS_SECONDS:
        return None
    return (1 - fraction) / share.per_second
