"""What the tests of the persistence layer share: a manifest, and a published backup."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.domain.backup import (
    MANIFEST_VERSION,
    Backup,
    BackupOptions,
    Format,
    LargeObjects,
    Manifest,
    PartRecord,
    ServerRecord,
    TableRecord,
)
from app.domain.proof import Proof, ProofLevel
from app.persistence.partial import PartialBackup, publish

NOW = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)


@pytest.fixture
def manifest() -> Manifest:
    return Manifest(
        version=MANIFEST_VERSION,
        id="20260301T123015Z-a1b2c3",
        project="Shop",
        started=NOW,
        finished=NOW,
        holdfast="0.1.0",
        server=ServerRecord("17.5", 170005, "UTF8", database="shop"),
        tool="pg_dump 17.10",
        options=BackupOptions(note="before the move"),
        format=Format.DIRECTORY,
        compression="zstd:3",
        jobs=2,
        parts=(PartRecord("database", "database", "pg_dump 17.10"),),
        files=(),
        tables=(TableRecord("public", "orders", 3, 3, 30, "0" * 64, "COPY public.orders (id) FROM stdin;"),),
        large_objects=LargeObjects(0, 0, ""),
        extensions=(),
        roles=("postgres",),
        session={"TimeZone": "UTC"},
        database_bytes=1_000,
        proof=Proof(ProofLevel.COMPLETE, NOW),
    )


def fill(folder: Path) -> None:
    """Write what pg_dump and pg_dumpall would."""
    database = folder / "database"
    database.mkdir()
    (database / "toc.dat").write_bytes(b"PGDMP" + os.urandom(500))
    (database / "3001.dat.zst").write_bytes(os.urandom(40_000))
    (database / "empty.dat").write_bytes(b"")
    (folder / "roles.sql").write_text("CREATE ROLE shop;\n", encoding="utf-8")


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    folder = tmp_path / "Backups with space"
    folder.mkdir()
    return folder


@pytest.fixture
def new_backup(destination: Path, manifest: Manifest) -> Callable[[], Backup]:
    def make() -> Backup:
        partial = PartialBackup.create(destination, manifest.project)
        fill(partial.folder)
        return publish(partial, manifest)

    return make
