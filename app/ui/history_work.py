"""What History asks of folders, manifests and the catalog about one backup. It runs in worker threads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from app.domain.errors import AppError
from app.domain.history import Entry, Result
from app.persistence.catalog import Catalog
from app.persistence.history_query import HistoryFilter, Point, ProofFilter, Sort

if TYPE_CHECKING:
    from app.domain.backup import Manifest
    from app.domain.changes import BackupChanges

_CHART_DAYS = 92
_CHART_MOST = 240
_MOST_LOG = 1 << 20
_FEW = 20


@dataclass(frozen=True, slots=True)
class Detail:
    """Everything that is known of one entry.

    Attributes:
        manifest: None for an attempt that left no backup, and where it cannot be read.
        problem: why it cannot be read.
        is_gone: the folder is not there, though the folder for backups is.
        previous: the backup before it; None for the first.
        changes: since then; None where one of the two cannot be read.
        previous_problem: why that one cannot be read.
        log: of the operation that made it; empty where none is kept.
        points: its project's attempts before and after it, for the chart.
    """

    manifest: Manifest | None = None
    problem: AppError | None = None
    is_gone: bool = False
    previous: Entry | None = None
    changes: BackupChanges | None = None
    previous_problem: AppError | None = None
    log: str = ""
    points: tuple[Point, ...] = ()


def read_detail(entry: Entry, catalog: Catalog) -> Detail:
    """Read what is known of an entry.

    Raises:
        AppError: the catalog cannot be read.
    """
    known = Detail(log=_log_of(entry), points=_points_around(entry, catalog))
    if entry.result is not Result.SUCCEEDED or entry.missing:
        return known
    from app.domain.changes import compare_backups
    from app.engine.history import backup_of

    try:
        manifest = backup_of(entry).manifest
    except AppError as error:
        folder = Path(entry.path)
        is_gone = not folder.exists() and Path(entry.destination).is_dir()
        return replace(known, problem=error, is_gone=is_gone)
    known = replace(known, manifest=manifest, previous=catalog.previous(entry))
    if known.previous is None:
        return known
    try:
        before = backup_of(known.previous).manifest
    except AppError as error:
        return replace(known, previous_problem=error)
    return replace(known, changes=compare_backups(before, manifest))


def entries_beside(entry: Entry, catalog: Catalog) -> tuple[Entry, ...]:
    """The entry and those good backups of its project by which the loss of it is judged.

    Raises:
        AppError: the catalog cannot be read.
    """
    own = HistoryFilter(projects=(entry.project,), results=(Result.SUCCEEDED,))
    proven = replace(own, proofs=(ProofFilter.PROVEN,))
    good = replace(own, proofs=(ProofFilter.PROVEN, ProofFilter.COMPLETE, ProofFilter.SEALED))
    found = {(entry.id, entry.destination): entry}
    for wanted in (good, proven):
        for listed in catalog.page(wanted, Sort.TIME, limit=_FEW):
            found[listed.entry.id, listed.entry.destination] = listed.entry
    return tuple(found.values())


def change_note(entry: Entry, note: str, catalog: Catalog) -> tuple[str, ...]:
    """Give a backup another note; gives what should be known besides.

    Raises:
        AppError: the catalog cannot be written.
    """
    from app.domain.events import Event, Notice
    from app.engine.history import change_note as change

    told: list[str] = []

    def listen(event: Event) -> None:
        if isinstance(event, Notice):
            told.append(event.text)

    change(entry, note, catalog, listen)
    return tuple(told)


def _points_around(entry: Entry, catalog: Catalog) -> tuple[Point, ...]:
    points = catalog.series(entry.project, entry.started - timedelta(days=_CHART_DAYS))
    after = sum(point.started > entry.started for point in points)
    before = len(points) - after
    end = before + min(after, max(_CHART_MOST // 2, _CHART_MOST - before))
    return points[max(0, end - _CHART_MOST) : end]


def _log_of(entry: Entry) -> str:
    from app.persistence.operation_log import find_log, operation_logs_folder

    path = find_log(operation_logs_folder(), entry.project, entry.started)
    if path is None:
        return ""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(_MOST_LOG)
    except OSError:
        return ""
