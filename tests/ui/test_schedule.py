"""The Schedule page: each schedule says what it does; the form keeps drafts; the preview tells what goes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, QSettings, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QStyleOptionViewItem, QWidget
from pytestqt.qtbot import QtBot

from app.domain.backup import Contents
from app.domain.due import Waiting
from app.domain.health import Health, project_health
from app.domain.history import Entry, Result
from app.domain.project import Project
from app.domain.proof import ProofLevel
from app.domain.retention import RetentionRules
from app.domain.schedule import Conditions, Schedule
from app.ui.main_window import MainWindow
from app.ui.models.schedules import ScheduleRow
from app.ui.question import Question
from app.ui.state import State
from app.ui.tabs.schedule import SchedulePage
from app.ui.widgets.rail import Place
from app.ui.widgets.schedule_list import switch_area
from app.ui.widgets.schedule_when import Repeat
from tests.ui.conftest import Shoot

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 22, 15, 20, tzinfo=BERLIN).astimezone(UTC)
LONG_AGO = NOW - timedelta(days=200)
CONNINFO = "host=db.example dbname=shop user=shop"


class ClockedState(State):
    """A state whose clock stands still, in Berlin, and whose computer waits for what a test says."""

    at = NOW
    waiting: dict[str, tuple[Waiting, ...]]

    def now(self) -> datetime:
        return self.at

    @property
    def zone(self) -> ZoneInfo:
        return BERLIN

    def healths(self) -> tuple[Health, ...]:
        return tuple(
            project_health(
                project.name,
                self.catalog.recent(project.name, self.at - timedelta(days=31)),
                self.settings.schedules,
                self.at,
                zone=BERLIN,
                waiting=self.waiting,
                paused_until=self.settings.paused_until,
            )
            for project in self.settings.projects
        )


@pytest.fixture
def state(qapp: QApplication, home: Path) -> Iterator[ClockedState]:
    QSettings().clear()
    made = ClockedState()
    made.waiting = {}
    yield made
    made.catalog.close()
    made.deleteLater()
    delete_what_is_done_with()


def delete_what_is_done_with() -> None:
    """As the event loop would: what stays slows each change of appearance."""
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


def schedule(id_: str, project: str, cron: str, **other: object) -> Schedule:
    made = Schedule(id_, project, cron, "Europe/Berlin", LONG_AGO)
    return replace(made, **other)  # type: ignore[arg-type]


def backup(state: State, project: str, started: datetime, **other: object) -> Entry:
    folder = state.destination.resolve()
    made = Entry(
        id=f"{project}-{started:%Y%m%d%H%M}",
        project=project,
        started=started,
        finished=started + timedelta(minutes=2),
        result=Result.SUCCEEDED,
        proof_level=ProofLevel.PROVEN,
        bytes=77_500_000,
        destination=str(folder),
        path=str(folder / project / "x"),
    )
    return replace(made, **other)  # type: ignore[arg-type]


def local(day: int, hour: int, minute: int = 0, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=BERLIN).astimezone(UTC)


DAILY = RetentionRules(daily=7, weekly=4, monthly=12)
SHOP = schedule("shop", "Shop", "30 2 * * *", retention=DAILY)
STAGING = schedule("staging", "Shop staging", "30 2 * * *", retention=RetentionRules(daily=7, weekly=4))
BLOG = schedule(
    "blog",
    "Blog",
    "0 * * * *",
    retention=RetentionRules(last=24, daily=14),
    conditions=Conditions(mains_power=True),
)
ARCHIVE = schedule(
    "archive",
    "Analytics",
    "30 2 28 * *",
    name="monthly archive",
    retention=RetentionRules(last=3, monthly=6),
    conditions=Conditions(mains_power=True, not_metered=True),
)
WEEKLY = schedule("weekly", "Analytics", "0 23 * * 3", name="weekly", enabled=False)


def fill(state: ClockedState, *schedules: Schedule) -> None:
    """Four projects, and these schedules."""
    names = ("Shop", "Shop staging", "Blog", "Analytics")
    projects = tuple(Project(name, CONNINFO, LONG_AGO) for name in names)
    folder = str(Path.home() / "backups")
    assert state.change_settings(
        lambda old: replace(old, destination=folder, projects=projects, schedules=schedules)
    )


def fill_history(state: ClockedState) -> None:
    """Shop is well, Shop staging fails since three days, Blog waits, Analytics has an archive."""
    for back in range(20):
        at = local(22, 2, 30) - timedelta(days=back)
        state.catalog.record(backup(state, "Shop", at, schedule="shop", slot=at, kind="scheduled"))
    state.catalog.record(backup(state, "Shop staging", local(19, 2, 30), schedule="staging"))
    slot = local(22, 2, 30)
    for attempt, minutes in enumerate((0, 1, 6, 760)):
        at = slot + timedelta(minutes=minutes)
        failed = Entry(
            f"staging-{attempt}",
            "Shop staging",
            at,
            Result.FAILED,
            finished=at + timedelta(seconds=4),
            error_code="host_unreachable",
            error_title="The host has only an IPv6 address",
            schedule="staging",
            slot=slot,
        )
        state.catalog.record(failed)
    state.catalog.record(backup(state, "Blog", local(22, 14), schedule="blog", slot=local(22, 14)))
    state.waiting = {"blog": (Waiting.ON_BATTERY,)}
    for month in range(1, 12):
        size = 13_700_000_000
        at = local(28, 2, 30, month) - timedelta(days=31)
        state.catalog.record(backup(state, "Analytics", at, schedule="archive", slot=at, bytes=size))
    for day in (2, 9, 16, 18, 20, 21):
        size = 13_600_000_000
        state.catalog.record(backup(state, "Analytics", local(day, 23), schedule="archive", bytes=size))
    state.history_changed.emit()


@pytest.fixture
def window(state: ClockedState, qtbot: QtBot) -> MainWindow:
    made = MainWindow()
    made.fill(dict.fromkeys(Place, QWidget) | {Place.SCHEDULE: lambda: SchedulePage(state)})
    qtbot.addWidget(made)
    made.show()
    made.open_place(Place.SCHEDULE)
    made.activateWindow()
    return made


def page_of(window: MainWindow) -> SchedulePage:
    page = window.page(Place.SCHEDULE)
    assert isinstance(page, SchedulePage)
    return page


def row_of(page: SchedulePage, id_: str) -> ScheduleRow:
    return next(row for row in page.model.rows if row.id == id_)


def saved(state: State, id_: str) -> Schedule:
    return next(one for one in state.settings.schedules if one.id == id_)


def wait_for_preview(qtbot: QtBot, page: SchedulePage) -> str:
    with qtbot.waitSignal(page.editor.keep.previewed, timeout=5000):
        page.editor.refresh()
    return page.editor.keep.sentence.text()


def test_without_projects_it_says_what_to_do(window: MainWindow, qtbot: QtBot, shoot: Shoot) -> None:
    page = page_of(window)
    assert page._stack.currentWidget() is page._empty
    with qtbot.waitSignal(page.add_wanted):
        page._empty.add.click()
    shoot(window, "schedule-no-projects")


def test_without_schedules_it_begins_the_first_one(
    state: ClockedState, window: MainWindow, qtbot: QtBot, shoot: Shoot
) -> None:
    fill(state)
    page = page_of(window)
    assert page._stack.currentWidget() is page._empty
    shoot(window, "schedule-empty")
    page._empty.new.click()
    assert page.editor.draft is not None
    assert (page.editor.draft.project, page.editor.draft.cron) == ("Shop", "30 2 * * *")
    assert wait_for_preview(qtbot, page) == "All backups will be kept."
    shoot(window, "schedule-first")
    assert page.editor.delete.isHidden()
    page.footer.save.click()
    assert page.editor.delete.isVisible()
    (made,) = state.settings.schedules
    assert (made.project, made.cron, made.zone, made.since) == ("Shop", "30 2 * * *", "Europe/Berlin", NOW)
    assert not page.has_changes
    assert page.footer.isHidden()


def test_each_schedule_says_what_it_does_and_how_it_stands(
    state: ClockedState, window: MainWindow, qtbot: QtBot, shoot: Shoot
) -> None:
    fill(state, SHOP, STAGING, BLOG, ARCHIVE, WEEKLY)
    fill_history(state)
    page = page_of(window)
    shop = row_of(page, "shop")
    assert shop.sentence == "Every day at 02:30 (Europe/Berlin), keep 7 daily, 4 weekly, 12 monthly"
    assert shop.standing.text == "Next: tomorrow 02:30"
    staging = row_of(page, "staging").standing
    assert staging.text == "Retrying at 16:10: The host has only an IPv6 address"
    assert staging.status is not None
    assert staging.status.text == "Overdue"
    assert row_of(page, "blog").standing.text == "15:00 waits for mains power"
    weekly = row_of(page, "weekly")
    assert (weekly.is_on, weekly.standing.word) == (False, "Off")
    assert weekly.standing.text == "Until you switch it on"
    page.view.choose("archive")
    said = wait_for_preview(qtbot, page)
    assert said == "Keeps 8, removes 9 (123 GB) after the next backup."
    shoot(window, "schedule-full")
    spoken = page.view.model().index(1, 0).data(Qt.ItemDataRole.AccessibleTextRole)
    assert spoken.startswith("Shop staging. Overdue. Every day at 02:30")


def test_changes_are_named_and_saved(
    state: ClockedState, window: MainWindow, qtbot: QtBot, shoot: Shoot
) -> None:
    fill(state, SHOP, STAGING, BLOG, ARCHIVE, WEEKLY)
    fill_history(state)
    page = page_of(window)
    page.view.choose("archive")
    page.editor.keep.numbers["monthly"].setValue(12)
    page.editor.keep.numbers["yearly"].setValue(3)
    page.editor.keep.trash.click()
    page.editor.proof.setCurrentIndex(1)
    assert page.footer.text.text() == (
        "Changed: proof Proven → Complete, monthly 6 → 12, yearly 0 → 3, trash off → on"
    )
    assert row_of(page, "archive").is_edited
    wait_for_preview(qtbot, page)
    page.editor.keep._show.click()
    assert "no rule keeps it" in page.editor.keep.removed.text()
    shoot(window, "schedule-editing")
    page.editor.name.setFocus()
    QTest.keyClick(page.editor.name, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    assert saved(state, "archive").retention == RetentionRules(last=3, monthly=12, yearly=3)
    assert saved(state, "archive").trash
    assert saved(state, "archive").options.proof is ProofLevel.COMPLETE
    assert saved(state, "archive").since == LONG_AGO
    assert not page.has_changes


def test_the_next_five_times_follow_each_change_and_tell_of_clock_changes(
    state: ClockedState, window: MainWindow
) -> None:
    fill(state, ARCHIVE)
    five = page_of(window).editor.next_five
    assert five._sentence.text() == "On day 28 of every month at 02:30 (Europe/Berlin)"
    assert [one.day.text() for one in five._rows][::4] == ["Sat 28 Nov 2026", "Sun 28 Mar 2027"]
    assert (five._rows[0].clock.text(), five._rows[0].note.text()) == ("02:30", "in 6 days")
    assert (five._rows[4].clock.text(), five._rows[4].note.text()) == ("03:00", "clocks go forward, no 02:30")
    page_of(window).editor.when.repeat.choose(Repeat.HOUR)
    assert five._sentence.text() == "Every hour at minute 30 (Europe/Berlin)"
    assert five._rows[0].clock.text() == "15:30"


def test_each_preset_and_cron_give_their_expression(state: ClockedState, window: MainWindow) -> None:
    fill(state, SHOP)
    page = page_of(window)
    when = page.editor.when
    for repeat, cron in (
        (Repeat.HOUR, "30 * * * *"),
        (Repeat.DAY, "30 2 * * *"),
        (Repeat.WEEK, "30 2 * * 0"),
        (Repeat.MONTH, "30 2 1 * *"),
        (Repeat.CRON, "30 2 1 * *"),
    ):
        when.repeat.choose(repeat)
        assert page.editor.draft is not None
        assert page.editor.draft.cron == cron
    when.cron.setText("*/20 8-18 * * MON-FRI")
    assert page.editor.next_five._sentence.text() == (
        "Every 20 minutes, from 08:00 to 18:59, on Monday to Friday (Europe/Berlin)"
    )
    when.repeat.choose(Repeat.WEEK)
    when.weekday.setCurrentIndex(when.weekday.findData(3))
    when.clock.setFocus()
    QTest.keyClicks(when.clock, "2315")
    draft = page.editor.draft
    assert draft is not None
    assert draft.cron == "15 23 * * 3"


def test_wrong_input_is_marked_at_its_field_and_cannot_be_saved(
    state: ClockedState, window: MainWindow, qtbot: QtBot, shoot: Shoot
) -> None:
    fill(state, SHOP)
    page = page_of(window)
    editor = page.editor
    editor.when.repeat.choose(Repeat.CRON)
    editor.when.cron.setText("61 2 * * *")
    assert editor.errors["cron"].text().startswith("“61” is no minute. Minutes go from 0 to 59.")
    editor.when.zone.setEditText("Europe/Berlinn")
    assert editor.errors["zone"].text().startswith("There is no time zone “Europe/Berlinn”.")
    editor.folder.setText("backups")
    assert editor.errors["destination"].text().startswith("“backups” is not a whole path.")
    assert editor.when.cron.property("invalid") is True
    assert not page.footer.save.isEnabled()
    shoot(window, "schedule-wrong-input")
    page.save()
    assert saved(state, "shop") == SHOP
    assert window.focusWidget() is editor.when.cron
    editor.when.cron.setText("1 2 * * *")
    editor.when.zone.setEditText("UTC")
    file = Path.home() / "file"
    file.touch()
    editor.folder.setText(str(file))
    qtbot.waitUntil(lambda: "file, not a folder" in editor.errors["destination"].text())
    assert not page.footer.save.isEnabled()
    editor.folder.setText(str(Path.home()))
    assert page.footer.save.isEnabled()
    page.footer.save.click()
    assert (saved(state, "shop").cron, saved(state, "shop").zone) == ("1 2 * * *", "UTC")
    assert saved(state, "shop").since == NOW


def test_half_entered_forms_are_kept_while_others_are_looked_at(
    state: ClockedState, window: MainWindow
) -> None:
    fill(state, SHOP, ARCHIVE)
    page = page_of(window)
    page.view.choose("archive")
    page.editor.when.repeat.choose(Repeat.CRON)
    page.editor.when.cron.setText("half")
    page.view.choose("shop")
    assert page.footer.isHidden()
    assert page.has_changes
    window.open_place(Place.HISTORY)
    window.open_place(Place.SCHEDULE)
    state.settings_changed.emit()
    page.view.choose("archive")
    assert page.editor.when.cron.text() == "half"
    assert not page.footer.save.isEnabled()
    page.footer.discard.click()
    assert page.editor.draft == ARCHIVE
    assert not page.has_changes


def test_a_draft_that_is_as_before_is_none(state: ClockedState, window: MainWindow) -> None:
    fill(state, SHOP)
    page = page_of(window)
    page.editor.name.setText("nightly")
    assert page.has_changes
    page.editor.name.setText("")
    assert not page.has_changes


def test_a_switch_takes_effect_at_once_and_leaves_the_draft_alone(
    state: ClockedState, window: MainWindow, qtbot: QtBot
) -> None:
    fill(state, SHOP, WEEKLY)
    page = page_of(window)
    page.editor.name.setText("nightly")
    view = page.view
    view.setFocus()
    QTest.keyClick(view, Qt.Key.Key_Space)
    assert not saved(state, "shop").enabled
    assert page.editor.name.text() == "nightly"
    row = QStyleOptionViewItem()
    row.rect = view.visualRect(page.model.index(1))
    where = switch_area(row).center()
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=where)
    assert saved(state, "weekly").enabled
    assert saved(state, "weekly").since == NOW
    page.footer.save.click()
    assert (saved(state, "shop").name, saved(state, "shop").enabled) == ("nightly", False)


def test_all_are_paused_and_resumed(
    state: ClockedState, window: MainWindow, qtbot: QtBot, shoot: Shoot
) -> None:
    fill(state, SHOP, STAGING, BLOG)
    page = page_of(window)
    (pause,) = [one for one in page.findChildren(QPushButton) if one.text() == "Pause All For…"]
    menu = pause.menu()
    menu.aboutToShow.emit()
    assert not menu.actions()[3].isEnabled()
    menu.actions()[0].trigger()
    until = [state.settings.paused_until]
    menu.aboutToShow.emit()
    menu.actions()[1].trigger()
    until.append(state.settings.paused_until)
    assert page._paused.accessibleName() == "All schedules are paused until tomorrow 00:00."
    assert row_of(page, "shop").standing.text == "Until tomorrow 00:00"
    wait_for_preview(qtbot, page)
    shoot(window, "schedule-paused")
    menu.aboutToShow.emit()
    menu.actions()[3].trigger()
    until.append(state.settings.paused_until)
    assert until == [NOW + timedelta(hours=1), local(23, 0), None]
    assert page._paused.isHidden()


def test_deleting_asks_and_says_what_stays(state: ClockedState, window: MainWindow, qtbot: QtBot) -> None:
    fill(state, SHOP, WEEKLY)
    page = page_of(window)
    page.editor.delete.click()
    asked = window.findChild(Question)
    assert asked is not None
    texts = [one.text() for one in asked.findChildren(QLabel)]
    assert "Delete the schedule of “Shop”?" in texts
    assert any(text.endswith("Its backups stay; no new ones are made.") for text in texts)
    QTest.keyClick(asked, Qt.Key.Key_Escape)
    assert len(state.settings.schedules) == 2
    delete_what_is_done_with()
    window.activateWindow()
    page.view.setFocus()
    qtbot.waitUntil(page.view.hasFocus)
    QTest.keyClick(page.view, Qt.Key.Key_Delete)
    asked = window.findChild(Question)
    assert asked is not None
    next(one for one in asked.findChildren(QPushButton) if one.text() == "Delete Schedule").click()
    assert [one.id for one in state.settings.schedules] == ["weekly"]
    assert page._current == "weekly"


def test_it_says_that_holdfast_must_run_and_offers_to_start_it_at_login(
    state: ClockedState, window: MainWindow, qtbot: QtBot
) -> None:
    fill(state, SHOP)
    page = page_of(window)
    assert "only while Holdfast runs" in page.offer.text.text()
    assert "holdfast schedules install" in page.offer.text.text()
    with qtbot.waitSignal(page.login_start_wanted):
        page.offer.start.click()
    page.offer._not_now.click()
    assert page.offer.start.isHidden()
    assert state.change_settings(lambda old: replace(old, start_at_login=True))
    assert page.offer.text.text() == "Schedules run while Holdfast runs. It starts at login, hidden."
    with qtbot.waitSignal(page.settings_wanted):
        page.offer._change.click()


def test_a_new_schedule_can_be_discarded_and_what_the_form_does_not_show_is_kept(
    state: ClockedState, window: MainWindow
) -> None:
    odd = replace(
        SHOP,
        jitter_seconds=60,
        options=replace(SHOP.options, contents=Contents.DATA, roles=True, excluded_tables=("a.b",)),
        retention=RetentionRules(max_total_bytes=1_234_567),
    )
    fill(state, odd)
    page = page_of(window)
    assert page.editor.only_some.isVisible()
    page.add()
    assert [row.is_on for row in page.model.rows] == [True, None]
    page.add()
    assert len(page.model.rows) == 2
    page.footer.discard.click()
    assert [row.id for row in page.model.rows] == ["shop"]
    page.editor.name.setText("x")
    page.footer.save.click()
    assert saved(state, "shop") == replace(odd, name="x")


def test_a_project_that_was_added_can_be_chosen(state: ClockedState, window: MainWindow) -> None:
    fill(state, SHOP)
    page = page_of(window)
    page.editor.name.setText("nightly")
    new = Project("Wiki", CONNINFO, NOW)
    assert state.change_settings(lambda old: replace(old, projects=(*old.projects, new)))
    page.editor.project.setCurrentIndex(page.editor.project.findText("Wiki"))
    page.footer.save.click()
    assert (saved(state, "shop").project, saved(state, "shop").name) == ("Wiki", "nightly")


def test_schedules_that_go_elsewhere_take_their_drafts_with_them(
    state: ClockedState, window: MainWindow
) -> None:
    fill(state, SHOP, WEEKLY)
    page = page_of(window)
    page.editor.name.setText("nightly")
    fill(state, WEEKLY)
    assert not page.has_changes
    assert page._current == "weekly"
    fill(state)
    assert page._stack.currentWidget() is page._empty


def test_in_a_narrow_window_the_form_is_a_page_with_back(
    state: ClockedState, window: MainWindow, qtbot: QtBot, shoot: Shoot
) -> None:
    fill(state, SHOP, STAGING, ARCHIVE)
    fill_history(state)
    page = page_of(window)
    window.resize(800, 560)
    qtbot.waitUntil(page.editor.isHidden)
    shoot(window, "schedule-narrow-list")
    page.view.setFocus()
    QTest.keyClick(page.view, Qt.Key.Key_Down)
    assert page.editor.isHidden()
    QTest.keyClick(page.view, Qt.Key.Key_Return)
    assert page.editor.isVisible()
    assert page._list_side.isHidden()
    page.editor.keep.numbers["last"].setValue(5)
    wait_for_preview(qtbot, page)
    shoot(window, "schedule-narrow-form")
    page.editor.name.setFocus()
    QTest.keyClick(page.editor.name, Qt.Key.Key_Escape)
    assert page.view.isVisible()
    assert page.has_changes


def test_the_cells_of_the_preview_say_what_each_stands_for(
    state: ClockedState, window: MainWindow, qtbot: QtBot
) -> None:
    fill(state, replace(SHOP, retention=RetentionRules(last=3)))
    fill_history(state)
    page = page_of(window)
    wait_for_preview(qtbot, page)
    cells = page.editor.keep.cells
    assert cells.accessibleName() == "keeps 3, removes 17"
    oldest = cells.verdict_at(QPoint(2, 5))
    assert oldest is not None
    assert cells.words(oldest) == "Tue 3 Nov 02:30, 77.5 MB, removed: no rule keeps it"
    assert cells.verdict_at(QPoint(5000, 5)) is None


def test_the_tab_key_goes_as_one_reads(state: ClockedState, window: MainWindow) -> None:
    fill(state, SHOP)
    page = page_of(window)
    window.activateWindow()
    page.editor.name.setText("nightly")
    page.editor.project.setFocus()
    reached: list[QWidget] = []
    while (one := window.focusWidget()) not in reached:
        assert one is not None
        reached.append(one)
        window.focusNextChild()
    end = reached.index(page.footer.save)
    assert page.footer.discard in reached
    places = [one.mapTo(window, QPoint(0, one.height() // 2)) for one in reached[: end - 1]]
    rows = [(place.y() // 12, place.x()) for place in places]
    assert rows == sorted(rows)
    assert len(rows) > 20
