"""Checks a backup without restoring it: every file's hash, and every data stream to its end."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from app.domain.backup import Backup, Manifest
from app.domain.errors import AppError, ErrorCode
from app.domain.events import Listener, Notice, Phase, Progress
from app.domain.proof import Proof, ProofLevel
from app.engine.read_back import ReadingBack, database_path, read_contents
from app.persistence.checksums import verify_files
from app.persistence.manifest import MANIFEST_NAME, read_manifest, write_manifest
from app.system.cancellation import CancelToken

_MOST_SHOWN = 5


def verify_backup(backup: Backup, cancel: CancelToken, listener: Listener) -> Backup:
    """Read everything back and compare it with the manifest.

    A backup that is no longer what it was gets a failed proof in its manifest, until it is what it was
    again. Every other proof stays.

    Raises:
        AppError: UNSAFE_PATH, or what hinders reading.
        Cancelled: `cancel` was set; nothing was recorded.
    """
    folder, manifest = Path(backup.folder), backup.manifest
    try:
        _check_files(folder, manifest, cancel, listener)
        listener(Progress(Phase.READING_BACK))
        _check_streams(folder, manifest, cancel, listener)
    except AppError as error:
        cancel.check()
        if error.code is not ErrorCode.ARCHIVE_DAMAGED:
            raise
        need_folder(folder)
        return with_proof(backup, Proof(ProofLevel.SEALED, datetime.now(UTC), failure=str(error)), listener)
    if manifest.proof.has_failed and not manifest.proof.objects:  # files were damaged, and were put back
        level = ProofLevel.COMPLETE if manifest.is_counted else ProofLevel.SEALED
        return with_proof(backup, Proof(level, datetime.now(UTC)), listener)
    return backup


def need_folder(folder: Path) -> None:
    """Refuse to judge a backup whose disk went away while it was read.

    Raises:
        AppError: FOLDER_MISSING.
    """
    if not (folder / MANIFEST_NAME).is_file():
        raise AppError(
            ErrorCode.FOLDER_MISSING,
            "The backup is no longer there",
            detail=str(folder),
            hint="Connect the disk that it is on.",
        )


def with_proof(backup: Backup, proof: Proof, listener: Listener) -> Backup:
    """The backup with this proof, also in its manifest; a folder that cannot be written is no failure.

    The rest of the manifest stays as it is now: its note may have been changed during the proof.
    """
    manifest = replace(_now(backup), proof=proof)
    try:
        write_manifest(Path(backup.folder), manifest)
    except AppError as error:
        listener(Notice(f"The result could not be noted in the backup. {error}"))
    return replace(backup, manifest=manifest)


def _now(backup: Backup) -> Manifest:
    try:
        now = read_manifest(Path(backup.folder))
    except AppError:
        return backup.manifest
    return now if now.id == backup.manifest.id else backup.manifest


def _check_files(folder: Path, manifest: Manifest, cancel: CancelToken, listener: Listener) -> None:
    total = max(1, manifest.bytes)
    verified = verify_files(
        folder,
        manifest,
        lambda done: listener(Progress(Phase.CHECKING_FILES, min(done / total, 0.99), bytes=done)),
        cancel,
    )
    if verified.extra:
        names = ", ".join(verified.extra[:_MOST_SHOWN])
        more = len(verified.extra) - _MOST_SHOWN
        listener(
            Notice(
                f"Files that are not part of the backup: {names}{f' and {more} more' if more > 0 else ''}."
            )
        )


def _check_streams(folder: Path, manifest: Manifest, cancel: CancelToken, listener: Listener) -> None:
    on_bytes = ReadingBack(0, manifest.bytes, listener)
    contents = read_contents(folder, database_path(folder, manifest), cancel, on_bytes)
    found = {(record.schema, record.name): record for _, record in contents.tables}
    for table in manifest.tables:
        record = found.get((table.schema, table.name))
        if record is None or (record.rows, record.sha256) != (table.rows, table.sha256):
            raise _not_as_it_was(f"the table {table.schema}.{table.name}")
    if contents.large_objects != manifest.large_objects:
        raise _not_as_it_was("the large objects")


def _not_as_it_was(what: str) -> AppError:
    return AppError(
        ErrorCode.ARCHIVE_DAMAGED,
        "The backup does not hold what its manifest says",
        detail=f"The data of {what} differ",
        hint="Restore from another backup.",
    )
