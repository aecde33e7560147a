"""When a schedule comes: a preset with its day and time, or a cron expression, and the time zone."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

from PySide6.QtCore import QLocale, QSignalBlocker, Qt, QTime, QTimeZone, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QCompleter,
    QLabel,
    QLineEdit,
    QSpinBox,
    QTimeEdit,
    QWidget,
)

from app.domain.schedule import Every, Preset, Schedule
from app.ui import theme
from app.ui.cron_words import weekday
from app.ui.state import State
from app.ui.theme import S
from app.ui.widgets.basics import label, row
from app.ui.widgets.segmented import Segmented

_DAYS = 28


class Repeat(StrEnum):
    """The ways in which the form lets a rhythm be said."""

    HOUR = Every.HOUR.value
    DAY = Every.DAY.value
    WEEK = Every.WEEK.value
    MONTH = Every.MONTH.value
    CRON = "cron"


class ScheduleWhen(QWidget):
    """The fields of a rhythm, which stand in the rows of the editor; `changed` tells of each change.

    Attributes:
        repeat: hourly to cron.
        when: the row of what goes with it.
        cron, zone: the fields in which something can be wrong.
    """

    changed = Signal()

    def __init__(self, state: State, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.repeat = Segmented(
            (
                (Repeat.HOUR, self.tr("Hourly")),
                (Repeat.DAY, self.tr("Daily")),
                (Repeat.WEEK, self.tr("Weekly")),
                (Repeat.MONTH, self.tr("Monthly")),
                (Repeat.CRON, self.tr("Cron")),
            ),
            self.tr("Repeat"),
        )
        self.weekday = QComboBox()
        first = QLocale().firstDayOfWeek().value
        for number in ((first + offset) % 7 for offset in range(7)):
            self.weekday.addItem(weekday(number), number)
        self.weekday.setAccessibleName(self.tr("Day of the week"))
        self.day = QComboBox()
        for number in range(1, _DAYS + 1):
            self.day.addItem(self.tr("Day %1").replace("%1", str(number)), number)
        self.day.addItem(self.tr("Last day"), 0)
        self.day.setAccessibleName(self.tr("Day of the month"))
        self.clock = QTimeEdit()
        self.clock.setDisplayFormat("HH:mm")
        self.clock.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.clock.setFixedWidth(self.clock.fontMetrics().horizontalAdvance("00:00") + 42)
        self.clock.setAccessibleName(self.tr("Time"))
        self.minute = QSpinBox()
        self.minute.setRange(0, 59)
        self.minute.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.minute.setFixedWidth(66)
        self.minute.setAccessibleName(self.tr("Minute"))
        self.cron = QLineEdit()
        self.cron.setFont(theme.mono())
        self.cron.setPlaceholderText("30 2 * * 1-5")
        self.cron.setAccessibleName(self.tr("Cron expression"))
        self.cron.setToolTip(self.tr("Minute, hour, day of the month, month, day of the week"))
        self.zone = QComboBox()
        self.zone.setEditable(True)
        self.zone.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.zone.setMinimumContentsLength(14)
        self.zone.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.zone.setAccessibleName(self.tr("Time zone"))
        self._at, self._minute_words = label(self.tr("at"), "second"), label(self.tr("minute"), "second")
        self.when = QWidget()
        fields: tuple[QWidget, ...] = (
            self.weekday,
            self.day,
            self._at,
            self.clock,
            self._minute_words,
            self.minute,
            self.cron,
            self.zone,
        )
        layout = row(*fields, spacing=S)
        layout.setStretchFactor(self.cron, 3)
        layout.setStretchFactor(self.zone, 4)
        self.when.setLayout(layout)
        self._shown: dict[Repeat, tuple[QWidget, ...]] = {
            Repeat.HOUR: (self._minute_words, self.minute),
            Repeat.DAY: (self.clock,),
            Repeat.WEEK: (self.weekday, self._at, self.clock),
            Repeat.MONTH: (self.day, self._at, self.clock),
            Repeat.CRON: (self.cron,),
        }
        self._preset = Preset(Every.DAY, 30, 2)
        self._loading = False
        self.repeat.changed.connect(self._repeat_changed)
        for signal in (
            self.weekday.currentIndexChanged,
            self.day.currentIndexChanged,
            self.clock.timeChanged,
            self.minute.valueChanged,
        ):
            signal.connect(self._preset_changed)
        self.cron.textChanged.connect(self._tell)
        self.zone.currentTextChanged.connect(self._tell)
        state.background.run(self, _zone_names, self._offer_zones, lambda _: None)

    def show_schedule(self, schedule: Schedule) -> None:
        """Put its times into the fields."""
        self._loading = True
        preset = Preset.of(schedule.cron)
        self._preset = preset or self._preset
        self.cron.setText(schedule.cron)
        self.zone.setEditText(schedule.zone)
        self._fill(self._preset)
        self.repeat.choose(Repeat(preset.every.value) if preset else Repeat.CRON)
        self._show_fields()
        self._loading = False

    def applied_to(self, schedule: Schedule) -> Schedule:
        """The schedule with the times of the fields."""
        cron = self.cron.text().strip() if self._chosen is Repeat.CRON else self._preset.cron
        return replace(schedule, cron=cron, zone=self.zone.currentText().strip())

    @property
    def main_field(self) -> QWidget:
        """Where the words “When” lead."""
        return next(one for one in self._shown[self._chosen] if not isinstance(one, QLabel))

    @property
    def _chosen(self) -> Repeat:
        return Repeat(str(self.repeat.value))

    def _fill(self, preset: Preset) -> None:
        self.weekday.setCurrentIndex(self.weekday.findData(preset.weekday))
        self.day.setCurrentIndex(self.day.findData(preset.day))
        self.clock.setTime(QTime(preset.hour, preset.minute))
        self.minute.setValue(preset.minute)

    def _repeat_changed(self) -> None:
        """From preset to preset the time stays; cron begins with what the preset meant."""
        if self._loading:
            return
        if self._chosen is Repeat.CRON:
            with QSignalBlocker(self.cron):
                self.cron.setText(self._preset.cron)
        else:
            known = Preset.of(self.cron.text())
            if known is not None and self.cron.isVisible():
                self._preset = known
            self._loading = True
            self._fill(self._preset)
            self._loading = False
            self._preset_changed()
        self._show_fields()
        self.changed.emit()

    def _preset_changed(self) -> None:
        if self._loading or self._chosen is Repeat.CRON:
            return
        every, clock = Every(self._chosen.value), self.clock.time()
        minute = self.minute.value() if every is Every.HOUR else clock.minute()
        weekday_, day = self.weekday.currentData(), self.day.currentData()
        self._preset = Preset(every, minute, clock.hour(), weekday_, day)
        self._tell()

    def _show_fields(self) -> None:
        wanted = self._shown[self._chosen]
        for widgets in self._shown.values():
            for widget in widgets:
                widget.setVisible(widget in wanted)

    def _offer_zones(self, names: list[str]) -> None:
        with QSignalBlocker(self.zone):
            text = self.zone.currentText()
            self.zone.addItems(names)
            self.zone.setEditText(text)
        completer = QCompleter(names, self.zone)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.zone.setCompleter(completer)

    def _tell(self) -> None:
        if not self._loading:
            self.changed.emit()


def _zone_names() -> list[str]:
    names = {bytes(name.data()).decode() for name in QTimeZone.availableTimeZoneIds()}
    return sorted(name for name in names if not name.startswith("UTC") or name == "UTC")
