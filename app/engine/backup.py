"""Makes a backup: preflight, one snapshot, dump and counts, seal, publish. Its proof is a step of its own.

The destination holds either a whole backup or a `.partial` folder, at every moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from app import __version__
from app.domain.backup import (
    MANIFEST_VERSION,
    Backup,
    Manifest,
    PartRecord,
    ServerRecord,
    TableRecord,
)
from app.domain.errors import AppError, ErrorCode
from app.domain.events import Listener, Notice, Phase, Progress
from app.domain.proof import Proof, ProofLevel
from app.engine.dump_run import DumpResult, database_file, run_dump
from app.engine.parts import Parts
from app.engine.parts.part import PartRun
from app.engine.parts.storage_files import earlier_storage
from app.engine.preflight import BackupRequest, Plan, preflight
from app.engine.verify import need_folder, with_proof
from app.persistence.partial import PartialBackup, publish
from app.postgres.connection import Session
from app.postgres.dumping import dump_roles
from app.postgres.inspection import TableFacts
from app.postgres.toolchain import Installation
from app.system.cancellation import CancelToken, abandonable

_ATTEMPTS = 3
_PAUSES = (1.0, 5.0)
_WORTH_ANOTHER_TRY = (ErrorCode.LOCK_WAIT, ErrorCode.RELATION_CHANGED, ErrorCode.SNAPSHOT_LOST)
_ROLES = "roles.sql"


def back_up(
    request: BackupRequest, installations: Sequence[Installation], cancel: CancelToken, listener: Listener
) -> Backup:
    """Make one backup, sealed and, unless counting was refused, complete.

    Raises:
        AppError: nothing was kept; its code says why.
        Cancelled: `cancel` was set before the backup was published; nothing was kept.
    """
    if request.destination is None:
        raise ValueError("a backup needs a destination")
    listener(Progress(Phase.CHECKING))
    plan = abandonable(lambda: preflight(request, installations, cancel=cancel), cancel)
    for warning in plan.warnings:
        listener(Notice(warning))
    partial = PartialBackup.create(request.destination, request.project, request.schedule, request.slot)
    try:
        return _write(request, plan, partial, cancel, listener)
    except BaseException as broken:
        try:
            partial.discard()
        except AppError as error:  # what ended the backup says more; the next run cleans up
            listener(Notice(f"What was written could not be removed. {error}"))
        cancel.check()  # whatever broke when it was told to stop
        if isinstance(broken, Exception) and not request.destination.is_dir():
            raise _gone(request.destination) from broken
        raise


def _gone(destination: Path) -> AppError:
    """Each tool tells in its own way that its files went away, and some of it reads like another failure."""
    return AppError(
        ErrorCode.FOLDER_MISSING,
        "The folder for backups went away",
        detail=f"{destination} was there when the backup began",
        hint="Connect the disk that it is on, then start again. What was written there is cleared up then.",
    )


def prove_backup(
    backup: Backup, installations: Sequence[Installation], cancel: CancelToken, listener: Listener
) -> Backup:
    """Prove a published backup and record the result in its manifest.

    Raises:
        AppError: what hindered the proof (no space, no server to restore into); nothing was recorded.
        Cancelled: `cancel` was set; nothing was recorded.
    """
    from app.engine.proof import prove  # takes long to import, and many backups are not proven at once

    try:
        proof = prove(Path(backup.folder), backup.manifest, installations, cancel, listener)
    except AppError as error:
        cancel.check()
        if error.code is not ErrorCode.ARCHIVE_DAMAGED:
            raise
        need_folder(Path(backup.folder))
        proof = Proof(ProofLevel.SEALED, datetime.now(UTC), failure=str(error))
    return with_proof(backup, proof, listener)


def _write(
    request: BackupRequest, plan: Plan, partial: PartialBackup, cancel: CancelToken, listener: Listener
) -> Backup:
    extra = Parts(partial)
    stopped = CancelToken()  # ends pg_dumpall when the dump fails
    with ThreadPoolExecutor(1, "roles") as pool, cancel.interrupting(stopped.cancel):
        roles = pool.submit(_save_roles, request, plan, partial, stopped)
        try:
            result, run = _dump(request, plan, partial, cancel, listener, extra=extra)
            parts, warnings = roles.result()
        except BaseException:
            stopped.cancel()
            raise
    tables, more_warnings = _check_rows(request, result)
    extra.save(run)
    cancel.check()
    listener(Progress(Phase.SEALING))
    counted = request.options.counts and not more_warnings
    finished = datetime.now(UTC)
    manifest = Manifest(
        version=MANIFEST_VERSION,
        id=partial.id,
        project=request.project,
        started=partial.started,
        finished=finished,
        holdfast=__version__,
        server=_server_record(request, plan),
        tool=f"pg_dump {plan.tool.version} ({plan.tool.origin})",
        options=request.options,
        format=request.options.format,
        compression=str(plan.compression),
        jobs=plan.jobs,
        parts=(_database_part(request, plan), *parts, *extra.records),
        files=(),
        tables=tables,
        large_objects=result.contents.large_objects,
        extensions=result.extensions,
        roles=plan.server.roles,
        session=plan.server.output_settings,
        database_bytes=plan.server.bytes,
        proof=Proof(ProofLevel.COMPLETE if counted else ProofLevel.SEALED, finished),
        kind=request.kind,
        schedule=request.schedule,
        slot=request.slot,
        warnings=plan.warnings + warnings + more_warnings + result.warnings + tuple(extra.warnings),
        left_out=tuple(extra.left_out),
    )
    return publish(partial, manifest, (*result.contents.files, *extra.files), cancel)


def _dump(
    request: BackupRequest,
    plan: Plan,
    partial: PartialBackup,
    cancel: CancelToken,
    listener: Listener,
    *,
    extra: Parts,
) -> tuple[DumpResult, PartRun]:
    """Dump, and try again with a new snapshot when something stood in the way for a moment."""
    earlier = earlier_storage(partial.folder.parent, request.project) if request.supabase else None
    run = PartRun(request, partial.folder, earlier, (), cancel, listener)

    def look(session: Session, tables: tuple[TableFacts, ...]) -> None:
        extra.look(session, replace(run, tables=tables))

    for attempt in range(_ATTEMPTS):
        try:
            return run_dump(request, plan, partial, cancel, listener, look=look), run
        except AppError as error:
            if error.code not in _WORTH_ANOTHER_TRY or attempt == _ATTEMPTS - 1:
                raise
            listener(Notice(f"{error.title}: {error.detail}. Trying again with a new snapshot."))
            partial.remove(database_file(request.options.format, plan.compression))
            cancel.wait(_PAUSES[attempt])
    raise AssertionError("the last attempt returns or raises")


def _save_roles(
    request: BackupRequest, plan: Plan, partial: PartialBackup, cancel: CancelToken
) -> tuple[tuple[PartRecord, ...], tuple[str, ...]]:
    """Save the cluster's roles; what the server refuses is a warning, for the database is what counts."""
    if not request.options.roles:
        return (), ()
    tool, passwords = plan.tool, plan.server.is_superuser
    try:
        dump_roles(
            tool,
            request.connection,
            plan.server.database,
            partial.folder / _ROLES,
            passwords=passwords,
            cancel=cancel,
        )
    except AppError as error:
        (partial.folder / _ROLES).unlink(missing_ok=True)
        return (), (f"Roles were not saved. {error}",)
    warnings = () if passwords else ("Roles are saved without passwords: only a superuser may read them.",)
    return (PartRecord("roles", _ROLES, f"pg_dumpall {tool.version}", inside_snapshot=False),), warnings


def _check_rows(
    request: BackupRequest, result: DumpResult
) -> tuple[tuple[TableRecord, ...], tuple[str, ...]]:
    """Compare the rows in the archive with the rows that the server counted in the same snapshot.

    Raises:
        AppError: ROWS_DIFFER naming each table.
    """
    if not request.options.counts:
        return tuple(record for _, record in result.contents.tables), ()
    records: list[TableRecord] = []
    different: list[str] = []
    uncounted: list[str] = []
    dumped: set[int] = set()
    oids = {(table.schema, table.name): table.oid for table in result.tables}
    for found, record in result.contents.tables:
        oid = found or oids.get((record.schema, record.name), 0)
        dumped.add(oid)
        counted = result.counts.get(oid)
        records.append(replace(record, counted=counted))
        if counted is None:
            uncounted.append(f"{record.schema}.{record.name}")
        elif counted != record.rows:
            different.append(f"{record.schema}.{record.name}: {record.rows:,} dumped, {counted:,} counted")
    different += [f"{table.sql}: not in the archive" for table in result.tables if table.oid not in dumped]
    if different:
        raise AppError(
            ErrorCode.ROWS_DIFFER,
            "The archive does not hold the rows that the server counted",
            detail="; ".join(different[:20]),
            hint="No backup was kept. This should never happen: keep the log and report it.",
        )
    if uncounted:
        return tuple(records), (f"Rows were not counted for {', '.join(uncounted[:20])}.",)
    return tuple(records), ()


def _server_record(request: BackupRequest, plan: Plan) -> ServerRecord:
    server, words = plan.server, request.connection.keywords
    return ServerRecord(
        version=server.version,
        version_number=server.version_number,
        encoding=server.encoding,
        locale=server.locale,
        database=server.database,
        host=words.get("host", ""),
        port=words.get("port", ""),
        user=server.user,
        tls=server.tls,
    )


def _database_part(request: BackupRequest, plan: Plan) -> PartRecord:
    path = database_file(request.options.format, plan.compression)
    return PartRecord("database", path, f"pg_dump {plan.tool.version}")
