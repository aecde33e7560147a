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

from app.domain.backup import Backup
from app.domain.errors import AppError, Cancelled
from app.domain.events import Listener, Notice
from app.domain.project import Project, Secret
from app.domain.proof import ProofLevel
from app.engine.backup import back_up, prove_backup
from app.engine.preflight import BackupRequest
from app.engine.verify import verify_backup
from app.persistence import secrets
from app.persistence.catalog import Catalog, catalog_path
from app.persistence.catalog_entry import Entry, Result, entry_of
from app.persistence.destination import clean_partials
from app.persistence.settings import Settings, load_settings, settings_path
from app.postgres.connection import Connection, parse_connection
from app.postgres.toolchain import Installation, find_installations
from app.system.cancellation import CancelToken


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
            last = self.catalog.last_backup(request.project)
            request = replace(request, last_bytes=last.bytes if last else None)
        try:
            backup = back_up(request, self.installations, cancel, listener)
        except (AppError, Cancelled) as error:
            self.catalog.record(_attempt(request, started, error))
            raise
        self._record(backup)
        if request.options.proof is ProofLevel.PROVEN:
            return self.prove(backup, cancel, listener)
        return backup

    def prove(self, backup: Backup, cancel: CancelToken, listener: Listener) -> Backup:
        """Prove a backup by restoring it, and record the result."""
        return self._record(prove_backup(backup, self.installations, cancel, listener))

    def verify(self, backup: Backup, cancel: CancelToken, listener: Listener) -> Backup:
        """Check a backup's files and streams, and record a backup that is no longer good."""
        return self._record(verify_backup(backup, cancel, listener))

    def _record(self, backup: Backup) -> Backup:
        self.catalog.record(entry_of(Path(backup.folder), backup.manifest))
        return backup

    def _clean(self, destination: Path, listener: Listener) -> None:
        """Remove what an interrupted run left, and tell of it."""
        for interrupted in clean_partials(destination):
            when = f"{interrupted.started:%Y-%m-%d %H:%M} UTC"
            left = interrupted.problem or "what it left was removed"
            listener(Notice(f"The backup of {interrupted.project} from {when} was interrupted: {left}."))
            self.catalog.record(
                Entry(
                    id=interrupted.id,
                    project=interrupted.project,
                    started=interrupted.started,
                    result=Result.INTERRUPTED,
                    destination=str(destination.resolve()),
                )
            )


def _attempt(request: BackupRequest, started: datetime, error: AppError | Cancelled) -> Entry:
    """The entry of an attempt that left no backup."""
    failed = isinstance(error, AppError)
    return Entry(
        id=f"{started:%Y%m%dT%H%M%SZ}-{random.token_hex(3)}",
        project=request.project,
        started=started,
        result=Result.FAILED if failed else Result.CANCELLED,
        finished=datetime.now(UTC),
        kind=request.kind,
        error_code=error.code if isinstance(error, AppError) else "",
        error_title=error.title if isinstance(error, AppError) else "",
        error_detail=error.detail if isinstance(error, AppError) else "",
        destination=str(request.destination.resolve()) if request.destination else "",
        note=request.options.note,
    )


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
    if not secrets.probe().usable:
        return None
    return secrets.get_password(project)
