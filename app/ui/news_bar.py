"""Says below the health line what is new about Holdfast itself, one thing at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.ui.theme import XL, S
from app.ui.widgets.message_panel import MessagePanel

Actions = tuple[tuple[str, Callable[[], object]], ...]
"""The words of buttons, and what they do."""


@dataclass(frozen=True, slots=True)
class News:
    """One thing to say.

    Attributes:
        key: another one with the same key takes its place.
        tone: warn or info.
        title: what happened, in a sentence.
        text: what it means.
        actions: buttons; those that end it call `NewsBar.dismiss`.
    """

    key: str
    tone: str
    title: str
    text: str
    actions: Actions


class NewsBar(QWidget):
    """Hidden while there is nothing new."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.panel = MessagePanel()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(XL, S, XL, 0)
        layout.addWidget(self.panel)
        self._waiting: dict[str, News] = {}
        self.hide()

    def add(self, news: News) -> None:
        """Say it, after what was said before and is not dismissed."""
        self._waiting[news.key] = news
        self._show()

    def dismiss(self, key: str) -> None:
        """Say it no more, and what waits behind it."""
        self._waiting.pop(key, None)
        self._show()

    def _show(self) -> None:
        first = next(iter(self._waiting.values()), None)
        if first is not None:
            self.panel.say(first.tone, first.title, first.text, first.actions)
        self.setVisible(first is not None)
