"""*Use Session Pooler* on a project's card: tried first, then shown, then kept.

The service that tells the pooler's address is a stand-in; the pooler itself is Supabase's own, so its answer
is given here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from app.domain.conninfo import conninfo_keywords
from app.domain.errors import AppError, ErrorCode
from app.domain.history import Result
from app.domain.project import Project
from app.engine.connection_check import CheckLine, CheckState, CheckStep, ConnectionCheck
from app.engine.supabase_access import TOKEN_VARIABLE
from app.persistence.settings import load_settings, settings_path
from app.postgres.connection import Connection
from app.services import Services
from app.ui.frame import Frame
from app.ui.question import Question
from app.ui.state import State
from app.ui.tabs.projects import ProjectsPage
from app.ui.widgets.rail import Place
from tests.supabase.api_stand_in import REF, TOKEN, Api, running_api
from tests.ui.conftest import OpenFrame, Shoot
from tests.ui.past_backups import NOW, History
from tests.ui.test_projects import now, page_of

__all__ = ["now"]

_PATIENCE = 30_000
POOLER = "aws-1-eu-central-1.pooler.supabase.com"
Answer = Callable[[AppError | None], list[Connection]]


@pytest.fixture(autouse=True)
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    with running_api() as made:
        monkeypatch.setenv("SUPABASE_API_URL", made.url)
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus")
        monkeypatch.setattr("app.supabase.cli.find_cli", lambda: None)
        yield made


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Answer:
    """What the pooler answers; gives the connections that were tested."""

    def give(failure: AppError | None) -> list[Connection]:
        tested: list[Connection] = []
        state = CheckState.FAILED if failure else CheckState.PASSED
        lines = (CheckLine(CheckStep.SIGN_IN, state, failure=failure),)

        def check(_services: Services, connection: Connection, *_rest: object) -> ConnectionCheck:
            tested.append(connection)
            return ConnectionCheck(lines)

        monkeypatch.setattr(Services, "check_connection", check)
        return tested

    return give


@pytest.fixture
def page(state: State, now: None, open_frame: OpenFrame) -> ProjectsPage:
    """One project, whose direct host was not reached."""
    history = History(state)
    host = f"db.{REF}.supabase.co"
    title = "The server cannot be reached from this network"
    history.attempt(
        NOW - timedelta(hours=1), Result.FAILED, "Shop", error_code="unreachable", error_title=title
    )
    project = Project("Shop", f"host={host} user=backup dbname=postgres", NOW - timedelta(days=9))
    assert state.change_settings(lambda old: replace(old, projects=(project,)))
    frame: Frame = open_frame(Place.PROJECTS)
    return page_of(frame)


def press(page: ProjectsPage) -> None:
    panel = page.detail._problem
    (pressed,) = [one for one in panel.findChildren(QPushButton) if one.text() == "Use Session Pooler"]
    pressed.click()


def kept() -> dict[str, str]:
    (project,) = load_settings(settings_path()).projects
    return conninfo_keywords(project.conninfo)


def test_it_is_tried_then_shown_then_kept(
    page: ProjectsPage, qtbot: QtBot, shoot: Shoot, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    tested = answer(None)
    shoot(page.window(), "projects-pooler")
    before = kept()
    press(page)
    assert page.notice.isVisible()

    def questions() -> list[Question]:
        return [one for one in page.window().findChildren(Question) if one.isVisible()]

    qtbot.waitUntil(lambda: bool(questions()), timeout=_PATIENCE)
    assert [one.keywords["host"] for one in tested] == [POOLER]
    assert kept() == before, "nothing is kept before it was shown"
    (question,) = questions()
    shoot(question, "question-pooler")
    next(one for one in question.findChildren(QPushButton) if one.text() == "Use Session Pooler").click()
    qtbot.waitUntil(lambda: kept() != before, timeout=_PATIENCE)
    now = {"host": POOLER, "port": "5432", "user": f"backup.{REF}", "dbname": "postgres"}
    assert kept() == now | {"sslmode": "require"}
    qtbot.waitUntil(lambda: not page.detail._row or not page.detail._row.needs_pooler, timeout=_PATIENCE)
    assert not [one for one in page.detail._problem.findChildren(QPushButton) if "Pooler" in one.text()]


def test_without_a_token_it_leads_to_where_one_is_given(page: ProjectsPage, qtbot: QtBot) -> None:
    press(page)
    qtbot.waitUntil(lambda: page._dialog is not None and page._dialog.isVisible(), timeout=_PATIENCE)
    dialog = page._dialog
    assert dialog is not None
    assert dialog.supabase.isVisible()
    assert dialog.fields.name.text() == "Shop"
    dialog.close()


def test_what_is_wrong_with_the_pooler_is_told_and_nothing_kept(
    page: ProjectsPage, qtbot: QtBot, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    answer(AppError(ErrorCode.SIGN_IN_FAILED, "The server refused the sign-in"))
    before = kept()
    press(page)
    qtbot.waitUntil(lambda: "refused the sign-in" in page.notice._text.text(), timeout=_PATIENCE)
    assert kept() == before


def test_a_try_that_takes_long_can_be_cancelled(
    page: ProjectsPage, qtbot: QtBot, service: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    service.fault = "hangs"
    press(page)
    (cancel,) = page.notice.findChildren(QPushButton)
    cancel.click()
    assert not page.notice.isVisible()
    service.fault = ""
