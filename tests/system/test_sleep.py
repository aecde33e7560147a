"""Staying awake, against a private system bus with a stand-in for logind, which needs a booted system."""

from __future__ import annotations

import os
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from app.system.process import Child
from app.system.sleep import kept_awake
from tests.ui.desktop import wait_for

if sys.platform != "linux":
    pytest.skip("logind is Linux's", allow_module_level=True)

from jeepney import HeaderFields, MessageType, new_error, new_method_return
from jeepney.bus_messages import message_bus
from jeepney.io.threading import DBusConnection, ReceiveStopped, open_dbus_connection

BUS = """
<busconfig><type>custom</type><listen>unix:path={}</listen>
<policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy>
</busconfig>
"""


@contextmanager
def closing_file(number: int) -> Iterator[None]:
    try:
        yield
    finally:
        os.close(number)


class Logind:
    """Answers Inhibit as org.freedesktop.login1(5) says: a file whose closing ends the lock."""

    def __init__(self, address: str, *, refuses: bool = False) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.refuses = refuses
        self.kept, self._given = os.pipe()
        self._bus: DBusConnection = open_dbus_connection(address, enable_fds=True)
        self._bus.send(message_bus.RequestName("org.freedesktop.login1"))
        self._bus.receive(timeout=5)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._bus.interrupt()
        self._thread.join(5)
        self._bus.close()
        os.close(self.kept)

    @property
    def is_held(self) -> bool:
        """Whether somebody has the file open; the end of ours is given away at once."""
        os.set_blocking(self.kept, False)
        try:
            return os.read(self.kept, 1) != b""
        except BlockingIOError:
            return True

    def _serve(self) -> None:
        with closing_file(self._given), suppress(ReceiveStopped):
            self._answer()

    def _answer(self) -> None:
        while True:
            message = self._bus.receive(timeout=20)
            if message.header.message_type is not MessageType.method_call:
                continue
            if message.header.fields[HeaderFields.member] == "Inhibit":
                self.asked.append(message.body)
                if self.refuses:
                    answer = new_error(message, "org.freedesktop.DBus.Error.AccessDenied", "s", ("denied",))
                else:
                    answer = new_method_return(message, "h", (self._given,))
                self._bus.send(answer)
                return


@pytest.fixture
def bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    program = shutil.which("dbus-daemon")
    if program is None:
        pytest.skip("dbus-daemon is not installed")
    config, place = tmp_path / "bus.conf", tmp_path / "bus"
    config.write_text(BUS.format(place))
    address = f"unix:path={place}"
    argv = [program, f"--config-file={config}", "--nofork", "--print-address=1"]
    with Child(argv, env=os.environ, stdout=Child.PIPE) as child:
        child.stdout.readline()
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
        yield address


def test_logind_is_asked_and_let_go_again(bus: str) -> None:
    with closing(Logind(bus)) as logind:
        with kept_awake("Backing up Shop"):
            assert logind.asked == [("sleep", "Holdfast", "Backing up Shop", "block")]
            logind._thread.join(5)
            assert logind.is_held
        wait_for(lambda: not logind.is_held)


def test_a_failure_lets_go_as_well(bus: str) -> None:
    with closing(Logind(bus)) as logind:
        with pytest.raises(KeyError), kept_awake("Backing up Shop"):
            raise KeyError
        logind._thread.join(5)
        wait_for(lambda: not logind.is_held)


def test_who_may_not_works_all_the_same(bus: str) -> None:
    with closing(Logind(bus, refuses=True)) as logind:
        with kept_awake("Backing up Shop"):
            pass
        assert logind.asked


@pytest.mark.usefixtures("bus")
def test_without_logind_the_work_is_done_all_the_same() -> None:
    with kept_awake("Backing up Shop"):
        pass


@pytest.mark.parametrize("address", ["unix:path=/nonexistent/bus", "tcp:host=localhost,port=1", "rubbish"])
def test_without_a_bus_the_work_is_done_all_the_same(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
    with kept_awake("Backing up Shop"):
        pass
