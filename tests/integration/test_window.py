"""The real window on a real desktop: X server, window manager, session bus; real keys and a real drop."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.postgres.sandbox import SandboxServer
from app.ui.theme import LIGHT
from tests.conftest import NewDatabase
from tests.ui.desktop import Desktop, desktop, wait_for
from tests.ui.holdfast_window import Window, drop

_ROOT = Path(__file__).parents[2]
_HISTORY, _RESTORE = 2, 4


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
