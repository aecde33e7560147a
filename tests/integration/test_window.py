"""The real window on a real desktop: X server, window manager, session bus; real keys and a real drop."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from app.postgres.sandbox import SandboxServer
from app.system.process import Child, run
from app.ui.theme import LIGHT
from tests.conftest import NewDatabase
from tests.ui.desktop import Desktop, desktop, wait_for

_ROOT = Path(__file__).parents[2]
_HOLDFAST = (sys.executable, "-m", "app")
_CHOSEN = LIGHT.selrail
_HISTORY, _RESTORE = 2, 4
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

    def __init__(self, on: Desktop) -> None:
        self.on = on
        self.child = self.start()
        wait_for(self.find, 30)
        self.id = self.find()
        on.xdo("windowfocus", "--sync", self.id)

    def start(self, *arguments: str | Path) -> Child:
        return self.on.start(*_HOLDFAST, "window", *arguments)

    def find(self) -> str:
        """The id of the window; empty while there is none."""
        return next(reversed(self.all()), "")

    def key(self, *keys: str) -> None:
        for one in keys:
            self.on.xdo("key", "--clearmodifiers", one)

    def history(self) -> list[dict[str, object]]:
        """The history, as another process sees it."""
        done = run([*_HOLDFAST, "history", "--json"], env=self.on.environment, timeout=30)
        found: list[dict[str, object]] = json.loads(done.output)["backups"]
        return found

    def projects(self) -> list[str]:
        """The names of the projects, as another process sees them."""
        done = run([*_HOLDFAST, "projects", "list", "--json"], env=self.on.environment, timeout=30)
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


@pytest.fixture
def screen(tmp_path: Path, home: Path) -> Iterator[Desktop]:
    """A desktop with a window manager, and a home folder of its own."""
    with desktop(tmp_path) as made:
        made.environment |= {name: value for name, value in os.environ.items() if name.startswith("XDG_")}
        made.environment["HOME"] = str(home)
        made.environment["PYTHONPATH"] = str(_ROOT)
        made.environment["QT_QPA_PLATFORM"] = "xcb"
        made.start_bus()
        made.start_x()
        made.start("openbox")
        yield made


@pytest.mark.timeout(240)
def test_sample_data_goes_the_whole_way_and_a_dropped_backup_is_looked_into(
    screen: Desktop, home: Path, tmp_path: Path
) -> None:
    window = Window(screen)
    window.shoot("first-start")
    window.key("Tab", "space")  # from Add Project… to Try With Sample Data
    wait_for(lambda: any(one["proof_level"] == "proven" for one in window.history()), 120)
    wait_for(lambda: window.is_at(_HISTORY))
    window.shoot("sample-done")
    (backup,) = window.history()
    drop(screen, window, str(backup["path"]))
    wait_for(lambda: window.is_at(_RESTORE), 20)
    window.shoot("dropped")
    assert window.child.status is None
    second = window.start(str(backup["path"]))
    second.wait(30)
    assert second.status == 0, second.errors()
    assert window.child.status is None
    window.child.interrupt(signal.SIGTERM)
    assert window.child.wait(30) == 0, window.child.errors()
    assert "Traceback" not in window.child.errors()


def test_a_project_is_added_backed_up_and_restored_by_hand_and_closing_asks(
    screen: Desktop, home: Path, server17: SandboxServer, new_shop: NewDatabase
) -> None:
    """Its password is in the keyring and nowhere else; what is stopped half-way leaves nothing behind."""
    shop = new_shop(server17, "shop")
    screen.start_keyring()
    window = Window(screen)
    window.key("ctrl+n")
    wait_for(lambda: window.is_open("Add Project"))
    screen.xdo("type", "--delay", "1", shop.conninfo_with_password)
    window.key("Tab")

    def is_added() -> bool:
        """Enter adds it, as soon as the string is taken apart."""
        window.key("Return")
        return window.projects() == ["shop"]

    wait_for(is_added, 30)
    wait_for(lambda: not window.is_open("Add Project"))
    window.key("ctrl+b")
    wait_for(lambda: any(one["proof_level"] == "proven" for one in window.history()), 60)
    window.shoot("added")
    secret = shop.password.encode()
    keyring = home / "data"
    files = [one for one in home.rglob("*") if one.is_file() and not one.is_relative_to(keyring)]
    assert files
    assert not [one for one in files if secret in one.read_bytes()]
    (backup,) = window.history()
    drop(screen, window, str(backup["path"]))
    wait_for(lambda: window.is_at(_RESTORE), 20)
    restore_into_new_database(window, "copy", server17)
    window.shoot("restored")
    with shop.connect() as session:
        session.autocommit = False
        session.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        window.key("ctrl+b")
        wait_for(lambda: window.waits_for_lock(session), 30)
        window.key("alt+F4")
        wait_for(lambda: len(window.all()) > 1)
        window.shoot("closing")
        window.key("Escape")
        wait_for(lambda: len(window.all()) == 1)
        assert window.child.status is None
        window.child.interrupt(signal.SIGTERM)
        assert window.child.wait(30) == 0, window.child.errors()
    assert len([one for one in window.history() if one["result"] == "succeeded"]) == 1
    left = [one for one in (home / "Documents").rglob("*") if ".partial" in one.name]
    assert left == []


def restore_into_new_database(window: Window, name: str, server: SandboxServer) -> None:
    """Choose “New database…” by mouse and keys, and carry out the plan."""
    tables = "SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"

    def is_there() -> bool:
        with server.connect("postgres") as session:
            asked = session.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
            return asked.fetchone() is not None

    def is_restored() -> bool:
        """Ctrl+Enter does it, as soon as there is a plan."""
        window.key("ctrl+Return")
        return is_there()

    wait_for(lambda: window.has_colour(LIGHT.base, 600, 690))  # the bar with Restore: it is looked into
    window.click(740, 224)
    window.key("Down", "Return", "Tab")
    window.on.xdo("type", "--delay", "1", name)
    wait_for(is_restored, 60)
    with server.connect(name) as session:
        assert session.execute(tables).fetchone() == (7,)  # with the partitioned one


def drop(screen: Desktop, window: Window, *paths: str) -> None:
    """Drag files from another program onto the window."""
    screen.start(sys.executable, "-c", _DRAG, *paths)
    wait_for(lambda: screen.xdo("search", "--onlyvisible", "--name", "^drag source$").strip(), 20)
    x, y, width, height = window.place()
    screen.xdo("mousemove", "80", "50", "mousedown", "1")
    steps = 15
    goal = (x + width // 2, y + height // 2)
    for number in range(1, steps + 1):
        at = [start + (end - start) * number // steps for start, end in zip((80, 50), goal, strict=True)]
        screen.xdo("mousemove", "--sync", *map(str, at))
    screen.xdo("mouseup", "1")
