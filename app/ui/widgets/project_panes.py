"""The list of Projects and its detail: below each other, or in a low window each a page of its own."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut, QShowEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from app.ui.theme import XL, M, S
from app.ui.widgets.basics import button, card, label, row, scrolled
from app.ui.widgets.project_detail import ProjectDetail
from app.ui.widgets.project_list import ProjectList

_SPLIT_FROM = 640
"""Height of the window in pixels, as tokens of the look have it."""


class ProjectPanes(QStackedWidget):
    """The list with the detail below it, or one of both."""

    def __init__(self, view: ProjectList, detail: ProjectDetail, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._view, self._detail = view, detail
        self.details = button(self.tr("Details"), size="small")
        self.details.clicked.connect(self.show_detail)
        self._footer = QFrame()
        self._footer.setProperty("role", "tablefooter")
        inside = row(None, self.details)
        inside.setContentsMargins(M, S - 1, M, S)
        self._footer.setLayout(inside)
        self._table = card()
        frame = _column(self._table, 0)
        frame.setContentsMargins(1, 1, 1, 1)
        frame.addWidget(view)
        frame.addWidget(self._footer)
        self.nothing = label(self.tr("No project has this in its name or its host."), "second", wrap=True)
        self._listing, self._list_area = _page(self)
        self._alone, self._detail_area = _page(self)
        for one in (self.nothing, self._table, detail):
            self._listing.addWidget(one)
        self._listing.setStretchFactor(detail, 1)
        self._listing.addStretch(0)
        self._is_split = True
        self._footer.hide()
        detail.back.clicked.connect(self.show_list)
        leave = QShortcut(QKeySequence(Qt.Key.Key_Escape), detail)
        leave.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        leave.activated.connect(self.show_list)

    @property
    def is_detail_alone(self) -> bool:
        """Whether the detail is the page that is in view."""
        return self.currentWidget() is self._detail_area

    def show_found(self, found: int) -> None:
        """Fit to as many rows as the list has; none is said in words."""
        self._view.fit_height(shows_all=not self._is_split)
        self._table.setVisible(found > 0)
        self._detail.setVisible(found > 0)
        self.nothing.setVisible(not found)
        if not found:
            self.show_list()
        self._arrange()

    def show_detail(self) -> bool:
        """Go to the detail where it is a page of its own; False where it is in view anyway."""
        if not self._is_split:
            self.setCurrentWidget(self._detail_area)
            self._detail.back.setFocus(Qt.FocusReason.OtherFocusReason)
        return not self._is_split

    def show_list(self) -> None:
        """Back from the detail."""
        if self.is_detail_alone:
            self.setCurrentWidget(self._list_area)
            self._view.setFocus(Qt.FocusReason.OtherFocusReason)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Look again whether there is room for both."""
        super().resizeEvent(event)
        self._arrange()

    def showEvent(self, event: QShowEvent) -> None:
        """Now it has the height that it is given."""
        super().showEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        if not self.isVisible() or (is_split := self._has_room()) == self._is_split:
            return
        self._is_split = is_split
        if is_split:
            self._listing.insertWidget(2, self._detail, 1)
            self.setCurrentWidget(self._list_area)
        else:
            self._alone.addWidget(self._detail)
        self._footer.setVisible(not is_split)
        self._detail.set_page(is_alone=not is_split)
        self._detail.setVisible(self._table.isVisibleTo(self))
        self._view.fit_height(shows_all=not is_split)

    def _has_room(self) -> bool:
        """What is wrong with a project does not count: going through the list must not change the layout."""
        needed = self._view.minimumHeight() + self._detail.least_height + M + XL
        return self.window().height() >= _SPLIT_FROM and self.height() >= needed


def _page(stack: QStackedWidget) -> tuple[QVBoxLayout, QScrollArea]:
    """A page that scrolls where even its least height is too much."""
    inside = QWidget()
    made = _column(inside, M)
    made.setContentsMargins(XL, 0, XL, XL)
    area = scrolled(inside)
    stack.addWidget(area)
    return made, area


def _column(parent: QWidget, spacing: int) -> QVBoxLayout:
    made = QVBoxLayout(parent)
    made.setSpacing(spacing)
    return made
