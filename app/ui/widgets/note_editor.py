"""The note of a backup, to be read and changed."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QPlainTextEdit, QVBoxLayout, QWidget

from app.ui.theme import M, S
from app.ui.widgets.basics import button, label, row

_MOST = 4000


class NoteEditor(QWidget):
    """`saved` carries the new note; what is half written stays until it is saved or discarded."""

    saved = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._kept = ""
        self.text = QPlainTextEdit()
        self.text.setProperty("role", "field")
        self.text.setTabChangesFocus(True)
        self.text.setPlaceholderText(self.tr("What should be known of this backup"))
        self.text.setAccessibleName(self.tr("Note"))
        self.text.textChanged.connect(self._look)
        self.save = button(self.tr("Save Note"), size="small")
        self.save.clicked.connect(lambda: self.saved.emit(self.note))
        self.discard = button(self.tr("Discard Changes"), kind="flat", size="small")
        self.discard.clicked.connect(lambda: self.show_note(self._kept))
        self._hint = label("", "caption")
        shortcut = QShortcut(QKeySequence("Ctrl+Return"), self.text)
        shortcut.activated.connect(self.save.click)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(M + 4, M, M + 4, M)
        layout.setSpacing(S)
        layout.addWidget(self.text, 1)
        layout.addLayout(row(self._hint, None, self.discard, self.save))
        self._look()

    @property
    def note(self) -> str:
        """As it is now."""
        return self.text.toPlainText().strip()

    @property
    def is_changed(self) -> bool:
        """Whether something is not saved."""
        return self.note != self._kept

    def show_note(self, note: str) -> None:
        """Show this one, which is saved."""
        self._kept = note.strip()
        self.text.setPlainText(note)
        self._look()

    def _look(self) -> None:
        is_long = len(self.note) > _MOST
        self.save.setEnabled(self.is_changed and not is_long)
        self.discard.setVisible(self.is_changed)
        self._hint.setText(self.tr("The note is too long.") if is_long else "")
