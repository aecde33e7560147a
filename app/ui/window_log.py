"""Begins and ends the log of the window's process, and sees that no failure passes it by."""

from __future__ import annotations

import logging
import sys
import threading
from types import TracebackType
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.system import paths
from app.system.crash import Crash, CrashWatch, take_crash
from app.system.log import IS_SHOWN, Log
from app.system.running import Claim, claim
from app.ui.qt_messages import leave_qt_messages, log_qt_messages

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

_KIND = "window"
_log = logging.getLogger(__name__)


class WindowLog(QObject):
    """The log from the first paint on; a disk on which nothing can be written leaves the window as it is.

    Attributes:
        crash: how the last window ended, if nobody wanted it to.
        problem: why nothing is written.

    Signals:
        failed: nothing can be written; `problem` says why. It comes once.
    """

    failed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.crash: Crash | None = None
        self.problem = ""
        self._claim: Claim | None = None
        self._log: Log | None = None
        self._watch: CrashWatch | None = None
        folder = paths.log_folder()
        try:
            self._claim = claim(_KIND)
            name = self._claim.name
            self._log = Log(name, folder, self._fail)
            self.crash = take_crash(name, folder)
            self._watch = CrashWatch(name, folder)
        except OSError as error:
            self._fail(error.strerror or str(error))
        if self.crash is not None:
            _log.info("the window before this one crashed: %s", self.crash.path.name)
        self._hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
        sys.excepthook = note_bug
        threading.excepthook = _note_in_thread
        sys.unraisablehook = _note_unraisable
        log_qt_messages()

    def close(self) -> None:
        """The window ends as it should."""
        leave_qt_messages()
        sys.excepthook, threading.excepthook, sys.unraisablehook = self._hooks
        for one in (self._watch, self._log, self._claim):
            if one is not None:
                one.close()

    def _fail(self, reason: str) -> None:
        if not self.problem:
            self.problem = reason
            self.failed.emit()


def note_bug(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """An error in Holdfast itself: with its traceback into the log, and to standard error as ever."""
    if isinstance(error, Exception):
        _log.error("an error in Holdfast itself", exc_info=(kind, error, trace), extra={IS_SHOWN: True})
    sys.__excepthook__(kind, error, trace)


def _note_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None and args.exc_type is not SystemExit:
        name = args.thread.name if args.thread else "?"
        found = (args.exc_type, args.exc_value, args.exc_traceback)
        _log.error("an error in Holdfast itself, in thread %s", name, exc_info=found, extra={IS_SHOWN: True})
    threading.__excepthook__(args)


def _note_unraisable(args: UnraisableHookArgs) -> None:
    if args.exc_value is not None:
        found = (args.exc_type, args.exc_value, args.exc_traceback)
        what = args.err_msg or "in a destructor"
        _log.error("an error in Holdfast itself: %s", what, exc_info=found, extra={IS_SHOWN: True})
    sys.__unraisablehook__(args)
