"""The list of a connection check: it fills line by line, and each failure has its remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from app.domain.errors import AppError
from app.domain.remedy import Remedy, remedies_of
from app.ui import formats
from app.ui.engine_words import translated
from app.ui.error_words import in_language
from app.ui.remedy_words import remedy_words
from app.ui.theme import M, S
from app.ui.widgets.badge import QT_TRANSLATE_NOOP
from app.ui.widgets.basics import breakable, button, card, column, label, line, restyle, row, scrolled
from app.ui.widgets.icon_label import IconLabel

if TYPE_CHECKING:
    from app.engine.connection_check import CheckLine

_STEPS = {
    "host": QT_TRANSLATE_NOOP("check", "Host found"),
    "reach": QT_TRANSLATE_NOOP("check", "Reached"),
    "tls": QT_TRANSLATE_NOOP("check", "TLS"),
    "sign-in": QT_TRANSLATE_NOOP("check", "Signed in"),
    "tool": QT_TRANSLATE_NOOP("check", "Version and tool"),
    "privileges": QT_TRANSLATE_NOOP("check", "Privileges"),
    "row-security": QT_TRANSLATE_NOOP("check", "Row security"),
    "size": QT_TRANSLATE_NOOP("check", "Size and time"),
}
"""The steps of `CheckStep`, in their order; the engine's module is loaded by the first check."""
_OFFERED = 2


class ConnectionChecklist(QWidget):
    """`remedy_wanted` carries the `Remedy` of a button."""

    remedy_wanted = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._summary = label("", "hint")
        self._states: dict[str, str] = {}
        self.lines = {step: _Line(step) for step in _STEPS}
        frame = card()
        inside = QVBoxLayout()
        inside.setContentsMargins(1, 1, 1, 1)
        inside.setSpacing(0)
        for number, one in enumerate(self.lines.values()):
            if number:
                inside.addWidget(line())
            inside.addWidget(one)
            one.remedy_wanted.connect(self.remedy_wanted)
        frame.setLayout(inside)
        body = QWidget()
        body.setLayout(column(frame, None, spacing=0))
        heading = row(label(self.tr("Connection check"), "section"), None, self._summary)
        self.setLayout(column(heading, scrolled(body), spacing=S))
        self.clear()

    @property
    def passed(self) -> bool:
        """Whether each step was tried and passed."""
        return all(self._states.get(step) == "passed" for step in _STEPS)

    @property
    def failures(self) -> int:
        """How many steps failed."""
        return sum(state == "failed" for state in self._states.values())

    def clear(self) -> None:
        """Nothing was checked."""
        self._states.clear()
        for one in self.lines.values():
            one.show_open()
        self._summary.setText("")

    def show_line(self, checked: CheckLine) -> None:
        """Show how a step stands now."""
        self._states[checked.step.value] = checked.state.value
        self.lines[checked.step.value].show_line(checked)
        self._summarize()

    def _summarize(self) -> None:
        passed = sum(state == "passed" for state in self._states.values())
        text = self.tr("%1 of %2 passed").replace("%1", formats.count(passed))
        text = text.replace("%2", formats.count(len(_STEPS)))
        if self.failures:
            text += self.tr(", %1 failed").replace("%1", formats.count(self.failures))
        self._summary.setText(text)


class _Line(QFrame):
    """One step."""

    remedy_wanted = Signal(object)

    def __init__(self, step: str) -> None:
        super().__init__()
        self.setProperty("role", "panel")
        self._words = QCoreApplication.translate("check", _STEPS[step])
        self._icon = IconLabel("circle", "text3", 18)
        self.title = label(self._words, "label", wrap=True)
        self.text = label("", "second", wrap=True)
        self.hint = label("", "second", wrap=True)
        self.buttons = QHBoxLayout()
        self.buttons.setContentsMargins(0, 4, 0, 2)
        self.buttons.setSpacing(S)
        layout = row(self._icon, column(self.title, self.text, self.hint, self.buttons, spacing=1), spacing=M)
        layout.setContentsMargins(M, 5, M, 5)
        layout.setAlignment(self._icon, Qt.AlignmentFlag.AlignTop)
        layout.setStretch(1, 1)
        for text in (self.title, self.text, self.hint):
            text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.setLayout(layout)
        self.show_open()

    def show_open(self) -> None:
        """It was not tried yet."""
        self._show("circle", "text3", self._words)
        self.title.setEnabled(False)

    def show_line(self, checked: CheckLine) -> None:
        """Show how it stands."""
        self.title.setEnabled(True)
        match checked.state.value:
            case "running":
                self._show("", "accent", self._words, self.tr("checking…"))
            case "passed":
                self._show("check-circle-fill", "ok", self._words, _sentence(translated(checked.found)))
            case "failed" if checked.failure is not None:
                self._show_failure(checked.failure, checked.found)
            case _:
                self._show("minus-circle", "text3", self._words, self.tr("not tried"))
                self.title.setEnabled(False)

    def _show_failure(self, failure: AppError, found: str) -> None:
        shown = in_language(failure)
        text = formats.sentences(translated(found), shown.detail)
        self._show("warning-octagon-fill", "bad", shown.title, text, shown.hint, "bad")
        for remedy in [one for one in remedies_of(failure) if one is not Remedy.EDIT_CONNECTION][:_OFFERED]:
            made = button(remedy_words(remedy), size="small")
            made.clicked.connect(lambda _=False, remedy=remedy: self.remedy_wanted.emit(remedy))
            self.buttons.addWidget(made)
        self.buttons.addStretch(1)

    def _show(
        self, icon_name: str, colour: str, title: str, text: str = "", hint: str = "", tone: str = ""
    ) -> None:
        self._icon.show_icon(icon_name, colour)
        self.title.setText(title)
        for shown, words in ((self.text, text), (self.hint, hint)):
            shown.setText(breakable(words))
            shown.setVisible(bool(words))
        if self.property("tone") != tone:
            self.setProperty("tone", tone)
            restyle(self)
        while item := self.buttons.takeAt(0):
            if old := item.widget():
                old.deleteLater()
        self.setAccessibleName(title)
        self.setAccessibleDescription(formats.sentences(text, hint))


def _sentence(text: str) -> str:
    """With a capital, unless it begins with the name of a host or a role."""
    is_word = text.partition(" ")[0].strip(",;:.").isalpha()
    return text[:1].upper() + text[1:] if is_word else text
