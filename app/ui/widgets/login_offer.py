"""Says plainly that schedules need Holdfast to run, and offers to start it at login."""

from __future__ import annotations

from PySide6.QtCore import QSettings, Signal
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from app.ui.state import State
from app.ui.theme import M, S
from app.ui.widgets.basics import button, column, label, restyle, row
from app.ui.widgets.icon_label import IconLabel

_DISMISSED = "schedule/login_offer_dismissed"


class LoginOffer(QFrame):
    """A panel until the user has decided, then a quiet line.

    Signals:
        login_start_wanted: Holdfast is to start at login.
        settings_wanted: the settings are to be opened where that can be changed.
    """

    login_start_wanted = Signal()
    settings_wanted = Signal()

    def __init__(self, state: State, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self.setProperty("role", "panel")
        self.text = label("", "second", wrap=True)
        self.start = button(self.tr("Start at Login"), size="small")
        self.start.clicked.connect(self.login_start_wanted)
        self._not_now = button(self.tr("Not Now"), kind="flat", size="small")
        self._not_now.clicked.connect(self._dismiss)
        self._change = button(self.tr("Change…"), kind="link")
        self._change.clicked.connect(self.settings_wanted)
        words = column(
            self.text, row(self.start, self._not_now, None, spacing=4), row(self._change, None), spacing=S - 2
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(M, M, M, M)
        inner = row(column(2, IconLabel("info", "text3", 16), None, spacing=0), words, spacing=S)
        inner.setStretch(1, 1)
        layout.addLayout(inner)
        state.settings_changed.connect(self._show)
        self._show()

    def _show(self) -> None:
        starts = self._state.settings.start_at_login
        is_dismissed = QSettings().value(_DISMISSED, False, type=bool)
        if starts:
            text = self.tr("Schedules run while Holdfast runs. It starts at login, hidden.")
        elif is_dismissed:
            text = self.tr("Schedules run while Holdfast runs, or after “holdfast schedules install”.")
        else:
            text = self.tr(
                "Schedules run only while Holdfast runs. Let it start at login, hidden, "
                "or let the system start them with “holdfast schedules install”."
            )
        self.text.setText(text)
        is_offer = not starts and not is_dismissed
        self.start.setVisible(is_offer)
        self._not_now.setVisible(is_offer)
        self._change.setVisible(not is_offer)
        self.setProperty("tone", "info" if is_offer else "")
        restyle(self)

    def _dismiss(self) -> None:
        QSettings().setValue(_DISMISSED, True)
        self._show()
