"""The field that a connection string is pasted into; its password is shown as bullets at once."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QMimeData, QObject, Signal
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from app.ui.theme import S, mono
from app.ui.widgets.basics import button, column, label, restyle, row


class ConnectionString(QWidget):
    """What was taken apart is locked: its fields are changed, or another string is entered.

    Signals:
        given: the whole string, after it was pasted, or when the field is left or Enter pressed.
    """

    given = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = _Field()
        self.text.setPlaceholderText("postgresql://user:password@host:5432/database")
        self.text.setAccessibleName(self.tr("Connection string"))
        self.text.pasted.connect(self.give)
        self.text.installEventFilter(self)
        self._note = label("", "caption", wrap=True)
        self._another = button(self.tr("Enter Another"), kind="link")
        self._another.clicked.connect(self.start_over)
        self._then: Callable[[], object] | None = None
        below = row(self._note, self._another, spacing=S)
        below.setStretch(0, 1)
        layout = column(self.text, below, spacing=4)
        self.setLayout(layout)
        self.start_over()

    @property
    def is_unread(self) -> bool:
        """Something stands there that was not taken apart."""
        return bool(self._content) and not self.text.isReadOnly()

    def holds(self, text: str) -> bool:
        """Whether this is still what stands there."""
        return self._content == text

    def give(self, then: Callable[[], object] | None = None) -> None:
        """Hand the string on; `then` is done when it was taken."""
        if self.is_unread:
            self._then = then
            self.given.emit(self._content)

    def show_taken(self, text: str, *, hides: bool) -> Callable[[], object] | None:
        """It was taken apart: show it like this, lock it, and give what is to be done then.

        Args:
            text: without a password; empty where that could not be told from the rest.
            hides: there was a password in it.
        """
        self.text.setPlainText(text)
        self.text.setReadOnly(True)
        filled = self.tr("Filled in below.")
        without = self.tr("Filled in below. The password has been taken out of the text.")
        self._say(without if hides else filled)
        self._another.show()
        then, self._then = self._then, None
        return then

    def show_problem(self, text: str) -> None:
        """It cannot be taken apart."""
        self._then = None
        self._say(text, is_wrong=True)

    def start_over(self) -> None:
        """Another string is entered."""
        self.text.setReadOnly(False)
        self.text.clear()
        self._another.hide()
        self._say("")
        self.text.setFocus()

    def forget(self) -> None:
        """What stands there does not matter any more."""
        self.text.setReadOnly(True)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Whoever leaves the field has entered what was to be entered."""
        if watched is self.text and event.type() == QEvent.Type.FocusOut:
            self.give()
        return False

    @property
    def _content(self) -> str:
        return self.text.toPlainText().strip()

    def _say(self, text: str, *, is_wrong: bool = False) -> None:
        self._note.setText(text)
        self._note.setVisible(bool(text))
        self._note.setProperty("role", "error" if is_wrong else "caption")
        self.text.setProperty("invalid", is_wrong)
        for one in (self._note, self.text):
            restyle(one)


class _Field(QPlainTextEdit):
    """Tells of what is pasted and dropped; a string is one line, however many it was copied as."""

    pasted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "field")
        self.setFont(mono())
        self.setTabChangesFocus(True)
        self.setFixedHeight(2 * self.fontMetrics().lineSpacing() + 24)

    def insertFromMimeData(self, source: QMimeData) -> None:
        super().insertFromMimeData(source)
        self.pasted.emit()
