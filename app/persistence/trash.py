"""Moves a backup to the system's trash, from where the user can put it back."""

from __future__ import annotations

from pathlib import Path

from app.domain.errors import AppError, ErrorCode
from app.domain.remedy import Remedy
from app.persistence.checksums import extra_files
from app.persistence.manifest import read_manifest

_MOST_SHOWN = 5


def move_to_trash(folder: Path) -> None:
    """Move a backup's folder to the trash.

    Raises:
        AppError: NOT_A_BACKUP, ARCHIVE_DAMAGED or NEWER_MANIFEST when the manifest cannot be used;
            UNSAFE_PATH when the folder is a link, or holds files that are not the backup's;
            NO_TRASH when there is none for this disk. Nothing was moved then.
    """
    if folder.is_symlink():
        raise AppError(
            ErrorCode.UNSAFE_PATH, "The backup's folder is a link", detail=f"{folder}, nothing was moved"
        )
    foreign = extra_files(folder, read_manifest(folder))
    if foreign:
        more = f" and {len(foreign) - _MOST_SHOWN} more" if len(foreign) > _MOST_SHOWN else ""
        raise AppError(
            ErrorCode.UNSAFE_PATH,
            "The backup's folder holds other files, too",
            detail=f"{', '.join(foreign[:_MOST_SHOWN])}{more} in {folder}",
            hint="Move them elsewhere first. Deleting for good leaves them where they are.",
            actions=(Remedy.DELETE_FOR_GOOD,),
        )
    from send2trash import send2trash  # few runs need it

    try:
        send2trash(folder)
    except OSError as error:
        raise AppError(
            ErrorCode.NO_TRASH,
            "The backup cannot be moved to the trash",
            detail=f"{folder}: {error.strerror or error}",
            hint="Its disk may have no trash. Delete the backup for good, or keep it.",
        ) from error
