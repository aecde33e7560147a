"""What the user likes: how the window looks and behaves."""

from __future__ import annotations

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
