"""The log of a window's process, and crashes of real windows: told at the next start, and those alone."""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PySide6.QtCore import qWarning
from pytestqt.qtbot import QtBot

from app.system.crash import last_crash
from app.system.paths import log_folder
from app.system.process import Child, run
from app.system.running import running
from app.ui.window_log import WindowLog
from tests.ui.desktop import wait_for

_ROOT = Path(__file__).parents[2]
_FAILING = """
import gc, sys, threading
from PySide6.QtCore import QTimer, qWarning
from PySide6.QtWidgets import QApplication
from app.ui import application, frame

class Dropped:
    def __del__(self):
        raise ValueError("unraisable one")

def fail():
    thread = threading.Thread(target=lambda: 1 / 0, name="a worker")
    thread.start()
    thread.join()
    made = Dropped()
    del made
    qWarning("a warning of Qt")
    QTimer.singleShot(0, lambda: QApplication.exit(0))
    raise RuntimeError("in a slot, password=hunter2")

shown = []
start = frame.Frame._start_rest
def start_and_fail(self, *arguments):
    start(self, *arguments)
    self._state.failed.disconnect(self.show_error)
    self.show_error = shown.append
    self._state.failed.emit(KeyError("from a worker"), "It was not done")
    QTimer.singleShot(0, fail)
frame.Frame._start_rest = start_and_fail
status = application.run_window([])
sys.exit(status if len(shown) == 1 else 4)
"""


@pytest.fixture
def log() -> Iterator[WindowLog]:
    made = WindowLog()
    yield made
    made.close()
    faulthandler.enable(2)


def environment() -> dict[str, str]:
    return os.environ | {"QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(_ROOT)}


@contextmanager
def window() -> Iterator[Child]:
    """A real one, which has come up."""
    with Child([sys.executable, "-m", "app", "window"], env=environment()) as child:
        wait_for(lambda: child.status is not None or "window" in running(), 30)
        wait_for(lambda: child.status is not None or (log_folder() / "window.crash").exists(), 10)
        yield child


def lines() -> str:
    return (log_folder() / "window.log").read_text()


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT])
def test_a_window_that_crashed_is_noticed_at_the_next_start(home: Path, number: signal.Signals) -> None:
    with window() as child:
        child.interrupt(number)
        assert child.wait(20) == -number
    assert last_crash(log_folder()) is None
    with window() as child:
        wait_for(lambda: "the window before this one crashed: crash-" in lines())
        crash = last_crash(log_folder())
        assert crash is not None
        assert "run_window" in crash.text()
        child.interrupt(signal.SIGTERM)
        assert child.wait(30) == 0, child.errors()
    assert lines().rstrip().endswith("ended")
    assert not (log_folder() / "window.crash").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_other_ends_leave_no_trace(home: Path, number: signal.Signals) -> None:
    with window() as child:
        child.interrupt(number)
        child.wait(30)
    with window() as child:
        child.interrupt(signal.SIGTERM)
        assert child.wait(30) == 0
    assert last_crash(log_folder()) is None
    assert "crashed" not in lines()


def test_no_failure_passes_it_by_and_all_are_shown_as_ever(home: Path) -> None:
    done = run([sys.executable, "-c", _FAILING], env=environment(), timeout=60)
    assert done.status == 0, done.errors
    for words in (
        "ZeroDivisionError",
        "unraisable one",
        "a warning of Qt",
        "RuntimeError: in a slot",
        "from a worker",
    ):
        assert words in lines()
        assert words in done.errors
    assert done.errors.count("a warning of Qt\n") == 1
    assert "in thread a worker" in lines()
    assert "hunter2" not in lines()


@pytest.mark.logs_warnings
def test_a_second_window_has_a_log_of_its_own(log: WindowLog, home: Path) -> None:
    with window() as child:
        wait_for(lambda: running() == ("window", "window-2"))
        child.interrupt(signal.SIGTERM)
        child.wait(30)
    assert (log_folder() / "window-2.log").exists()


def test_a_folder_that_cannot_be_written_is_told_and_stops_nobody(home: Path, qtbot: QtBot) -> None:
    (home / "state").touch()
    made = WindowLog()
    assert made.problem
    made.close()
    faulthandler.enable(2)


@pytest.mark.logs_warnings
def test_after_the_end_qt_speaks_for_itself(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    made = WindowLog()
    qWarning("while it is open")
    made.close()
    faulthandler.enable(2)
    qWarning("after it")
    assert "while it is open" in lines()
    assert "after it" not in lines()
    assert "after it" in capfd.readouterr().err
