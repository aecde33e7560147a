"""The parts of a backup beside database and roles. One that fails is named, and costs nobody the database."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

import psycopg

from app.domain.backup import FileRecord, LeftOut, PartRecord
from app.domain.errors import AppError
from app.domain.events import Notice
from app.engine.parts import management, platform_rows, storage_files
from app.engine.parts.part import Part, PartRun, Save, Saved
from app.persistence.partial import PartialBackup
from app.postgres.connection import Session
from app.postgres.failures import query_failure

PARTS: tuple[Part, ...] = (*platform_rows.PARTS, *management.PARTS, storage_files.PART)

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Parts:
    """The parts of one backup: looked for in the snapshot, saved afterwards.

    Attributes:
        records, left_out, warnings, files: what came of them, see `Saved`.
    """

    partial: PartialBackup
    records: list[PartRecord] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    files: list[FileRecord] = field(default_factory=list)
    _found: list[tuple[Part, Save | AppError]] = field(default_factory=list)

    def look(self, session: Session, run: PartRun) -> None:
        """Look for all parts inside the snapshot; what an earlier snapshot had is forgotten.

        Raises:
            psycopg.Error: the session itself broke.
            Cancelled: the run's `cancel` was set.
        """
        self._found.clear()
        for part in PARTS:
            try:
                with session.transaction():  # a savepoint: a query that fails must not end the snapshot
                    save = part.look(session, run)
            except AppError as error:
                self._found.append((part, error))
                continue
            except psycopg.Error as error:
                run.cancel.check()
                if session.closed:
                    raise
                self._found.append((part, query_failure(error, "the project’s database")))
                continue
            if save is not None:
                self._found.append((part, save))

    def save(self, run: PartRun) -> None:
        """Save what was found, one part after the other.

        Raises:
            AppError: a part that failed cannot be removed.
            Cancelled: the run's `cancel` was set.
        """
        for part, save in self._found:
            saved = self._saved(part, save, run)
            if saved.record is not None:
                self.records.append(saved.record)
            self.left_out += saved.left_out
            self.files += saved.files
            texts = (*saved.warnings, *_about(part, saved.left_out))
            self.warnings += texts
            for text in texts:
                run.listener(Notice(text))

    def _saved(self, part: Part, save: Save | AppError, run: PartRun) -> Saved:
        try:
            if isinstance(save, AppError):
                raise save
            return save()
        except AppError as error:
            run.cancel.check()
            reason = str(error)
        except Exception as error:  # noqa: BLE001 - a bug here must not cost the database
            run.cancel.check()
            _log.error("an error in Holdfast itself: %s were not saved", part.name, exc_info=error)
            reason = f"An error in Holdfast itself: {type(error).__name__}"
        if part.path:
            self.partial.remove(part.path)
        return Saved(left_out=(LeftOut(part.name, "all of it", reason),))


def _about(part: Part, left_out: Sequence[LeftOut]) -> tuple[str, ...]:
    """A sentence about what a part lacks, with the reason that weighs most: that of the rest."""
    if not left_out:
        return ()
    main = left_out[-1]
    more = f" and {len(left_out) - 1:,} more" if len(left_out) > 1 else ""
    return (f"Not saved of {part.name}: {main.what}{more}. {main.reason}",)
