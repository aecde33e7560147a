"""The one place that shows a failure: what happened, what to do, a button that does it, and the details."""

from __future__ import annotations

import traceback
from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from app.domain.errors import AppError
from app.ui.error_words import in_language
from app.ui.option_words import in_window_words
from app.ui.theme import XL, L, M, S
from app.ui.widgets.basics import button, column, fit_width, label, line, row
from app.ui.widgets.icon_label import IconLabel

Remedy = tuple[str, Callable[[], object]]
"""The words of a button, and what it does."""

_WIDTH = 600


class ErrorDialog(QDialog):
    """Shows one failure; the default button is its remedy, Esc closes.

    Args:
        error: an `AppError`; anything else is a bug and is shown as one, with its traceback.
        title: what failed, in a few words; the error's own title where it is empty.
        remedies: buttons beside Close, the best first.
    """

    def __init__(
        self,
        error: BaseException,
        title: str = "",
        remedies: tuple[Remedy, ...] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Holdfast"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._details_text = details_of(error)
        heading, happened, hint = self._words(error, title)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        body = column(self._label(heading, "heading"), spacing=S)
        if happened:
            body.addWidget(self._label(happened, "second"))
        if hint:
            body.addSpacing(S)
            body.addWidget(label(self.tr("What to do"), "section"))
            body.addWidget(self._label(hint, ""))
        body.addSpacing(S)
        self._fold = button(self.tr("Details"), "caret-right", kind="flat", size="small")
        self._fold.clicked.connect(self._toggle_details)
        code = error.code.value if isinstance(error, AppError) else type(error).__name__
        body.addLayout(row(self._fold, label(code, "caption"), None, spacing=S))
        self._details = QPlainTextEdit(self._details_text)
        self._details.setProperty("role", "code")
        self._details.setReadOnly(True)
        self._details.setFixedHeight(150)
        self._details.setAccessibleName(self.tr("Details"))
        self._details.hide()
        body.addWidget(self._details)
        upper = QHBoxLayout()
        upper.setContentsMargins(XL, XL, XL, L)
        upper.setSpacing(M + 4)
        icon = IconLabel("warning-octagon-fill", "bad", 32)
        upper.addWidget(icon, alignment=Qt.AlignmentFlag.AlignTop)
        upper.addLayout(body, 1)
        layout.addLayout(upper)
        layout.addWidget(line())
        layout.addLayout(self._footer(remedies))

    def showEvent(self, event: QShowEvent) -> None:
        """Long words on buttons make it wider."""
        fit_width(self, _WIDTH)
        super().showEvent(event)

    def _words(self, error: BaseException, title: str) -> tuple[str, str, str]:
        if isinstance(error, AppError):
            shown = in_language(error)
            happened = [shown.title] if title else []
            happened += [shown.detail] if shown.detail else []
            return title or shown.title, "\n".join(happened), in_window_words(shown.hint)
        return (
            title or self.tr("An error in Holdfast itself"),
            f"{type(error).__name__}: {error}" if str(error) else type(error).__name__,
            self.tr("Copy the details and report them. Backups that are finished are not touched by this."),
        )

    def _label(self, text: str, role: str) -> QWidget:
        made = label(text, role, wrap=True)
        made.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        return made

    def _footer(self, remedies: tuple[Remedy, ...]) -> QHBoxLayout:
        copy = button(self.tr("Copy Details"), "copy")
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self._details_text))
        close = button(self.tr("Close"))
        close.clicked.connect(self.reject)
        made = []
        for number, (words, act) in enumerate(remedies):
            one = button(words, kind="primary" if number == 0 else "")
            one.clicked.connect(self.accept)
            one.clicked.connect(lambda _=False, act=act: act())
            made.append(one)
        footer = row(copy, None, *reversed(made[1:]), close, *made[:1], spacing=S)
        footer.setContentsMargins(XL, M, XL, M)
        default = made[0] if made else close
        default.setDefault(True)
        default.setFocus()
        shortcut = QShortcut(QKeySequence(QKeySequence.StandardKey.Copy), self)
        shortcut.activated.connect(copy.click)
        return footer

    def _toggle_details(self) -> None:
        self._details.setVisible(self._details.isHidden())
        fit_width(self, _WIDTH)


def details_of(error: BaseException) -> str:
    """Everything that is known of a failure, for the clipboard; without secrets, which errors never hold."""
    if isinstance(error, AppError):
        parts = [f"{error.code.value}: {error.title}", error.detail, error.hint]
        if error.__cause__ is not None:
            parts.append(f"{type(error.__cause__).__name__}: {error.__cause__}")
        return "\n".join(filter(None, parts))
    return "".join(traceback.format_exception(error))
