"""What the window tells of Holdfast itself: one thing at a time, with the buttons that end it."""

from __future__ import annotations

import faulthandler
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QLabel, QPushButton
from pytestqt.qtbot import QtBot

from app.engine.updates import Source, last_look
from app.persistence.settings import load_settings, settings_path
from app.system.paths import log_folder
from app.ui.main_window import MainWindow
from app.ui.news import OwnNews
from app.ui.settings_dialog import Page, SettingsDialog
from app.ui.settings_pages.advanced import AdvancedPage
from app.ui.settings_pages.general import GeneralPage
from app.ui.state import State
from app.ui.widgets.rail import Place
from app.ui.window_log import WindowLog
from tests.engine.test_updates import Feed
from tests.outside_servers import free_port
from tests.ui.conftest import OpenFrame, Shoot


@pytest.fixture
def feed() -> Iterator[Feed]:
    made = Feed()
    made.says("v99.0.0")
    yield made
    made.close()


@pytest.fixture
def log() -> Iterator[WindowLog]:
    made = WindowLog()
    yield made
    made.close()
    faulthandler.enable(2)


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was opened in a browser."""
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toString()))
    return opened


@pytest.fixture
def window(open_frame: OpenFrame) -> MainWindow:
    return open_frame(Place.PROJECTS).window


def said(news: OwnNews) -> str:
    """What the bar says; nothing while it is hidden."""
    labels = [one.text() for one in news.bar.findChildren(QLabel) if one.text()]
    return " | ".join(labels) if not news.bar.isHidden() else ""


def click(news: OwnNews, words: str) -> None:
    buttons = {one.text(): one for one in news.bar.panel.findChildren(QPushButton) if one.isVisible()}
    buttons[words].click()


def crashed(home: Path) -> None:
    log_folder().mkdir(parents=True)
    (log_folder() / "window.crash").write_text(
        f'Fatal Python error: Segmentation fault\n  File "{home}/x.py"\n'
    )


def test_usually_there_is_nothing_to_tell(state: State, window: MainWindow, log: WindowLog) -> None:
    assert said(OwnNews(state, window, log, None, window)) == ""


def test_a_crash_is_told_and_its_report_is_copied_not_sent(
    home: Path, state: State, window: MainWindow, qtbot: QtBot, shoot: Shoot, pages: list[str]
) -> None:
    crashed(home)
    log = WindowLog()
    news = OwnNews(state, window, log, None, window)
    assert said(news).startswith("Holdfast ended unexpectedly: Today ")
    shoot(window, "news-crash")
    click(news, "Copy Report")
    qtbot.waitUntil(lambda: "in the clipboard" in said(news), timeout=30_000)
    report = QGuiApplication.clipboard().text()
    assert "Segmentation fault" in report
    assert 'File "~/x.py"' in report
    click(news, "Open Folder")
    assert pages == [log_folder().as_uri()]
    click(news, "Dismiss")
    assert said(news) == ""
    log.close()
    again = WindowLog()
    assert again.crash is None
    again.close()
    faulthandler.enable(2)


def test_a_log_that_cannot_be_written_is_told_once(state: State, window: MainWindow, log: WindowLog) -> None:
    news = OwnNews(state, window, log, None, window)
    log._fail("No space left on device")
    log._fail("No space left on device")
    assert said(news).startswith("Holdfast cannot write its log: No space left on device")
    click(news, "Dismiss")
    assert said(news) == ""


def test_nobody_is_looked_for_before_the_user_says_so(
    state: State, window: MainWindow, log: WindowLog, feed: Feed, shoot: Shoot
) -> None:
    news = OwnNews(state, window, log, feed.source, window)
    assert said(news).startswith("Look for new versions once a day? | Holdfast asks 127.0.0.1 ")
    shoot(window, "news-question")
    click(news, "Do Not Look")
    assert said(news) == ""
    assert load_settings(settings_path()).updates is False
    assert feed.asked == []
    assert said(OwnNews(state, window, log, feed.source, window)) == ""


def test_a_new_version_is_told_with_its_page(
    state: State, window: MainWindow, log: WindowLog, feed: Feed, qtbot: QtBot, pages: list[str], shoot: Shoot
) -> None:
    news = OwnNews(state, window, log, feed.source, window)
    click(news, "Look Once a Day")
    qtbot.waitUntil(lambda: "Holdfast 99.0.0 is there" in said(news))
    shoot(window, "news-update")
    click(news, "Open Page")
    assert pages == [f"{feed.url}/releases/v99.0.0"]
    assert said(news) == ""
    assert len(feed.asked) == 1


def test_a_version_that_is_skipped_is_not_told_again_and_the_next_one_is(
    state: State, window: MainWindow, log: WindowLog, feed: Feed, qtbot: QtBot, home: Path
) -> None:
    state.change_settings(lambda it: replace(it, updates=True))
    news = OwnNews(state, window, log, feed.source, window)
    qtbot.waitUntil(lambda: "99.0.0" in said(news))
    click(news, "Skip This Version")
    assert said(news) == ""
    assert load_settings(settings_path()).skipped_version == "99.0.0"
    again = OwnNews(state, window, log, feed.source, window)
    qtbot.waitUntil(lambda: not again._watch._is_looking)
    assert said(again) == ""
    feed.says("v99.0.1")
    (home / "data" / "holdfast" / "updates.json").unlink()
    later = OwnNews(state, window, log, feed.source, window)
    qtbot.waitUntil(lambda: "99.0.1" in said(later))


def test_what_is_switched_off_is_told_no_more(
    state: State, window: MainWindow, log: WindowLog, feed: Feed, qtbot: QtBot
) -> None:
    state.change_settings(lambda it: replace(it, updates=True))
    news = OwnNews(state, window, log, feed.source, window)
    qtbot.waitUntil(lambda: "99.0.0" in said(news))
    state.change_settings(lambda it: replace(it, updates=False))
    assert said(news) == ""


def test_offline_is_silence(state: State, window: MainWindow, log: WindowLog, qtbot: QtBot) -> None:
    state.change_settings(lambda it: replace(it, updates=True))
    gone = Source("http://127.0.0.1/releases", f"http://127.0.0.1:{free_port()}/latest")
    news = OwnNews(state, window, log, gone, window)
    qtbot.waitUntil(lambda: not news._watch._is_looking)
    assert said(news) == ""


@pytest.fixture
def dialog(state: State, qtbot: QtBot, feed: Feed, monkeypatch: pytest.MonkeyPatch) -> SettingsDialog:
    monkeypatch.setattr("app.ui.settings_pages.general.release_source", lambda: feed.source)
    made = SettingsDialog(state, has_tray=True)
    qtbot.addWidget(made)
    made.show()
    return made


def test_the_settings_look_at_once_and_say_what_came_of_it(
    dialog: SettingsDialog, state: State, feed: Feed, qtbot: QtBot, pages: list[str], shoot: Shoot
) -> None:
    page = dialog.open_page(Page.GENERAL)
    assert isinstance(page, GeneralPage)
    assert page.updates is not None
    field = page.updates
    assert not field.wanted.isChecked()
    assert not field.open_page.isVisible()
    field.look_now.click()
    qtbot.waitUntil(lambda: field.result.text().endswith("; 99.0.0 is there."))
    page.ensureWidgetVisible(field)
    shoot(dialog, "settings-general-updates")
    field.open_page.click()
    assert pages == [f"{feed.url}/releases/v99.0.0"]
    field.wanted.click()
    assert load_settings(settings_path()).updates is True
    feed.says("v0.0.1")
    field.look_now.click()
    qtbot.waitUntil(lambda: "the newest version. Looked: Today" in field.result.text())
    assert not field.open_page.isVisible()
    feed.answers["/latest"] = (500, b"", "")
    field.look_now.click()
    qtbot.waitUntil(lambda: field.result.text().startswith("The list of releases cannot be read."))
    look = last_look()
    assert look is not None
    assert look.problem
    assert field.look_now.isEnabled()


def test_without_releases_the_settings_say_nothing_of_them(state: State, qtbot: QtBot) -> None:
    page = GeneralPage(state, has_tray=False)
    qtbot.addWidget(page)
    assert page.updates is None


def test_diagnostics_are_copied_while_the_window_goes_on(
    dialog: SettingsDialog, state: State, qtbot: QtBot, shoot: Shoot
) -> None:
    page = dialog.open_page(Page.ADVANCED)
    assert isinstance(page, AdvancedPage)
    shoot(dialog, "settings-advanced-diagnostics")
    page.copy.click()
    assert (page.copy.text(), page.copy.isEnabled()) == ("Collecting…", False)
    qtbot.waitUntil(lambda: page.copy.text() == "Copied", timeout=30_000)
    text = QGuiApplication.clipboard().text()
    assert text.startswith(f"Holdfast diagnostics, {datetime.now(UTC):%Y-%m-%d} ")
    assert "  Qt: 6." in text
    page._offer()
    assert (page.copy.text(), page.copy.isEnabled()) == ("Copy Diagnostics", True)
