"""The icon in the tray: how everything stands at a glance, and the few acts that need no window."""

from __future__ import annotations

import os
from enum import StrEnum

from PySide6.QtCore import QObject, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QGuiApplication, QIcon
from PySide6.QtWidgets import QMenu, QSystemTrayIcon

from app.domain.health_line import HealthLine, Topic
from app.domain.operation import Operation, OperationKind
from app.domain.preferences import Appearance
from app.engine.operations import OperationState
from app.ui import icons
from app.ui.health_watch import HealthWatch
from app.ui.health_words import project_state, times
from app.ui.icons import icon
from app.ui.operation_signals import OperationSignals
from app.ui.state import State
from app.ui.widgets.pause_menu import fill_pause_menu

_SECOND = 1000
_PATIENCE = 30
_SIZES = (16, 22, 24, 32, 44, 48, 64)
_STATUS_ICONS = {
    "good": ("shield-check-fill", "ok"),
    "info": ("info", "text3"),
    "warn": ("warning-fill", "warn"),
    "bad": ("warning-octagon-fill", "bad"),
}


class TrayState(StrEnum):
    """What the icon shows; the names are those of its files."""

    GOOD = "good"
    RUNNING = "running"
    ATTENTION = "attention"
    FAILED = "failed"
    PAUSED = "paused"


class Tray(QObject):
    """The icon, its menu and its tool tip; hidden where there is no tray or the user wants none.

    Signals:
        open_wanted: the window is to come to the front.
        backup_wanted: the project that is to be backed up now.
        cancel_wanted: the operation's id.
        folder_wanted, settings_wanted, quit_wanted: as the menu says.
        message_clicked: the last message of `show_message` was clicked.
        shown_changed: `is_shown` is another one.
    """

    open_wanted = Signal()
    backup_wanted = Signal(str)
    cancel_wanted = Signal(str)
    folder_wanted = Signal()
    settings_wanted = Signal()
    quit_wanted = Signal()
    message_clicked = Signal()
    shown_changed = Signal()

    def __init__(
        self, state: State, operations: OperationSignals, watch: HealthWatch, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._state, self._operations, self._watch = state, operations, watch
        self.icon = QSystemTrayIcon(self)
        self.icon.activated.connect(self._activate)
        self.icon.messageClicked.connect(self.message_clicked)
        self.menu = QMenu()
        self.menu.aboutToShow.connect(self._fill)
        self._fill()  # a host that asks by D-Bus shows no menu that is empty
        self.icon.setContextMenu(self.menu)
        self._look = ""
        self._tries = 0
        self._timer = QTimer(self)
        self._timer.setInterval(_SECOND)
        self._timer.timeout.connect(self._try)
        watch.changed.connect(self._show)
        operations.changed.connect(self._show_icon)
        state.settings_changed.connect(self._try)
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._show_icon)

    def start(self) -> None:
        """Show the icon as soon as there is a tray; at login the panel may come up later than Holdfast."""
        self._show()
        self._tries = _PATIENCE
        self._try()

    def close(self) -> None:
        """Take the icon away."""
        self._timer.stop()
        self.icon.hide()

    @property
    def is_shown(self) -> bool:
        """Whether there is an icon by which a hidden window can be brought back."""
        return self.icon.isVisible()

    @property
    def state(self) -> TrayState:
        """What the icon shows."""
        runs = any(one.state is OperationState.RUNNING for one in self._operations.running())
        return tray_state(self._watch.line, self._watch.words.tone, runs=runs)

    def show_message(self, title: str, text: str) -> bool:
        """Show a message beside the icon; False where there is none."""
        if not self.is_shown or not QSystemTrayIcon.supportsMessages():
            return False
        self.icon.showMessage(title, text, self.icon.icon())
        return True

    def _try(self) -> None:
        was_shown = self.is_shown
        if not self._state.settings.tray:
            self._timer.stop()
            self.icon.hide()
        elif QSystemTrayIcon.isSystemTrayAvailable():
            self._timer.stop()
            self.icon.show()
        elif self._tries > 0:
            self._tries -= 1
            self._timer.start()
        else:
            self._timer.stop()
        if self.is_shown is not was_shown:
            self.shown_changed.emit()

    def _show(self) -> None:
        self._show_icon()
        said = times(self._watch.healths, self._state.now(), self._state.zone)
        text = self.tr("Holdfast – %1").replace("%1", said)
        words = self._watch.words
        self.icon.setToolTip(text if words.tone == "good" else f"{text}\n{words.status}")

    def _show_icon(self) -> None:
        look = f"{self.state.value}-{'dark' if _panel_is_dark() else 'light'}"
        if look != self._look:
            self._look = look
            self.icon.setIcon(tray_icon(look))

    def _activate(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason in (
            QSystemTrayIcon.ActivationReason.Trigger,
            QSystemTrayIcon.ActivationReason.DoubleClick,
        ):
            self.open_wanted.emit()

    def _fill(self) -> None:
        menu, words = self.menu, self._watch.words
        menu.clear()
        status = menu.addAction(icon(*_STATUS_ICONS[words.tone]), _plain(words.status))
        status.triggered.connect(self.open_wanted)
        said = times(self._watch.healths, self._state.now(), self._state.zone)
        menu.addAction(said[:1].upper() + said[1:]).setEnabled(False)
        menu.addSeparator()
        opens = self._add(menu, "", self.tr("Open Holdfast"))
        opens.triggered.connect(self.open_wanted)
        menu.setDefaultAction(opens)
        menu.addSeparator()
        self._fill_projects(menu.addMenu(icon("archive"), self.tr("Back Up Now")))
        for status_of in self._operations.running():
            cancel = self._add(menu, "x", _plain(self._cancel_words(status_of.operation)))
            cancel.setEnabled(not status_of.is_stopping)
            cancel.triggered.connect(lambda _=False, id_=status_of.operation.id: self.cancel_wanted.emit(id_))
        pause = menu.addMenu(icon("pause"), self.tr("Pause"))
        fill_pause_menu(pause, self._state)
        pause.setEnabled(bool(self._state.settings.schedules))
        menu.addSeparator()
        self._add(menu, "folder-open", self.tr("Open Backup Folder")).triggered.connect(self.folder_wanted)
        self._add(menu, "gear-six", self.tr("Settings…")).triggered.connect(self.settings_wanted)
        menu.addSeparator()
        self._add(menu, "", self.tr("Quit Holdfast")).triggered.connect(self.quit_wanted)

    def _fill_projects(self, menu: QMenu) -> None:
        menu.setEnabled(bool(self._watch.healths))
        for health in self._watch.healths:
            act = menu.addAction(f"{_plain(health.project)}\t{project_state(health)}")
            act.setEnabled(not health.is_running)
            act.triggered.connect(lambda _=False, name=health.project: self.backup_wanted.emit(name))

    def _add(self, menu: QMenu, icon_name: str, text: str) -> QAction:
        return menu.addAction(icon(icon_name), text) if icon_name else menu.addAction(text)

    def _cancel_words(self, operation: Operation) -> str:
        words = {
            OperationKind.BACKUP: self.tr("Cancel Backup of %1"),
            OperationKind.PROOF: self.tr("Cancel Proof of %1"),
            OperationKind.VERIFY: self.tr("Cancel Check of %1"),
            OperationKind.RESTORE: self.tr("Cancel Restore into %1"),
            OperationKind.COPY: self.tr("Close Copy of %1"),
            OperationKind.SAMPLE: self.tr("Cancel Trying With Sample Data"),
            OperationKind.EXPORT: self.tr("Cancel Export of %1"),
            OperationKind.DELETE: self.tr("Cancel Deleting a Backup of %1"),
            OperationKind.PRUNE: self.tr("Cancel Removing Old Backups of %1"),
        }
        return words[operation.kind].replace("%1", operation.project or operation.subject)


def tray_state(line: HealthLine, tone: str, *, runs: bool) -> TrayState:
    """What the icon shows of how everything stands.

    What runs comes first: it is over soon, and what is wrong is seen again then. The tool tip says both.
    """
    if runs:
        return TrayState.RUNNING
    if line.topic is Topic.PAUSED:
        return TrayState.PAUSED
    return {"bad": TrayState.FAILED, "warn": TrayState.ATTENTION}.get(tone, TrayState.GOOD)


def tray_icon(look: str) -> QIcon:
    """The icon of that look, “good-light”, in the sizes that panels ask for."""
    made = QIcon()
    for size in _SIZES:
        made.addPixmap(icons.pixmap(f"tray/{look}", "#000000", QSize(size, size)))
    return made


def _panel_is_dark() -> bool:
    """Whether the panel is dark, as far as can be told: GNOME's always is; others follow the system.

    Where the user chose an appearance for Holdfast alone, Qt tells of that one; what it told of the
    system before is a property of the application.
    """
    if "GNOME" in os.environ.get("XDG_CURRENT_DESKTOP", "").split(":"):
        return True
    app = QGuiApplication.instance()
    chosen = app.property("appearance") if app is not None else None
    scheme = QGuiApplication.styleHints().colorScheme()
    if app is not None and chosen in (Appearance.LIGHT.value, Appearance.DARK.value):
        scheme = app.property("systemScheme") or scheme
    return scheme is Qt.ColorScheme.Dark


def _plain(text: str) -> str:
    """A menu takes & for the sign of a shortcut."""
    return text.replace("&", "&&")
