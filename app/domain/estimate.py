"""What a backup will take: by the last one where there is one, otherwise by the size of its tables."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.pace import Workload, backup_workload, proof_workload

USUAL_RATIO = 0.35
"""What compression usually leaves of a table's bytes."""

_OVERHEAD = 64 << 10


@dataclass(frozen=True, slots=True)
class PastRun:
    """A backup that was made with the same options.

    Attributes:
        database_bytes: of the database then.
        bytes: of the backup.
        seconds: that it took, without its proof.
        proof_seconds: that its proof took; 0 where it was not restored.
        storage_bytes: of the backup, storage files: the next one links those that stay the same.
    """

    database_bytes: int
    bytes: int
    seconds: float
    proof_seconds: float = 0.0
    storage_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a backup will take.

    Attributes:
        bytes: in the folder.
        seconds: without the proof.
        proof_seconds: of the proof; 0 where none was asked for.
        free: bytes left in the folder.
    """

    bytes: int
    seconds: float
    proof_seconds: float
    free: int

    @property
    def fits(self) -> bool:
        """Whether the folder has the space."""
        return self.free >= self.bytes


def seconds_of(workload: Workload) -> float:
    """What its phases may take together."""
    return sum(seconds for _, seconds in workload)


def estimate_backup(
    table_bytes: int,
    free: int,
    *,
    proven: bool,
    compressed: bool = True,
    last: PastRun | None = None,
    database_bytes: int = 0,
    line_speed: float = 0.0,
    storage_bytes: int = 0,
) -> Estimate:
    """What a backup of tables of this size will take.

    Args:
        free: bytes left in the folder.
        proven: whether it is to be restored in the sandbox.
        compressed: whether it is compressed at all.
        last: the last one with the same options; sizes and times follow the database's growth.
        database_bytes: of the whole database now; 0 where that is not known.
        line_speed: bytes a second that the server was seen to send; 0 where that is not known.
        storage_bytes: of storage files now, where they are saved.
    """
    nominal_proof = seconds_of(proof_workload(table_bytes))
    if last is not None:
        growth = database_bytes / last.database_bytes if database_bytes and last.database_bytes else 1.0
        proof = last.proof_seconds * growth or nominal_proof
        database = int((last.bytes - last.storage_bytes) * growth)
        new = max(0, storage_bytes - last.storage_bytes)
        return Estimate(database + new, last.seconds * growth, proof if proven else 0.0, free)
    seconds = seconds_of(backup_workload(table_bytes, proven=False))
    if line_speed:
        seconds = max(seconds, table_bytes / line_speed)
    size = int(table_bytes * (USUAL_RATIO if compressed else 1.0)) + _OVERHEAD
    if line_speed:
        seconds += storage_bytes / line_speed
    return Estimate(size + storage_bytes, seconds, nominal_proof if proven else 0.0, free)


def duration_words(seconds: float) -> str:
    """About how long: `a moment`, `20 s`, `3 min`, `2 h`."""
    if seconds < 5:
        return "a moment"
    if seconds < 55:
        return f"{5 * round(seconds / 5)} s"
    return f"{round(seconds / 60)} min" if seconds < 90 * 60 else f"{round(seconds / 3600)} h"
