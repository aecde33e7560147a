"""What an operation tells its listener while it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum


class Phase(StrEnum):
    """Where an operation is; the words are shown to the user."""

    CHECKING = "checking the server"
    LOCKING = "taking a snapshot"
    DUMPING = "dumping"
    READING_BACK = "reading back"
    SAVING_FILES = "saving storage files"
    SAVING_SETTINGS = "saving functions and settings"
    SEALING = "sealing"
    CHECKING_FILES = "checking the files"
    STARTING_SANDBOX = "starting the sandbox"
    RESTORING = "restoring into the sandbox"
    COMPARING = "comparing"
    LOADING_SAMPLE = "loading the sample database"
    RESTORING_COPY = "restoring into a second database"
    SAVING_TARGET = "backing up the target"
    PLANNING = "planning"
    RESTORING_INTO = "restoring"
    COUNTING = "counting rows"
    EXPORTING = "writing the file"
    UPLOADING_FILES = "giving back storage files"
    DEPLOYING = "deploying functions"


class TableState(StrEnum):
    """How far a table is in a dump."""

    WAITS = "waits"
    RUNNING = "running"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class TableProgress:
    """One table of a running dump. Where nothing changed between two moments, it is the same object.

    Attributes:
        name: qualified, and quoted where SQL needs it.
        state: what the server showed last; a small table can be done without ever having been seen at work.
        rows: done so far; of a table that is done all that were counted, as far as they are.
        total: rows that the server counted in the snapshot, or estimates.
        bytes: the table's size on the server.
    """

    name: str
    state: TableState
    rows: int
    total: int
    bytes: int

    @property
    def fraction(self) -> float:
        """Share that is done, 0 to 1; below 1 as long as it runs."""
        if self.state is TableState.DONE:
            return 1.0
        return min(self.rows / max(self.total, 1), 0.99) if self.state is TableState.RUNNING else 0.0


@dataclass(frozen=True, slots=True)
class Progress:
    """One step of an operation.

    Attributes:
        phase: where the operation is.
        fraction: share of the phase that is done, 0 to 1; None when it cannot be known.
        table: what is being worked on.
        rows: rows done so far in this phase.
        bytes: bytes written or compared so far in this phase.
        tables: all tables of a dump, largest first; empty where the phase knows of none.
        log: a line for the operation's log, which is not worth a notice.
    """

    phase: Phase
    fraction: float | None = None
    table: str = ""
    rows: int = 0
    bytes: int = 0
    tables: tuple[TableProgress, ...] = ()
    log: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a user should know, though the operation goes on."""

    text: str


@dataclass(frozen=True, slots=True)
class CopyOpened(Notice):
    """A copy in a sandbox can be used now, until the operation is cancelled.

    Attributes:
        address: a URL that any client takes. Its password is worth nothing once the copy is closed.
    """

    address: str = field(default="", repr=False)


Event = Progress | Notice
Listener = Callable[[Event], None]
