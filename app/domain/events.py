"""What an operation tells its listener while it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Phase(StrEnum):
    """Where an operation is; the words are shown to the user."""

    CHECKING = "checking the server"
    LOCKING = "taking a snapshot"
    DUMPING = "dumping"
    READING_BACK = "reading back"
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


@dataclass(frozen=True, slots=True)
class Progress:
    """One step of an operation.

    Attributes:
        phase: where the operation is.
        fraction: share of the phase that is done, 0 to 1; None when it cannot be known.
        table: what is being worked on.
        rows: rows done so far in this phase.
        bytes: bytes written or compared so far in this phase.
    """

    phase: Phase
    fraction: float | None = None
    table: str = ""
    rows: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a user should know, though the operation goes on."""

    text: str


Event = Progress | Notice
Listener = Callable[[Event], None]
