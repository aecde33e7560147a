"""A project: a database and how to reach it. Its password lives elsewhere (see `Secret`)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

_UNSAFE_IN_FOLDER_NAMES = re.compile(r'[\x00-\x1f<>:"/\\|?*]')
_RESERVED_ON_WINDOWS = re.compile(r"^(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Project:
    """A database that the user backs up.

    Attributes:
        name: what the user calls it; unique without regard to case.
        conninfo: how to reach it, as libpq's keyword string, without a password.
        added: when it was added, in UTC.
        supabase: the ref of a project on Supabase's own servers; empty for any other.
        api_url: where a Supabase project elsewhere has its web interfaces; empty for any other.
    """

    name: str
    conninfo: str
    added: datetime
    supabase: str = ""
    api_url: str = ""


class Secret:
    """A password or token that never prints itself."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The text itself, for the one call that needs it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


def folder_name(project: str) -> str:
    """The name of a project's folder in the destination, valid on every file system.

    Two projects may share a folder: a backup's manifest, not its folder, says whose it is.
    """
    name = _UNSAFE_IN_FOLDER_NAMES.sub("_", project).strip(" .")
    while len(name.encode()) > 120:
        name = name[:-1].rstrip(" .")
    if not name or _RESERVED_ON_WINDOWS.match(name):
        name = f"_{name}"
    return name
