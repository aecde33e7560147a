"""What a restore is asked to do, what it plans, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.domain.backup import Contents


class RestoreMode(StrEnum):
    """How a restore goes about it, which decides what a failure leaves behind."""

    NEW_DATABASE = "new-database"
    """In parallel into a database with a temporary name, which gets its own when all is there."""
    ONE_TRANSACTION = "one-transaction"
    """Into a database that exists; a failure leaves it as it was."""
    PARALLEL = "parallel"
    """Into a database that exists, going on after errors, which are collected."""


@dataclass(frozen=True, slots=True)
class RestoreOptions:
    """What the user chose.

    Attributes:
        only: schemas and tables as the user wrote them (`sales`, `sales.orders`); none means everything.
        contents: all, or definitions or rows alone.
        clean: drop what is in the way first.
        owner: give objects their owners; otherwise they belong to whoever restores.
        privileges: give the privileges (GRANT) that the source has.
        jobs: sessions at a time; None for what fits. With an existing database more than one means
            `RestoreMode.PARALLEL`.
        safety_backup: back up a target that holds rows before it is changed.
        server_access: allow statements that run programs or touch files on the server.
        database: which one of a cluster script's databases.
    """

    only: tuple[str, ...] = ()
    contents: Contents = Contents.ALL
    clean: bool = False
    owner: bool = True
    privileges: bool = True
    jobs: int | None = None
    safety_backup: bool = True
    server_access: bool = False
    database: str = ""


class Action(StrEnum):
    """What a plan does with one object of the source, or of the target that it drops."""

    CREATE = "create"
    REPLACE = "replace"
    CHANGE = "create changed"
    DROP = "drop"
    """The script itself removes it from the target."""
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class PlannedObject:
    """One object of the source or the target, and what becomes of it.

    Attributes:
        kind: TABLE, TABLE DATA, INDEX …
        name: quoted where SQL needs it, with its schema.
        reason: why it is skipped or changed; why it comes along with a selection.
        rows: of TABLE DATA, where the source says so; of a table that is dropped, about how many it has.
    """

    kind: str
    name: str
    action: Action
    reason: str = ""
    rows: int | None = None


class Severity(StrEnum):
    """How much a finding matters."""

    BLOCKS = "blocks"
    WARNS = "warns"
    INFORMS = "informs"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about source and target that the user should know before a restore begins."""

    severity: Severity
    title: str
    detail: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class RestorePlan:
    """What a restore would do. Making it changes nothing.

    Attributes:
        source: what is restored, in words.
        target: where, in words, without a password.
        database: the target's name, which is typed to confirm when `has_data`.
        objects: in the order in which they are restored.
        steps: the whole of it in sentences, in order.
        has_data: whether the target holds rows of its own.
        bytes_needed: on the target's disk, roughly; None when the source does not tell.
    """

    source: str
    target: str
    database: str
    mode: RestoreMode
    jobs: int
    objects: tuple[PlannedObject, ...]
    findings: tuple[Finding, ...]
    steps: tuple[str, ...]
    has_data: bool = False
    makes_safety_backup: bool = False
    bytes_needed: int | None = None

    @property
    def blocking(self) -> tuple[Finding, ...]:
        """What makes the restore impossible as it was asked for."""
        return tuple(finding for finding in self.findings if finding.severity is Severity.BLOCKS)


@dataclass(frozen=True, slots=True)
class RowCheck:
    """A table's rows after the restore beside those of the source."""

    schema: str
    name: str
    expected: int
    found: int


@dataclass(frozen=True, slots=True)
class RestoreFailure:
    """An object that could not be restored: the statement, the server's words, and what to do."""

    kind: str
    name: str
    statement: str
    cause: str
    remedy: str = ""


class RestoreResult(StrEnum):
    """How a restore ended."""

    SUCCEEDED = "succeeded"
    INCOMPLETE = "incomplete"
    """Errors were collected, or rows differ: the target was changed, but is not like the source."""
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """What came of a restore.

    Attributes:
        objects: how many were restored.
        skipped: objects of the plan that were left out or changed on purpose, with the reason.
        rows: every table whose number of rows is known from the source.
        safety_backup: its folder, when one was made.
        left: what the target looks like now, in a sentence, when it did not succeed.
        tables: how many got rows, where rows alone were restored; otherwise None.
    """

    id: str
    source: str
    target: str
    mode: RestoreMode
    started: datetime
    finished: datetime
    result: RestoreResult
    objects: int = 0
    skipped: tuple[PlannedObject, ...] = ()
    rows: tuple[RowCheck, ...] = ()
    failures: tuple[RestoreFailure, ...] = ()
    safety_backup: str = ""
    left: str = ""
    tables: int | None = None

    @property
    def different_rows(self) -> tuple[RowCheck, ...]:
        """The tables whose rows are not as many as in the source."""
        return tuple(check for check in self.rows if check.found != check.expected)
