"""Opens a copy of a backup or dump in a throwaway server, and keeps it until it is closed."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote, urlencode

from app.domain.errors import AppError, Cancelled, ErrorCode
from app.domain.events import CopyOpened, Listener, Phase, Progress
from app.domain.restore import RestoreOptions, RestoreReport, RestoreResult
from app.engine.restore.job import open_job
from app.engine.restore.sandbox_copy import sandbox_target
from app.postgres.connection import Connection
from app.postgres.toolchain import Installation
from app.system.cancellation import CancelToken


def open_copy(
    paths: Sequence[Path],
    installations: Sequence[Installation],
    cancel: CancelToken,
    listener: Listener,
    *,
    database: str = "",
) -> RestoreReport:
    """Restore into a throwaway server, tell its address (`CopyOpened`), and wait until it is closed.

    Args:
        paths: one backup or archive, or scripts that belong together.
        cancel: closes the copy, which is then gone.
        database: which one of a cluster script's.

    Returns:
        What came of the restore, once the copy was closed.

    Raises:
        AppError: as a restore does; RESTORE_FAILED when nothing could be opened.
        Cancelled: `cancel` was set before the copy was open.
    """
    options = RestoreOptions(jobs=2, safety_backup=False, database=database)
    listener(Progress(Phase.STARTING_SANDBOX))
    with (
        sandbox_target(paths, database, installations, cancel) as target,
        open_job(paths, target, options, installations) as job,
    ):
        job.plan(cancel, listener)
        report = job.run(cancel, listener)
        if report.result is RestoreResult.CANCELLED:
            raise Cancelled
        if report.result is RestoreResult.FAILED:
            raise _failed(report)
        closed = threading.Event()
        with cancel.interrupting(closed.set):
            failures = len(report.failures)
            lacks = f" Without {failures:,} objects that could not be restored." if failures else ""
            listener(
                CopyOpened(f"The copy of {report.source} is open.{lacks}", address_of(target.connection))
            )
            closed.wait()
    return report


def address_of(connection: Connection) -> str:
    """A URL that any client takes; the password in it is worth nothing once the server is gone."""
    words = connection.keywords
    password = connection.password.reveal() if connection.password else ""
    place = urlencode({"host": words["host"], "port": words["port"]})
    return f"postgresql://{quote(words['user'])}:{quote(password)}@/{quote(words['dbname'])}?{place}"


def _failed(report: RestoreReport) -> AppError:
    first = report.failures[0] if report.failures else None
    return AppError(
        ErrorCode.RESTORE_FAILED,
        "The copy could not be restored",
        detail=f"{first.kind} {first.name} {first.cause}".strip() if first else "Rows differ from the source",
        hint=first.remedy if first else "Check the source with Verify Checksums.",
    )
