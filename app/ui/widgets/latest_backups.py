"""The latest backup of each project, to be restored with one click."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from app.domain.history import Entry
from app.ui import formats
from app.ui.theme import L
from app.ui.widgets.badge import PROOF_FAILED, PROOF_STATUS, Badge
from app.ui.widgets.basics import button, card, label, line
from app.ui.widgets.elided_label import ElidedLabel
from app.ui.widgets.icon_label import IconLabel

_HEIGHT = 40


class LatestBackups(QWidget):
    """`chosen` carries the entry."""

    chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._outer = QVBoxLayout(self)
        self._outer.setContentsMargins(0, 0, 0, 0)

    def show_entries(self, entries: tuple[Entry, ...], now: datetime) -> None:
        """Show these."""
        while item := self._outer.takeAt(0):
            if (old := item.widget()) is not None:
                old.deleteLater()
        frame = card()
        layout = QGridLayout(frame)
        layout.setContentsMargins(0, 1, 0, 1)
        layout.setHorizontalSpacing(L)
        layout.setVerticalSpacing(0)
        layout.setColumnMinimumWidth(0, L)
        layout.setColumnStretch(2, 1)
        layout.setColumnMinimumWidth(7, 0)
        for number, entry in enumerate(entries):
            at = number * 2
            if number:
                layout.addWidget(line(), at - 1, 0, 1, 8)
            layout.setRowMinimumHeight(at, _HEIGHT)
            layout.addWidget(IconLabel("database", "text2"), at, 1)
            layout.addWidget(ElidedLabel(entry.project, "label", mode=Qt.TextElideMode.ElideRight), at, 2)
            when = label(formats.moment(entry.started, now))
            when.setToolTip(formats.exact_moment(entry.started))
            layout.addWidget(when, at, 3)
            if entry.proof_level is not None:
                status = PROOF_FAILED if entry.proof_failure else PROOF_STATUS[entry.proof_level]
                layout.addWidget(Badge(status, plain=True), at, 4)
            size = label(formats.size(entry.bytes))
            size.setToolTip(formats.exact_size(entry.bytes))
            size.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            size.setMinimumWidth(90)
            layout.addWidget(size, at, 5)
            restore = button(self.tr("Restore…"), kind="link")
            name = self.tr("Restore %1 of %2").replace("%1", entry.project)
            restore.setAccessibleName(name.replace("%2", formats.moment(entry.started, now)))
            restore.clicked.connect(lambda _=False, entry=entry: self.chosen.emit(entry))
            layout.addWidget(restore, at, 6)
        self._outer.addWidget(frame)
