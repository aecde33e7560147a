"""Chooses where a restore goes and how: an existing database, a new one, all or nothing or not."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QLineEdit, QVBoxLayout, QWidget

from app.domain.backup import Contents
from app.domain.project import Secret
from app.domain.restore import RestoreOptions
from app.ui.icons import icon
from app.ui.restore_work import Into
from app.ui.widgets.basics import column, label, restyle, row

_PAUSE = 400
_NEW, _OTHER = "new", "other"


class TargetBox(QWidget):
    """`changed` tells, a moment after the last key, that target or options are other ones."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE)
        self._pause.timeout.connect(self.changed)
        self.into = QComboBox()
        self.into.setAccessibleName(self.tr("Into"))
        self.mode = QComboBox()
        self.mode.setAccessibleName(self.tr("How"))
        self.mode.addItem(self.tr("All or nothing"), 1)
        self.mode.addItem(self.tr("Parallel, list errors"), 2)
        self.name = QLineEdit()
        self.name.setPlaceholderText(self.tr("Name of the new database"))
        self.name.setAccessibleName(self.tr("Name of the new database"))
        self.server = QComboBox()
        self.server.setAccessibleName(self.tr("Server"))
        self.url = QLineEdit()
        self.url.setPlaceholderText("postgresql://user@host:5432/database")
        self.url.setAccessibleName(self.tr("Connection string"))
        self.password = QLineEdit()
        self.password.setEchoMode(QLineEdit.EchoMode.Password)
        self.password.setPlaceholderText(self.tr("Password"))
        self.password.setAccessibleName(self.tr("Password"))
        self.problem = label("", "error", wrap=True)
        self.problem.hide()
        self.contents = QComboBox()
        self.contents.setAccessibleName(self.tr("What"))
        self.contents.addItem(self.tr("Everything"), Contents.ALL)
        self.contents.addItem(self.tr("Schema"), Contents.SCHEMA)
        self.contents.addItem(self.tr("Data"), Contents.DATA)
        self.clean = QCheckBox(self.tr("Replace what is in the way"))
        self.owner = QCheckBox(self.tr("Owners"))
        self.privileges = QCheckBox(self.tr("Privileges"))
        self.safety = QCheckBox(self.tr("Safety backup first"))
        for box in (self.owner, self.privileges, self.safety):
            box.setChecked(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        first = row(self.into, self.mode)
        first.setStretch(0, 3)
        first.setStretch(1, 2)
        layout.addLayout(first)
        self._new = QWidget()
        self._new.setLayout(row(self.name, label(self.tr("on"), "second"), self.server))
        self._other = QWidget()
        self._other.setLayout(column(self.url, self.password))
        layout.addWidget(self._new)
        layout.addWidget(self._other)
        layout.addWidget(self.problem)
        layout.addLayout(row(self.contents, self.clean, None, spacing=12))
        layout.addLayout(row(self.owner, self.privileges, self.safety, None, spacing=16))
        for combo in (self.into, self.mode, self.server, self.contents):
            combo.currentIndexChanged.connect(self._touch)
        for field in (self.name, self.url, self.password):
            field.textChanged.connect(self._touch)
        for box in (self.clean, self.owner, self.privileges, self.safety):
            box.toggled.connect(self._touch)

    def show_projects(self, names: Sequence[str], chosen: str = "") -> None:
        """Offer these projects, and the ways that need none."""
        self.into.blockSignals(True)
        self.server.blockSignals(True)
        before = chosen or (self.into.currentText() if self.into.currentData() not in (_NEW, _OTHER) else "")
        self.into.clear()
        self.server.clear()
        for name in names:
            self.into.addItem(icon("database", "text2"), name, "")
            self.server.addItem(name, name)
        self.server.addItem(self.tr("another server"), "")
        self.into.addItem(icon("plus", "text2"), self.tr("New database…"), _NEW)
        self.into.addItem(icon("arrow-square-out", "text2"), self.tr("Another database…"), _OTHER)
        self.into.setCurrentIndex(max(0, self.into.findText(before)) if before else 0)
        self.into.blockSignals(False)
        self.server.blockSignals(False)
        self._touch()

    @property
    def target(self) -> Into | None:
        """Where to; None while what was typed is not enough."""
        kind, url = self.into.currentData(), self.url.text().strip()
        password = Secret(self.password.text()) if self.password.text() else None
        if kind == _NEW:
            name, project = self.name.text().strip(), self.server.currentData()
            if not name:
                return None
            if project:
                return Into(project=project, new_database=name)
            return Into(url=url, password=password, new_database=name) if url else None
        if kind == _OTHER:
            return Into(url=url, password=password) if url else None
        return Into(project=self.into.currentText())

    def options(self, only: tuple[str, ...], database: str) -> RestoreOptions:
        """What was chosen, for these objects."""
        is_new = self.into.currentData() == _NEW
        return RestoreOptions(
            only=only,
            contents=Contents(self.contents.currentData()),  # Qt makes a str of it
            clean=self.clean.isChecked() and not is_new,
            owner=self.owner.isChecked(),
            privileges=self.privileges.isChecked(),
            jobs=None if is_new else self.mode.currentData(),
            safety_backup=self.safety.isChecked(),
            database=database,
        )

    def say_problem(self, text: str) -> None:
        """Mark the field that is wrong; an empty text takes the mark away."""
        self.problem.setText(text)
        self.problem.setVisible(bool(text))
        field = self.name if self.into.currentData() == _NEW else self.url
        for one in (self.name, self.url):
            one.setProperty("invalid", bool(text) and one is field)
            restyle(one)

    def _touch(self) -> None:
        kind = self.into.currentData()
        self._new.setVisible(kind == _NEW)
        self._other.setVisible(kind == _OTHER or (kind == _NEW and not self.server.currentData()))
        for widget in (self.mode, self.clean, self.safety):
            widget.setVisible(kind != _NEW)
        self.say_problem("")
        self._pause.start()
