"""Settings, Reminders: each channel's fields, what is wrong in them, and tests over real servers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import keyring
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.domain.history import Entry, Result
from app.domain.project import Project
from app.domain.reminders import (
    Channel,
    Command,
    DeadMan,
    Email,
    MailTls,
    Occasion,
    Reminders,
    Try,
    Webhook,
)
from app.persistence import secrets
from app.persistence.settings import load_settings, settings_path
from app.ui.settings_dialog import Page, SettingsDialog
from app.ui.settings_pages.reminders import RemindersPage
from app.ui.state import State
from app.ui.widgets.rail import Place
from app.ui.widgets.reminder_form import ReminderForm
from tests.memory_keyring import MemoryKeyring
from tests.outside_servers import free_port, mail_server, web_server
from tests.ui.conftest import OpenFrame, Shoot

SECRET = "Kr4ut & R!ben"


@pytest.fixture(autouse=True)
def memory_keyring(monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryKeyring]:
    before, made = keyring.get_keyring(), MemoryKeyring()
    keyring.set_keyring(made)
    monkeypatch.setattr(secrets, "probe", lambda: secrets.KeyringState("GNOME Keyring", usable=True))
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    yield made
    keyring.set_keyring(before)


@pytest.fixture
def dialog(state: State, qtbot: QtBot) -> SettingsDialog:
    made = SettingsDialog(state, has_tray=True)
    made.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(made)
    made.show()
    return made


def form_of(dialog: SettingsDialog, channel: Channel) -> ReminderForm:
    page = dialog.open_page(Page.REMINDERS)
    assert isinstance(page, RemindersPage)
    page.channels.choose(channel)
    return page.forms[channel]


def enter(qtbot: QtBot, form: ReminderForm, **texts: str) -> None:
    """Type into fields as a person does, and leave each with Enter."""
    for name, text in texts.items():
        field = getattr(form.fields, name)
        field.setFocus()
        field.selectAll()
        qtbot.keyClicks(field, text)
        qtbot.keyClick(field, Qt.Key.Key_Return)


def kept() -> Reminders:
    return load_settings(settings_path()).reminders


def shown_problems(form: ReminderForm) -> dict[str, str]:
    return {name: it.text() for name, it in form.fields._problems.items() if it.isVisible()}


def test_a_mail_channel_is_entered_tested_and_kept(
    dialog: SettingsDialog, qtbot: QtBot, shoot: Shoot, memory_keyring: MemoryKeyring, home: Path
) -> None:
    form = form_of(dialog, Channel.EMAIL)
    shoot(dialog, "settings-reminders-empty")
    with mail_server() as server:
        form.fields.tls.setCurrentIndex(form.fields.tls.findData(MailTls.NONE))
        enter(qtbot, form, server="127.0.0.1", port=str(server.port), author="backup@example.org")
        enter(qtbot, form, to="ada@example.org, bob@example.org")
        email = kept().email
        assert email is not None
        assert not email.enabled
        qtbot.mouseClick(form.switch, Qt.MouseButton.LeftButton)
        qtbot.keyClick(form.boxes[Occasion.SUCCEEDED], Qt.Key.Key_Space)
        email = kept().email
        assert email is not None
        assert email.enabled
        assert email.to == ("ada@example.org", "bob@example.org")
        assert email.port == server.port
        assert email.occasions == tuple(Occasion)
        assert form.standing.text() == "On"
        qtbot.mouseClick(form.test, Qt.MouseButton.LeftButton)
        assert not form.test.isEnabled()
        qtbot.waitUntil(form.test.isEnabled)
        assert form.result.text() == "Sent. Look into the mailbox, and among junk."
        assert server.messages[0]["Subject"] == "Reminders from Holdfast work"
    enter(qtbot, form, user="ada", secret=SECRET)
    qtbot.waitUntil(lambda: form.fields.stored.text() == "stored in GNOME Keyring", timeout=20_000)
    assert memory_keyring.held == {("Holdfast reminders", "email"): SECRET}
    assert form.fields.secret.text() == ""
    assert all(SECRET.encode() not in one.read_bytes() for one in home.rglob("*") if one.is_file())
    form.fields.port.clear()
    enter(qtbot, form, server="smtp.example.org", author="backup@example.org", to="ada@example.org")
    form.fields.tls.setCurrentIndex(0)
    dialog.setFocus()
    shoot(dialog, "settings-reminders-email")


def test_a_channel_that_is_emptied_is_forgotten_with_its_password(
    dialog: SettingsDialog, qtbot: QtBot, memory_keyring: MemoryKeyring
) -> None:
    form = form_of(dialog, Channel.WEBHOOK)
    enter(qtbot, form, url="https://example.org/x")
    form.fields.token.setChecked(True)
    enter(qtbot, form, secret=SECRET)
    qtbot.waitUntil(lambda: memory_keyring.held == {("Holdfast reminders", "webhook"): SECRET})
    assert kept().webhook is not None
    form.fields.url.clear()
    form.fields.left.emit("url")
    assert kept().webhook is None
    qtbot.waitUntil(lambda: memory_keyring.held == {})


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        ({"server": "mail server"}, {"server": "That is no name of a server."}),
        ({"port": "smtp"}, {"port": "Ports go from 1 to 65535."}),
        ({"port": "70000"}, {"port": "Ports go from 1 to 65535."}),
        ({"author": "backup"}, {"sender": "That is no e-mail address."}),
        ({"to": "ada@example.org, bob"}, {"to": "That is no e-mail address."}),
    ],
)
def test_wrong_input_is_told_at_its_field_and_not_kept(
    dialog: SettingsDialog, qtbot: QtBot, texts: dict[str, str], found: dict[str, str]
) -> None:
    form = form_of(dialog, Channel.EMAIL)
    enter(qtbot, form, **texts)
    assert shown_problems(form) == found
    assert kept().email is None


def test_switching_on_marks_what_is_missing(dialog: SettingsDialog, qtbot: QtBot, shoot: Shoot) -> None:
    form = form_of(dialog, Channel.EMAIL)
    qtbot.mouseClick(form.switch, Qt.MouseButton.LeftButton)
    assert shown_problems(form).keys() == {"server", "sender", "to"}
    assert form.standing.text() == "Not on yet: something is missing below"
    assert form.fields.server.hasFocus()
    assert kept() == Reminders()
    shoot(dialog, "settings-reminders-missing")
    qtbot.mouseClick(form.switch, Qt.MouseButton.LeftButton)
    assert shown_problems(form) == {}


def test_a_password_does_not_go_in_the_open_to_another_computer(dialog: SettingsDialog, qtbot: QtBot) -> None:
    form = form_of(dialog, Channel.EMAIL)
    form.fields.tls.setCurrentIndex(form.fields.tls.findData(MailTls.NONE))
    enter(qtbot, form, server="smtp.example.org", author="b@example.org", to="a@example.org", user="ada")
    assert shown_problems(form) == {"tls": "A password or token would go over the network in the open."}


def test_a_test_that_fails_says_why_in_place(dialog: SettingsDialog, qtbot: QtBot, shoot: Shoot) -> None:
    form = form_of(dialog, Channel.WEBHOOK)
    qtbot.mouseClick(form.test, Qt.MouseButton.LeftButton)
    assert form.result.text() == "Something is missing above."
    assert shown_problems(form) == {"url": "This is needed."}
    enter(qtbot, form, url=f"http://127.0.0.1:{free_port()}/T0/B0")
    qtbot.mouseClick(form.test, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(form.test.isEnabled)
    assert form.result.text().startswith("Nothing answers at the port of the web server.")
    shoot(dialog, "settings-reminders-webhook-failed")
    with web_server() as server:
        enter(qtbot, form, url=server.url())
        assert form.result.text() == ""
        qtbot.mouseClick(form.test, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(form.test.isEnabled)
    assert form.result.text() == "Sent, and taken."
    webhook = kept().webhook
    assert webhook is not None
    assert webhook.url == server.url()


@pytest.mark.parametrize("url", ["hooks.example.org/x", "ftp://example.org", "https://ada:pw@example.org/"])
def test_an_address_that_is_none_is_told_at_its_field(dialog: SettingsDialog, qtbot: QtBot, url: str) -> None:
    for channel in (Channel.WEBHOOK, Channel.DEAD_MAN):
        form = form_of(dialog, channel)
        enter(qtbot, form, url=url)
        assert shown_problems(form).keys() == {"url"}
    assert kept() == Reminders()


def test_a_command_is_taken_apart_and_run(
    dialog: SettingsDialog, qtbot: QtBot, tmp_path: Path, shoot: Shoot
) -> None:
    form = form_of(dialog, Channel.COMMAND)
    enter(qtbot, form, argv="tell 'me")
    assert shown_problems(form) == {"argv": "A quote is not closed."}
    program = f"import pathlib; pathlib.Path({str(tmp_path / 'told')!r}).touch()"
    enter(qtbot, form, argv=f'"{sys.executable}" -c "{program}"')
    assert shown_problems(form) == {}
    qtbot.mouseClick(form.test, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(form.test.isEnabled)
    assert form.result.text() == "The command ended without an error."
    assert (tmp_path / "told").exists()
    command = kept().command
    assert command is not None
    assert command.argv == (sys.executable, "-c", program)
    enter(qtbot, form, argv="/usr/local/bin/tell-me --urgent")
    shoot(dialog, "settings-reminders-command")
    form.fields.argv.clear()
    enter(qtbot, form, argv="")
    assert kept().command is None


def test_a_dead_mans_switch_is_kept_with_its_failures(
    dialog: SettingsDialog, qtbot: QtBot, shoot: Shoot
) -> None:
    form = form_of(dialog, Channel.DEAD_MAN)
    enter(qtbot, form, url="https://hc-ping.com/5a1b")
    qtbot.mouseClick(form.fields.failures, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(form.switch, Qt.MouseButton.LeftButton)
    dead_man = kept().dead_man
    assert isinstance(dead_man, DeadMan)
    assert dead_man.enabled
    assert dead_man.tells_failures
    shoot(dialog, "settings-reminders-dead-man")


def test_choosing_what_to_tell_begins_nothing_anew(
    dialog: SettingsDialog, state: State, qtbot: QtBot
) -> None:
    form = form_of(dialog, Channel.COMMAND)
    enter(qtbot, form, argv="tell")
    before = kept().command
    qtbot.keyClick(form.boxes[Occasion.FAILING], Qt.Key.Key_Space)
    after = kept().command
    assert isinstance(before, Command)
    assert isinstance(after, Command)
    assert before.since == after.since
    assert Occasion.FAILING not in after.occasions


NOW = datetime.now(UTC)
OLD = NOW - timedelta(days=2)


def failing(state: State) -> None:
    """A mail channel over which nothing gets through, and a project that is well."""
    email = Email("smtp.example.org", 587, "b@example.org", ("a@example.org",), OLD, user="ada")
    assert state.change_settings(
        lambda it: type(it)(
            projects=(Project("Shop", "host=127.0.0.1", OLD),),
            reminders=Reminders(email=email, webhook=Webhook("https://example.org/x", OLD)),
        )
    )
    for number in range(3):
        made = Try(
            Channel.EMAIL,
            "failing/s1/x",
            Occasion.FAILING,
            "Shop",
            "s1",
            NOW - timedelta(hours=3 - number),
            problem="The mail server refused the sign-in. smtp.example.org:587: 535 no. Check it",
        )
        state.catalog.record_try(made)
    state.catalog.record(Entry("1", "Shop", NOW, Result.SUCCEEDED, NOW, path="/x"))
    state.history_changed.emit()


def test_a_channel_that_does_not_get_through_says_so(
    dialog: SettingsDialog, state: State, shoot: Shoot
) -> None:
    failing(state)
    dialog.close()
    again = SettingsDialog(state, has_tray=True)
    again.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    again.show()
    form = form_of(again, Channel.EMAIL)
    assert form.problem.isVisible()
    assert form.problem.accessibleName().startswith("Reminders do not get through. First try in vain: ")
    shoot(again, "settings-reminders-silent")
    again.close()


def test_all_pages_fit_a_small_dialog(dialog: SettingsDialog, qtbot: QtBot, shoot: Shoot) -> None:
    dialog.resize(dialog.minimumSize())
    form = form_of(dialog, Channel.EMAIL)
    shoot(dialog, "settings-reminders-small")
    page = dialog.open_page(Page.REMINDERS)
    assert isinstance(page, RemindersPage)
    assert form.width() < page.viewport().width()


def test_the_health_line_tells_of_it_and_opens_the_page(
    open_frame: OpenFrame, state: State, shoot: Shoot
) -> None:
    frame = open_frame(Place.PROJECTS)
    failing(state)
    words = frame.health.words
    assert words.sentence.startswith("Reminders by e-mail do not get through: ")
    assert words.action == "Show Reminders"
    shoot(frame.window, "health-reminders")
