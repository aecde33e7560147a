"""One cell for each backup, oldest first: what is kept is full, what would be removed hollow and hatched."""

from __future__ import annotations

from datetime import datetime, tzinfo

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QHelpEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.domain.retention import Verdict
from app.ui import formats
from app.ui.schedule_words import removal
from app.ui.theme import Colours, colours

_CELL, _GAP, _ROW_GAP = QSize(9, 20), 2, 4
_MOST_ROWS = 3
_RADIUS = 2


class RetentionCells(QWidget):
    """As many rows as it takes, at most three: then the oldest are left out."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._verdicts: tuple[Verdict, ...] = ()
        self._now: datetime | None = None
        self._zone: tzinfo | None = None
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setSizePolicy(policy)

    def show_verdicts(self, verdicts: tuple[Verdict, ...], now: datetime, zone: tzinfo) -> None:
        """Show these, newest first as the plan has them."""
        self._verdicts, self._now, self._zone = tuple(reversed(verdicts)), now, zone
        removed = sum(one.removed_by is not None for one in verdicts)
        text = self.tr("keeps %1, removes %2").replace("%1", formats.count(len(verdicts) - removed))
        self.setAccessibleName(text.replace("%2", formats.count(removed)))
        self._fit()
        self.update()

    def sizeHint(self) -> QSize:
        """All rows of cells."""
        rows = self._rows()
        return QSize(200, rows * _CELL.height() + (rows - 1) * _ROW_GAP)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Cells flow anew."""
        super().resizeEvent(event)
        self._fit()

    def event(self, event: QEvent) -> bool:
        """Each cell has a tool tip of its own."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            found = self.verdict_at(event.pos())
            QToolTip.showText(event.globalPos(), self.words(found) if found else "", self)
            return True
        return super().event(event)

    def verdict_at(self, point: QPoint) -> Verdict | None:
        """What the cell under a point stands for."""
        cells = zip(self._areas(), self._shown(), strict=True)
        return next((one for area, one in cells if area.contains(QPointF(point))), None)

    def words(self, verdict: Verdict) -> str:
        """“Sat 21 Nov 02:30, 77 MB, removed: no rule keeps it”."""
        backup = verdict.backup
        now = self._now or backup.started
        said = f"{formats.moment(backup.started, now, self._zone)}, {formats.size(backup.bytes)}"
        if verdict.removed_by is None:
            kept = self.tr("kept")  # lupdate does not look into f-strings
            return f"{said}, {kept}"
        text = self.tr("%1, removed: %2").replace("%1", said)
        return text.replace("%2", removal(verdict.removed_by))

    def paintEvent(self, _event: QPaintEvent) -> None:
        """The cells."""
        of = colours(self.palette())
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for area, verdict in zip(self._areas(), self._shown(), strict=True):
            paint_cell(painter, area, of, removed=verdict.removed_by is not None)
        painter.end()

    def _per_row(self) -> int:
        return max(1, (self.width() + _GAP) // (_CELL.width() + _GAP))

    def _rows(self) -> int:
        return min(_MOST_ROWS, max(1, -(-len(self._verdicts) // self._per_row())))

    def _shown(self) -> tuple[Verdict, ...]:
        return self._verdicts[-self._per_row() * _MOST_ROWS :]

    def _areas(self) -> list[QRectF]:
        areas, is_mirrored = [], self.layoutDirection() is Qt.LayoutDirection.RightToLeft
        for number in range(len(self._shown())):
            line, place = divmod(number, self._per_row())
            left = place * (_CELL.width() + _GAP)
            if is_mirrored:
                left = self.width() - _CELL.width() - left
            areas.append(QRectF(QPoint(left, line * (_CELL.height() + _ROW_GAP)), _CELL))
        return areas

    def _fit(self) -> None:
        height = self.sizeHint().height()
        if self.height() != height:
            self.setFixedHeight(height)


def paint_cell(painter: QPainter, area: QRectF, of: Colours, *, removed: bool) -> None:
    """One cell, for the strip and its legend."""
    painter.setPen(Qt.PenStyle.NoPen)
    if not removed:
        painter.setBrush(QColor(of.oksolid))
        painter.drawRoundedRect(area, _RADIUS, _RADIUS)
        return
    painter.setBrush(QBrush(QColor(of.dot), Qt.BrushStyle.BDiagPattern))
    painter.drawRoundedRect(area, _RADIUS, _RADIUS)
    painter.setPen(QPen(QColor(of.check), 1))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(area.adjusted(0.5, 0.5, -0.5, -0.5), _RADIUS, _RADIUS)
