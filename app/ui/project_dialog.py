"""Adds a project or changes its connection: paste a string or fill in fields, test, keep."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QCloseEvent, QGuiApplication
from PySide6.QtWidgets import QDialog, QVBoxLayout, QWidget
from shiboken6 import isValid

from app.domain.conninfo import conninfo_keywords
from app.domain.errors import AppError, Cancelled
from app.domain.project import Project
from app.domain.remedy import Remedy
from app.persistence.settings import find_project
from app.system.cancellation import CancelToken
from app.ui import formats
from app.ui.background import cancel_soon
from app.ui.error_words import in_language
from app.ui.project_drafts import (
    SESSION_POOLER,
    TRANSACTION_POOLER,
    Field,
    ProjectDraft,
    draft_of,
    masked,
    problems,
    suggested_name,
)
from app.ui.question import Question
from app.ui.state import State
from app.ui.theme import XL, L, M, S
from app.ui.widgets.basics import button, column, label, line, resize_in_letters, row, scrolled
from app.ui.widgets.connection_checklist import ConnectionChecklist
from app.ui.widgets.connection_fields import ConnectionFields
from app.ui.widgets.connection_string import ConnectionString
from app.ui.widgets.elided_label import ElidedLabel
from app.ui.widgets.segmented import Segmented
from app.ui.widgets.supabase_chooser import SupabaseChooser

if TYPE_CHECKING:
    from app.engine.connection_check import CheckLine
    from app.ui.keyring_work import KeyringFacts
    from app.ui.project_work import Kept

_SIZE = QSize(880, 660)
_STRING, _SUPABASE, _FIELDS = "string", "supabase", "fields"


class ProjectDialog(QDialog):
    """The dialog, for a new project where `name` is empty.

    Args:
        state: of the window.
        name: of the project to edit.
        is_busy: tells whether an operation of a project runs or waits; then it cannot be renamed.

    Signals:
        saved: the project's name, and why its password is kept for this run alone (or nothing).
        settings_wanted: the page of the settings that helps.

    Raises:
        AppError: UNKNOWN_PROJECT.
    """

    saved = Signal(str, str)
    settings_wanted = Signal(str)
    _checked = Signal(object, object)

    def __init__(
        self, state: State, name: str, is_busy: Callable[[str], bool], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._state, self._is_busy = state, is_busy
        self._old: Project | None = find_project(state.settings, name) if name else None
        self._cancel = CancelToken()
        self._touched: set[Field] = set()
        self._keyring: KeyringFacts | None = None
        self._suggested = ""
        self._is_saving = False
        title = self.tr("Edit %1").replace("%1", name) if name else self.tr("Add Project")
        self.setWindowTitle(title)
        self.way = Segmented(
            (
                (_STRING, self.tr("Connection String")),
                (_SUPABASE, self.tr("From Supabase…")),
                (_FIELDS, self.tr("Fields Only")),
            ),
            self.tr("How to enter the connection"),
        )
        self.string = ConnectionString()
        self.string.given.connect(self._read_string)
        self.supabase = SupabaseChooser(state)
        self.supabase.chosen.connect(self._take_found)
        self.fields = ConnectionFields()
        self.checklist = ConnectionChecklist()
        self.test = button(self.tr("Test Connection"), "arrow-clockwise")
        self.note = label("", "second", wrap=True)
        cancel = button(self.tr("Cancel"))
        self.keep = button(self.tr("Save Project") if name else self.tr("Add Project"), kind="primary")
        self.keep.setDefault(True)
        self._arrange(title, cancel)
        self.way.changed.connect(self._show_way)
        self.fields.changed.connect(self._fields_changed)
        self.fields.left.connect(self._judge)
        self.checklist.remedy_wanted.connect(self._remedy)
        self._checked.connect(self._show_checked)
        self.test.clicked.connect(self.check)
        self.keep.clicked.connect(self.save)
        cancel.clicked.connect(self.close)
        self._start()

    @property
    def has_changes(self) -> bool:
        """Something was entered that is not kept."""
        return self._is_saving or self.fields.draft != self._first or self.string.is_unread

    def check(self) -> None:
        """Test the connection as it is entered, from the first line on."""
        if self.string.is_unread:
            self.string.give(self.check)
            return
        if self._refuse(self._in_the_way_of_a_test(self._problems())):
            return
        cancel_soon(self._cancel)
        self._cancel = cancel = CancelToken()
        draft, name, services = self.fields.draft, self._old.name if self._old else "", self._state.services
        self.checklist.clear()
        self.note.setText(self.tr("Testing…"))

        def on_line(checked: CheckLine) -> None:
            if isValid(self):
                self._checked.emit(cancel, checked)

        def check() -> None:
            from app.ui.project_work import test_connection

            test_connection(services(), draft, name, on_line, cancel)

        self._state.background.run(
            self, check, lambda _: self._end_check(cancel), lambda error: self._fail_check(error, cancel)
        )

    def save(self) -> None:
        """Keep the project, unless something is wrong with what was entered."""
        if self._is_saving:
            return
        if self.string.is_unread:
            self.string.give(self.save)
            return
        if self._refuse(self._problems()):
            return
        draft, old, state = self.fields.draft, self._old, self._state
        if old is not None and old.name != draft.name and self._is_busy(old.name):
            text = self.tr("%1 is busy: cancel what runs, or wait for it, then rename it.")
            self.note.setText(text.replace("%1", formats.shortened(old.name)))
            return
        cancel_soon(self._cancel)
        self._set_saving(True)
        self.note.setText(self.tr("Storing the password…") if draft.password else "")

        def keep() -> Kept:
            from app.ui.project_work import keep_project

            return keep_project(draft, old, state.now(), state.session_passwords)

        self._state.background.run(self, keep, partial(self._end, draft.name), self._fail)

    def find_at_supabase(self) -> None:
        """Lead to the list of the projects at Supabase, where the way to one is looked up."""
        self.note.setText(self.tr("Choose the project: the way that works from here is filled in."))
        self.way.choose(_SUPABASE)
        self._show_way()

    def closeEvent(self, event: QCloseEvent) -> None:
        """What was half entered is not lost without a word."""
        if self._is_saving or self.has_changes:
            event.ignore()
            if not self._is_saving:
                self._ask()
            return
        cancel_soon(self._cancel)
        super().reject()
        event.accept()

    def reject(self) -> None:
        """Esc is the same as Cancel."""
        self.close()

    def _start(self) -> None:
        """Fill in what is known of the project, and ask the keyring what it holds."""
        name = ""
        if self._old is not None:
            name = self._old.name
            self.way.choose(_FIELDS)
            self.fields.show_draft(draft_of(name, conninfo_keywords(self._old.conninfo)))
        self._first = self.fields.draft
        self._show_way()
        (self.fields.name if self._old else self.string.text).setFocus()

        def look() -> KeyringFacts:
            from app.ui.keyring_work import look_at_keyring

            return look_at_keyring((name,) if name else ())

        self.fields.say_stored(self.tr("Asking the keyring…"))
        self._state.background.run(self, look, self._show_keyring, self._fail_keyring)
        self._fields_changed()

    def _show_keyring(self, facts: KeyringFacts) -> None:
        self._keyring = facts
        self._say_stored()
        self._judge()

    def _fail_keyring(self, error: Exception) -> None:
        self.fields.say_stored(_title(error), is_safe=False)

    def _say_stored(self) -> None:
        facts, name = self._keyring, self._old.name if self._old else ""
        if facts is None:
            return
        if facts.problem:
            reason = (
                self.tr("kept only until Holdfast ends: the keyring is locked")
                if facts.locked
                else self.tr("kept only until Holdfast ends: there is no keyring that can be used")
            )
            self.fields.say_stored(reason, is_safe=False)
            self.fields.stored.setToolTip(facts.problem)
        elif name in self._state.session_passwords and not self.fields.password.text():
            self.fields.say_stored(self.tr("kept only until Holdfast ends"), is_safe=False)
        elif name in facts.held and not self.fields.password.text():
            self.fields.say_stored(self.tr("stored in %1").replace("%1", facts.name))
        else:
            self.fields.say_stored(self.tr("will be stored in %1").replace("%1", facts.name))
        unchanged = self._holds_password or facts.locked
        placeholder = self.tr("unchanged") if unchanged else self.tr("none, or from ~/.pgpass")
        self.fields.password.setPlaceholderText(placeholder)

    @property
    def _holds_password(self) -> bool:
        """A password is kept for the project that is edited."""
        name = self._old.name if self._old else ""
        held = self._keyring.held if self._keyring else ()
        return name in held or name in self._state.session_passwords

    def _show_way(self) -> None:
        way = self.way.value
        self.string.setVisible(way == _STRING)
        self.supabase.setVisible(way == _SUPABASE)
        self._line.setVisible(way != _FIELDS)
        if way == _SUPABASE:
            self.supabase.look()
        elif way == _FIELDS and self.isVisible():
            self.fields.focus(Field.NAME if self._old else Field.HOST)

    def _read_string(self, text: str) -> None:
        """Take the string apart, and the password out of it."""

        def read() -> ProjectDraft:
            from app.ui.project_work import read_connection_string

            return read_connection_string(text)

        self._state.background.run(
            self, read, partial(self._take_string, text), partial(self._refuse_string, text)
        )

    def _take_string(self, text: str, draft: ProjectDraft) -> None:
        if not self.string.holds(text):
            return
        name = self.fields.name.text().strip()
        if not name or name == self._suggested:
            name = self._suggested = suggested_name(draft)
        self._touched |= {Field.PORT, Field.HOST, Field.PASSWORD}
        clipboard = QGuiApplication.clipboard()
        if draft.password is not None and clipboard.text().strip() == text:
            clipboard.clear()  # the password does not stay there
        hides = draft.password is not None
        then = self.string.show_taken(masked(text) if hides else text, hides=hides)
        self.fields.show_draft(replace(draft, name=name))
        if then is not None:
            then()

    def _take_found(self, draft: ProjectDraft) -> None:
        """A project was chosen from Supabase's list: only its password is missing."""
        name = self.fields.name.text().strip()
        taken = {one.name.casefold() for one in self._state.settings.projects}
        if name and name != self._suggested:
            draft = replace(draft, name=name)
        elif draft.name.casefold() in taken:
            draft = replace(draft, name="")
        self._suggested = draft.name
        self._touched |= {Field.PORT, Field.HOST}
        self.fields.show_draft(draft)
        self.fields.focus(Field.PASSWORD)

    def _refuse_string(self, text: str, error: Exception) -> None:
        if self.string.holds(text):
            self.string.show_problem(_words(error))

    def _fields_changed(self) -> None:
        """What was tested is not what stands there now."""
        cancel_soon(self._cancel)
        self.checklist.clear()
        self._say_stored()
        self._judge()

    def _judge(self, left: Field | None = None) -> None:
        """Mark what is wrong in fields that were left; the button waits for all of them."""
        if left is not None:
            self._touched.add(left)
        found = self._problems()
        self.fields.mark({field: text for field, text in found.items() if field in self._touched})
        can_read = self.string.is_unread  # what it says may put things right
        self.keep.setEnabled(not self._is_saving and (can_read or not found))
        self.test.setEnabled(not self._is_saving and (can_read or not self._in_the_way_of_a_test(found)))
        port = found.get(Field.PORT) if Field.PORT in self._touched else ""
        self.note.setText(self.tr("Fix the port, then test the connection.") if port else "")

    def _problems(self) -> dict[Field, str]:
        old = self._old.name if self._old else ""
        others = [one.name for one in self._state.settings.projects if one.name != old]
        draft = self.fields.draft
        found = problems(draft, others)
        if self._old is not None and draft.password is None and self._holds_password:
            words = conninfo_keywords(self._old.conninfo)
            if draft.host != words.get("host", ""):
                text = self.tr("Enter the password: the one that is kept belongs to %1.")
                found[Field.PASSWORD] = text.replace("%1", words.get("host", ""))
                self._touched.add(Field.PASSWORD)
        return found

    def _in_the_way_of_a_test(self, found: dict[Field, str]) -> set[Field]:
        """A test needs no name, and shows by itself what is wrong with a transaction pooler."""
        is_number = self.fields.draft.port.isdecimal()
        return set(found) - {Field.NAME} - ({Field.PORT} if is_number else set())

    def _refuse(self, found: Collection[Field]) -> bool:
        """Lead to what is wrong; True when something is."""
        if not found:
            return False
        self._touched |= set(found)
        self._judge()
        self.fields.focus(min(found, key=list(Field).index))
        return True

    def _show_checked(self, cancel: CancelToken, checked: CheckLine) -> None:
        if cancel is self._cancel:
            self.checklist.show_line(checked)

    def _end_check(self, cancel: CancelToken) -> None:
        if cancel is not self._cancel:
            return
        if self.checklist.passed:
            self.note.setText(self.tr("Everything that a backup needs is there."))
        else:
            self.note.setText(self.tr("A backup would fail like this. The red line says what to do."))

    def _fail_check(self, error: Exception, cancel: CancelToken) -> None:
        if cancel is self._cancel and not isinstance(error, Cancelled):
            self._show_failure(error)

    def _remedy(self, remedy: Remedy) -> None:
        """Do what a button of the list promises, and test again where that is all."""
        fields = self.fields
        match remedy:
            case Remedy.USE_SESSION_POOLER if TRANSACTION_POOLER in fields.draft.port:
                fields.change(port=fields.draft.port.replace(TRANSACTION_POOLER, SESSION_POOLER))
            case Remedy.REQUIRE_TLS:
                fields.change(tls="require")
            case Remedy.ALLOW_NO_TLS:
                fields.change(tls="")
            case Remedy.CHOOSE_ROOT_CERTIFICATE:
                fields.choose_authority()
                return
            case Remedy.ENTER_PASSWORD:
                fields.focus(Field.PASSWORD)
                return
            case Remedy.USE_SESSION_POOLER:
                self.find_at_supabase()
                return
            case Remedy.SHOW_TOOLS | Remedy.SHOW_KEYRING:
                self.settings_wanted.emit("tools" if remedy is Remedy.SHOW_TOOLS else "security")
                return
            case _:
                pass
        self.check()

    def _end(self, name: str, kept: Kept) -> None:
        self._leave_changes()
        self.saved.emit(name, kept.problem)
        self.close()

    def _fail(self, error: Exception) -> None:
        self._set_saving(False)
        self._show_failure(error)

    def _show_failure(self, error: Exception) -> None:
        self._judge()
        if isinstance(error, AppError):
            self.note.setText(_words(error))
        else:
            self._state.failed.emit(error, "")

    def _set_saving(self, is_saving: bool) -> None:
        """While it is saved nothing can be changed or closed."""
        self._is_saving = is_saving
        for one in (self.way, self.string, self.fields, self.keep, self.test):
            one.setEnabled(not is_saving)

    def _leave_changes(self) -> None:
        self._is_saving = False
        self._first = self.fields.draft
        self.string.forget()

    def _ask(self) -> None:
        def discard() -> None:
            self._leave_changes()
            self.close()

        Question(
            self.tr("Discard what you entered?"),
            self.tr("The project is not kept yet."),
            ((self.tr("Discard"), "danger", discard),),
            parent=self,
        ).open()

    def _arrange(self, title: str, cancel: QWidget) -> None:
        self._line = line()
        left = column(self.string, self.supabase, self._line, self.fields, None, spacing=S)
        left.setContentsMargins(3, 3, S, 3)  # for the focus ring, and beside the scroll bar
        form = QWidget()
        form.setLayout(left)
        inner = row(scrolled(form), self.checklist, spacing=XL - S)
        inner.setStretch(0, 11)
        inner.setStretch(1, 10)
        heading = ElidedLabel(title, "title", mode=Qt.TextElideMode.ElideRight)
        body = column(heading, row(self.way, None), inner, spacing=M)
        body.setContentsMargins(XL, L, XL, L)
        body.setStretch(2, 1)
        footer = row(self.test, self.note, cancel, self.keep, spacing=M)
        footer.setContentsMargins(XL, M, XL, M)
        footer.setStretch(1, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(body, 1)
        layout.addWidget(line())
        layout.addLayout(footer)
        resize_in_letters(self, _SIZE)


def _words(error: Exception) -> str:
    if not isinstance(error, AppError):
        return str(error)
    shown = in_language(error)
    return formats.sentences(shown.title, shown.detail, shown.hint)


def _title(error: Exception) -> str:
    return in_language(error).title if isinstance(error, AppError) else str(error)
