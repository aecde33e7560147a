"""The plan of a restore as a person reads it: what is made, what is replaced, what is in the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from app.domain.restore import Action, PlannedObject, RestorePlan, Severity
from app.ui import formats
from app.ui.engine_words import translated
from app.ui.option_words import in_window_words
from app.ui.plurals import Plurals
from app.ui.theme import L, M
from app.ui.widgets.basics import card, column, label, line
from app.ui.widgets.icon_label import IconLabel

translate = QCoreApplication.translate
plan = Plurals("plan")

_FINDING_ICONS = {
    Severity.BLOCKS: ("warning-octagon-fill", "bad"),
    Severity.WARNS: ("warning-fill", "warn"),
    Severity.INFORMS: ("info", "text2"),
}
_SHOWN = ("TABLE", "VIEW", "MATERIALIZED VIEW", "SEQUENCE", "INDEX", "POLICY", "FUNCTION", "TRIGGER", "TYPE")
_MOST_NAMES = 4


@dataclass(frozen=True, slots=True)
class PlanLine:
    """One line: an icon with its colour, what happens, and more of it."""

    icon: str
    colour: str
    title: str
    detail: str = ""


class PlanList(QScrollArea):
    """A card with the lines of a plan, the weightiest first."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setAccessibleName(self.tr("Plan"))

    def show_plan(self, plan: RestorePlan) -> None:
        """Show this plan."""
        self._show(plan_lines(plan))

    def say(self, icon: str, colour: str, title: str, detail: str = "") -> None:
        """One line in the plan's place: that it is being made, or why it cannot be."""
        self._show((PlanLine(icon, colour, title, detail),))

    def _show(self, lines: Iterable[PlanLine]) -> None:
        frame = card()
        layout = QVBoxLayout(frame)
        layout.setContentsMargins(0, 4, 0, 4)
        layout.setSpacing(0)
        for number, one in enumerate(lines):
            if number:
                layout.addWidget(line())
            layout.addLayout(_line(one))
        holder = QWidget()
        outer = QVBoxLayout(holder)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(frame)
        outer.addStretch(1)
        self.setWidget(holder)


def plan_lines(plan: RestorePlan) -> tuple[PlanLine, ...]:
    """What a plan says, in lines: what blocks it, what it makes, what it replaces, the rest."""
    findings = {severity: [f for f in plan.findings if f.severity is severity] for severity in Severity}
    lines = []
    for severity in (Severity.BLOCKS,):
        lines += [_of_finding(severity, f.title, f.detail, f.hint) for f in findings[severity]]
    by_action = {action: [one for one in plan.objects if one.action is action] for action in Action}
    if created := by_action[Action.CREATE]:
        lines.append(
            PlanLine(
                "plus", "ok", translate("plan", "Creates %1").replace("%1", _kinds(created)), _rows(created)
            )
        )
    if replaced := by_action[Action.REPLACE]:
        title = translate("plan", "Replaces %1").replace("%1", _kinds(replaced))
        lines.append(PlanLine("warning-fill", "warn", title, _names(replaced)))
    for severity in (Severity.WARNS,):
        lines += [_of_finding(severity, f.title, f.detail, f.hint) for f in findings[severity]]
    lines += _with_reasons(by_action[Action.CHANGE], "pencil-simple", translate("plan", "Changes %1"))
    lines += _with_reasons(by_action[Action.SKIP], "minus-circle", translate("plan", "Skips %1"))
    for severity in (Severity.INFORMS,):
        lines += [_of_finding(severity, f.title, f.detail, f.hint) for f in findings[severity]]
    return tuple(lines)


def _of_finding(severity: Severity, title: str, detail: str, hint: str) -> PlanLine:
    helps = in_window_words(translated(hint))
    return PlanLine(
        *_FINDING_ICONS[severity], translated(title), formats.sentences(translated(detail), helps)
    )


def _with_reasons(objects: list[PlannedObject], icon: str, words: str) -> list[PlanLine]:
    by_reason: dict[str, list[PlannedObject]] = {}
    for one in objects:
        by_reason.setdefault(one.reason, []).append(one)
    return [
        PlanLine(
            icon,
            "text2",
            words.replace("%1", _kinds(some)),
            "\n".join(filter(None, (_names(some), formats.sentences(translated(reason))))),
        )
        for reason, some in by_reason.items()
    ]


def _kinds(objects: Iterable[PlannedObject]) -> str:
    counted = Counter(one.kind for one in objects)
    data = counted.pop("TABLE DATA", 0)
    named = [(kind, counted[kind]) for kind in _SHOWN if counted[kind]]
    others = sum(counted.values()) - sum(number for _, number in named)
    words = [f"{formats.count(number)} {_kind_words(kind, number)}" for kind, number in named[:3]]
    others += sum(number for _, number in named[3:])
    if not words and data:
        return plan.tr("the rows of %n table(s)", "", data)
    if others:
        words.append(plan.tr("%n other object(s)", "", others))
    return ", ".join(words)


def _kind_words(kind: str, number: int) -> str:
    one = {
        "TABLE": translate("plan", "table"),
        "VIEW": translate("plan", "view"),
        "MATERIALIZED VIEW": translate("plan", "materialized view"),
        "SEQUENCE": translate("plan", "sequence"),
        "INDEX": translate("plan", "index"),
        "POLICY": translate("plan", "policy"),
        "FUNCTION": translate("plan", "function"),
        "TRIGGER": translate("plan", "trigger"),
        "TYPE": translate("plan", "type"),
    }
    many = {
        "TABLE": translate("plan", "tables"),
        "VIEW": translate("plan", "views"),
        "MATERIALIZED VIEW": translate("plan", "materialized views"),
        "SEQUENCE": translate("plan", "sequences"),
        "INDEX": translate("plan", "indexes"),
        "POLICY": translate("plan", "policies"),
        "FUNCTION": translate("plan", "functions"),
        "TRIGGER": translate("plan", "triggers"),
        "TYPE": translate("plan", "types"),
    }
    return (one if number == 1 else many)[kind]


def _rows(objects: Iterable[PlannedObject]) -> str:
    known = [one.rows for one in objects if one.kind == "TABLE DATA" and one.rows is not None]
    return translate("plan", "with %1 rows").replace("%1", formats.count(sum(known))) if known else ""


def _names(objects: list[PlannedObject]) -> str:
    names = list(dict.fromkeys(one.name for one in objects))
    text = ", ".join(names[:_MOST_NAMES])
    rest = len(names) - _MOST_NAMES
    return text if rest <= 0 else plan.tr("%1 and %n more", "", rest).replace("%1", text)


def _line(one: PlanLine) -> QHBoxLayout:
    made = QHBoxLayout()
    made.setContentsMargins(M, M - 2, M, M - 2)
    made.setSpacing(M)
    icon = column(IconLabel(one.icon, one.colour, 18), None)
    texts = column(label(one.title, "label", wrap=True), spacing=2)
    if one.detail:
        texts.addWidget(label(one.detail, "second", wrap=True))
    made.addLayout(icon)
    made.addLayout(texts, 1)
    made.addSpacing(L - M)
    return made
