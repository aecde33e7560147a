"""The folder for backups: what is there, and another one, which is taken when it can be used."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QLineEdit, QSizePolicy, QWidget

from app.domain.errors import AppError
from app.system.files import make_folder
from app.system.paths import default_destination
from app.ui import formats
from app.ui.error_words import in_language
from app.ui.folder_facts import FolderFacts, look_at_folder
from app.ui.icons import icon
from app.ui.state import State
from app.ui.theme import S
from app.ui.widgets.basics import button, column, label, restyle, row
from app.ui.widgets.icon_label import IconLabel

_ICONS = {"ok": "check-circle-fill", "warn": "warning-fill", "bad": "warning-octagon-fill"}


class FolderField(QWidget):
    """A field with its button, and below it what was found, or what is wrong with what was typed."""

    def __init__(self, state: State, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self.field = QLineEdit()
        self.field.setAccessibleName(self.tr("Backup folder"))
        self.field.addAction(icon("folder", "text2"), QLineEdit.ActionPosition.LeadingPosition)
        self.field.editingFinished.connect(self._take_typed)
        self.field.textEdited.connect(lambda: self._show_problem(""))
        self.change = button(self.tr("Change…"))
        self.change.setToolTip(self.tr("Choose another folder for backups"))
        self.change.clicked.connect(self._choose)
        self._icon = IconLabel("", "text3", 14)
        self.facts = label("", "caption", wrap=True)
        found = row(2, self._icon, self.facts, spacing=S - 2)
        found.setStretch(2, 1)
        self.problem = label("", "error", wrap=True)
        self.create_link = button(self.tr("Create Folder"), kind="link")
        self.create_link.clicked.connect(self._make_folder)
        wrong = row(self.problem, self.create_link, None, spacing=S)
        upper = row(self.field, self.change, spacing=S)
        layout = column(upper, found, wrong, spacing=S - 2)
        self.setLayout(layout)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._show_problem("")
        self.show_destination()
        self.look()

    def show_destination(self) -> None:
        """Show the folder that is in use, unless another one is just being typed."""
        if not self.field.hasFocus() and not self.problem.text():
            self.field.setText(str(self._state.destination))

    def take(self, text: str) -> None:
        """Use this folder, if backups can be written to it; empty for the default one."""
        self.field.setText(text)
        folder = Path(text).expanduser() if text else default_destination()
        if not folder.is_absolute():
            self._show_problem(self.tr("Give the whole path, from the root on."))
            return

        def take(facts: FolderFacts) -> None:
            if self.field.text().strip() == text:
                self._take(folder, text, facts)

        self._state.background.run(self, lambda: look_at_folder(folder), take, self._fail)

    def look(self) -> None:
        """Look at the folder that is in use."""
        folder, catalog = self._state.destination, self._state.catalog

        def look() -> FolderFacts:
            facts = look_at_folder(folder)
            backups, size = catalog.total(folder)
            return replace(facts, backups=backups, bytes=size)

        self._icon.show_icon("", "text3")
        self.facts.setText(self.tr("Looking…"))
        self._state.background.run(
            self, look, self._show_facts, lambda error: self._say("warn", formats.sentences(_words(error)))
        )

    def _choose(self) -> None:
        dialog = QFileDialog(self, self.tr("Choose the Folder for Backups"), str(self._state.destination))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(self.take)
        dialog.open()

    def _take_typed(self) -> None:
        text = self.field.text().strip()
        if text == str(self._state.destination):
            self._show_problem("")
        else:
            self.take(text)

    def _take(self, folder: Path, text: str, facts: FolderFacts) -> None:
        if text and not facts.is_there:
            problem = facts.problem or self.tr("There is no such folder")
            self._show_problem(formats.sentences(problem), can_make=not facts.problem)
            return
        if facts.problem:
            self._show_problem(self.tr("It cannot be written to: %1.").replace("%1", facts.problem))
            return
        self._show_problem("")
        chosen = str(folder) if text else ""
        if self._state.change_settings(lambda settings: replace(settings, destination=chosen)):
            self.field.setText(str(self._state.destination))
            self._read_again(folder)

    def _make_folder(self) -> None:
        text = self.field.text().strip()
        folder = Path(text).expanduser()
        self._state.background.run(self, lambda: make_folder(folder), lambda _: self.take(text), self._fail)

    def _fail(self, error: Exception) -> None:
        self._show_problem(formats.sentences(_words(error)))

    def _read_again(self, folder: Path) -> None:
        """The history learns what lies there already."""
        catalog = self._state.catalog

        def read() -> None:
            if folder.is_dir():
                catalog.rescan(folder)

        def done(_: object) -> None:
            self._state.history_changed.emit()
            self.look()

        self._state.background.run(self, read, done, lambda _: self.look())

    def _show_facts(self, facts: FolderFacts) -> None:
        free = self.tr("%1 free of %2").replace("%1", formats.size(facts.free))
        free = free.replace("%2", formats.size(facts.total))
        if facts.is_usable:
            text = self.tr("Writable, %1.").replace("%1", free)
            if facts.backups:
                held = self.tr("%n backup(s), %1.", "", facts.backups)
                text = f"{text} {held.replace('%1', formats.size(facts.bytes))}"
            self._say("ok", text)
        elif facts.problem:
            self._say("bad", self.tr("It cannot be written to: %1.").replace("%1", facts.problem))
        elif self._state.settings.destination:
            self._say("bad", self.tr("It is not connected."))
        else:
            self._say("ok", self.tr("The first backup creates it. %1.").replace("%1", free))

    def _say(self, tone: str, text: str) -> None:
        self._icon.show_icon(_ICONS[tone], tone)
        self.facts.setText(text)

    def _show_problem(self, text: str, *, can_make: bool = False) -> None:
        self.field.setProperty("invalid", bool(text))
        restyle(self.field)
        self.problem.setText(text)
        self.problem.setVisible(bool(text))
        self.create_link.setVisible(can_make)
        self.facts.setVisible(not text)
        self._icon.setVisible(not text)


def _words(error: Exception) -> str:
    return in_language(error).title if isinstance(error, AppError) else str(error)
