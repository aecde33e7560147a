"""Adding and editing a project: pasted or typed, tested line by line, its password in the keyring alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLineEdit, QPushButton
from pytestqt.qtbot import QtBot

from app.domain.conninfo import conninfo_keywords
from app.domain.project import Project, Secret
from app.persistence import secrets
from app.postgres.sandbox import SandboxServer
from app.ui.project_dialog import ProjectDialog
from app.ui.project_drafts import Field, masked
from app.ui.question import Question
from app.ui.state import State
from tests.ui.conftest import Shoot
from tests.ui.desktop import desktop
from tests.ui.past_backups import NOW, History

if TYPE_CHECKING:
    from tests.conftest import Database, NewDatabase

_PATIENCE = 30_000
POOLER = (
    "postgresql://postgres.qhzlxkvmtrwepao:s%3Acret-4@aws-0-eu-central-1.pooler.supabase.com:6543/postgres"
)


@pytest.fixture
def no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a server, or a bare window manager."""
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus")


@pytest.fixture
def keyring(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An open keyring, as a desktop has it."""
    with desktop(tmp_path) as made:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", made.start_bus())
        runtime = tmp_path / "run"
        runtime.mkdir(mode=0o700)
        made.environment |= {"XDG_DATA_HOME": str(home / "data"), "XDG_RUNTIME_DIR": str(runtime)}
        made.start_keyring()
        yield


@pytest.fixture
def shop(server17: SandboxServer, new_shop: NewDatabase) -> Database:
    return new_shop(server17)


def opened(state: State, qtbot: QtBot, name: str = "") -> ProjectDialog:
    dialog = ProjectDialog(state, name, lambda _: False)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def enter(dialog: ProjectDialog, text: str) -> None:
    """As a user enters a string who then leaves the field."""
    dialog.string.start_over()
    dialog.string.text.setPlainText(text)
    dialog.string.give()


def test_a_pasted_string_fills_the_fields_and_loses_its_password(
    state: State, no_keyring: None, qtbot: QtBot, shoot: Shoot
) -> None:
    dialog = opened(state, qtbot)
    assert not dialog.keep.isEnabled()
    QGuiApplication.clipboard().setText(POOLER)
    dialog.string.text.paste()
    qtbot.waitUntil(lambda: dialog.fields.host.text() != "", timeout=_PATIENCE)
    draft = dialog.fields.draft
    assert (draft.host, draft.port) == ("aws-0-eu-central-1.pooler.supabase.com", "6543")
    assert (draft.database, draft.user) == ("postgres", "postgres.qhzlxkvmtrwepao")
    assert draft.password == Secret("s:cret-4")
    assert draft.name == "qhzlxkvmtrwepao"
    assert "cret-4" not in dialog.string.text.toPlainText()
    assert "cret-4" not in QGuiApplication.clipboard().text()
    assert dialog.fields.password.echoMode() is QLineEdit.EchoMode.Password
    assert dialog.fields._problems[Field.PORT].text() == "Transaction pooler. Use 5432."
    assert not dialog.keep.isEnabled()
    qtbot.waitUntil(lambda: "no keyring" in dialog.fields.stored.text(), timeout=_PATIENCE)
    shoot(dialog, "add-project-pooler")
    dialog.fields.change(port="5432")
    assert dialog.keep.isEnabled()


@pytest.mark.parametrize(
    "text", ["hello", "mysql://me@host/db", "host=a sslpassword=x", "postgresql://a:b@c/%zz"]
)
def test_what_is_no_connection_string_is_marked(
    text: str, state: State, no_keyring: None, qtbot: QtBot
) -> None:
    dialog = opened(state, qtbot)
    enter(dialog, text)
    qtbot.waitUntil(lambda: bool(dialog.string.text.property("invalid")), timeout=_PATIENCE)
    assert dialog.string._note.text()
    assert dialog.fields.host.text() == ""


def test_the_list_fills_line_by_line_and_the_project_is_kept(
    shop: Database, state: State, keyring: None, qtbot: QtBot, shoot: Shoot, home: Path
) -> None:
    dialog = opened(state, qtbot)
    enter(dialog, shop.conninfo_with_password)
    qtbot.waitUntil(lambda: dialog.fields.host.text() != "", timeout=_PATIENCE)
    dialog.fields.name.setText("Shop")
    qtbot.mouseClick(dialog.test, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dialog.checklist.passed, timeout=_PATIENCE)
    qtbot.waitUntil(lambda: dialog.note.text() == "Everything that a backup needs is there.")
    shoot(dialog, "add-project")
    with qtbot.waitSignal(dialog.saved, timeout=_PATIENCE) as saved:
        qtbot.keyClick(dialog.keep, Qt.Key.Key_Space)
    assert saved.args == ["Shop", ""]
    state.reload_settings()
    (project,) = state.settings.projects
    assert project.name == "Shop"
    assert secrets.get_password("Shop") == Secret(shop.password)
    assert state.session_passwords == {}
    written = [one for one in home.rglob("*") if one.is_file() and "data" not in one.parts]
    assert written
    assert not [one for one in written if shop.password.encode() in one.read_bytes()]


def test_without_a_keyring_the_password_serves_for_this_run(
    shop: Database, state: State, no_keyring: None, qtbot: QtBot, home: Path
) -> None:
    dialog = opened(state, qtbot)
    enter(dialog, shop.conninfo_with_password)
    qtbot.waitUntil(lambda: dialog.fields.host.text() != "", timeout=_PATIENCE)
    dialog.fields.name.setText("Shop")
    with qtbot.waitSignal(dialog.saved, timeout=_PATIENCE) as saved:
        dialog.save()
    assert saved.args is not None
    assert saved.args[0] == "Shop"
    assert saved.args[1]
    state.reload_settings()
    services = state.services()
    assert services.connection_of(state.settings.projects[0]).password == Secret(shop.password)
    assert not [
        one for one in home.rglob("*") if one.is_file() and shop.password.encode() in one.read_bytes()
    ]


def test_a_wrong_password_names_its_remedy(
    shop: Database, state: State, no_keyring: None, qtbot: QtBot, shoot: Shoot
) -> None:
    dialog = opened(state, qtbot)
    enter(dialog, shop.conninfo_with_password.replace(shop.password, "wrong"))
    qtbot.waitUntil(lambda: dialog.fields.host.text() != "", timeout=_PATIENCE)
    dialog.check()
    qtbot.waitUntil(
        lambda: dialog.note.text() == "A backup would fail like this. The red line says what to do.",
        timeout=_PATIENCE,
    )
    line = dialog.checklist.lines["sign-in"]
    assert line.property("tone") == "bad"
    (remedy,) = [one for one in line.findChildren(QPushButton) if one.text() == "Enter Password…"]
    texts = (line.title, line.text, line.hint)
    qtbot.waitUntil(lambda: all(one.height() >= one.heightForWidth(one.width()) for one in texts))
    shoot(dialog, "add-project-refused")
    remedy.click()
    assert dialog.fields.password.hasFocus()
    dialog.fields.password.setText(shop.password)
    dialog.check()
    qtbot.waitUntil(lambda: dialog.checklist.passed, timeout=_PATIENCE)


def test_a_change_of_the_connection_takes_the_result_of_the_check_away(
    shop: Database, state: State, no_keyring: None, qtbot: QtBot
) -> None:
    dialog = opened(state, qtbot)
    enter(dialog, shop.conninfo_with_password)
    qtbot.waitUntil(lambda: dialog.fields.host.text() != "", timeout=_PATIENCE)
    dialog.check()
    qtbot.waitUntil(lambda: dialog.checklist.passed, timeout=_PATIENCE)
    qtbot.keyClicks(dialog.fields.database, "x")
    assert not dialog.checklist.passed
    assert not dialog.checklist._states


def test_half_entered_input_is_asked_about(state: State, no_keyring: None, qtbot: QtBot) -> None:
    dialog = opened(state, qtbot)
    qtbot.keyClicks(dialog.fields.host, "db.example.org")
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert dialog.isVisible()
    (question,) = dialog.findChildren(Question)
    words = {one.text(): one for one in question.findChildren(QPushButton)}
    words["Cancel"].click()
    assert dialog.isVisible()
    assert dialog.fields.host.text() == "db.example.org"
    dialog.close()
    (question,) = [one for one in dialog.findChildren(Question) if one.isVisible()]
    words = {one.text(): one for one in question.findChildren(QPushButton)}
    words["Discard"].click()
    assert not dialog.isVisible()


def test_renaming_takes_schedules_backups_and_password_along(
    state: State, keyring: None, qtbot: QtBot
) -> None:
    History(state).backup(NOW, "Shop")
    old = Project("Shop", "host=localhost dbname=shop connect_timeout=7", NOW)
    assert state.change_settings(lambda settings: replace(settings, projects=(old,)))
    secrets.set_password("Shop", Secret("geheim"))
    dialog = opened(state, qtbot, "Shop")
    qtbot.waitUntil(lambda: "stored in" in dialog.fields.stored.text(), timeout=_PATIENCE)
    assert dialog.fields.options.text() == "connect_timeout=7"
    assert not dialog.has_changes
    dialog.fields.name.setText("Store")
    with qtbot.waitSignal(dialog.saved, timeout=_PATIENCE) as saved:
        dialog.save()
    assert saved.args == ["Store", ""]
    state.reload_settings()
    (project,) = state.settings.projects
    assert project.name == "Store"
    assert conninfo_keywords(project.conninfo) == conninfo_keywords(old.conninfo)
    assert [entry.project for entry in state.catalog.history()] == ["Store"]
    assert secrets.get_password("Store") == Secret("geheim")
    assert secrets.get_password("Shop") is None


def test_editing_keeps_what_is_known_of_its_web_interfaces(state: State, keyring: None, qtbot: QtBot) -> None:
    old = Project("Shop", "host=localhost dbname=shop", NOW, api_url="http://localhost:8000")
    assert state.change_settings(lambda settings: replace(settings, projects=(old,)))

    def save(**values: str) -> Project:
        dialog = opened(state, qtbot, "Shop")
        dialog.fields.change(**values)
        with qtbot.waitSignal(dialog.saved, timeout=_PATIENCE):
            dialog.save()
        state.reload_settings()
        return state.settings.projects[0]

    assert save(database="store").api_url == old.api_url
    assert save(host="elsewhere.internal").api_url == ""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://postgres:postgres@host/postgres", "postgresql://postgres:••••••••@host/postgres"),
        ("postgresql://me:a%2fb@host/db", "postgresql://me:••••••••@host/db"),
        ("postgresql://me:p@ss:w/rd?@host:1/db", "postgresql://me:••••••••@host:1/db"),
        (
            "postgresql://me@host/db?password=x%20y&sslmode=require",
            "postgresql://me@host/db?password=••••••••&sslmode=require",
        ),
        ("host=a password='it\\'s one' user=b", "host=a password=•••••••• user=b"),
        ("PASSWORD = x host=a", "PASSWORD = •••••••• host=a"),
    ],
)
def test_the_password_is_hidden_wherever_it_stands(text: str, shown: str) -> None:
    assert masked(text) == shown


def test_a_string_that_is_typed_is_read_when_the_field_is_left(
    state: State, no_keyring: None, qtbot: QtBot
) -> None:
    dialog = opened(state, qtbot)
    qtbot.waitUntil(dialog.string.text.hasFocus)
    qtbot.keyClicks(dialog.string.text, "postgresql://user:secret@host.example:5433/db")
    assert dialog.fields.host.text() == ""
    qtbot.keyClick(dialog.string.text, Qt.Key.Key_Tab)
    qtbot.waitUntil(lambda: dialog.fields.host.text() == "host.example", timeout=_PATIENCE)
    draft = dialog.fields.draft
    assert (draft.port, draft.database, draft.password) == ("5433", "db", Secret("secret"))
    assert dialog.string.text.isReadOnly()


def test_another_string_takes_the_password_of_the_one_before_away(
    state: State, no_keyring: None, qtbot: QtBot
) -> None:
    dialog = opened(state, qtbot)
    enter(dialog, "postgresql://me:secret@one.example/db")
    qtbot.waitUntil(lambda: dialog.fields.host.text() == "one.example", timeout=_PATIENCE)
    enter(dialog, "postgresql://me@two.example/db")
    qtbot.waitUntil(lambda: dialog.fields.host.text() == "two.example", timeout=_PATIENCE)
    assert dialog.fields.draft.password is None


def test_saving_reads_what_was_typed_first(state: State, no_keyring: None, qtbot: QtBot) -> None:
    dialog = opened(state, qtbot)
    dialog.string.text.setPlainText("host=db.example user=me dbname=shop")
    with qtbot.waitSignal(dialog.saved, timeout=_PATIENCE) as saved:
        dialog.save()
    assert saved.args == ["shop", ""]


def test_what_the_string_says_of_tls_is_kept(state: State, no_keyring: None, qtbot: QtBot) -> None:
    conninfo = "host=db.example dbname=shop sslmode=require sslrootcert=/etc/ca.pem"
    old = Project("Shop", conninfo, datetime(2026, 11, 1, tzinfo=UTC))
    assert state.change_settings(lambda settings: replace(settings, projects=(old,)))
    dialog = opened(state, qtbot, "Shop")
    assert dialog.fields.authority.isVisible()
    assert not dialog.has_changes
    dialog.fields.database.setText("store")
    with qtbot.waitSignal(dialog.saved, timeout=_PATIENCE):
        dialog.save()
    state.reload_settings()
    assert conninfo_keywords(state.settings.projects[0].conninfo) == conninfo_keywords(
        conninfo.replace("dbname=shop", "dbname=store")
    )


def test_a_kept_password_is_not_sent_to_another_host(state: State, no_keyring: None, qtbot: QtBot) -> None:
    old = Project("Shop", "host=db.example dbname=shop", datetime(2026, 11, 1, tzinfo=UTC))
    assert state.change_settings(lambda settings: replace(settings, projects=(old,)))
    state.session_passwords["Shop"] = Secret("geheim")
    dialog = opened(state, qtbot, "Shop")
    dialog.fields.change(host="evil.example")
    assert not dialog.keep.isEnabled()
    assert not dialog.test.isEnabled()
    assert "db.example" in dialog.fields._problems[Field.PASSWORD].text()
    dialog.fields.password.setText("other")
    dialog.fields.changed.emit()
    assert dialog.keep.isEnabled()


def test_a_project_that_is_busy_is_not_renamed(state: State, no_keyring: None, qtbot: QtBot) -> None:
    old = Project("Shop", "host=db.example dbname=shop", datetime(2026, 11, 1, tzinfo=UTC))
    assert state.change_settings(lambda settings: replace(settings, projects=(old,)))
    dialog = ProjectDialog(state, "Shop", lambda name: name == "Shop")
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(dialog)
    dialog.fields.change(name="Store")
    dialog.save()
    assert dialog.note.text().startswith("Shop is busy")
    assert not dialog._is_saving


def test_a_placeholder_is_no_password(state: State, no_keyring: None, qtbot: QtBot) -> None:
    dialog = opened(state, qtbot)
    enter(dialog, "postgresql://postgres:[YOUR-PASSWORD]@db.abcdefghijklmnopqrst.supabase.co:5432/postgres")
    qtbot.waitUntil(lambda: dialog.fields.host.text() != "", timeout=_PATIENCE)
    assert "[YOUR-PASSWORD]" in dialog.fields._problems[Field.PASSWORD].text()
    assert not dialog.keep.isEnabled()


def test_enter_presses_the_button_that_has_the_focus(state: State, no_keyring: None, qtbot: QtBot) -> None:
    dialog = opened(state, qtbot)
    dialog.fields.change(name="Shop", host="db.example")
    (cancel,) = [one for one in dialog.findChildren(QPushButton) if one.text() == "Cancel"]
    qtbot.keyClick(cancel, Qt.Key.Key_Return)
    assert [one for one in dialog.findChildren(Question) if one.isVisible()]
    assert not dialog._is_saving
