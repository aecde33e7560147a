"""What Restore asks of the engine: look into a source, plan, run. Everything here runs in worker threads."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from app.domain.errors import AppError
from app.domain.project import Secret
from app.domain.restore import RestoreOptions, RestorePlan
from app.ui import operation_work

if TYPE_CHECKING:
    from app.engine.restore.contents import SourceContents
    from app.engine.restore.first_rows import TableRows
    from app.engine.restore.job import RestoreJob
    from app.own_process import Call
    from app.services import Services
    from app.system.cancellation import CancelToken


@dataclass(frozen=True, slots=True)
class Into:
    """Where to restore; one of the three.

    Attributes:
        project: the database of this project.
        url: any database; it may hold a password.
        password: for `url`, where it does not.
        new_database: one that is made, on the server of `project` or `url`.
    """

    project: str = ""
    url: str = ""
    password: Secret | None = None
    new_database: str = ""


@dataclass(frozen=True, slots=True)
class PlannedRestore:
    """A plan, and what is needed to carry it out.

    Attributes:
        folder: what was unpacked; `close` removes it.
        parts: of the backup, by their names, that are given back after the database.
    """

    plan: RestorePlan
    job: RestoreJob
    into: Into
    folder: tempfile.TemporaryDirectory[str]
    parts: tuple[str, ...] = ()

    @property
    def call(self) -> Call:
        """Carries it out; what was unpacked must be there until then."""
        return partial(operation_work.restore, self.job, self.into.project, self.parts)

    def close(self) -> None:
        """Let go of it."""
        self.folder.cleanup()


def look_into(paths: Sequence[Path], cancel: CancelToken) -> tuple[SourceContents, ...]:
    """What these paths hold; scripts that belong together are one.

    Raises:
        AppError: one of them cannot be read.
        Cancelled: `cancel` was set.
    """
    from app.engine.restore.sources import inspect_sources

    with tempfile.TemporaryDirectory(prefix="holdfast-look-") as folder:
        found = [one.found for one in inspect_sources(paths, Path(folder), cancel)]
    contents: list[SourceContents] = []
    for one in found:
        if isinstance(one, AppError):
            raise one
        contents.append(one)
    return tuple(contents)


def rows_of(paths: Sequence[Path], table: str, database: str, cancel: CancelToken) -> TableRows | None:
    """The first rows of a table.

    Raises:
        AppError: the source has no such rows, or cannot be read.
    """
    from app.engine.restore.first_rows import first_rows

    with tempfile.TemporaryDirectory(prefix="holdfast-look-") as folder:
        for one in first_rows(paths, table, Path(folder), cancel, database=database):
            if not isinstance(one.found, AppError):
                return one.found
            raise one.found
    return None


def plan_restore(
    services: Services, paths: Sequence[Path], into: Into, options: RestoreOptions, cancel: CancelToken
) -> PlannedRestore:
    """Plan a restore; nothing is changed by it.

    Raises:
        AppError: the source cannot be read, or the target not be reached.
        Cancelled: `cancel` was set.
    """
    from app.engine.restore.job import RestoreJob, RestoreTarget
    from app.persistence.settings import find_project
    from app.postgres.connection import parse_connection

    if into.project:
        connection = services.connection_of(find_project(services.settings, into.project))
    else:
        connection = parse_connection(into.url)
        if into.password:
            connection = replace(connection, password=into.password)
    folder = tempfile.TemporaryDirectory(prefix="holdfast-restore-")
    target = RestoreTarget(connection, into.new_database)
    job = RestoreJob(tuple(paths), target, options, tuple(services.installations), Path(folder.name))
    try:
        return PlannedRestore(job.plan(cancel, lambda _: None), job, into, folder)
    except BaseException:
        folder.cleanup()
        raise
