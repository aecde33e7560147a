"""Starts the window and joins its parts: pages, tray, operations, settings."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from app.ui import pyside_names  # noqa: F401 - before all others

# isort: split

from PySide6.QtCore import QEvent, QLocale, QObject, QSettings, QSocketNotifier, QTimer
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

from app import __version__
from app.system.paths import resource
from app.ui import appearance, translations
from app.ui.first_look import first_look
from app.ui.main_window import MainWindow
from app.ui.opened_files import Application
from app.ui.single_instance import hand_over

if TYPE_CHECKING:
    from app.ui.focus_style import FocusRing
    from app.ui.frame import Frame
    from app.ui.window_log import WindowLog

HIDDEN = "--hidden"
"""Starts in the tray; what starts at login is called with it."""

_LONGEST_WAIT_FOR_PAINT = 500
"""Milliseconds; a window that starts minimised or on another screen is not painted at all."""


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
    look = first_look()
    appearance.install(app, look.appearance)
    translations.install(app, look.language)
    window = MainWindow()
    behind: list[tuple[Frame, FocusRing]] = []
    logs: list[WindowLog] = []

    def fill() -> None:
        """What is behind the window takes as long to load as the window itself, and comes after it."""
        from app.ui.focus_style import FocusRing
        from app.ui.window_log import WindowLog

        logs.append(WindowLog())
        if (frame := _frame(app, window)) is not None:
            behind.append((frame, FocusRing(app)))
            frame.start(paths, logs[0])
            app.give_files_to(frame.take)

    if HIDDEN in arguments:
        QTimer.singleShot(0, fill)
    else:
        window.restore_geometry()
        window.show()
        _after_first_paint(window, fill)
    with _SignalsQuit(app):
        status = app.exec()
    for frame, _ in behind:
        frame.shut_down()
    behind.clear()  # the ring may not outlive the application
    for log in logs:
        log.close()
    return status


def _frame(app: QApplication, window: MainWindow) -> Frame | None:
    """The rest of the application; None, and the end of it, where settings or history cannot be read."""
    from app.domain.errors import AppError
    from app.ui.frame import Frame
    from app.ui.state import State

    try:
        state = State()
    except AppError as error:
        from app.system.log import note_failure
        from app.ui.error_dialog import ErrorDialog

        note_failure(error, "the window did not start")
        ErrorDialog(error).exec()
        app.exit(1)
        return None
    frame = Frame(app, state, window)
    sys.excepthook = partial(_show_bug, frame)
    return frame


def _after_first_paint(window: MainWindow, act: Callable[[], None]) -> None:
    """Call `act` once the window stands on the screen."""
    timer = QTimer(window)
    timer.setSingleShot(True)
    timer.timeout.connect(act)
    timer.start(_LONGEST_WAIT_FOR_PAINT)
    shown = _Exposed(timer)
    window.windowHandle().installEventFilter(shown)


class _Exposed(QObject):
    """Fires a timer when a window is painted for the first time."""

    def __init__(self, timer: QTimer) -> None:
        super().__init__(timer)
        self._timer = timer

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The window paints while it handles this event: the timer is late enough."""
        if event.type() == QEvent.Type.Expose:
            watched.removeEventFilter(self)
            if self._timer.isActive():
                self._timer.start(0)
        return False


def _show_bug(
    frame: Frame, kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """An error in Holdfast itself is shown; in a slot it would go unseen."""
    from app.ui.window_log import note_bug

    note_bug(kind, error, trace)
    if isinstance(error, Exception):
        frame.show_error(error)


def new_application(arguments: Sequence[str]) -> Application:
    """The one QApplication, named as settings folders and desktops know it."""
    app = Application(list(arguments))
    app.setOrganizationName("holdfast")  # a folder's name; without one Qt takes “Unknown Organization”
    app.setApplicationName("holdfast")
    QSettings.setDefaultFormat(QSettings.Format.IniFormat)  # one file on every system: `reset` removes it
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
