"""Sums a proof up in a few lines: how much of what was found to be how."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from app.domain.backup import Manifest
from app.domain.proof import ObjectOutcome, Outcome, ProofLevel


class Subject(StrEnum):
    """What a line counts."""

    TABLES = "tables"
    ROWS = "rows"
    SEQUENCES = "sequences"
    LARGE_OBJECTS = "large objects"
    OBJECTS = "objects"
    """Everything else: definitions, comments, privileges."""
    FILES = "files"


class Finding(StrEnum):
    """What is known of them."""

    IDENTICAL = "byte for byte"
    EQUAL = "equal"
    REORDERED = "identical in other order"
    RECOMPUTED = "recomputed"
    NOT_CHECKED = "not checked"
    NOT_RESTORABLE = "not restorable as is"
    DIFFERS = "differs"
    COUNTED = "counted by the server"
    READ = "read to the end"
    HASHED = "hashed"


@dataclass(frozen=True, slots=True)
class SummaryLine:
    """So many of these were found to be so; `kind` is pg_dump's word where all are of one kind."""

    count: int
    subject: Subject
    finding: Finding
    kind: str = ""


_ROWS, _BLOB, _SEQUENCE = "TABLE DATA", "BLOB", "SEQUENCE SET"
_SUBJECTS = {_ROWS: Subject.TABLES, _BLOB: Subject.LARGE_OBJECTS, _SEQUENCE: Subject.SEQUENCES}
_FINDINGS = {
    Outcome.IDENTICAL: Finding.EQUAL,
    Outcome.REORDERED: Finding.REORDERED,
    Outcome.RECOMPUTED: Finding.RECOMPUTED,
    Outcome.NOT_CHECKED: Finding.NOT_CHECKED,
    Outcome.NOT_RESTORABLE: Finding.NOT_RESTORABLE,
    Outcome.DIFFERS: Finding.DIFFERS,
}
_SAME = (Outcome.IDENTICAL, Outcome.REORDERED)


def summarise(manifest: Manifest) -> tuple[SummaryLine, ...]:
    """What was shown of a backup: failures first, then what is equal, then what could not be compared."""
    objects = manifest.proof.objects
    if objects:
        failing = [one for one in objects if one.outcome.is_failure]
        others = [one for one in objects if not one.outcome.is_failure]
        return (*_of_exceptions(failing), *_of_equals(manifest, objects), *_of_exceptions(others))
    if manifest.proof.has_failed:
        return ()  # files or streams are not what they were: what was read once says nothing any more
    lines = [SummaryLine(len(manifest.files), Subject.FILES, Finding.HASHED)]
    if manifest.proof.level is not ProofLevel.SEALED:
        lines.append(SummaryLine(len(manifest.tables), Subject.TABLES, Finding.READ))
        finding = Finding.COUNTED if manifest.is_counted else Finding.READ
        lines.append(SummaryLine(manifest.rows, Subject.ROWS, finding))
        if manifest.large_objects.count:
            lines.append(SummaryLine(manifest.large_objects.count, Subject.LARGE_OBJECTS, Finding.READ))
    return tuple(lines)


def _of_equals(manifest: Manifest, objects: Iterable[ObjectOutcome]) -> list[SummaryLine]:
    same = Counter(_subject(one) for one in objects if one.outcome in _SAME)
    reordered = {_subject(one) for one in objects if one.outcome is Outcome.REORDERED}
    lines = []
    for subject in (Subject.TABLES, Subject.SEQUENCES, Subject.LARGE_OBJECTS, Subject.OBJECTS):
        if same[subject]:
            finding = Finding.EQUAL
            if subject is Subject.TABLES and subject not in reordered:
                finding = Finding.IDENTICAL
            lines.append(SummaryLine(same[subject], subject, finding))
        if subject is Subject.TABLES and same[subject] and same[subject] == len(manifest.tables):
            lines.append(SummaryLine(manifest.rows, Subject.ROWS, Finding.EQUAL))
    return lines


def _of_exceptions(objects: Iterable[ObjectOutcome]) -> list[SummaryLine]:
    counts = Counter((one.outcome, one.kind) for one in objects if one.outcome not in _SAME)
    order = list(Outcome)
    return [
        SummaryLine(number, _SUBJECTS.get(kind, Subject.OBJECTS), _FINDINGS[outcome], kind)
        for (outcome, kind), number in sorted(
            counts.items(), key=lambda one: (order.index(one[0][0]), -one[1], one[0][1])
        )
    ]


def _subject(one: ObjectOutcome) -> Subject:
    return _SUBJECTS.get(one.kind, Subject.OBJECTS)
