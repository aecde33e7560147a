"""Remembers every backup that was tried, so that history is quick; the folders of backups stay the truth.

A row is an attempt at a backup: one that succeeded can be read again from its manifest, one that
failed is known here alone. A damaged catalog is set aside, what can be read of it is kept, and the rest
is read from the destinations.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from app.domain.due import Hold
from app.domain.errors import AppError
from app.domain.events import Listener, Notice
from app.domain.history import Entry, Result
from app.domain.reminders import Try
from app.domain.restore import RestoreReport
from app.domain.rota import Check
from app.persistence import catalog_checks, catalog_tries, history_query
from app.persistence.catalog_entry import (
    OLD_SELECT,
    SELECT,
    UPSERT,
    entry_in,
    entry_of,
    row_of,
    select,
    storable,
)
from app.persistence.catalog_file import (
    SEARCH,
    DamagedRowError,
    is_damage,
    open_file,
    readable_rows,
    set_aside,
    transaction,
    unusable,
)
from app.persistence.catalog_holds import holds_of, keep_hold
from app.persistence.catalog_rescan import Rescan, merge
from app.persistence.history_query import HistoryFilter, Listed, Point, Sort
from app.persistence.restore_report import decode_report, readable_reports, row_of_report
from app.system import paths

_Answer = TypeVar("_Answer")


def catalog_path() -> Path:
    """Where the user's catalog lies."""
    return paths.data_folder() / "catalog.sqlite3"


_RENAMED = SEARCH.format(own="backup", new="backup").replace("backup.project", "?1")
_FOLD_ANEW = "UPDATE backup SET search = " + SEARCH.format(own="backup", new="backup")  # noqa: S608 - ours
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
            return self._run(lambda connection: select(connection, f"TRUE {order}", count))
        return self._run(lambda connection: select(connection, f"project = ? {order}", project, count))

    def good(self) -> tuple[Entry, ...]:
        """Every backup that is there and of which no check has failed."""
        condition = "result = ? AND proof_failure = '' AND NOT missing"
        return self._run(lambda connection: select(connection, condition, Result.SUCCEEDED))

    def last_backup(self, project: str) -> Entry | None:
        """The project's newest backup that succeeded and is still there; safety backups are none of it."""
        condition = (
            "project = ? AND result = ? AND kind <> 'safety' AND NOT missing "
            "ORDER BY started DESC, id DESC LIMIT 1"
        )
        found = self._run(lambda connection: select(connection, condition, project, Result.SUCCEEDED))
        return found[0] if found else None

    def page(
        self,
        wanted: HistoryFilter,
        sort: Sort = Sort.TIME,
        *,
        descending: bool = True,
        offset: int = 0,
        limit: int = 100,
    ) -> tuple[Listed, ...]:
        """The entries of a filter, sorted, from `offset` on, at most `limit` of them."""
        return self._run(
            lambda connection: history_query.page(
                connection, wanted, sort, descending=descending, offset=offset, limit=limit
            )
        )

    def count(self, wanted: HistoryFilter) -> int:
        """How many entries a filter finds."""
        return self._run(lambda connection: history_query.count(connection, wanted))

    def total(self, destination: Path) -> tuple[int, int]:
        """How many backups are known to lie in a folder, and their bytes."""
        return self._run(lambda connection: history_query.total(connection, str(destination.resolve())))

    def kept(self, project: str) -> tuple[int, int]:
        """How many backups of a project are there, good or not, and their size in bytes."""
        return self._run(lambda connection: history_query.kept(connection, project))

    def projects(self) -> tuple[str, ...]:
        """The names of all projects that have entries, in order."""
        return self._run(history_query.projects)

    def previous(self, entry: Entry) -> Entry | None:
        """The last regular backup of the same project before this one."""
        return self._run(lambda connection: history_query.previous(connection, entry))

    def recent(
        self, project: str, since: datetime, slots: Mapping[str, datetime] | None = None
    ) -> tuple[Entry, ...]:
        """What tells a project's health: its entries since then, the last good and the last proven one.

        Args:
            project: its name.
            since: in UTC.
            slots: of its schedules, by id, the oldest slot that is asked of (`due.oldest_asked`): their
                attempts from there on, and the last good one of each, belong to the answer.
        """
        return self._run(lambda connection: history_query.recent(connection, project, since, slots or {}))

    def runs_of(self, schedule: str, since: datetime) -> tuple[Entry, ...]:
        """The attempts at the slots of a schedule since then."""
        return self._run(lambda connection: history_query.runs_of(connection, schedule, since))

    def since_good(self, project: str, schedule: str) -> tuple[Entry, ...]:
        """A schedule's last good backup, the last that is still there, and what was tried since."""
        return self._run(lambda connection: history_query.since_good(connection, project, schedule))

    def runs_of_each(self, slots: Mapping[str, datetime]) -> dict[str, tuple[Entry, ...]]:
        """For the id of each schedule its attempts from that slot on: when they were, and how they ended."""
        return self._run(lambda connection: history_query.runs_of_each(connection, slots))

    def series(self, project: str, since: datetime | None = None) -> tuple[Point, ...]:
        """A project's attempts for a chart, oldest first."""
        return self._run(lambda connection: history_query.series(connection, project, since))

    def find(self, backup: str) -> tuple[Entry, ...]:
        """The entries of the backup with this id: one for each destination that has it."""
        condition = "id = ? ORDER BY missing, destination"
        return self._run(lambda connection: select(connection, condition, backup))

    def pin(self, entry: Entry, pinned: bool) -> None:
        """Remember whether the user wants a backup kept."""
        self._set("pinned", entry, pinned)

    def set_note(self, entry: Entry, note: str) -> None:
        """Give a backup another note; it stays when the manifest is read again."""
        self._set("note", entry, note)

    def mark_missing(self, entry: Entry) -> None:
        """Remember that a backup's folder is gone."""
        self._set("missing", entry, True)

    def delete(self, entry: Entry) -> None:
        """Forget an entry. A backup whose folder is still there comes back with the next rescan."""
        query = "DELETE FROM backup WHERE id = ? AND destination = ?"
        key = (storable(entry.id), storable(entry.destination))
        self._run(lambda connection: connection.execute(query, key))

    def rename_project(self, old: str, new: str) -> None:
        """Have a project's entries follow its new name; reading their manifests leaves them there."""
        query = f"UPDATE backup SET project = ?1, search = {_RENAMED} WHERE project = ?2"  # noqa: S608 - ours
        names = (storable(new), storable(old))
        self._run(lambda connection: connection.execute(query, names))

    def rescan(self, destination: Path) -> Rescan:
        """Read every manifest of a destination and make the entries agree with them.

        New backups are added, also those that were moved or copied there from elsewhere; entries whose
        folder is gone are marked. Pins, and entries of backups that failed, stay as they are.

        Raises:
            AppError: FOLDER_MISSING or FOLDER_READ_ONLY when the destination cannot be read; nothing
                is marked missing then.
        """
        from app.persistence.destination import (
            list_backups,
        )  # whoever reads the catalog alone needs no manifests

        found: dict[str, Entry] = {}
        problems: list[tuple[Path, AppError]] = []
        for folder, manifest in list_backups(destination):
            if isinstance(manifest, AppError):
                problems.append((folder, manifest))
            else:
                found[manifest.id] = entry_of(folder, manifest)
        unread = {str(folder.resolve()) for folder, _ in problems}
        name = str(destination.resolve())

        def merge_found(connection: sqlite3.Connection) -> Rescan:
            with transaction(connection):
                return merge(connection, name, found, unread)

        return replace(self._run(merge_found), problems=tuple(problems))

    def record_hold(self, hold: Hold) -> None:
        """Keep what keeps a schedule from running; the same again moves its end."""
        self._run(lambda connection: keep_hold(connection, hold))

    def holds_of(self, schedule: str, since: datetime) -> tuple[Hold, ...]:
        """What kept a schedule from running since then, oldest slot first."""
        return self._run(lambda connection: holds_of(connection, schedule, since))

    def record_check(self, check: Check) -> None:
        """Keep when a backup was looked at, in the place of the last time."""
        self._run(lambda connection: catalog_checks.keep_check(connection, check))

    def checks(self) -> tuple[Check, ...]:
        """When each backup was looked at last, in each way; of what was never looked at nothing."""
        return self._run(catalog_checks.checks)

    def rotted(self, since: datetime) -> tuple[Entry, ...]:
        """The backups that are there and were looked at again since then, and found to be no longer good."""
        return self._run(lambda connection: catalog_checks.rotted(connection, since))

    def record_try(self, made: Try) -> int:
        """Keep that something is being told, and give the number for `end_try`."""
        return self._run(lambda connection: catalog_tries.keep_try(connection, made))

    def end_try(self, number: int, *, sent: bool, problem: str = "") -> None:
        """Keep what came of it."""
        self._run(lambda connection: catalog_tries.end_try(connection, number, sent=sent, problem=problem))

    def tries(self) -> tuple[Try, ...]:
        """What was told and what could not be told, oldest first: all that says what is due."""
        return self._run(catalog_tries.tries)

    def latest_tries(self, limit: int) -> tuple[Try, ...]:
        """The same, newest first, at most `limit`."""
        return self._run(lambda connection: catalog_tries.latest_tries(connection, limit))

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

    def _set(self, column: str, entry: Entry, value: bool | str) -> None:
        key = (storable(entry.id), storable(entry.destination))
        which = "WHERE id = ? AND destination = ?"
        new = storable(value) if isinstance(value, str) else value

        def change(connection: sqlite3.Connection) -> None:
            with transaction(connection):
                connection.execute(f"UPDATE backup SET {column} = ? {which}", (new, *key))  # noqa: S608 - ours
                connection.execute(f"{_FOLD_ANEW} {which}", key)

        self._run(change)

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


def _read_all(connection: sqlite3.Connection) -> None:
    for row in connection.execute(SELECT):
        entry_in(row)


def _readable_entries(path: Path) -> tuple[Entry, ...]:
    entries: dict[tuple[str, str], Entry] = {}
    for row in readable_rows(path, SELECT) or readable_rows(path, OLD_SELECT):
        try:
            entry = entry_in(row)
        except DamagedRowError:
            continue
        entries[entry.id, entry.destination] = entry
    return tuple(entries.values())
