"""The History page: finding a backup, what can be done with it, and each of the page's states."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from PySide6.QtCore import QDate, Qt
from PySide6.QtTest import QSignalSpy
from PySide6.QtWidgets import QDateEdit, QFileDialog, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from app.domain.history import Result
from app.domain.remedy import Remedy
from app.persistence.history_query import Sort
from app.ui.history_acts import Act
from app.ui.models.history_model import Column
from app.ui.question import Question
from app.ui.state import State
from app.ui.tabs.history import HistoryPage
from app.ui.widgets.date_range import DateRangeDialog
from app.ui.widgets.detail_pages import Tab
from tests.ui.conftest import Shoot
from tests.ui.past_backups import NOW, History

_PATIENCE = 5000
_WIDE, _LOW = (912, 676), (744, 516)
"""What the page has of a window of 1100 × 720, and of one of 800 × 560."""

Open = Callable[..., HistoryPage]


@pytest.fixture
def history(state: State, monkeypatch: pytest.MonkeyPatch) -> History:
    monkeypatch.setattr(State, "now", lambda _: NOW)
    return History(state)


@pytest.fixture
def open_page(state: State, qtbot: QtBot) -> Open:
    def make(size: tuple[int, int] = _WIDE) -> HistoryPage:
        page = HistoryPage(state)
        page.setObjectName("page")
        qtbot.addWidget(page)
        page.resize(*size)
        page.show()
        if page.model.rowCount():
            qtbot.waitUntil(lambda: page.detail.detail is not None, timeout=_PATIENCE)
        return page

    return make


@pytest.fixture
def few(history: History) -> History:
    """Four, newest last in this list: an old one, a failure, one of another project, a new one."""
    history.backup(NOW - timedelta(days=60), size=900_000_000, note="Vor dem Ölwechsel")
    history.attempt(
        NOW - timedelta(days=2), Result.FAILED, error_code="disk-full", error_title="The disk is full"
    )
    history.backup(NOW - timedelta(days=1), "Blog", 70_000_000, kind="manual")
    history.backup(NOW - timedelta(hours=1))
    return history


def texts(page: HistoryPage, column: Column) -> list[str]:
    return [str(page.model.index(row, column).data()) for row in range(page.model.rowCount())]


def select(page: HistoryPage, qtbot: QtBot, row: int) -> None:
    page.table.select_row(row)
    qtbot.waitUntil(lambda: page.detail.detail is not None, timeout=_PATIENCE)


def answer(page: QWidget, words: str) -> None:
    dialog = page.findChild(Question)
    assert dialog is not None
    next(one for one in dialog.findChildren(QPushButton) if one.text() == words).click()


def press_button(page: QWidget) -> None:
    found = page.findChild(QPushButton)
    assert found is not None
    found.click()


def rows(page: HistoryPage, number: int) -> Callable[[], bool]:
    return lambda: page.model.rowCount() == number


def test_a_long_history_shows_the_newest_first_and_selects_it(
    history: History, open_page: Open, qtbot: QtBot, shoot: Shoot
) -> None:
    history.fill()
    page = open_page()
    assert page.table.row == 0
    assert page.detail.entry is not None
    assert page.detail.entry.project == "Blog"
    assert texts(page, Column.TIME)[:2] == ["Today 14:00", "Today 02:30"]
    assert texts(page, Column.TREND)[5] == "−38%"
    assert page.filters._shown.text() == "39 shown"
    select(page, qtbot, 1)
    shoot(page, "history")


def test_without_backups_there_is_a_button_that_makes_one(
    history: History, open_page: Open, qtbot: QtBot, shoot: Shoot
) -> None:
    page = open_page()
    assert page.panes.empty.isVisible()
    wanted = QSignalSpy(page.back_up_wanted)
    press_button(page.panes.empty)
    assert wanted.count() == 1
    shoot(page, "history-empty")
    history.backup(NOW)
    history.state.history_changed.emit()
    qtbot.waitUntil(page.table.isVisible, timeout=_PATIENCE)
    assert page.table.row == 0


def test_search_finds_words_of_notes_and_errors_a_moment_after_typing(
    few: History, open_page: Open, qtbot: QtBot
) -> None:
    page = open_page()
    page.focus_search()
    qtbot.keyClicks(page.filters.search, "wechsel VOR")
    assert page.model.rowCount() == 4
    qtbot.waitUntil(rows(page, 1), timeout=_PATIENCE)
    assert page.detail.entry is not None
    assert page.detail.entry.note == "Vor dem Ölwechsel"
    qtbot.keyClick(page.filters.search, Qt.Key.Key_Escape)
    qtbot.waitUntil(rows(page, 4), timeout=_PATIENCE)
    qtbot.keyClicks(page.filters.search, "disk-full")
    qtbot.waitUntil(lambda: texts(page, Column.RESULT) == ["Failed"], timeout=_PATIENCE)


def test_filters_that_let_nothing_through_say_so_and_can_be_cleared(
    few: History, open_page: Open, qtbot: QtBot, shoot: Shoot
) -> None:
    page = open_page()
    page.filters.project.setCurrentText("Blog")
    page.filters.result.setCurrentText("Failed")
    qtbot.waitUntil(page.panes.nothing.isVisible, timeout=_PATIENCE)
    assert page.filters._shown.text() == "0 shown"
    shoot(page, "history-nothing-matches")
    press_button(page.panes.nothing)
    qtbot.waitUntil(rows(page, 4), timeout=_PATIENCE)
    assert page.table.isVisible()
    assert not page.filters.is_active


def test_each_filter_narrows_what_is_shown(few: History, open_page: Open, qtbot: QtBot) -> None:
    page = open_page()
    for combo, words, number in (
        (page.filters.project, "Blog", 1),
        (page.filters.result, "Good", 3),
        (page.filters.proof, "No proof", 1),
        (page.filters.kind, "Manual", 1),
        (page.filters.dates, "Last 30 days", 3),
        (page.filters.dates, "Today", 1),
    ):
        combo.setCurrentText(words)
        qtbot.waitUntil(rows(page, number), timeout=_PATIENCE)
        page.filters.clear()
        qtbot.waitUntil(rows(page, 4), timeout=_PATIENCE)


def test_own_dates_need_a_last_day_that_is_not_before_the_first(
    few: History, open_page: Open, qtbot: QtBot, shoot: Shoot
) -> None:
    page = open_page()
    own = page.filters.dates.count() - 1
    page.filters.dates.setCurrentIndex(own)
    page.filters.dates.activated.emit(own)
    dialog = page.findChild(DateRangeDialog)
    assert dialog is not None
    first, last = dialog.findChildren(QDateEdit)
    day = (NOW - timedelta(days=60)).date()
    first.setDate(QDate(2026, 12, 24))
    assert not dialog._show.isEnabled()
    assert dialog._problem.text() == "The last day is before the first."
    shoot(dialog, "history-dates-wrong")
    first.setDate(QDate(day.year, day.month, day.day))
    last.setDate(QDate(day.year, day.month, day.day))
    dialog._show.click()
    qtbot.waitUntil(rows(page, 1), timeout=_PATIENCE)
    assert page.filters.dates.currentText().count("23 Sep") == 2


def test_cancelling_own_dates_goes_back_to_what_was_chosen(
    few: History, open_page: Open, qtbot: QtBot
) -> None:
    page = open_page()
    page.filters.dates.setCurrentText("Last 30 days")
    page.filters.dates.activated.emit(page.filters.dates.currentIndex())
    own = page.filters.dates.count() - 1
    page.filters.dates.setCurrentIndex(own)
    page.filters.dates.activated.emit(own)
    dialog = page.findChild(DateRangeDialog)
    assert dialog is not None
    dialog.reject()
    assert page.filters.dates.currentText() == "Last 30 days"
    qtbot.waitUntil(rows(page, 3), timeout=_PATIENCE)


def test_a_header_sorts_and_the_same_one_again_turns_it_round(
    few: History, open_page: Open, qtbot: QtBot
) -> None:
    page = open_page()
    kept = page.detail.entry
    header = page.table.horizontalHeader()
    for expected in (["1.1 GB", "900 MB", "70.0 MB", "–"], ["–", "70.0 MB", "900 MB", "1.1 GB"]):
        header.sectionClicked.emit(Column.SIZE)
        qtbot.waitUntil(lambda: texts(page, Column.SIZE) == expected, timeout=_PATIENCE)  # noqa: B023
    assert page.detail.entry == kept
    assert page.table.row == 3
    before = page.model.question
    for unsorted in (Column.TREND, Column.PIN):
        header.sectionClicked.emit(unsorted)
    assert page.model.question is before


def test_the_selected_backup_stays_selected_when_others_come(
    few: History, open_page: Open, qtbot: QtBot
) -> None:
    page = open_page()
    select(page, qtbot, 2)
    kept = page.detail.entry
    for number in range(150):
        few.attempt(NOW + timedelta(minutes=number), Result.FAILED)
    few.state.history_changed.emit()
    qtbot.waitUntil(rows(page, 154), timeout=_PATIENCE)
    assert page.table.row == 152
    assert page.detail.entry == kept


def test_after_a_deletion_the_next_one_is_selected(few: History, open_page: Open, qtbot: QtBot) -> None:
    page = open_page()
    select(page, qtbot, 1)
    gone = page.detail.entry
    assert gone is not None
    few.state.catalog.delete(gone)
    few.state.history_changed.emit()
    qtbot.waitUntil(rows(page, 3), timeout=_PATIENCE)
    assert page.table.row == 1
    assert texts(page, Column.RESULT)[1] == "Failed"


def test_buttons_ask_for_what_they_say(
    few: History, open_page: Open, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    page = open_page()
    entry = page.detail.entry
    assert entry is not None
    for act, signal in (
        (Act.RESTORE, page.restore_wanted),
        (Act.PROVE, page.prove_wanted),
        (Act.COPY, page.copy_wanted),
        (Act.VERIFY, page.verify_wanted),
    ):
        wanted = QSignalSpy(signal)
        page.acts[act].trigger()
        assert wanted.at(0) == [entry]
    wanted = QSignalSpy(page.folder_wanted)
    page.detail.head.buttons[Act.FOLDER].click()
    assert wanted.at(0) == [entry.path]
    target = str(tmp_path / "shop")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (target, "One file, zip (*.zip)"))
    wanted = QSignalSpy(page.export_wanted)
    page.acts[Act.EXPORT].trigger()
    assert wanted.at(0) == [entry, Path(f"{target}.zip")]


def test_deleting_names_the_consequence_and_waits_for_the_answer(
    few: History, open_page: Open, qtbot: QtBot, shoot: Shoot
) -> None:
    page = open_page()
    select(page, qtbot, 1)
    wanted = QSignalSpy(page.delete_wanted)
    page.table.setFocus()
    qtbot.keyClick(page.table, Qt.Key.Key_Delete)
    dialog = page.findChild(Question)
    assert dialog is not None
    said = " ".join(one.text() for one in dialog.findChildren(QWidget) if hasattr(one, "text"))
    assert "goes to the trash" in said
    assert "It is the only good backup of Blog: none is left then." in said
    shoot(dialog, "history-delete")
    assert wanted.count() == 0
    answer(page, "Delete Backup")
    assert wanted.at(0) == [page.detail.entry]


def test_what_left_no_backup_is_only_forgotten(few: History, open_page: Open, qtbot: QtBot) -> None:
    page = open_page()
    select(page, qtbot, 2)
    wanted = QSignalSpy(page.delete_wanted)
    assert not page.acts[Act.RESTORE].isEnabled()
    page.acts[Act.DELETE].trigger()
    answer(page, "Remove Entry")
    assert wanted.count() == 1


def test_pinning_is_seen_in_the_table_and_taken_back(few: History, open_page: Open, qtbot: QtBot) -> None:
    page = open_page()
    pinned = page.model.index(0, Column.PIN)
    spoken = Qt.ItemDataRole.AccessibleTextRole
    page.acts[Act.PIN].trigger()
    qtbot.waitUntil(lambda: page.model.index(0, Column.PIN).data(spoken) == "Pinned", timeout=_PATIENCE)
    assert page.acts[Act.PIN].text() == "Unpin"
    page.acts[Act.PIN].trigger()
    qtbot.waitUntil(lambda: page.acts[Act.PIN].text() == "Pin", timeout=_PATIENCE)
    assert pinned.data(spoken) == ""


def test_what_an_operation_works_on_cannot_be_deleted(few: History, open_page: Open) -> None:
    page = open_page()
    entry = page.detail.entry
    assert entry is not None
    page.show_busy(frozenset({entry.id}))
    assert not page.acts[Act.DELETE].isEnabled()
    assert page.acts[Act.FOLDER].isEnabled()
    page.show_busy(frozenset())
    assert page.acts[Act.DELETE].isEnabled()


def test_a_failure_offers_its_remedies(few: History, open_page: Open, qtbot: QtBot) -> None:
    page = open_page()
    select(page, qtbot, 2)
    wanted = QSignalSpy(page.remedy_wanted)
    buttons = {one.text(): one for one in page.detail.pages.happened.findChildren(QPushButton)}
    buttons["Choose Folder…"].click()
    assert wanted.at(0) == [Remedy.CHOOSE_FOLDER, page.detail.entry]
    buttons["Show Largest Backups"].click()
    qtbot.waitUntil(lambda: page.model.question.sort is Sort.SIZE, timeout=_PATIENCE)


def test_f5_finds_folders_that_went_and_came(few: History, open_page: Open, qtbot: QtBot) -> None:
    page = open_page()
    newest = page.detail.entry
    assert newest is not None
    away = few.folder / "away"
    shutil.move(newest.path, away)
    page.refresh()
    qtbot.waitUntil(lambda: texts(page, Column.RESULT)[0] == "Missing", timeout=_PATIENCE)
    qtbot.waitUntil(page.detail.pages.happened.isVisible, timeout=_PATIENCE)
    shutil.move(away, newest.path)
    page.refresh()
    qtbot.waitUntil(lambda: texts(page, Column.RESULT)[0] == "Good", timeout=_PATIENCE)


def test_in_a_low_window_the_detail_is_a_page_with_a_way_back(
    history: History, open_page: Open, qtbot: QtBot, shoot: Shoot
) -> None:
    history.fill()
    page = open_page(_LOW)
    assert not page.detail.isVisible()
    shoot(page, "history-narrow")
    page.table.setFocus()
    qtbot.keyClick(page.table, Qt.Key.Key_Down)
    qtbot.keyClick(page.table, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: page.detail.isVisible() and page.detail.detail is not None, timeout=_PATIENCE)
    assert not page.table.isVisible()
    shoot(page, "history-narrow-detail")
    qtbot.keyClick(page.detail.tabs, Qt.Key.Key_Escape)
    assert page.table.isVisible()
    page.table.opened.emit()
    page.resize(*_WIDE)
    qtbot.waitUntil(page.table.isVisible)
    assert page.detail.isVisible()
    assert page.detail.head.back.isHidden()


def test_notes_are_reached_by_their_act_and_kept(few: History, open_page: Open, qtbot: QtBot) -> None:
    page = open_page()
    page.acts[Act.NOTE].trigger()
    note = page.detail.pages.note
    assert page.detail.tabs.currentIndex() == Tab.NOTES
    assert not note.save.isEnabled()
    note.text.setPlainText("The last one of the old host")
    qtbot.mouseClick(note.save, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not note.is_changed, timeout=_PATIENCE)
    (entry, *_) = few.state.catalog.history(limit=1)
    assert entry.note == "The last one of the old host"
    qtbot.waitUntil(lambda: page.detail.entry == entry, timeout=_PATIENCE)


def test_a_catalog_that_cannot_be_read_is_told_and_asked_again(
    few: History, open_page: Open, qtbot: QtBot, shoot: Shoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.domain.errors import AppError, ErrorCode
    from app.persistence.catalog import Catalog

    page = open_page()
    told = QSignalSpy(few.state.failed)

    def refuse(*_: object, **__: object) -> None:
        raise AppError(ErrorCode.FOLDER_READ_ONLY, "The catalog cannot be written")

    with monkeypatch.context() as broken:
        broken.setattr(Catalog, "page", refuse)
        few.state.history_changed.emit()
        qtbot.waitUntil(page.panes.unreadable.isVisible, timeout=_PATIENCE)
    assert told.count() == 1
    shoot(page, "history-unreadable")
    press_button(page.panes.unreadable)
    assert page.table.isVisible()


def test_a_project_can_be_shown_alone_from_elsewhere(few: History, open_page: Open, qtbot: QtBot) -> None:
    page = open_page()
    page.filters.search.setText("nothing")
    page.show_project("Blog")
    qtbot.waitUntil(lambda: texts(page, Column.PROJECT) == ["Blog"], timeout=_PATIENCE)


def test_rows_can_be_walked_through_by_keys(few: History, open_page: Open, qtbot: QtBot) -> None:
    page = open_page()
    page.focus_search()
    qtbot.keyClick(page.filters.search, Qt.Key.Key_Down)
    assert page.table.hasFocus()
    qtbot.keyClick(page.table, Qt.Key.Key_End)
    assert page.detail.entry == replace(few.state.catalog.history()[-1])
