"""The fields of each channel of reminders, each with what is wrong with it."""

from __future__ import annotations

import shlex
from datetime import datetime

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLabel, QLineEdit, QWidget

from app.domain.project import Secret
from app.domain.reminders import (
    AnyChannel,
    Channel,
    Command,
    DeadMan,
    Email,
    MailTls,
    Occasion,
    Problem,
    Webhook,
)
from app.ui.icons import icon
from app.ui.reminder_words import problem_words
from app.ui.settings_pages.page import Rows
from app.ui.theme import S, mono
from app.ui.widgets.basics import label, restyle, row
from app.ui.widgets.icon_label import IconLabel

_PORT_WIDTH = 76
_PORTS = {MailTls.STARTTLS: "587", MailTls.SSL: "465", MailTls.NONE: "25"}


class ReminderFields(QWidget):
    """What a channel needs; `left` tells that a field was left, and `changed` that its secret may be new.

    Signals:
        left: the name of the field, as `domain.reminders` has it; it may be judged, and kept.
        changed: something was typed or chosen.
        secret_given: a password or token was entered.
    """

    left = Signal(str)
    changed = Signal()
    secret_given = Signal()

    def __init__(self, channel: Channel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._channel = channel
        self._problems: dict[str, QLabel] = {}
        self._inputs: dict[str, QWidget] = {}
        self.rows = Rows()
        self.rows.setContentsMargins(0, 0, 0, 0)
        self.setLayout(self.rows)
        self.secret = QLineEdit()
        self._eye = self.secret.addAction(icon("eye", "text2"), QLineEdit.ActionPosition.TrailingPosition)
        self.stored = label("", "caption", wrap=True)
        self._key = IconLabel("key", "text3", 14)
        {
            Channel.EMAIL: self._make_email,
            Channel.COMMAND: self._make_command,
            Channel.WEBHOOK: self._make_webhook,
            Channel.DEAD_MAN: self._make_dead_man,
        }[channel]()

    @property
    def is_empty(self) -> bool:
        """Nothing was entered."""
        fields = (field for field in self._inputs.values() if isinstance(field, QLineEdit))
        return not any(field.text().strip() for field in fields)

    @property
    def entered_secret(self) -> Secret | None:
        """The password or token that stands in its field."""
        text = self.secret.text()
        return Secret(text) if text else None

    @property
    def has_secret(self) -> bool:
        """The channel asks for one as it is entered."""
        if self._channel is Channel.EMAIL:
            return bool(self.user.text().strip())
        return self._channel is Channel.WEBHOOK and self.token.isChecked()

    def channel(self, since: datetime, occasions: tuple[Occasion, ...], *, enabled: bool) -> AnyChannel:
        """What stands in the fields; see `domain.reminders.problems` for what is wrong with it."""
        match self._channel:
            case Channel.EMAIL:
                port = self.port.text().strip() or self.port.placeholderText()
                to = tuple(filter(None, (one.strip() for one in self.to.text().replace(";", ",").split(","))))
                return Email(
                    self.server.text().strip(),
                    int(port) if port.isascii() and port.isdecimal() else 0,
                    self.author.text().strip(),
                    to,
                    since,
                    MailTls(self.tls.currentData()),
                    self.user.text().strip(),
                    occasions,
                    enabled,
                )
            case Channel.COMMAND:
                return Command(words_of(self.argv.text()), since, occasions, enabled)
            case Channel.WEBHOOK:
                return Webhook(self.url.text().strip(), since, self.token.isChecked(), occasions, enabled)
            case Channel.DEAD_MAN:
                return DeadMan(self.url.text().strip(), since, self.failures.isChecked(), enabled)

    def show_channel(self, of: AnyChannel) -> None:
        """Put it into the fields."""
        with QSignalBlocker(self):
            match of:
                case Email():
                    self.tls.setCurrentIndex(self.tls.findData(of.tls))
                    port = "" if str(of.port) == self.port.placeholderText() else str(of.port)
                    shown = (of.server, port, of.user, of.sender, ", ".join(of.to))
                    fields = (self.server, self.port, self.user, self.author, self.to)
                    for line, text in zip(fields, shown, strict=True):
                        line.setText(text)
                case Command():
                    self.argv.setText(shlex.join(of.argv))
                case Webhook():
                    self.url.setText(of.url)
                    self.token.setChecked(of.has_token)
                case DeadMan():
                    self.url.setText(of.url)
                    self.failures.setChecked(of.tells_failures)
        for made in self._inputs.values():
            if isinstance(made, QLineEdit):
                made.setCursorPosition(0)
        self._show_secret()

    def mark(self, found: dict[str, Problem]) -> None:
        """Mark the fields in which something is wrong, in words; the others are not marked."""
        for name, shown in self._problems.items():
            problem = found.get(name)
            is_open = name == "argv" and problem is not None and self.argv.text().strip()
            words = problem_words(problem) if problem else ""
            shown.setText(self.tr("A quote is not closed.") if is_open else words)
            shown.setVisible(problem is not None)
            made = self._inputs[name]
            made.setProperty("invalid", problem is not None)
            made.setAccessibleDescription(shown.text())
            restyle(made)

    def focus(self, name: str) -> None:
        """Put the cursor into this field."""
        self._inputs[name].setFocus()

    def say_stored(self, text: str, *, is_held: bool, is_safe: bool = True) -> None:
        """Tell where the secret is."""
        self.stored.setText(text)
        self._key.show_icon("key" if is_safe else "warning-fill", "text3" if is_safe else "warn")
        self.secret.setPlaceholderText(self.tr("unchanged") if is_held else "")

    def _make_email(self) -> None:
        self.server, self.port, self.user, self.author, self.to = (QLineEdit() for _ in range(5))
        self.server.setPlaceholderText("smtp.example.com")
        self.port.setPlaceholderText(_PORTS[MailTls.STARTTLS])
        self.port.setFixedWidth(_PORT_WIDTH)
        self.port.setAccessibleName(self.tr("Port"))
        self.user.setPlaceholderText(self.tr("none, if the server asks for no sign-in"))
        self.author.setPlaceholderText("backup@example.com")
        self.to.setPlaceholderText(self.tr("one or more, with commas"))
        self.tls = QComboBox()
        for way, words in (
            (MailTls.STARTTLS, self.tr("STARTTLS")),
            (MailTls.SSL, self.tr("TLS from the start")),
            (MailTls.NONE, self.tr("None: for this computer")),
        ):
            self.tls.addItem(words, way)
        self.tls.currentIndexChanged.connect(self._choose_tls)
        place = row(self.server, label(":", "second"), self.port, spacing=S - 2)
        place.setStretch(0, 1)
        self._problems["port"] = self._hidden_problem()
        self._add("server", self.tr("Server"), self.server, place, self._problems["port"])
        self._watch("port", self.port)
        self._add("tls", self.tr("Encryption"), self.tls)
        self._add("sender", self.tr("From"), self.author)
        self._add("to", self.tr("To"), self.to)
        self._add("user", self.tr("User"), self.user)
        self._add_secret(self.tr("Password"))

    def _make_command(self) -> None:
        self.argv = QLineEdit()
        self.argv.setFont(mono())
        self.argv.setPlaceholderText("/usr/local/bin/tell-me --urgent")
        self._add("argv", self.tr("Command"), self.argv)

    def _make_webhook(self) -> None:
        self.url = QLineEdit()
        self.url.setPlaceholderText("https://hooks.example.com/…")
        self.token = QCheckBox(self.tr("Send a token, as “Authorization: Bearer”"))
        self.token.toggled.connect(lambda _: self._tell("url"))
        self._add("url", self.tr("Address"), self.url)
        self.rows.add("", self.token)
        self._add_secret(self.tr("Token"))

    def _make_dead_man(self) -> None:
        self.url = QLineEdit()
        self.url.setPlaceholderText("https://hc-ping.com/…")
        self.failures = QCheckBox(self.tr("Tell of failures, too, at this address with /fail"))
        self.failures.toggled.connect(lambda _: self._tell("url"))
        self._add("url", self.tr("Address"), self.url)
        self.rows.add("", self.failures)

    def _add(
        self, name: str, text: str, field: QWidget, place: QHBoxLayout | None = None, *below: QWidget
    ) -> None:
        problem = self._problems[name] = self._hidden_problem()
        self.rows.add(text, place or field, problem, *below, buddy=field)
        self._watch(name, field)

    def _hidden_problem(self) -> QLabel:
        made = label("", "error", wrap=True)
        made.hide()
        return made

    def _watch(self, name: str, field: QWidget) -> None:
        self._inputs[name] = field
        if isinstance(field, QLineEdit):
            field.textEdited.connect(lambda _: self.changed.emit())
            field.textChanged.connect(lambda _: self._show_secret())
            field.editingFinished.connect(lambda: self.left.emit(name))

    def _add_secret(self, text: str) -> None:
        self.secret.setEchoMode(QLineEdit.EchoMode.Password)
        eye = self._eye
        eye.setCheckable(True)
        eye.setText(self.tr("Show what was entered"))
        eye.setToolTip(eye.text())
        eye.toggled.connect(self._show_letters)
        said = row(self._key, self.stored, spacing=S - 2)
        said.setStretch(1, 1)
        self.rows.add(text, self.secret, said)
        self.secret.editingFinished.connect(self._give_secret)
        self._show_secret()

    def _give_secret(self) -> None:
        if self.secret.text():
            self.secret_given.emit()

    def _show_letters(self, on: bool) -> None:
        self.secret.setEchoMode(QLineEdit.EchoMode.Normal if on else QLineEdit.EchoMode.Password)

    def _show_secret(self) -> None:
        self.secret.setEnabled(self.has_secret)
        self._eye.setVisible(self.has_secret)
        self.stored.setVisible(self.has_secret)
        self._key.setVisible(self.has_secret)

    def _choose_tls(self) -> None:
        self.port.setPlaceholderText(_PORTS[MailTls(self.tls.currentData())])
        self._tell("tls")

    def _tell(self, name: str) -> None:
        self._show_secret()
        self.changed.emit()
        self.left.emit(name)


def words_of(text: str) -> tuple[str, ...]:
    """A command line as program and arguments; quotes hold words together as in a shell, and nothing else."""
    try:
        return tuple(shlex.split(text))
    except ValueError:  # a quote that is not closed
        return ()
