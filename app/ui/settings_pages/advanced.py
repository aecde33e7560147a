"""Settings, Advanced: how hard Holdfast works, when it gives up, and where it writes down what it did."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QCoreApplication, QSize, QTimer, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QCheckBox, QDoubleSpinBox, QSpinBox, QWidget

from app.system.paths import log_folder
from app.ui.diagnostics_work import diagnostics, window_facts
from app.ui.settings_pages.page import Rows, SettingsPage
from app.ui.state import State
from app.ui.theme import S
from app.ui.widgets.basics import button, label, row
from app.ui.widgets.elided_label import ElidedLabel

_MOST_JOBS = 64
_MOST_MINUTES = 24 * 60
_FIELD = QSize(150, 30)
_SHOWN = 3000
"""Milliseconds for which the button says that it is done."""


class AdvancedPage(SettingsPage):
    """Numbers apply when the field is left, or Enter is pressed.

    Signals:
        folder_wanted: a folder, as a path, that is to be opened in the file manager.
    """

    folder_wanted = Signal(object)

    def __init__(self, state: State, parent: QWidget | None = None) -> None:
        super().__init__(QCoreApplication.translate("AdvancedPage", "Advanced"), parent=parent)
        self._state = state
        self.jobs = QSpinBox()
        self.jobs.setRange(0, _MOST_JOBS)
        self.jobs.setSpecialValueText(self.tr("Automatic"))
        self.stall = QDoubleSpinBox()
        self.stall.setDecimals(1)
        self.stall.setRange(0.1, _MOST_MINUTES)
        self.stall.setSuffix(self.tr(" min"))
        for field in (self.jobs, self.stall):
            field.setFixedSize(_FIELD)
            field.lineEdit().setTextMargins(S, 0, 0, 0)
            field.setKeyboardTracking(False)
        self.prove_weekly = QCheckBox(self.tr("Prove the newest every week"))
        self.prove_weekly.toggled.connect(
            lambda on: state.change_settings(lambda settings: replace(settings, prove_weekly=on))
        )
        self.jobs.valueChanged.connect(self._choose_jobs)
        self.stall.valueChanged.connect(self._choose_stall)
        self.logs = ElidedLabel(str(log_folder()))
        self.open_logs = button(self.tr("Open Folder"), "folder-open")
        self.open_logs.clicked.connect(lambda: self.folder_wanted.emit(log_folder()))
        rows = Rows()
        said = self.tr(
            "Workers of one backup or restore. Automatic takes what this computer and the server allow."
        )
        rows.add(self.tr("Parallel jobs"), self.jobs, label(said, "caption", wrap=True))
        said = self.tr("An operation without progress for this long is stopped and reported as stalled.")
        rows.add(self.tr("Stall limit"), self.stall, label(said, "caption", wrap=True))
        said = self.tr(
            "The newest backup of each project is restored and compared. "
            "Files of all backups are compared with their checksums every month in any case."
        )
        rows.add(self.tr("Old backups"), self.prove_weekly, label(said, "caption", wrap=True))
        logs = row(self.logs, self.open_logs, spacing=S)
        logs.setStretch(0, 1)
        said = self.tr("What Holdfast did, and a file for each operation. Passwords are never logged.")
        rows.add(self.tr("Logs"), logs, label(said, "caption", wrap=True), buddy=self.open_logs)
        self.copy = button(self.tr("Copy Diagnostics"), "copy")
        self.copy.clicked.connect(self._collect)
        said = self.tr(
            "Versions, tools, settings and the last lines of the log, without secrets and names. "
            "It is only put into the clipboard: read it before you send it."
        )
        rows.add(self.tr("Diagnostics"), self.copy, label(said, "caption", wrap=True))
        self.body.addLayout(rows)
        self.body.addStretch(1)
        state.settings_changed.connect(self._show)
        self._show()

    def _show(self) -> None:
        for field, value in (
            (self.jobs, self._state.settings.jobs or 0),
            (self.stall, self._state.settings.stall_seconds / 60),
        ):
            field.blockSignals(True)
            field.setValue(value)  # type: ignore[arg-type]
            field.blockSignals(False)
        self.prove_weekly.blockSignals(True)
        self.prove_weekly.setChecked(self._state.settings.prove_weekly)
        self.prove_weekly.blockSignals(False)

    def _choose_jobs(self, number: int) -> None:
        self._state.change_settings(lambda settings: replace(settings, jobs=number or None))

    def _choose_stall(self, minutes: float) -> None:
        self._state.change_settings(lambda settings: replace(settings, stall_seconds=round(minutes * 60, 1)))

    def _collect(self) -> None:
        facts = window_facts()
        self.copy.setEnabled(False)
        self.copy.setText(self.tr("Collecting…"))
        self._state.background.run(self, lambda: diagnostics(facts), self._take, self._fail)

    def _take(self, text: str) -> None:
        QGuiApplication.clipboard().setText(text)
        self.copy.setEnabled(True)
        self.copy.setText(self.tr("Copied"))
        QTimer.singleShot(_SHOWN, self.copy, self._offer)

    def _fail(self, error: Exception) -> None:
        self._offer()
        self._state.failed.emit(error, self.tr("The diagnostics were not collected"))

    def _offer(self) -> None:
        self.copy.setEnabled(True)
        self.copy.setText(self.tr("Copy Diagnostics"))
