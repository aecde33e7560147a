"""Texts with a number in them, outside of widgets.

lupdate does not see the plural in `QCoreApplication.translate`; it sees that of `tr` and takes the name
before it for the context. So the name of a `Plurals` is always that of its context.
"""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication


class Plurals:
    """The texts with a number in one context."""

    def __init__(self, context: str) -> None:
        self._context = context

    def tr(self, text: str, comment: str, number: int) -> str:
        """The form of a text that goes with this number, with the number in it."""
        return QCoreApplication.translate(self._context, text, comment, number)
