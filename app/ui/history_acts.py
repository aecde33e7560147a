"""What can be done with a backup of the history, the same for buttons, menus and keys."""

from __future__ import annotations

from enum import Enum

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu

from app.domain.history import Entry, Result
from app.ui.icons import icon


class Act(Enum):
    """In the order of the menu."""

    RESTORE = "arrow-u-up-left"
    PROVE = "shield-check"
    COPY = "eye"
    FOLDER = "folder-open"
    VERIFY = "check-circle"
    EXPORT = "export"
    PIN = "push-pin"
    NOTE = "note"
    DELETE = "trash"


_NEED_BACKUP = (Act.RESTORE, Act.PROVE, Act.COPY, Act.FOLDER, Act.VERIFY, Act.EXPORT, Act.PIN)
_NEED_REST = (Act.PROVE, Act.VERIFY, Act.EXPORT, Act.DELETE)


class HistoryActs(QObject):
    """One action each; `wanted` carries the `Act`.

    They are enabled where they make sense for the entry that is shown.
    """

    wanted = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._actions = {act: QAction(icon(act.value), "", self) for act in Act}
        words = {
            Act.RESTORE: self.tr("Restore…"),
            Act.PROVE: self.tr("Prove"),
            Act.COPY: self.tr("Open a Copy"),
            Act.FOLDER: self.tr("Open Folder"),
            Act.VERIFY: self.tr("Verify Checksums"),
            Act.EXPORT: self.tr("Export…"),
            Act.PIN: self.tr("Pin"),
            Act.NOTE: self.tr("Edit Note"),
            Act.DELETE: self.tr("Delete…"),
        }
        tips = {
            Act.RESTORE: self.tr("Choose what to restore, and where"),
            Act.PROVE: self.tr("Restore it into a throwaway server and compare everything"),
            Act.COPY: self.tr("Restore it into a throwaway server to look at, until you close it"),
            Act.VERIFY: self.tr("Read every file and hold it against its checksum"),
            Act.EXPORT: self.tr("Write it as one file"),
        }
        for act, action in self._actions.items():
            action.setText(words[act])
            action.setToolTip(tips.get(act, words[act].rstrip("…")))
            action.triggered.connect(lambda _=False, act=act: self.wanted.emit(act))
        self._actions[Act.DELETE].setShortcut(QKeySequence.StandardKey.Delete)
        self._actions[Act.DELETE].setShortcutVisibleInContextMenu(True)
        self.show_entry(None)

    def __getitem__(self, act: Act) -> QAction:
        return self._actions[act]

    def show_entry(self, entry: Entry | None, *, is_busy: bool = False) -> None:
        """Enable what can be done with this one.

        Args:
            is_busy: an operation works on it.
        """
        has_backup = entry is not None and entry.result is Result.SUCCEEDED and not entry.missing
        for act, action in self._actions.items():
            is_possible = has_backup if act in _NEED_BACKUP else entry is not None
            action.setEnabled(is_possible and not (is_busy and act in _NEED_REST))
        is_pinned = entry is not None and entry.pinned
        self._actions[Act.PIN].setText(self.tr("Unpin") if is_pinned else self.tr("Pin"))
        gone = entry is not None and not has_backup
        self._actions[Act.DELETE].setText(self.tr("Remove From History…") if gone else self.tr("Delete…"))

    def add_to(self, menu: QMenu, *acts: Act) -> None:
        """Put these into a menu, with lines between looking, keeping and deleting."""
        for act in acts:
            if act in (Act.PIN, Act.DELETE) and not menu.isEmpty():
                menu.addSeparator()
            menu.addAction(self._actions[act])
