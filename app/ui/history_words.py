"""What the history says of a backup, in the window's words: each cell of its table, and its headings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from PySide6.QtCore import QCoreApplication, QLocale

from app.domain.history import Entry, Result
from app.persistence.history_query import Listed
from app.ui import formats
from app.ui.widgets.badge import (
    CANCELLED,
    FAILED,
    GOOD,
    INTERRUPTED,
    MISSING,
    PROOF_FAILED,
    PROOF_STATUS,
    Status,
)

translate = QCoreApplication.translate

NOTABLE_TREND = 0.2
"""From here on a change of size against the backup before it is worth a second look."""

RESULTS = {
    Result.SUCCEEDED: GOOD,
    Result.FAILED: FAILED,
    Result.CANCELLED: CANCELLED,
    Result.INTERRUPTED: INTERRUPTED,
}


@dataclass(frozen=True, slots=True)
class Cell:
    """What is painted in a cell.

    Attributes:
        status: icon, word and colour; None for plain text.
        icon: one that stands alone.
        colour: of the text, by name in `theme.Colours`.
        said: what a screen reader says where it is not the text.
    """

    text: str
    status: Status | None = None
    icon: str = ""
    colour: str = "text"
    said: str = ""
    is_strong: bool = False

    @property
    def spoken(self) -> str:
        """For screen readers."""
        return self.said or self.text


def cell_of(listed: Listed, column: str, now: datetime) -> Cell:
    """One cell of the table.

    Args:
        column: the name of a `history_model.Column`.
        now: for “Today”.
    """
    entry = listed.entry
    if column == "PIN":
        return (
            Cell("", icon="push-pin-fill", said=translate("history", "Pinned")) if entry.pinned else Cell("")
        )
    if column == "TIME":
        return Cell(formats.moment(entry.started, now))
    if column == "PROJECT":
        return Cell(entry.project)
    if column == "KIND":
        return Cell(kind_word(entry.kind), colour="text2")
    if column == "RESULT":
        status = result_of(entry)
        return Cell(translate("history", "Missing") if status is MISSING else status.text, status)
    if column == "PROOF":
        proof = proof_of(entry)
        return Cell(formats.DASH, colour="text2") if proof is None else Cell(proof.text, proof)
    if column == "SIZE":
        return Cell(formats.size(entry.bytes if entry.result is Result.SUCCEEDED else None))
    if column == "DURATION":
        return Cell(formats.duration(entry.seconds))
    trend = listed.trend
    if trend is None:
        return Cell("")
    is_notable = abs(trend) > NOTABLE_TREND
    return Cell(trend_text(trend), colour="warn" if is_notable else "text2", is_strong=is_notable)


def tool_tip_of(listed: Listed, column: str) -> str:
    """The exact value, or the whole of what may be cut."""
    entry = listed.entry
    if column == "TIME":
        return formats.exact_moment(entry.started)
    if column == "PROJECT":
        return "\n".join(filter(None, (entry.project, entry.note)))
    if column == "RESULT":
        return entry.error_title
    if column == "PROOF":
        return entry.proof_failure
    if column == "SIZE" and entry.result is Result.SUCCEEDED:
        return formats.exact_size(entry.bytes)
    if column == "DURATION" and entry.seconds is not None:
        return translate("history", "%1 seconds").replace("%1", formats.count(round(entry.seconds)))
    if column == "TREND" and listed.previous_bytes is not None:
        return translate("history", "%1 before").replace("%1", formats.exact_size(listed.previous_bytes))
    return ""


def result_of(entry: Entry) -> Status:
    """How the attempt ended, or that its backup is gone."""
    return MISSING if entry.missing and entry.result is Result.SUCCEEDED else RESULTS[entry.result]


def proof_of(entry: Entry) -> Status | None:
    """How far it is proven; None for what left no backup."""
    if entry.proof_failure:
        return PROOF_FAILED
    return None if entry.proof_level is None else PROOF_STATUS[entry.proof_level]


def result_words() -> tuple[str, ...]:
    """What the column of results can say."""
    return *(status.text for status in RESULTS.values()), translate("history", "Missing")


def proof_words() -> tuple[str, ...]:
    """What the column of proofs can say."""
    return *(status.text for status in PROOF_STATUS.values()), PROOF_FAILED.text


def badge_of(entry: Entry) -> Status:
    """The one status that stands beside its name."""
    result = result_of(entry)
    return (proof_of(entry) or result) if result is GOOD else result


def kind_word(kind: str) -> str:
    """Manual, scheduled or safety; what a newer Holdfast calls otherwise stands as it is."""
    words = {
        "manual": translate("history", "Manual"),
        "scheduled": translate("history", "Scheduled"),
        "safety": translate("history", "Safety"),
    }
    return words.get(kind, kind)


def trend_text(trend: float) -> str:
    """“+0.2%”, “−38%”: with one digit below ten percent."""
    percent = abs(trend) * 100
    digits = 1 if round(percent, 1) < 10 else 0
    sign = "" if round(percent, digits) == 0 else "+" if trend > 0 else "−"
    return f"{sign}{QLocale().toString(percent, 'f', digits)}%"


def name_of(entry: Entry, now: datetime) -> str:
    """“Shop, today 02:30”."""
    when = moment_inside(entry.started, now)
    return translate("history", "%1, %2").replace("%2", when).replace("%1", entry.project)


def moment_inside(when: datetime, now: datetime) -> str:
    """A time inside of a sentence: “today 02:30”."""
    text = formats.moment(when, now)
    is_near = abs((when.astimezone().date() - now.astimezone().date()).days) <= 1
    return text[:1].lower() + text[1:] if is_near else text
