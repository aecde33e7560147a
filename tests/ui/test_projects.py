"""The Projects page: how each project stands, and what can be done with it."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QPushButton
from pytestqt.qtbot import QtBot

from app.domain.history import Result
from app.domain.operation import OperationKind
from app.domain.project import Project
from app.domain.schedule import Schedule
from app.ui.frame import Frame
from app.ui.models.project_table import Column
from app.ui.question import Question
from app.ui.schedule_watch import ScheduleWatch
from app.ui.state import State
from app.ui.tabs.projects import ProjectsPage
from app.ui.widgets.rail import Place
from tests.ui.conftest import OpenFrame, Shoot
from tests.ui.past_backups import NOW, History

HOSTS = {
    "Shop": "host=aws-0-eu-central-1.pooler.supabase.com port=5432 dbname=postgres user=postgres.qhzlxkv",
    "Shop staging": "host=db.nvtyqkexohzlxkvmtrwe.supabase.co port=5432 dbname=postgres user=postgres",
    "Blog": "host=blog.internal dbname=blog user=backup",
    "Analytics": "host=warehouse.internal port=5433 dbname=events user=backup sslmode=verify-full",
}


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock stands still, and no schedule runs."""
    monkeypatch.setattr(State, "now", lambda _: NOW)
    monkeypatch.setattr(ScheduleWatch, "look", lambda _: None)


@pytest.fixture
def frame(now: None, open_frame: OpenFrame) -> Frame:
    made = open_frame(Place.PROJECTS)
    made.health.look()
    return made


@pytest.fixture
def filled(state: State, now: None) -> History:
    """Four projects, with schedules and a month of backups."""
    history = History(state)
    history.fill()
    slot = NOW.replace(hour=14, minute=0)
    for minutes in (0, 2):
        history.attempt(
            slot + timedelta(minutes=minutes),
            Result.FAILED,
            "Shop staging",
            schedule="Shop staging",
            slot=slot,
            error_code="unreachable",
            error_title="The host has only an IPv6 address, and this network has no IPv6",
            error_detail="db.nvtyqkexohzlxkvmtrwe.supabase.co is 2a05:d014:1c06::1",
        )
    history.backup(NOW - timedelta(days=4), "Shop staging", 612_000_000, 90)
    projects = tuple(Project(name, conninfo, NOW - timedelta(days=90)) for name, conninfo in HOSTS.items())
    schedules = tuple(
        Schedule(id=name, project=name, cron=cron, zone="UTC", since=NOW - since)
        for name, cron, since in (
            ("Shop", "30 2 * * *", timedelta(hours=1)),
            ("Shop staging", "0 14 * * *", timedelta(days=60)),
        )
    )
    assert state.change_settings(lambda old: replace(old, projects=projects, schedules=schedules))
    return history


def page_of(frame: Frame) -> ProjectsPage:
    page = frame.window.page(Place.PROJECTS)
    assert isinstance(page, ProjectsPage)
    return page


def test_without_projects_it_offers_to_add_one_or_to_try(frame: Frame, shoot: Shoot, qtbot: QtBot) -> None:
    page = page_of(frame)
    qtbot.waitUntil(page._first.hasFocus)
    shoot(frame.window, "projects-empty")
    page.sample_wanted.disconnect()
    with qtbot.waitSignal(page.sample_wanted):
        qtbot.keyClick(page._first, Qt.Key.Key_Tab)
        qtbot.keyClick(page.sample, Qt.Key.Key_Space)


def test_each_project_tells_how_it_stands(filled: History, frame: Frame, shoot: Shoot, qtbot: QtBot) -> None:
    page = page_of(frame)
    qtbot.waitUntil(lambda: page.model.texts(0, Column.SERVER)[0] == "17.5")
    assert page.model.texts(0, Column.PROJECT) == (
        "Shop",
        "Supabase · aws-0-eu-central-1.pooler.supabase.com",
    )
    assert page.model.texts(0, Column.LAST) == ("Today 02:30", "Proven")
    assert page.model.texts(0, Column.NEXT) == ("Tomorrow", "02:30")
    assert page.model.texts(2, Column.NEXT) == ("–", "no schedule")
    assert page.model.texts(1, Column.NEXT) == ("Retry 14:07", "attempt 3")
    page.view.choose("Shop staging")
    qtbot.waitUntil(lambda: page.detail._row is not None and page.detail._row.name == "Shop staging")
    shoot(frame.window, "projects")


def answers(page: ProjectsPage) -> dict[str, QPushButton]:
    """The buttons of the question that is asked."""
    (question,) = [one for one in page.window().findChildren(Question) if one.isVisible()]
    return {one.text(): one for one in question.findChildren(QPushButton)}


def test_a_search_narrows_the_list(filled: History, frame: Frame, qtbot: QtBot) -> None:
    page = page_of(frame)
    qtbot.keyClick(frame.window, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClicks(page.search, "INTERNAL")
    assert [page.model.texts(row, 0)[0] for row in range(page.model.rowCount())] == ["Blog", "Analytics"]
    assert page.detail._row is not None
    assert page.detail._row.name == "Blog"
    qtbot.keyClicks(page.search, "x")
    assert page.panes.nothing.isVisible()
    assert not page.detail.isVisible()
    page.search.clear()
    assert page.model.rowCount() == 4


def test_a_project_is_deleted_and_its_backups_stay(
    filled: History, frame: Frame, state: State, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus")
    page = page_of(frame)
    before = state.catalog.history("Blog")
    page.view.choose("Blog")
    qtbot.keyClick(page.view, Qt.Key.Key_Delete)
    answers(page)["Delete Project"].click()
    qtbot.waitUntil(lambda: page.model.rowCount() == 3, timeout=15_000)
    assert "Blog" not in [one.name for one in state.settings.projects]
    assert state.catalog.history("Blog") == before
    assert all(Path(one.path).is_dir() for one in before if one.path)


def test_what_is_kept_can_go_with_its_project(
    filled: History, frame: Frame, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus")
    page = page_of(frame)
    page.delete_backups_wanted.disconnect()
    page.delete_project("Blog")
    (question,) = [one for one in page.window().findChildren(Question) if one.isVisible()]
    box = question.findChild(QCheckBox)
    assert isinstance(box, QCheckBox)
    assert box.text() == "Move its backups to the trash, too"
    box.click()
    with qtbot.waitSignal(page.delete_backups_wanted, timeout=15_000) as wanted:
        answers(page)["Delete Project"].click()
    assert wanted.args is not None
    assert {entry.project for entry in wanted.args[0]} == {"Blog"}
    assert len(wanted.args[0]) == 3


def test_a_busy_project_is_not_deleted(filled: History, frame: Frame, qtbot: QtBot, state: State) -> None:
    page = page_of(frame)
    over = threading.Event()
    frame.operations.submit(OperationKind.BACKUP, "Blog", lambda _cancel, _listener: over.wait(30))
    page.delete_project("Blog")
    assert page.notice.isVisible()
    assert "Blog" in [one.name for one in state.settings.projects]
    over.set()


def test_the_page_shows_what_runs(filled: History, frame: Frame, qtbot: QtBot) -> None:
    page = page_of(frame)
    over = threading.Event()
    frame.operations.submit(OperationKind.BACKUP, "Analytics", lambda _cancel, _listener: over.wait(30))
    qtbot.waitUntil(lambda: page.model.texts(3, Column.NEXT)[0] == "Now")
    page.view.choose("Analytics")
    assert not page.detail.back_up.isEnabled()
    over.set()
    qtbot.waitUntil(lambda: page.model.texts(3, Column.NEXT)[0] != "Now")
    assert page.detail.back_up.isEnabled()


def test_each_button_of_the_card_asks_for_its_project(filled: History, frame: Frame, qtbot: QtBot) -> None:
    page = page_of(frame)
    page.view.choose("Shop")
    for signal in (page.back_up_wanted, page.prove_wanted, page.restore_wanted):
        signal.disconnect()
    with qtbot.waitSignal(page.back_up_wanted) as wanted:
        page.detail.back_up.click()
    assert wanted.args == ["Shop"]
    for button, signal in (
        (page.detail.prove, page.prove_wanted),
        (page.detail.restore, page.restore_wanted),
    ):
        with qtbot.waitSignal(signal) as wanted:
            button.click()
        assert wanted.args is not None
        assert wanted.args[0].project == "Shop"
    names = [action.text() for action in page.detail.menu.actions() if action.text() and action.isVisible()]
    assert names == ["Edit and Test Connection…", "Show in History", "Schedules", "Delete Project…"]


def test_with_little_room_the_names_stay(filled: History, frame: Frame, shoot: Shoot) -> None:
    frame.window.resize(800, 560)
    page = page_of(frame)
    assert page.view.isColumnHidden(Column.STRIP)
    assert not page.view.isColumnHidden(Column.LAST)
    assert not page.detail.isVisible()
    shoot(frame.window, "projects-small")


def test_in_a_low_window_the_detail_is_a_page_with_a_way_back(
    filled: History, frame: Frame, shoot: Shoot, qtbot: QtBot
) -> None:
    frame.window.resize(800, 560)
    page = page_of(frame)
    page.view.choose("Shop staging")
    page.view.setFocus()
    qtbot.keyClick(page.view, Qt.Key.Key_Return)
    assert page.detail.isVisible()
    assert not page.view.isVisible()
    assert page._dialog is None
    assert page.detail.back.hasFocus()
    area = page.panes._detail_area
    assert area.verticalScrollBar().maximum() == 0, "nothing of it is out of view"
    qtbot.waitUntil(page.detail.menu.actions()[0].isVisible)  # Prove gave way to the name
    qtbot.waitUntil(lambda: page.detail._title._elided() == "Shop staging")
    shoot(frame.window, "projects-small-detail")
    qtbot.keyClick(page.detail.back, Qt.Key.Key_Escape)
    assert page.view.hasFocus()
    assert page.chosen == "Shop staging"
    page.panes.details.click()
    assert page.detail.isVisible()
    page.detail.back.click()
    assert page.view.isVisible()
    page.panes.details.click()
    qtbot.keyClick(frame.window, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert page.search.hasFocus()
    assert page.view.isVisible()
    page.panes.details.click()
    frame.window.resize(1100, 720)
    assert page.view.isVisible()
    assert page.detail.isVisible()
    assert not page.detail.back.isVisible()
    assert not page.panes.details.isVisible()


def test_the_list_gives_way_before_the_detail_is_out_of_view(
    filled: History, frame: Frame, state: State, qtbot: QtBot
) -> None:
    page = page_of(frame)
    project = state.settings.projects[0]
    more = tuple(replace(project, name=f"Shop {number}") for number in range(9))
    assert state.change_settings(lambda old: replace(old, projects=(*old.projects, *more)))
    frame.window.resize(1100, 660)
    page.view.choose("Shop staging")
    area = page.panes._list_area
    qtbot.waitUntil(page.detail._problem.isVisible)
    qtbot.waitUntil(lambda: area.verticalScrollBar().maximum() == 0)
    assert page.view.isVisible()
    assert page.detail.isVisible()


def test_a_project_that_is_gone_leaves_no_page_behind(
    filled: History, frame: Frame, state: State, qtbot: QtBot
) -> None:
    frame.window.resize(800, 560)
    page = page_of(frame)
    page.view.choose("Blog")
    page.panes.details.click()
    assert state.change_settings(lambda old: replace(old, projects=old.projects[:2]))
    assert page.view.isVisible()
    assert not page.detail.isVisible()
