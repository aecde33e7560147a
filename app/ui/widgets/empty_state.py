"""What a page shows while there is nothing in it: a picture, one sentence, and what to do."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from app.system.paths import resource
from app.ui import icons
from app.ui.theme import XL, L, S, colours
from app.ui.widgets.basics import label, row

_WIDTH = 440


class EmptyState(QWidget):
    """In the middle of its page.

    Args:
        title: a few words.
        text: what this place is for, in a sentence or two.
        buttons: the first is the main one.
        caption: small, below the buttons.
        icon_name: in the circle; the app's mark where it is empty.
    """

    def __init__(
        self,
        title: str,
        text: str,
        buttons: tuple[QPushButton, ...] = (),
        caption: str = "",
        icon_name: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        centre = Qt.AlignmentFlag.AlignHCenter
        layout = QVBoxLayout(self)
        layout.setContentsMargins(XL, XL, XL, XL)
        layout.setSpacing(0)
        layout.addStretch(1)
        layout.addWidget(_Picture(icon_name), alignment=centre)
        layout.addSpacing(XL)
        self._title = label(title, "title")
        layout.addWidget(self._title, alignment=centre)
        layout.addSpacing(S - 2)
        layout.addLayout(_paragraph(text, "second"))
        if buttons:
            layout.addSpacing(L + 4)
            layout.addLayout(row(None, *buttons, None, spacing=8))
        if caption:
            layout.addSpacing(L)
            layout.addLayout(_paragraph(caption, "caption"))
        layout.addStretch(1)


def _paragraph(text: str, role: str) -> QHBoxLayout:
    made = label(text, role, wrap=True)
    made.setAlignment(Qt.AlignmentFlag.AlignHCenter)
    made.setMaximumWidth(_WIDTH)
    made.setMinimumWidth(_WIDTH)
    return row(None, made, None)


class _Picture(QWidget):
    """The mark, or an icon, in a tinted circle."""

    def __init__(self, icon_name: str) -> None:
        super().__init__()
        self._icon = icon_name
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """Larger for the mark than for an icon."""
        side = 96 if self._icon else 160
        return QSize(side, side)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Circle and picture."""
        of = colours(self.palette())
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(of.tint))
        painter.drawEllipse(self.rect())
        side = self.width()
        if self._icon:
            icons.paint(
                painter, self._icon, of.accent, QRectF(side * 0.3, side * 0.3, side * 0.4, side * 0.4)
            )
        else:
            text = (resource("icons") / "mark.svg").read_text(encoding="utf-8")
            text = text.replace("currentColor", of.accent).replace("stoneColor", of.mark)
            area = QRectF(side * 0.15, side * 0.15, side * 0.7, side * 0.7)
            QSvgRenderer(QByteArray(text.encode())).render(painter, area)
        painter.end()
