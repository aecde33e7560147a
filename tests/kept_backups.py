"""Small whole backups of past days in a real folder, as retention meets them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from app.domain.backup import (
    MANIFEST_VERSION,
    BackupOptions,
    FileRecord,
    Format,
    LargeObjects,
    Manifest,
    ServerRecord,
)
from app.domain.history import Entry
from app.domain.proof import Proof, ProofLevel
from app.persistence.catalog_entry import entry_of
from app.persistence.checksums import verify_files
from app.persistence.manifest import read_manifest, write_manifest
from app.system.cancellation import CancelToken

FILES = {"database/toc.dat": b"PGDMP", "database/1.dat": b"1\n2\n", "roles.sql": b"--\n"}


def keep_backup(
    destination: Path,
    started: datetime,
    schedule: str = "daily",
    *,
    kind: str = "scheduled",
    level: ProofLevel = ProofLevel.COMPLETE,
    project: str = "Shop",
) -> Entry:
    """Write one that was begun then; gives its entry, which no catalog has yet."""
    id_ = f"{started:%Y%m%dT%H%M%SZ}-a1b2c3"
    folder = destination / project / id_
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    manifest = Manifest(
        version=MANIFEST_VERSION,
        id=id_,
        project=project,
        started=started,
        finished=started + timedelta(seconds=9),
        holdfast="0.1.0",
        server=ServerRecord("17.5", 170005, "UTF8", database="shop"),
        tool="pg_dump 17.10",
        options=BackupOptions(),
        format=Format.DIRECTORY,
        compression="none",
        jobs=1,
        parts=(),
        files=tuple(
            FileRecord(name, len(content), hashlib.sha256(content).hexdigest())
            for name, content in FILES.items()
        ),
        tables=(),
        large_objects=LargeObjects(0, 0, ""),
        extensions=(),
        roles=(),
        session={},
        database_bytes=1_000,
        proof=Proof(level, started),
        kind=kind,
        schedule=schedule,
        slot=started if schedule else None,
    )
    write_manifest(folder, manifest)
    return entry_of(folder, manifest)


def whole_in(destination: Path) -> list[str]:
    """The ids of the backups there, each with all its files as they were; fails for one that lacks any."""
    found = sorted(path.parent for path in destination.glob("*/*/manifest.json"))
    for folder in found:
        verify_files(folder, read_manifest(folder), lambda _: None, CancelToken())
    return [folder.name for folder in found]


def ids(entries: Iterable[Entry]) -> list[str]:
    return sorted(entry.id for entry in entries)


def trashed(home: Path) -> set[Path]:
    """What lies in the trash of all tests: send2trash asks once where that is."""
    return set(home.parent.rglob("Trash/files/*"))
