"""Speaks to the desktop's notification service over D-Bus: messages with buttons, replaced and withdrawn.

Qt's own tray messages have no buttons and cannot be taken back. The protocol is freedesktop.org's Desktop
Notifications Specification 1.2. Everything here happens in threads of its own, and the first message starts
them; while nothing happens they sleep.
"""

from __future__ import annotations

import html
import logging
import os
import queue
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal
from shiboken6 import isValid

from app.system.paths import resource

if TYPE_CHECKING:
    from jeepney import Message
    from jeepney.io.threading import DBusRouter

DEFAULT_ACTION = "default"

Acted = Callable[[str, str], object]
"""Takes a note's key and an action's name."""

_SECONDS = 5.0
_NORMAL, _BY_THE_SERVICE, _UNTIL_DISMISSED = 1, -1, 0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Note:
    """One message.

    Attributes:
        key: a later one with the same key takes its place.
        title: plain text, as `text`.
        actions: names and words of buttons; that of `DEFAULT_ACTION` is for a click on the note itself.
        stays: until it is dismissed or withdrawn; else as long as the service likes.
    """

    key: str
    title: str
    text: str
    actions: tuple[tuple[str, str], ...] = ()
    stays: bool = False


class DesktopNotifications(QObject):
    """The service, used from the window's thread; nothing here waits.

    Signals:
        acted: a note's key and the name of its action; `DEFAULT_ACTION` for a click on itself.
        shown: this note is on the desktop.
        failed: this note could not be shown: there is no service.
    """

    acted = Signal(str, str)
    shown = Signal(object)
    failed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._asked: queue.SimpleQueue[Note | str | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def show(self, note: Note) -> None:
        """Show a note, in the place of the one with its key."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, daemon=True, name="notifications")
            self._thread.start()
        self._asked.put(note)

    def withdraw(self, key: str) -> None:
        """Take a note back, if it was shown."""
        if self._thread is not None:
            self._asked.put(key)

    def close(self) -> None:
        """End the threads; notes stay on the desktop."""
        if self._thread is not None:
            self._asked.put(None)
            self._thread.join(_SECONDS)
            self._thread = None

    def _serve(self) -> None:
        """Do what is asked; after a failure the next note connects anew."""
        with ExitStack() as connection:
            service: _Service | None = None
            while (asked := self._asked.get()) is not None:
                try:
                    service = service or _connect(connection, self._tell)
                    service.do(asked)
                except Exception as error:  # noqa: BLE001 - whatever the bus does, the tray can show it
                    _log.info("no notification service: %s: %s", type(error).__name__, error)
                    service = None
                    connection.close()
                    if isinstance(asked, Note) and isValid(self):
                        self.failed.emit(asked)
                else:
                    if isinstance(asked, Note) and isValid(self):
                        self.shown.emit(asked)

    def _tell(self, key: str, action: str) -> None:
        if isValid(self):
            self.acted.emit(key, action)


def _connect(connection: ExitStack, acted: Acted) -> _Service:
    from jeepney.io.threading import open_dbus_router

    service = _Service(connection.enter_context(open_dbus_router(_bus_address())), acted)
    connection.callback(service.close)
    return service


class _Service:
    """The service behind a connection.

    Args:
        router: the connection.
        acted: is called from another thread with a note's key and its action.
    """

    def __init__(self, router: DBusRouter, acted: Acted) -> None:
        from jeepney import DBusAddress, MatchRule
        from jeepney.bus_messages import message_bus
        from jeepney.io.threading import Proxy

        self._router, self._acted = router, acted
        self._address = DBusAddress(
            "/org/freedesktop/Notifications", "org.freedesktop.Notifications", "org.freedesktop.Notifications"
        )
        self._keys: dict[int, str] = {}
        self._ids: dict[str, int] = {}
        self._lock = threading.Lock()
        self._has_markup = "body-markup" in self._call("GetCapabilities")[0]
        rule = MatchRule(
            type="signal",
            interface="org.freedesktop.Notifications",
            path="/org/freedesktop/Notifications",
        )
        Proxy(message_bus, router, timeout=_SECONDS).AddMatch(rule)
        self._signals: queue.Queue[Message | None] = queue.Queue()
        self._filter = router.filter(rule, queue=self._signals)
        threading.Thread(target=self._listen, daemon=True, name="notification signals").start()

    def close(self) -> None:
        self._filter.close()
        self._signals.put(None)

    def do(self, what: Note | str) -> None:
        if isinstance(what, Note):
            self._show(what)
        elif (number := self._ids.get(what)) is not None:
            self._call("CloseNotification", "u", (number,))

    def _show(self, note: Note) -> None:
        actions = [part for action in note.actions for part in action]
        hints = {"urgency": ("y", _NORMAL), "desktop-entry": ("s", "holdfast")}
        body = (
            "Holdfast",
            self._ids.get(note.key, 0),
            str(resource("icons") / "holdfast.svg"),
            note.title,
            html.escape(note.text, quote=False) if self._has_markup else note.text,
            actions,
            hints,
            _UNTIL_DISMISSED if note.stays else _BY_THE_SERVICE,
        )
        with self._lock:  # its signals are looked at when it is known whose they are
            (number,) = self._call("Notify", "susssasa{sv}i", body)
            self._ids[note.key] = number
            self._keys[number] = note.key

    def _call(
        self, method: str, signature: str | None = None, body: tuple[object, ...] = ()
    ) -> tuple[Any, ...]:
        from jeepney import new_method_call
        from jeepney.wrappers import unwrap_msg

        message = new_method_call(self._address, method, signature, body)
        answer: tuple[Any, ...] = unwrap_msg(self._router.send_and_get_reply(message, timeout=_SECONDS))
        return answer

    def _listen(self) -> None:
        from jeepney import HeaderFields

        while (message := self._signals.get()) is not None:
            member = message.header.fields[HeaderFields.member]
            with self._lock:
                key = self._keys.get(message.body[0])
                if key is not None and member == "NotificationClosed":
                    del self._keys[message.body[0]]
                    if self._ids.get(key) == message.body[0]:
                        del self._ids[key]
            if key is not None and member == "ActionInvoked":
                self._acted(key, message.body[1])


def _bus_address() -> str:
    """The session's bus; where no variable names it, its usual place."""
    usual = f"unix:path={os.environ.get('XDG_RUNTIME_DIR', '/nonexistent')}/bus"
    return os.environ.get("DBUS_SESSION_BUS_ADDRESS") or usual
