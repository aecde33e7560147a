"""The tray as a panel shows it: its icon is seen, clicked, and its menu used, by a real mouse and keys."""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ui.desktop import Desktop, desktop, program, wait_for

HOLDFAST = """
import sys
from app.domain.preferences import Appearance
from app.ui import appearance
from app.ui.application import new_application
from app.ui.health_watch import HealthWatch
from app.ui.operation_signals import OperationSignals
from app.ui.state import State
from app.ui.tray import Tray

app = new_application(["holdfast"])
appearance.install(app, Appearance.LIGHT)
state = State()
operations = OperationSignals(None)
watch = HealthWatch(state, operations)
tray = Tray(state, operations, watch)
for name in ("open_wanted", "settings_wanted", "folder_wanted", "quit_wanted", "shown_changed"):
    getattr(tray, name).connect(lambda name=name: print(name, flush=True))
tray.menu.aboutToShow.connect(lambda: print("menu", flush=True))
tray.quit_wanted.connect(app.quit)
print("started", flush=True)
tray.start()
app.exec()
tray.close()
"""


class Panel:
    """A desktop with a panel in its upper left corner, and Holdfast."""

    def __init__(self, on: Desktop, home: Path) -> None:
        program("trayer")
        on.start_x()
        on.environment["HOME"] = str(home)
        on.environment.pop("QT_QPA_PLATFORM", None)
        on.environment.pop("DBUS_SESSION_BUS_ADDRESS", None)
        on.start("openbox")
        self._desktop = on
        self._said: queue.Queue[str] = queue.Queue()

    def start_panel(self) -> None:
        """The panel; a user's may come up later than what starts at login."""
        place = ("--edge", "top", "--align", "left", "--widthtype", "pixel", "--width", "32")
        self._desktop.start("trayer", *place, "--height", "32", "--SetDockType", "true")

    def start_holdfast(self) -> None:
        """Holdfast's tray, which says what is wanted of it."""
        self.child = self._desktop.start(sys.executable, "-c", HOLDFAST, reads=True)
        threading.Thread(target=self._listen, daemon=True).start()
        assert self.hears() == "started"

    def hears(self) -> str:
        """The next thing that Holdfast says."""
        return self._said.get(timeout=20)

    def wait_for_icon(self) -> None:
        """Wait until the icon is in the panel, at its place; only then it can be hit."""
        assert self.hears() == "shown_changed"
        self._desktop.xdo("mousemove", "16", "16")
        asked = ("search", "--onlyvisible", "--class", "^holdfast$", "getwindowgeometry", "--shell")
        wait_for(lambda: {"X=", "Y="} & {line[:2] for line in self._desktop.xdo(*asked).splitlines()})

    def click(self, button: int) -> None:
        """Click on the icon."""
        self._desktop.xdo("mousemove", "16", "16", "click", str(button))

    def open_menu(self) -> None:
        """Open the icon's menu; the panel swallows a click that follows another one at once."""

        def opened() -> bool:
            self.click(3)
            try:
                return self._said.get(timeout=1) == "menu"
            except queue.Empty:
                return False

        wait_for(opened)
        found = ("search", "--onlyvisible", "--class", "^holdfast$")
        wait_for(lambda: len(self._desktop.xdo(*found).split()) > 1)

    def key(self, *names: str) -> None:
        """Press keys."""
        self._desktop.xdo("key", "--delay", "60", *names)

    def _listen(self) -> None:
        for line in iter(self.child.stdout.readline, b""):
            self._said.put(line.decode().strip())


@pytest.fixture
def panel(tmp_path: Path, home: Path) -> Iterator[Panel]:
    with desktop(tmp_path) as made:
        yield Panel(made, home)


def test_a_panel_shows_the_icon_and_its_menu(panel: Panel) -> None:
    panel.start_panel()
    panel.start_holdfast()
    panel.wait_for_icon()
    panel.click(1)
    assert panel.hears() == "open_wanted"
    panel.open_menu()
    panel.key("Up", "Up", "Return")
    assert panel.hears() == "settings_wanted"
    panel.open_menu()
    panel.key("Up", "Return")
    assert panel.hears() == "quit_wanted"
    assert panel.child.wait(10) == 0
    assert panel.child.errors() == ""


def test_a_panel_that_comes_later_gets_the_icon(panel: Panel) -> None:
    panel.start_holdfast()
    panel.start_panel()
    panel.wait_for_icon()
    panel.click(1)
    assert panel.hears() == "open_wanted"
