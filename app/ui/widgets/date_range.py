"""Asks for a first and a last day."""

from __future__ import annotations

from datetime import date

from PySide6.QtCore import QDate
from PySide6.QtWidgets import QDateEdit, QDialog, QVBoxLayout, QWidget

from app.ui import formats
from app.ui.theme import XL, L, M
from app.ui.widgets.basics import button, label, restyle, row


class DateRangeDialog(QDialog):
    """Two dates; it cannot be left with the last before the first but by Cancel.

    Args:
        first, last: to begin with.
    """

    def __init__(self, first: date, last: date, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Choose Dates"))
        self._first, self._last = _field(first), _field(last)
        self._problem = label("", "error")
        self._show = button(self.tr("Show These Dates"), kind="primary")
        self._show.setDefault(True)
        self._show.clicked.connect(self.accept)
        cancel = button(self.tr("Cancel"))
        cancel.clicked.connect(self.reject)
        names = []
        for text, field in ((self.tr("From"), self._first), (self.tr("To"), self._last)):
            name = label(text, "second")
            name.setBuddy(field)
            field.dateChanged.connect(self._check)
            names.append(name)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(XL, XL, XL, L)
        layout.setSpacing(M)
        layout.addLayout(row(names[0], self._first, M, names[1], self._last, spacing=M))
        layout.addWidget(self._problem)
        layout.addLayout(row(None, cancel, self._show))
        self._check()

    @property
    def dates(self) -> tuple[date, date]:
        """The first and the last day."""
        return _date(self._first.date()), _date(self._last.date())

    def _check(self) -> None:
        first, last = self.dates
        is_wrong = last < first
        self._problem.setText(self.tr("The last day is before the first.") if is_wrong else "")
        self._show.setEnabled(not is_wrong)
        self._last.setProperty("invalid", is_wrong)
        restyle(self._last)


def _field(day: date) -> QDateEdit:
    made = QDateEdit(QDate(day.year, day.month, day.day))
    made.setCalendarPopup(True)
    made.setDisplayFormat(formats.translate("formats", "d MMM yyyy"))
    made.setMinimumWidth(130)
    return made


def _date(day: QDate) -> date:
    return date(day.year(), day.month(), day.day())
