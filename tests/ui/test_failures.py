"""Every failure that has a name reaches the user: in words, with what to do, and with buttons that do it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
from PySide6.QtWidgets import QDialog, QLabel, QPushButton
from pytestqt.qtbot import QtBot

from app.domain.errors import AppError, ErrorCode
from app.domain.events import Listener
from app.domain.history import Entry, Result
from app.domain.operation import OperationKind
from app.domain.project import Project
from app.domain.remedy import remedies_of
from app.system.cancellation import CancelToken
from app.ui.error_dialog import ErrorDialog
from app.ui.frame import Frame
from app.ui.project_dialog import ProjectDialog
from app.ui.remedy_words import remedy_words
from app.ui.settings_dialog import SettingsDialog
from app.ui.state import State
from app.ui.widgets.rail import Place
from tests.ui.conftest import OpenFrame

NOW = datetime(2026, 11, 22, 14, 5, tzinfo=UTC)


@pytest.fixture
def frame(state: State, open_frame: OpenFrame) -> Frame:
    project = Project("Shop", "host=127.0.0.1 port=1 dbname=shop", NOW)
    assert state.change_settings(lambda old: replace(old, projects=(project,)))
    return open_frame(Place.BACKUP)


@dataclass
class _Fails:
    """Services whose deletion of a backup fails like this, as any operation could."""

    error: Exception

    def delete(self, *_arguments: object, **_options: object) -> object:
        raise self.error


def fail(frame: Frame, error: Exception, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(State, "services", lambda _: _Fails(error))
    with qtbot.waitSignal(frame.operations.finished):
        frame.launcher.delete(Entry("1", "Shop", NOW, Result.SUCCEEDED))


def shown(frame: Frame) -> ErrorDialog:
    (dialog,) = [one for one in frame.window.findChildren(ErrorDialog) if one.isVisible()]
    return dialog


def test_each_failure_says_what_happened_and_what_to_do(
    frame: Frame, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    for code in ErrorCode:
        error = AppError(code, "Something happened", detail=f"in a place of {code}", hint="Do this.")
        fail(frame, error, qtbot, monkeypatch)
        dialog = shown(frame)
        texts = "\n".join(label.text() for label in dialog.findChildren(QLabel))
        assert "Something happened" in texts, code
        assert "Do this." in texts, code
        assert f"in a place of {code}" in texts
        words = {button.text() for button in dialog.findChildren(QPushButton)}
        offered = {remedy_words(remedy) for remedy in remedies_of(error)}
        assert words & offered or not offered - {"Replace File", "Prove"}, code
        dialog.close()


REMEDIED = [code for code in ErrorCode if remedies_of(AppError(code, ""))]


@pytest.mark.parametrize(
    "codes", [REMEDIED[first::4] for first in range(4)], ids=lambda codes: codes[0].value
)
def test_each_button_of_a_failure_leads_somewhere(
    codes: list[ErrorCode], frame: Frame, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    for code in codes:
        fail(frame, AppError(code, f"Something happened: {code}"), qtbot, monkeypatch)
        first = shown(frame)
        offered = {remedy_words(remedy) for remedy in remedies_of(AppError(code, ""))}
        names = [one.text() for one in first.findChildren(QPushButton) if one.text() in offered]
        assert names, code
        first.close()
        for name in names:
            fail(frame, AppError(code, f"{code} happened before {name}"), qtbot, monkeypatch)
            dialog, place = shown(frame), frame.window.place
            (button,) = [one for one in dialog.findChildren(QPushButton) if one.text() == name]
            button.click()
            qtbot.waitUntil(lambda dialog=dialog, place=place: leads_on(frame, dialog, place))  # type: ignore[misc]
            for one in open_dialogs(frame):
                one.close()
            frame.window.open_place(Place.BACKUP)


def open_dialogs(frame: Frame) -> list[QDialog]:
    found = [
        one
        for kind in (SettingsDialog, ProjectDialog, ErrorDialog)
        for one in frame.window.findChildren(kind)
        if one.isVisible()
    ]
    return list(found)


def leads_on(frame: Frame, dialog: QDialog, place: Place) -> bool:
    """Another dialog is open (what was tried again fails again), or another place."""
    return bool([one for one in open_dialogs(frame) if one is not dialog]) or frame.window.place is not place


@pytest.mark.logs_warnings
def test_an_error_in_holdfast_itself_is_shown_with_its_details(
    frame: Frame, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail(frame, ZeroDivisionError("division by zero"), qtbot, monkeypatch)
    dialog = shown(frame)
    assert "ZeroDivisionError" in dialog._details_text
    dialog.close()


def test_every_operation_can_be_cancelled(frame: Frame, qtbot: QtBot) -> None:
    def work(cancel: CancelToken, _listener: Listener) -> object:
        cancel.wait(30)
        return None

    for kind in OperationKind:
        frame.operations.submit(kind, "Shop", work)
        qtbot.waitUntil(lambda: len(frame.window.strip._rows) == 1)
        (row,) = frame.window.strip._rows.values()
        with qtbot.waitSignal(frame.operations.finished):
            row._cancel.click()
        qtbot.waitUntil(lambda: not frame.operations.running() and not frame.window.strip._rows)
        assert not [one for one in frame.window.findChildren(ErrorDialog) if one.isVisible()], kind
