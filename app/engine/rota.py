"""Says which old backups are to be looked at now: seldom, little at a time, and never beside a backup."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from app.domain.history import Entry
from app.domain.rota import Wanted, wanted_checks
from app.engine.scheduler import is_running
from app.persistence.catalog import Catalog
from app.persistence.destination import find_partials
from app.persistence.manifest import MANIFEST_NAME
from app.persistence.partial import read_owner
from app.persistence.settings import Settings
from app.system import paths

_LOOK_EVERY = timedelta(minutes=10)


def due_checks(settings: Settings, catalog: Catalog, now: datetime) -> tuple[Wanted, ...]:
    """The backups that are to be looked at now; nothing while any is being made.

    Args:
        settings: with the schedules, and whether backups are proven weekly.
        catalog: the history, and what was checked when.
        now: in UTC.
    """
    if backup_runs(settings):
        return ()
    return wanted_checks(
        catalog.good(), catalog.checks(), now, prove_weekly=settings.prove_weekly, is_there=_is_there
    )


def look(settings: Settings, catalog: Catalog, now: datetime) -> tuple[Wanted, ...]:
    """`due_checks`, unless anybody looked a moment ago; ask each minute."""
    return due_checks(settings, catalog, now) if may_look(now) else ()


def may_look(now: datetime) -> bool:
    """Whether nobody has looked in the last ten minutes: a long history takes a while to read."""
    mark = paths.data_folder() / "schedules" / "rota"
    try:
        age = now.timestamp() - mark.stat().st_mtime
    except FileNotFoundError:
        age = _LOOK_EVERY.total_seconds()
    if 0 <= age < _LOOK_EVERY.total_seconds():
        return False
    mark.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    mark.touch()
    return True


def backup_runs(settings: Settings) -> bool:
    """Whether any process of this computer makes a backup at the moment, by hand or on a schedule."""
    if any(is_running(schedule) for schedule in settings.schedules):
        return True
    chosen = {Path(one.destination) for one in settings.schedules if one.destination}
    return any(_is_written_to(folder) for folder in {settings.destination_folder, *chosen})


def _is_written_to(folder: Path) -> bool:
    owners = map(read_owner, find_partials(folder)) if folder.is_dir() else ()
    return any(owner is not None and owner.is_here and owner.process.is_alive for owner in owners)


def _is_there(entry: Entry) -> bool:
    return (Path(entry.path) / MANIFEST_NAME).is_file()
