"""The home folder of a user of the window: a project to back up, and a history as long as is wanted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.domain.history import Entry, Result
from app.domain.project import Project
from app.domain.proof import ProofLevel
from app.persistence.catalog_entry import UPSERT, row_of
from app.persistence.catalog_file import open_file, transaction
from app.persistence.settings import add_project, change_settings

PROJECT = "Sample"

_OTHERS = ("Shop", "Shop staging", "Blog", "Analytics", "Möbel")
_BAD_ENDS = (Result.FAILED, Result.CANCELLED, Result.INTERRUPTED)


def make_home(home: Path, conninfo: str, backups: int) -> dict[str, str]:
    """Fill a new home folder, and give the variables of the environment that lead to it.

    Args:
        home: is made.
        conninfo: of the project's database, without a password.
        backups: how many the history has, of six projects.
    """
    own = home / "holdfast"
    destination = home / "backups"
    for folder in (own, destination):
        folder.mkdir(parents=True)
    settings = own / "settings.json"
    add_project(settings, Project(PROJECT, conninfo, datetime.now(UTC)))
    change_settings(settings, lambda old: replace(old, destination=str(destination)))
    catalog = open_file(own / "catalog.sqlite3")
    with transaction(catalog):
        catalog.executemany(UPSERT, map(row_of, _entries(backups, str(destination))))
    catalog.close()
    names = ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")
    return dict.fromkeys(names, str(home))


def _entries(number: int, destination: str) -> Iterator[Entry]:
    """One each 37 minutes back from yesterday; each 17th left no backup, each 101st proof failed."""
    projects = (PROJECT, *_OTHERS)
    newest = datetime.now(UTC) - timedelta(days=1)
    for count in range(number):
        begun = newest - timedelta(minutes=37 * count)
        project = projects[count % len(projects)]
        is_kept = count % 17 != 0
        yield Entry(
            id=f"{begun:%Y%m%dT%H%M%SZ}-{count:06x}",
            project=project,
            started=begun,
            result=Result.SUCCEEDED if is_kept else _BAD_ENDS[count // 17 % 3],
            finished=begun + timedelta(seconds=20 + count % 200),
            kind=("scheduled", "manual", "safety")[0 if count % 9 else 1 + count % 2],
            error_code="" if is_kept else "connection-lost",
            error_title="" if is_kept else "The connection was lost",
            proof_level=(ProofLevel.PROVEN, ProofLevel.COMPLETE)[count % 2] if is_kept else None,
            proof_failure="TABLE public.items differs" if is_kept and count % 101 == 0 else "",
            bytes=1_100_000_000 - count * 1000 - count % 7 * 1_000_000 if is_kept else 0,
            database_bytes=3_000_000_000,
            rows=1000 * count,
            tables=42,
            destination=destination,
            path=f"{destination}/{project}/{count}" if is_kept else "",
            note="before the move" if count % 50 == 0 else "",
        )
