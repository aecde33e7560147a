"""Starts the window and joins its parts: pages, tray, operations, settings."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QLocale, QSocketNotifier
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

from app import __version__
from app.domain.errors import AppError
from app.system.paths import resource
from app.ui import appearance, translations
from app.ui.focus_style import FocusRing
from app.ui.frame import Frame
from app.ui.single_instance import hand_over
from app.ui.state import State

HIDDEN = "--hidden"
"""Starts in the tray; what starts at login is called with it."""


def run_window(arguments: Sequence[str]) -> int:
    """Show the window until the user quits; give the exit status.

    Args:
        arguments: `HIDDEN`, and paths of dumps, with which Restore opens.
    """
    if not _has_display():
        sys.stderr.write("There is no display for the window. “holdfast --help” shows what works without.\n")
        return 1
    paths = tuple(Path(argument).absolute() for argument in arguments if argument != HIDDEN)
    app = new_application(sys.argv[:1])
    if hand_over(paths):
        return 0
    try:
        state = State()
    except AppError as error:
        from app.ui.error_dialog import ErrorDialog

        return ErrorDialog(error).exec() and 1
    appearance.install(app, state.settings.appearance)
    translations.install(app, state.settings.language)
    ring = FocusRing(app)
    frame = Frame(app, state)
    sys.excepthook = partial(_show_bug, state)
    frame.start(paths, hidden=HIDDEN in arguments)
    with _SignalsQuit(app):
        status = app.exec()
    frame.shut_down()
    del ring
    return status


def _show_bug(
    state: State, kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """An error in Holdfast itself is shown; in a slot it would go unseen."""
    sys.__excepthook__(kind, error, trace)
    if isinstance(error, Exception):
        state.failed.emit(error, "")


def new_application(arguments: Sequence[str]) -> QApplication:
    """The one QApplication, named as settings folders and desktops know it."""
    app = QApplication(list(arguments))
    app.setApplicationName("holdfast")
    app.setApplicationDisplayName("Holdfast")
    app.setApplicationVersion(__version__)
    app.setDesktopFileName("holdfast")
    app.setWindowIcon(QIcon(str(resource("icons") / "holdfast.svg")))
    app.setQuitOnLastWindowClosed(False)
    QLocale.setDefault(QLocale())
    return app


class _SignalsQuit:
    """SIGTERM and Ctrl-C end the process in order: `exit` asks nobody, where `quit` would close the window.

    Python runs handlers between its own instructions, of which an idle Qt runs none: so a socket wakes it.
    """

    def __init__(self, app: QApplication) -> None:
        self._app = app

    def __enter__(self) -> None:
        self._read, self._write = socket.socketpair()
        self._read.setblocking(False)
        self._write.setblocking(False)
        self._before = signal.set_wakeup_fd(self._write.fileno(), warn_on_full_buffer=False)
        for kind in (signal.SIGINT, signal.SIGTERM):
            signal.signal(kind, lambda *_: self._app.exit(0))
        self._notifier = QSocketNotifier(self._read.fileno(), QSocketNotifier.Type.Read)
        self._notifier.activated.connect(lambda: self._read.recv(64))

    def __exit__(self, *_: object) -> None:
        self._notifier.setEnabled(False)
        signal.set_wakeup_fd(self._before)
        self._read.close()
        self._write.close()


def _has_display() -> bool:
    """Whether there is a screen; without one Qt would end the process without a word that helps."""
    if sys.platform != "linux":
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))
