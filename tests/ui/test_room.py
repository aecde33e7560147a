"""Nothing is cut in languages with longer words, with large letters, or from right to left: on no page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from app.domain.errors import AppError, ErrorCode
from app.engine.connection_check import CheckLine, CheckState, CheckStep
from app.ui.error_dialog import ErrorDialog
from app.ui.frame import Frame
from app.ui.project_dialog import ProjectDialog
from app.ui.project_drafts import Field
from app.ui.question import Question
from app.ui.settings_dialog import Page, SettingsDialog
from app.ui.state import State
from app.ui.tabs.backup import BackupPage
from app.ui.tabs.history import HistoryPage
from app.ui.tabs.schedule import SchedulePage
from app.ui.widgets.rail import Place
from tests.ui.conftest import SCREENSHOTS, OpenFrame
from tests.ui.past_backups import History
from tests.ui.room import LOOKS, cut_texts, look
from tests.ui.test_projects import filled, now, page_of

__all__ = ["filled", "now"]

_PATIENCE = 15_000
_MOMENT, _TRIES = 20, 15
_PICTURES = SCREENSHOTS / "room"
SIZES = ((1100, 720), (800, 560))
LONG_NAME = "project_of_the_department_for_long_names.and_their_tables"


@pytest.fixture(params=LOOKS, autouse=True)
def name(request: pytest.FixtureRequest, qapp: QApplication, qtbot: QtBot) -> Iterator[str]:
    with look(qapp, request.param):
        yield request.param
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


@pytest.fixture
def frame(filled: History, open_frame: OpenFrame) -> Frame:
    made = open_frame(Place.PROJECTS)
    made.health.look()
    return made


def check(qtbot: QtBot, page: QWidget, what: str, name: str) -> list[str]:
    """What is cut on this page once its layout has settled."""
    found: list[str] = []
    for _ in range(_TRIES):
        qtbot.wait(_MOMENT)
        found = cut_texts(page)
        if not found:
            break
    _PICTURES.mkdir(parents=True, exist_ok=True)
    assert page.grab().save(str(_PICTURES / f"{what}-{name}.png"))
    return [f"{what}: {text}" for text in found]


def test_projects(frame: Frame, qtbot: QtBot, name: str) -> None:
    page, found = page_of(frame), []
    for size in SIZES:
        frame.window.resize(*size)
        for project in ("Shop", "Shop staging"):
            page.view.choose(project)
            found += check(qtbot, frame.window, f"projects-{size[0]}", name)
    page.panes.show_detail()
    found += check(qtbot, frame.window, "projects-detail", name)
    assert not found, "\n".join(found)


def test_without_anything(open_frame: OpenFrame, qtbot: QtBot, name: str) -> None:
    window, found = open_frame(Place.PROJECTS).window, []
    for place in Place:
        window.open_place(place)
        for size in SIZES:
            window.resize(*size)
            found += check(qtbot, window, f"{place.value}-empty-{size[0]}", name)
    assert not found, "\n".join(found)


def test_backup(frame: Frame, qtbot: QtBot, name: str) -> None:
    page = frame.window.open_place(Place.BACKUP)
    assert isinstance(page, BackupPage)
    found = []
    for project in ("Shop", "Blog"):
        page.choose_project(project)
        for options in (False, True):
            page.show_options(options)
            for size in SIZES:
                frame.window.resize(*size)
                found += check(qtbot, frame.window, f"backup-{project}-{options}-{size[0]}", name)
    page.form.folder.setText("relative")
    found += check(qtbot, frame.window, "backup-wrong", name)
    assert not found, "\n".join(found)


def test_history(frame: Frame, qtbot: QtBot, name: str) -> None:
    page = frame.window.open_place(Place.HISTORY)
    assert isinstance(page, HistoryPage)
    qtbot.waitUntil(lambda: page.detail.detail is not None, timeout=_PATIENCE)
    found = []
    for size in SIZES:
        frame.window.resize(*size)
        qtbot.wait(_MOMENT)
        page.panes.show_detail()
        for tab in range(page.detail.tabs.count()):
            if page.detail.tabs.isTabVisible(tab):
                page.detail.tabs.setCurrentIndex(tab)
                found += check(qtbot, frame.window, f"history-{size[0]}-{tab}", name)
    page.panes.show_list()
    found += check(qtbot, frame.window, "history-list", name)
    assert not found, "\n".join(found)


def test_schedule(frame: Frame, qtbot: QtBot, name: str) -> None:
    page = frame.window.open_place(Place.SCHEDULE)
    assert isinstance(page, SchedulePage)
    found = []
    for size in SIZES:
        frame.window.resize(*size)
        for number in range(page.model.rowCount()):
            page.view.choose(page.model.rows[number].id)
            page.view.opened.emit(page.model.rows[number].id)
            found += check(qtbot, frame.window, f"schedule-{size[0]}", name)
    assert not found, "\n".join(found)


def test_restore(frame: Frame, qtbot: QtBot, name: str) -> None:
    frame.window.open_place(Place.RESTORE)
    found = []
    for size in SIZES:
        frame.window.resize(*size)
        found += check(qtbot, frame.window, f"restore-{size[0]}", name)
    assert not found, "\n".join(found)


def test_the_dialog_of_a_project(filled: History, state: State, qtbot: QtBot, name: str) -> None:
    dialog = ProjectDialog(state, "", lambda _: False)
    qtbot.addWidget(dialog)
    dialog.show()
    found = check(qtbot, dialog, "dialog-string", name)
    dialog.find_at_supabase()
    found += check(qtbot, dialog, "dialog-supabase", name)
    dialog.way.choose("fields")
    dialog._show_way()
    dialog.fields.change(host="two words", tls="verify-full", port="6543", name="shop")
    dialog._touched |= set(Field)
    dialog._judge()
    reached = CheckLine(CheckStep.HOST, CheckState.PASSED, f"{LONG_NAME}.example is 192.0.2.1, IPv4")
    detail = f"{LONG_NAME}@/run/{LONG_NAME}: connection failed: FATAL: {LONG_NAME}"
    error = AppError(ErrorCode.SIGN_IN_FAILED, "The server refused the sign-in", detail=detail)
    dialog.checklist.show_line(reached)
    dialog.checklist.show_line(CheckLine(CheckStep.SIGN_IN, CheckState.FAILED, failure=error))
    dialog.checklist.show_line(CheckLine(CheckStep.SIZE, CheckState.LEFT_OUT))
    found += check(qtbot, dialog, "dialog-fields", name)
    dialog._leave_changes()
    assert not found, "\n".join(found)


def test_settings(state: State, qtbot: QtBot, name: str) -> None:
    dialog = SettingsDialog(state, has_tray=True)
    qtbot.addWidget(dialog)
    dialog.show()
    found = []
    for page in Page:
        dialog.open_page(page)
        found += check(qtbot, dialog, f"settings-{page.value}", name)
    assert not found, "\n".join(found)


def test_questions_and_errors(qtbot: QtBot, name: str) -> None:
    tr = QApplication.translate
    text = tr("Test", "Its connection, its schedules and its password are forgotten.")
    words = [tr("Test", one) for one in ("Use Session Pooler", "Keep Running in Background")]
    question = Question(
        f"{text} {LONG_NAME}", text, tuple((one, "", lambda: None) for one in words), remember=text
    )
    error = AppError(ErrorCode.DISK_FULL, text, detail=f"/srv/{LONG_NAME}/{LONG_NAME}", hint=text)
    shown = ErrorDialog(error, text, tuple((one, lambda: None) for one in words))
    found = []
    for dialog in (question, shown):
        qtbot.addWidget(dialog)
        dialog.show()
        found += check(qtbot, dialog, type(dialog).__name__, name)
    assert not found, "\n".join(found)
