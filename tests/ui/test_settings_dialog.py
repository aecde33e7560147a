"""The settings: each page, what it changes at once, and wrong input at its field."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLabel, QPushButton
from pytestqt.qtbot import QtBot

from app.domain.history import Entry, Result
from app.domain.preferences import Appearance, OnClose, Times
from app.domain.project import Project, Secret
from app.persistence import secrets
from app.persistence.settings import Settings, load_settings, settings_path
from app.system import autostart
from app.system.paths import log_folder
from app.ui.login_start import repair_login_start
from app.ui.notices import Kind
from app.ui.question import Question
from app.ui.settings_dialog import Page, SettingsDialog
from app.ui.settings_pages.advanced import AdvancedPage
from app.ui.settings_pages.general import GeneralPage
from app.ui.settings_pages.notifications import NotificationsPage
from app.ui.settings_pages.security import SecurityPage
from app.ui.settings_pages.tools import ToolsPage
from app.ui.state import State
from app.ui.theme import DARK, colours
from tests.ui.conftest import Shoot
from tests.ui.desktop import desktop, program

NOW = datetime(2026, 11, 22, 15, 12, tzinfo=UTC)


@pytest.fixture
def dialog(state: State, qtbot: QtBot) -> SettingsDialog:
    made = SettingsDialog(state, has_tray=True)
    made.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(made)
    made.show()
    return made


@pytest.fixture
def general(dialog: SettingsDialog, qtbot: QtBot) -> GeneralPage:
    page = dialog.open_page(Page.GENERAL)
    assert isinstance(page, GeneralPage)
    qtbot.waitUntil(lambda: page.folder.facts.text() not in ("", "Looking…"))
    return page


def on_disk() -> Settings:
    return load_settings(settings_path())


def test_the_folder_says_what_is_there(
    dialog: SettingsDialog, general: GeneralPage, state: State, tmp_path: Path, qtbot: QtBot, shoot: Shoot
) -> None:
    assert general.folder.facts.text().startswith("The first backup creates it. ")
    folder = tmp_path / "vault" / "holdfast"
    folder.mkdir(parents=True)
    for number in range(3):
        entry = Entry(f"{number}", "Shop", NOW, Result.SUCCEEDED, NOW, bytes=32_000_000_000, path="/x")
        state.catalog.record(replace(entry, destination=str(folder)))
    general.folder.field.setFocus()
    general.folder.field.setText(str(folder))
    qtbot.keyClick(general.folder.field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: state.settings.destination == str(folder))
    qtbot.waitUntil(lambda: general.folder.facts.text().startswith("Writable, "))
    assert dialog.isVisible()
    state.change_settings(lambda it: replace(it, start_at_login=True, on_close=OnClose.TRAY))
    general.folder.facts.setText("Writable, 412 GB free of 931 GB. 1,284 backups, 96 GB.")
    shoot(dialog, "settings-general")


def test_backups_that_lie_there_already_are_counted(
    general: GeneralPage, state: State, tmp_path: Path, qtbot: QtBot
) -> None:
    entry = Entry("1", "Shop", NOW, Result.SUCCEEDED, NOW, bytes=32_000_000_000, path="/x")
    state.catalog.record(replace(entry, destination=str(tmp_path)))
    state.change_settings(lambda it: replace(it, destination=str(tmp_path)))
    general.folder.look()
    qtbot.waitUntil(lambda: general.folder.facts.text().endswith("1 backup, 32.0 GB."))


@pytest.mark.parametrize(
    ("text", "problem", "can_make"),
    [
        ("backups", "Give the whole path, from the root on.", False),
        ("{tmp}/nowhere", "There is no such folder.", True),
        ("{tmp}/file", "There is no such folder.", True),
        ("/proc", "It cannot be written to: ", False),
    ],
)
def test_a_folder_that_cannot_be_used_is_refused_at_its_field(
    general: GeneralPage,
    state: State,
    dialog: SettingsDialog,
    tmp_path: Path,
    qtbot: QtBot,
    shoot: Shoot,
    text: str,
    problem: str,
    can_make: bool,
) -> None:
    (tmp_path / "file").touch()
    if text == "/proc" and sys.platform != "linux":
        pytest.skip("there is no /proc")
    general.folder.field.setText(text.format(tmp=tmp_path))
    general.folder.field.editingFinished.emit()
    qtbot.waitUntil(lambda: general.folder.problem.text().startswith(problem))
    assert general.folder.create_link.isVisible() is can_make
    assert state.settings.destination == ""
    if text.endswith("nowhere"):
        shoot(dialog, "settings-general-wrong")
        qtbot.mouseClick(general.folder.create_link, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: state.settings.destination == str(tmp_path / "nowhere"))
        assert (tmp_path / "nowhere").is_dir()
        assert not general.folder.problem.isVisible()


def test_a_folder_that_is_gone_says_so(state: State, tmp_path: Path, qtbot: QtBot) -> None:
    state.change_settings(lambda it: replace(it, destination=str(tmp_path / "gone")))
    page = GeneralPage(state, has_tray=False)
    qtbot.addWidget(page)
    qtbot.waitUntil(lambda: page.folder.facts.text() == "It is not connected.")


@pytest.mark.skipif(sys.platform != "linux", reason="an XDG desktop's own way")
def test_starting_at_login_writes_the_entry(general: GeneralPage, state: State, qtbot: QtBot) -> None:
    general.login.click()
    qtbot.waitUntil(lambda: state.settings.start_at_login and general.login.isEnabled())
    assert autostart.starts_at_login()
    general.login.click()
    qtbot.waitUntil(lambda: not state.settings.start_at_login and general.login.isEnabled())
    assert not autostart.starts_at_login()


@pytest.mark.skipif(sys.platform != "linux", reason="an XDG desktop's own way")
def test_what_the_desktop_switched_off_is_shown_as_off(
    general: GeneralPage, state: State, home: Path, qtbot: QtBot
) -> None:
    state.change_settings(lambda it: replace(it, start_at_login=True))
    assert general.login.isChecked()
    repair_login_start(state, general)
    qtbot.waitUntil(lambda: not state.settings.start_at_login)
    assert not general.login.isChecked()


def test_a_login_entry_that_cannot_be_written_is_told(
    general: GeneralPage, state: State, home: Path, qtbot: QtBot
) -> None:
    (home / "config").mkdir(exist_ok=True)
    (home / "config" / "autostart").touch()
    with qtbot.waitSignal(state.failed) as failed:
        general.login.click()
    assert failed.args is not None
    assert failed.args[1] == "Starting at login was not changed"
    assert not general.login.isChecked()


def test_each_choice_applies_at_once(general: GeneralPage, state: State) -> None:
    general.closing[OnClose.QUIT].click()
    assert state.settings.on_close is OnClose.QUIT
    general.tray.click()
    assert state.settings.tray is False
    general.times.setCurrentIndex(1)
    general.times.activated.emit(1)
    assert state.settings.times is Times.UTC
    general.language.setCurrentIndex(general.language.findData("de"))
    general.language.activated.emit(2)
    assert state.settings.language == "de"
    assert general._language_note.isVisible()
    assert on_disk() == state.settings


def test_the_appearance_changes_live(general: GeneralPage, state: State, qapp: QApplication) -> None:
    general.appearance.choose(Appearance.DARK)
    assert state.settings.appearance is Appearance.DARK
    assert colours(qapp.palette()) is DARK
    general.appearance.choose(Appearance.LIGHT)
    assert colours(qapp.palette()) is not DARK


def test_without_a_tray_nothing_is_said_of_one(state: State, qtbot: QtBot) -> None:
    page = GeneralPage(state, has_tray=False)
    qtbot.addWidget(page)
    page.show()
    assert not page.tray.isVisible()
    texts = [page.login.text(), *(button.text() for button in page.closing.values())]
    assert not any("tray" in text for text in texts)


def test_keys_turn_pages_and_close(dialog: SettingsDialog, qtbot: QtBot) -> None:
    dialog.activateWindow()
    qtbot.waitUntil(dialog.isActiveWindow)
    for number, page in enumerate(Page, 1):
        qtbot.keyClick(dialog, Qt.Key(Qt.Key.Key_0 + number), Qt.KeyboardModifier.ControlModifier)
        assert dialog.buttons[page].isChecked()
        assert dialog._stack.currentWidget() is dialog._made[page]
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not dialog.isVisible())


@pytest.mark.timeout(60)
def test_tools_are_found_and_tried(dialog: SettingsDialog, qtbot: QtBot, shoot: Shoot) -> None:
    page = dialog.open_page(Page.TOOLS)
    assert isinstance(page, ToolsPage)
    qtbot.waitUntil(lambda: bool(page.tools), timeout=30_000)
    shoot(dialog, "settings-tools")
    kinds = [made.tool.kind.value for made in page.tools]
    assert kinds.count("pg_dump") >= 2
    assert kinds[-1] == "supabase"
    bundled = next(made for made in page.tools if made.tool.origin == "bundled" and made.tool.majors)
    assert "Bundled with Holdfast, for PostgreSQL " in bundled.text.text()
    bundled.test.click()
    qtbot.waitUntil(lambda: bundled.text.text().startswith("Runs in "), timeout=10_000)
    sandbox = next(made for made in page.tools if made.tool.kind.value == "Sandbox" and made.tool.majors)
    sandbox.test.click()
    assert sandbox.text.text() == "Trying…"
    qtbot.waitUntil(lambda: sandbox.text.text().startswith("Starts in "), timeout=20_000)
    shoot(dialog, "settings-tools-tried")


def test_a_tool_that_does_not_run_says_why(
    state: State, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pg_dump", "pg_restore", "pg_dumpall", "psql"):
        (tmp_path / name).write_text("#!/bin/sh\necho broken >&2; exit 3\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    page = ToolsPage(state)
    qtbot.addWidget(page)
    page.show()
    qtbot.waitUntil(lambda: bool(page.tools), timeout=30_000)
    (row,) = (made for made in page.tools if made.tool.path == tmp_path / "pg_dump")
    assert row.text.text().startswith("Does not run: pg_dump does not run. broken")


@pytest.fixture
def security(dialog: SettingsDialog, state: State, monkeypatch: pytest.MonkeyPatch) -> SecurityPage:
    monkeypatch.setattr(SecurityPage, "showEvent", lambda *_: None)  # tests say when it looks
    projects = tuple(Project(name, "host=x", NOW) for name in ("Shop", "Blog", "Analytics"))
    state.change_settings(lambda it: replace(it, projects=projects))
    page = dialog.open_page(Page.SECURITY)
    assert isinstance(page, SecurityPage)
    return page


@pytest.mark.usefixtures("home")
def test_without_a_keyring_the_page_says_what_to_do(
    dialog: SettingsDialog,
    security: SecurityPage,
    qtbot: QtBot,
    shoot: Shoot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if sys.platform != "linux":
        pytest.skip("other systems always have a keyring")
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus")
    security.look()
    qtbot.waitUntil(security.problem.isVisible, timeout=15_000)
    assert security.keyring.text() == "There is none that can be used"
    assert not security.forget.isEnabled()
    shoot(dialog, "settings-security-none")


def test_passwords_in_the_keyring_are_counted_and_forgotten(
    dialog: SettingsDialog,
    security: SecurityPage,
    home: Path,
    tmp_path: Path,
    qtbot: QtBot,
    shoot: Shoot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program("gnome-keyring-daemon")
    with desktop(tmp_path) as made:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", made.start_bus())
        runtime = tmp_path / "run"
        runtime.mkdir(mode=0o700)
        made.environment |= {"XDG_DATA_HOME": str(home / "data"), "XDG_RUNTIME_DIR": str(runtime)}
        made.start_keyring()
        for name in ("Shop", "Blog"):
            secrets.set_password(name, Secret("geheim"))
        security.look()
        qtbot.waitUntil(security.forget.isEnabled, timeout=15_000)
        assert security.passwords.text() == "2 of 3 projects have their passwords there."
        shoot(dialog, "settings-security")
        security.forget.click()
        (question,) = security.findChildren(Question)
        words = {one.text(): one for one in question.findChildren(QPushButton)}
        words["Forget All Passwords"].click()
        qtbot.waitUntil(lambda: security.passwords.text().startswith("0 of 3"), timeout=15_000)
        assert secrets.get_password("Shop") is None
        assert not security.forget.isEnabled()


def test_notifications_are_chosen_one_by_one(
    dialog: SettingsDialog, state: State, shoot: Shoot, qtbot: QtBot
) -> None:
    page = dialog.open_page(Page.NOTIFICATIONS)
    assert isinstance(page, NotificationsPage)
    assert [kind for kind, box in page.boxes.items() if not box.isChecked()] == [Kind.SUCCEEDED]
    page.boxes[Kind.SUCCEEDED].click()
    page.boxes[Kind.OVERDUE].click()
    assert state.settings.notifications.succeeded
    assert not state.settings.notifications.overdue
    assert state.settings.notifications.failed
    with qtbot.waitSignal(dialog.test_wanted):
        page.test.click()
    assert not page.test.isEnabled()
    dialog.show_tested(True)
    assert page.test.isEnabled()
    shoot(dialog, "settings-notifications")
    dialog.show_tested(False)
    assert "neither" in page.result.text()


def test_numbers_have_limits_and_apply(
    dialog: SettingsDialog, state: State, shoot: Shoot, qtbot: QtBot
) -> None:
    page = dialog.open_page(Page.ADVANCED)
    assert isinstance(page, AdvancedPage)
    shoot(dialog, "settings-advanced")
    assert page.jobs.text() == "Automatic"
    assert page.stall.text() == "10.0 min"
    page.jobs.setValue(4)
    assert state.settings.jobs == 4
    page.jobs.setValue(0)
    assert on_disk().jobs is None
    page.stall.selectAll()
    qtbot.keyClicks(page.stall, "2.5")
    assert on_disk().stall_seconds == 600
    qtbot.keyClick(page.stall, Qt.Key.Key_Return)
    assert on_disk().stall_seconds == 150
    assert dialog.isVisible()
    page.stall.setValue(0)
    assert on_disk().stall_seconds == 6
    assert page.prove_weekly.isChecked()
    page.prove_weekly.click()
    assert not on_disk().prove_weekly
    with qtbot.waitSignal(dialog.folder_wanted) as wanted:
        page.open_logs.click()
    assert wanted.args == [log_folder()]


def test_no_text_is_cut_with_large_letters(dialog: SettingsDialog, qapp: QApplication, shoot: Shoot) -> None:
    before = qapp.font()
    large = qapp.font()
    large.setPointSizeF(14)
    qapp.setFont(large)
    try:
        for page in (Page.GENERAL, Page.NOTIFICATIONS, Page.ADVANCED):
            opened = dialog.open_page(page)
            qapp.processEvents()
            for shown in opened.findChildren(QLabel):
                if shown.isVisible() and shown.text() and shown.wordWrap():
                    assert shown.height() >= shown.heightForWidth(shown.width()), shown.text()
        dialog.open_page(Page.GENERAL)
        shoot(dialog, "settings-general-14pt")
    finally:
        qapp.setFont(before)
