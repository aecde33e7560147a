"""What the desktop is told, by a real notification service where there is one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from app.domain.errors import AppError, ErrorCode
from app.domain.health import project_health
from app.domain.history import Entry, Result
from app.domain.operation import OperationKind
from app.domain.preferences import Notifications as Wanted
from app.domain.project import Project
from app.domain.proof import ProofLevel
from app.domain.schedule import Schedule
from app.ui.desktop_notifications import DesktopNotifications, Note
from app.ui.health_watch import HealthWatch
from app.ui.notices import Kind, standing_notices
from app.ui.notifications import Notifications
from app.ui.operation_signals import OperationSignals
from app.ui.state import State
from app.ui.tray import Tray
from app.ui.widgets.rail import Place
from tests.ui.desktop import Desktop, desktop, program

pytestmark = pytest.mark.usefixtures("qapp")

NOW = datetime(2026, 11, 22, 15, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

DUNST = """
[global]
width = 400
height = 200
origin = top-left
offset = 0x0
gap_size = 0
mouse_left_click = do_action, close_current
mouse_right_click = close_current
idle_threshold = 0
[note]
script = {}
"""
SCRIPT = """#!/bin/sh
printf '%s|%s|%s\\n' "$2" "$3" "$DUNST_TIMEOUT" >> "{}"
"""


def entry(name: str, hours: float, **fields: object) -> Entry:
    started = NOW - HOUR * hours
    made = Entry(
        f"{name} {hours}",
        name,
        started,
        Result.SUCCEEDED,
        finished=started + timedelta(seconds=184),
        proof_level=ProofLevel.PROVEN,
        bytes=12_300_000,
        path="/x",
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def failed(name: str, hours: float, **fields: object) -> Entry:
    title = {
        "result": Result.FAILED,
        "error_title": "The password was refused",
        "proof_level": None,
        "path": "",
    }
    return entry(name, hours, **(title | fields))


def said(*entries: Entry, schedules: tuple[Schedule, ...] = ()) -> list[tuple[Kind, str, str]]:
    health = project_health("Shop", entries, schedules, NOW, zone=UTC)
    return [(one.kind, one.title, one.text) for one in standing_notices([health], NOW, UTC)]


def test_a_failure_says_why() -> None:
    assert said(entry("Shop", 5), failed("Shop", 1)) == [
        (Kind.FAILED, "Backup of Shop failed", "The password was refused.")
    ]
    interrupted = failed("Shop", 1, result=Result.INTERRUPTED, error_title="")
    assert said(interrupted) == [(Kind.FAILED, "Backup of Shop failed", "It was interrupted.")]


def test_a_proof_that_failed_says_so() -> None:
    assert said(entry("Shop", 1, proof_failure="Rows differ in public.orders")) == [
        (Kind.PROOF_FAILED, "The last backup of Shop is not good", "Rows differ in public.orders.")
    ]


def hourly() -> Schedule:
    return Schedule("s", "Shop", "0 * * * *", "UTC", NOW - HOUR * 48)


def test_what_is_overdue_says_how_long_and_why() -> None:
    assert said(entry("Shop", 30), failed("Shop", 26), schedules=(hourly(),)) == [
        (
            Kind.OVERDUE,
            "Shop is overdue",
            "The last good backup was made 1 day ago. The password was refused.",
        )
    ]


def test_attempts_that_follow_by_themselves_are_told_of_once() -> None:
    slot = NOW.replace(minute=0)
    good = entry("Shop", 1.2, schedule="s", slot=slot - HOUR)

    def marks(*minutes: int) -> tuple[object, str]:
        tries = [
            failed("Shop", 0, id=f"{number}", started=slot + timedelta(minutes=at), schedule="s", slot=slot)
            for number, at in enumerate(minutes)
        ]
        now = slot + timedelta(minutes=minutes[-1], seconds=10)
        health = project_health("Shop", [good, *tries], [hourly()], now, zone=UTC)
        (notice,) = standing_notices([health], now, UTC)
        return notice.mark, notice.text

    first, text = marks(0)
    assert "Next attempt at 15:" in text
    assert marks(0, 1)[0] == first
    assert marks(0, 1, 7)[0] == first
    last, text = marks(0, 1, 7, 23, 50)
    assert last != first
    assert "Next attempt" not in text


@pytest.fixture
def bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desktop]:
    """A session bus on which nobody is."""
    with desktop(tmp_path) as made:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", made.start_bus())
        yield made


@pytest.fixture
def dunst(bus: Desktop, qtbot: QtBot) -> Dunst:
    """A notification service of many desktops."""
    program("dunst")
    bus.start_x()
    made = Dunst(bus)
    qtbot.waitUntil(lambda: made.count >= 0, timeout=10_000)
    return made


class Dunst:
    """What it shows, in words; clicks are real ones."""

    def __init__(self, on: Desktop) -> None:
        self._desktop = on
        self._log = on.folder / "shown"
        script, config = on.folder / "script", on.folder / "dunstrc"
        self._log.touch()
        script.write_text(SCRIPT.format(self._log))
        script.chmod(0o755)
        config.write_text(DUNST.format(script))
        on.start("dunst", "-config", config)

    @property
    def shown(self) -> list[str]:
        """Title, text and seconds of each note, in the order in which they came."""
        return self._log.read_text().splitlines()

    @property
    def count(self) -> int:
        """How many are on the screen now; -1 as long as it does not answer."""
        answer = self._desktop.run("dunstctl", "count", "displayed").output
        return int(answer) if answer.strip().isdigit() else -1

    def click(self) -> None:
        """Click into the one that is shown."""
        self._desktop.xdo("mousemove", "60", "20", "click", "1")


@pytest.fixture
def told(state: State, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notifications]:
    """Notifications of a window that is not in front, with the project Shop."""
    monkeypatch.setattr(state, "now", lambda: NOW)
    state.change_settings(lambda it: replace(it, projects=(Project("Shop", "host=x", NOW),)))
    operations = OperationSignals(None)
    watch = HealthWatch(state, operations)
    made = Notifications(state, operations, watch, Tray(state, operations, watch))
    made.setProperty("operations", operations)
    yield made
    made.close()
    assert operations.queue.shutdown(timeout=5)


def record(state: State, *entries: Entry) -> None:
    for one in entries:
        state.catalog.record(one)
    state.history_changed.emit()


def test_a_failure_is_shown_replaced_and_withdrawn(
    dunst: Dunst, told: Notifications, state: State, qtbot: QtBot
) -> None:
    record(state, entry("Shop", 9), failed("Shop", 3))
    qtbot.waitUntil(lambda: dunst.count == 1)
    assert dunst.shown == ["Backup of Shop failed|The password was refused.|0"]
    record(state, failed("Shop", 2, error_title="The <disk> & co. is full"))
    qtbot.waitUntil(lambda: len(dunst.shown) == 2)
    assert dunst.shown[1].startswith("Backup of Shop failed|The <disk> & co. is full")
    assert dunst.count == 1
    record(state, entry("Shop", 1))
    qtbot.waitUntil(lambda: dunst.count == 0)
    assert len(dunst.shown) == 2


def test_a_click_opens_the_place(dunst: Dunst, told: Notifications, state: State, qtbot: QtBot) -> None:
    record(state, failed("Shop", 1))
    qtbot.waitUntil(lambda: dunst.count == 1)
    with qtbot.waitSignal(told.place_wanted) as wanted:
        dunst.click()
    assert wanted.args == [Place.HISTORY, "Shop"]


def test_the_test_is_shown_even_in_front(dunst: Dunst, told: Notifications, qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    with qtbot.waitSignal(told.tested) as tested:
        told.send_test()
    assert tested.args == [True]
    qtbot.waitUntil(lambda: dunst.count == 1)


@pytest.mark.usefixtures("bus")
def test_without_a_service_the_test_says_so(told: Notifications, qtbot: QtBot) -> None:
    with qtbot.waitSignal(told.tested, timeout=10_000) as tested:
        told.send_test()
    assert tested.args == [False]


def test_without_a_bus_the_test_says_so(
    told: Notifications, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus")
    with qtbot.waitSignal(told.tested) as tested:
        told.send_test()
    assert tested.args == [False]


@pytest.mark.usefixtures("bus")
def test_a_service_that_comes_later_is_found(bus: Desktop, told: Notifications, qtbot: QtBot) -> None:
    with qtbot.waitSignal(told.tested, timeout=10_000) as tested:
        told.send_test()
    assert tested.args == [False]
    program("dunst")
    bus.start_x()
    service = Dunst(bus)
    qtbot.waitUntil(lambda: service.count >= 0, timeout=10_000)
    with qtbot.waitSignal(told.tested) as tested:
        told.send_test()
    assert tested.args == [True]


class Spoken:
    """Every note that is handed to the desktop, instead of a desktop."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.notes: list[Note] = []
        self.withdrawn: list[str] = []
        monkeypatch.setattr(DesktopNotifications, "show", lambda _, note: self.notes.append(note))
        monkeypatch.setattr(DesktopNotifications, "withdraw", lambda _, key: self.withdrawn.append(key))

    @property
    def titles(self) -> list[str]:
        return [note.title for note in self.notes]


@pytest.fixture
def spoken(monkeypatch: pytest.MonkeyPatch) -> Spoken:
    return Spoken(monkeypatch)


def test_nothing_is_told_while_the_window_is_in_front(
    spoken: Spoken, told: Notifications, state: State, qtbot: QtBot
) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    record(state, failed("Shop", 1))
    window.hide()
    qtbot.waitUntil(lambda: QApplication.activeWindow() is None)
    state.minute.emit()
    assert spoken.titles == []


def test_success_is_told_when_it_is_wanted(spoken: Spoken, told: Notifications, state: State) -> None:
    record(state, entry("Shop", 5))
    assert spoken.titles == []
    state.change_settings(lambda it: replace(it, notifications=Wanted(succeeded=True)))
    record(state, entry("Shop", 3))
    assert spoken.titles == ["Shop is backed up"]
    assert spoken.notes[0].text == "12.3 MB in 3:04 · Proven"
    assert not spoken.notes[0].stays


@pytest.mark.parametrize("kind", ["failed", "proof_failed", "overdue", "folder_missing"])
def test_each_kind_can_be_switched_off(
    kind: str, spoken: Spoken, told: Notifications, state: State, qtbot: QtBot
) -> None:
    def happen() -> None:
        state.change_settings(lambda it: replace(it, destination="", schedules=()))
        record(state, entry("Shop", 0.5))
        if kind == "failed":
            record(state, failed("Shop", 0.1))
        elif kind == "proof_failed":
            record(state, entry("Shop", 0.1, proof_failure="Rows differ"))
        elif kind == "overdue":
            state.catalog.delete(state.catalog.history()[0])
            state.change_settings(lambda it: replace(it, schedules=(hourly(),)))
        else:
            watch = told._watch
            state.change_settings(lambda it: replace(it, destination="/nonexistent/folder"))
            qtbot.waitUntil(lambda: not watch.folder_present)

    state.change_settings(lambda it: replace(it, notifications=replace(Wanted(), **{kind: False})))
    happen()
    assert spoken.titles == []
    for one in state.catalog.history():
        state.catalog.delete(one)
    state.change_settings(lambda it: replace(it, notifications=Wanted(), destination="", schedules=()))
    qtbot.waitUntil(lambda: told._watch.folder_present)
    happen()
    assert len(spoken.titles) == 1


def test_what_else_fails_is_told_too(spoken: Spoken, told: Notifications, state: State, qtbot: QtBot) -> None:
    def work(*_: object) -> None:
        raise AppError(ErrorCode.UNREACHABLE, "The server does not answer", detail="password=secret")

    operations = told.property("operations")
    with qtbot.waitSignal(operations.finished):
        operations.submit(OperationKind.RESTORE, "Blog", work)
    assert spoken.titles == ["Restoring into Blog: failed"]
    assert spoken.notes[0].text == "The server does not answer."
    with qtbot.waitSignal(told.place_wanted) as wanted:
        told._act(spoken.notes[0].key, "default")
    assert wanted.args == [Place.RESTORE, ""]


def test_buttons_do_what_they_say(spoken: Spoken, told: Notifications, state: State, qtbot: QtBot) -> None:
    record(state, failed("Shop", 1))
    (note,) = spoken.notes
    assert [words for _, words in note.actions] == ["Open Holdfast", "Back Up Now"]
    with qtbot.waitSignal(told.backup_wanted) as wanted:
        told._act(note.key, note.actions[1][0])
    assert wanted.args == ["Shop"]
    state.change_settings(lambda it: replace(it, destination="/nonexistent/folder"))
    qtbot.waitUntil(lambda: len(spoken.notes) == 2)
    with qtbot.waitSignal(told.settings_wanted):
        told._act(spoken.notes[1].key, spoken.notes[1].actions[1][0])
