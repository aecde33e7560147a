"""Checks a backup without restoring it: every file's hash, and every data stream to its end."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from app.domain.backup import Backup
from app.domain.errors import AppError, ErrorCode
from app.domain.events import Listener, Phase, Progress
from app.domain.proof import Proof, ProofLevel
from app.engine.read_back import read_contents
from app.persistence.checksums import verify_files
from app.persistence.manifest import write_manifest
from app.system.cancellation import CancelToken


def verify_backup(backup: Backup, cancel: CancelToken, listener: Listener) -> Backup:
    """Read everything back and compare it with the manifest.

    A backup that is no longer what it was gets a failed proof in its manifest; the proof of one that
    is stays as it was.

    Raises:
        AppError: UNSAFE_PATH, or what hinders reading.
        Cancelled: `cancel` was set; nothing was recorded.
    """
    folder, manifest = Path(backup.folder), backup.manifest
    total = max(1, manifest.bytes)
    try:
        verify_files(
            folder,
            manifest,
            lambda done: listener(Progress(Phase.CHECKING_FILES, min(done / total, 0.99), bytes=done)),
            cancel,
        )
        listener(Progress(Phase.READING_BACK))
        part = next(part for part in manifest.parts if part.name == "database")
        contents = read_contents(folder, part.path, cancel)
        found = {(record.schema, record.name): record for _, record in contents.tables}
        for table in manifest.tables:
            record = found.get((table.schema, table.name))
            if record is None or (record.rows, record.sha256) != (table.rows, table.sha256):
                raise AppError(
                    ErrorCode.ARCHIVE_DAMAGED,
                    "A table's data is not what it was",
                    detail=f"{table.schema}.{table.name}",
                    hint="Restore from another backup.",
                )
    except AppError as error:
        if error.code is not ErrorCode.ARCHIVE_DAMAGED:
            raise
        proof = Proof(ProofLevel.SEALED, datetime.now(UTC), failure=str(error))
        manifest = replace(manifest, proof=proof)
        write_manifest(folder, manifest)
    return replace(backup, manifest=manifest)
