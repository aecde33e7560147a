"""The 30-day strip: each state has a shape of its own, a tool tip, and words for who cannot see it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from PySide6.QtCore import QAbstractTableModel, QEvent, QModelIndex, QPersistentModelIndex, QPoint, QRect, Qt
from PySide6.QtGui import QHelpEvent, QPainter, QPixmap
from PySide6.QtWidgets import QApplication, QTableView, QToolTip
from pytestqt.qtbot import QtBot

from app.domain.history import Entry, Result
from app.domain.proof import ProofLevel
from app.domain.strip import CellState, DayCell
from app.ui.theme import LIGHT
from app.ui.widgets.day_strip import (
    DayStripDelegate,
    cell_at,
    cell_words,
    paint_strip,
    strip_size,
    strip_words,
)
from tests.ui.conftest import Shoot

TODAY = date(2026, 11, 22)
START = datetime(2026, 11, 22, 2, 30, tzinfo=UTC)
Index = QModelIndex | QPersistentModelIndex
ROOT = QModelIndex()
CELLS_ROLE = Qt.ItemDataRole.UserRole
GOOD, FAILED, MISSED, NONE, RUNNING = CellState


def cells(*states: CellState) -> tuple[DayCell, ...]:
    """These at the end of 30 days; before them all is good."""
    whole = [GOOD] * (30 - len(states)) + list(states)
    return tuple(DayCell(TODAY - timedelta(days=29 - n), state) for n, state in enumerate(whole))


class Projects(QAbstractTableModel):
    """One column of strips."""

    rows = (
        cells(),
        cells(MISSED, *[GOOD] * 17, FAILED, FAILED, FAILED),
        cells(*[NONE, NONE, NONE, GOOD, FAILED, GOOD] * 4, RUNNING),
    )

    def rowCount(self, _parent: Index = ROOT) -> int:
        return len(self.rows)

    def columnCount(self, _parent: Index = ROOT) -> int:
        return 1

    def data(self, index: Index, role: int = 0) -> Sequence[DayCell] | str | None:
        if role == CELLS_ROLE:
            return self.rows[index.row()]
        return strip_words(self.rows[index.row()]) if role == Qt.ItemDataRole.AccessibleTextRole else None


def picture(*states: CellState, mirrored: bool = False) -> list[list[str]]:
    """The colours of a strip, column by column of its 20 rows, of its last cells."""
    size = strip_size()
    pixmap = QPixmap(size)
    pixmap.fill(LIGHT.base)
    painter = QPainter(pixmap)
    paint_strip(painter, QRect(QPoint(), size), cells(*states), LIGHT, mirrored=mirrored)
    painter.end()
    image = pixmap.toImage()
    return [
        [image.pixelColor(x, y).name().upper() for y in range(image.height())] for x in range(image.width())
    ]


def test_it_takes_238_by_20_pixels() -> None:
    assert (strip_size().width(), strip_size().height()) == (238, 20)


def test_each_state_has_its_own_shape(qapp: QApplication) -> None:
    columns = picture(GOOD, FAILED, MISSED, NONE, RUNNING)
    middles = [columns[238 - 6 - 8 * back + 3] for back in range(5)]
    running, none, missed, failed, good = middles
    assert good[1:19] == [LIGHT.oksolid] * 18
    assert failed[2:6] == failed[14:18] == [LIGHT.badsolid] * 4
    assert failed[8:12] == [LIGHT.base] * 4
    assert LIGHT.base not in (missed[0], missed[19])
    assert missed[4:16] == [LIGHT.base] * 12
    assert none[10] == LIGHT.dot
    assert none[:7] == none[13:] == [LIGHT.base] * 7
    assert running[4:9] == [LIGHT.base] * 5
    assert running[11:19] == [LIGHT.accent] * 8


def test_today_is_at_the_left_where_one_reads_from_the_right(qapp: QApplication) -> None:
    assert picture(FAILED, mirrored=True)[3][3] == LIGHT.badsolid
    assert picture(FAILED)[3][3] == LIGHT.oksolid
    area = QRect(QPoint(), strip_size())
    found = cell_at(QPoint(3, 10), area, cells(FAILED), mirrored=True)
    assert found is not None
    assert found.day == TODAY


def test_each_day_says_what_came_of_it() -> None:
    good = Entry("a", "Shop", START, Result.SUCCEEDED, proof_level=ProofLevel.PROVEN, bytes=77_500_000)
    failed = Entry("b", "Shop", START, Result.FAILED, error_title="The disk is full")
    doubtful = Entry("c", "Shop", START, Result.SUCCEEDED, proof_failure="orders differs")
    assert cell_words(DayCell(TODAY, GOOD, good, 1), UTC) == (
        "Sunday, November 22, 2026: good\n02:30, Proven, 77.5 MB"
    )
    assert cell_words(DayCell(TODAY, FAILED, failed, 5), UTC).endswith(
        "failed\n02:30, The disk is full\n5 runs"
    )
    assert cell_words(DayCell(TODAY, FAILED, doubtful, 1), UTC).endswith("02:30, orders differs")
    assert cell_words(DayCell(TODAY, MISSED, missed_slot=START), UTC).endswith("missed\nno backup at 02:30")
    assert cell_words(DayCell(TODAY, NONE), UTC).endswith("nothing was scheduled")


def test_a_screen_reader_hears_the_sum() -> None:
    assert strip_words(cells(FAILED, FAILED, FAILED)) == "27 good, 3 failed"
    assert strip_words(cells(MISSED, RUNNING)) == "28 good, 1 missed, running today"
    assert strip_words(cells(*[NONE] * 30)) == "no backups in 30 days"


def test_a_table_shows_strips_with_a_tool_tip_for_each_day(qtbot: QtBot, shoot: Shoot) -> None:
    view = QTableView()
    qtbot.addWidget(view)
    model = Projects()
    view.setModel(model)
    delegate = DayStripDelegate(CELLS_ROLE, UTC, 12, view)
    view.setItemDelegate(delegate)
    view.horizontalHeader().hide()
    view.verticalHeader().hide()
    view.setShowGrid(False)
    view.verticalHeader().setDefaultSectionSize(60)
    view.resizeColumnToContents(0)
    view.resize(264, 182)
    view.setCurrentIndex(model.index(1, 0))
    view.show()
    assert view.columnWidth(0) >= 262
    shoot(view, "day-strip")
    where = view.visualRect(model.index(1, 0))
    today = QPoint(where.left() + 12 + 235, where.center().y())
    event = QHelpEvent(QEvent.Type.ToolTip, today, view.viewport().mapToGlobal(today))
    QApplication.sendEvent(view.viewport(), event)
    qtbot.waitUntil(lambda: QToolTip.text().startswith("Sunday, November 22, 2026: failed"))
    QToolTip.hideText()
