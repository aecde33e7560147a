"""Search and filters of History, and what they mean for the catalog."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QWidget

from app.domain.history import Result
from app.persistence.history_query import HistoryFilter, ProofFilter
from app.ui import formats
from app.ui.history_words import kind_word
from app.ui.icons import icon
from app.ui.theme import S
from app.ui.widgets.badge import (
    CANCELLED,
    COMPLETE,
    FAILED,
    GOOD,
    INTERRUPTED,
    PROOF_FAILED,
    PROVEN,
    SEALED,
)
from app.ui.widgets.basics import label
from app.ui.widgets.date_range import DateRangeDialog

_PAUSE = 150
_MOST, _ARROW, _ICON = 200, 50, 22
_OWN_DATES = "own"


class HistoryFilters(QWidget):
    """The row of filters; the search field stands elsewhere on the page.

    `changed` tells that `wanted` is another one; typing tells it after a short pause.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE)
        self._pause.timeout.connect(self.changed)
        self.search = self._make_search()
        self.project = self._combo(self.tr("Project"), ((self.tr("All projects"), None),))
        results = [
            (status.text, result)
            for status, result in (
                (GOOD, Result.SUCCEEDED),
                (FAILED, Result.FAILED),
                (CANCELLED, Result.CANCELLED),
                (INTERRUPTED, Result.INTERRUPTED),
            )
        ]
        self.result = self._combo(self.tr("Result"), ((self.tr("Any result"), None), *results))
        proofs = [
            (status.text, proof)
            for status, proof in (
                (PROVEN, ProofFilter.PROVEN),
                (COMPLETE, ProofFilter.COMPLETE),
                (SEALED, ProofFilter.SEALED),
                (PROOF_FAILED, ProofFilter.FAILED),
            )
        ]
        self.proof = self._combo(
            self.tr("Proof"),
            ((self.tr("Any proof"), None), *proofs, (self.tr("No proof"), ProofFilter.NONE)),
        )
        kinds = [(kind_word(kind), kind) for kind in ("manual", "scheduled", "safety")]
        self.kind = self._combo(self.tr("Kind"), ((self.tr("Any kind"), None), *kinds))
        self.dates = self._combo(
            self.tr("Dates"),
            (
                (self.tr("Any time"), None),
                (self.tr("Today"), 0),
                (self.tr("Last 7 days"), 7),
                (self.tr("Last 30 days"), 30),
                (self.tr("Last 90 days"), 90),
                (self.tr("Choose Dates…"), _OWN_DATES),
            ),
        )
        for number in range(self.dates.count()):
            self.dates.setItemIcon(number, icon("calendar-blank", "text2"))
        self.dates.setMinimumWidth(self.dates.minimumWidth() + _ICON)
        self.dates.activated.connect(self._ask_for_dates)
        self._range: tuple[date, date] | None = None
        self._dates_before = 0
        self._shown = label("", "count")
        self._shown.setAlignment(Qt.AlignmentFlag.AlignTrailing | Qt.AlignmentFlag.AlignVCenter)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(S)
        for combo in self._combos:
            layout.addWidget(combo)
        layout.addStretch(1)
        layout.addWidget(self._shown)

    @property
    def is_active(self) -> bool:
        """Whether anything is left out."""
        return bool(self.search.text().strip()) or any(combo.currentIndex() for combo in self._combos)

    def wanted(self, now: datetime) -> HistoryFilter:
        """What the catalog is asked for; days are those of the clock on the wall."""
        since, until = self._span(now)
        project, result, proof, kind = (
            combo.currentData() for combo in (self.project, self.result, self.proof, self.kind)
        )
        return HistoryFilter(
            text=self.search.text().strip(),
            projects=() if project is None else (project,),
            results=() if result is None else (Result(result),),
            proofs=() if proof is None else (ProofFilter(proof),),
            kinds=() if kind is None else (kind,),
            since=since,
            until=until,
        )

    def show_projects(self, names: Sequence[str]) -> None:
        """Offer these; the chosen one stays chosen while it is one of them."""
        chosen = self.project.currentData()
        if [self.project.itemData(number) for number in range(1, self.project.count())] == list(names):
            return
        self.project.blockSignals(True)
        while self.project.count() > 1:
            self.project.removeItem(1)
        for name in names:
            self.project.addItem(name, name)
        self.project.setCurrentIndex(max(0, self.project.findData(chosen)))
        self.project.blockSignals(False)

    def choose_project(self, name: str) -> None:
        """Show this project's alone, whatever was filtered before."""
        self.clear()
        self.project.setCurrentIndex(max(0, self.project.findData(name)))

    def show_count(self, number: int) -> None:
        """How many are shown."""
        self._shown.setText(self.tr("%1 shown").replace("%1", formats.count(number)))

    def clear(self) -> None:
        """Leave nothing out."""
        was_active = self.is_active
        for one in (self.search, *self._combos):
            one.blockSignals(True)
        self.search.clear()
        for combo in self._combos:
            combo.setCurrentIndex(0)
        for one in (self.search, *self._combos):
            one.blockSignals(False)
        self._set_range(None)
        if was_active:
            self.changed.emit()

    @property
    def _combos(self) -> tuple[QComboBox, ...]:
        return self.project, self.result, self.proof, self.kind, self.dates

    def _make_search(self) -> QLineEdit:
        made = QLineEdit()
        made.setPlaceholderText(self.tr("Search"))
        made.setAccessibleName(self.tr("Search in projects, notes and errors"))
        made.setToolTip(made.accessibleName())
        made.setClearButtonEnabled(True)
        made.setFixedWidth(220)
        made.addAction(icon("magnifying-glass", "text3"), QLineEdit.ActionPosition.LeadingPosition)
        made.textChanged.connect(lambda _: self._pause.start())
        return made

    def _combo(self, name: str, items: Sequence[tuple[str, object]]) -> QComboBox:
        made = QComboBox(self)
        made.setAccessibleName(name)
        for text, value in items:
            made.addItem(text, value)
        made.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        made.setMaximumWidth(_MOST)
        made.setMinimumWidth(made.fontMetrics().horizontalAdvance(items[0][0]) + _ARROW)
        made.currentIndexChanged.connect(lambda _: self._tell(made))
        return made

    def _tell(self, combo: QComboBox) -> None:
        if combo.currentData() != _OWN_DATES:  # those are asked for first
            self.changed.emit()

    def _ask_for_dates(self, number: int) -> None:
        if self.dates.itemData(number) != _OWN_DATES:
            self._dates_before = number
            self._set_range(None)
            return
        today = datetime.now().astimezone().date()
        first, last = self._range or (today - timedelta(days=30), today)
        dialog = DateRangeDialog(first, last, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(lambda: self.choose_dates(*dialog.dates))
        dialog.rejected.connect(self._keep_dates)
        dialog.open()

    def choose_dates(self, first: date, last: date) -> None:
        """Show what was begun from the first day to the end of the last."""
        self._set_range((first, last))
        self.dates.setCurrentIndex(self.dates.count() - 1)
        self.changed.emit()

    def _keep_dates(self) -> None:
        if self._range is None:
            self.dates.setCurrentIndex(self._dates_before)

    def _set_range(self, dates: tuple[date, date] | None) -> None:
        self._range = dates
        text = self.tr("Choose Dates…")
        if dates is not None:
            today = datetime.now().astimezone().date()
            text = " – ".join(formats.short_day(day, today) for day in dates)
        self.dates.setItemText(self.dates.count() - 1, text)

    def _span(self, now: datetime) -> tuple[datetime | None, datetime | None]:
        chosen = self.dates.currentData()
        if chosen is None:
            return None, None
        if chosen == _OWN_DATES:
            if self._range is None:
                return None, None
            first, last = self._range
            return _midnight(first), _midnight(last + timedelta(days=1))
        return _midnight(now.astimezone().date() - timedelta(days=int(chosen))), None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time()).astimezone()
