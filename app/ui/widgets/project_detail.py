"""Below the list: what a project is, what is wrong with it, and what can be done."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QMenu, QVBoxLayout, QWidget

from app.domain.errors import AppError
from app.domain.history import Entry
from app.domain.schedule import sentence
from app.ui import formats, schedule_words
from app.ui.error_words import cause_in_language
from app.ui.health_words import failure
from app.ui.models.project_table import ProjectRow
from app.ui.state import State
from app.ui.theme import L, M, S
from app.ui.widgets.badge import GOOD, OVERDUE, Badge
from app.ui.widgets.basics import button, give_way, icon_button, label
from app.ui.widgets.elided_label import ElidedLabel
from app.ui.widgets.message_panel import MessagePanel

if TYPE_CHECKING:
    from app.domain.backup import Manifest

_LINES = 5


class ProjectDetail(QFrame):
    """Signals carry the project's name, `prove_wanted` and `restore_wanted` its last good `Entry`."""

    back_up_wanted = Signal(str)
    prove_wanted = Signal(object)
    restore_wanted = Signal(object)
    edit_wanted = Signal(str)
    delete_wanted = Signal(str)
    history_wanted = Signal(str)
    schedule_wanted = Signal(str)
    pooler_wanted = Signal(str)

    def __init__(self, state: State, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self._state = state
        self._row: ProjectRow | None = None
        self._manifest: Manifest | None = None
        self.back = icon_button("caret-left", self.tr("Back"), bare=True)
        self.back.hide()
        self._title = ElidedLabel("", "heading", mode=Qt.TextElideMode.ElideRight)
        self._badge = Badge(GOOD)
        self.back_up = button(self.tr("Back Up Now"), "archive", kind="primary")
        self.back_up.clicked.connect(lambda: self.back_up_wanted.emit(self._name))
        self.prove = button(self.tr("Prove"), "shield-check")
        self.prove.clicked.connect(lambda: self.prove_wanted.emit(self._last))
        self.restore = button(self.tr("Restore…"), "arrow-u-up-left")
        self.restore.clicked.connect(lambda: self.restore_wanted.emit(self._last))
        more = icon_button("dots-three-bold", self.tr("More"))
        self.menu = menu = QMenu(more)
        self._yielding = {one: menu.addAction(one.text(), one.click) for one in (self.prove, self.restore)}
        menu.addAction(self.tr("Edit and Test Connection…"), lambda: self.edit_wanted.emit(self._name))
        menu.addAction(self.tr("Show in History"), lambda: self.history_wanted.emit(self._name))
        menu.addAction(self.tr("Schedules"), lambda: self.schedule_wanted.emit(self._name))
        menu.addSeparator()
        menu.addAction(self.tr("Delete Project…"), lambda: self.delete_wanted.emit(self._name))
        more.setMenu(menu)
        self._problem = MessagePanel()
        facts = QGridLayout()
        facts.setHorizontalSpacing(M)
        facts.setVerticalSpacing(S)
        self._columns = self._make_columns(facts)
        self._head = head = QHBoxLayout()
        head.setSpacing(S)
        head.addWidget(self.back)
        head.addWidget(self._title)
        head.addWidget(self._badge)
        head.addStretch(1)
        for one in (self.back_up, self.prove, self.restore, more):
            head.addWidget(one)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(L, L, L, L)
        layout.setSpacing(M)
        layout.addLayout(head)
        layout.addWidget(self._problem)
        layout.addLayout(facts)
        layout.addStretch(1)

    @property
    def _name(self) -> str:
        return self._row.name if self._row else ""

    @property
    def _last(self) -> Entry | None:
        return self._row.health.last_good if self._row else None

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Buttons give way to the name."""
        super().resizeEvent(event)
        self._fit_head()

    def set_page(self, *, is_alone: bool) -> None:
        """A page of its own has a way back."""
        self.back.setVisible(is_alone)
        self._fit_head()

    @property
    def least_height(self) -> int:
        """What it needs when nothing is wrong with its project."""
        problem = self._problem.sizeHint().height() + M if self._problem.isVisibleTo(self) else 0
        return self.minimumSizeHint().height() - problem

    def show_row(self, row: ProjectRow) -> None:
        """Show this project; what its last backup tells of it comes from a worker."""
        is_other = self._row is None or row.name != self._row.name or row.health.last_good != self._last
        self._row = row
        self._title.setText(row.name)
        self._badge.show_status(row.status, self._badge_words(row))
        self.back_up.setEnabled(not row.health.is_running)
        for one in (self.prove, self.restore):
            one.setEnabled(self._last is not None)
        cause = row.health.cause
        if cause is None:
            self._problem.hide()
        else:
            edit = (self.tr("Edit Connection…"), lambda: self.edit_wanted.emit(self._name))
            pooler = (self.tr("Use Session Pooler"), lambda: self.pooler_wanted.emit(self._name))
            actions = (pooler, edit) if row.needs_pooler else (edit,)
            times = (
                self.tr("%n attempt(s) failed in a row.", "", cause.failures) if cause.failures > 1 else ""
            )
            text = formats.sentences(cause_in_language(cause).detail, times)
            self._problem.say("bad", formats.sentences(failure(cause)), text, actions)
        if is_other:
            self._manifest = None
            self._read_manifest()
        self._show_facts()
        self._fit_head()

    def _fit_head(self) -> None:
        """What there is no room for as a button stands in the menu."""
        give_way(self._head, self.width() - 2 * L, self._yielding)
        for one, action in self._yielding.items():
            action.setVisible(one.isHidden())
            action.setEnabled(one.isEnabled())

    def _badge_words(self, row: ProjectRow) -> str:
        """“Overdue for 2 days”."""
        since = row.health.overdue_since
        days = (self._state.now() - since).days if since else 0
        return self.tr("Overdue for %n day(s)", "", days) if days and row.status is OVERDUE else ""

    def _read_manifest(self) -> None:
        last, name = self._last, self._name
        if last is None:
            return

        def read() -> Manifest:
            from app.persistence.manifest import read_manifest

            return read_manifest(Path(last.path))

        def show(manifest: Manifest) -> None:
            if name == self._name and self._last is not None and self._last.path == last.path:
                self._manifest = manifest
                self._show_facts()

        self._state.background.run(
            self,
            read,
            show,
            lambda error: None if isinstance(error, AppError) else self._state.failed.emit(error, ""),
        )

    def _show_facts(self) -> None:
        """Three columns of names with values."""
        manifest = self._manifest
        facts = (self._connection(manifest), self._content(manifest), self._protection())
        for column, lines in zip(self._columns, facts, strict=True):
            for (name, value), (words, text) in zip(column, lines, strict=True):
                name.setText(words)
                value.setText(text or formats.DASH)

    def _make_columns(self, layout: QGridLayout) -> list[list[tuple[QLabel, ElidedLabel]]]:
        columns = []
        for number, title in enumerate((self.tr("Connection"), self.tr("Content"), self.tr("Protection"))):
            at = number * 3
            layout.addWidget(label(title, "section"), 0, at, 1, 2)
            made = [(label("", "hint"), ElidedLabel("")) for _ in range(_LINES)]
            for line, (name, value) in enumerate(made, 1):
                layout.addWidget(name, line, at)
                layout.addWidget(value, line, at + 1)
            layout.setColumnStretch(at + 1, 1)
            if number:
                layout.setColumnMinimumWidth(at - 1, M)
            columns.append(made)
        return columns

    def _connection(self, manifest: Manifest | None) -> tuple[tuple[str, str], ...]:
        words = self._row.keywords if self._row else {}
        place = self._row.place if self._row else ""
        server = manifest.server if manifest else None
        database, user = words.get("dbname", ""), words.get("user", "")
        as_user = self.tr("%1, as %2").replace("%1", database or user).replace("%2", user)
        modes = {
            "": self.tr("if the server offers it"),
            "require": self.tr("required, not checked"),
            "verify-ca": self.tr("certificate checked"),
            "verify-full": self.tr("certificate and name checked"),
            "disable": self.tr("off"),
        }
        mode = words.get("sslmode", "")
        return (
            (self.tr("Host"), f"{place}:{words['port']}" if "port" in words else place),
            (self.tr("Database"), as_user if user else database),
            (self.tr("TLS"), modes.get(mode, mode)),
            (self.tr("Server"), f"PostgreSQL {server.version.partition(' ')[0]}" if server else ""),
            (self.tr("Tool"), manifest.tool if manifest else ""),
        )

    def _content(self, manifest: Manifest | None) -> tuple[tuple[str, str], ...]:
        tables, rows, named, extensions, roles = "", "", "", "", ""
        if manifest is not None:
            largest = max(manifest.tables, key=lambda table: table.bytes, default=None)
            schemas = self.tr("in %n schema(s)", "", len({table.schema for table in manifest.tables}))
            tables = f"{formats.count(len(manifest.tables))} {schemas}"
            rows = formats.count(manifest.rows)
            named = f"{largest.schema}.{largest.name}, {formats.size(largest.bytes)}" if largest else ""
            extensions = ", ".join(extension.name for extension in manifest.extensions)
            roles = formats.count(len(manifest.roles))
        return (
            (self.tr("Tables"), tables),
            (self.tr("Rows"), rows),
            (self.tr("Largest"), named),
            (self.tr("Extensions"), extensions),
            (self.tr("Roles"), roles),
        )

    def _protection(self) -> tuple[tuple[str, str], ...]:
        row = self._row
        if row is None:
            return ()
        now, zone, health = self._state.now(), self._state.zone, row.health
        number, size = self._state.catalog.kept(row.name)
        kept = self.tr("%1 on disk, %2").replace("%1", formats.count(number))
        proven = formats.moment(health.last_proven.started, now, zone) if health.last_proven else ""
        schedules = [one.schedule for one in health.schedules]
        said = sentence(schedules[0]) if schedules else None
        keeps = schedule_words.retention(said.retention) if said else ""
        return (
            (self.tr("Schedule"), schedule_words.rhythm(said) if said else self.tr("none")),
            (self.tr("Backups"), kept.replace("%2", formats.size(size))),
            (self.tr("Last proven"), proven or self.tr("never")),
            (self.tr("Retention"), keeps or self.tr("keep all")),
            (self.tr("Folder"), str(self._state.destination)),
        )
