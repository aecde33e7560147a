"""What runs, one row an operation: which table, how far, how fast, and a button that stops it."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent, QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from app.ui import formats
from app.ui.theme import XL, L, colours
from app.ui.widgets.basics import button, column, label, row
from app.ui.widgets.elided_label import ElidedLabel
from app.ui.widgets.icon_label import IconLabel

_HEIGHT = 51
_STEPS = 1000


@dataclass(frozen=True, slots=True)
class Row:
    """What a row says.

    Attributes:
        id: of the operation.
        title: “Backing up Shop”.
        detail: the table or the phase.
        figures: rows and bytes per second, time left.
        fraction: of the whole; None where it cannot be known.
        is_waiting: it has not begun.
    """

    id: str
    title: str
    detail: str = ""
    figures: str = ""
    fraction: float | None = None
    is_waiting: bool = False


class OperationStrip(QWidget):
    """Hidden while nothing runs; `cancelled` and `opened` carry an operation's id."""

    cancelled = Signal(str)
    opened = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: dict[str, _RowWidget] = {}
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(0)
        self.hide()

    def show_rows(self, rows: tuple[Row, ...]) -> None:
        """Make the strip show these, in this order."""
        for gone in self._rows.keys() - {one.id for one in rows}:
            widget = self._rows.pop(gone)
            self._layout.removeWidget(widget)
            widget.hide()
            widget.deleteLater()
        for number, one in enumerate(rows):
            if one.id not in self._rows:
                made = _RowWidget(one.id)
                made.cancelled.connect(self.cancelled)
                made.clicked.connect(self.opened)
                self._rows[one.id] = made
                self._layout.insertWidget(number, made)
            self._rows[one.id].show_row(one)
        self.setVisible(bool(rows))


class _RowWidget(QWidget):
    clicked = Signal(str)
    cancelled = Signal(str)

    def __init__(self, operation: str) -> None:
        super().__init__()
        self._operation = operation
        self.setFixedHeight(_HEIGHT)
        self._icon = IconLabel("", "accent", 18)
        self._title = label("", "strong")
        self._detail = ElidedLabel("", "second")
        self._figures = label("", "second")
        self._share = label("", "strong")
        self._share.setAlignment(Qt.AlignmentFlag.AlignRight)
        self._share.setMinimumWidth(self._share.fontMetrics().horizontalAdvance("100%"))
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._announced = -1
        self._cancel = button(self.tr("Cancel"), size="small")
        self._cancel.clicked.connect(lambda: self.cancelled.emit(operation))
        words = row(self._title, self._detail, self._figures, self._share, spacing=8)
        words.setStretch(1, 1)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(XL, 0, XL, 0)
        layout.setSpacing(L)
        layout.addWidget(self._icon)
        layout.addLayout(column(None, words, self._bar, None, spacing=5), 1)
        layout.addWidget(self._cancel)

    def show_row(self, shown: Row) -> None:
        self._title.setText(shown.title)
        self._detail.setText(shown.detail)
        self._figures.setText(shown.figures)
        self._icon.show_icon("hourglass-medium" if shown.is_waiting else "", "accent")
        if shown.fraction is None:
            self._share.setText("")
            self._bar.setRange(0, 1 if shown.is_waiting else 0)
        else:
            self._bar.setUpdatesEnabled(False)  # else it paints the window at once, whatever else is to be
            self._bar.setRange(0, _STEPS)
            self._bar.setValue(int(shown.fraction * _STEPS))
            self._bar.setUpdatesEnabled(True)
            self._share.setText(formats.share(shown.fraction))
            self._announce(shown)
        self._bar.setAccessibleName(shown.title)
        self._cancel.setAccessibleName(f"{self.tr('Cancel')}: {shown.title}")

    def mouseReleaseEvent(self, _event: object) -> None:
        """A click opens the log."""
        self.clicked.emit(self._operation)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Tint, and the line below."""
        of = colours(self.palette())
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(of.tint))
        painter.fillRect(0, self.height() - 1, self.width(), 1, QColor(of.border))
        painter.end()

    def _announce(self, shown: Row) -> None:
        """Screen readers hear each tenth."""
        tenth = int((shown.fraction or 0) * 10)
        if tenth > self._announced >= 0:
            text = f"{shown.title}: {tenth * 10}%"
            QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self, text))
        self._announced = tenth
