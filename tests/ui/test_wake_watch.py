"""What happens by itself while the window is there: after sleep, and to old backups."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from PySide6.QtNetwork import QNetworkInformation
from pytestqt.qtbot import QtBot

from app.domain.history import Entry, Result
from app.domain.project import Project
from app.domain.proof import ProofLevel
from app.ui.state import State
from app.ui.wake_watch import WakeWatch
from app.ui.widgets.rail import Place
from tests.ui.conftest import OpenFrame


class Clocks:
    """A time of day, and a clock that nobody sets."""

    def __init__(self) -> None:
        self.wall, self.counted = 1_800_000_000.0, 77.0

    def __call__(self) -> tuple[float, float]:
        return self.wall, self.counted

    def pass_(self, seconds: float) -> None:
        self.wall += seconds
        self.counted += seconds


@pytest.fixture
def ticks(state: State) -> Iterator[list[None]]:
    heard: list[None] = []
    connection = state.minute.connect(lambda: heard.append(None))
    yield heard
    state.minute.disconnect(connection)


def test_time_that_passes_is_nothing_to_tell(state: State, ticks: list[None]) -> None:
    clocks = Clocks()
    watch = WakeWatch(state, clocks=clocks)
    for seconds in (5, 5, 14, 600):
        clocks.pass_(seconds)
        watch.look()
    assert ticks == []


@pytest.mark.parametrize("jump", [30, 8 * 3600, -3600, -400 * 86400])
def test_after_sleep_and_a_clock_that_was_set_there_is_one_tick_at_once(
    state: State, ticks: list[None], jump: float
) -> None:
    clocks = Clocks()
    watch = WakeWatch(state, clocks=clocks)
    clocks.wall += jump
    watch.look()
    assert len(ticks) == 1
    clocks.pass_(5)
    watch.look()
    assert len(ticks) == 1


def test_a_network_that_comes_back_is_a_tick_and_one_that_goes_is_none(
    state: State, ticks: list[None]
) -> None:
    watch = WakeWatch(state)
    for now, told in (
        (QNetworkInformation.Reachability.Disconnected, 0),
        (QNetworkInformation.Reachability.Local, 0),
        (QNetworkInformation.Reachability.Online, 1),
    ):
        watch.hear_of_network(now)
        assert len(ticks) == told


def test_it_looks_by_itself(state: State, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.ui.wake_watch._LOOK_EVERY", 50)
    clocks = Clocks()
    watch = WakeWatch(state, clocks=clocks)
    clocks.wall += 3600
    with qtbot.waitSignal(state.minute, timeout=30_000):
        pass
    watch.deleteLater()


def test_an_old_backup_that_was_damaged_is_found_and_told_above_every_page(
    state: State, open_frame: OpenFrame, qtbot: QtBot, tmp_path: Path
) -> None:
    folder = tmp_path / "Shop" / "old"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text('{"holdfast": "1", "seal": ""}')
    now = state.now()
    old = Entry(
        "old",
        "Shop",
        now - timedelta(days=40),
        Result.SUCCEEDED,
        finished=now - timedelta(days=40),
        proof_level=ProofLevel.PROVEN,
        destination=str(tmp_path),
        path=str(folder),
    )
    state.catalog.record(old)
    state.catalog.record(replace(old, id="new", started=now, finished=now))
    project = Project("Shop", "host=127.0.0.1 port=1 dbname=shop", now)
    assert state.change_settings(
        lambda settings: replace(settings, projects=(project,), destination=str(tmp_path), prove_weekly=False)
    )
    frame = open_frame(Place.PROJECTS)
    frame.schedules.look_at_old()
    qtbot.waitUntil(lambda: "damaged" in frame.health.words.sentence, timeout=60_000)
    assert frame.health.words.sentence.startswith("An old backup of Shop is damaged: ")
    assert not state.catalog.find("old")[0].is_good
    frame.schedules.look_at_old()  # ten minutes have not passed
    assert frame.operations.running() == ()
