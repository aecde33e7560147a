"""Where Holdfast keeps its own files, by the conventions of each operating system."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import platformdirs

_NAME = "holdfast"


def is_root() -> bool:
    """True on POSIX systems for the superuser, for whom PostgreSQL refuses to run."""
    return sys.platform != "win32" and os.geteuid() == 0


def config_folder() -> Path:
    """Settings and projects."""
    return platformdirs.user_config_path(_NAME, appauthor=False)


def data_folder() -> Path:
    """The catalog."""
    return platformdirs.user_data_path(_NAME, appauthor=False)


def log_folder() -> Path:
    """Rotating logs."""
    return platformdirs.user_log_path(_NAME, appauthor=False)


def cache_folder() -> Path:
    """What can be made again: sandboxes and their templates.

    For root it lies outside of the home folder, where the sandbox's own user can reach it.
    """
    if is_root() and "XDG_CACHE_HOME" not in os.environ:
        return Path("/var/cache") / _NAME
    return platformdirs.user_cache_path(_NAME, appauthor=False)


def default_destination() -> Path:
    """The folder for backups until the user chooses one."""
    return platformdirs.user_documents_path() / "Holdfast"


def resource(name: str) -> Path:
    """A file or folder that travels with Holdfast: in the package when installed, else beside it."""
    package = Path(__file__).parent.parent
    installed = package / "resources" / name
    return installed if installed.exists() else package.parent / "resources" / name
