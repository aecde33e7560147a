"""What operations do in a process of their own: functions that can be pickled, with nothing of Qt."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from app.domain.history import Entry
from app.domain.schedule import Schedule

if TYPE_CHECKING:
    from app.domain.backup import Backup
    from app.domain.events import Listener
    from app.domain.restore import RestoreReport
    from app.domain.rota import Wanted
    from app.engine.restore.job import RestoreJob
    from app.services import Services
    from app.system.cancellation import CancelToken


def run_schedule(
    schedule: Schedule, services: Services, cancel: CancelToken, listener: Listener
) -> Backup | None:
    """Run the slot of a schedule that is due."""
    return services.run_schedule(schedule, cancel, listener)


def try_sample(services: Services, cancel: CancelToken, listener: Listener) -> Backup:
    """Back up and prove the sample database."""
    return services.sample(cancel, listener)


def prove(entry: Entry, services: Services, cancel: CancelToken, listener: Listener) -> Backup:
    """Restore a backup into a sandbox and compare everything."""
    return services.prove(services.backup_of(entry), cancel, listener)


def verify(entry: Entry, services: Services, cancel: CancelToken, listener: Listener) -> Backup:
    """Check a backup's files and streams."""
    return services.verify(services.backup_of(entry), cancel, listener)


def recheck(
    wanted: tuple[Wanted, ...], services: Services, cancel: CancelToken, listener: Listener
) -> tuple[Backup, ...]:
    """Look at old backups again."""
    return services.recheck(wanted, cancel, listener)


def open_copy(entry: Entry, services: Services, cancel: CancelToken, listener: Listener) -> RestoreReport:
    """Keep a copy open in a sandbox until it is cancelled."""
    return services.open_copy((Path(entry.path),), cancel, listener)


def export(entry: Entry, target: Path, services: Services, cancel: CancelToken, listener: Listener) -> Path:
    """Write a backup as one file, in the place of one that is there."""
    return services.export(entry, target, cancel, listener, replace=True)


def restore(
    job: RestoreJob,
    project: str,
    parts: tuple[str, ...],
    services: Services,
    cancel: CancelToken,
    listener: Listener,
) -> RestoreReport:
    """Carry a plan out; then give back parts of the backup that the plan is for."""
    report = services.restore(job, job.target.connection, project, cancel, listener)
    access = services.supabase_of(project, job.target.connection) if parts else None
    if access is None:
        return report
    from app.domain.backup import Backup
    from app.engine.parts.after_restore import with_parts
    from app.engine.parts.restoring import Target
    from app.persistence.manifest import read_manifest

    backup = Backup(str(job.paths[0]), read_manifest(job.paths[0]))
    target = Target(access, job.target.connection)
    return with_parts(report, backup, target, cancel, listener, names=parts)
