"""A second start: raises the first, hands over files, survives a first one that was killed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from PySide6.QtNetwork import QLocalSocket
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.system.process import Child
from app.ui import single_instance
from app.ui.single_instance import FirstInstance, hand_over

_SECOND = """
import sys
from pathlib import Path
from PySide6.QtCore import QCoreApplication
from app.ui.single_instance import hand_over
app = QCoreApplication([])
sys.exit(0 if hand_over([Path(argument) for argument in sys.argv[1:]]) else 3)
"""


_KILLED = """
import os
from PySide6.QtCore import QCoreApplication
from app.ui.single_instance import FirstInstance
app = QCoreApplication([])
first = FirstInstance(print)
os.kill(os.getpid(), 9)
"""


def _start(program: str, *arguments: str) -> Child:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    return Child([sys.executable, "-c", program, *arguments], env=environment)


def test_a_second_start_hands_its_files_to_the_first(qtbot: QtBot, qapp: QApplication) -> None:
    taken: list[tuple[Path, ...]] = []
    first = FirstInstance(taken.append)
    with _start(_SECOND, "/tmp/ä shop.dump", "/tmp/b.sql") as second:
        qtbot.waitUntil(lambda: second.status is not None, timeout=20_000)
        assert second.status == 0, second.errors()
    assert taken == [(Path("/tmp/ä shop.dump"), Path("/tmp/b.sql"))]
    first.close()


def test_without_a_first_nothing_is_handed_over(qapp: QApplication) -> None:
    assert not hand_over(())


def test_a_socket_that_a_killed_process_left_is_taken_over(qtbot: QtBot, qapp: QApplication) -> None:
    with _start(_KILLED) as killed:
        killed.wait(20)
    taken: list[tuple[Path, ...]] = []
    first = FirstInstance(taken.append)
    with _start(_SECOND) as second:
        qtbot.waitUntil(lambda: second.status is not None, timeout=20_000)
    assert taken == [()]
    first.close()


def test_what_no_holdfast_wrote_is_dropped(qtbot: QtBot, qapp: QApplication) -> None:
    taken: list[tuple[Path, ...]] = []
    first = FirstInstance(taken.append)
    stranger = QLocalSocket()
    stranger.connectToServer(single_instance._name())
    assert stranger.waitForConnected(1000)
    stranger.write(b'{"paths": 5\n')
    stranger.flush()
    qtbot.waitUntil(lambda: stranger.state() is QLocalSocket.LocalSocketState.UnconnectedState)
    assert taken == []
    first.close()
