"""Keeps the computer awake while an operation runs: a backup that sleeps loses its connection."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from app.domain.errors import AppError
from app.system.process import Child, child_environment

_CAFFEINATE = "/usr/bin/caffeinate"
_SECONDS = 3.0
_log = logging.getLogger(__name__)


@contextmanager
def kept_awake(reason: str) -> Iterator[None]:
    """Have the system not fall asleep by itself; the screen may go dark, and closing the lid still counts.

    Where the system cannot be asked, nothing happens. Enter and leave it in the same thread.

    Args:
        reason: a few words for the user's eyes, “Backing up Shop”.
    """
    if sys.platform == "win32":
        with _windows():
            yield
    elif sys.platform == "darwin":
        with _caffeinate():
            yield
    else:
        with _logind(reason):
            yield


@contextmanager
def _logind(reason: str) -> Iterator[None]:
    """A lock of logind (systemd's or elogind's), held as long as a file is open, so that a crash ends it.

    systemd-inhibit does the same with a process of its own. See org.freedesktop.login1(5).
    """
    lock = _take_lock(reason) if sys.platform == "linux" else None
    try:
        yield
    finally:
        if lock is not None:
            os.close(lock)


def _take_lock(reason: str) -> int | None:
    from jeepney import DBusAddress, DBusErrorResponse, new_method_call
    from jeepney.auth import AuthenticationError
    from jeepney.io.blocking import open_dbus_connection
    from jeepney.wrappers import unwrap_msg

    manager = DBusAddress(
        "/org/freedesktop/login1", "org.freedesktop.login1", "org.freedesktop.login1.Manager"
    )
    ask = new_method_call(manager, "Inhibit", "ssss", ("sleep", "Holdfast", reason, "block"))
    try:
        with open_dbus_connection("SYSTEM", enable_fds=True) as bus:
            (lock,) = unwrap_msg(bus.send_and_get_reply(ask, timeout=_SECONDS))
            taken: int = lock.to_raw_fd()
    except (OSError, RuntimeError, ValueError, AuthenticationError, DBusErrorResponse) as error:
        _log.info("logind does not keep the computer awake: %s: %s", type(error).__name__, error)
        return None
    return taken


@contextmanager
def _caffeinate() -> Iterator[None]:
    """macOS's own program; -w ends it with this process. See caffeinate(8)."""
    try:
        child = Child([_CAFFEINATE, "-i", "-w", str(os.getpid())], env=child_environment())
    except AppError as error:
        _log.info("caffeinate does not keep the computer awake: %s", error)
        yield
        return
    with child:
        try:
            yield
        finally:
            child.kill()


if sys.platform == "win32":
    import ctypes

    @contextmanager
    def _windows() -> Iterator[None]:
        """The thread's own request, see SetThreadExecutionState in winbase.h."""
        continuous, system_required = 0x8000_0000, 0x0000_0001
        ctypes.windll.kernel32.SetThreadExecutionState(continuous | system_required)
        try:
            yield
        finally:
            ctypes.windll.kernel32.SetThreadExecutionState(continuous)
