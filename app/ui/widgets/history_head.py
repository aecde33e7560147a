"""The head of a backup's detail: its name, its badge, and what can be done with it."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPushButton, QWidget

from app.domain.history import Entry
from app.ui import formats
from app.ui.history_acts import Act, HistoryActs
from app.ui.history_words import badge_of, name_of
from app.ui.theme import L, M, S
from app.ui.widgets.badge import DAMAGED, GOOD, Badge
from app.ui.widgets.basics import button, give_way, icon_button
from app.ui.widgets.elided_label import ElidedLabel

_BUTTONS = (Act.RESTORE, Act.PROVE, Act.COPY, Act.FOLDER)


class HistoryHead(QWidget):
    """What there is no room for as a button stands in the menu; `back_wanted`: back to the list."""

    back_wanted = Signal()

    def __init__(self, acts: HistoryActs, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._acts = acts
        self.back = icon_button("caret-left", self.tr("Back"), bare=True, parent=self)
        self.back.clicked.connect(self.back_wanted)
        self.back.hide()
        self.heading = ElidedLabel("", "heading", mode=Qt.TextElideMode.ElideRight, parent=self)
        self._badge = Badge(GOOD, parent=self)
        self.buttons = {act: self._button(act) for act in _BUTTONS}
        self.more = icon_button("dots-three-bold", self.tr("More"), parent=self)
        menu = QMenu(self.more)
        menu.aboutToShow.connect(self.fill_menu)
        self.more.setMenu(menu)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(L, M - 2, M, 0)
        layout.setSpacing(S)
        layout.addWidget(self.back)
        layout.addWidget(self.heading)
        layout.addWidget(self._badge)
        layout.addStretch(1)
        for one in self.buttons.values():
            layout.addWidget(one)
        layout.addWidget(self.more)

    def show_entry(self, entry: Entry, now: datetime) -> None:
        """Name this one."""
        self.heading.setText(name_of(entry, now))
        self.heading.setToolTip(formats.exact_moment(entry.started))
        self._badge.show_status(badge_of(entry))
        self._fit()

    def show_damaged(self) -> None:
        """Whatever it was proven to be before, it cannot be read now."""
        self._badge.show_status(DAMAGED)
        self._fit()

    def fill_menu(self) -> None:
        """What there is no button for."""
        menu = self.more.menu()
        menu.clear()
        shown = {act for act, one in self.buttons.items() if not one.isHidden()}
        self._acts.add_to(menu, *(act for act in Act if act not in shown))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Rare acts give way first."""
        super().resizeEvent(event)
        self._fit()

    def set_page(self, *, is_alone: bool) -> None:
        """A page of its own has a way back."""
        self.back.setVisible(is_alone)
        self._fit()

    def _fit(self) -> None:
        layout = self.layout()
        if layout is not None:
            give_way(layout, self.width(), [self.buttons[act] for act in reversed(_BUTTONS)])

    def _button(self, act: Act) -> QPushButton:
        action = self._acts[act]
        made = button(action.text(), act.value, parent=self)
        made.setToolTip(action.toolTip())
        made.clicked.connect(action.trigger)
        action.enabledChanged.connect(made.setEnabled)
        made.setEnabled(action.isEnabled())
        return made
