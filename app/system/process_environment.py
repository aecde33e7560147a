"""Gives this process, and so whatever it or Qt starts, the environment of the user instead of the bundle's.

PyInstaller 6.22's bootloader sets LD_LIBRARY_PATH and starts the program anew, keeps what the user had in
LD_LIBRARY_PATH_ORIG, and marks the process by `_PYI_*`; its hook for PySide6 adds to PATH, DYLD_LIBRARY_PATH
and Qt's own paths (bootloader/src/pyi_main.c, loader/rthooks/pyi_rth_pyside6.py). Programs of the system
that see these load our libraries, or Qt plugins of another version. The loader has read its paths by the
time Python runs, and PySide finds its plugins beside itself: this process needs none of them any more. A
Holdfast that it starts is marked no longer, and so sets up its own.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path  # “holdfast --version” needs none of it

    from _typeshed import ReadableBuffer, WriteableBuffer

_LIBRARY_PATH = "LD_LIBRARY_PATH"
_OURS = "_PYI_"
_SEARCHED = ("PATH", "DYLD_LIBRARY_PATH", "QT_PLUGIN_PATH", "QML2_IMPORT_PATH")
_PACKAGE_MANAGERS = ("/opt/homebrew/bin", "/usr/local/bin", "/opt/local/bin")


def settle() -> None:
    """Make this process one that the user could have started in a terminal; call it before all else.

    Standard streams that Windows does not give to a program without a terminal lead nowhere, instead of
    being None, which a library trips over.
    """
    bundle = getattr(sys, "_MEIPASS", None)
    if bundle is not None:
        users = users_environment(os.environ, bundle)
        for name in set(os.environ) - set(users):
            del os.environ[name]
        os.environ.update(users)
    if sys.platform == "darwin":
        from pathlib import Path

        os.environ["PATH"] = terminal_path(os.environ.get("PATH", os.defpath), Path("/"))
    for name, buffered in (
        ("stdin", io.BufferedReader),
        ("stdout", io.BufferedWriter),
        ("stderr", io.BufferedWriter),
    ):
        if getattr(sys, name) is None:
            setattr(sys, name, io.TextIOWrapper(buffered(_Nowhere()), encoding="utf-8"))


def users_environment(environment: Mapping[str, str], bundle: str) -> dict[str, str]:
    """The environment without what the bundle, a folder, brought into it."""
    users = {name: value for name, value in environment.items() if not name.startswith(_OURS)}
    users.pop(_LIBRARY_PATH, None)
    original = users.pop(f"{_LIBRARY_PATH}_ORIG", None)
    if original is not None:
        users[_LIBRARY_PATH] = original
    for name in _SEARCHED:
        folders = users.get(name, "").split(os.pathsep)
        kept = [folder for folder in folders if not (folder + os.sep).startswith(bundle + os.sep)]
        if not kept:
            del users[name]
        elif kept != folders:
            users[name] = os.pathsep.join(kept)
    return users


def terminal_path(path: str, root: Path) -> str:
    """PATH with the folders that a terminal of macOS has as well; Finder and launchd give four.

    Args:
        path: what there is; it stays in front.
        root: of the file system, whose etc/paths and etc/paths.d path_helper(8) reads.
    """
    folders = path.split(os.pathsep)
    for folder in (*_listed(root / "etc"), *_PACKAGE_MANAGERS):
        if folder not in folders and (root / folder.lstrip("/")).is_dir():
            folders.append(folder)
    return os.pathsep.join(folders)


class _Nowhere(io.RawIOBase):
    """Takes everything and has nothing to read. Windows' own NUL passes for a terminal."""

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def readinto(self, _buffer: WriteableBuffer) -> int:
        return 0

    def write(self, data: ReadableBuffer) -> int:
        return memoryview(data).nbytes


def _listed(etc: Path) -> Iterator[str]:
    for file in (etc / "paths", *sorted(etc.glob("paths.d/*"))):
        try:
            lines = file.read_text(errors="replace").splitlines()
        except OSError:
            continue  # there need be none
        yield from (line for line in lines if line.startswith("/"))
