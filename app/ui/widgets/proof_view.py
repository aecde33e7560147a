"""What was shown of a backup: in a few lines beside the detail, and object by object in a tab of its own."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QScrollArea, QVBoxLayout, QWidget

from app.domain.backup import Manifest
from app.domain.proof import ObjectOutcome, Outcome, ProofLevel
from app.domain.proof_summary import Finding, Subject, SummaryLine, summarise
from app.ui import formats
from app.ui.engine_words import translated
from app.ui.history_words import moment_inside
from app.ui.models.plain_rows import Field, PlainRows
from app.ui.theme import L, M, S
from app.ui.widgets.badge import QT_TRANSLATE_NOOP
from app.ui.widgets.basics import breakable, column, label, row
from app.ui.widgets.elided_label import ElidedLabel
from app.ui.widgets.icon_label import IconLabel
from app.ui.widgets.message_panel import MessagePanel
from app.ui.widgets.plain_table import PlainTable

translate = QCoreApplication.translate

_BAD = (Finding.DIFFERS, Finding.NOT_RESTORABLE)
_FINDINGS = {
    Finding.IDENTICAL: QT_TRANSLATE_NOOP("proof", "byte for byte"),
    Finding.EQUAL: QT_TRANSLATE_NOOP("proof", "equal"),
    Finding.REORDERED: QT_TRANSLATE_NOOP("proof", "in other order"),
    Finding.RECOMPUTED: QT_TRANSLATE_NOOP("proof", "recomputed"),
    Finding.NOT_CHECKED: QT_TRANSLATE_NOOP("proof", "not checked"),
    Finding.NOT_RESTORABLE: QT_TRANSLATE_NOOP("proof", "not restorable"),
    Finding.DIFFERS: QT_TRANSLATE_NOOP("proof", "differs"),
    Finding.COUNTED: QT_TRANSLATE_NOOP("proof", "as counted"),
    Finding.READ: QT_TRANSLATE_NOOP("proof", "read back"),
    Finding.HASHED: QT_TRANSLATE_NOOP("proof", "hashed"),
}
_OUTCOMES = {
    Outcome.IDENTICAL: Finding.EQUAL,
    Outcome.REORDERED: Finding.REORDERED,
    Outcome.RECOMPUTED: Finding.RECOMPUTED,
    Outcome.NOT_CHECKED: Finding.NOT_CHECKED,
    Outcome.NOT_RESTORABLE: Finding.NOT_RESTORABLE,
    Outcome.DIFFERS: Finding.DIFFERS,
}


class ProofSummary(QScrollArea):
    """The few lines."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def show_proof(self, manifest: Manifest) -> None:
        """Show what was found out about this backup."""
        proof = manifest.proof
        holder = QWidget()
        layout = column(label(self._title(manifest), "section"), spacing=S - 1)
        layout.setContentsMargins(M + 2, M - 2, L, M)
        if proof.has_failed and not any(one.outcome.is_failure for one in proof.objects):
            layout.addWidget(label(breakable(proof.failure), "error", wrap=True))
        for one in summarise(manifest):
            subject = ElidedLabel(self._subject(one), mode=Qt.TextElideMode.ElideRight)
            finding = label(translate("proof", _FINDINGS[one.finding]), "caption")
            line = row(IconLabel(*_icon(one.finding), 16), subject, finding)
            line.setStretch(1, 1)
            layout.addLayout(line)
        if not proof.objects and not proof.has_failed:
            layout.addWidget(label(self.tr("Not restored yet: Prove does that."), "caption", wrap=True))
        layout.addStretch(1)
        holder.setLayout(layout)
        self.setWidget(holder)

    def _subject(self, one: SummaryLine) -> str:
        """“42 tables”, “18,731,902 rows”, “1 × index”."""
        count = one.count
        words = {
            Subject.TABLES: self.tr("%1 table(s)", "", count),
            Subject.ROWS: self.tr("%1 row(s)", "", count),
            Subject.SEQUENCES: self.tr("%1 sequence(s)", "", count),
            Subject.LARGE_OBJECTS: self.tr("%1 large object(s)", "", count),
            Subject.OBJECTS: self.tr("%1 object(s)", "", count),
            Subject.FILES: self.tr("%1 file(s)", "", count),
        }
        number = formats.count(count)
        if one.kind and one.subject is Subject.OBJECTS:
            return f"{number} × {one.kind.lower()}"
        return words[one.subject].replace("%1", number)

    def _title(self, manifest: Manifest) -> str:
        proof = manifest.proof
        if proof.objects or proof.server:
            took = formats.duration(proof.seconds)
            text = self.tr("Proof failed, took %1") if proof.has_failed else self.tr("Proof, took %1")
            return text.replace("%1", took)
        return self.tr("Proof failed") if proof.has_failed else self.tr("Checked while it was made")


class ProofReport(QWidget):
    """Verdict, notes and every object, exceptions first; `prove_wanted` asks for a proof."""

    prove_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._panel = MessagePanel()
        self._verdict = label("", "second", wrap=True)
        self._rows: PlainRows[ObjectOutcome] = PlainRows(
            (
                Field(
                    self.tr("Object"),
                    lambda one: f"{one.kind.capitalize()} {one.name}",
                    tool_tip=lambda one: f"{one.kind} {one.name}",
                    icon=lambda one: _icon(_OUTCOMES[one.outcome]),
                ),
                Field(
                    self.tr("Outcome"),
                    lambda one: translate("proof", _FINDINGS[_OUTCOMES[one.outcome]]),
                    key=lambda one: list(Outcome).index(one.outcome),
                    colour=lambda one: "bad" if one.outcome.is_failure else "text2",
                ),
                Field(self.tr("Reason"), _reason, tool_tip=_reason),
            ),
            self,
        )
        self.table = PlainTable(self._rows, self.tr("Objects of the backup"), widest=130)
        head = column(self._panel, self._verdict, None, spacing=S)
        head.setContentsMargins(M + 4, M, M + 4, S)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addWidget(self.table, 1)

    def show_proof(self, manifest: Manifest, now: datetime) -> None:
        """Show what was found out about this backup."""
        proof = manifest.proof
        if proof.has_failed:
            self._panel.say("bad", self.tr("The proof failed"), proof.failure)
        else:
            self._panel.hide()
        said = "" if proof.has_failed else self._said(manifest, now)
        self._verdict.setText(formats.sentences(said, *map(translated, proof.notes)))
        self._verdict.setToolTip(formats.exact_moment(proof.checked_at))
        self._verdict.setVisible(bool(self._verdict.text()))
        ordered = sorted(proof.objects, key=_order)
        self._rows.show_rows(ordered)
        self.table.setVisible(bool(ordered))

    def _said(self, manifest: Manifest, now: datetime) -> str:
        proof = manifest.proof
        when = moment_inside(proof.checked_at, now)
        if proof.server:
            text = self.tr("Restored into PostgreSQL %1 and compared, %2, in %3")
            return (
                text.replace("%1", proof.server)
                .replace("%2", when)
                .replace("%3", formats.duration(proof.seconds))
            )
        if proof.level is ProofLevel.SEALED:
            return self.tr("Every file is hashed and its table of contents was read. Nothing was restored.")
        text = self.tr(
            "Every row was read back to its end, and there are as many as the server counted. "
            "Nothing was restored yet."
        )
        if not manifest.is_counted:
            text = self.tr("Every row was read back to its end. Nothing was restored yet.")
        return text


def _reason(one: ObjectOutcome) -> str:
    return translated(one.reason)


def _icon(finding: Finding) -> tuple[str, str]:
    if finding in _BAD:
        return "warning-octagon-fill", "bad"
    if finding is Finding.NOT_CHECKED:
        return "minus-circle", "text2"
    if finding is Finding.RECOMPUTED:
        return "arrow-clockwise", "text2"
    return "check-circle-fill", "ok"


def _order(one: ObjectOutcome) -> tuple[bool, bool, str, str]:
    return not one.outcome.is_failure, one.outcome is Outcome.IDENTICAL, one.kind, one.name
