"""Tabs with a line below the chosen one; a tab can carry a number in a pill."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFocusEvent, QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QTabBar, QWidget

from app.ui import formats
from app.ui.theme import colours, font

_GAP, _PILL_GAP, _PILL_PAD, _LINE = 20, 8, 7, 2


class CountedTabs(QTabBar):
    """A style sheet cannot set a number apart from a tab's words, so they are painted here."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._counts: dict[int, int] = {}
        self._has_ring = False
        self.setExpanding(False)
        self.setDrawBase(False)

    def set_count(self, tab: int, number: int | None) -> None:
        """Show a number beside a tab's words; None for none."""
        before = self._counts.get(tab)
        if number is None:
            self._counts.pop(tab, None)
        else:
            self._counts[tab] = number
        if before != number:
            self.setTabText(tab, self.tabText(tab) + " ")  # has the tabs laid out anew
            self.setTabText(tab, self.tabText(tab).rstrip())

    def tabSizeHint(self, index: int) -> QSize:
        """Words, number, and the gap to the next one."""
        words = QFontMetrics(font("label"))
        width = words.horizontalAdvance(self.tabText(index)) + 1 + _GAP
        if index in self._counts:
            width += _PILL_GAP + self._pill_width(index)
        return QSize(width, words.height() + 18)

    def minimumTabSizeHint(self, index: int) -> QSize:
        """They are never cut; where there is no room they scroll."""
        return self.tabSizeHint(index)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Whoever comes by keys sees where they are."""
        self._has_ring = event.reason() is not Qt.FocusReason.MouseFocusReason
        super().focusInEvent(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Each tab that is shown."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for tab in range(self.count()):
            if self.isTabVisible(tab):
                self._paint_tab(painter, tab)
        painter.end()

    def _paint_tab(self, painter: QPainter, tab: int) -> None:
        of, area = colours(), self.tabRect(tab)
        mirrored = self.layoutDirection() is Qt.LayoutDirection.RightToLeft
        area = area.adjusted(_GAP if mirrored else 0, 0, 0 if mirrored else -_GAP, 0)
        is_chosen = tab == self.currentIndex()
        painter.setFont(font("label"))
        painter.setPen(QColor(of.text if is_chosen else of.text2))
        painter.drawText(
            area, Qt.AlignmentFlag.AlignLeading | Qt.AlignmentFlag.AlignVCenter, self.tabText(tab)
        )
        if tab in self._counts:
            self._paint_pill(painter, tab, area, mirrored=mirrored)
        if is_chosen:
            line = QRectF(area.left(), area.bottom() + 1 - _LINE, area.width(), _LINE)
            painter.fillRect(line, QColor(of.accent))
            if self.hasFocus() and self._has_ring:
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.setPen(QPen(QColor(of.focus), 2))
                painter.drawRoundedRect(QRectF(area).adjusted(1, 5, -1, -6), 4, 4)

    def _paint_pill(self, painter: QPainter, tab: int, area: QRect, *, mirrored: bool) -> None:
        of = colours()
        width, height = self._pill_width(tab), QFontMetrics(font("caption")).height() + 3
        left = area.left() if mirrored else area.right() + 1 - width
        pill = QRectF(left, area.center().y() - height / 2 + 1, width, height)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(of.neubg))
        painter.drawRoundedRect(pill, height / 2, height / 2)
        painter.setPen(QColor(of.text2))
        painter.setFont(font("caption"))
        painter.drawText(pill, Qt.AlignmentFlag.AlignCenter, formats.count(self._counts[tab]))

    def _pill_width(self, tab: int) -> int:
        text = formats.count(self._counts[tab])
        return QFontMetrics(font("caption")).horizontalAdvance(text) + 2 * _PILL_PAD
