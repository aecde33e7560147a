"""One channel of reminders: its switch, its fields, what it tells of, and a test."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from app.domain.errors import AppError
from app.domain.reminder_rules import silence
from app.domain.reminders import ALARMS, AnyChannel, Channel, DeadMan, Occasion, field_of, problems
from app.ui import formats
from app.ui.error_words import in_language
from app.ui.reminder_words import channel_name, channel_purpose, occasion_words
from app.ui.settings_pages.page import Rows
from app.ui.state import State
from app.ui.theme import M, S
from app.ui.widgets.basics import button, column, label, row
from app.ui.widgets.icon_label import IconLabel
from app.ui.widgets.message_panel import MessagePanel
from app.ui.widgets.reminder_fields import ReminderFields
from app.ui.widgets.switch import Switch

if TYPE_CHECKING:
    from app.ui.reminder_work import SecretFacts


class ReminderForm(QWidget):
    """What is entered applies when a field is left, and only when all of it can be used."""

    def __init__(self, state: State, channel: Channel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state, self._channel = state, channel
        self._touched: set[str] = set()
        self._is_testing = self._was_shown = False
        self.switch = Switch(self.tr("Tell by %1").replace("%1", channel_name(channel)))
        self.standing = label("", "label")
        self.problem = MessagePanel()
        self.fields = ReminderFields(channel)
        self.boxes = {occasion: QCheckBox(occasion_words(occasion), self) for occasion in Occasion}
        self.test = button(self.tr("Send Test"), "megaphone-simple")
        self._icon = IconLabel("", "ok", 16)
        self.result = label("", "second", wrap=True)
        self._arrange()
        self._forget_result()
        self._show()
        self.switch.toggled.connect(lambda _: self._keep(all_fields=True))
        self.fields.left.connect(self._leave)
        self.fields.changed.connect(self._forget_result)
        self.fields.secret_given.connect(self._keep_secret)
        for made in self.boxes.values():
            made.toggled.connect(lambda _: self._keep())
        self.test.clicked.connect(self._send)
        state.settings_changed.connect(self._show_standing)
        state.history_changed.connect(self._show_standing)

    @property
    def current(self) -> AnyChannel | None:
        """What is kept."""
        return self._state.settings.reminders.of(self._channel)

    @property
    def entered(self) -> AnyChannel:
        """What stands in the fields."""
        chosen = tuple(occasion for occasion, made in self.boxes.items() if made.isChecked())
        return self.fields.channel(self._state.now(), chosen, enabled=self.switch.isChecked())

    def showEvent(self, event: object) -> None:
        """Ask the keyring, once."""
        if not self._was_shown:
            self._was_shown = True
            self._look_at_secret()
        super().showEvent(event)  # type: ignore[arg-type]

    def _arrange(self) -> None:
        head = row(self.switch, self.standing, None, spacing=M)
        rows = Rows()
        said = row(self._icon, self.result, spacing=S)
        said.setStretch(1, 1)
        rows.add(self.tr("Test"), self.test, said)
        if self._channel is Channel.DEAD_MAN:
            for made in self.boxes.values():
                made.hide()
        else:
            rows.add(self.tr("Tell me when"), column(*self.boxes.values(), spacing=S + 2))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(M + 2)
        if purpose := channel_purpose(self._channel):
            layout.addWidget(label(purpose, "second", wrap=True))
        layout.addLayout(head)
        layout.addWidget(self.problem)
        layout.addWidget(self.fields)
        layout.addLayout(rows)

    def _show(self) -> None:
        current = self.current
        chosen = current.occasions if current is not None else ALARMS
        with QSignalBlocker(self.switch):
            self.switch.setChecked(current is not None and current.enabled)
        for occasion, made in self.boxes.items():
            with QSignalBlocker(made):
                made.setChecked(occasion in chosen)
        if current is not None:
            self.fields.show_channel(current)
        self._show_standing()

    def _show_standing(self) -> None:
        """On or off, and whether anything gets through."""
        current = self.current
        on, off = self.tr("On"), self.tr("Off")
        is_kept = current is not None and current.enabled
        self.standing.setText(on if is_kept else off)
        self.problem.hide()
        if self.switch.isChecked() and not is_kept:
            self.standing.setText(self.tr("Not on yet: something is missing below"))
        if current is None or not current.enabled:
            return
        found = silence(self._channel, current.since, self._state.catalog.tries())
        if found is None:
            return
        when = formats.moment(found.since, self._state.now(), self._state.zone)
        title = self.tr("Reminders do not get through. First try in vain: %1.").replace("%1", when)
        self.problem.say("warn", title, formats.sentences(found.problem))

    def _leave(self, name: str) -> None:
        self._touched.add(name)
        self._keep()

    def _keep(self, *, all_fields: bool = False) -> None:
        """Keep what stands in the fields, unless something is wrong with it; that is marked."""
        entered, current = self.entered, self.current
        found = problems(entered)
        if all_fields and self.switch.isChecked():
            self._touched |= found.keys()
            if found and self.isVisible():
                self.fields.focus(next(iter(found)))
        is_cleared = self.fields.is_empty and not self.switch.isChecked()
        self.fields.mark({} if is_cleared else {n: p for n, p in found.items() if n in self._touched})
        if is_cleared:
            entered_now: AnyChannel | None = None
        elif found:
            self._show_standing()
            return
        else:
            entered_now = _as_of(entered, current)
        if entered_now != current:
            self._store(entered_now)
        self._show_standing()

    def _store(self, made: AnyChannel | None) -> None:
        change: dict[str, Any] = {field_of(self._channel): made}
        self._state.change_settings(
            lambda settings: replace(settings, reminders=replace(settings.reminders, **change))
        )
        if made is None:
            self._forget_secret()
        elif self._was_shown:
            self._look_at_secret()

    def _forget_secret(self) -> None:
        channel = self._channel
        if channel not in (Channel.EMAIL, Channel.WEBHOOK):
            return

        def forget() -> None:
            from app.ui.reminder_work import forget_secret

            forget_secret(channel)

        self._state.background.run(self, forget, lambda _: None, self._fail_secret)

    def _look_at_secret(self) -> None:
        if not self.fields.has_secret:
            return
        channel = self._channel

        def look() -> SecretFacts:
            from app.ui.reminder_work import look_at_secret

            return look_at_secret(channel)

        self._state.background.run(self, look, self._show_secret, self._fail_secret)

    def _keep_secret(self) -> None:
        """Hand what was entered to the keyring; the field is empty when it has it."""
        secret, channel = self.fields.entered_secret, self._channel
        if secret is None:
            return

        def keep() -> SecretFacts:
            from app.ui.reminder_work import keep_secret

            return keep_secret(channel, secret)

        def kept(facts: SecretFacts) -> None:
            if not facts.problem and self.fields.entered_secret == secret:
                self.fields.secret.clear()
            self._show_secret(facts)

        self.fields.say_stored(self.tr("Storing it…"), is_held=False)
        self._state.background.run(self, keep, kept, self._fail_secret)

    def _show_secret(self, facts: SecretFacts) -> None:
        if facts.problem:
            text = self.tr("There is no keyring that can be used: set %1 in the environment.")
            self.fields.say_stored(text.replace("%1", facts.variable), is_held=False, is_safe=False)
            self.fields.stored.setToolTip(facts.problem)
        elif facts.is_held:
            text = self.tr("stored in %1").replace("%1", facts.keyring)
            self.fields.say_stored(text, is_held=True)
        else:
            text = self.tr("will be stored in %1").replace("%1", facts.keyring)
            self.fields.say_stored(text, is_held=False)

    def _fail_secret(self, error: Exception) -> None:
        said = str(error) if isinstance(error, AppError) else type(error).__name__
        self.fields.say_stored(formats.sentences(said), is_held=False, is_safe=False)

    def _forget_result(self) -> None:
        """What was tested is not what stands there now."""
        self.result.setText("")
        self._icon.hide()

    def _send(self) -> None:
        entered, secret = self.entered, self.fields.entered_secret
        found = problems(entered)
        self._touched |= found.keys()
        self.fields.mark(found)
        if found:
            self.fields.focus(next(iter(found)))
            self._say("warning-fill", "warn", self.tr("Something is missing above."))
            return

        def send() -> str:
            from app.ui.reminder_work import send_test

            return send_test(entered, secret)

        self.test.setEnabled(False)
        self._say("", "text3", self.tr("Sending…"))
        self._state.background.run(self, send, self._sent, self._fail_test)

    def _sent(self, problem: str) -> None:
        self.test.setEnabled(True)
        if problem:
            self._say("warning-fill", "warn", formats.sentences(problem))
            return
        words = {
            Channel.EMAIL: self.tr("Sent. Look into the mailbox, and among junk."),
            Channel.COMMAND: self.tr("The command ended without an error."),
            Channel.WEBHOOK: self.tr("Sent, and taken."),
            Channel.DEAD_MAN: self.tr("The address answered. Its service counts this as a success."),
        }
        self._say("check-circle-fill", "ok", words[self._channel])

    def _fail_test(self, error: Exception) -> None:
        self.test.setEnabled(True)
        shown = in_language(error) if isinstance(error, AppError) else None
        texts = (shown.title, shown.detail, shown.hint) if shown else (str(error),)
        self._say("warning-octagon-fill", "bad", formats.sentences(*texts))

    def _say(self, icon: str, role: str, text: str) -> None:
        self._icon.show_icon(icon, role)
        self._icon.show()
        self.result.setText(text)


def _as_of(entered: AnyChannel, current: AnyChannel | None) -> AnyChannel:
    """With the time of the one that is kept where nothing but the choice of what to tell is another one."""
    if current is None or type(entered) is not type(current):
        return entered
    same = replace(entered, since=current.since)
    if isinstance(same, DeadMan) or isinstance(current, DeadMan):
        return same if same == current else entered
    return same if replace(same, occasions=current.occasions) == current else entered
