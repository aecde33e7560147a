"""The list of schedules on the left of their page: a delegate that paints four lines and a switch."""

from __future__ import annotations

from PySide6.QtCore import (
    QAbstractItemModel,
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import (
    QColor,
    QFontMetrics,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QFrame,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from app.ui import icons
from app.ui.models.schedules import ScheduleList, ScheduleRole, ScheduleRow
from app.ui.theme import RADIUS_CONTROL, Colours, colours, font
from app.ui.widgets.badge import paint_icon
from app.ui.widgets.switch import SWITCH_SIZE, paint_switch

Index = QModelIndex | QPersistentModelIndex

_SIDE, _TOP, _GAP = 14, 12, 4
_BADGE, _ICON = 22, 14


class ScheduleDelegate(QStyledItemDelegate):
    """Title with badge and switch, the sentence on as many lines as it needs, and how it stands."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """As high as its texts are at the view's width."""
        view = option.widget
        width = view.viewport().width() if isinstance(view, QListView) else option.rect.width()
        row: ScheduleRow = index.data(ScheduleRole.ROW)
        room = width - 2 * _SIDE
        metrics = QFontMetrics(option.font)
        height = _head_height() + _GAP + _height(metrics, row.sentence, room)
        return QSize(width, 2 * _TOP + height + 2 + _height(metrics, row.standing.text, room))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """One schedule."""
        row: ScheduleRow = index.data(ScheduleRole.ROW)
        of = colours()
        is_selected = bool(option.state & QStyle.StateFlag.State_Selected)
        is_mirrored = option.direction is Qt.LayoutDirection.RightToLeft
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if is_selected:
            painter.fillRect(option.rect, QColor(of.sel))
        elif option.state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(option.rect, QColor(of.alt))
        if index.row():
            painter.fillRect(option.rect.adjusted(0, 0, 0, 1 - option.rect.height()), QColor(of.border))
        inner = option.rect.adjusted(_SIDE, _TOP, -_SIDE, -_TOP)
        self._paint_head(painter, row, inner, of, is_mirrored)
        if row.is_on is not None:
            area = switch_area(option)
            paint_switch(painter, area, of, on=row.is_on, enabled=True, mirrored=is_mirrored)
        painter.setFont(option.font)
        metrics = QFontMetrics(option.font)
        text = inner.adjusted(0, _head_height() + _GAP, 0, 0)
        _draw(painter, text, row.sentence, of.text2)
        below = text.adjusted(0, _height(metrics, row.sentence, text.width()) + 2, 0, 0)
        role = row.standing.colour
        _draw(
            painter,
            below,
            row.standing.text,
            getattr(of, "text2" if role == "text3" and is_selected else role),
        )
        if option.state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(QPen(QColor(of.focus), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(option.rect).adjusted(2, 2, -2, -2), 6, 6)
        painter.restore()

    def editorEvent(
        self, event: QEvent, _model: QAbstractItemModel, _option: QStyleOptionViewItem, index: Index
    ) -> bool:
        """Space is the switch."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            return event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Select) and _switch(index)
        return False

    def _paint_head(
        self, painter: QPainter, row: ScheduleRow, inner: QRect, of: Colours, is_mirrored: bool
    ) -> None:
        status, word = row.standing.status, ""
        badge = 0
        if status is not None:
            word = row.standing.word or status.text
            badge = 6 + _ICON + 5 + QFontMetrics(font("badge")).horizontalAdvance(word) + 8
        pencil = 22 if row.is_edited else 0
        head = QRect(inner.topLeft(), QSize(inner.width() - SWITCH_SIZE.width() - 10, _head_height()))
        strong = font("strong")
        metrics = QFontMetrics(strong)
        room = head.width() - (badge + 8 if badge else 0) - pencil
        title = metrics.elidedText(row.title, Qt.TextElideMode.ElideRight, room)
        taken = metrics.horizontalAdvance(title)
        place = _Mirror(inner, is_mirrored)
        painter.setFont(strong)
        painter.setPen(QColor(of.text))
        area = place(QRect(head.left(), head.top(), taken + 2, head.height()))
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeading, title)
        left = head.left() + taken + 8
        top = head.top() + (head.height() - _BADGE) // 2
        if status is not None:
            area = place(QRect(left, top, badge, _BADGE))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(getattr(of, status.fill)))
            painter.drawRoundedRect(area, RADIUS_CONTROL, RADIUS_CONTROL)
            within = _Mirror(area, is_mirrored)
            mark = within(QRect(area.left() + 6, top + (_BADGE - _ICON) // 2, _ICON, _ICON))
            paint_icon(painter, status, QRectF(mark), of)
            painter.setFont(font("badge"))
            painter.setPen(QColor(getattr(of, status.colour)))
            words = within(area.adjusted(6 + _ICON + 5, 0, 0, 0))
            painter.drawText(words, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeading, word)
            left += badge + 8
        if row.is_edited:
            mark = place(QRect(left, head.top() + (head.height() - _ICON) // 2, _ICON, _ICON))
            icons.paint(painter, "pencil-simple", of.text2, QRectF(mark))


class ScheduleListView(QListView):
    """Shows a `ScheduleList`; `chosen` carries the id of the schedule that is in the editor from now on,
    `opened` the one that was clicked or confirmed with Enter."""

    chosen = Signal(str)
    opened = Signal(str)

    def __init__(self, model: ScheduleList, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows = model
        self._pressed = QModelIndex()
        self._height = 1
        self.setModel(model)
        self.setItemDelegate(ScheduleDelegate(self))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setMouseTracking(True)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName(self.tr("Schedules"))
        self.setStyleSheet("QListView { background: transparent; border-radius: 7px; }")
        self.selectionModel().currentChanged.connect(self._tell)
        self.clicked.connect(lambda index: self.opened.emit(self._id(index)))
        self.activated.connect(lambda index: self.opened.emit(self._id(index)))
        model.dataChanged.connect(lambda: self._fit())
        model.modelReset.connect(self._fit)

    def choose(self, identity: str) -> None:
        """Select the schedule with this id."""
        index = self._rows.index_of(identity)
        if index.isValid() and index != self.currentIndex():
            self.setCurrentIndex(index)

    def sizeHint(self) -> QSize:
        """As high as all rows."""
        return QSize(super().sizeHint().width(), self._height)

    def minimumSizeHint(self) -> QSize:
        """One row; the rest scrolls."""
        return QSize(super().minimumSizeHint().width(), min(self._height, 100))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """On a switch it is no choice of the row."""
        self._pressed = self._switch_at(event.position().toPoint())
        if not self._pressed.isValid():
            super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Switch where it was pressed."""
        if not self._pressed.isValid():
            super().mouseReleaseEvent(event)
        elif self._switch_at(event.position().toPoint()) == self._pressed:
            _switch(self._pressed)
        self._pressed = QModelIndex()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Texts wrap anew."""
        super().resizeEvent(event)
        if event.oldSize().width() != event.size().width():
            self._fit()

    def _switch_at(self, point: QPoint) -> QModelIndex:
        index = self.indexAt(point)
        option = QStyleOptionViewItem()
        self.initViewItemOption(option)
        option.rect = self.visualRect(index)
        return index if switch_area(option).contains(point) else QModelIndex()

    def _fit(self) -> None:
        """No higher than its rows: the card ends where they end."""
        self.scheduleDelayedItemsLayout()
        heights = (self.sizeHintForIndex(self._rows.index(n)).height() for n in range(self._rows.rowCount()))
        self._height = max(1, sum(heights))
        self.setMaximumHeight(self._height)
        self.updateGeometry()

    def _tell(self, current: QModelIndex) -> None:
        if current.isValid():
            self.chosen.emit(self._id(current))

    def _id(self, index: QModelIndex) -> str:
        row: ScheduleRow = index.data(ScheduleRole.ROW)
        return row.id


def switch_area(option: QStyleOptionViewItem) -> QRect:
    """Where a row's switch is."""
    inner = option.rect.adjusted(_SIDE, _TOP, -_SIDE, -_TOP)
    corner = QPoint(inner.right() + 1 - SWITCH_SIZE.width(), inner.top() + (_head_height() - 20) // 2)
    return _Mirror(inner, option.direction is Qt.LayoutDirection.RightToLeft)(QRect(corner, SWITCH_SIZE))


class _Mirror:
    """Turns areas round inside of another one for languages that run from right to left."""

    def __init__(self, inside: QRect, is_mirrored: bool) -> None:
        self._inside, self._is_mirrored = inside, is_mirrored

    def __call__(self, area: QRect) -> QRect:
        if not self._is_mirrored:
            return area
        left = self._inside.left() + self._inside.right() - area.right()
        return QRect(QPoint(left, area.top()), area.size())


def _switch(index: Index) -> bool:
    state = index.data(Qt.ItemDataRole.CheckStateRole)
    if state is None:
        return False
    is_on = Qt.CheckState(state) is Qt.CheckState.Checked
    new = Qt.CheckState.Unchecked if is_on else Qt.CheckState.Checked
    model = index.model()
    return bool(isinstance(model, ScheduleList) and model.setData(index, new, Qt.ItemDataRole.CheckStateRole))


def _head_height() -> int:
    return max(_BADGE, QFontMetrics(font("strong")).height())


def _height(metrics: QFontMetrics, text: str, width: int) -> int:
    return metrics.boundingRect(0, 0, width, 10_000, int(Qt.TextFlag.TextWordWrap), text).height()


def _draw(painter: QPainter, area: QRect, text: str, colour: str) -> None:
    painter.setPen(QColor(colour))
    painter.drawText(area, int(Qt.TextFlag.TextWordWrap) | int(Qt.AlignmentFlag.AlignLeading), text)
