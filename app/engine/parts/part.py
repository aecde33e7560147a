"""What each part of a backup beside the database is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.domain.backup import FileRecord, LeftOut, PartRecord
from app.domain.events import Listener
from app.engine.preflight import BackupRequest
from app.postgres.connection import Session
from app.postgres.inspection import TableFacts
from app.supabase.access import SupabaseAccess
from app.system.cancellation import CancelToken


@dataclass(frozen=True, slots=True)
class PartRun:
    """A backup under way.

    Attributes:
        request: what was asked for.
        folder: of the backup that is being written.
        earlier: the folder of the last backup in the same place that holds storage files, if there is one.
        tables: whose rows the dump holds.
    """

    request: BackupRequest
    folder: Path
    earlier: Path | None
    tables: tuple[TableFacts, ...]
    cancel: CancelToken
    listener: Listener

    @property
    def access(self) -> SupabaseAccess | None:
        """The project's web interfaces, if it has any."""
        return self.request.supabase

    def dumps(self, schema: str, table: str) -> bool:
        """Whether the dump holds the rows of a table."""
        return any((one.schema, one.name) == (schema, table) for one in self.tables)


@dataclass(frozen=True, slots=True)
class Saved:
    """What came of a part.

    Attributes:
        record: of what is there; None where nothing is.
        left_out: what is not.
        warnings: sentences for the user.
        files: whose hashes were taken while they were written.
    """

    record: PartRecord | None = None
    left_out: tuple[LeftOut, ...] = ()
    warnings: tuple[str, ...] = ()
    files: tuple[FileRecord, ...] = ()


Save = Callable[[], Saved]
"""What is done when the dump is over and its snapshot let go."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a backup.

    Attributes:
        name: for people.
        path: of its folder in the backup, which is removed where the part fails; empty for none.
        look: looks into the database inside the dump's snapshot; gives what is to be saved, None for nothing.
    """

    name: str
    path: str
    look: Callable[[Session, PartRun], Save | None]
