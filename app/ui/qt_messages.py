"""Puts what Qt says into the log, beside standard error, where it stands in any case."""

from __future__ import annotations

import logging
import sys

from PySide6.QtCore import QMessageLogContext, QtMsgType, qFormatLogMessage, qInstallMessageHandler

from app.system.log import IS_SHOWN

_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}
_log = logging.getLogger("qt")


def log_qt_messages() -> None:
    """Begin with it; end it before the interpreter ends, since Qt speaks for longer than Python listens."""
    qInstallMessageHandler(_take)


def leave_qt_messages() -> None:
    """Let Qt itself write them again."""
    qInstallMessageHandler(None)


def _take(kind: QtMsgType, context: QMessageLogContext, text: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(f"{qFormatLogMessage(kind, context, text)}\n")
    _log.log(_LEVELS[kind], "%s", text, extra={IS_SHOWN: True})
