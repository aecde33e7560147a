"""Settings, Reminders: who is told when nobody looks at this desktop, and how."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QWidget

from app.domain.reminders import Channel
from app.ui.reminder_words import channel_name
from app.ui.settings_pages.page import SettingsPage
from app.ui.state import State
from app.ui.widgets.basics import row
from app.ui.widgets.reminder_form import ReminderForm
from app.ui.widgets.segmented import Segmented


class RemindersPage(SettingsPage):
    """A form for each channel, one at a time; the first one that is set is shown first."""

    def __init__(self, state: State, parent: QWidget | None = None) -> None:
        super().__init__(QCoreApplication.translate("RemindersPage", "Reminders"), parent=parent)
        self._state = state
        self.channels = Segmented(
            tuple((channel, channel_name(channel)) for channel in Channel), self.tr("Way of telling")
        )
        self.forms = {channel: ReminderForm(state, channel) for channel in Channel}
        self.body.addLayout(row(self.channels, None))
        for form in self.forms.values():
            self.body.addWidget(form)
        self.body.addStretch(1)
        self.channels.changed.connect(self._turn)
        state.settings_changed.connect(self._mark_active)
        active = state.settings.reminders.active
        first = next(iter(active), Channel.EMAIL)
        self.channels.choose(first)
        self._turn(first)
        self._mark_active()

    def _turn(self, channel: object) -> None:
        for one, form in self.forms.items():
            form.setVisible(one is channel)

    def _mark_active(self) -> None:
        """A tick beside each that is on."""
        active = self._state.settings.reminders.active
        for channel in Channel:
            name = channel_name(channel)
            self.channels.set_text(channel, f"✓ {name}" if channel in active else name)
