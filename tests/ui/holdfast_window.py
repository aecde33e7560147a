"""Holdfast's window on a desktop of its own, used from outside: by keys, mouse and drops."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import psycopg

from app.system.process import Child, run
from app.ui.theme import LIGHT
from tests.ui.desktop import Desktop, wait_for

_ROOT = Path(__file__).parents[2]
_FROM_SOURCE = (sys.executable, "-m", "app")
_CHOSEN = LIGHT.selrail
_DRAG = """
import sys
from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtGui import QDrag
from PySide6.QtWidgets import QApplication, QLabel

class Source(QLabel):
    def mouseMoveEvent(self, event):
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(name) for name in sys.argv[1:]])
        drag = QDrag(self)
        drag.setMimeData(data)
        drag.exec(Qt.DropAction.CopyAction)

app = QApplication([])
source = Source("drag me")
source.setWindowTitle("drag source")
source.setGeometry(20, 20, 120, 60)
source.setWindowFlags(Qt.WindowType.X11BypassWindowManagerHint)
source.show()
app.exec()
"""


class Window:
    """Holdfast's window, moved by keys and mouse."""

    def __init__(self, on: Desktop, command: Sequence[str] = _FROM_SOURCE) -> None:
        self.on = on
        self.command = command
        self.child = self.start()
        wait_for(self.find, 30)
        self.id = self.find()
        on.xdo("windowfocus", "--sync", self.id)

    def start(self, *arguments: str | Path) -> Child:
        return self.on.start(*self.command, "window", *arguments)

    def find(self) -> str:
        """The id of the window; empty while there is none."""
        return next(reversed(self.all()), "")

    def key(self, *keys: str) -> None:
        for one in keys:
            self.on.xdo("key", "--clearmodifiers", one)

    def history(self) -> list[dict[str, object]]:
        """The history, as another process sees it."""
        done = run([*self.command, "history", "--json"], env=self.on.environment, timeout=30)
        found: list[dict[str, object]] = json.loads(done.output)["backups"]
        return found

    def projects(self) -> list[str]:
        """The names of the projects, as another process sees them."""
        done = run([*self.command, "projects", "list", "--json"], env=self.on.environment, timeout=30)
        return [one["name"] for one in json.loads(done.output)["projects"]]

    def is_open(self, title: str) -> bool:
        """Whether there is a window of this title."""
        return bool(self.on.xdo("search", "--onlyvisible", "--name", f"^{title}$").strip())

    def all(self) -> list[str]:
        """The ids of all windows that are called Holdfast."""
        return self.on.xdo("search", "--onlyvisible", "--name", "^Holdfast$").split()

    def waits_for_lock(self, session: psycopg.Connection) -> bool:
        """Whether the backup waits for a lock that this session holds."""
        asked = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        return session.execute(asked).fetchone() != (0,)

    def place(self) -> tuple[int, int, int, int]:
        """Where it is: x, y, width, height."""
        words = dict(line.split("=") for line in self.on.xdo("getwindowgeometry", "--shell", self.id).split())
        return int(words["X"]), int(words["Y"]), int(words["WIDTH"]), int(words["HEIGHT"])

    def is_at(self, place: int) -> bool:
        """Whether this place (the first is 0) is the chosen one in the rail: its background tells."""
        return self.has_colour(_CHOSEN, 14, 30 + place * 38)

    def has_colour(self, colour: str, x: int, y: int) -> bool:
        """Whether this pixel of the window has the colour."""
        asked = ("-window", self.id, "-crop", f"1x1+{x}+{y}", "-depth", "8", "txt:-")
        return colour.upper() in self.on.run("import", *asked).output.upper()

    def click(self, x: int, y: int) -> None:
        """Click at a place of the window."""
        self.on.xdo("mousemove", "--window", self.id, str(x), str(y), "click", "1")

    def shoot(self, name: str) -> None:
        folder = _ROOT / "build" / "screenshots"
        folder.mkdir(parents=True, exist_ok=True)
        self.on.run("import", "-window", "root", folder / f"x-{name}.png")


def drop(screen: Desktop, window: Window, *paths: str) -> None:
    """Drag files from another program onto the window."""
    screen.start(sys.executable, "-c", _DRAG, *paths)
    wait_for(lambda: screen.xdo("search", "--onlyvisible", "--name", "^drag source$").strip(), 60)
    x, y, width, height = window.place()
    screen.xdo("mousemove", "80", "50", "mousedown", "1")
    steps = 15
    goal = (x + width // 2, y + height // 2)
    for number in range(1, steps + 1):
        at = [start + (end - start) * number // steps for start, end in zip((80, 50), goal, strict=True)]
        screen.xdo("mousemove", "--sync", *map(str, at))
    screen.xdo("mouseup", "1")
