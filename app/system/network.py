"""Asks the system whether its network is paid by volume."""

from __future__ import annotations

import logging
import sys

_SECONDS = 2.0
_METERED = (1, 3)
"""Yes, and probably yes: NMMetered (https://networkmanager.dev/docs/api/latest/nm-dbus-types.html)."""

_log = logging.getLogger(__name__)


def is_metered() -> bool | None:
    """What NetworkManager says; None where nobody tells: there is none, or the system is not Linux."""
    if sys.platform != "linux":
        return None
    from jeepney import DBusAddress, DBusErrorResponse, Properties
    from jeepney.auth import AuthenticationError
    from jeepney.io.blocking import open_dbus_connection
    from jeepney.wrappers import unwrap_msg

    name = "org.freedesktop.NetworkManager"
    ask = Properties(DBusAddress("/org/freedesktop/NetworkManager", name, name)).get("Metered")
    try:
        with open_dbus_connection("SYSTEM") as bus:
            ((_, told),) = unwrap_msg(bus.send_and_get_reply(ask, timeout=_SECONDS))
    except (OSError, RuntimeError, ValueError, AuthenticationError, DBusErrorResponse) as error:
        _log.info("nobody tells whether the network is metered: %s: %s", type(error).__name__, error)
        return None
    return told in _METERED if told else None
