"""One process for one user: a second start hands what it was given to the first, which comes to the front."""

from __future__ import annotations

import json
import os
import sys
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QDir, QObject

from app.system.paths import config_folder

if TYPE_CHECKING:
    from PySide6.QtNetwork import QLocalSocket

_WAIT = 500
"""Milliseconds for a running Holdfast to answer; it is on this computer."""


def hand_over(paths: Sequence[Path]) -> bool:
    """Give these paths to a Holdfast that runs already; False when there is none.

    An empty list only brings its window to the front.
    """
    if sys.platform != "win32" and not (Path(QDir.tempPath()) / _name()).exists():
        return False  # what Qt would find out, too, but it takes long to load
    from PySide6.QtNetwork import QLocalSocket

    socket = QLocalSocket()
    socket.connectToServer(_name())
    if not socket.waitForConnected(_WAIT):
        return False
    socket.write(json.dumps([str(path) for path in paths]).encode() + b"\n")
    told = socket.waitForBytesWritten(_WAIT) and socket.waitForReadyRead(_WAIT * 4)
    socket.disconnectFromServer()
    return told


class FirstInstance(QObject):
    """Listens for later starts.

    Args:
        take: is called with the paths that a later start was given.
    """

    def __init__(self, take: Callable[[tuple[Path, ...]], object], parent: QObject | None = None) -> None:
        from PySide6.QtNetwork import QLocalServer

        super().__init__(parent)
        self._take = take
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._answer)
        if not self._server.listen(_name()):
            QLocalServer.removeServer(_name())  # left by a process that was killed: nobody answered there
            self._server.listen(_name())

    def close(self) -> None:
        """Listen no more."""
        self._server.close()

    def _answer(self) -> None:
        while self._server.hasPendingConnections():
            socket = self._server.nextPendingConnection()
            socket.readyRead.connect(lambda socket=socket: self._read(socket))
            socket.disconnected.connect(socket.deleteLater)
            if socket.canReadLine():
                self._read(socket)

    def _read(self, socket: QLocalSocket) -> None:
        if not socket.canReadLine():
            return
        try:
            names = json.loads(bytes(socket.readLine().data()))
            paths = tuple(Path(name) for name in names)
        except (ValueError, TypeError):
            socket.abort()  # not one of ours
            return
        socket.write(b"taken\n")
        socket.flush()
        self._take(paths)


def _name() -> str:
    """One for each user and settings folder, short enough for a socket's path."""
    return f"holdfast-{zlib.crc32(os.fsencode(config_folder())):08x}"
