"""Backups and attempts as a user's folder and catalog hold them after some weeks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.domain.backup import (
    MANIFEST_VERSION,
    BackupOptions,
    FileRecord,
    Format,
    LargeObjects,
    Manifest,
    PartRecord,
    ServerRecord,
    TableRecord,
)
from app.domain.history import Entry, Result
from app.domain.proof import ObjectOutcome, Outcome, Proof, ProofLevel, failure_of
from app.persistence.catalog_entry import entry_of
from app.persistence.manifest import write_manifest
from app.ui.state import State

NOW = datetime(2026, 11, 22, 14, 5, tzinfo=UTC)


def table(name: str, rows: int, size: int, schema: str = "public") -> TableRecord:
    return TableRecord(schema, name, rows, rows, size, f"{rows:064x}", f"COPY {name} FROM stdin;")


SMALL = tuple(table(f"table_{number:02}", 30 * number, 4000 * number) for number in range(1, 38))
BEFORE = (
    *SMALL,
    table("events", 6_072_115, 1_090_000_000),
    table("order_items", 9_400_173, 1_590_000_000),
    table("carts", 63_125, 9_000_000),
    table("legacy_prices", 5_100, 410_000),
    table("users", 120_400, 31_000_000, "auth"),
)
AFTER = (
    *SMALL,
    table("credit_notes", 412, 96_000),
    table("events", 6_120_335, 1_100_000_000),
    table("order_items", 9_412_077, 1_600_000_000),
    table("carts", 2_118, 1_400_000),
    table("users", 120_400, 31_000_000, "auth"),
)


def proof_of(tables: tuple[TableRecord, ...], at: datetime, *more: ObjectOutcome, **changes: object) -> Proof:
    objects = (
        *more,
        *(ObjectOutcome("TABLE DATA", f"{one.schema}.{one.name}", Outcome.IDENTICAL) for one in tables),
        *(ObjectOutcome("SEQUENCE SET", f"public.s{number}", Outcome.IDENTICAL) for number in range(9)),
        *(ObjectOutcome("BLOB", str(number), Outcome.IDENTICAL) for number in range(3)),
        *(ObjectOutcome("FUNCTION", f"public.f{number}()", Outcome.IDENTICAL) for number in range(811)),
        ObjectOutcome("INDEX", "public.embedding", Outcome.NOT_CHECKED, "its extension is not here"),
    )
    return replace(Proof(ProofLevel.PROVEN, at, server="17.10", seconds=291, objects=objects), **changes)  # type: ignore[arg-type]


class History:
    """Makes backups in the folder and entries in the catalog."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.folder = Path.home() / "backups"
        assert state.change_settings(lambda settings: replace(settings, destination=str(self.folder)))

    def backup(
        self,
        started: datetime,
        project: str = "Shop",
        size: int = 1_100_000_000,
        seconds: float = 178,
        kind: str = "scheduled",
        tables: tuple[TableRecord, ...] = AFTER,
        proof: Proof | None = None,
        note: str = "",
        pinned: bool = False,
    ) -> Entry:
        """One with a folder and a manifest."""
        id_ = f"{started:%Y%m%dT%H%M%SZ}-a1b2c3"
        manifest = Manifest(
            version=MANIFEST_VERSION,
            id=id_,
            project=project,
            started=started,
            finished=started + timedelta(seconds=seconds),
            holdfast="0.1.0",
            server=ServerRecord("17.5", 170005, "UTF8", database="shop"),
            tool="pg_dump 17.10",
            options=BackupOptions(note=note),
            format=Format.DIRECTORY,
            compression="zstd:3",
            jobs=2,
            parts=(PartRecord("database", "database", "pg_dump 17.10"), PartRecord("roles", "roles.sql", "")),
            files=tuple(
                FileRecord(f"database/{3000 + number}.dat.zst", size // 40, f"{number:064x}")
                for number in range(40)
            ),
            tables=tables,
            large_objects=LargeObjects(3, 1000, "0" * 64),
            extensions=(),
            roles=("postgres",),
            session={},
            database_bytes=3_000_000_000,
            proof=proof or proof_of(tables, started + timedelta(hours=1)),
            kind=kind,
        )
        folder = self.folder / project / id_
        folder.mkdir(parents=True)
        write_manifest(folder, manifest)
        entry = entry_of(folder, manifest)
        self.state.catalog.record(entry)
        if pinned:
            self.state.catalog.pin(entry, True)
        return entry

    def attempt(self, started: datetime, result: Result, project: str = "Shop", **changes: object) -> Entry:
        """One that left no backup."""
        entry = Entry(
            id=f"{started:%Y%m%dT%H%M%SZ}-ffffff",
            project=project,
            started=started,
            result=result,
            finished=None if result is Result.INTERRUPTED else started + timedelta(seconds=31),
            kind="scheduled",
            destination=str(self.folder),
        )
        entry = replace(entry, **changes)  # type: ignore[arg-type]
        self.state.catalog.record(entry)
        return entry

    def fill(self) -> None:
        """As the picture has it."""
        complete = Proof(ProofLevel.COMPLETE, NOW)
        differs = ObjectOutcome("TABLE DATA", "public.table_07", Outcome.DIFFERS, "row 12 is not the same")
        failed = proof_of(SMALL[7:], NOW, differs, failure=failure_of([differs]))
        today = NOW.replace(hour=2, minute=30)
        for day in range(30, 1, -1):
            at = today - timedelta(days=day, seconds=7)
            if day == 19:
                self.attempt(at, Result.FAILED, error_code="timed-out", error_title="No answer")
                continue
            size = 1_095_000_000 - day * 8_000_000 - day % 3 * 5_000_000
            self.backup(at, size=size, seconds=150 - day + day % 4 * 4, proof=complete, tables=BEFORE)
        self.backup(NOW - timedelta(days=3, hours=15), "Analytics", 14_400_000_000, 1280)
        self.backup(NOW - timedelta(days=2, hours=15), "Analytics", 14_800_000_000, 1300)
        self.attempt(NOW - timedelta(days=2, hours=5), Result.CANCELLED, "Analytics", kind="manual")
        self.backup(NOW - timedelta(days=3), "Blog", 113_000_000, 12, proof=complete)
        self.backup(NOW - timedelta(days=2, hours=3), "Blog", 70_000_000, 11, "manual", proof=failed)
        self.backup(today - timedelta(days=1), size=1_080_000_000, seconds=171, proof=complete, tables=BEFORE)
        self.backup(today - timedelta(hours=9), size=1_090_000_000, seconds=175, kind="safety", pinned=True)
        self.attempt(
            today + timedelta(seconds=1),
            Result.FAILED,
            "Shop staging",
            error_code="sign-in-failed",
            error_title="The server did not accept the password",
            error_detail='FATAL: password authentication failed for user "backup"',
        )
        self.backup(today + timedelta(seconds=2), note="Before the move to the new host")
        self.backup(NOW - timedelta(minutes=5), "Blog", 71_000_000, 9, proof=complete)
