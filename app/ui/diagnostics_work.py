"""Collects diagnostics for the clipboard: what the window knows in its own thread, the rest in a worker."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import qVersion
from PySide6.QtGui import QGuiApplication


def window_facts() -> dict[str, str]:
    """What only the window can tell of the system."""
    screens = (
        f"{one.size().width()}×{one.size().height()} at {one.devicePixelRatio():g}"
        for one in QGuiApplication.screens()
    )
    return {"Qt": qVersion(), "platform": QGuiApplication.platformName(), "screens": ", ".join(screens)}


def diagnostics(window: Mapping[str, str]) -> str:
    """All of it as text; it takes seconds: for a worker."""
    from app.engine.diagnostics import collect, diagnostics_text  # it loads all that speaks PostgreSQL

    return diagnostics_text(collect(window))
