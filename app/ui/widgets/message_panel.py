"""A tinted panel inside of a page: what happened, what to do, and a button that does it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QFrame, QHBoxLayout, QPushButton, QWidget

from app.ui.theme import L, M, S
from app.ui.widgets.basics import breakable, button, column, label, restyle, row
from app.ui.widgets.icon_label import IconLabel

_ICONS = {
    "bad": ("warning-octagon-fill", "bad"),
    "warn": ("warning-fill", "warn"),
    "info": ("info", "accent"),
    "ok": ("check-circle-fill", "ok"),
}


class MessagePanel(QFrame):
    """Hidden while there is nothing to say."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "panel")
        self._icon = IconLabel("info", "accent", 20)
        self._title = label("", "label", wrap=True)
        self._text = label("", "second", wrap=True)
        self._words: tuple[str, ...] = ()
        self._acts: tuple[Callable[[], object], ...] = ()
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(S)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(L, M, L, M)
        layout.setSpacing(M)
        layout.addWidget(self._icon)
        self._inside = row(column(self._title, self._text, spacing=2), self._buttons, spacing=M)
        self._inside.setStretch(0, 1)
        layout.addLayout(self._inside, 1)
        self.hide()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Buttons that would take half of the width go below the words."""
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        is_below = self._buttons.sizeHint().width() > self.width() / 2
        directions = QBoxLayout.Direction
        self._inside.setDirection(directions.TopToBottom if is_below else directions.LeftToRight)
        side = Qt.AlignmentFlag.AlignLeading if is_below else Qt.AlignmentFlag.AlignVCenter
        self._inside.setAlignment(self._buttons, side)

    def say(
        self,
        tone: str,
        title: str,
        text: str = "",
        actions: tuple[tuple[str, Callable[[], object]], ...] = (),
    ) -> None:
        """Show this.

        Args:
            tone: bad, warn, info or ok.
            title: what happened, in a sentence.
            text: what to do.
            actions: words of buttons, and what they do.
        """
        self.setProperty("tone", tone)
        restyle(self)
        self._icon.show_icon(*_ICONS[tone])
        self._title.setText(breakable(title))
        self._text.setText(breakable(text))
        self._text.setVisible(bool(text))
        words = tuple(name for name, _ in actions)
        self._acts = tuple(act for _, act in actions)
        if words != self._words:  # the same buttons stay, with the keys and the press that is under way
            self._words = words
            while item := self._buttons.takeAt(0):
                if old := item.widget():
                    old.deleteLater()
            for number, name in enumerate(words):
                self._buttons.addWidget(self._button(name, number))
            self._arrange()
        self.setAccessibleName(title)
        self.show()

    def _button(self, words: str, number: int) -> QPushButton:
        made = button(words, size="small")
        made.clicked.connect(lambda: self._acts[number]())
        return made
