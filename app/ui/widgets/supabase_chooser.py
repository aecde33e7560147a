"""Finds a project at Supabase: an access token, or the sign-in of Supabase's command line, then a list."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QLineEdit, QListWidget, QListWidgetItem, QStackedWidget, QWidget

from app.domain.errors import AppError
from app.domain.project import Secret
from app.ui import formats
from app.ui.error_words import in_language
from app.ui.icons import icon
from app.ui.state import State
from app.ui.theme import M, S
from app.ui.widgets.basics import button, card, column, label, restyle, row

if TYPE_CHECKING:
    from app.engine.supabase_projects import FoundProject
    from app.ui.project_drafts import ProjectDraft
    from app.ui.supabase_work import Found, SignIn

_TOKENS_PAGE = "https://supabase.com/dashboard/account/tokens"
_LIST_HEIGHT, _ICON = 84, 18
_PROJECT = Qt.ItemDataRole.UserRole


class SupabaseChooser(QWidget):
    """Asks for a token only where none is kept; what it finds is chosen from a list.

    Signals:
        chosen: the `ProjectDraft` of a project that can be reached, without its password.
    """

    chosen = Signal(object)

    def __init__(self, state: State, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._asked = 0
        self._has_looked = False
        self._token: Secret | None = None
        self.token = QLineEdit()
        self.token.setEchoMode(QLineEdit.EchoMode.Password)
        self.token.setPlaceholderText("sbp_…")
        self.token.setAccessibleName(self.tr("Access token"))
        self.search = button(self.tr("Find Projects"), kind="primary")
        self.by_cli = button(self.tr("Use the Supabase CLI"))
        self.by_cli.hide()
        get_token = button(self.tr("Get a Token"), kind="link")
        self._hint = label("", "caption", wrap=True)
        self.projects = QListWidget()
        self.projects.setFixedHeight(_LIST_HEIGHT)
        self.projects.setIconSize(QSize(_ICON, _ICON))
        self.projects.setSpacing(S // 2)
        self.projects.setVerticalScrollMode(QListWidget.ScrollMode.ScrollPerPixel)
        framed = card()
        inner = column(self.projects)
        inner.setContentsMargins(S // 2, S // 2, S // 2, S // 2)
        framed.setLayout(inner)
        self.projects.setAccessibleName(self.tr("Projects at Supabase"))
        self.sign_out = button(self.tr("Use Another Token"), kind="link")
        self._found_note = label("", "caption", wrap=True)
        self._stack = QStackedWidget()
        self._ask, self._list = QWidget(), QWidget()
        entry = row(self.token, self.search, spacing=S)
        entry.setStretch(0, 1)
        ask = column(entry, row(self.by_cli, get_token, None, spacing=M), self._hint, None, spacing=S)
        below = row(self._found_note, self.sign_out, spacing=S)
        below.setStretch(0, 1)
        found = column(framed, below, spacing=4)
        for page, layout in ((self._ask, ask), (self._list, found)):
            layout.setContentsMargins(0, 0, 0, 0)
            page.setLayout(layout)
            self._stack.addWidget(page)
        outer = column(self._stack)
        outer.setContentsMargins(0, 0, 0, 0)
        self.setLayout(outer)
        self.search.clicked.connect(self.find_with_token)
        self.token.returnPressed.connect(self.find_with_token)
        self.by_cli.clicked.connect(self.find_with_cli)
        get_token.clicked.connect(lambda: QDesktopServices.openUrl(QUrl(_TOKENS_PAGE)))
        self.sign_out.clicked.connect(self._forget)
        self.projects.itemActivated.connect(self._choose)
        self.projects.itemClicked.connect(self._choose)
        self._say(
            self.tr(
                "With an access token Holdfast finds your projects, and reads their settings and keys. "
                "It is kept in the keyring."
            )
        )

    def look(self) -> None:
        """Shown for the first time: use the token that is kept, if there is one."""
        if self._has_looked:
            return
        self._has_looked = True

        def look() -> SignIn:
            from app.ui.supabase_work import look_at_sign_in

            return look_at_sign_in()

        self._state.background.run(self, look, self._show_sign_in, self._fail)

    def find_with_token(self) -> None:
        """List the projects of the token that was entered."""
        text = self.token.text().strip()
        if not text:
            self._say(self.tr("Enter an access token of your Supabase account."), is_wrong=True)
            self.token.setFocus()
            return
        token = Secret(text)

        def find() -> Found:
            from app.ui.supabase_work import find_with_token

            return find_with_token(token)

        self._run(find)

    def find_with_cli(self) -> None:
        """List the projects of whom Supabase's command line is signed in as."""

        def find() -> Found:
            from app.ui.supabase_work import find_with_cli

            return find_with_cli()

        self._run(find)

    def _show_sign_in(self, known: SignIn) -> None:
        self.by_cli.setVisible(known.has_cli)
        if known.has_token and not self.token.text():

            def find() -> Found:
                from app.ui.supabase_work import find_with_kept_token

                return find_with_kept_token()

            self._run(find)

    def _run(self, find: Callable[[], Found]) -> None:
        self._asked += 1
        asked = self._asked
        self._set_busy(True)
        self._say(self.tr("Asking Supabase…"))

        def show(found: Found) -> None:
            if asked == self._asked:
                self._show_found(found)

        def fail(error: Exception) -> None:
            if asked == self._asked:
                self._fail(error)

        self._state.background.run(self, find, show, fail)

    def _show_found(self, found: Found) -> None:
        self._set_busy(False)
        self._token = found.token
        self.token.clear()
        self.projects.clear()
        for project in found.projects:
            state = self.tr("paused") if project.is_paused else ""
            place = ", ".join(filter(None, (project.organisation, project.region, state)))
            item = QListWidgetItem(icon("database", "text2"), f"{project.name}\n{place}")
            item.setData(_PROJECT, project)
            self.projects.addItem(item)
        if not found.projects:
            self._say(self.tr("This sign-in may see no project."), is_wrong=True)
            self._stack.setCurrentWidget(self._ask)
            return
        kept = self.tr("The token is kept in %1.").replace("%1", found.keyring) if found.keyring else ""
        problem = found.problem and formats.sentences(found.problem)
        self._found_note.setText(" ".join(filter(None, (self.tr("Choose a project."), kept, problem))))
        self._stack.setCurrentWidget(self._list)
        self.projects.setFocus()

    def _choose(self, item: QListWidgetItem) -> None:
        project: FoundProject = item.data(_PROJECT)
        token = self._token
        self._asked += 1
        asked = self._asked
        self._found_note.setText(self.tr("Asking how to reach %1…").replace("%1", project.name))

        def find() -> tuple[ProjectDraft, str]:
            from app.ui.supabase_work import find_draft

            return find_draft(project, token)

        def show(found: tuple[ProjectDraft, str]) -> None:
            if asked == self._asked:
                draft, note = found
                text = self.tr("Filled in below. Enter the database's password: Supabase gives it to nobody.")
                self._found_note.setText(" ".join(filter(None, (note, text))))
                self.chosen.emit(draft)

        def fail(error: Exception) -> None:
            if asked == self._asked and isinstance(error, AppError):
                shown = in_language(error)
                self._found_note.setText(formats.sentences(shown.title, shown.detail, shown.hint))

        self._state.background.run(self, find, show, fail)

    def _forget(self) -> None:
        self._stack.setCurrentWidget(self._ask)
        self._say(self.tr("The new token takes the place of the one that is kept."))
        self.token.setFocus()

    def _fail(self, error: Exception) -> None:
        self._set_busy(False)
        self._stack.setCurrentWidget(self._ask)
        if isinstance(error, AppError):
            shown = in_language(error)
            self._say(formats.sentences(shown.title, shown.detail, shown.hint), is_wrong=True)
        else:
            self._state.failed.emit(error, "")

    def _set_busy(self, is_busy: bool) -> None:
        for one in (self.token, self.search, self.by_cli):
            one.setEnabled(not is_busy)

    def _say(self, text: str, *, is_wrong: bool = False) -> None:
        self._hint.setText(text)
        self._hint.setProperty("role", "error" if is_wrong else "caption")
        self.token.setProperty("invalid", is_wrong)
        for one in (self._hint, self.token):
            restyle(one)
