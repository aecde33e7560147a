"""Does what the button of a failure promises."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from app.domain.errors import AppError
from app.domain.history import Entry
from app.domain.operation import Operation
from app.domain.remedy import Remedy, remedies_of
from app.ui.error_dialog import Remedy as Button
from app.ui.launcher import Launcher
from app.ui.remedy_words import remedy_words

_OF_SETTINGS = {
    Remedy.CHOOSE_FOLDER: "general",
    Remedy.SHOW_TOOLS: "tools",
    Remedy.SHOW_KEYRING: "security",
}
_OF_PROJECT = (
    Remedy.EDIT_CONNECTION,
    Remedy.ENTER_PASSWORD,
    Remedy.USE_SESSION_POOLER,
    Remedy.REQUIRE_TLS,
    Remedy.ALLOW_NO_TLS,
    Remedy.CHOOSE_ROOT_CERTIFICATE,
)


class Remedies(QObject):
    """Buttons for failures.

    Signals:
        settings_wanted: the page of the settings that helps.
        project_wanted: the name of the project whose connection is to be edited.
        largest_wanted: the history, the largest backups first.
        history_wanted: the project whose other backups are to be shown.
    """

    settings_wanted = Signal(str)
    project_wanted = Signal(str)
    largest_wanted = Signal()
    history_wanted = Signal(str)

    def __init__(self, launcher: Launcher, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._launcher = launcher

    def buttons(self, error: Exception, operation: Operation) -> tuple[Button, ...]:
        """What can be offered after an operation failed, the best first."""
        if not isinstance(error, AppError):
            return ()
        offered = [remedy for remedy in remedies_of(error) if self._can(remedy, operation)]
        return tuple((remedy_words(one), lambda one=one: self.apply(one, operation)) for one in offered)

    def apply(self, remedy: Remedy, operation: Operation) -> None:
        """Do it after an operation failed."""
        if remedy is Remedy.TRY_AGAIN:
            self._launcher.repeat(operation.id)
        elif remedy is Remedy.DELETE_FOR_GOOD:
            self._launcher.repeat_for_good(operation.id)
        else:
            self._lead(remedy, operation.project)

    def apply_to_attempt(self, remedy: Remedy, entry: Entry) -> None:
        """Do it for an attempt of the history."""
        if remedy is Remedy.PROVE:
            self._launcher.prove(entry)
        else:
            self._lead(remedy, entry.project)

    def _lead(self, remedy: Remedy, project: str) -> None:
        """Show where it can be done."""
        if remedy in _OF_SETTINGS:
            self.settings_wanted.emit(_OF_SETTINGS[remedy])
        elif remedy in _OF_PROJECT:
            self.project_wanted.emit(project)
        elif remedy is Remedy.FREE_SPACE:
            self.largest_wanted.emit()
        elif remedy is Remedy.SHOW_HISTORY:
            self.history_wanted.emit(project)

    def _can(self, remedy: Remedy, operation: Operation) -> bool:
        if remedy is Remedy.TRY_AGAIN:
            return self._launcher.can_repeat(operation.id)
        if remedy in (Remedy.PROVE, Remedy.REPLACE_FILE):
            return False
        return remedy not in _OF_PROJECT or bool(operation.project)
