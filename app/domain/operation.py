"""What a queue of operations is given, and what it tells: values that the window shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from app.domain.pace import Standing, Workload


class OperationKind(StrEnum):
    """What an operation does."""

    BACKUP = "backup"
    PROOF = "proof"
    VERIFY = "verify"
    RESTORE = "restore"
    COPY = "copy"
    SAMPLE = "sample"
    EXPORT = "export"
    DELETE = "delete"
    PRUNE = "prune"


@dataclass(frozen=True, slots=True)
class Operation:
    """One piece of work that takes long.

    Attributes:
        id: `<UTC time>-<6 hex>`, which sorts by time.
        kind: what it does.
        project: of each project one operation runs at a time; empty where it belongs to none.
        subject: what a title names besides the project: a target, a file, the time of a backup.
        backup: id of the backup that it works on; empty where there is none yet.
        queued: when it was handed in, in UTC.
        workload: its phases, for the percent of the whole.
    """

    id: str
    kind: OperationKind
    project: str
    subject: str = ""
    backup: str = ""
    queued: datetime = field(kw_only=True)
    workload: Workload = ()


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of an operation's log; the time is UTC."""

    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Queued:
    """It waits for its turn."""

    operation: Operation


@dataclass(frozen=True, slots=True)
class Started:
    """It runs now; `at` is UTC."""

    operation: Operation
    at: datetime


@dataclass(frozen=True, slots=True)
class Progressed:
    """It is here now. At most about ten a second of each operation, and always the last one."""

    operation: Operation
    standing: Standing


@dataclass(frozen=True, slots=True)
class Noted:
    """A line for its log; `is_warning` for what a user should know though the operation goes on."""

    operation: Operation
    line: LogLine
    is_warning: bool = False


@dataclass(frozen=True, slots=True)
class Opened:
    """A copy is open at `address`, a URL with a password, and stays so until the operation is cancelled."""

    operation: Operation
    address: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Succeeded:
    """It is done; `result` is what its work returned. The report of a restore says itself how that went."""

    operation: Operation
    at: datetime
    result: object = None


@dataclass(frozen=True, slots=True)
class Failed:
    """It failed. `traceback` is empty for an `AppError`; anything else is a bug and is shown with it."""

    operation: Operation
    at: datetime
    error: Exception
    traceback: str = ""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """It was stopped by the user, waiting or running."""

    operation: Operation
    at: datetime


OperationEvent = Queued | Started | Progressed | Noted | Opened | Succeeded | Failed | Cancelled
OVER = (Succeeded, Failed, Cancelled)
"""The events after which nothing more is told of an operation."""
