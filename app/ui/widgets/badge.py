"""Status as icon, word and colour, the same in pages, tables and menus."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.domain.proof import ProofLevel
from app.ui import icons
from app.ui.theme import RADIUS_CONTROL, Colours, colours, font

_HEIGHT, _ICON, _LEFT, _RIGHT, _GAP = 22, 14, 6, 8, 5


@dataclass(frozen=True, slots=True)
class Status:
    """How a status looks; `QT_TRANSLATE_NOOP` marks its word.

    Attributes:
        word: in English; `text` gives it in the window's language.
        icon: its name; empty for the arc of what runs.
        colour: of icon and word, by name in `Colours`.
        fill: of a badge, likewise.
    """

    word: str
    icon: str
    colour: str
    fill: str

    @property
    def text(self) -> str:
        """The word in the window's language."""
        return QCoreApplication.translate("status", self.word)


def QT_TRANSLATE_NOOP(_context: str, text: str) -> str:
    """Mark a text for translation."""
    return text


PROVEN = Status(QT_TRANSLATE_NOOP("status", "Proven"), "shield-check-fill", "ok", "okbg")
COMPLETE = Status(QT_TRANSLATE_NOOP("status", "Complete"), "check-circle", "accent", "tint")
SEALED = Status(QT_TRANSLATE_NOOP("status", "Sealed"), "lock-simple", "neu", "neubg")
PROOF_FAILED = Status(QT_TRANSLATE_NOOP("status", "Proof failed"), "shield-warning-fill", "bad", "badbg")
GOOD = Status(QT_TRANSLATE_NOOP("status", "Good"), "check-circle-fill", "ok", "okbg")
FAILED = Status(QT_TRANSLATE_NOOP("status", "Failed"), "warning-octagon-fill", "bad", "badbg")
OVERDUE = Status(QT_TRANSLATE_NOOP("status", "Overdue"), "clock-fill", "warn", "warnbg")
WAITING = Status(QT_TRANSLATE_NOOP("status", "Waiting"), "hourglass-medium", "neu", "neubg")
PAUSED = Status(QT_TRANSLATE_NOOP("status", "Paused"), "pause-circle", "neu", "neubg")
CANCELLED = Status(QT_TRANSLATE_NOOP("status", "Cancelled"), "prohibit", "neu", "neubg")
INTERRUPTED = Status(QT_TRANSLATE_NOOP("status", "Interrupted"), "prohibit", "warn", "warnbg")
MISSED = Status(QT_TRANSLATE_NOOP("status", "Missed"), "minus-circle", "warn", "warnbg")
NO_BACKUP = Status(QT_TRANSLATE_NOOP("status", "No backup yet"), "circle", "neu", "neubg")
DAMAGED = Status(QT_TRANSLATE_NOOP("status", "Damaged"), "warning-octagon-fill", "bad", "badbg")
MISSING = Status(QT_TRANSLATE_NOOP("status", "Folder missing"), "folder", "warn", "warnbg")
RUNNING = Status(QT_TRANSLATE_NOOP("status", "Running"), "", "accent", "tint")

PROOF_STATUS = {
    ProofLevel.PROVEN: PROVEN,
    ProofLevel.COMPLETE: COMPLETE,
    ProofLevel.SEALED: SEALED,
}


def paint_icon(painter: QPainter, status: Status, area: QRectF, of: Colours) -> None:
    """The icon of a status, or the arc of what runs."""
    colour = getattr(of, status.colour)
    if status.icon:
        icons.paint(painter, status.icon, colour, area)
    else:
        paint_arc(painter, area, colour)


def paint_arc(painter: QPainter, area: QRectF, colour: str) -> None:
    """Three hundred degrees of a circle: something runs."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    pen = QPen(QColor(colour), 2)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    painter.setPen(pen)
    inner = area.adjusted(2, 2, -2, -2)
    painter.drawArc(inner, 120 * 16, 300 * 16)
    painter.restore()


class Badge(QWidget):
    """A pill with icon and word; `plain` has no fill, for tables."""

    def __init__(
        self, status: Status, text: str = "", *, plain: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._is_plain = plain
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._status, self._text = status, text
        self.show_status(status, text)

    def show_status(self, status: Status, text: str = "") -> None:
        """Show this status; `text` says more than its own word, “Overdue for 2 days”."""
        self._status, self._text = status, text or status.text
        self.setAccessibleName(self._text)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """As wide as its word."""
        metrics = QFontMetricsF(font("badge"))
        width = _LEFT + _ICON + _GAP + metrics.horizontalAdvance(self._text) + _RIGHT
        return QSize(int(width) + 1, max(_HEIGHT, int(metrics.height()) + 6))

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Fill, icon, word."""
        of = colours(self.palette())
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        if not self._is_plain:
            painter.setBrush(QColor(getattr(of, self._status.fill)))
            painter.drawRoundedRect(self.rect(), RADIUS_CONTROL, RADIUS_CONTROL)
        is_mirrored = self.layoutDirection() is Qt.LayoutDirection.RightToLeft
        x = self.width() - _LEFT - _ICON if is_mirrored else _LEFT
        top = (self.height() - _ICON) / 2
        paint_icon(painter, self._status, QRectF(QPointF(x, top), QPointF(x + _ICON, top + _ICON)), of)
        painter.setFont(font("badge"))
        painter.setPen(QColor(getattr(of, self._status.colour)))
        left, right = (_RIGHT, _LEFT + _ICON + _GAP) if is_mirrored else (_LEFT + _ICON + _GAP, _RIGHT)
        area = self.rect().adjusted(left, 0, -right + 2, 0)
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeading, self._text)
        painter.end()
