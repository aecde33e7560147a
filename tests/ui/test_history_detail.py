"""The detail of one backup: what it shows for each kind of entry, and what it says when it cannot."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtTest import QSignalSpy
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QToolTip
from pytestqt.qtbot import QtBot

from app.domain.history import Entry, Result
from app.domain.operation import LogLine, Operation, OperationKind
from app.domain.proof import Proof, ProofLevel
from app.domain.remedy import Remedy
from app.persistence.operation_log import OperationLog, operation_logs_folder
from app.ui import history_work
from app.ui.history_acts import Act, HistoryActs
from app.ui.state import State
from app.ui.widgets.detail_pages import Tab
from app.ui.widgets.history_detail import HistoryDetail
from tests.ui.conftest import Shoot
from tests.ui.past_backups import AFTER, BEFORE, NOW, SMALL, History, proof_of

_PATIENCE = 5000
Open = Callable[[Entry], HistoryDetail]


@pytest.fixture
def history(state: State, monkeypatch: pytest.MonkeyPatch) -> History:
    monkeypatch.setattr(State, "now", lambda _: NOW)
    return History(state)


@pytest.fixture
def detail(history: History, qtbot: QtBot) -> HistoryDetail:
    acts = HistoryActs()
    made = HistoryDetail(history.state, acts)
    acts.setParent(made)
    qtbot.addWidget(made)
    made.resize(864, 290)
    made.show()
    return made


@pytest.fixture
def show(detail: HistoryDetail, qtbot: QtBot) -> Open:
    def show_it(entry: Entry) -> HistoryDetail:
        detail.show_entry(entry)
        qtbot.waitUntil(lambda: detail.detail is not None, timeout=_PATIENCE)
        return detail

    return show_it


def tabs(detail: HistoryDetail) -> set[int]:
    return {tab for tab in range(detail.tabs.count()) if detail.tabs.isTabVisible(tab)}


def said(widget: object) -> str:
    assert hasattr(widget, "findChildren")
    texts = (one.text() for one in widget.findChildren(QLabel))
    return "\n".join(filter(None, texts)).replace("\u200b", "")  # which only mark where a name may be broken


def cells(detail: HistoryDetail, row: int) -> list[str]:
    model = detail.pages.changes.table.model()
    return [str(model.index(row, column).data()) for column in range(model.columnCount())]


def test_what_changed_lists_new_grown_shrunk_and_removed_tables(history: History, show: Open) -> None:
    history.backup(NOW - timedelta(days=1), tables=BEFORE)
    detail = show(history.backup(NOW))
    assert [cells(detail, row) for row in range(detail.pages.changes.table.model().rowCount())] == [
        ["credit_notes", "412", "96 kB", "new table"],
        ["events", "6,120,335", "1.1 GB", "+48,220 rows"],
        ["order_items", "9,412,077", "1.6 GB", "+11,904 rows"],
        ["carts", "2,118", "1.4 MB", "−61,007 rows"],
        ["legacy_prices", "–", "–", "removed"],
    ]
    assert detail.tabs.currentIndex() == Tab.CHANGES
    assert detail.tabs._counts == {Tab.CHANGES: 5, Tab.TABLES: len(AFTER)}
    assert tabs(detail) == {Tab.CHANGES, Tab.TABLES, Tab.REPORT, Tab.FILES, Tab.LOG, Tab.NOTES}


def test_the_first_backup_has_nothing_to_be_compared_with(history: History, show: Open) -> None:
    detail = show(history.backup(NOW))
    assert detail.pages.changes._empty.text() == "There is no backup before this one to compare it with."


def test_what_did_not_change_is_told(history: History, show: Open) -> None:
    history.backup(NOW - timedelta(days=1))
    detail = show(history.backup(NOW))
    assert (
        "Nothing changed in 42 tables since the backup before (yesterday 14:05)."
        in detail.pages.changes._empty.text()
    )


def test_a_backup_before_that_cannot_be_read_is_told(history: History, show: Open) -> None:
    before = history.backup(NOW - timedelta(days=1))
    (Path(before.path) / "manifest.json").write_text("{")
    detail = show(history.backup(NOW))
    assert "cannot be read, so there is nothing to compare with" in detail.pages.changes._empty.text()
    detail.tabs.setCurrentIndex(Tab.TABLES)
    assert detail.pages.tables.model().rowCount() == len(AFTER)


def test_tables_are_sorted_by_their_header(history: History, show: Open) -> None:
    detail = show(history.backup(NOW))
    detail.tabs.setCurrentIndex(Tab.TABLES)
    header = detail.pages.tables.horizontalHeader()
    header.sectionClicked.emit(1)
    assert detail.pages.tables.model().index(0, 0).data() == "table_01"
    header.sectionClicked.emit(1)
    assert detail.pages.tables.model().index(0, 0).data() == "order_items"


def test_the_proof_is_summed_up_and_told_object_by_object(history: History, show: Open, shoot: Shoot) -> None:
    detail = show(history.backup(NOW))
    summary = said(detail.summary)
    for text in ("Proof, took 4:51", "42 tables", "byte for byte", "811 objects", "1 × index"):
        assert text in summary
    detail.tabs.setCurrentIndex(Tab.REPORT)
    assert "Restored into PostgreSQL 17.10 and compared" in detail.pages.report._verdict.text()
    assert detail.pages.report.table.model().index(0, 2).data() == "its extension is not here"
    shoot(detail, "history-proof-report")


def test_a_backup_that_was_not_restored_says_what_was_read(history: History, show: Open) -> None:
    detail = show(history.backup(NOW, proof=Proof(ProofLevel.COMPLETE, NOW)))
    assert "Not restored yet: Prove does that." in said(detail.summary)
    detail.tabs.setCurrentIndex(Tab.REPORT)
    assert not detail.pages.report.table.isVisible()


def test_a_failed_proof_says_why(history: History, show: Open, shoot: Shoot) -> None:
    failed = proof_of(SMALL, NOW, failure="database/3001.dat.zst is 12 bytes short", objects=())
    detail = show(history.backup(NOW, tables=SMALL, proof=failed))
    detail.tabs.setCurrentIndex(Tab.REPORT)
    assert "3001.dat.zst is 12 bytes short" in said(detail.pages.report._panel)
    assert "3001.dat.zst is 12 bytes short" in said(detail.summary)
    shoot(detail, "history-proof-failed")


@pytest.mark.parametrize(
    ("result", "title", "buttons"),
    [
        (Result.FAILED, "The server did not accept the password", ["Enter Password…", "Edit Connection…"]),
        (Result.CANCELLED, "Cancelled", ["Back Up Now"]),
        (Result.INTERRUPTED, "Interrupted", ["Back Up Now"]),
    ],
)
def test_an_attempt_that_left_no_backup_says_what_happened_and_what_helps(
    history: History, show: Open, shoot: Shoot, result: Result, title: str, buttons: list[str]
) -> None:
    changes = {}
    if result is Result.FAILED:
        changes = {
            "error_code": "sign-in-failed",
            "error_title": title,
            "error_detail": 'FATAL: password authentication failed for user "backup"',
        }
    detail = show(history.attempt(NOW, result, **changes))
    assert tabs(detail) == {Tab.HAPPENED, Tab.LOG, Tab.NOTES}
    assert title in said(detail.pages.happened)
    assert [one.text() for one in detail.pages.happened.findChildren(QPushButton)] == buttons
    wanted = QSignalSpy(detail.remedy_wanted)
    detail.pages.happened.findChildren(QPushButton)[0].click()
    assert wanted.at(0) == [Remedy.ENTER_PASSWORD if result is Result.FAILED else Remedy.TRY_AGAIN]
    shoot(detail, f"history-{result.value}")


def test_an_error_in_holdfast_itself_can_be_tried_again(history: History, show: Open) -> None:
    detail = show(history.attempt(NOW, Result.FAILED, error_title="An error in Holdfast itself: KeyError"))
    assert [one.text() for one in detail.pages.happened.findChildren(QPushButton)] == ["Back Up Now"]


def test_a_folder_that_is_gone_offers_to_look_again(history: History, show: Open, shoot: Shoot) -> None:
    entry = history.backup(NOW)
    shutil.rmtree(entry.path)
    detail = show(entry)
    assert "The backup’s folder is not there" in said(detail.pages.happened)
    wanted, looked = QSignalSpy(detail.act_wanted), QSignalSpy(detail.look_wanted)
    again, remove = detail.pages.happened.findChildren(QPushButton)
    again.click()
    remove.click()
    assert looked.count() == 1
    assert wanted.at(0) == [Act.DELETE]
    shoot(detail, "history-missing")


def test_a_damaged_manifest_says_what_is_wrong_with_it(history: History, show: Open, shoot: Shoot) -> None:
    entry = history.backup(NOW)
    path = Path(entry.path) / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b"Shop", b"Shep", 1))
    detail = show(entry)
    assert "manifest.json is damaged" in said(detail.pages.happened)
    assert tabs(detail) == {Tab.HAPPENED, Tab.LOG, Tab.NOTES}
    shoot(detail, "history-damaged")


def test_a_disk_that_is_not_connected_is_told_as_such(history: History, show: Open) -> None:
    entry = history.backup(NOW)
    history.folder.rename(history.folder.with_name("unplugged"))
    detail = show(entry)
    assert "The folder for backups is not there" in said(detail.pages.happened)


def test_while_a_manifest_is_read_the_head_says_what_is_known(
    history: History, detail: HistoryDetail, qtbot: QtBot, shoot: Shoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_go_on = threading.Event()
    read = history_work.read_detail

    def slow(*arguments: object) -> object:
        assert may_go_on.wait(_PATIENCE / 1000)
        return read(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("app.ui.widgets.history_detail.read_detail", slow)
    entry = history.backup(NOW)
    detail.show_entry(entry)
    assert detail.head.heading.text() == "Shop, today 14:05"
    qtbot.waitUntil(detail.pages._waiting.isVisible, timeout=_PATIENCE)
    shoot(detail, "history-loading")
    may_go_on.set()
    qtbot.waitUntil(detail.pages.changes.isVisible, timeout=_PATIENCE)


def test_the_log_of_the_operation_is_shown(history: History, show: Open) -> None:
    entry = history.attempt(NOW, Result.CANCELLED)
    queued = NOW - timedelta(seconds=3)
    id_ = f"{queued:%Y%m%dT%H%M%SZ}-abcdef"
    operation = Operation(id_, OperationKind.BACKUP, "Shop", queued=queued)
    log = OperationLog(operation_logs_folder(), operation)
    log.write(LogLine(NOW, "Dumping public.orders"))
    log.close()
    detail = show(entry)
    detail.tabs.setCurrentIndex(Tab.LOG)
    assert "Dumping public.orders" in detail.pages.log.toPlainText()


def test_a_half_written_note_waits_while_another_backup_is_looked_at(history: History, show: Open) -> None:
    first, second = history.backup(NOW - timedelta(days=1), note="old"), history.backup(NOW)
    detail = show(first)
    detail.pages.note.text.setPlainText("half wri")
    detail.show_entry(second)
    assert detail.pages.note.note == ""
    detail.show_entry(first)
    assert detail.pages.note.note == "half wri"
    assert detail.pages.note.is_changed
    detail.pages.note.discard.click()
    assert detail.pages.note.note == "old"


def test_a_note_that_is_too_long_cannot_be_saved(history: History, show: Open) -> None:
    detail = show(history.backup(NOW))
    detail.pages.note.text.setPlainText("x" * 4001)
    assert not detail.pages.note.save.isEnabled()
    assert detail.pages.note._hint.text() == "The note is too long."


def test_without_room_proof_and_chart_become_tabs_and_rare_acts_go_into_the_menu(
    history: History, show: Open, shoot: Shoot, qtbot: QtBot
) -> None:
    history.backup(NOW - timedelta(days=1), tables=BEFORE)
    detail = show(history.backup(NOW))
    detail.resize(696, 420)
    assert {Tab.PROOF, Tab.CHART} <= tabs(detail)
    assert detail.head.buttons[Act.FOLDER].isHidden()
    detail.head.fill_menu()
    assert detail._acts[Act.FOLDER] in detail.head.more.menu().actions()
    detail.tabs.setCurrentIndex(Tab.CHART)
    assert detail.chart.isVisible()
    shoot(detail, "history-narrow-chart")
    detail.tabs.setCurrentIndex(Tab.PROOF)
    assert detail.summary.isVisible()
    detail.resize(864, 420)
    assert detail.tabs.currentIndex() == Tab.CHANGES
    qtbot.waitUntil(detail.chart.isVisible, timeout=_PATIENCE)
    detail.head.fill_menu()
    assert detail._acts[Act.FOLDER] not in detail.head.more.menu().actions()


def test_a_tab_that_was_chosen_is_shown_again_where_there_is_one(history: History, show: Open) -> None:
    good, bad = history.backup(NOW), history.attempt(NOW - timedelta(hours=1), Result.CANCELLED)
    detail = show(good)
    detail.tabs.setCurrentIndex(Tab.FILES)
    show(bad)
    assert detail.tabs.currentIndex() == Tab.HAPPENED
    show(good)
    assert detail.tabs.currentIndex() == Tab.FILES


def test_the_chart_tells_of_the_bar_under_the_mouse(
    history: History, show: Open, qapp: QApplication, qtbot: QtBot
) -> None:
    history.backup(NOW - timedelta(days=1), size=900_000_000, seconds=60)
    detail = show(history.backup(NOW))
    chart = detail.chart
    assert len(chart.shown()) == 2
    at = QPoint(chart.width() - 20, chart.height() // 2)
    QApplication.sendEvent(chart, QHelpEvent(QEvent.Type.ToolTip, at, chart.mapToGlobal(at)))
    qtbot.waitUntil(lambda: "900 MB" in QToolTip.text(), timeout=_PATIENCE)
    QToolTip.hideText()
    assert chart.accessibleDescription() == "2 backups, from 900 MB to 1.1 GB"


def test_tabs_are_walked_through_by_keys(history: History, show: Open, qtbot: QtBot) -> None:
    detail = show(history.backup(NOW))
    detail.tabs.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.keyClick(detail.tabs, Qt.Key.Key_Right)
    assert detail.tabs.currentIndex() == Tab.TABLES
