"""Settings, Security: which keyring holds the passwords, and how it is made to forget them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QWidget

from app.domain.errors import AppError
from app.ui import formats
from app.ui.error_words import in_language
from app.ui.question import Question
from app.ui.settings_pages.page import Rows, SettingsPage
from app.ui.state import State
from app.ui.theme import S
from app.ui.widgets.basics import button, label, row
from app.ui.widgets.icon_label import IconLabel
from app.ui.widgets.message_panel import MessagePanel

if TYPE_CHECKING:
    from app.ui.keyring_work import KeyringFacts


class SecurityPage(SettingsPage):
    """The keyring is asked when the page is first shown: it may want its user's password first."""

    def __init__(self, state: State, parent: QWidget | None = None) -> None:
        super().__init__(QCoreApplication.translate("SecurityPage", "Security"), parent=parent)
        self._state = state
        self._icon = IconLabel("", "text3", 16)
        self.keyring = label("", "label", wrap=True)
        self.passwords = label("", wrap=True)
        self.problem = MessagePanel()
        self.forget = button(self.tr("Forget All Passwords…"))
        self.forget.setEnabled(False)
        self.forget.clicked.connect(self._ask)
        rows = Rows()
        named = row(self._icon, self.keyring, spacing=S)
        named.setStretch(1, 1)
        kept = self.tr(
            "Passwords are kept there and nowhere else: not in the settings, not in backups, not in logs."
        )
        self._kept = label(kept, "caption", wrap=True)
        rows.add(self.tr("Keyring"), named, self._kept, buddy=self.keyring)
        rows.add(self.tr("Passwords"), self.passwords, row(self.forget, None))
        self.body.addWidget(self.problem)
        self.body.addLayout(rows)
        self.body.addStretch(1)
        self._was_shown = False

    def showEvent(self, event: object) -> None:
        """Look, once."""
        if not self._was_shown:
            self._was_shown = True
            self.look()
        super().showEvent(event)  # type: ignore[arg-type]

    def look(self) -> None:
        """Ask the keyring anew."""
        projects = self._projects()

        def look() -> KeyringFacts:
            from app.ui.keyring_work import look_at_keyring

            return look_at_keyring(projects)

        self._icon.show_icon("", "text3")
        self.keyring.setText(self.tr("Asking the keyring…"))
        self._state.background.run(self, look, self._show, self._fail)

    def _projects(self) -> tuple[str, ...]:
        return tuple(project.name for project in self._state.settings.projects)

    def _show(self, facts: KeyringFacts) -> None:
        self.problem.hide()
        self.forget.setEnabled(bool(facts.held) or facts.has_more)
        self._kept.setVisible(not facts.problem)
        if facts.problem:
            self._icon.show_icon("warning-fill", "warn")
            self.keyring.setText(self.tr("There is none that can be used"))
            title = self.tr("Passwords are kept only until Holdfast ends")
            self._say_problem(title, formats.sentences(facts.problem))
            self.passwords.setText(self.tr("None is stored."))
            return
        self._icon.show_icon("key", "ok")
        self.keyring.setText(facts.name)
        total = len(self._projects())
        if total:
            text = self.tr("%1 of %n project(s) has its password there.", "", total)
            self.passwords.setText(text.replace("%1", formats.count(len(facts.held))))
        else:
            self.passwords.setText(self.tr("None is stored: there is no project yet."))

    def _fail(self, error: Exception) -> None:
        shown = in_language(error) if isinstance(error, AppError) else None
        title, hint = (shown.title, shown.hint) if shown else (str(error), "")
        self._icon.show_icon("warning-fill", "warn")
        self.keyring.setText(self.tr("It does not answer"))
        self._say_problem(title, hint)

    def _say_problem(self, title: str, hint: str) -> None:
        self.problem.say("warn", formats.sentences(title), hint, ((self.tr("Look Again"), self.look),))

    def _ask(self) -> None:
        Question(
            self.tr("Forget all passwords?"),
            self.tr(
                "The keyring removes the password of each project. Schedules fail until the passwords "
                "are given again. Projects and backups stay."
            ),
            ((self.tr("Forget All Passwords"), "danger", self._forget),),
            parent=self,
        ).open()

    def _forget(self) -> None:
        projects = self._projects()

        def forget() -> None:
            from app.ui.keyring_work import forget_passwords

            forget_passwords(projects)

        self.forget.setEnabled(False)
        self._state.background.run(self, forget, lambda _: self.look(), self._fail)
