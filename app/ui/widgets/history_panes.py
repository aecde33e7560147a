"""The parts of History and when each is in view: list and detail, one of both, or words instead."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QPushButton, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from app.ui.history_acts import HistoryActs
from app.ui.models.history_model import HistoryModel
from app.ui.state import State
from app.ui.theme import M, S
from app.ui.widgets.basics import button
from app.ui.widgets.empty_state import EmptyState
from app.ui.widgets.history_detail import HistoryDetail
from app.ui.widgets.history_filters import HistoryFilters
from app.ui.widgets.history_table import HistoryTable

_SPLIT_FROM = 640
_LEAST_LIST, _LEAST_DETAIL = 150, 190


class HistoryPanes(QStackedWidget):
    """Everything is made below its parent: a style sheet reads a finished tree anew each time it moves.

    Signals:
        back_up_wanted: there is nothing yet, and the first backup is to be made.
        again_wanted: the catalog could not be read, and is to be asked again.
    """

    back_up_wanted = Signal()
    again_wanted = Signal()

    def __init__(self, state: State, model: HistoryModel, acts: HistoryActs, parent: QWidget) -> None:
        super().__init__(parent)
        self._model = model
        self._listing = QWidget(self)
        self.addWidget(self._listing)
        listing = _column(self._listing, S)
        self.filters = HistoryFilters(self._listing)
        self._splitter = QSplitter(Qt.Orientation.Vertical, self._listing)
        self._splitter.setChildrenCollapsible(False)
        self._splitter.setHandleWidth(M)
        listing.addWidget(self.filters)
        listing.addWidget(self._splitter, 1)
        self._results = QStackedWidget(self._splitter)
        self._results.setMinimumHeight(_LEAST_LIST)
        self._frame = QFrame(self._results)
        self._frame.setProperty("role", "card")
        self._results.addWidget(self._frame)
        self.table = HistoryTable(model, self._frame)
        _column(self._frame, 0, margin=1).addWidget(self.table)
        self.detail = HistoryDetail(state, acts, self._splitter)
        self.detail.setMinimumHeight(_LEAST_DETAIL)
        self.detail.back_wanted.connect(self.show_list)
        self._splitter.setStretchFactor(0, 1)
        self._splitter.setStretchFactor(1, 0)
        self._alone = QWidget(self)
        _column(self._alone, 0)
        self.addWidget(self._alone)
        self._make_words()

    @property
    def is_detail_alone(self) -> bool:
        """Whether the detail is the page that is in view."""
        return self.currentWidget() is self._alone

    def show_rows(self, shown: int, everything: int) -> None:
        """Show the list, or why there is none.

        Args:
            shown: how many rows the filters let through.
            everything: how many there are.
        """
        self._results.setCurrentWidget(self._frame if shown else self.nothing)
        self.detail.setVisible(bool(shown) or self.is_detail_alone)
        if not everything:
            self.setCurrentWidget(self.empty)
        elif not self.is_detail_alone:
            self.setCurrentWidget(self._listing)

    def show_unreadable(self) -> None:
        """The catalog cannot be read."""
        self.setCurrentWidget(self.unreadable)

    def show_detail(self) -> None:
        """Where the detail is a page of its own, go to it."""
        if self.detail.parent() is self._alone and self.detail.entry is not None:
            self.setCurrentWidget(self._alone)
            self.detail.head.back.setFocus(Qt.FocusReason.OtherFocusReason)

    def show_list(self) -> None:
        """Back from the detail."""
        if self.is_detail_alone:
            self.setCurrentWidget(self._listing)
            self.table.setFocus(Qt.FocusReason.OtherFocusReason)

    def arrange(self) -> None:
        """List and detail below each other, unless the window is too low for both."""
        is_split = self.window().height() >= _SPLIT_FROM
        if is_split == (self.detail.parent() is self._splitter):
            return
        if is_split:
            self._splitter.addWidget(self.detail)
            self.detail.setVisible(self._model.rowCount() > 0)
            if self.is_detail_alone:
                self.setCurrentWidget(self._listing)
        else:
            layout = self._alone.layout()
            if layout is not None:
                layout.addWidget(self.detail)
            self.detail.show()
        self.detail.set_page(is_split=is_split)

    def _make_words(self) -> None:
        back_up = button(self.tr("Back Up Now"), "archive", kind="primary")
        back_up.clicked.connect(self.back_up_wanted)
        clear = button(self.tr("Clear Filters"))
        clear.clicked.connect(self.filters.clear)
        again = button(self.tr("Try Again"))
        again.clicked.connect(self.again_wanted)
        self.empty = _words(
            self,
            self.tr("No backups yet"),
            self.tr("Each backup that is made, or tried, is listed here with its proof and what changed."),
            back_up,
            "clock-counter-clockwise",
        )
        self.nothing = _words(
            self._results,
            self.tr("No backup matches"),
            self.tr("There are backups, but none that all filters let through."),
            clear,
            "magnifying-glass",
        )
        self.unreadable = _words(
            self,
            self.tr("The history cannot be read"),
            self.tr("Your backups in the folder are not touched by this."),
            again,
            "warning",
        )


def _words(stack: QStackedWidget, title: str, text: str, act: QPushButton, icon_name: str) -> EmptyState:
    made = EmptyState(title, text, (act,), icon_name=icon_name, parent=stack)
    stack.addWidget(made)
    return made


def _column(parent: QWidget, spacing: int, margin: int = 0) -> QVBoxLayout:
    made = QVBoxLayout(parent)
    made.setContentsMargins(margin, margin, margin, margin)
    made.setSpacing(spacing)
    return made
