"""What the user likes: how the window looks and behaves."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Appearance(StrEnum):
    """Light, dark, or as the system is at the moment."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


class OnClose(StrEnum):
    """What closing the window does."""

    ASK = "ask"
    TRAY = "tray"
    """Holdfast goes on in the tray."""
    QUIT = "quit"


class Times(StrEnum):
    """In which zone moments are shown."""

    LOCAL = "local"
    UTC = "utc"


@dataclass(frozen=True, slots=True)
class Notifications:
    """Of what the desktop is told while the window is not in front."""

    failed: bool = True
    overdue: bool = True
    folder_missing: bool = True
    proof_failed: bool = True
    succeeded: bool = False
