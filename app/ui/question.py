"""Asks before something is lost or begun; each button names its act."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QCheckBox, QDialog, QVBoxLayout, QWidget

from app.ui.theme import XL, L, M, S
from app.ui.widgets.basics import breakable, button, column, fit_width, label, line, row
from app.ui.widgets.icon_label import IconLabel

Answer = tuple[str, str, Callable[[], object]]
"""A button's words, its kind (primary, danger or plain where it is empty), and what it does."""

_WIDTH = 480


class Question(QDialog):
    """A question with its answers; Esc is no answer, and does nothing.

    Args:
        title: the question in a few words.
        text: what would happen, plainly.
        answers: the best first; it is the default, unless it destroys something.
        remember: words of a check box that `is_remembered` tells of; none where it is empty.
    """

    def __init__(
        self,
        title: str,
        text: str,
        answers: Sequence[Answer],
        *,
        remember: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Holdfast"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._remember = QCheckBox(remember)
        self._remember.setVisible(bool(remember))
        words = column(
            label(breakable(title), "heading", wrap=True),
            label(breakable(text), "second", wrap=True),
            spacing=S,
        )
        words.addWidget(self._remember)
        destroys = any(kind == "danger" for _, kind, _ in answers)
        icon = IconLabel("warning-fill" if destroys else "info", "warn" if destroys else "accent", 28)
        upper = row(icon, words, spacing=L)
        upper.setStretch(1, 1)
        upper.setAlignment(icon, Qt.AlignmentFlag.AlignTop)
        upper.setContentsMargins(XL, XL, XL, L)
        cancel = button(self.tr("Cancel"))
        cancel.clicked.connect(self.reject)
        made = []
        for said, kind, act in answers:
            one = button(said, kind=kind)
            one.clicked.connect(self.accept)
            one.clicked.connect(lambda _=False, act=act: act())
            made.append(one)
        footer = row(None, cancel, *reversed(made), spacing=S)
        footer.setContentsMargins(XL, M, XL, M)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(upper)
        layout.addWidget(line())
        layout.addLayout(footer)
        default = cancel if answers[0][1] == "danger" else made[0]
        default.setDefault(True)
        default.setFocus()

    def showEvent(self, event: QShowEvent) -> None:
        """Long words on buttons make it wider."""
        fit_width(self, _WIDTH)
        super().showEvent(event)

    @property
    def is_remembered(self) -> bool:
        """Whether the check box is checked."""
        return self._remember.isChecked()
