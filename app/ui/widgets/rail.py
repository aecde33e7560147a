"""The five places on the left, with the backup folder and the settings under them."""

from __future__ import annotations

from enum import StrEnum

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QButtonGroup, QFrame, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from app.ui import formats
from app.ui.icons import icon
from app.ui.theme import M, S
from app.ui.widgets.basics import button, column, icon_button, label, line, row
from app.ui.widgets.elided_label import ElidedLabel

_WIDE, _NARROW = 188, 56


class Place(StrEnum):
    """The five tabs, in their order."""

    PROJECTS = "projects"
    BACKUP = "backup"
    HISTORY = "history"
    SCHEDULE = "schedule"
    RESTORE = "restore"


_ICONS = {
    Place.PROJECTS: ("database", "database-fill"),
    Place.BACKUP: ("archive", "archive-fill"),
    Place.HISTORY: ("clock-counter-clockwise", "clock-counter-clockwise-fill"),
    Place.SCHEDULE: ("calendar-check", "calendar-check-fill"),
    Place.RESTORE: ("arrow-u-up-left", "arrow-u-up-left-fill"),
}


class Rail(QFrame):
    """Chooses the place; `chosen` carries a `Place`, the two other signals are what the foot asks for."""

    chosen = Signal(object)
    folder_wanted = Signal()
    settings_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("rail")
        self._group = QButtonGroup(self)
        self._buttons: dict[Place, QToolButton] = {}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(S, M, S, M)
        layout.setSpacing(2)
        for place in Place:
            made = self._place_button(*_ICONS[place])
            made.setCheckable(True)
            self._group.addButton(made)
            made.clicked.connect(lambda _=False, place=place: self.chosen.emit(place))
            self._buttons[place] = made
            layout.addWidget(made)
        layout.addStretch(1)
        self._folder = QWidget()
        self._path = ElidedLabel("", "caption")
        self._free = label("", "caption")
        self._folder_title = button("", "hard-drive", kind="flat", size="small")
        self._folder_title.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._folder_title.setStyleSheet("text-align: left; padding: 0 4px 0 11px;")
        self._folder_title.clicked.connect(self.folder_wanted)
        texts = column(self._path, self._free, spacing=2)
        inner = column(self._folder_title, row(39, texts, spacing=0), spacing=2)
        self._folder.setLayout(inner)
        layout.addWidget(self._folder)
        self._small_folder = icon_button("hard-drive", "", bare=True)
        self._small_folder.clicked.connect(self.folder_wanted)
        layout.addWidget(self._small_folder, alignment=Qt.AlignmentFlag.AlignHCenter)
        layout.addSpacing(S)
        layout.addWidget(line())
        layout.addSpacing(S)
        self._settings = self._place_button("gear-six", "gear-six")
        self._settings.clicked.connect(self.settings_wanted)
        layout.addWidget(self._settings)
        self.choose(Place.PROJECTS)
        self.set_narrow(False)
        self._retranslate()

    def choose(self, place: Place) -> None:
        """Mark a place as the one that is shown."""
        self._buttons[place].setChecked(True)

    @property
    def has_focus(self) -> bool:
        """Whether one of the places has the keyboard."""
        return any(one.hasFocus() for one in self._buttons.values())

    def focus(self, place: Place) -> None:
        """Give a place the keyboard."""
        self._buttons[place].setFocus(Qt.FocusReason.OtherFocusReason)

    def set_narrow(self, narrow: bool) -> None:
        """Icons alone, or icons with words."""
        self.setFixedWidth(_NARROW if narrow else _WIDE)
        style = (
            Qt.ToolButtonStyle.ToolButtonIconOnly if narrow else Qt.ToolButtonStyle.ToolButtonTextBesideIcon
        )
        for made in (*self._buttons.values(), self._settings):
            made.setToolButtonStyle(style)
        self._folder.setVisible(not narrow)
        self._small_folder.setVisible(narrow)

    def show_folder(self, path: str, free: int | None) -> None:
        """The destination and the bytes that are free there; None when it is not connected."""
        self._path.setText(path)
        text = (
            self.tr("not connected") if free is None else self.tr("%1 free").replace("%1", formats.size(free))
        )
        self._free.setText(text)
        self._small_folder.setToolTip(f"{path}\n{text}")

    def _place_button(self, icon_name: str, filled: str) -> QToolButton:
        made = QToolButton(self)
        made.setProperty("kind", "place")
        made.setIcon(icon(icon_name, "text2", filled, "accent"))
        made.setIconSize(QSize(18, 18))
        made.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return made

    def _retranslate(self) -> None:
        words = {
            Place.PROJECTS: self.tr("Projects"),
            Place.BACKUP: self.tr("Backup"),
            Place.HISTORY: self.tr("History"),
            Place.SCHEDULE: self.tr("Schedule"),
            Place.RESTORE: self.tr("Restore"),
        }
        for number, (place, made) in enumerate(self._buttons.items(), 1):
            made.setText(f"  {words[place]}")
            made.setShortcut(QKeySequence(f"Ctrl+{number}"))  # a new text takes the old one away
            made.setAccessibleName(words[place])
            made.setToolTip(f"{words[place]} (Ctrl+{number})")
        self._settings.setText("  " + self.tr("Settings…"))
        self._settings.setShortcut(QKeySequence("Ctrl+,"))
        self._settings.setToolTip(self.tr("Settings") + " (Ctrl+,)")
        self._folder_title.setText(self.tr("Backup folder"))
        self._folder_title.setToolTip(self.tr("Open Backup Folder"))
        self._small_folder.setAccessibleName(self.tr("Open Backup Folder"))
