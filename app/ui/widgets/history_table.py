"""The table of History: a header to sort by, and rows that are painted whole."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QFontMetrics,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QHeaderView,
    QTableView,
    QWidget,
)

from app.ui import icons
from app.ui.history_words import Cell
from app.ui.models.history_model import RIGHT, SORTS, Column, HistoryModel
from app.ui.theme import L, S, colours, font
from app.ui.widgets.badge import Status

_ROW, _HEADER, _ICON, _GAP = 30, 28, 14, 6
_CARET = 12
_PICTURES = 64
_LEAST_NAME, _PIN = 110, 40


class HistoryTable(QTableView):
    """Signals: `sort_wanted`: a `Column`, by its header; `opened`: Enter, or a click, on the selected row."""

    sort_wanted = Signal(object)
    opened = Signal()

    def __init__(self, model: HistoryModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows = model
        self.by_keyboard = False
        self.hovered = -1
        self._widths: dict[Column, int] = {}
        self._look: object = None
        self._pictures: dict[object, QPixmap] = {}
        self.setModel(model)
        model.modelReset.connect(self._pictures.clear)
        model.dataChanged.connect(self._pictures.clear)
        self._painter = _Rows(self)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)  # scrolling moves what is there
        self.setHorizontalHeader(_Header(model, self))
        self.setAccessibleName(self.tr("Backups"))
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setMouseTracking(True)
        self.setTabKeyNavigation(False)
        self.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QTableView.SelectionMode.SingleSelection)
        self.setVerticalScrollMode(QTableView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        rows = self.verticalHeader()
        rows.hide()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setDefaultSectionSize(max(_ROW, self.fontMetrics().height() + 12))
        self.horizontalHeader().sectionClicked.connect(self._sort)
        self.clicked.connect(lambda _: self.opened.emit())
        self._fit_columns()

    @property
    def row(self) -> int:
        """The selected row; -1 for none."""
        return self.currentIndex().row()

    def select_row(self, row: int) -> None:
        """Select it without moving what is in view further than needed."""
        self.setCurrentIndex(self.rows.index(row, Column.TIME))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """With little room the kind goes first, then the trend: names of projects must be read."""
        super().resizeEvent(event)
        header = self.horizontalHeader()
        left = self.viewport().width() - sum(self._widths.values())
        for column in (Column.KIND, Column.TREND):
            is_hidden = left < _LEAST_NAME
            if header.isSectionHidden(column) != is_hidden:
                self.setColumnHidden(column, is_hidden)
            left += self._widths[column] if is_hidden else 0

    def paintEvent(self, event: QPaintEvent) -> None:
        """The rows that came into view."""
        painter = QPainter(self.viewport())
        painter.fillRect(event.rect(), QColor(colours(self.palette()).base))
        self._paint_rows(painter, event.rect())
        painter.end()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """The row under the mouse is tinted as a whole."""
        super().mouseMoveEvent(event)
        self._hover(self.rowAt(event.position().toPoint().y()))

    def leaveEvent(self, event: object) -> None:
        """No row is."""
        super().leaveEvent(event)  # type: ignore[arg-type]
        self._hover(-1)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Whoever uses the mouse needs no ring."""
        self.by_keyboard = False
        super().mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter opens; Home and End go to the first and the last row, other keys as in any table."""
        self.by_keyboard = True
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.row >= 0:
            self.opened.emit()
            return
        ends = {Qt.Key.Key_Home: 0, Qt.Key.Key_End: self.rows.rowCount() - 1}
        if event.key() in ends and self.row >= 0:
            self.select_row(ends[Qt.Key(event.key())])
            return
        super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """A row that the keyboard came to has a ring."""
        self.by_keyboard = event.reason() in (
            Qt.FocusReason.TabFocusReason,
            Qt.FocusReason.BacktabFocusReason,
            Qt.FocusReason.ShortcutFocusReason,
        )
        super().focusInEvent(event)
        self.viewport().update()

    def _paint_rows(self, painter: QPainter, area: QRect) -> None:
        header, height = self.horizontalHeader(), self.verticalHeader().defaultSectionSize()
        first, last = self.rowAt(area.top()), self.rowAt(area.bottom())
        if first < 0:
            return
        columns = sorted(
            (header.sectionViewportPosition(column), header.sectionSize(column), column)
            for column in Column
            if not header.isSectionHidden(column)
        )
        width, ratio = self.viewport().width(), self.devicePixelRatioF()
        places = [(column, QRect(left, 0, size, height)) for left, size, column in columns]
        look = (width, ratio, tuple(columns))
        if look != self._look:
            self._look = look
            self._pictures.clear()
        for row in range(first, (last if last >= 0 else self.rows.rowCount() - 1) + 1):
            state = (row, row == self.hovered, row == self.row, row == self.row and self.has_ring)
            picture = self._pictures.pop(state, None)
            if picture is None:
                picture = QPixmap(round(width * ratio), round(height * ratio))
                picture.setDevicePixelRatio(ratio)
                self._painter.paint(picture, row, places)
            painter.drawPixmap(0, self.rowViewportPosition(row), picture)
            if self.rows.row_at(row) is not None:
                self._pictures[state] = picture  # the newest is the last
        while len(self._pictures) > _PICTURES:
            del self._pictures[next(iter(self._pictures))]

    @property
    def has_ring(self) -> bool:
        """Whether the selected row has one: the keyboard came to it."""
        return self.by_keyboard and self.hasFocus()

    def changeEvent(self, event: QEvent) -> None:
        """Another appearance, font or language."""
        super().changeEvent(event)
        self._pictures.clear()

    def _hover(self, row: int) -> None:
        before, self.hovered = self.hovered, row
        for one in {before, row} - {-1} if row != before else ():
            height = self.verticalHeader().defaultSectionSize()
            self.viewport().update(0, self.rowViewportPosition(one), self.viewport().width(), height)

    def _sort(self, section: int) -> None:
        if Column(section) in SORTS:
            self.sort_wanted.emit(Column(section))

    def _fit_columns(self) -> None:
        """Each column has room for its longest word in this language; projects get the rest."""
        bold = QFontMetrics(font("label"))
        header = self.horizontalHeader()
        texts = {
            Column.TIME: ("Wed 28 Nov 23:00", "28 Nov 2026 23:00"),
            Column.KIND: (self.tr("Scheduled"), self.tr("Manual"), self.tr("Safety")),
            Column.SIZE: ("888.8 GB",),
            Column.DURATION: ("88:88:88",),
            Column.TREND: ("+88.8%",),
        }
        words = self.rows.status_words()
        for column in Column:
            if column is Column.PROJECT:
                header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
                continue
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            title = str(self.rows.headerData(column, Qt.Orientation.Horizontal))
            shown = (*texts.get(column, ()), *words.get(column, ()), title)
            width = max(map(bold.horizontalAdvance, shown)) + 2 * S + 2
            if column in words:
                width += _ICON + _GAP
            if column in (Column.SIZE, Column.DURATION):
                width += S
            width += L if column is Column.TREND else 0
            self._widths[column] = _PIN if column is Column.PIN else width
            header.resizeSection(column, self._widths[column])


class _Header(QHeaderView):
    """Titles with the arrow of the sorting beside the word, not at the far end of its column."""

    def __init__(self, model: HistoryModel, parent: QWidget) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._model = model
        self.setSectionsClickable(True)
        self.setHighlightSections(False)
        self.setMinimumSectionSize(24)
        self.setFixedHeight(max(_HEADER, self.fontMetrics().height() + 10))

    def paintSection(self, painter: QPainter, rect: QRect, logicalIndex: int) -> None:
        """Title, arrow, and the line below."""
        of = colours(self.palette())
        column = Column(logicalIndex)
        painter.save()
        painter.setFont(font("badge"))
        painter.setPen(QPen(QColor(of.border), 1))
        painter.drawLine(rect.bottomLeft(), rect.bottomRight())
        painter.setPen(QColor(of.text2))
        text = str(self._model.headerData(logicalIndex, Qt.Orientation.Horizontal))
        area = _inner(rect, column)
        is_right = column in RIGHT
        question = self._model.question
        if SORTS.get(column) is question.sort:
            width = QFontMetrics(font("badge")).horizontalAdvance(text)
            mirrored = self.layoutDirection() is Qt.LayoutDirection.RightToLeft
            from_left = is_right == mirrored
            left = area.left() + width + 4 if from_left else area.right() - width - 4 - _CARET
            name = "caret-down-bold" if question.descending else "caret-up-bold"
            middle = rect.center().y() - _CARET / 2 + 1
            icons.paint(painter, name, of.text2, QRectF(left, middle, _CARET, _CARET))
        painter.drawText(area, _side(column), text)
        painter.restore()


class _Rows:
    """Paints whole rows: a delegate that is asked for each cell takes several times as long."""

    def __init__(self, table: HistoryTable) -> None:
        self._table = table
        self._label, self._strong = font("label"), font("strong")

    def paint(self, picture: QPixmap, row: int, columns: Sequence[tuple[Column, QRect]]) -> None:
        """One row.

        Args:
            columns: those that are to be seen, with the row's part of each.
        """
        table = self._table
        of = colours(table.palette())
        whole = QRect(QPoint(0, 0), picture.deviceIndependentSize().toSize())
        is_selected = row == table.row
        painter = QPainter(picture)
        ground = of.sel if is_selected else of.alt if row == table.hovered else of.base
        painter.fillRect(whole, QColor(ground))
        painter.setPen(QPen(QColor(of.border), 1))
        painter.drawLine(whole.bottomLeft(), whole.bottomRight())
        if is_selected and table.has_ring:
            painter.setPen(QPen(QColor(of.focus), 2))
            painter.drawLine(whole.left(), whole.top() + 1, whole.right(), whole.top() + 1)
            painter.drawLine(whole.left(), whole.bottom(), whole.right(), whole.bottom())
        for column, rect in columns:
            cell, area = table.rows.cell(row, column), _inner(rect, column)
            if cell.icon:
                self._paint_icon(painter, cell.icon, of.text2, rect.center().x() - _ICON // 2, area)
            elif cell.status is not None:
                self._paint_status(painter, cell, cell.status, area)
            elif cell.text:
                colour = "text2" if is_selected and cell.colour == "text3" else cell.colour
                painter.setFont(self._strong if cell.is_strong else table.font())
                painter.setPen(QColor(getattr(of, colour)))
                painter.drawText(area, _side(column), _fitting(painter, cell.text, column, area))
        painter.end()

    def _paint_status(self, painter: QPainter, cell: Cell, status: Status, area: QRect) -> None:
        of = colours(self._table.palette())
        mirrored = self._table.layoutDirection() is Qt.LayoutDirection.RightToLeft
        left = area.right() - _ICON if mirrored else area.left()
        colour = getattr(of, status.colour)
        self._paint_icon(painter, status.icon, colour, left, area)
        painter.setFont(self._label)
        painter.setPen(QColor(colour))
        rest = _ICON + _GAP
        area = area.adjusted(0, 0, -rest, 0) if mirrored else area.adjusted(rest, 0, 0, 0)
        painter.drawText(area, Qt.AlignmentFlag.AlignLeading | Qt.AlignmentFlag.AlignVCenter, cell.text)

    def _paint_icon(self, painter: QPainter, name: str, colour: str, left: int, area: QRect) -> None:
        ratio = painter.device().devicePixelRatioF()
        made = icons.pixmap(name, colour, QSize(_ICON, _ICON), ratio)
        painter.drawPixmap(left, area.center().y() - _ICON // 2 + 1, made)


def _fitting(painter: QPainter, text: str, column: Column, area: QRect) -> str:
    """The columns are as wide as their longest word, but for the names of projects and of kinds."""
    if column not in (Column.PROJECT, Column.KIND):
        return text
    return painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, area.width())


def _inner(rect: QRect, column: Column) -> QRect:
    return rect.adjusted(0 if column is Column.TIME else S, 0, -L if column is Column.TREND else -S, 0)


def _side(column: Column) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignTrailing if column in RIGHT else Qt.AlignmentFlag.AlignLeading
    return side | Qt.AlignmentFlag.AlignVCenter
