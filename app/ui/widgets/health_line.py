"""One sentence on how things stand, and the one act that would help."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.ui import icons
from app.ui.theme import XL, M, colours
from app.ui.widgets.basics import button, label
from app.ui.widgets.elided_label import ElidedLabel

_HEIGHT = 44
_TONES = {
    "good": ("shield-check-fill", "ok", "base"),
    "info": ("info", "text3", "base"),
    "warn": ("warning-fill", "warn", "warnbg"),
    "bad": ("warning-octagon-fill", "bad", "badbg"),
}


class HealthLine(QWidget):
    """Always on top; tinted only where something is wrong, so that colour means something."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tone = "info"
        self._act: Callable[[], object] = lambda: None
        self._sentence = ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        self._sentence.setMinimumHeight(_HEIGHT)
        self._link = button("", kind="link")
        self._link.clicked.connect(lambda: self._act())
        self._activity = label("", "second")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(XL, 0, XL, 1)
        layout.setSpacing(M)
        layout.addSpacing(26)  # for the icon; layouts do not turn their margins round
        layout.addWidget(self._sentence)
        layout.addWidget(self._link)
        layout.addStretch(1)
        layout.addWidget(self._activity)
        self.setMinimumHeight(_HEIGHT + 1)
        self._link.hide()
        self._sentence.setText(self.tr("Looking at your backups…"))

    def show_health(
        self, tone: str, sentence: str, action: str = "", act: Callable[[], object] = lambda: None
    ) -> None:
        """Say it.

        Args:
            tone: good, info, warn or bad.
            sentence: one, with its full stop.
            action: what the link beside it says; none where it is empty.
            act: is called when it is clicked.
        """
        self._tone, self._act = tone, act
        self._sentence.setText(sentence)
        self._link.setText(action)
        self._link.setVisible(bool(action))
        self.setAccessibleName(sentence)
        self.update()

    def show_activity(self, text: str) -> None:
        """What runs and waits, at the right end."""
        self._activity.setText(text)

    def sizeHint(self) -> QSize:
        """As high as the design has it."""
        return QSize(super().sizeHint().width(), _HEIGHT + 1)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Fill, icon and the line below."""
        of = colours(self.palette())
        name, colour, fill = _TONES[self._tone]
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(getattr(of, fill)))
        x = self.width() - XL - 18 if self.layoutDirection() is Qt.LayoutDirection.RightToLeft else XL
        icons.paint(painter, name, getattr(of, colour), QRectF(x, (self.height() - 18) / 2, 18, 18))
        painter.fillRect(0, self.height() - 1, self.width(), 1, QColor(of.border))
        painter.end()
