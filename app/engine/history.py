"""What can be done with backups of the history: delete them, change a note, compare one with the last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from app.domain.backup import Backup
from app.domain.changes import BackupChanges, compare_backups
from app.domain.errors import AppError, ErrorCode
from app.domain.events import Listener, Notice
from app.domain.history import Entry
from app.persistence.catalog import Catalog
from app.persistence.destination import delete_backup
from app.persistence.manifest import read_manifest, write_manifest
from app.persistence.trash import move_to_trash
from app.system.cancellation import CancelToken

_UNTOLD = (ErrorCode.ARCHIVE_DAMAGED, ErrorCode.NEWER_MANIFEST)


def backup_of(entry: Entry) -> Backup:
    """The backup of an entry, as its folder tells of it now.

    Raises:
        AppError: NOT_A_BACKUP, ARCHIVE_DAMAGED or NEWER_MANIFEST; FOLDER_MISSING when the folder for
            backups is not there.
    """
    _need_destination(entry)
    return Backup(entry.path, read_manifest(Path(entry.path)))


def delete_entries(
    entries: Sequence[Entry], catalog: Catalog, cancel: CancelToken, listener: Listener, *, for_good: bool
) -> int:
    """Delete backups, one after the other, and forget them; attempts that left none are forgotten alone.

    Args:
        for_good: remove what each manifest lists, and nothing else. Otherwise the folder goes to the trash.

    Returns:
        How many are gone. All of them, unless it raised.

    Raises:
        AppError: as `move_to_trash` or `delete_backup` do, for the first that could not be deleted;
            those before it are gone. FOLDER_MISSING when the folder for backups is not there.
        Cancelled: `cancel` was set between two.
    """
    for entry in entries:
        cancel.check()
        if entry.path:
            _need_destination(entry)
            if Path(entry.path).exists():
                _delete(Path(entry.path), listener, for_good=for_good)
        catalog.delete(entry)
    return len(entries)


def remove_backup(
    entry: Entry, catalog: Catalog, cancel: CancelToken, listener: Listener, *, for_good: bool
) -> None:
    """Remove a backup that no rule keeps, for good or to the trash; the history remembers that there was one.

    Raises:
        AppError: as `delete_entries` does.
        Cancelled: `cancel` was set.
    """
    cancel.check()
    _need_destination(entry)
    if entry.path and Path(entry.path).exists():
        _delete(Path(entry.path), listener, for_good=for_good)
    catalog.mark_missing(entry)


def change_note(entry: Entry, note: str, catalog: Catalog, listener: Listener) -> None:
    """Give a backup another note: in its manifest, so that other computers see it, and in the catalog.

    A backup whose folder is not there, or cannot be written, has it in the catalog alone; that is told.
    """
    folder = Path(entry.path)
    if entry.path:
        try:
            manifest = read_manifest(folder)
            write_manifest(folder, replace(manifest, options=replace(manifest.options, note=note)))
        except AppError as error:
            listener(Notice(f"The note is kept on this computer alone. {error}"))
    catalog.set_note(entry, note)


def changes_since_previous(entry: Entry, catalog: Catalog) -> tuple[Entry, BackupChanges] | None:
    """What changed since the project's backup before this one, and that backup; None for the first.

    Raises:
        AppError: a manifest cannot be read.
    """
    previous = catalog.previous(entry)
    if previous is None or not entry.path:
        return None
    changes = compare_backups(backup_of(previous).manifest, backup_of(entry).manifest)
    return previous, changes


def _delete(folder: Path, listener: Listener, *, for_good: bool) -> None:
    try:
        if not for_good:
            move_to_trash(folder)
            return
        deleted = delete_backup(folder)
    except AppError as error:
        if error.code not in _UNTOLD:
            raise
        raise AppError(
            error.code,
            error.title,
            detail=error.detail,
            hint=f"Which files are the backup's cannot be told. Delete the folder yourself: {folder}",
        ) from error
    if deleted.foreign:
        listener(
            Notice(f"Files that are not the backup's stay in {folder}: {', '.join(deleted.foreign[:5])}")
        )


def _need_destination(entry: Entry) -> None:
    """An unplugged disk must not look as if its backups had been deleted."""
    if entry.path and not Path(entry.destination).is_dir():
        raise AppError(
            ErrorCode.FOLDER_MISSING,
            "The folder for backups is not there",
            detail=entry.destination,
            hint="Connect the disk that it is on.",
        )
