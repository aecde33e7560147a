"""What the Schedule page shows while there is no project, or no schedule."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QStackedLayout, QWidget

from app.ui.widgets.basics import button
from app.ui.widgets.empty_state import EmptyState


class ScheduleEmpty(QWidget):
    """Says what to do.

    Signals:
        add_wanted: a project is to be added; `sample_wanted` likewise.
        new_wanted: the first schedule is to be begun.
    """

    add_wanted = Signal()
    sample_wanted = Signal()
    new_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.add = button(self.tr("Add Project…"), "plus", kind="primary", size="big")
        self.add.clicked.connect(self.add_wanted)
        sample = button(self.tr("Try With Sample Data"), size="big")
        sample.clicked.connect(self.sample_wanted)
        self.new = button(self.tr("New Schedule…"), "plus", kind="primary", size="big")
        self.new.clicked.connect(self.new_wanted)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(
            EmptyState(
                self.tr("There is nothing to schedule yet"),
                self.tr("Add a project first: a Supabase project, or any PostgreSQL database."),
                (self.add, sample),
                icon_name="calendar-check",
            )
        )
        self._stack.addWidget(
            EmptyState(
                self.tr("Nothing is backed up by itself yet"),
                self.tr(
                    "A schedule backs up a project each hour, day, week or month, and removes old backups."
                ),
                (self.new,),
                self.tr("Schedules run while Holdfast runs, or after “holdfast schedules install”."),
                icon_name="calendar-check",
            )
        )

    def show_for(self, *, has_projects: bool) -> None:
        """The one or the other."""
        self._stack.setCurrentIndex(int(has_projects))
