"""The window as a whole: what is asked before it closes, and where failures and the health line lead."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLabel, QPushButton
from pytestqt.qtbot import QtBot

from app.domain.errors import AppError, ErrorCode
from app.domain.events import Listener
from app.domain.history import Entry, Result
from app.domain.operation import OperationKind
from app.domain.preferences import OnClose
from app.domain.project import Project
from app.domain.remedy import Remedy
from app.system.cancellation import CancelToken
from app.ui.error_dialog import ErrorDialog
from app.ui.frame import Frame
from app.ui.project_dialog import ProjectDialog
from app.ui.question import Question
from app.ui.settings_dialog import SettingsDialog
from app.ui.state import State
from app.ui.tabs.schedule import SchedulePage
from app.ui.widgets.rail import Place
from tests.ui.conftest import OpenFrame, Shoot

NOW = datetime(2026, 11, 22, 14, 5, tzinfo=UTC)


@pytest.fixture
def exits(qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The statuses with which the application was told to end."""
    statuses: list[int] = []
    monkeypatch.setattr(QApplication, "exit", lambda _, status=0: statuses.append(status))
    return statuses


@pytest.fixture
def frame(exits: list[int], state: State, open_frame: OpenFrame) -> Frame:
    project = Project("Shop", "host=127.0.0.1 port=1 dbname=shop", NOW)
    assert state.change_settings(lambda old: replace(old, projects=(project,)))
    return open_frame(Place.PROJECTS)


@pytest.fixture
def over() -> Iterator[threading.Event]:
    """Ends what a test lets run."""
    made = threading.Event()
    yield made
    made.set()


def start(frame: Frame, over: threading.Event, qtbot: QtBot) -> None:
    """Let an operation run until `over`."""
    frame.operations.submit(OperationKind.VERIFY, "Shop", lambda _cancel, _listener: over.wait(30))
    qtbot.waitUntil(lambda: len(frame.operations.running()) == 1)


def asked(frame: Frame) -> dict[str, QPushButton]:
    """The buttons of the question that is open."""
    (question,) = [one for one in frame.window.findChildren(Question) if one.isVisible()]
    return {one.text(): one for one in question.findChildren(QPushButton)}


def test_what_runs_is_not_stopped_without_a_word(
    frame: Frame, exits: list[int], over: threading.Event, qtbot: QtBot
) -> None:
    start(frame, over, qtbot)
    frame.quit()
    asked(frame)["Cancel"].click()
    assert exits == []
    assert frame.window.isVisible()
    frame.quit()
    asked(frame)["Stop and Quit"].click()
    assert exits == [0]


def test_a_schedule_that_is_not_saved_is_not_lost_without_a_word(
    frame: Frame, state: State, exits: list[int], shoot: Shoot
) -> None:
    assert state.change_settings(lambda old: replace(old, on_close=OnClose.QUIT))
    page = frame.window.open_place(Place.SCHEDULE)
    assert isinstance(page, SchedulePage)
    page.add()
    frame.window.close()
    (question,) = [one for one in frame.window.findChildren(Question) if one.isVisible()]
    shoot(question, "question-unsaved")
    asked(frame)["Cancel"].click()
    assert exits == []
    page.discard()
    frame.window.close()
    assert exits == [0]


def test_closing_asks_once_whether_to_go_on_in_the_tray(frame: Frame, state: State, exits: list[int]) -> None:
    frame.window.close()
    (question,) = [one for one in frame.window.findChildren(Question) if one.isVisible()]
    question._remember.click()
    asked(frame)["Keep Running in Background"].click()
    assert not frame.window.isVisible()
    assert state.settings.on_close is OnClose.TRAY
    assert exits == []
    frame.window.show()
    frame.window.close()
    assert not frame.window.isVisible()
    assert not [one for one in frame.window.findChildren(Question) if one.isVisible()]


def test_a_failure_offers_what_can_be_done(frame: Frame, qtbot: QtBot) -> None:
    def fail(_cancel: CancelToken, _listener: Listener) -> object:
        raise AppError(ErrorCode.SIGN_IN_FAILED, "The password was refused", hint="Enter it again.")

    with qtbot.waitSignal(frame.operations.finished):
        frame.operations.submit(OperationKind.VERIFY, "Shop", fail)
    (dialog,) = frame.window.findChildren(ErrorDialog)
    buttons = {one.text(): one for one in dialog.findChildren(QPushButton)}
    buttons["Enter Password…"].click()
    (project,) = frame.window.findChildren(ProjectDialog)
    assert project.windowTitle() == "Edit Shop"
    project.close()


@pytest.mark.parametrize("remedy", [Remedy.SHOW_TOOLS, Remedy.CHOOSE_FOLDER, Remedy.SHOW_KEYRING])
def test_a_remedy_of_the_history_leads_to_the_settings(frame: Frame, remedy: Remedy) -> None:
    entry = Entry("1", "Shop", NOW, Result.FAILED)
    frame.pages.remedy_wanted.emit(remedy, entry)
    (dialog,) = frame.window.findChildren(SettingsDialog)
    assert dialog.isVisible()
    dialog.close()


def test_the_health_line_leads_to_what_it_names(frame: Frame, qtbot: QtBot) -> None:
    frame.health.look()
    assert frame.window.health._sentence.text() == "Shop has never been backed up."
    with qtbot.waitSignal(frame.operations.finished, timeout=30_000):
        frame._help()
    (dialog,) = frame.window.findChildren(ErrorDialog)
    assert "Backing up Shop: failed" in {label.text() for label in dialog.findChildren(QLabel)}
    dialog.close()


@pytest.mark.parametrize(
    ("key", "place"), [("B", Place.BACKUP), ("N", Place.PROJECTS)], ids=["back up", "add a project"]
)
def test_keys_work_from_every_place(frame: Frame, key: str, place: Place, qtbot: QtBot) -> None:
    frame.window.open_place(Place.HISTORY)
    qtbot.keyClick(frame.window, Qt.Key[f"Key_{key}"], Qt.KeyboardModifier.ControlModifier)
    assert frame.window.place is place
    for dialog in frame.window.findChildren(ProjectDialog):
        dialog.close()
    frame.operations.queue.shutdown()
