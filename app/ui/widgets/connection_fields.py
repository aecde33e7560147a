"""The fields of a project's connection, each with what is wrong with it."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QComboBox, QFileDialog, QGridLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from app.domain.project import Secret
from app.ui.icons import icon
from app.ui.project_drafts import SYSTEM_AUTHORITIES, Field, ProjectDraft
from app.ui.theme import M, S, mono
from app.ui.widgets.basics import button, label, restyle, row
from app.ui.widgets.elided_edit import ElidedEdit
from app.ui.widgets.icon_label import IconLabel

_LABELS = 84
_PORT_WIDTH = 84


class ConnectionFields(QWidget):
    """`changed` tells of each change by the user; `left` that a field was left, and may be judged."""

    changed = Signal()
    left = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.host, self.user, self.authority = (ElidedEdit() for _ in range(3))
        self.name, self.port, self.database, self.password, self.options = (QLineEdit() for _ in range(5))
        self.tls = QComboBox()
        for mode, words in (
            ("", self.tr("Encrypt if the server offers it")),
            ("require", self.tr("Encrypt, check no certificate")),
            ("verify-ca", self.tr("Verify certificate")),
            ("verify-full", self.tr("Verify certificate and name")),
            ("disable", self.tr("Do not encrypt")),
        ):
            self.tls.addItem(words, mode)
        self.password.setEchoMode(QLineEdit.EchoMode.Password)
        self.port.setFixedWidth(_PORT_WIDTH)
        self.port.setPlaceholderText("5432")
        self.database.setPlaceholderText(self.tr("as the user"))
        self.user.setPlaceholderText(self.tr("as you are called on this computer"))
        self.authority.setPlaceholderText("~/.postgresql/root.crt")
        self.options.setPlaceholderText("connect_timeout=10 target_session_attrs=read-write")
        self.options.setFont(mono())
        self._eye = self.password.addAction(icon("eye", "text2"), QLineEdit.ActionPosition.TrailingPosition)
        self._eye.setCheckable(True)
        self._eye.setToolTip(self.tr("Show the password"))
        self._eye.setText(self.tr("Show the password"))
        self._eye.toggled.connect(self._show_password)
        self._stored_icon = IconLabel("key", "text3", 14)
        self.stored = label("", "caption", wrap=True)
        self._choose = button(self.tr("Choose…"), size="small")
        self._choose.clicked.connect(self._choose_authority)
        self._problems: dict[Field, QLabel] = {}
        self._labels: dict[Field, QLabel] = {}
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(M)
        self._grid.setVerticalSpacing(S)
        self._grid.setColumnMinimumWidth(0, _LABELS)
        self._grid.setColumnStretch(1, 1)
        self._fields = {
            Field.NAME: self.name,
            Field.HOST: self.host,
            Field.PORT: self.port,
            Field.DATABASE: self.database,
            Field.USER: self.user,
            Field.PASSWORD: self.password,
            Field.TLS: self.tls,
            Field.AUTHORITY: self.authority,
            Field.OPTIONS: self.options,
        }
        named = {
            Field.NAME: self.tr("Name"),
            Field.HOST: self.tr("Host"),
            Field.PORT: self.tr("Port"),
            Field.DATABASE: self.tr("Database"),
            Field.USER: self.tr("User"),
            Field.PASSWORD: self.tr("Password"),
            Field.TLS: self.tr("TLS"),
            Field.AUTHORITY: self.tr("Authority"),
            Field.OPTIONS: self.tr("Options"),
        }
        for field, text in named.items():
            self._add(field, text)
        self.tls.currentIndexChanged.connect(self._tls_changed)
        self._show_authority()

    @property
    def draft(self) -> ProjectDraft:
        """What stands in the fields."""
        password = self.password.text()
        return ProjectDraft(
            self.name.text().strip(),
            self.host.text().strip(),
            self.port.text().strip(),
            self.database.text().strip(),
            self.user.text().strip(),
            self.tls.currentData(),
            self.authority.text().strip(),
            self.options.text().strip(),
            Secret(password) if password else None,
        )

    def show_draft(self, draft: ProjectDraft) -> None:
        """Put these values into the fields."""
        with QSignalBlocker(self):
            for line, text in (
                (self.name, draft.name),
                (self.host, draft.host),
                (self.port, draft.port),
                (self.database, draft.database),
                (self.user, draft.user),
                (self.authority, draft.authority),
                (self.options, draft.options),
            ):
                line.setText(text)
                line.setCursorPosition(0)
            self.password.setText(draft.password.reveal() if draft.password else "")
            self.password.setCursorPosition(0)
            if self.tls.findData(draft.tls) < 0:
                self.tls.addItem(f"sslmode={draft.tls}", draft.tls)
            with QSignalBlocker(self.tls):
                self.tls.setCurrentIndex(self.tls.findData(draft.tls))
            self._show_authority()
        self.changed.emit()

    def change(self, **values: str) -> None:
        """Change some of the values: what a remedy does."""
        self.show_draft(replace(self.draft, **values))  # type: ignore[arg-type]

    def mark(self, problems: dict[Field, str]) -> None:
        """Mark the fields in which something is wrong, in words; the others are not marked."""
        for field, shown in self._problems.items():
            text = problems.get(field, "")
            shown.setText(text)
            shown.setVisible(bool(text))
            edit = self._fields[field]
            if bool(edit.property("invalid")) != bool(text):
                edit.setProperty("invalid", bool(text))
                restyle(edit)

    def focus(self, field: Field) -> None:
        """Lead to a field."""
        edit = self._fields[field]
        edit.setFocus(Qt.FocusReason.OtherFocusReason)
        if isinstance(edit, QLineEdit):
            edit.selectAll()

    def say_stored(self, text: str, *, is_safe: bool = True) -> None:
        """Where the password is, or will be."""
        self._stored_icon.show_icon("key" if is_safe else "warning-fill", "text3" if is_safe else "warn")
        self.stored.setText(text)

    def choose_authority(self) -> None:
        """Ask for the certificate of the authority."""
        if self.tls.currentData() not in ("verify-ca", "verify-full"):
            self.tls.setCurrentIndex(self.tls.findData("verify-full"))
        self._choose_authority()

    def _add(self, field: Field, text: str) -> None:
        edit = self._fields[field]
        edit.setAccessibleName(text)
        named = label(text, "second")
        named.setAlignment(Qt.AlignmentFlag.AlignTrailing | Qt.AlignmentFlag.AlignVCenter)
        named.setMinimumHeight(30)
        named.setBuddy(edit)
        problem = label("", "error", wrap=True)
        problem.hide()
        self._problems[field], self._labels[field] = problem, named
        if isinstance(edit, QLineEdit):
            edit.textEdited.connect(self.changed)
            edit.editingFinished.connect(lambda: self.left.emit(field))
        number = self._grid.rowCount()
        self._grid.addWidget(named, number, 0, Qt.AlignmentFlag.AlignTop)
        box = QVBoxLayout()
        box.setSpacing(4)
        match field:
            case Field.PORT:
                beside = row(edit, problem, None, spacing=M)
                beside.setStretch(1, 9)
                box.addLayout(beside)
            case Field.PASSWORD:
                box.addWidget(edit)
                beside = row(2, self._stored_icon, self.stored, spacing=S - 2)
                beside.setStretch(2, 1)
                box.addLayout(beside)
                box.addWidget(problem)
            case Field.AUTHORITY:
                box.addLayout(row(edit, self._choose, spacing=S))
                box.addWidget(problem)
            case _:
                box.addWidget(edit)
                box.addWidget(problem)
        self._grid.addLayout(box, number, 1)

    def _show_password(self, shown: bool) -> None:
        mode = QLineEdit.EchoMode.Normal if shown else QLineEdit.EchoMode.Password
        self.password.setEchoMode(mode)

    def _tls_changed(self) -> None:
        """Who wants the name checked and says no authority means those that the system trusts.

        libpq takes these with verify-full alone.
        """
        mode, authority = self.tls.currentData(), self.authority.text()
        if mode == "verify-full" and not authority:
            self.authority.setText(SYSTEM_AUTHORITIES)
        elif mode != "verify-full" and authority == SYSTEM_AUTHORITIES:
            self.authority.clear()
        self._show_authority()
        self.changed.emit()

    def _show_authority(self) -> None:
        is_needed = self.tls.currentData() in ("verify-ca", "verify-full") or bool(self.authority.text())
        for widget in (self._labels[Field.AUTHORITY], self.authority, self._choose):
            widget.setVisible(is_needed)

    def _choose_authority(self) -> None:
        dialog = QFileDialog(self, self.tr("Choose the Authority's Certificate"))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilters([self.tr("Certificates (*.crt *.pem *.cer)"), self.tr("All files (*)")])
        dialog.fileSelected.connect(self._take_authority)
        dialog.open()

    def _take_authority(self, path: str) -> None:
        self.authority.setText(path)
        self.changed.emit()
