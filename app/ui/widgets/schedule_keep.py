"""Which backups a schedule keeps, and what these rules would remove now."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QDoubleSpinBox,
    QFrame,
    QGridLayout,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from app.domain.errors import AppError
from app.domain.retention import RetentionPlan, RetentionRules
from app.domain.schedule import Schedule, zone_named
from app.engine.retention import plan_for
from app.ui import formats
from app.ui.schedule_words import removal
from app.ui.state import State
from app.ui.theme import L, M, S, colours
from app.ui.widgets.basics import button, label, row
from app.ui.widgets.retention_cells import RetentionCells, paint_cell

_COUNTS = ("last", "hourly", "daily", "weekly", "monthly", "yearly")
_USUAL = RetentionRules(daily=7, weekly=4, monthly=12)
_GB = 1_000_000_000
_LISTED = 10
_PAUSE = 80


class ScheduleKeep(QWidget):
    """The fields of the rules and their preview, which stand in the rows of the editor.

    Attributes:
        counts: how many are kept of what.
        limits: how old and how large they may become.
        preview: the card that shows what goes.
        plan: what it shows; None while it is not known.

    Signals:
        changed: a field was.
        previewed: the preview shows what the fields say.
    """

    changed = Signal()
    previewed = Signal()

    def __init__(self, state: State, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._schedule: Schedule | None = None
        self._bytes = 0
        self._loading = False
        self._asked = 0
        self.plan: RetentionPlan | None = None
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE)
        self._pause.timeout.connect(self._ask)
        self.numbers = {name: QSpinBox() for name in _COUNTS}
        self.age = QSpinBox()
        self.total = QDoubleSpinBox()
        self.trash = QCheckBox(self.tr("Into the trash"))
        self.trash.setToolTip(self.tr("Otherwise they are removed for good. The trash frees no space."))
        self.counts = self._make_counts()
        self.limits = self._make_limits()
        self.preview = self._make_preview()
        for spin in (*self.numbers.values(), self.age):
            spin.valueChanged.connect(self._tell)
        self.total.valueChanged.connect(self._size_changed)
        self.trash.toggled.connect(self._tell)
        state.history_changed.connect(self._pause.start)

    def show_schedule(self, schedule: Schedule) -> None:
        """Put its rules into the fields."""
        self._loading = True
        rules = schedule.retention
        for name, spin in self.numbers.items():
            spin.setValue(getattr(rules, name))
        self.age.setValue(rules.max_age_days)
        self.total.setValue(rules.max_total_bytes / _GB)
        self._bytes = rules.max_total_bytes
        self.trash.setChecked(schedule.trash)
        self._loading = False

    def applied_to(self, schedule: Schedule) -> Schedule:
        """The schedule with the rules of the fields."""
        numbers = {name: spin.value() for name, spin in self.numbers.items()}
        rules = RetentionRules(**numbers, max_age_days=self.age.value(), max_total_bytes=self._bytes)
        return replace(schedule, retention=rules, trash=self.trash.isChecked())

    def show_preview(self, schedule: Schedule) -> None:
        """Tell what the rules of this schedule would remove; the answer comes soon."""
        self._schedule = schedule
        self._pause.start()

    def _ask(self) -> None:
        schedule, state = self._schedule, self._state
        if schedule is None:
            return
        self._asked += 1
        number, now = self._asked, state.now()
        try:
            zone_named(schedule.zone)
        except AppError:
            return

        def plan() -> RetentionPlan:
            return plan_for(schedule, state.catalog, state.destination, now)

        def show(made: RetentionPlan) -> None:
            if number == self._asked:
                self._show_plan(made, schedule.retention)

        def fail(error: Exception) -> None:
            state.failed.emit(error, self.tr("What would be removed cannot be told"))

        state.background.run(self, plan, show, fail)

    def _show_plan(self, plan: RetentionPlan, rules: RetentionRules) -> None:
        self.plan = plan
        kept, removed = len(plan.kept), len(plan.removed)
        self._usual.setVisible(rules.is_off)
        self._strip.setVisible(bool(plan.verdicts))
        self.cells.show_verdicts(plan.verdicts, self._state.now(), self._state.zone)
        self._keeps.setText(self.tr("keeps %1").replace("%1", formats.count(kept)))
        self._removes.setText(self.tr("removes %1").replace("%1", formats.count(removed)))
        if not plan.verdicts:
            text = self.tr("There are no backups of this schedule yet.")
            if rules.is_off:
                text = self.tr("All backups will be kept.")
        elif rules.is_off:
            text = self.tr("Keeps all %1, removes none.").replace("%1", formats.count(kept))
        elif not removed:
            text = self.tr("Keeps %1, removes none now.").replace("%1", formats.count(kept))
        else:
            text = self.tr("Keeps %1, removes %2 (%3) after the next backup.")
            text = text.replace("%1", formats.count(kept)).replace("%2", formats.count(removed))
            text = text.replace("%3", formats.size(plan.removed_bytes))
        self.sentence.setText(text)
        self._show.setVisible(bool(removed))
        self._list_removed()
        self.previewed.emit()

    def _list_removed(self) -> None:
        plan = self.plan
        is_open = self._show.isChecked() and plan is not None and bool(plan.removed)
        self._show.setText(self.tr("Hide") if self._show.isChecked() else self.tr("Show"))
        self.removed.setVisible(is_open)
        if plan is None or not is_open:
            return
        now, zone = self._state.now(), self._state.zone
        gone = [(one.backup, one.removed_by) for one in plan.verdicts if one.removed_by is not None]
        lines = [
            f"{formats.moment(backup.started, now, zone)}, {formats.size(backup.bytes)}: {removal(why)}"
            for backup, why in gone[:_LISTED]
        ]
        if len(gone) > _LISTED:
            more = formats.count(len(gone) - _LISTED)
            lines.append(self.tr("and %1 more, all of them older").replace("%1", more))
        self.removed.setText("\n".join(lines))

    def _make_counts(self) -> QWidget:
        words = (
            self.tr("last"),
            self.tr("hourly"),
            self.tr("daily"),
            self.tr("weekly"),
            self.tr("monthly"),
            self.tr("yearly"),
        )
        made = QWidget()
        grid = QGridLayout(made)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(S)
        grid.setVerticalSpacing(2)
        for number, (spin, text) in enumerate(zip(self.numbers.values(), words, strict=True)):
            spin.setRange(0, 9999)
            spin.setAlignment(Qt.AlignmentFlag.AlignRight)
            spin.setMinimumWidth(56)
            spin.setMaximumWidth(72)
            spin.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            spin.setCorrectionMode(QAbstractSpinBox.CorrectionMode.CorrectToNearestValue)
            spin.setAccessibleName(self.tr("Keep, %1").replace("%1", text))
            above = label(text, "caption")
            above.setBuddy(spin)
            grid.addWidget(above, 0, number)
            grid.addWidget(spin, 1, number)
        grid.setColumnStretch(len(words), 1)
        return made

    def _make_limits(self) -> QWidget:
        self.age.setRange(0, 36_500)
        self.age.setSpecialValueText(self.tr("any age"))
        self.age.setSuffix(" " + self.tr("days old"))
        self.age.setAccessibleName(self.tr("Remove those that are older, in days; 0 for any age"))
        self.age.setToolTip(self.tr("Older ones are removed, whatever the numbers above say"))
        self.total.setRange(0, 1_000_000)
        self.total.setDecimals(1)
        self.total.setSpecialValueText(self.tr("any size"))
        self.total.setSuffix(" " + self.tr("GB together"))
        self.total.setAccessibleName(self.tr("Most that all may take together, in GB; 0 for any size"))
        self.total.setToolTip(self.tr("The oldest are removed until all together are no larger"))
        for spin in (self.age, self.total):
            spin.setAlignment(Qt.AlignmentFlag.AlignRight)
            spin.setMinimumWidth(130)
        made = QWidget()
        made.setLayout(row(self.age, self.total, self.trash, None))
        return made

    def _make_preview(self) -> QFrame:
        made = QFrame()
        made.setProperty("role", "card")
        self.cells = RetentionCells()
        self._keeps, self._removes = label("", "caption"), label("", "caption")
        self.sentence = label("", "second", wrap=True)
        self._show = button(self.tr("Show"), kind="link")
        self._show.setCheckable(True)
        self._show.toggled.connect(self._list_removed)
        self._usual = button(self.tr("Keep 7 Daily, 4 Weekly, 12 Monthly"), kind="link")
        self._usual.clicked.connect(self._choose_usual)
        self.removed = label("", "caption", wrap=True)
        legend = row(_Legend(removed=False), self._keeps, S, _Legend(removed=True), self._removes, spacing=6)
        self._strip = QWidget()
        strip = row(self.cells, legend, spacing=L)
        strip.setStretch(0, 1)
        self._strip.setLayout(strip)
        layout = QVBoxLayout(made)
        layout.setContentsMargins(L - 2, M, L - 2, M)
        layout.setSpacing(S - 2)
        layout.addWidget(self._strip)
        says = row(self.sentence, self._show, self._usual, spacing=S)
        says.setStretch(0, 1)
        layout.addLayout(says)
        layout.addWidget(self.removed)
        for one in (self._strip, self._show, self._usual, self.removed):
            one.hide()
        return made

    def _choose_usual(self) -> None:
        for name in _COUNTS:
            self.numbers[name].setValue(getattr(_USUAL, name))

    def _size_changed(self, value: float) -> None:
        if not self._loading:
            self._bytes = round(value * _GB)
            self._tell()

    def _tell(self) -> None:
        if not self._loading:
            self.changed.emit()


class _Legend(QWidget):
    """A small cell beside its word."""

    def __init__(self, *, removed: bool) -> None:
        super().__init__()
        self._is_removed = removed
        self.setFixedSize(QSize(9, 12))

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint_cell(painter, QRectF(self.rect()), colours(self.palette()), removed=self._is_removed)
        painter.end()
