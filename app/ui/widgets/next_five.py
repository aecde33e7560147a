"""The card in which a schedule that is edited says what it means: a sentence and its next five times."""

from __future__ import annotations

from datetime import datetime, tzinfo

from PySide6.QtCore import QDate, QLocale, Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QVBoxLayout, QWidget

from app.domain.schedule import Schedule, sentence
from app.domain.slots import Slot, next_slots
from app.ui import formats
from app.ui.schedule_words import clock_change, rhythm
from app.ui.theme import L, M
from app.ui.widgets.basics import label, restyle, row
from app.ui.widgets.icon_label import IconLabel

_COUNT = 5
_DAYS_FROM = 2


class NextFive(QFrame):
    """Shows the times of a schedule that can run, or that there are none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self._sentence = label("", "label", wrap=True)
        self._rows = [_SlotRow() for _ in range(_COUNT)]
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(L)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(2, 1)
        for number, one in enumerate(self._rows):
            grid.addWidget(one.day, number, 0)
            grid.addWidget(one.clock, number, 1)
            grid.addLayout(row(one.icon, one.note, None, spacing=6), number, 2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(L - 2, M, L - 2, M)
        layout.setSpacing(6)
        layout.addWidget(self._sentence)
        layout.addLayout(grid)

    def show_schedule(self, schedule: Schedule | None, now: datetime, zone: tzinfo) -> None:
        """Show when it comes.

        Args:
            schedule: one whose times can be told; None where they cannot.
            now: in UTC.
            zone: of the window, for the tool tips.
        """
        slots: tuple[Slot, ...] = ()
        text = self.tr("The next times show when the fields above are right.")
        if schedule is not None:
            slots = next_slots(schedule, now, _COUNT)
            text = f"{rhythm(sentence(schedule))} ({schedule.zone})"
        self._sentence.setText(text)
        for number, one in enumerate(self._rows):
            one.show_slot(slots[number] if number < len(slots) else None, now, zone, is_first=not number)
        self.setAccessibleName(". ".join([text, *(one.text for one in self._rows if one.text)]))


class _SlotRow:
    """One time: its day, the clock, and what is to be said of it."""

    def __init__(self) -> None:
        self.day: QLabel = label()
        self.clock: QLabel = label("", "strong")
        self.icon = IconLabel("warning-fill", "warn", 16)
        self.note: QLabel = label("", "hint")
        self.text = ""
        for one in (self.day, self.clock):
            one.setMinimumHeight(20)
            one.setAlignment(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeading)

    def show_slot(self, slot: Slot | None, now: datetime, zone: tzinfo, *, is_first: bool) -> None:
        """Show it; None empties the row, which keeps its height."""
        change = clock_change(slot) if slot else ""
        soon = _in_time(slot, now) if slot and is_first else ""
        self.day.setText(_date(slot.local) if slot else "")
        self.clock.setText(f"{slot.local:%H:%M}" if slot else "")
        self.note.setText(change or soon)
        self.icon.setVisible(bool(change))
        role = "warn" if change else "hint"
        if self.note.property("role") != role:
            self.note.setProperty("role", role)
            restyle(self.note)
        tip = f"{formats.moment(slot.at, now, zone)} · {formats.exact_moment(slot.at)}" if slot else ""
        for one in (self.day, self.clock):
            one.setToolTip(tip)
        self.text = " ".join(filter(None, (self.day.text(), self.clock.text(), change)))


def _date(local: datetime) -> str:
    pattern = formats.translate("schedule", "ddd d MMM yyyy")
    return QLocale().toString(QDate(local.year, local.month, local.day), pattern)


def _in_time(slot: Slot, now: datetime) -> str:
    """“in 40 min”, “in 6 days”: days as the calendar counts them."""
    days = (slot.local.date() - now.astimezone(slot.local.tzinfo).date()).days
    if days < _DAYS_FROM:
        seconds = (slot.at - now).total_seconds()
        return formats.translate("schedule", "in %1").replace("%1", formats.about(seconds))
    return formats.translate("schedule", "in %1 days").replace("%1", formats.count(days))
