"""Settings, Notifications: of what the desktop is told, and a trial."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QCoreApplication, Signal
from PySide6.QtWidgets import QCheckBox, QWidget

from app.ui.notices import Kind
from app.ui.settings_pages.page import Rows, SettingsPage
from app.ui.state import State
from app.ui.theme import S
from app.ui.widgets.basics import button, column, label, row
from app.ui.widgets.icon_label import IconLabel


class NotificationsPage(SettingsPage):
    """Which, and a test.

    Signals:
        test_wanted: a notification is to be shown now; `show_tested` is to be told what came of it.
    """

    test_wanted = Signal()

    def __init__(self, state: State, parent: QWidget | None = None) -> None:
        super().__init__(QCoreApplication.translate("NotificationsPage", "Notifications"), parent=parent)
        self._state = state
        words = {
            Kind.FAILED: self.tr("A backup failed"),
            Kind.OVERDUE: self.tr("A backup is overdue"),
            Kind.FOLDER_MISSING: self.tr("The backup folder is not connected"),
            Kind.PROOF_FAILED: self.tr("A proof failed"),
            Kind.SUCCEEDED: self.tr("A backup is done"),
        }
        self.boxes = {kind: QCheckBox(text) for kind, text in words.items()}
        for kind, made in self.boxes.items():
            made.toggled.connect(lambda on, kind=kind: self._choose(kind, on))
        self.test = button(self.tr("Send Test"), "bell")
        self.test.clicked.connect(self._send)
        self._icon = IconLabel("", "ok", 16)
        self.result = label("", "second", wrap=True)
        self._icon.hide()
        rows = Rows()
        note = self.tr(
            "Only while no window of Holdfast is in front. There is one for each project, which is taken "
            "back when all is well again."
        )
        boxes = column(*self.boxes.values(), spacing=S + 2)
        rows.add(self.tr("Tell me when"), boxes, label(note, "caption", wrap=True))
        tested = row(self.test, 4, self._icon, self.result, spacing=S)
        tested.setStretch(3, 1)
        rows.add(self.tr("Test"), tested)
        self.body.addLayout(rows)
        self.body.addStretch(1)
        state.settings_changed.connect(self._show)
        self._show()

    def show_tested(self, shown: bool) -> None:
        """Say what came of the test."""
        self.test.setEnabled(True)
        self._icon.show_icon("check-circle-fill" if shown else "warning-fill", "ok" if shown else "warn")
        self._icon.show()
        self.result.setText(
            self.tr("Sent. It should show now.")
            if shown
            else self.tr("This desktop has neither a notification service nor a tray.")
        )

    def _send(self) -> None:
        self.test.setEnabled(False)
        self.result.setText("")
        self._icon.hide()
        self.test_wanted.emit()

    def _show(self) -> None:
        for kind, made in self.boxes.items():
            made.blockSignals(True)
            made.setChecked(getattr(self._state.settings.notifications, kind.value))
            made.blockSignals(False)

    def _choose(self, kind: Kind, on: bool) -> None:
        changed = replace(self._state.settings.notifications, **{kind.value: on})
        self._state.change_settings(lambda settings: replace(settings, notifications=changed))
