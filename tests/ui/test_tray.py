"""The icon in the tray, its menu and its tool tip, as far as no panel is needed; see test_on_a_desktop.py."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest
from PySide6.QtCore import QRect, QSize
from PySide6.QtGui import QAction, QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QMenu, QWidget
from pytestqt.qtbot import QtBot

from app.domain.health_line import HealthLine, Topic
from app.domain.history import Entry, Result
from app.domain.operation import OperationKind
from app.domain.project import Project
from app.domain.proof import ProofLevel
from app.domain.schedule import Schedule
from app.ui import icons
from app.ui.health_watch import HealthWatch
from app.ui.operation_signals import OperationSignals
from app.ui.state import State
from app.ui.theme import DARK, LIGHT
from app.ui.tray import Tray, TrayState, tray_icon, tray_state
from tests.ui.conftest import Shoot


@pytest.fixture
def operations(qapp: QApplication) -> Iterator[OperationSignals]:
    made = OperationSignals(None)
    yield made
    assert made.queue.shutdown(timeout=5)


@pytest.fixture
def tray(state: State, operations: OperationSignals) -> Iterator[Tray]:
    watch = HealthWatch(state, operations)
    made = Tray(state, operations, watch)
    yield made
    made.close()


def add(state: State, *names: str) -> None:
    now = datetime.now(UTC)
    projects = tuple(Project(name, "host=localhost", now) for name in names)
    state.change_settings(lambda settings: replace(settings, projects=projects))


def record(state: State, project: str, hours: float, **fields: object) -> None:
    started = datetime.now(UTC) - timedelta(hours=hours)
    entry = Entry(
        f"{project} {hours}",
        project,
        started,
        Result.SUCCEEDED,
        finished=started,
        proof_level=ProofLevel.PROVEN,
        path="/x",
    )
    state.catalog.record(replace(entry, **fields))  # type: ignore[arg-type]
    state.history_changed.emit()


def texts(menu: QMenu) -> list[str]:
    menu.aboutToShow.emit()
    return [action.text() for action in menu.actions() if not action.isSeparator()]


def action(menu: QMenu, text: str) -> QAction:
    menu.aboutToShow.emit()
    (found,) = (one for one in menu.actions() if one.text().startswith(text))
    return found


def submenu(menu: QMenu, text: str) -> QMenu:
    found = action(menu, text).menu()
    assert isinstance(found, QMenu)
    return found


def filled(menu: QMenu) -> QMenu:
    """For a picture."""
    menu.aboutToShow.emit()
    menu.adjustSize()
    return menu


@pytest.mark.parametrize(
    ("topic", "tone", "runs", "state"),
    [
        (Topic.GOOD, "good", False, TrayState.GOOD),
        (Topic.NO_PROJECTS, "info", False, TrayState.GOOD),
        (Topic.GOOD, "good", True, TrayState.RUNNING),
        (Topic.OVERDUE, "warn", False, TrayState.ATTENTION),
        (Topic.FAILED, "bad", False, TrayState.FAILED),
        (Topic.FAILED, "bad", True, TrayState.RUNNING),
        (Topic.PAUSED, "info", False, TrayState.PAUSED),
    ],
)
def test_the_icon_has_five_states(topic: Topic, tone: str, runs: bool, state: TrayState) -> None:
    assert tray_state(HealthLine(topic), tone, runs=runs) is state


def test_the_menu_of_a_first_start_offers_nothing_that_cannot_be_done(tray: Tray) -> None:
    assert texts(tray.menu) == [
        "There is no project yet",
        "No good backup yet",
        "Open Holdfast",
        "Back Up Now",
        "Pause",
        "Open Backup Folder",
        "Settings…",
        "Quit Holdfast",
    ]
    assert not action(tray.menu, "Back Up Now").isEnabled()
    assert not action(tray.menu, "Pause").isEnabled()
    assert tray.menu.defaultAction().text() == "Open Holdfast"


def test_each_project_is_offered_with_how_it_stands(tray: Tray, state: State, qtbot: QtBot) -> None:
    add(state, "Shop & Co", "Blog")
    record(state, "Shop & Co", 2)
    projects = submenu(tray.menu, "Back Up Now")
    assert [one.text() for one in projects.actions()] == ["Shop && Co\tproven", "Blog\tno backup yet"]
    with qtbot.waitSignal(tray.backup_wanted) as wanted:
        projects.actions()[0].trigger()
    assert wanted.args == ["Shop & Co"]


def test_what_runs_can_be_cancelled_and_is_not_begun_twice(
    tray: Tray, state: State, operations: OperationSignals, qtbot: QtBot, shoot: Shoot
) -> None:
    add(state, "Shop", "Shop staging", "Blog", "Analytics")
    record(state, "Shop", 2)
    record(state, "Blog", 3, proof_level=ProofLevel.COMPLETE)
    record(state, "Shop staging", 70, result=Result.FAILED, error_title="The password was refused")
    shoot(filled(tray.menu), "tray-menu")
    shoot(filled(submenu(tray.menu, "Back Up Now")), "tray-menu-projects")
    finish = Event()
    operations.submit(OperationKind.BACKUP, "Analytics", lambda cancel, _: finish.wait(10))
    qtbot.waitUntil(lambda: tray.state is TrayState.RUNNING)
    state.running_since = {"Analytics": datetime.now(UTC)}
    operations.changed.emit()
    assert "Cancel Backup of Analytics" in texts(tray.menu)
    running = submenu(tray.menu, "Back Up Now").actions()[3]
    assert (running.text(), running.isEnabled()) == ("Analytics\trunning", False)
    shoot(filled(tray.menu), "tray-menu-running")
    with qtbot.waitSignal(tray.cancel_wanted) as wanted:
        action(tray.menu, "Cancel").trigger()
    assert wanted.args == [operations.running()[0].operation.id]
    with qtbot.waitSignal(operations.finished):
        finish.set()
    assert tray.state is TrayState.FAILED


def test_schedules_are_paused_and_resumed(tray: Tray, state: State) -> None:
    add(state, "Shop")
    record(state, "Shop", 2)
    schedule = Schedule("s", "Shop", "30 2 * * *", "UTC", datetime.now(UTC))
    state.change_settings(lambda settings: replace(settings, schedules=(schedule,)))
    assert str(tray.state) == "good"
    pause = submenu(tray.menu, "Pause")
    action(pause, "1 Hour").trigger()
    assert str(tray.state) == "paused"
    assert texts(tray.menu)[0].startswith("All schedules are paused until ")
    action(submenu(tray.menu, "Pause"), "Resume").trigger()
    assert str(tray.state) == "good"


def test_the_tool_tip_says_when_it_was_and_when_it_will_be(tray: Tray, state: State) -> None:
    add(state, "Shop")
    record(state, "Shop", 0)
    tip = tray.icon.toolTip()
    assert tip.startswith("Holdfast – last good backup ")
    assert "\n" not in tip
    record(state, "Shop", -0.001, result=Result.FAILED, error_title="The disk is full")
    assert tray.icon.toolTip().splitlines()[1] == "The last backup of Shop failed"


@pytest.mark.parametrize(
    ("text", "signal"),
    [
        ("Open Holdfast", "open_wanted"),
        ("Open Backup Folder", "folder_wanted"),
        ("Settings…", "settings_wanted"),
        ("Quit Holdfast", "quit_wanted"),
        ("There is no project", "open_wanted"),
    ],
)
def test_each_act_has_its_signal(tray: Tray, text: str, signal: str, qtbot: QtBot) -> None:
    with qtbot.waitSignal(getattr(tray, signal)):
        action(tray.menu, text).trigger()


def test_without_a_panel_there_is_no_icon(tray: Tray) -> None:
    tray.start()
    assert not tray.is_shown
    assert tray._timer.isActive()
    assert not tray.show_message("Shop is overdue", "")


def test_it_waits_for_the_panel_half_a_minute(tray: Tray) -> None:
    tray.start()
    for _ in range(30):
        assert tray._timer.isActive()
        tray._try()
    assert not tray._timer.isActive()


def test_who_wants_no_icon_gets_none(tray: Tray, state: State) -> None:
    tray.start()
    state.change_settings(lambda settings: replace(settings, tray=False))
    assert not tray._timer.isActive()


class Panel(QWidget):
    """All states, at 64 and 22 px, on a light and on a dark panel."""

    def __init__(self) -> None:
        super().__init__()
        self.resize(560, 280)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        for row, (name, of) in enumerate((("light", LIGHT), ("dark", DARK))):
            painter.fillRect(QRect(0, row * 140, 560, 140), QColor(of.rail))
            for place, state in enumerate(TrayState):
                shown = tray_icon(f"{state.value}-{name}")
                shown.paint(painter, QRect(40 + place * 100, row * 140 + 16, 64, 64))
                shown.paint(painter, QRect(61 + place * 100, row * 140 + 100, 22, 22))
        painter.end()


def test_each_state_can_be_told_by_its_shape(qapp: QApplication, shoot: Shoot) -> None:
    shoot(Panel(), "tray-icons")
    for look in ("light", "dark"):
        masks = set()
        for state in TrayState:
            image = icons.pixmap(f"tray/{state.value}-{look}", "#000000", QSize(22, 22)).toImage()
            masks.add(tuple(image.pixelColor(x, y).alpha() > 127 for x in range(22) for y in range(22)))
        assert len(masks) == 5


def test_an_icon_has_the_sizes_that_panels_ask_for(qapp: QApplication) -> None:
    sizes = {size.width() for size in tray_icon("good-light").availableSizes()}
    assert sizes >= {16, 22, 24, 32}
    assert tray_icon("good-dark").pixmap(22, 22).hasAlphaChannel()
