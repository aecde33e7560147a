"""What is known of one attempt at a backup: the value that history, health and retention reason about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.domain.proof import ProofLevel


class Result(StrEnum):
    """How an attempt at a backup ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Entry:
    """One attempt at a backup. Times are UTC, sizes bytes.

    Attributes:
        id: the backup's name; with `destination` the key of the entry.
        kind: manual, scheduled or safety.
        finished: None when it was interrupted.
        path: the backup's folder; empty when the attempt left none.
        pinned: the user wants it kept.
        missing: its folder was not there when the destination was last read.
        schedule: id of the schedule that asked for it; empty for one made by hand.
        slot: the moment at which it was due, in UTC. The attempts of one run share schedule and slot.
    """

    id: str
    project: str
    started: datetime
    result: Result
    finished: datetime | None = None
    kind: str = "manual"
    error_code: str = ""
    error_title: str = ""
    error_detail: str = ""
    proof_level: ProofLevel | None = None
    proof_failure: str = ""
    bytes: int = 0
    database_bytes: int = 0
    rows: int = 0
    tables: int = 0
    destination: str = ""
    path: str = ""
    pinned: bool = False
    note: str = ""
    missing: bool = False
    schedule: str = ""
    slot: datetime | None = None

    @property
    def seconds(self) -> float | None:
        """How long it took; None when it was interrupted."""
        return None if self.finished is None else (self.finished - self.started).total_seconds()

    @property
    def is_good(self) -> bool:
        """True for a backup that was made and of which no check has failed, wherever it is now."""
        return self.result is Result.SUCCEEDED and not self.proof_failure

    @property
    def is_proven(self) -> bool:
        """True for a good backup that was restored in the sandbox and found identical."""
        return self.is_good and self.proof_level is ProofLevel.PROVEN

    @property
    def is_safety(self) -> bool:
        """True for the backup of a restore's target: it is no part of the project's regular backups."""
        return self.kind == "safety"
