from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app.domain.backup import (
    MANIFEST_VERSION,
    BackupOptions,
    FileRecord,
    Format,
    LargeObjects,
    Manifest,
    ServerRecord,
    TableRecord,
)
from app.domain.proof import ObjectOutcome, Outcome, Proof, ProofLevel
from app.domain.proof_summary import Finding, Subject, SummaryLine, summarise

NOW = datetime(2026, 3, 1, tzinfo=UTC)
TABLES = tuple(TableRecord("public", name, 5, 5, 50, "0" * 64, "") for name in ("a", "b"))
MANIFEST = Manifest(
    version=MANIFEST_VERSION,
    id="x",
    project="Shop",
    started=NOW,
    finished=NOW,
    holdfast="0.1.0",
    server=ServerRecord("17.5", 170005, "UTF8"),
    tool="pg_dump 17.10",
    options=BackupOptions(),
    format=Format.DIRECTORY,
    compression="zstd:3",
    jobs=1,
    parts=(),
    files=(FileRecord("database/toc.dat", 1, ""),),
    tables=TABLES,
    large_objects=LargeObjects(2, 10, ""),
    extensions=(),
    roles=(),
    session={},
    database_bytes=0,
    proof=Proof(ProofLevel.COMPLETE, NOW),
)


def proven(*objects: ObjectOutcome) -> Manifest:
    return replace(MANIFEST, proof=Proof(ProofLevel.PROVEN, NOW, objects=objects))


def same(kind: str, name: str = "x", outcome: Outcome = Outcome.IDENTICAL) -> ObjectOutcome:
    return ObjectOutcome(kind, name, outcome)


def test_what_is_equal_is_counted_by_what_it_is() -> None:
    assert summarise(
        proven(
            same("TABLE DATA", "a"),
            same("TABLE DATA", "b"),
            same("SEQUENCE SET"),
            same("BLOB", "1"),
            same("BLOB", "2"),
            same("FUNCTION"),
            same("INDEX"),
        )
    ) == (
        SummaryLine(2, Subject.TABLES, Finding.IDENTICAL),
        SummaryLine(10, Subject.ROWS, Finding.EQUAL),
        SummaryLine(1, Subject.SEQUENCES, Finding.EQUAL),
        SummaryLine(2, Subject.LARGE_OBJECTS, Finding.EQUAL),
        SummaryLine(2, Subject.OBJECTS, Finding.EQUAL),
    )


def test_failures_come_first_and_what_was_not_compared_last() -> None:
    lines = summarise(
        proven(
            same("TABLE DATA", "a"),
            same("INDEX", "i", Outcome.NOT_CHECKED),
            same("INDEX", "j", Outcome.NOT_CHECKED),
            same("TABLE DATA", "b", Outcome.DIFFERS),
            same("GENERATED COLUMN", "g", Outcome.RECOMPUTED),
        )
    )
    assert lines == (
        SummaryLine(1, Subject.TABLES, Finding.DIFFERS, "TABLE DATA"),
        SummaryLine(1, Subject.TABLES, Finding.IDENTICAL),
        SummaryLine(1, Subject.OBJECTS, Finding.RECOMPUTED, "GENERATED COLUMN"),
        SummaryLine(2, Subject.OBJECTS, Finding.NOT_CHECKED, "INDEX"),
    )


def test_rows_in_another_order_are_not_called_byte_for_byte() -> None:
    lines = summarise(proven(same("TABLE DATA", "a"), same("TABLE DATA", "b", Outcome.REORDERED)))
    assert lines[0] == SummaryLine(2, Subject.TABLES, Finding.EQUAL)


def test_damaged_files_take_back_what_was_read_once() -> None:
    assert summarise(replace(MANIFEST, proof=Proof(ProofLevel.SEALED, NOW, failure="x is short"))) == ()


@pytest.mark.parametrize(
    ("level", "counts", "expected"),
    [
        (ProofLevel.SEALED, True, [(Subject.FILES, Finding.HASHED)]),
        (
            ProofLevel.COMPLETE,
            True,
            [
                (Subject.FILES, Finding.HASHED),
                (Subject.TABLES, Finding.READ),
                (Subject.ROWS, Finding.COUNTED),
                (Subject.LARGE_OBJECTS, Finding.READ),
            ],
        ),
        (
            ProofLevel.COMPLETE,
            False,
            [
                (Subject.FILES, Finding.HASHED),
                (Subject.TABLES, Finding.READ),
                (Subject.ROWS, Finding.READ),
                (Subject.LARGE_OBJECTS, Finding.READ),
            ],
        ),
    ],
)
def test_without_a_restore_it_says_what_was_read(
    level: ProofLevel, counts: bool, expected: list[tuple[Subject, Finding]]
) -> None:
    manifest = replace(MANIFEST, proof=Proof(level, NOW), options=BackupOptions(counts=counts))
    assert [(line.subject, line.finding) for line in summarise(manifest)] == expected
