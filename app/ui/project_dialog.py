"""Adds a project or changes its connection: paste a string or fill in fields, test, keep."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QCloseEvent, QGuiApplication, QTextCursor
from PySide6.QtWidgets import QDialog, QPlainTextEdit, QVBoxLayout, QWidget
from shiboken6 import isValid

from app.domain.conninfo import conninfo_keywords
from app.domain.errors import AppError, Cancelled
from app.domain.project import Project
from app.domain.remedy import Remedy
from app.persistence.settings import find_project
from app.system.cancellation import CancelToken
from app.ui import formats
from app.ui.project_drafts import SESSION_POOLER, Field, ProjectDraft, problems, suggested_name
from app.ui.question import Question
from app.ui.state import State
from app.ui.theme import XL, L, M, S, mono
from app.ui.widgets.basics import button, column, label, line, restyle, row
from app.ui.widgets.connection_checklist import ConnectionChecklist
from app.ui.widgets.connection_fields import ConnectionFields
from app.ui.widgets.segmented import Segmented

if TYPE_CHECKING:
    from app.engine.connection_check import CheckLine
    from app.ui.keyring_work import KeyringFacts
    from app.ui.project_work import Kept

_WIDTH, _HEIGHT = 880, 640
_BULLETS = "••••••••"
_STRING, _FIELDS = "string", "fields"


class ProjectDialog(QDialog):
    """The dialog, for a new project where `name` is empty.

    Signals:
        saved: the project's name, and why its password is kept for this run alone (or nothing).
        settings_wanted: the page of the settings that helps.
    """

    saved = Signal(str, str)
    settings_wanted = Signal(str)
    _checked = Signal(object, object)

    def __init__(self, state: State, name: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._state = state
        self._old: Project | None = find_project(state.settings, name) if name else None
        self._cancel = CancelToken()
        self._touched: set[Field] = set()
        self._keyring: KeyringFacts | None = None
        title = self.tr("Edit %1").replace("%1", name) if name else self.tr("Add Project")
        self.setWindowTitle(title)
        self.way = Segmented(
            ((_STRING, self.tr("Connection String")), (_FIELDS, self.tr("Fields Only"))),
            self.tr("How to enter the connection"),
        )
        self.string = QPlainTextEdit()
        self.string.setProperty("role", "field")
        self.string.setFont(mono())
        self.string.setTabChangesFocus(True)
        self.string.setFixedHeight(2 * self.string.fontMetrics().lineSpacing() + 24)
        self.string.setPlaceholderText("postgresql://user:password@host:5432/database")
        self.string.setAccessibleName(self.tr("Connection string"))
        self.string.textChanged.connect(self._read_string)
        self._string_note = label("", "caption", wrap=True)
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
        return self.fields.draft != self._first or bool(self._typed)

    def check(self) -> None:
        """Test the connection as it is entered, from the first line on."""
        if self._refuse(self._in_the_way_of_a_test(self._problems())):
            return
        self._cancel.cancel()
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
        if self._refuse(self._problems()):
            return
        self._cancel.cancel()
        draft, old, state = self.fields.draft, self._old, self._state
        self.keep.setEnabled(False)
        self.note.setText(self.tr("Storing the password…") if draft.password else "")

        def keep() -> Kept:
            from app.ui.project_work import keep_project

            return keep_project(draft, old, state.now(), state.catalog, state.session_passwords)

        self._state.background.run(self, keep, partial(self._end, draft.name), self._fail)

    def closeEvent(self, event: QCloseEvent) -> None:
        """What was half entered is not lost without a word."""
        if self.has_changes:
            event.ignore()
            self._ask()
            return
        self._cancel.cancel()
        super().reject()
        event.accept()

    def reject(self) -> None:
        """Esc is the same as Cancel."""
        self.close()

    def _start(self) -> None:
        """Fill in what is known of the project, and ask the keyring what it holds."""
        if self._old is not None:
            words = conninfo_keywords(self._old.conninfo)
            self.way.choose(_FIELDS)
            self.fields.show_draft(_draft_of(self._old.name, words))
        self._typed = ""
        self._first = self.fields.draft
        self._show_way()
        (self.fields.name if self._old else self.string).setFocus()
        name = self._old.name if self._old else ""

        def look() -> KeyringFacts:
            from app.ui.keyring_work import look_at_keyring

            return look_at_keyring((name,) if name else ())

        self.fields.say_stored(self.tr("Asking the keyring…"))
        self._state.background.run(self, look, self._show_keyring, self._fail_keyring)
        self._fields_changed()

    def _show_keyring(self, facts: KeyringFacts) -> None:
        self._keyring = facts
        self._say_stored()

    def _fail_keyring(self, error: Exception) -> None:
        self.fields.say_stored(error.title if isinstance(error, AppError) else str(error), is_safe=False)

    def _say_stored(self) -> None:
        facts, name = self._keyring, self._old.name if self._old else ""
        if facts is None:
            return
        is_kept, is_new = name in facts.held or name in self._state.session_passwords, self._entered
        if facts.problem:
            text = self.tr("kept only until Holdfast ends: there is no keyring that can be used")
            self.fields.say_stored(text, is_safe=False)
            self.fields.stored.setToolTip(facts.problem)
        elif is_new or not is_kept:
            self.fields.say_stored(self.tr("will be stored in %1").replace("%1", facts.name))
        else:
            self.fields.say_stored(self.tr("stored in %1").replace("%1", facts.name))
        placeholder = self.tr("unchanged") if is_kept else self.tr("none, or from ~/.pgpass")
        self.fields.password.setPlaceholderText(placeholder)

    @property
    def _entered(self) -> bool:
        return bool(self.fields.password.text())

    def _show_way(self) -> None:
        by_string = self.way.value == _STRING
        self.string.setVisible(by_string)
        self._string_note.setVisible(by_string)
        self._line.setVisible(by_string)
        if not by_string and self.isVisible():
            self.fields.focus(Field.NAME if self._old else Field.HOST)

    def _read_string(self) -> None:
        """Fill the fields from the string, and take the password out of it."""
        text = self.string.toPlainText().strip()
        self._typed = text
        if not text or _BULLETS in text:
            self._say_string("")
            return

        def read() -> ProjectDraft:
            from app.ui.project_work import read_connection_string

            return read_connection_string(text)

        self._state.background.run(
            self, read, partial(self._take_string, text), partial(self._refuse_string, text)
        )

    def _take_string(self, text: str, draft: ProjectDraft) -> None:
        if text != self.string.toPlainText().strip():
            return
        name = self.fields.name.text().strip()
        if not name or name == self._suggested:
            name = self._suggested = suggested_name(draft)
        self.fields.show_draft(replace(draft, name=name))
        self._touched |= {Field.PORT, Field.HOST} if draft.host else set()
        note = self.tr("Filled in below.")
        if draft.password is not None and (hidden := _without(text, draft.password.reveal())):
            self.string.blockSignals(True)
            self.string.setPlainText(hidden)
            self.string.moveCursor(QTextCursor.MoveOperation.End)
            self.string.blockSignals(False)
            self._forget_clipboard(text)
            note = self.tr("Filled in below. The password has been taken out of the text.")
        self._typed = ""
        self._say_string(note)
        self._judge()

    _suggested = ""

    def _refuse_string(self, text: str, error: Exception) -> None:
        if text == self.string.toPlainText().strip():
            words = (
                formats.sentences(error.title, error.detail, error.hint)
                if isinstance(error, AppError)
                else ""
            )
            self._say_string(words or str(error), is_wrong=True)

    def _forget_clipboard(self, text: str) -> None:
        """A password that was pasted does not stay in the clipboard."""
        clipboard = QGuiApplication.clipboard()
        if clipboard.text().strip() == text:
            clipboard.clear()

    def _say_string(self, text: str, *, is_wrong: bool = False) -> None:
        self._string_note.setText(text)
        self._string_note.setProperty("role", "error" if is_wrong else "caption")
        self.string.setProperty("invalid", is_wrong)
        for one in (self._string_note, self.string):
            restyle(one)

    def _fields_changed(self) -> None:
        """What was tested is not what stands there now."""
        self._cancel.cancel()
        self.checklist.clear()
        self._say_stored()
        self._judge()

    def _judge(self, left: Field | None = None) -> None:
        """Mark what is wrong in fields that were left; the button waits for all of them."""
        if left is not None:
            self._touched.add(left)
        found = self._problems()
        self.fields.mark({field: text for field, text in found.items() if field in self._touched})
        self.keep.setEnabled(not found)
        self.test.setEnabled(not self._in_the_way_of_a_test(found))
        port = found.get(Field.PORT) if Field.PORT in self._touched else ""
        self.note.setText(self.tr("Fix the port, then test the connection.") if port else "")

    def _problems(self) -> dict[Field, str]:
        others = [one.name for one in self._state.settings.projects if one != self._old]
        return problems(self.fields.draft, others)

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
            self.note.setText(self.tr("A backup could not be made like this."))

    def _fail_check(self, error: Exception, cancel: CancelToken) -> None:
        if cancel is not self._cancel or isinstance(error, Cancelled):
            return
        self._fail(error)

    def _remedy(self, remedy: Remedy) -> None:
        """Do what a button of the list promises, and test again where that is all."""
        match remedy:
            case Remedy.USE_SESSION_POOLER if "6543" in self.fields.draft.port:
                self.fields.change(port=self.fields.draft.port.replace("6543", SESSION_POOLER))
            case Remedy.REQUIRE_TLS:
                self.fields.change(tls="require")
            case Remedy.ALLOW_NO_TLS:
                self.fields.change(tls="")
            case Remedy.CHOOSE_ROOT_CERTIFICATE:
                self.fields.choose_authority()
                return
            case Remedy.ENTER_PASSWORD:
                self.fields.focus(Field.PASSWORD)
                return
            case Remedy.USE_SESSION_POOLER:
                self.note.setText(
                    self.tr("Copy the session pooler's string from the project's Connect page.")
                )
                self.way.choose(_STRING)
                self.string.setFocus()
                self.string.selectAll()
                return
            case Remedy.SHOW_TOOLS | Remedy.SHOW_KEYRING:
                self.settings_wanted.emit("tools" if remedy is Remedy.SHOW_TOOLS else "security")
                return
            case _:
                pass
        self.check()

    def _end(self, name: str, kept: Kept) -> None:
        self._first, self._typed = self.fields.draft, ""
        self.saved.emit(name, kept.problem)
        self.close()

    def _fail(self, error: Exception) -> None:
        self._judge()
        if isinstance(error, AppError):
            self.note.setText(formats.sentences(error.title, error.detail))
        else:
            self._state.failed.emit(error, "")

    def _ask(self) -> None:
        def discard() -> None:
            self._first, self._typed = self.fields.draft, ""
            self.close()

        Question(
            self.tr("Discard what you entered?"),
            self.tr("The project is not kept yet."),
            ((self.tr("Discard"), "danger", discard),),
            parent=self,
        ).open()

    def _arrange(self, title: str, cancel: QWidget) -> None:
        self._line = line()
        left = column(self.string, self._string_note, self._line, self.fields, None, spacing=S)
        inner = row(left, self.checklist, spacing=XL)
        inner.setStretch(0, 11)
        inner.setStretch(1, 10)
        body = column(label(title, "title"), row(self.way, None), inner, spacing=M)
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
        self.resize(_WIDTH, _HEIGHT)


def _draft_of(name: str, words: dict[str, str]) -> ProjectDraft:
    """A project that is kept; what has no field of its own stands in the options."""
    fields = (Field.HOST, Field.PORT, Field.DATABASE, Field.USER, Field.TLS, Field.AUTHORITY)
    host, port, database, user, tls, authority = (words.get(field.value, "") for field in fields)
    others = {key: value for key, value in words.items() if key not in set(fields)}
    options = " ".join(f"{key}={_quoted(value)}" for key, value in others.items())
    return ProjectDraft(name, host, port, database, user, tls, authority, options)


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'" if not value or any(c.isspace() for c in value) or escaped != value else value


def _without(text: str, password: str) -> str:
    """The string with bullets in the password's place; empty where that cannot be found in it."""
    from urllib.parse import quote

    for written in (password, quote(password, safe=""), quote(password)):
        if text.count(written) == 1:
            return text.replace(written, _BULLETS)
    return ""
