"""Tells PySide that its names are spelled in its own way everywhere; imported before the rest of the window.

PySide reads the source of each module that is imported after it, to learn whether that one wants another
spelling (`from __feature__ import snake_case`). None does, and the reading takes 7 MB and as long as loading
Qt itself.
"""

from PySide6 import QtCore as _QtCore  # noqa: F401 - brings the module below along
from shibokensupport import feature as _feature

_feature._mod_uses_pyside = lambda _module: False
