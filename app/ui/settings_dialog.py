"""The settings, in one dialog: what is changed applies at once, and there is one button, Close."""

from __future__ import annotations

from enum import StrEnum

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QButtonGroup,
    QDialog,
    QFrame,
    QHBoxLayout,
    QSizePolicy,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.ui.icons import icon
from app.ui.settings_pages.advanced import AdvancedPage
from app.ui.settings_pages.general import GeneralPage
from app.ui.settings_pages.notifications import NotificationsPage
from app.ui.settings_pages.reminders import RemindersPage
from app.ui.settings_pages.security import SecurityPage
from app.ui.settings_pages.tools import ToolsPage
from app.ui.state import State
from app.ui.theme import XL, M, S
from app.ui.widgets.basics import button, label, resize_in_letters, row

_SIZE = QSize(800, 592)
_LEAST = QSize(700, 420)
_RAIL = 172


class Page(StrEnum):
    """The pages, in their order."""

    GENERAL = "general"
    TOOLS = "tools"
    SECURITY = "security"
    NOTIFICATIONS = "notifications"
    REMINDERS = "reminders"
    ADVANCED = "advanced"


_ICONS = {
    Page.GENERAL: ("sliders", "sliders"),
    Page.TOOLS: ("wrench", "wrench-fill"),
    Page.SECURITY: ("key", "key-fill"),
    Page.NOTIFICATIONS: ("bell", "bell-fill"),
    Page.REMINDERS: ("megaphone-simple", "megaphone-simple-fill"),
    Page.ADVANCED: ("terminal", "terminal"),
}


class SettingsDialog(QDialog):
    """Pages beside their names; Esc closes, Ctrl+1…6 turn the pages.

    Args:
        state: whose settings are changed.
        has_tray: there is a tray on this desktop.

    Signals:
        test_wanted: a notification is to be shown now; `show_tested` takes what came of it.
        folder_wanted: a folder, as a path, that is to be opened in the file manager.
    """

    test_wanted = Signal()
    folder_wanted = Signal(object)

    def __init__(self, state: State, *, has_tray: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Settings"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumSize(_LEAST)
        resize_in_letters(self, _SIZE)
        self._state, self._has_tray = state, has_tray
        self._made: dict[Page, QWidget] = {}
        self._stack = QStackedWidget()
        upper = QHBoxLayout()
        upper.setSpacing(0)
        upper.addWidget(self._make_rail())
        upper.addWidget(self._stack, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(upper, 1)
        layout.addWidget(self._make_footer())
        self.open_page(Page.GENERAL)
        self.buttons[Page.GENERAL].setFocus()

    def open_page(self, page: Page) -> QWidget:
        """Turn to a page, and give it; it is made when it is first visited."""
        if page not in self._made:
            self._made[page] = self._make_page(page)
            self._stack.addWidget(self._made[page])
        self.buttons[page].setChecked(True)
        self._stack.setCurrentWidget(self._made[page])
        return self._made[page]

    def show_tested(self, shown: bool) -> None:
        """Say what came of the test that was wanted."""
        page = self._made.get(Page.NOTIFICATIONS)
        if isinstance(page, NotificationsPage):
            page.show_tested(shown)

    def _make_page(self, page: Page) -> QWidget:
        match page:
            case Page.GENERAL:
                return GeneralPage(self._state, has_tray=self._has_tray)
            case Page.TOOLS:
                return ToolsPage(self._state)
            case Page.SECURITY:
                return SecurityPage(self._state)
            case Page.NOTIFICATIONS:
                notifications = NotificationsPage(self._state)
                notifications.test_wanted.connect(self.test_wanted)
                return notifications
            case Page.REMINDERS:
                return RemindersPage(self._state)
            case Page.ADVANCED:
                advanced = AdvancedPage(self._state)
                advanced.folder_wanted.connect(self.folder_wanted)
                return advanced

    def _make_rail(self) -> QFrame:
        words = {
            Page.GENERAL: self.tr("General"),
            Page.TOOLS: self.tr("Tools"),
            Page.SECURITY: self.tr("Security"),
            Page.NOTIFICATIONS: self.tr("Notifications"),
            Page.REMINDERS: self.tr("Reminders"),
            Page.ADVANCED: self.tr("Advanced"),
        }
        rail = QFrame()
        rail.setObjectName("rail")
        rail.setMinimumWidth(_RAIL)
        rail.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        group = QButtonGroup(self)
        column = QVBoxLayout(rail)
        column.setContentsMargins(S, M, S, M)
        column.setSpacing(2)
        self.buttons: dict[Page, QToolButton] = {}
        for number, page in enumerate(Page, 1):
            made = QToolButton()
            made.setProperty("kind", "place")
            made.setText(f"  {words[page]}")
            made.setAccessibleName(words[page])
            made.setIcon(icon(_ICONS[page][0], "text2", _ICONS[page][1], "accent"))
            made.setIconSize(QSize(18, 18))
            made.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            made.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            made.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            made.setCheckable(True)
            made.setToolTip(f"{words[page]} (Ctrl+{number})")
            shortcut = QShortcut(QKeySequence(f"Ctrl+{number}"), self)
            shortcut.activated.connect(lambda page=page: self.open_page(page))
            made.clicked.connect(lambda _=False, page=page: self.open_page(page))
            group.addButton(made)
            column.addWidget(made)
            self.buttons[page] = made
        column.addStretch(1)
        return rail

    def _make_footer(self) -> QFrame:
        footer = QFrame()
        footer.setProperty("role", "footer")
        close = button(self.tr("Close"), kind="primary")
        close.clicked.connect(self.reject)
        line = row(label(self.tr("Changes apply at once."), "second"), None, close)
        line.setContentsMargins(XL, M, XL, M)
        footer.setLayout(line)
        return footer
