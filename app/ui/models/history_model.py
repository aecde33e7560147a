"""The history as rows of a table, read page by page beside the window, so that 100,000 feel like ten."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import IntEnum
from functools import partial

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from app.domain.history import Entry
from app.persistence.catalog import Catalog
from app.persistence.history_query import HistoryFilter, Listed, Sort
from app.ui.background import Background
from app.ui.history_words import Cell, cell_of, proof_words, result_words, tool_tip_of

Index = QModelIndex | QPersistentModelIndex

_PAGE = 64
_PAGES_KEPT = 64
_TICK = timedelta(microseconds=1)


class Column(IntEnum):
    """The columns, in their order."""

    PIN = 0
    TIME = 1
    PROJECT = 2
    KIND = 3
    RESULT = 4
    PROOF = 5
    SIZE = 6
    DURATION = 7
    TREND = 8


SORTS = {
    Column.TIME: Sort.TIME,
    Column.PROJECT: Sort.PROJECT,
    Column.KIND: Sort.KIND,
    Column.RESULT: Sort.RESULT,
    Column.PROOF: Sort.PROOF,
    Column.SIZE: Sort.SIZE,
    Column.DURATION: Sort.DURATION,
}
"""The columns by which the catalog sorts."""

RIGHT = (Column.SIZE, Column.DURATION, Column.TREND)
"""The columns of numbers."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is shown, and in which order."""

    wanted: HistoryFilter = field(default_factory=HistoryFilter)
    sort: Sort = Sort.TIME
    descending: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """How many rows there are, those of some pages, and where the entry is that was looked for."""

    question: Question
    total: int
    pages: dict[int, tuple[Listed, ...]]
    place: int | None


class HistoryModel(QAbstractTableModel):
    """Knows how many rows there are, and reads those that are looked at.

    Args:
        now: the time, for “Today”.

    Signals:
        answered: the rows are those of another question, or of the same one asked anew; the place of the
            entry that was to be kept, or None.
        failed: the catalog cannot be read: the exception.
    """

    answered = Signal(object)
    failed = Signal(object)

    def __init__(
        self,
        catalog: Catalog,
        background: Background,
        now: Callable[[], datetime],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._catalog, self._background, self._now = catalog, background, now
        self._question = Question()
        self._asked = 0
        self._total = 0
        self._pages: OrderedDict[int, tuple[Listed, ...]] = OrderedDict()
        self._missed: list[int] = []
        self._is_reading = False

    @property
    def question(self) -> Question:
        """What the rows answer."""
        return self._question

    def ask(
        self, question: Question, keep: Entry | None = None, near: int = 0, *, at_once: bool = False
    ) -> None:
        """Show what answers this question; until it is there the rows stay as they are.

        Args:
            keep: an entry whose new place is to be told.
            near: the row where it is now.
            at_once: wait for it: a page that opens has its rows from the first moment on.
        """
        self._asked += 1
        work = partial(_answer, self._catalog, question, keep, near)
        if at_once:
            self._show(self._asked, work())
        else:
            self._background.run(self, work, partial(self._show, self._asked), self.failed.emit)

    def row_at(self, row: int) -> Listed | None:
        """The entry of a row; None while it is being read."""
        number, place = divmod(row, _PAGE)
        page = self._pages.get(number)
        if page is None:
            self._read(number)
            return None
        self._pages.move_to_end(number)
        return page[place] if place < len(page) else None

    def cell(self, row: int, column: int) -> Cell:
        """What is painted there."""
        listed = self.row_at(row)
        return Cell("") if listed is None else cell_of(listed, Column(column).name, self._now())

    def status_words(self) -> dict[Column, tuple[str, ...]]:
        """Every word of the columns that show a status, to measure how wide they must be."""
        return {Column.RESULT: result_words(), Column.PROOF: proof_words()}

    def redraw(self) -> None:
        """The day may be another one."""
        if self._total:
            self.dataChanged.emit(self.index(0, 0), self.index(self._total - 1, Column.TREND))

    def rowCount(self, parent: Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else self._total

    def columnCount(self, parent: Index = QModelIndex()) -> int:
        return len(Column)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if section in RIGHT else Qt.AlignmentFlag.AlignLeft
            return side | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.ToolTipRole and section == Column.TREND:
            return self.tr("Size against the project's backup before it")
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        titles = (
            "",
            self.tr("Time"),
            self.tr("Project"),
            self.tr("Kind"),
            self.tr("Result"),
            self.tr("Proof"),
            self.tr("Size"),
            self.tr("Duration"),
            self.tr("Trend"),
        )
        return titles[section]

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            cell = self.cell(index.row(), index.column())
            return cell.spoken if role == Qt.ItemDataRole.AccessibleTextRole else cell.text
        if role == Qt.ItemDataRole.ToolTipRole:
            listed = self.row_at(index.row())
            return None if listed is None else tool_tip_of(listed, Column(index.column()).name)
        return None

    def _show(self, asked: int, answer: Answer) -> None:
        if asked != self._asked:
            return
        self.beginResetModel()
        self._question, self._total = answer.question, answer.total
        self._pages = OrderedDict(answer.pages)
        self._missed = []
        self.endResetModel()
        self.answered.emit(answer.place)

    def _read(self, number: int) -> None:
        """Have a page read; of those that are missed the last is read first, and those gone by not at all."""
        if number in self._missed:
            return
        self._missed = [*self._missed[-2:], number]
        if not self._is_reading:
            self._read_next()

    def _read_next(self) -> None:
        self._is_reading = bool(self._missed)
        if self._missed:
            number, asked, question = self._missed[-1], self._asked, self._question
            work = partial(_page, self._catalog, question, number)
            self._background.run(self, work, partial(self._take, asked, number), self._give_up)

    def _take(self, asked: int, number: int, rows: tuple[Listed, ...]) -> None:
        if asked == self._asked and number in self._missed:
            self._missed.remove(number)
            self._pages[number] = rows
            while len(self._pages) > _PAGES_KEPT:
                self._pages.popitem(last=False)
            last = min(self._total, (number + 1) * _PAGE) - 1
            self.dataChanged.emit(self.index(number * _PAGE, 0), self.index(last, Column.TREND))
        self._read_next()

    def _give_up(self, error: Exception) -> None:
        self._missed, self._is_reading = [], False
        self.failed.emit(error)


def _answer(catalog: Catalog, question: Question, keep: Entry | None, near: int) -> Answer:
    pages = {0: _page(catalog, question, 0)}
    total = len(pages[0])
    if total == _PAGE:
        total = catalog.count(question.wanted)
    if keep is None:
        return Answer(question, total, pages, None)
    place = _place(pages, keep)
    if place is None:
        if question.sort is Sort.TIME:
            near = _rank(catalog, question, keep)
        for number in dict.fromkeys(max(0, near + step) // _PAGE for step in (0, -_PAGE // 2, _PAGE // 2)):
            if number not in pages and number * _PAGE < total:
                pages[number] = _page(catalog, question, number)
        place = _place(pages, keep)
    return Answer(question, total, pages, place)


def _place(pages: dict[int, tuple[Listed, ...]], keep: Entry) -> int | None:
    """The row of an entry, where it is in one of these pages."""
    key = (keep.id, keep.destination)
    found = (
        number * _PAGE + place
        for number, rows in pages.items()
        for place, one in enumerate(rows)
        if (one.entry.id, one.entry.destination) == key
    )
    return next(found, None)


def _page(catalog: Catalog, question: Question, number: int) -> tuple[Listed, ...]:
    return catalog.page(
        question.wanted,
        question.sort,
        descending=question.descending,
        offset=number * _PAGE,
        limit=_PAGE,
    )


def _rank(catalog: Catalog, question: Question, keep: Entry) -> int:
    """How many entries stand before it when they are sorted by time."""
    wanted = question.wanted
    if question.descending:
        later = max(filter(None, (wanted.since, keep.started + _TICK)))
        return catalog.count(replace(wanted, since=later))
    earlier = min(filter(None, (wanted.until, keep.started)))
    return catalog.count(replace(wanted, until=earlier))
