"""The bar below the form that names what was changed, and saves or discards it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from app.domain.schedule import Schedule
from app.ui.schedule_words import changes
from app.ui.theme import XL, S
from app.ui.widgets.basics import button
from app.ui.widgets.elided_label import ElidedLabel
from app.ui.widgets.icon_label import IconLabel

_HEIGHT = 52


class ScheduleFooter(QFrame):
    """Hidden while nothing was changed; `save_wanted` and `discard_wanted` are its buttons."""

    save_wanted = Signal()
    discard_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "footer")
        self.setMinimumHeight(_HEIGHT)
        self._icon = IconLabel("pencil-simple", "text2", 16)
        self.text = ElidedLabel("", "second", mode=Qt.TextElideMode.ElideRight)
        self.discard = button(self.tr("Discard Changes"))
        self.discard.clicked.connect(self.discard_wanted)
        self.save = button(self.tr("Save Schedule"), kind="primary")
        self.save.setToolTip("Ctrl+S")
        self.save.clicked.connect(self.save_wanted)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(XL, 0, XL, 0)
        layout.setSpacing(S)
        layout.addWidget(self._icon)
        layout.addWidget(self.text, 1)
        layout.addWidget(self.discard)
        layout.addWidget(self.save)
        self.hide()

    def show_changes(self, draft: Schedule | None, saved: Schedule | None, problems: dict[str, str]) -> None:
        """Name them.

        Args:
            draft: what was entered; None where nothing was.
            saved: what it changes; None for a new one.
            problems: what is wrong with it.
        """
        self.setVisible(draft is not None)
        if draft is None:
            return
        if problems:
            text = " ".join(problems.values())
        elif saved is None:
            text = self.tr("New schedule, not saved yet")
        else:
            text = self.tr("Changed: %1").replace("%1", ", ".join(changes(saved, draft)))
        self._icon.show_icon(*(("warning-fill", "bad") if problems else ("pencil-simple", "text2")))
        self.text.setText(text)
        self.text.setAccessibleName(text)
        self.save.setEnabled(not problems)
