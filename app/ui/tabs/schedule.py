"""Schedule: what is backed up by itself, how each of these stands, and the form that changes one.

What is half entered stays: each schedule keeps its own draft until it is saved or discarded, also while
another one, or another page, is in view.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import (
    QFrame,
    QLayout,
    QMenu,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.domain.schedule import Schedule
from app.ui import schedule_words
from app.ui.models.schedules import ScheduleList, ScheduleRow
from app.ui.question import Question
from app.ui.schedule_drafts import Drafts
from app.ui.schedule_edits import as_saved, new_schedule, problems, with_schedule, without_schedule
from app.ui.schedule_words import Standing
from app.ui.state import State
from app.ui.theme import XL, L, M
from app.ui.widgets.basics import button, card, column, in_letters, label, row
from app.ui.widgets.login_offer import LoginOffer
from app.ui.widgets.message_panel import MessagePanel
from app.ui.widgets.pause_menu import fill_pause_menu, pause_all, paused_until
from app.ui.widgets.schedule_editor import ScheduleEditor
from app.ui.widgets.schedule_empty import ScheduleEmpty
from app.ui.widgets.schedule_footer import ScheduleFooter
from app.ui.widgets.schedule_list import ScheduleListView

_LEAST_LIST, _LIST_WIDTH = 280, 316
_FORM_WIDTH = 500
_GAP = XL - 4

QWIDGETSIZE_MAX = 16_777_215


class SchedulePage(QWidget):
    """The page.

    Signals:
        login_start_wanted: Holdfast is to start at login.
        settings_wanted: the settings are to be opened where starting at login is.
        add_wanted: there is no project yet, and one is to be added; `sample_wanted` likewise.
    """

    login_start_wanted = Signal()
    settings_wanted = Signal()
    add_wanted = Signal()
    sample_wanted = Signal()

    def __init__(self, state: State, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._drafts = Drafts()
        self._standings: dict[str, Standing] = {}
        self._current = ""
        self._is_narrow = self._is_open = False
        self.model = ScheduleList(self)
        self.model.switched.connect(self.switch)
        self.view = ScheduleListView(self.model)
        self.view.chosen.connect(self._choose)
        self.view.opened.connect(self._open)
        self.editor = ScheduleEditor(state)
        self.editor.changed.connect(self._keep_draft)
        self.editor.checked.connect(self._show_footer)
        self.editor.delete_wanted.connect(self.delete)
        self.footer = ScheduleFooter()
        self.footer.save_wanted.connect(self.save)
        self.footer.discard_wanted.connect(self.discard)
        self.offer = LoginOffer(state)
        self.offer.login_start_wanted.connect(self.login_start_wanted)
        self.offer.settings_wanted.connect(self.settings_wanted)
        self._paused = MessagePanel()
        self._stack = QStackedWidget()
        self._empty, self._full = ScheduleEmpty(), self._make_full()
        self._empty.add_wanted.connect(self.add_wanted)
        self._empty.sample_wanted.connect(self.sample_wanted)
        self._empty.new_wanted.connect(self.add)
        self._stack.addWidget(self._empty)
        self._stack.addWidget(self._full)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._stack)
        for keys, act in (("Ctrl+S", self.save), ("Escape", self._back)):
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(act)
        remove = QShortcut(QKeySequence(QKeySequence.StandardKey.Delete), self.view)
        remove.setContext(Qt.ShortcutContext.WidgetShortcut)
        remove.activated.connect(self.delete)
        state.settings_changed.connect(self.refresh)
        state.history_changed.connect(self._show_rows)
        state.minute.connect(self._tick)
        self._set_tab_order()
        self.refresh()

    @property
    def has_changes(self) -> bool:
        """Something was entered and not saved."""
        return bool(self._drafts.held)

    def refresh(self) -> None:
        """Show the settings as they are now; drafts stay."""
        names = [project.name for project in self._state.settings.projects]
        saved = {schedule.id for schedule in self._state.settings.schedules}
        self._drafts.follow(names, saved)
        self._show_pause()
        if not names or not (saved or self._drafts.held):
            self._current = ""
            self._empty.show_for(has_projects=bool(names))
            self._stack.setCurrentWidget(self._empty)
            return
        self._show_rows()
        self._stack.setCurrentWidget(self._full)
        known = [row.id for row in self.model.rows]
        self._edit(self._current if self._current in known else known[0])

    def add(self) -> None:
        """Begin a new schedule, or go on with the one that was begun."""
        if not self._drafts.new:
            zone = getattr(self._state.zone, "key", "UTC")
            self._drafts.begin(new_schedule(self._state.settings, zone, self._state.now()))
        self._current = self._drafts.new
        self.refresh()
        self._open(self._current)
        self.editor.project.setFocus()

    def save(self) -> None:
        """Keep what was entered, unless something is wrong with it."""
        draft = self._drafts.held.get(self._current)
        if draft is None:
            return
        if self.editor.problems:
            self.editor.focus_problem()
            return
        made, was_new, now = as_saved(draft, self._saved(draft.id)), self._drafts.new, self._state.now()
        self._drafts.drop(draft.id)
        if not self._state.change_settings(lambda settings: with_schedule(settings, made, now)):
            self._drafts.held[draft.id], self._drafts.new = draft, was_new
            self.refresh()

    def discard(self) -> None:
        """Go back to what is saved."""
        self._is_open = self._is_open and self._current != self._drafts.new
        self._drafts.drop(self._current)
        self.refresh()
        self._arrange()

    def switch(self, identity: str, is_on: bool) -> None:
        """Switch a schedule on or off; drafts are not touched."""
        now = self._state.now()
        saved = next(one for one in self._state.settings.schedules if one.id == identity)
        new = replace(saved, enabled=is_on)
        self._state.change_settings(lambda settings: with_schedule(settings, new, now))

    def delete(self) -> None:
        """Ask whether the schedule is to go."""
        saved = self._saved(self._current)
        if saved is None:
            return
        text = self.tr("Its backups stay; no new ones are made.")
        Question(
            self.tr("Delete the schedule of “%1”?").replace("%1", schedule_words.title(saved)),
            f"{schedule_words.in_words(saved)}.\n{text}",
            ((self.tr("Delete Schedule"), "danger", lambda: self._delete(saved.id)),),
            parent=self.window(),
        ).open()

    def _delete(self, identity: str) -> None:
        self._is_open = False
        self._state.change_settings(lambda settings: without_schedule(settings, identity))
        self._arrange()

    def _saved(self, identity: str) -> Schedule | None:
        return next((one for one in self._state.settings.schedules if one.id == identity), None)

    def _choose(self, identity: str) -> None:
        if identity != self._current:
            self._edit(identity)

    def _edit(self, identity: str) -> None:
        """Put a schedule, or its draft, into the form."""
        self._current = identity
        self.view.choose(identity)
        shown = self._drafts.held.get(identity) or self._saved(identity)
        if shown is None:
            return
        names = [project.name for project in self._state.settings.projects]
        in_form = self.editor.draft
        if in_form is None or as_saved(in_form, shown) != shown or self.editor.projects != names:
            self.editor.show_schedule(shown, names)
        else:
            self.editor.refresh()
        self.editor.delete.setVisible(identity != self._drafts.new)
        self._arrange()

    def _open(self, identity: str) -> None:
        """In a narrow window the form takes the place of the list."""
        self._edit(identity)
        self._is_open = True
        self._arrange()

    def _back(self) -> None:
        self._is_open = False
        self._arrange()
        self.view.setFocus()

    def _keep_draft(self) -> None:
        draft = self.editor.draft
        if draft is None:
            return
        self._drafts.keep(draft, self._saved(draft.id))
        self._mark_rows()
        self._show_footer()

    def _tick(self) -> None:
        """The minute is over."""
        self._show_pause()
        if self._stack.currentWidget() is self._full:
            self._show_rows()
            self.editor.refresh()

    def _show_footer(self) -> None:
        draft, saved = self._drafts.held.get(self._current), self._saved(self._current)
        self.footer.show_changes(draft, saved, self.editor.problems)

    def _show_rows(self) -> None:
        """Tell anew how each schedule stands."""
        now, zone = self._state.now(), self._state.zone
        self._standings = {
            one.schedule.id: schedule_words.standing(
                one, health.cause, now, zone, is_running=health.is_running
            )
            for health in self._state.healths()
            for one in health.schedules
        }
        self._mark_rows()

    def _mark_rows(self) -> None:
        """Show the rows, each as it is saved, with a mark where there is a draft."""
        rows = [
            ScheduleRow(
                schedule.id,
                schedule_words.title(schedule),
                self._sentence(schedule),
                self._standings.get(schedule.id, Standing(None, "")),
                schedule.enabled,
                schedule.id in self._drafts.held,
            )
            for schedule in self._state.settings.schedules
        ]
        if self._drafts.new:
            draft = self._drafts.held[self._drafts.new]
            standing = Standing(None, self.tr("Not saved yet"))
            rows.append(
                ScheduleRow(
                    draft.id, schedule_words.title(draft), self._sentence(draft), standing, None, True
                )
            )
        self.model.show_rows(rows)
        self.view.choose(self._current)

    def _sentence(self, schedule: Schedule) -> str:
        """A draft may be one that cannot be said."""
        return "" if problems(schedule) else schedule_words.in_words(schedule)

    def _show_pause(self) -> None:
        now = self._state.now()
        until = paused_until(self._state, now)
        if until is None:
            self._paused.hide()
            return
        text = self.tr("All schedules are paused until %1.")
        self._paused.say(
            "info",
            text.replace("%1", schedule_words.moment(until, now, self._state.zone)),
            actions=((self.tr("Resume"), lambda: pause_all(self._state, None)),),
        )

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Side by side where there is room; else the form is a page with Back."""
        super().resizeEvent(event)
        self._arrange()

    def _set_margins(self, layout: QLayout, start: int, top: int, end: int, bottom: int) -> None:
        """As the language runs: layouts do not turn their margins round."""
        is_mirrored = self.layoutDirection() is Qt.LayoutDirection.RightToLeft
        left, right = (end, start) if is_mirrored else (start, end)
        layout.setContentsMargins(left, top, right, bottom)

    def _set_tab_order(self) -> None:
        """As one reads: down the list, then down the form."""
        order = [self.view, self.offer.start, *self.editor.fields(), self.footer.discard, self.footer.save]
        for before, after in pairwise(order):
            QWidget.setTabOrder(before, after)

    def _arrange(self) -> None:
        form = max(in_letters(self, _FORM_WIDTH), self.editor.least_width)
        beside = min(self.width() - XL - _GAP - form, _LIST_WIDTH)
        self._is_narrow = beside < max(_LEAST_LIST, self.offer.minimumSizeHint().width())
        shows_form = not self._is_narrow or self._is_open
        self._list_side.setVisible(not self._is_narrow or not self._is_open)
        self._list_side.setMinimumWidth(_LEAST_LIST if self._is_narrow else beside)
        self._list_side.setMaximumWidth(QWIDGETSIZE_MAX if self._is_narrow else beside)
        self._set_margins(self._side, 0, 0, XL if self._is_narrow else 0, XL)
        self.editor.setVisible(shows_form)
        self._back_button.setVisible(self._is_narrow and self._is_open)
        self._title.setVisible(self._back_button.isHidden())
        self._footer_side.setVisible(shows_form)

    def _make_full(self) -> QWidget:
        self._back_button = button(self.tr("Schedules"), "caret-left", kind="flat")
        self._back_button.clicked.connect(self._back)
        pause = button(self.tr("Pause All For…"), "pause")
        menu = QMenu(pause)
        menu.aboutToShow.connect(lambda: fill_pause_menu(menu, self._state))
        pause.setMenu(menu)
        new = button(self.tr("New Schedule…"), "plus")
        new.clicked.connect(self.add)
        frame = card()
        inside = QVBoxLayout(frame)
        inside.setContentsMargins(1, 1, 1, 1)
        inside.addWidget(self.view)
        frame.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self._list_side = QWidget()
        self._side = side = column(frame, self.offer, spacing=L)
        side.insertStretch(1, 1)
        side.setStretch(0, 1000)
        self._list_side.setLayout(side)
        body = row(self._list_side, self.editor, spacing=_GAP)
        body.setStretch(1, 1)
        self._title = label(self.tr("Schedule"), "title")
        head = row(self._back_button, self._title, None, pause, new)
        paused = row(self._paused)
        upper = column(head, paused, body, spacing=M)
        for one in (head, paused):
            self._set_margins(one, 0, 0, XL, 0)  # the form's scroll bar is at the page's edge
        self._set_margins(upper, XL, L, 0, 0)
        upper.setStretch(2, 1)
        self._footer_side = QFrame()
        self._footer_side.setLayout(column(self.footer))
        page = QWidget()
        layout = column(upper, self._footer_side, spacing=0)
        layout.setStretch(0, 1)
        page.setLayout(layout)
        return page
