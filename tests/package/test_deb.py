"""The .deb in a bare system: it brings what it needs, does the whole job there, and goes without a trace."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app import __version__
from app.system.process import run
from tests.package.bare_system import USER, BareSystem, make_bare_system, start_as_user
from tests.ui.desktop import Desktop, desktop, wait_for
from tests.ui.holdfast_window import Window, drop

pytestmark = [pytest.mark.package, pytest.mark.timeout(600)]

_BUILD = Path(__file__).parents[2] / "build"
_APP = "/usr/lib/holdfast"
_RESTORE = 4
_BUS = """
<busconfig><type>session</type><listen>unix:abstract={}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow send_destination="*" eavesdrop="true"/>
<allow eavesdrop="true"/><allow own="*"/></policy></busconfig>
"""


def the_deb() -> Path:
    """What "bootstrap.py build" made last."""
    found = sorted(_BUILD.glob(f"holdfast_{__version__}*.deb"))
    if not found or os.geteuid() != 0:
        pytest.skip("it needs root, and a .deb from “bootstrap.py build”")
    return found[-1]


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> BareSystem:
    """A bare system with Holdfast in it, and what its package asks for."""
    deb = the_deb()
    bare = make_bare_system(tmp_path_factory.mktemp("bare"))
    assert bare.run("sh", "-c", "command -v python3 pg_dump").output == ""
    (bare.root / "tmp" / deb.name).write_bytes(deb.read_bytes())
    bare.administer("apt-get", "install", "--no-install-recommends", "-y", "-qq", f"/tmp/{deb.name}")
    return bare


@pytest.fixture
def screen(system: BareSystem, tmp_path: Path) -> Iterator[Desktop]:
    """A screen, a bus and a keyring outside of the bare system, which its user may use."""
    with desktop(tmp_path) as made:
        made.start_x()
        made.start("openbox")
        made.environment["DBUS_SESSION_BUS_ADDRESS"] = address = _start_bus(made, tmp_path)
        inside = system.environment(
            DISPLAY=made.environment["DISPLAY"], DBUS_SESSION_BUS_ADDRESS=address, QT_QPA_PLATFORM="xcb"
        )
        made.environment["HOLDFAST_INSIDE"] = json.dumps(inside)
        yield made


def _start_bus(on: Desktop, folder: Path) -> str:
    config = folder / "bus.conf"
    config.write_text(_BUS.format(f"holdfast-{os.getpid()}"))
    argv = (f"--config-file={config}", "--nofork", "--print-address=1")
    return on.start("dbus-daemon", *argv, reads=True).stdout.readline().decode().strip()


def enter(system: BareSystem, on: Desktop) -> tuple[str, ...]:
    """The command line that starts Holdfast in there with the screen and bus of the desktop."""
    inside = json.loads(on.environment["HOLDFAST_INSIDE"])
    given = [f"{name}={value}" for name, value in inside.items()]
    return tuple(system.command("/usr/bin/env", "-i", *given, "/usr/bin/holdfast"))


def test_it_starts_and_knows_its_version(system: BareSystem) -> None:
    done = system.run("holdfast", "--version")
    assert done.output.strip() == f"holdfast, version {__version__}"


def test_every_library_is_found(system: BareSystem) -> None:
    """By PostgreSQL's programs in the user's environment, by the app itself in the one it starts with."""
    libraries = "-type f \\( -name '*.so*' -o -perm -100 \\)"
    own = f"find {_APP} -path '*/pginstall/*' -prune -o {libraries} -exec ldd {{}} +"
    tools = f"find {_APP}/_internal/*/pginstall {libraries} -exec ldd {{}} +"
    found = system.run("sh", "-c", own, LD_LIBRARY_PATH=f"{_APP}/_internal").output
    found += system.run("sh", "-c", tools).output
    lines = found.splitlines()
    assert len(lines) > 500
    assert sorted({line.strip() for line in lines if "not found" in line}) == []


def test_the_demo_is_proven_without_python_or_postgresql(system: BareSystem) -> None:
    done = system.run("holdfast", "demo", seconds=180)
    assert done.status == 0, done.output + done.errors
    assert "proven" in done.output
    (manifest,) = (system.home / ".local" / "share" / "holdfast" / "demo").rglob("manifest.json")
    assert json.loads(manifest.read_bytes())["proof"]["level"] == "proven"


def test_the_window_takes_a_dump_from_another_program_and_a_second_start(
    system: BareSystem, screen: Desktop
) -> None:
    (manifest,) = (system.home / ".local" / "share" / "holdfast" / "demo").rglob("manifest.json")
    inside = "/" + str(manifest.parent.relative_to(system.root))
    window = Window(screen, enter(system, screen))
    window.shoot("package-first-start")
    drop(screen, window, inside)
    wait_for(lambda: window.is_at(_RESTORE), 20)
    window.shoot("package-dropped")
    second = window.start(inside)
    assert second.wait(30) == 0, second.errors()
    assert window.child.status is None
    window.child.interrupt(signal.SIGTERM)
    assert window.child.wait(30) == 0, window.child.errors()
    assert "Traceback" not in window.child.errors()


def test_a_password_goes_to_the_secret_service_and_to_no_file(
    system: BareSystem, screen: Desktop, tmp_path: Path
) -> None:
    control = tmp_path / "control"
    control.mkdir(mode=0o700)
    password = tmp_path / "password"
    password.write_text("test\n")
    for place in (tmp_path, *tmp_path.parents[:2], control, password):
        place.chmod(place.stat().st_mode | 0o055)
    keyring = system.home / "keyring"
    keyring.mkdir()
    os.chown(keyring, 1000, 1000)
    os.chown(control, 1000, 1000)
    environment = {
        "DBUS_SESSION_BUS_ADDRESS": screen.environment["DBUS_SESSION_BUS_ADDRESS"],
        "XDG_DATA_HOME": str(keyring),
        "HOME": str(keyring),
        "PATH": os.environ["PATH"],
    }
    unlock = f"gnome-keyring-daemon --foreground --unlock --components=secrets --control-directory={control}"
    with start_as_user(("/bin/sh", "-c", f"{unlock} < {password}"), environment):
        owned = ("--session", "--print-reply=literal", "--dest=org.freedesktop.DBus", "/")
        asked = (*owned, "org.freedesktop.DBus.NameHasOwner", "string:org.freedesktop.secrets")
        wait_for(lambda: "true" in screen.run("dbus-send", *asked).output)
        secret = "correct-horse-battery"
        url = f"postgresql://somebody:{secret}@db.example.com/shop"
        inside = json.loads(screen.environment["HOLDFAST_INSIDE"])
        done = system.run("holdfast", "projects", "add", "shop", "--url", url, **inside)
        assert done.status == 0, done.output + done.errors
        assert kept_secrets(screen.environment["DBUS_SESSION_BUS_ADDRESS"]) == [secret]
    files = [one for one in system.home.rglob("*") if one.is_file() and not one.is_relative_to(keyring)]
    assert [one for one in files if secret.encode() in one.read_bytes()] == []
    assert (system.home / ".config" / "holdfast" / "settings.json").is_file()


def kept_secrets(address: str) -> list[str]:
    """What the Secret Service on this bus holds for Holdfast."""
    import secretstorage
    from jeepney.io.blocking import open_dbus_connection

    with closing(open_dbus_connection(address)) as connection:
        items = secretstorage.get_default_collection(connection).search_items({"service": "Holdfast"})
        return [item.get_secret().decode() for item in items]


def test_uninstalling_leaves_what_is_the_users(system: BareSystem) -> None:
    """The last test of this file: Holdfast is gone after it."""
    (manifest,) = (system.home / ".local" / "share" / "holdfast" / "demo").rglob("manifest.json")
    system.administer("apt-get", "purge", "-y", "-qq", "holdfast")
    assert manifest.is_file()
    assert (system.home / ".config" / "holdfast").is_dir()
    left = ["-iname", "*holdfast*", "-not", "-path", f"*/home/{USER}/*", "-not", "-path", "*/proc/*"]
    found = run(["/usr/bin/find", system.root, "-xdev", *left], env=os.environ, timeout=60)
    assert [line for line in found.output.splitlines() if not line.endswith(".deb")] == []
    assert not Path(system.root, "usr/bin/holdfast").is_symlink()
