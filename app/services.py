"""Composition root: joins the engine to the user's settings, keyring, folder and catalog.

Both front ends act through these functions, so that a backup made by hand and one made on a schedule
are recorded alike.
"""

from __future__ import annotations

import secrets as random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from app.domain.backup import Backup, BackupOptions
from app.domain.errors import AppError, Cancelled
from app.domain.events import Listener, Notice, Phase, Progress
from app.domain.history import Entry, Result
from app.domain.project import Project, Secret
from app.domain.proof import ProofLevel
from app.domain.restore import RestoreReport
from app.engine.backup import back_up, prove_backup
from app.engine.preflight import BackupRequest
from app.engine.verify import verify_backup
from app.persistence.catalog import Catalog, catalog_path
from app.persistence.catalog_entry import entry_of
from app.persistence.destination import clean_partials
from app.persistence.manifest import read_manifest
from app.persistence.settings import Settings, load_settings, settings_path
from app.postgres.connection import Connection, parse_connection
from app.postgres.toolchain import Installation, find_installations
from app.system.cancellation import CancelToken

if TYPE_CHECKING:
    from app.engine.restore.job import RestoreJob


@dataclass(frozen=True, slots=True)
class Services:
    """What the verbs of a front end are given.

    Attributes:
        settings: the user's settings as they were at the start.
        catalog: the history of backups.
        installations: the PostgreSQL installations of this machine.
    """

    settings: Settings
    catalog: Catalog
    installations: Sequence[Installation]

    def connection_of(self, project: Project) -> Connection:
        """The project's connection, with its password from the keyring where one is stored.

        Raises:
            AppError: KEYRING_LOCKED; a missing keyring is no error, since libpq may know the password.
        """
        connection = parse_connection(project.conninfo)
        return replace(connection, password=stored_password(project.name))

    def backup(self, request: BackupRequest, cancel: CancelToken, listener: Listener) -> Backup:
        """Make a backup, prove it as far as its options say, and record how it went, whatever that is.

        Raises:
            AppError, Cancelled: as `back_up` does; a proof that was cancelled leaves the backup.
        """
        started = datetime.now(UTC)
        if request.destination is not None:
            self._clean(request.destination, listener)
            request = replace(request, last_bytes=self._last_bytes(request))
        try:
            backup = back_up(request, self.installations, cancel, listener)
        except Exception as error:
            self._record(_attempt(request, started, error), listener)
            raise
        self._record(entry_of(Path(backup.folder), backup.manifest), listener)
        if request.options.proof is ProofLevel.PROVEN:
            try:
                return self.prove(backup, cancel, listener)
            except Cancelled:
                level = backup.manifest.proof.level
                listener(Notice(f"The backup is kept in {backup.folder}: it is {level}, not proven."))
                raise
            except AppError as error:  # the backup is good all the same, and the caller sees how far
                listener(Notice(f"Not proven. {error}"))
        return backup

    def prove(self, backup: Backup, cancel: CancelToken, listener: Listener) -> Backup:
        """Prove a backup by restoring it, and record the result.

        Raises:
            AppError: what hindered the proof; the backup's last proof stays what it was.
        """
        proven = prove_backup(backup, self.installations, cancel, listener)
        self._record(entry_of(Path(proven.folder), proven.manifest), listener)
        return proven

    def verify(self, backup: Backup, cancel: CancelToken, listener: Listener) -> Backup:
        """Check a backup's files and streams, and record a backup that is no longer good."""
        verified = verify_backup(backup, cancel, listener)
        self._record(entry_of(Path(verified.folder), verified.manifest), listener)
        return verified

    def restore(
        self, job: RestoreJob, connection: Connection, project: str, cancel: CancelToken, listener: Listener
    ) -> RestoreReport:
        """Back up a target that holds rows, carry out the job's plan, and record what came of it.

        Args:
            job: a restore that was planned.
            connection: the target.
            project: the target's name among the projects, if it is one; safety backups are filed under it.

        Raises:
            AppError: the target could not be backed up, or as `RestoreJob.run` does; nothing was changed.
            Cancelled: before anything was changed.
        """
        plan = job.plan_made
        safety_backup = ""
        if plan.makes_safety_backup and not plan.blocking:
            listener(Progress(Phase.SAVING_TARGET))
            request = BackupRequest(
                project or plan.database,
                connection,
                BackupOptions(proof=ProofLevel.COMPLETE, note=f"Before a restore of {plan.source}"),
                self.settings.destination_folder,
                kind="safety",
                stall_seconds=self.settings.stall_seconds,
            )
            try:
                safety_backup = self.backup(request, cancel, listener).folder
            except AppError as error:
                raise AppError(
                    error.code,
                    "Nothing was restored: the target could not be backed up before",
                    detail=". ".join(text.rstrip(".") for text in (error.title, error.detail) if text),
                    hint=error.hint,
                ) from error
            listener(Notice(f"The target as it was is backed up in {safety_backup}."))
        report = job.run(cancel, listener, safety_backup=safety_backup)
        try:
            self.catalog.record_restore(report)
        except AppError as error:
            listener(Notice(f"The history could not be written. {error}"))
        return report

    def _record(self, entry: Entry, listener: Listener) -> None:
        """Note it in the catalog. A catalog that cannot be written hides neither a backup nor a failure."""
        try:
            self.catalog.record(entry)
        except AppError as error:
            listener(Notice(f"The history could not be written. {error}"))

    def _last_bytes(self, request: BackupRequest) -> int | None:
        """Size of the project's last backup, if it was made with the same options; else it says nothing."""
        try:
            last = self.catalog.last_backup(request.project)
            if last is None:
                return None
            options = read_manifest(Path(last.path)).options
        except AppError:
            return None
        return last.bytes if _extent(options) == _extent(request.options) else None

    def _clean(self, destination: Path, listener: Listener) -> None:
        """Remove what an interrupted run left, and tell of it."""
        for interrupted in clean_partials(destination):
            when = f"{interrupted.started:%Y-%m-%d %H:%M} UTC"
            left = interrupted.problem or "what it left was removed"
            listener(Notice(f"The backup of {interrupted.project} from {when} was interrupted: {left}."))
            entry = Entry(
                id=interrupted.id,
                project=interrupted.project,
                started=interrupted.started,
                result=Result.INTERRUPTED,
                destination=str(destination.resolve()),
            )
            self._record(entry, listener)


def _extent(options: BackupOptions) -> tuple[object, ...]:
    """The options that decide how large a backup becomes."""
    selected = (options.contents, options.schemas, options.tables, options.excluded_tables)
    return (*selected, options.format, options.compression)


def _attempt(request: BackupRequest, started: datetime, error: Exception) -> Entry:
    """The entry of an attempt that left no backup."""
    entry = Entry(
        id=f"{started:%Y%m%dT%H%M%SZ}-{random.token_hex(3)}",
        project=request.project,
        started=started,
        result=Result.CANCELLED if isinstance(error, Cancelled) else Result.FAILED,
        finished=datetime.now(UTC),
        kind=request.kind,
        destination=str(request.destination.resolve()) if request.destination else "",
        note=request.options.note,
    )
    if isinstance(error, AppError):
        return replace(entry, error_code=error.code, error_title=error.title, error_detail=error.detail)
    if isinstance(error, Cancelled):
        return entry
    return replace(entry, error_title=f"An error in Holdfast itself: {type(error).__name__}")


def build_services(listener: Listener = lambda _: None) -> Services:
    """Build everything once, from the user's own folders; `listener` is told of repairs."""
    settings = load_settings(settings_path())
    return Services(
        settings=settings,
        catalog=Catalog(catalog_path(), [settings.destination_folder], listener),
        installations=find_installations(),
    )


def stored_password(project: str) -> Secret | None:
    """The project's password from the keyring; None where there is no usable keyring.

    Raises:
        AppError: KEYRING_LOCKED.
    """
    from app.persistence import secrets  # a URL needs no keyring, which takes long to import

    if not secrets.probe().usable:
        return None
    return secrets.get_password(project)
