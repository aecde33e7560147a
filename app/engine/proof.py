"""Proves a backup: restores it into a sandbox and compares every stream and every object.

The order: check the files' hashes, start a server, prepare a database as superuser, restore as an
unprivileged role, compare, judge. Rules of the verdict are in `domain.proof`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from app.domain.backup import Manifest
from app.domain.errors import AppError, ErrorCode
from app.domain.events import Listener, Phase, Progress
from app.domain.proof import ObjectOutcome, Outcome, Proof, ProofLevel, failure_of
from app.engine.proof_source import open_source
from app.engine.restore_list import plan_restore
from app.engine.sandbox_comparison import Setting, restore_and_compare
from app.engine.sandbox_database import prepare_database
from app.persistence.checksums import verify_files
from app.postgres.sandbox import default_root, running_sandbox
from app.postgres.toolchain import Installation, Version, pick_restore_tool, pick_sandbox
from app.system.cancellation import CancelToken
from app.system.files import folder_error, free_bytes

_SPACE_FACTOR = 1.25
_ROWS = ("TABLE DATA", "BLOB")


def prove(
    folder: Path,
    manifest: Manifest,
    installations: Sequence[Installation],
    cancel: CancelToken,
    listener: Listener,
    *,
    root: Path | None = None,
) -> Proof:
    """Restore a backup into a sandbox and compare.

    Args:
        folder: the backup.
        root: where the sandbox lies; by default the cache folder.

    Returns:
        The proof with the outcome of each object; `failure` tells what differs.

    Raises:
        AppError: ARCHIVE_DAMAGED when a file is not as it was written; SPACE_FOR_PROOF; SANDBOX_FAILED.
        Cancelled: `cancel` was set.
    """
    try:
        return _prove(folder, manifest, installations, cancel, listener, root=root)
    except psycopg.Error as error:
        cancel.check()
        raise AppError(
            ErrorCode.SANDBOX_FAILED,
            "The sandbox's server failed during the proof",
            detail=str(error).partition("\n")[0],
            hint="Run “holdfast prove” with this backup again.",
        ) from error


def _prove(
    folder: Path,
    manifest: Manifest,
    installations: Sequence[Installation],
    cancel: CancelToken,
    listener: Listener,
    *,
    root: Path | None,
) -> Proof:
    begun = time.monotonic()
    total = max(1, manifest.bytes)
    listener(Progress(Phase.CHECKING_FILES, 0.0))
    verify_files(
        folder,
        manifest,
        lambda done: listener(Progress(Phase.CHECKING_FILES, min(done / total, 0.99), bytes=done)),
        cancel,
    )
    source = open_source(folder, manifest, cancel)
    _check_space(root or default_root(), manifest)
    origin = Version.from_number(manifest.server.version_number)
    sandbox = pick_sandbox(installations, origin, source.tool_version)
    tool = pick_restore_tool(installations, source.tool_version, source.compression, sandbox.version)
    listener(Progress(Phase.STARTING_SANDBOX))
    with running_sandbox(sandbox, root=root, cancel=cancel) as server:
        database = prepare_database(
            server,
            encoding=source.encoding,
            roles=manifest.roles,
            extensions=manifest.extensions,
            definitions=(entry.definition for entry in source.entries),
            wrappers=[entry.tag for entry in source.entries if entry.kind == "FOREIGN DATA WRAPPER"],
        )
        plan = plan_restore(source.entries, database, locale=manifest.server.locale)
        setting = Setting(manifest, source, server, tool, database, plan, server.workspace, cancel, listener)
        try:
            objects = restore_and_compare(setting)
        except OSError as error:
            raise folder_error(error, server.workspace) from error
    return _judge(manifest, objects, origin, sandbox.version, time.monotonic() - begun)


def _check_space(root: Path, manifest: Manifest) -> None:
    needed = int(manifest.database_bytes * _SPACE_FACTOR) + (64 << 20)
    free = free_bytes(root)
    if free < needed:
        raise AppError(
            ErrorCode.SPACE_FOR_PROOF,
            "There is too little space to restore the backup for a proof",
            detail=f"{root} has {free:,} bytes left, the sandbox needs about {needed:,}",
            hint="Free some space, then run “holdfast prove” with this backup.",
        )


def _judge(
    manifest: Manifest, objects: tuple[ObjectOutcome, ...], source: Version, sandbox: Version, seconds: float
) -> Proof:
    failure = failure_of(objects)
    notes: list[str] = []
    if source.major != sandbox.major:
        notes.append(f"Restored into PostgreSQL {sandbox}; the backup is of PostgreSQL {source}.")
    unread = [item for item in objects if item.kind in _ROWS and item.outcome is Outcome.NOT_CHECKED]
    if not manifest.is_counted:
        notes.append("The server did not count the rows of every table when they were dumped.")
    level = ProofLevel.PROVEN
    if failure or unread:
        level = ProofLevel.COMPLETE if manifest.is_counted else ProofLevel.SEALED
    if failure and manifest.options.is_selection and not any(o.outcome is Outcome.DIFFERS for o in objects):
        notes.append(f"The selection does not restore by itself: {failure}.")
        failure = ""
    if unread and not failure:
        more = f" (and {len(unread) - 1} more)" if len(unread) > 1 else ""
        notes.append(f"Not proven: the rows of {unread[0].name} were not compared: {unread[0].reason}{more}.")
    return Proof(
        level=level,
        checked_at=datetime.now(UTC),
        failure=failure,
        server=str(sandbox),
        seconds=round(seconds, 3),
        objects=objects,
        notes=tuple(notes),
    )
