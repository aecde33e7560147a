"""Takes the way through Supabase's session pooler where the direct one fails: tried, shown, then kept."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from app.domain.conninfo import conninfo_keywords
from app.domain.errors import AppError, Cancelled
from app.domain.project import Project
from app.system.cancellation import CancelToken
from app.ui import formats
from app.ui.background import cancel_soon
from app.ui.error_words import in_language
from app.ui.question import Question
from app.ui.state import State
from app.ui.widgets.message_panel import MessagePanel


class SessionPooler(QObject):
    """The act behind *Use Session Pooler*; one project at a time.

    Signals:
        token_wanted: the project's name; without a token Supabase does not tell where its pooler is.
        edit_wanted: the project's name, whose connection the user wants to change by hand.
    """

    token_wanted = Signal(str)
    edit_wanted = Signal(str)

    def __init__(self, state: State, notice: MessagePanel, parent: QWidget) -> None:
        super().__init__(parent)
        self._state, self._notice, self._page = state, notice, parent
        self._cancel = CancelToken()

    def use(self, name: str) -> None:
        """Find the pooler, test it, and ask whether it is to be used."""
        cancel_soon(self._cancel)
        self._cancel = cancel = CancelToken()
        services = self._state.services
        stop = (self.tr("Cancel"), self._stop)
        text = self.tr("Trying the session pooler of %1…").replace("%1", formats.shortened(name))
        self._notice.say("info", text, actions=(stop,))

        def find() -> Project | None:
            from app.ui.project_work import try_session_pooler

            return try_session_pooler(services(), name, cancel)

        def show(found: Project | None) -> None:
            if cancel is self._cancel:
                self._notice.hide()
                if found is None:
                    self.token_wanted.emit(name)
                else:
                    self._ask(found)

        def failed(error: Exception) -> None:
            if cancel is self._cancel and not isinstance(error, Cancelled):
                self._tell(name, error)

        self._state.background.run(self, find, show, failed)

    def _stop(self) -> None:
        cancel_soon(self._cancel)
        self._cancel = CancelToken()
        self._notice.hide()

    def _ask(self, found: Project) -> None:
        words = conninfo_keywords(found.conninfo)
        text = self.tr(
            "%1 answers on port %2 and lets %3 in. Password, schedules and backups stay as they are."
        )
        for place, value in (("%1", "host"), ("%2", "port"), ("%3", "user")):
            text = text.replace(place, words[value])
        title = self.tr("Reach %1 through its session pooler?")
        Question(
            title.replace("%1", formats.shortened(found.name)),
            text,
            ((self.tr("Use Session Pooler"), "primary", lambda: self._keep(found)),),
            parent=self._page.window(),
        ).open()

    def _keep(self, found: Project) -> None:
        def keep() -> None:
            from app.ui.project_work import keep_way

            keep_way(found)

        def kept(_: None) -> None:
            self._state.reload_settings()
            text = self.tr("%1 is reached through its session pooler now.")
            self._notice.say("ok", text.replace("%1", formats.shortened(found.name)))

        self._state.background.run(self, keep, kept, lambda error: self._tell(found.name, error))

    def _tell(self, name: str, error: Exception) -> None:
        if not isinstance(error, AppError):
            self._notice.hide()
            self._state.failed.emit(error, "")
            return
        title = self.tr("A backup of %1 would fail through its session pooler, too")
        title = title.replace("%1", formats.shortened(name))
        edit = (self.tr("Edit Connection…"), lambda: self.edit_wanted.emit(name))
        shown = in_language(error)
        self._notice.say("bad", title, formats.sentences(shown.title, shown.detail, shown.hint), (edit,))
