"""Remembers every backup that was tried, so that history is quick; the folders of backups stay the truth.

A row is an attempt at a backup: one that succeeded can be read again from its manifest, one that
failed is known here alone. A damaged catalog is set aside, what can be read of it is kept, and the rest
is read from the destinations.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from app.domain.errors import AppError
from app.domain.events import Listener, Notice
from app.domain.history import Entry, Result
from app.domain.restore import RestoreReport
from app.persistence.catalog_entry import SELECT, UPSERT, entry_in, entry_of, row_of, storable
from app.persistence.catalog_file import (
    DamagedRowError,
    is_damage,
    open_file,
    readable_rows,
    set_aside,
    transaction,
    unusable,
)
from app.persistence.destination import list_backups
from app.persistence.restore_report import decode_report, readable_reports, row_of_report
from app.system import paths

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Rescan:
    """What reading a destination changed, and the backups that could not be read."""

    added: int
    updated: int
    missing: int
    problems: tuple[tuple[Path, AppError], ...] = ()


def catalog_path() -> Path:
    """Where the user's catalog lies."""
    return paths.data_folder() / "catalog.sqlite3"


_KEEP_RESTORE = "INSERT OR REPLACE INTO restore VALUES (?, ?, ?)"


class Catalog:
    """The catalog, open; any thread may use it, and other processes at the same time.

    Args:
        path: the SQLite file; it and its folder are made when they are missing.
        destinations: read again when the file turns out to be damaged.
        listener: is told when that happened.

    Raises:
        AppError: NEWER_MANIFEST when a newer Holdfast made it; FOLDER_MISSING, FOLDER_READ_ONLY or
            DISK_FULL when it cannot be written.
    """

    def __init__(
        self, path: Path, destinations: Iterable[Path] = (), listener: Listener = lambda _: None
    ) -> None:
        self._path = path
        self._destinations = tuple(destinations)
        self._listener = listener
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self.history(limit=1)

    def record(self, entry: Entry) -> None:
        """Keep an entry; one with the same id in the same destination is replaced."""
        self._run(lambda connection: connection.execute(UPSERT, row_of(entry)))

    def history(self, project: str | None = None, limit: int | None = None) -> tuple[Entry, ...]:
        """The entries of one project or all, newest first, at most `limit` of them."""
        count = -1 if limit is None else limit
        order = "ORDER BY started DESC, id DESC LIMIT ?"
        if project is None:
            return self._run(lambda connection: _select(connection, f"TRUE {order}", count))
        return self._run(lambda connection: _select(connection, f"project = ? {order}", project, count))

    def last_backup(self, project: str) -> Entry | None:
        """The project's newest backup that succeeded and is still there."""
        condition = "project = ? AND result = ? AND NOT missing ORDER BY started DESC, id DESC LIMIT 1"
        found = self._run(lambda connection: _select(connection, condition, project, Result.SUCCEEDED))
        return found[0] if found else None

    def find(self, backup: str) -> tuple[Entry, ...]:
        """The entries of the backup with this id: one for each destination that has it."""
        condition = "id = ? ORDER BY missing, destination"
        return self._run(lambda connection: _select(connection, condition, backup))

    def pin(self, entry: Entry, pinned: bool) -> None:
        """Remember whether the user wants a backup kept."""
        self._set("pinned", entry, pinned)

    def mark_missing(self, entry: Entry) -> None:
        """Remember that a backup's folder is gone."""
        self._set("missing", entry, True)

    def rescan(self, destination: Path) -> Rescan:
        """Read every manifest of a destination and make the entries agree with them.

        New backups are added, also those that were moved or copied there from elsewhere; entries whose
        folder is gone are marked. Pins, and entries of backups that failed, stay as they are.

        Raises:
            AppError: FOLDER_MISSING or FOLDER_READ_ONLY when the destination cannot be read; nothing
                is marked missing then.
        """
        found: dict[str, Entry] = {}
        problems: list[tuple[Path, AppError]] = []
        for folder, manifest in list_backups(destination):
            if isinstance(manifest, AppError):
                problems.append((folder, manifest))
            else:
                found[manifest.id] = entry_of(folder, manifest)
        unread = {str(folder.resolve()) for folder, _ in problems}
        name = str(destination.resolve())

        def merge(connection: sqlite3.Connection) -> Rescan:
            with transaction(connection):
                return _merge(connection, name, found, unread)

        return replace(self._run(merge), problems=tuple(problems))

    def record_restore(self, report: RestoreReport) -> None:
        """Keep what came of a restore."""
        row = row_of_report(report)
        self._run(lambda connection: connection.execute(_KEEP_RESTORE, row))

    def restores(self, limit: int | None = None) -> tuple[RestoreReport, ...]:
        """What came of restores, newest first; a report that cannot be read any more is passed over."""
        query = "SELECT report FROM restore ORDER BY started DESC, id DESC LIMIT ?"
        rows = self._run(
            lambda connection: connection.execute(query, [-1 if limit is None else limit]).fetchall()
        )
        return tuple(report for (text,) in rows if (report := decode_report(text)) is not None)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._connection:
                self._connection.close()
                self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _set(self, column: str, entry: Entry, value: bool) -> None:
        query = f"UPDATE backup SET {column} = ? WHERE id = ? AND destination = ?"  # noqa: S608 - ours
        arguments = (value, storable(entry.id), storable(entry.destination))
        self._run(lambda connection: connection.execute(query, arguments))

    def _run(self, action: Callable[[sqlite3.Connection], _Answer]) -> _Answer:
        """Do something with the open catalog; a damaged one is replaced first."""
        with self._lock:
            try:
                try:
                    return action(self._opened())
                except (sqlite3.Error, UnicodeDecodeError) as error:
                    if not is_damage(error):
                        raise
                    self._replace_damaged()
                return action(self._opened())
            except (sqlite3.Error, OSError) as error:
                raise unusable(error, self._path) from error

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = open_file(self._path)
        return self._connection

    def _replace_damaged(self) -> None:
        self.close()
        aside = set_aside(self._path, _read_all)
        if aside is None:
            return
        saved = _readable_entries(aside)
        with transaction(self._opened()):
            self._opened().executemany(UPSERT, map(row_of, saved))
            self._opened().executemany(_KEEP_RESTORE, readable_reports(aside))
        self._listener(
            Notice(
                f"The catalog of backups was damaged. It was kept as {aside}; {len(saved):,} of its entries "
                "were saved, and the folders of backups are read again."
            )
        )
        for destination in self._destinations:
            try:
                self.rescan(destination)
            except AppError as error:
                self._listener(Notice(f"{error} Rescan it when it is there."))


def _merge(
    connection: sqlite3.Connection, destination: str, found: dict[str, Entry], unread: set[str]
) -> Rescan:
    """Make a destination's entries agree with the backups found there; `unread` are paths with a problem."""
    known = {entry.id: entry for entry in _select(connection, "destination = ?", destination)}
    added = updated = missing = 0
    for entry in found.values():
        old = known.get(entry.id) or _moved_away(connection, entry)
        merged = replace(entry, pinned=old is not None and old.pinned)
        if merged != old:
            connection.execute(UPSERT, row_of(merged))
            added, updated = (added, updated + 1) if entry.id in known else (added + 1, updated)
    for entry in known.values():
        is_here = entry.id in found or entry.path in unread
        if entry.result is Result.SUCCEEDED and not entry.missing and not is_here:
            connection.execute(UPSERT, row_of(replace(entry, missing=True)))
            missing += 1
    return Rescan(added, updated, missing)


def _moved_away(connection: sqlite3.Connection, entry: Entry) -> Entry | None:
    """Forget and give the entry of the same backup in another destination, when its folder is gone there."""
    for other in _select(connection, "id = ?", entry.id):
        if other.destination != entry.destination and not Path(other.path).exists():
            connection.execute(
                "DELETE FROM backup WHERE id = ? AND destination = ?", (other.id, other.destination)
            )
            return other
    return None


def _select(connection: sqlite3.Connection, condition: str, *arguments: str | int) -> tuple[Entry, ...]:
    values = [storable(value) if isinstance(value, str) else value for value in arguments]
    return tuple(map(entry_in, connection.execute(f"{SELECT} WHERE {condition}", values)))


def _read_all(connection: sqlite3.Connection) -> None:
    for row in connection.execute(SELECT):
        entry_in(row)


def _readable_entries(path: Path) -> tuple[Entry, ...]:
    entries: dict[tuple[str, str], Entry] = {}
    for row in readable_rows(path, SELECT):
        try:
            entry = entry_in(row)
        except DamagedRowError:
            continue
        entries[entry.id, entry.destination] = entry
    return tuple(entries.values())
