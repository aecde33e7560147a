"""Tells the name of this computer's time zone, which Python's standard library does not."""

from __future__ import annotations

import os
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_LOCALTIME = Path("/etc/localtime")
_NAME = Path("/etc/timezone")


def local_zone_name(localtime: Path = _LOCALTIME, name: Path = _NAME) -> str | None:
    """The IANA name of the system's time zone, as `Europe/Berlin`; None where that cannot be told (Windows).

    Args:
        localtime: a link into the zone database, see localtime(5); macOS has it too.
        name: Debian's own file, for where that is a copy.
    """
    linked = str(localtime.resolve()).partition("zoneinfo/")[2]
    written = name.read_text(encoding="utf-8", errors="replace").strip() if name.is_file() else ""
    for found in (os.environ.get("TZ", "").removeprefix(":"), linked, written):
        if found and _exists(found):
            return found
    return None


def _exists(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
