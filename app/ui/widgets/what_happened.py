"""Says of an attempt that left no backup, or whose backup is gone, what happened and what helps."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPushButton, QScrollArea, QWidget

from app.domain.errors import AppError, ErrorCode
from app.domain.history import Entry, Result
from app.domain.remedy import Remedy, remedies_of
from app.ui import formats
from app.ui.error_words import in_language
from app.ui.history_acts import Act
from app.ui.history_work import Detail
from app.ui.remedy_words import remedy_words
from app.ui.theme import M, S
from app.ui.widgets.basics import button, column, row
from app.ui.widgets.message_panel import MessagePanel

_MOST_BUTTONS = 2


class WhatHappened(QScrollArea):
    """Signals: `remedy_wanted`: a `Remedy`; `act_wanted`: an `Act`; `look_wanted`: read the folder again."""

    remedy_wanted = Signal(object)
    act_wanted = Signal(object)
    look_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.panel = MessagePanel()
        self._buttons = row(None, spacing=S)
        holder = QWidget()
        layout = column(self.panel, self._buttons, None, spacing=M)
        layout.setContentsMargins(M + 4, M, M + 4, M)
        holder.setLayout(layout)
        self.setWidget(holder)

    def show_entry(self, entry: Entry, detail: Detail) -> bool:
        """Tell what happened; False where there is nothing to tell: a backup that can be read."""
        self._remove_buttons()
        if entry.result is Result.FAILED:
            self._show_failure(entry)
        elif entry.result is Result.CANCELLED:
            text = self.tr("It was stopped after %1. Nothing of it is left.")
            self.panel.say("info", self.tr("Cancelled"), text.replace("%1", formats.duration(entry.seconds)))
            self._offer(Remedy.TRY_AGAIN)
        elif entry.result is Result.INTERRUPTED:
            self.panel.say(
                "warn",
                self.tr("Interrupted"),
                self.tr("Holdfast or the computer stopped while it was made. What it left was removed."),
            )
            self._offer(Remedy.TRY_AGAIN)
        elif entry.missing or detail.is_gone:
            self._show_missing(entry)
        elif detail.problem is not None:
            self._show_unreadable(detail.problem)
        else:
            return False
        return True

    def _show_failure(self, entry: Entry) -> None:
        title = entry.error_title or self.tr("The backup failed")
        try:
            error = AppError(ErrorCode(entry.error_code), title, detail=entry.error_detail)
        except ValueError:  # a bug, or an error of a newer Holdfast
            self.panel.say("bad", title.rstrip("."), formats.sentences(entry.error_detail))
            self._offer(Remedy.TRY_AGAIN)
            return
        shown = in_language(error)
        self.panel.say("bad", shown.title.rstrip("."), formats.sentences(shown.detail))
        remedies = remedies_of(error) or (Remedy.TRY_AGAIN,)
        for remedy in remedies[:_MOST_BUTTONS]:
            self._offer(remedy)

    def _show_missing(self, entry: Entry) -> None:
        text = self.tr("Connect the disk that it is on, or put it back if it was moved.")
        self.panel.say("warn", self.tr("The backup’s folder is not there"), f"{entry.path}\n{text}")
        again = self._add(self.tr("Look Again"))
        again.clicked.connect(self.look_wanted)
        remove = self._add(self.tr("Remove From History…"))
        remove.clicked.connect(lambda: self.act_wanted.emit(Act.DELETE))

    def _show_unreadable(self, problem: AppError) -> None:
        shown = in_language(problem)
        self.panel.say("bad", shown.title.rstrip("."), formats.sentences(shown.detail, shown.hint))
        again = self._add(self.tr("Look Again"))
        again.clicked.connect(self.look_wanted)
        folder = self._add(self.tr("Open Folder"))
        folder.clicked.connect(lambda: self.act_wanted.emit(Act.FOLDER))

    def _offer(self, remedy: Remedy) -> None:
        words = self.tr("Back Up Now") if remedy is Remedy.TRY_AGAIN else remedy_words(remedy)
        made = self._add(words)
        made.clicked.connect(lambda: self.remedy_wanted.emit(remedy))

    def _add(self, words: str) -> QPushButton:
        made = button(words)
        self._buttons.insertWidget(self._buttons.count() - 1, made)
        return made

    def _remove_buttons(self) -> None:
        while self._buttons.count() > 1:
            item = self._buttons.takeAt(0)
            if item is not None and (old := item.widget()) is not None:
                old.deleteLater()
