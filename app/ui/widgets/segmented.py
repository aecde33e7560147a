"""A choice of a few, side by side."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QSizePolicy, QToolButton, QWidget


class Segmented(QWidget):
    """One of a few values; `changed` carries the new one.

    Args:
        choices: values with their words, in order; the first is chosen.
        name: what a screen reader calls it.
    """

    changed = Signal(object)

    def __init__(
        self, choices: Sequence[tuple[object, str]], name: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        self._group = QButtonGroup(self)
        self._values = [value for value, _ in choices]
        for number, (_, text) in enumerate(choices):
            made = QToolButton()
            made.setText(text)
            made.setCheckable(True)
            made.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            made.setProperty("kind", "segment")
            last = number == len(choices) - 1
            made.setProperty("place", "first" if number == 0 else "last" if last else "middle")
            self._group.addButton(made, number)
            layout.addWidget(made)
        self._group.button(0).setChecked(True)
        self._group.idToggled.connect(self._tell)

    @property
    def value(self) -> object:
        """What is chosen."""
        return self._values[self._group.checkedId()]

    def choose(self, value: object) -> None:
        """Choose this value."""
        self._group.button(self._values.index(value)).setChecked(True)

    def set_text(self, value: object, text: str) -> None:
        """Other words for a value: a count beside them, say."""
        self._group.button(self._values.index(value)).setText(text)

    def _tell(self, number: int, checked: bool) -> None:
        if checked:
            self.changed.emit(self._values[number])
