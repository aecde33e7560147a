"""Whether the network is metered, asked on a private bus with a stand-in for NetworkManager."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.domain.schedule import Conditions, Schedule
from app.engine.scheduler import surroundings
from app.persistence.settings import Settings
from app.system.network import is_metered
from tests.ui.desktop import desktop

if sys.platform != "linux":
    pytest.skip("NetworkManager is Linux's", allow_module_level=True)

from jeepney import HeaderFields, MessageType, new_error, new_method_return
from jeepney.bus_messages import message_bus
from jeepney.io.threading import ReceiveStopped, open_dbus_connection

_NAME = "org.freedesktop.NetworkManager"


@contextmanager
def network_manager(address: str, metered: int | None) -> Iterator[None]:
    """Answers with this value of NMMetered; None: with an error."""
    with open_dbus_connection(address) as bus:
        bus.send(message_bus.RequestName(_NAME))
        bus.receive(timeout=5)

        def serve() -> None:
            with suppress(ReceiveStopped):
                while True:
                    message = bus.receive(timeout=30)
                    if message.header.message_type is not MessageType.method_call:
                        continue
                    assert message.header.fields[HeaderFields.member] == "Get"
                    assert message.body == (_NAME, "Metered")
                    if metered is None:
                        bus.send(new_error(message, "org.freedesktop.DBus.Error.AccessDenied", "s", ("no",)))
                    else:
                        bus.send(new_method_return(message, "v", (("u", metered),)))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield
        bus.interrupt()
        thread.join(5)


@pytest.fixture
def bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with desktop(tmp_path) as made:
        address = made.start_bus()
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
        yield address


@pytest.mark.parametrize(
    ("told", "is_so"), [(0, None), (1, True), (2, False), (3, True), (4, False), (None, None)]
)
def test_network_manager_is_believed(bus: str, told: int | None, is_so: bool | None) -> None:
    with network_manager(bus, told):
        assert is_metered() is is_so


@pytest.mark.usefixtures("bus")
def test_without_network_manager_nobody_tells() -> None:
    assert is_metered() is None


def test_without_a_bus_nobody_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus")
    assert is_metered() is None


def test_a_schedule_hears_of_it_only_where_it_asks(bus: str, home: Path) -> None:
    asks = Schedule("1", "Shop", "30 2 * * *", "UTC", datetime(2026, 1, 1, tzinfo=UTC))
    asks = replace(asks, conditions=Conditions(not_metered=True))
    with network_manager(bus, 1):
        assert surroundings(asks, Settings(), lambda _: True).metered
        assert not surroundings(replace(asks, conditions=Conditions()), Settings(), lambda _: True).metered
