"""The log of one operation, at the foot of the window, folded away until it is wanted."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QVBoxLayout, QWidget

from app.ui.theme import XL, M
from app.ui.widgets.basics import button, icon_button, label, row

_LINES = 2000


class LogDrawer(QFrame):
    """`folder_wanted` asks for the folder with all logs."""

    folder_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "footer")
        self._of = ""
        self._text = QPlainTextEdit()
        self._text.setProperty("role", "log")
        self._text.setReadOnly(True)
        self._text.setMaximumBlockCount(_LINES)
        self._text.setAccessibleName(self.tr("Log"))
        self._text.setFixedHeight(110)
        self._title = label("", "caption")
        fold = icon_button("caret-down", self.tr("Hide Log"), bare=True)
        fold.clicked.connect(self.hide)
        copy = button(self.tr("Copy"), "copy", kind="flat", size="small")
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self._text.toPlainText()))
        folder = button(self.tr("Open Log Folder"), "folder-open", kind="flat", size="small")
        folder.clicked.connect(self.folder_wanted)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(XL - 8, 8, XL - 8, M)
        layout.setSpacing(4)
        layout.addLayout(
            row(fold, label(self.tr("Log"), "strong"), self._title, None, copy, folder, spacing=4)
        )
        layout.addLayout(row(30, self._text, spacing=0))
        self.hide()

    def show_log(self, title: str, lines: Iterable[str]) -> None:
        """Open with this log."""
        self._title.setText(title)
        self._text.setPlainText("\n".join(lines))
        bar = self._text.verticalScrollBar()
        bar.setValue(bar.maximum())
        self.show()

    def add_line(self, line: str) -> None:
        """One more; the view stays at the end only where it was there."""
        self._text.appendPlainText(line)
