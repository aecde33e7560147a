"""Settings, General: where backups go, how Holdfast starts and ends, how it looks."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from PySide6.QtCore import QCoreApplication, QLocale, QTimeZone
from PySide6.QtWidgets import QApplication, QButtonGroup, QCheckBox, QComboBox, QRadioButton, QWidget

from app.domain.preferences import Appearance, OnClose, Times
from app.engine.updates import release_source
from app.ui import appearance
from app.ui.login_start import choose_start_at_login
from app.ui.settings_pages.folder_field import FolderField
from app.ui.settings_pages.page import Rows, SettingsPage
from app.ui.settings_pages.update_field import UpdateField
from app.ui.state import State
from app.ui.theme import S
from app.ui.translations import LANGUAGES
from app.ui.widgets.basics import column, label, row
from app.ui.widgets.segmented import Segmented

_COMBO = 240
_BESIDE_BOX = 24


class GeneralPage(SettingsPage):
    """Everything applies at once; a folder only when it can be used.

    Args:
        state: whose settings are changed.
        has_tray: there is a tray on this desktop.
    """

    def __init__(self, state: State, *, has_tray: bool, parent: QWidget | None = None) -> None:
        super().__init__(QCoreApplication.translate("GeneralPage", "General"), parent=parent)
        self._state = state
        self.folder = FolderField(state)
        hidden, in_tray = self.tr("Start Holdfast, hidden"), self.tr("Start Holdfast, hidden in the tray")
        self.login = QCheckBox(in_tray if has_tray else hidden)
        self.login.toggled.connect(self._choose_login)
        self.tray = QCheckBox(self.tr("Show an icon that tells how backups stand"))
        self.tray.toggled.connect(lambda on: self._change(tray=on))
        runs, in_tray = self.tr("Keeps Holdfast running"), self.tr("Keeps Holdfast running in the tray")
        self.closing = {
            OnClose.TRAY: QRadioButton(in_tray if has_tray else runs),
            OnClose.QUIT: QRadioButton(self.tr("Quits Holdfast")),
            OnClose.ASK: QRadioButton(self.tr("Asks each time")),
        }
        group = QButtonGroup(self)
        for choice, made in self.closing.items():
            group.addButton(made)
            made.clicked.connect(lambda _=False, choice=choice: self._change(on_close=choice))
        self.appearance = Segmented(
            (
                (Appearance.SYSTEM, self.tr("Follow System")),
                (Appearance.LIGHT, self.tr("Light")),
                (Appearance.DARK, self.tr("Dark")),
            ),
            self.tr("Appearance"),
        )
        self.appearance.changed.connect(self._choose_appearance)
        self.language, self.times = self._make_language(), self._make_times()
        source = release_source()
        self.updates = None if source is None else UpdateField(state, source)
        self._language_note = label(self.tr("The language changes when Holdfast starts again."), "caption")
        self._language_note.hide()
        self._lay_out(has_tray=has_tray)
        state.settings_changed.connect(self._show)
        self._show()

    def _lay_out(self, *, has_tray: bool) -> None:
        rows = Rows()
        rows.add(self.tr("Backup folder"), self.folder, buddy=self.folder.field)
        said = self.tr("Schedules run while Holdfast runs, or after “holdfast schedules install”.")
        login = column(self.login, row(_BESIDE_BOX, label(said, "caption", wrap=True), spacing=0), spacing=3)
        rows.add(self.tr("At login"), login, buddy=self.login)
        if has_tray:
            rows.add(self.tr("Tray"), self.tray)
        rows.add(self.tr("Closing the window"), column(*self.closing.values(), spacing=S))
        rows.add_line()
        rows.add(self.tr("Appearance"), self.appearance)
        rows.add(self.tr("Language"), self.language, self._language_note)
        note = label(self.tr("UTC is in the tool tip of every time."), "caption")
        rows.add(self.tr("Times"), self.times, note)
        if self.updates is not None:
            rows.add_line()
            rows.add(self.tr("New versions"), self.updates, buddy=self.updates.wanted)
        self.body.addLayout(rows)
        self.body.addStretch(1)

    def _make_language(self) -> QComboBox:
        made = QComboBox()
        made.setMinimumWidth(_COMBO)
        system = LANGUAGES.get(QLocale.system().name().split("_")[0], LANGUAGES["en"])
        made.addItem(self.tr("Follow system (%1)").replace("%1", system), "")
        for code, name in LANGUAGES.items():
            made.addItem(name, code)
        made.activated.connect(self._choose_language)
        return made

    def _make_times(self) -> QComboBox:
        made = QComboBox()
        made.setMinimumWidth(_COMBO)
        zone = bytes(QTimeZone.systemTimeZoneId().data()).decode()
        made.addItem(self.tr("Local time, %1").replace("%1", zone), Times.LOCAL)
        made.addItem("UTC", Times.UTC)
        made.activated.connect(lambda: self._change(times=Times(made.currentData())))
        return made

    def _change(self, **new: object) -> bool:
        return self._state.change_settings(lambda settings: replace(settings, **new))  # type: ignore[arg-type]

    def _show(self) -> None:
        settings = self._state.settings
        self.folder.show_destination()
        for made, on in ((self.login, settings.start_at_login), (self.tray, settings.tray)):
            made.blockSignals(True)
            made.setChecked(on)
            made.blockSignals(False)
        self.closing[settings.on_close].setChecked(True)
        self.appearance.choose(settings.appearance)
        self.language.setCurrentIndex(max(0, self.language.findData(settings.language)))
        self.times.setCurrentIndex(self.times.findData(settings.times))

    def _choose_login(self, on: bool) -> None:
        self.login.setEnabled(False)

        def done() -> None:
            self.login.setEnabled(True)
            self._show()

        choose_start_at_login(self._state, self, on, done)

    def _choose_appearance(self, chosen: object) -> None:
        wanted = cast("Appearance", chosen)
        if wanted is not self._state.settings.appearance and self._change(appearance=wanted):
            appearance.set_appearance(cast("QApplication", QApplication.instance()), wanted)

    def _choose_language(self) -> None:
        self._language_note.show()
        self._change(language=self.language.currentData())
