"""A desktop for tests: a private session bus, an X server, and programs on them, where they are installed."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from app.system.process import Child, Finished, run

_BUS = """
<busconfig><type>session</type><listen>unix:path={}</listen>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>
<allow own="*"/></policy></busconfig>
"""


def program(name: str) -> str:
    """Where it is; the test is skipped where it is not."""
    found = shutil.which(name)
    if sys.platform != "linux" or found is None:
        pytest.skip(f"{name} is not installed (bootstrap.py test installs it on Debian)")
    return found


@dataclass
class Desktop:
    """Starts programs that end with the test.

    Attributes:
        folder: for whatever they write.
        environment: what they are given; an X server and a bus add themselves.
    """

    folder: Path
    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))
    _running: ExitStack = field(default_factory=ExitStack)

    def start(self, name: str, *arguments: str | Path, reads: bool = False) -> Child:
        """Start a program."""
        stdout = Child.PIPE if reads else Child.NULL
        argv = [program(name), *arguments]
        return self._running.enter_context(Child(argv, env=self.environment, stdout=stdout))

    def run(self, name: str, *arguments: str | Path) -> Finished:
        """Run a program to its end."""
        return run([program(name), *arguments], env=self.environment, timeout=20)

    def start_bus(self) -> str:
        """A session bus; gives its address."""
        config, place = self.folder / "bus.conf", self.folder / "bus"
        config.write_text(_BUS.format(place))
        bus = self.start(
            "dbus-daemon", f"--config-file={config}", "--nofork", "--print-address=1", reads=True
        )
        self.environment["DBUS_SESSION_BUS_ADDRESS"] = address = bus.stdout.readline().decode().strip()
        return address

    def start_x(self, size: str = "1280x900x24") -> str:
        """An X server; gives its display."""
        server = self.start(
            "Xvfb", "-displayfd", "1", "-screen", "0", size, "-nolisten", "tcp", "-noreset", reads=True
        )
        self.environment["DISPLAY"] = display = f":{server.stdout.readline().decode().strip()}"
        return display

    def start_keyring(self) -> None:
        """A Secret Service with an open collection, on the bus of `start_bus`."""
        control, password = self.folder / "control", self.folder / "password"
        control.mkdir(mode=0o700, exist_ok=True)
        password.write_text("test\n")
        argv = [program("gnome-keyring-daemon"), "--foreground", "--components=secrets", "--unlock"]
        stdin = self._running.enter_context(password.open("rb"))
        self._running.enter_context(
            Child([*argv, f"--control-directory={control}"], env=self.environment, stdin=stdin)
        )
        owned = ("--session", "--print-reply=literal", "--dest=org.freedesktop.DBus", "/")
        asked = (*owned, "org.freedesktop.DBus.NameHasOwner", "string:org.freedesktop.secrets")
        wait_for(lambda: "true" in self.run("dbus-send", *asked).output)

    def xdo(self, *arguments: str) -> str:
        """What xdotool answers."""
        return self.run("xdotool", *arguments).output


@contextmanager
def desktop(folder: Path) -> Iterator[Desktop]:
    """A desktop with nothing on it yet."""
    made = Desktop(folder)
    with made._running:
        yield made


def wait_for(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait until it is true, for tests without an event loop."""
    import time

    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)
