"""Carries out what the user wants done with one backup of the history, or asks before it is handed on."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from app.domain.deletion import Consequence, consequences
from app.domain.errors import AppError
from app.domain.history import Entry, Result
from app.domain.project import folder_name
from app.ui import formats
from app.ui.history_acts import Act
from app.ui.history_words import name_of
from app.ui.history_work import change_note, entries_beside
from app.ui.question import Question
from app.ui.state import State

_SUFFIXES = (".tar", ".zip")


class HistoryRequests(QObject):
    """Pins and notes are kept at once; the rest goes to the queue of operations.

    Args:
        page: whose dialogs are shown.

    Signals:
        wanted: an `Act` that is to be done as it is, and the entry.
        export_wanted: the entry, and the `Path` of the file to write.
        delete_wanted: the entry; the user confirmed it.
        note_kept: the entry and its new note.
    """

    wanted = Signal(object, object)
    export_wanted = Signal(object, object)
    delete_wanted = Signal(object)
    note_kept = Signal(object, str)

    def __init__(self, state: State, page: QWidget) -> None:
        super().__init__(page)
        self._state, self._page = state, page

    def act(self, act: Act, entry: Entry) -> None:
        """Do it, or hand it on."""
        if act is Act.EXPORT:
            self._ask_for_file(entry)
        elif act is Act.PIN:
            self._pin(entry)
        elif act is Act.DELETE:
            self._ask_to_delete(entry)
        else:
            self.wanted.emit(act, entry)

    def keep_note(self, entry: Entry, note: str) -> None:
        """Keep a note, in the backup itself where it can be written."""
        catalog = self._state.catalog

        def tell(_told: tuple[str, ...]) -> None:
            self.note_kept.emit(entry, note)
            self._state.history_changed.emit()

        self._state.background.run(
            self,
            lambda: change_note(entry, note, catalog),
            tell,
            lambda error: self._state.failed.emit(error, self.tr("The note was not saved")),
        )

    def _pin(self, entry: Entry) -> None:
        try:
            self._state.catalog.pin(entry, not entry.pinned)
        except AppError as error:
            self._state.failed.emit(error, self.tr("The backup was not pinned"))
            return
        self._state.history_changed.emit()

    def _ask_for_file(self, entry: Entry) -> None:
        name = f"{folder_name(entry.project)} {entry.started:%Y-%m-%d %H%M}{_SUFFIXES[0]}"
        kinds = (self.tr("One file, tar (*.tar)"), self.tr("One file, zip (*.zip)"))
        path, kind = QFileDialog.getSaveFileName(
            self._page, self.tr("Export Backup"), str(Path.home() / name), ";;".join(kinds)
        )
        if path:
            chosen = Path(path)
            if chosen.suffix.lower() not in _SUFFIXES:
                chosen = chosen.with_name(chosen.name + _SUFFIXES[kind == kinds[1]])
            self.export_wanted.emit(entry, chosen)

    def _ask_to_delete(self, entry: Entry) -> None:
        try:
            known = entries_beside(entry, self._state.catalog)
        except AppError as error:
            self._state.failed.emit(error, self.tr("The history cannot be read"))
            return
        words = [self._consequence(one, entry) for one in consequences([entry], known).get(entry.project, ())]
        has_folder = entry.result is Result.SUCCEEDED and not entry.missing
        if has_folder:
            title, act = self.tr("Delete the backup “%1”?"), self.tr("Delete Backup")
            text = self.tr("Its folder (%1) goes to the trash.").replace("%1", formats.size(entry.bytes))
        else:
            title, act = self.tr("Remove “%1” from the history?"), self.tr("Remove Entry")
            text = self.tr("The entry is forgotten. Nothing on any disk is deleted.")
        title = title.replace("%1", name_of(entry, self._state.now()))
        answer = (act, "danger" if has_folder else "primary", lambda: self.delete_wanted.emit(entry))
        Question(title, "\n".join((text, *words)), (answer,), parent=self._page).open()

    def _consequence(self, one: Consequence, entry: Entry) -> str:
        words = {
            Consequence.NONE_LEFT: self.tr("It is the only good backup of %1: none is left then."),
            Consequence.NONE_PROVEN_LEFT: self.tr("It is the only proven backup of %1."),
            Consequence.NEWEST_GOES: self.tr("It is the newest good backup of %1."),
            Consequence.PINNED_GOES: self.tr("You pinned it."),
        }
        return words[one].replace("%1", entry.project)
