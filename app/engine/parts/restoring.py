"""Gives back the parts of a backup that are no rows: storage files and edge functions, into a project.

The database comes first: buckets are rows, and an upload needs its bucket.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.domain.backup import STORAGE_FILES, Backup, LeftOut
from app.domain.errors import AppError, ErrorCode
from app.domain.events import Listener, Phase, Progress
from app.engine.parts.storage_rows import put_rows_back, save_rows
from app.postgres.connection import Connection, asking
from app.supabase.access import SupabaseAccess
from app.system.cancellation import CancelToken, abandonable
from app.system.files import path_inside, sha256_of


@dataclass(frozen=True, slots=True)
class Target:
    """A project that gets parts of a backup."""

    access: SupabaseAccess
    connection: Connection


@dataclass(frozen=True, slots=True)
class Restored:
    """What was given back of one part, and what was not."""

    part: str
    objects: int
    bytes: int
    left_out: tuple[LeftOut, ...] = ()


def restore_storage(backup: Backup, target: Target, cancel: CancelToken, listener: Listener) -> Restored:
    """Upload every storage file, and leave the rows of objects as they are.

    Raises:
        AppError: there is no key, the listing is damaged, or the rows cannot be read or put back.
        Cancelled: `cancel` was set; what was uploaded until then stays.
    """
    from app.supabase.storage_client import StorageClient  # httpx takes long to import
    from app.supabase.storage_copy import THREADS
    from app.supabase.storage_files import upload

    access = target.access
    if not access.storage_url:
        raise _nowhere("The project’s storage has no address", access)
    listener(Progress(Phase.UPLOADING_FILES, 0.0))
    key = abandonable(access.key_for_storage, cancel)
    with tempfile.TemporaryDirectory(prefix="holdfast-rows-") as folder:
        rows = Path(folder) / "rows"
        with asking(target.connection, cancel) as session:
            columns = save_rows(session, rows)
        client = StorageClient(access.storage_url, key, cancel, listener, connections=THREADS)
        try:
            copied = upload(Path(backup.folder), client, listener)
        finally:
            client.close()
            with asking(target.connection, CancelToken()) as session:  # also after a cancel
                put_rows_back(session, rows, columns)
    return Restored(STORAGE_FILES, copied.objects, copied.bytes, copied.left_out)


def restore_functions(backup: Backup, target: Target, cancel: CancelToken, listener: Listener) -> Restored:
    """Deploy every function, replacing those of the same name; others stay.

    Raises:
        AppError: there is no token, it does not do, or a function's file is damaged.
        Cancelled: `cancel` was set; what was deployed until then stays.
    """
    from app.supabase.functions import deploy_functions

    access = target.access
    if access.management is None or not access.ref:
        raise _nowhere("Functions can only be deployed to a hosted project, with an access token", access)
    _check_files(backup, "functions/")
    kept = deploy_functions(Path(backup.folder), access.ref, access.management, cancel, listener)
    return Restored("functions", kept.objects, kept.bytes, kept.left_out)


RestorePart = Callable[[Backup, Target, CancelToken, Listener], Restored]

RESTORES: dict[str, RestorePart] = {STORAGE_FILES: restore_storage, "functions": restore_functions}
"""By the name of the part, in the order in which they are given back."""


def restore_part(
    name: str, backup: Backup, target: Target, cancel: CancelToken, listener: Listener
) -> Restored:
    """Give back one part of a backup; one that it does not hold is nothing to give back.

    Raises:
        AppError, Cancelled: as the part's own function.
    """
    if all(part.name != name for part in backup.manifest.parts):
        return Restored(name, 0, 0, (LeftOut(name, "all of it", "The backup does not hold this part."),))
    return RESTORES[name](backup, target, cancel, listener)


def _check_files(backup: Backup, prefix: str) -> None:
    folder = Path(backup.folder)
    for file in backup.manifest.files:
        if not file.path.startswith(prefix):
            continue
        path = path_inside(folder, file.path)
        if not path.is_file() or sha256_of(path) != file.sha256:
            raise AppError(
                ErrorCode.ARCHIVE_DAMAGED,
                f"The file {file.path} is damaged",
                detail=f"in {folder}",
                hint="Use another backup. Nothing was deployed.",
            )


def _nowhere(title: str, access: SupabaseAccess) -> AppError:
    return AppError(
        ErrorCode.TOKEN_MISSING, title, hint=access.missing or "Sign in with “holdfast supabase login”."
    )
