"""Between drop and restore: what is in the source, where it goes, and the plan of what would happen."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from app.domain.backup import STORAGE_FILES
from app.domain.conninfo import conninfo_keywords
from app.domain.errors import AppError
from app.domain.errors import Cancelled as CancelledError
from app.domain.project_types import is_supabase
from app.domain.proof import ProofLevel
from app.system.cancellation import CancelToken
from app.ui import formats
from app.ui.background import cancel_soon
from app.ui.error_words import in_language
from app.ui.models.table_tree import TableItem
from app.ui.option_words import in_window_words
from app.ui.restore_work import Into, PlannedRestore, plan_restore
from app.ui.state import State
from app.ui.theme import XL, L, M, S
from app.ui.widgets.basics import button, column, label, panel, row
from app.ui.widgets.icon_label import IconLabel
from app.ui.widgets.plan_list import PlanList
from app.ui.widgets.rows_preview import RowsPreview
from app.ui.widgets.source_card import SourceCard
from app.ui.widgets.table_tree_view import TableTreeView
from app.ui.widgets.target_box import TargetBox

if TYPE_CHECKING:
    from app.engine.restore.contents import SourceContents

_PLAIN = re.compile(r"[a-z_][a-z0-9_$]*")


class RestoreChoice(QWidget):
    """Signals: `other_wanted`; `restore_wanted` carries the confirmed `PlannedRestore`."""

    other_wanted = Signal()
    restore_wanted = Signal(object)

    def __init__(self, state: State, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._source: SourceContents | None = None
        self._name = ""
        self._planned: PlannedRestore | None = None
        self._cancel = CancelToken()
        self._other = button(self.tr("Other Source…"), "x", kind="flat")
        self._other.clicked.connect(self.other_wanted)
        self._card = SourceCard()
        self.tree = TableTreeView()
        self.tree.selection_changed.connect(self._plan_again)
        self.tree.table_chosen.connect(self._show_rows)
        self._contents_note = label("", "second")
        self._preview = RowsPreview(state)
        self.target = TargetBox()
        self.target.changed.connect(self._plan_again)
        self.storage = QCheckBox(self.tr("Storage files"))
        self.functions = QCheckBox(self.tr("Edge functions"))
        self._target_note = label("", "second", wrap=True)
        self._plan_note = label("", "second")
        self.plan_list = PlanList()
        self._confirmation = self._make_confirmation()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        head = column(
            row(label(self.tr("Restore"), "title"), None, self._other),
            self._card,
            spacing=M,
        )
        head.setContentsMargins(XL, L, XL, L)
        layout.addLayout(head)
        layout.addLayout(self._make_columns(), 1)
        layout.addWidget(self._make_footer())
        state.settings_changed.connect(self._show_projects)
        self._offer_parts(None)
        self._judge()

    def show_source(self, source: SourceContents, project: str = "") -> None:
        """Show what was found, and plan for the first target.

        Args:
            source: what lies there.
            project: the target to begin with.
        """
        self._source = source
        backup = source.backup
        name = self._name = source.paths[0].name
        proof: ProofLevel | None = None
        failed = False
        if backup is not None:
            when = formats.moment(backup.manifest.started, self._state.now())
            self._name = backup.manifest.project
            name = f"{self._name}, {when}"
            proof = backup.manifest.proof.level
            failed = bool(backup.manifest.proof.failure)
        server = f"PostgreSQL {source.server_version}" if source.server_version else formats.DASH
        facts = [
            (self.tr("Format"), self._form(source)),
            (self.tr("Server"), server),
            (self.tr("Encoding"), source.encoding or formats.DASH),
            (self.tr("Size"), formats.size(source.size)),
        ]
        if source.created is not None and backup is None:
            made = f"{source.created:%Y-%m-%d %H:%M}"
            facts.insert(1, (self.tr("Made"), made))
        paths = ", ".join(map(str, source.paths))
        self._card.show_source(name, paths, tuple(facts), proof, proof_failed=failed)
        self.tree.show_tables(
            tuple(TableItem(one.schema, one.name, one.rows, one.bytes) for one in source.tables)
        )
        self._preview.leave()
        self._typed.clear()
        for box in (self.storage, self.functions):
            box.setChecked(True)
        self.target.show_projects([one.name for one in self._state.settings.projects], project)
        self._say_contents()

    def leave(self) -> None:
        """Let go of source and plan."""
        self._drop_plan()
        self._source = None

    def show_running(self, is_running: bool) -> None:
        """While the restore runs, nothing can be chosen."""
        for widget in (self.tree, self.target, self._confirmation, self._other):
            widget.setEnabled(not is_running)
        self.restore_button.setEnabled(False)
        if not is_running:
            self._plan_again()

    def _drop_plan(self) -> None:
        cancel_soon(self._cancel)
        if self._planned is not None:
            self._planned.close()
            self._planned = None

    def _form(self, source: SourceContents) -> str:
        text = str(source.form.value).replace("-", " ").capitalize()
        return text if source.packing in ("", "none") else f"{text}, {source.packing}"

    def _show_projects(self) -> None:
        if self._source is not None:
            self.target.show_projects([one.name for one in self._state.settings.projects])

    def _say_contents(self) -> None:
        model = self.tree.model
        count = model.count
        text = self.tr("%1 of %n table(s)", "", count).replace("%1", formats.count(len(model.checked)))
        self._contents_note.setText(text)
        size = sum(item.bytes or 0 for item in model.checked)
        self.tree.say(text, formats.size(size) if size else "")

    def _only(self) -> tuple[str, ...]:
        """The selection as the engine takes it: nothing means everything, whole schemas go by their name."""
        model = self.tree.model
        if not model.unchecked:
            return ()
        missing = {item.schema for item in model.unchecked}
        names = []
        for item in model.checked:
            text = _quoted(item.schema)
            names.append(f"{text}.{_quoted(item.name)}" if item.schema in missing else text)
        return tuple(dict.fromkeys(names))

    def _plan_again(self) -> None:
        source, into = self._source, self.target.target
        self._drop_plan()
        self._offer_parts(into)
        self._judge()
        if source is None:
            return
        self._say_contents()
        if into is None:
            self._plan_note.setText("")
            self.plan_list.say("info", "text2", self.tr("Name a target to see the plan."))
            return
        if self.tree.model.count and not self.tree.model.checked:
            self.plan_list.say("info", "text2", self.tr("Choose at least one table to see the plan."))
            return
        self._cancel = cancel = CancelToken()
        self._plan_note.setText(self.tr("looking at the target…"))
        options = self.target.options(self._only(), source.database if len(source.databases) > 1 else "")
        services, paths = self._state.services, source.paths
        self._state.background.run(
            self,
            lambda: plan_restore(services(), paths, into, options, cancel),
            lambda planned: self._show_plan(planned) if cancel is self._cancel else planned.close(),
            lambda error: self._show_problem(error) if cancel is self._cancel else None,
        )

    def _offer_parts(self, into: Into | None) -> None:
        """What a backup of a Supabase project has beside its database can go into such a project."""
        backup = self._source.backup if self._source else None
        projects = {one.name: one.conninfo for one in self._state.settings.projects}
        named = into.project if into and not into.new_database else ""
        takes = named in projects and is_supabase(conninfo_keywords(projects[named]))
        lies_open = self._source is not None and self._source.paths[0].is_dir()
        held = {part.name for part in backup.manifest.parts} if backup and lies_open else set()
        self.storage.setVisible(takes and STORAGE_FILES in held)
        self.functions.setVisible(takes and "functions" in held)

    def _show_plan(self, planned: PlannedRestore) -> None:
        self._planned = planned
        plan = planned.plan
        text = self.tr("checked %1, nothing has been changed")
        self._plan_note.setText(text.replace("%1", formats.clock(self._state.now())))
        self._target_note.setText(plan.target)
        self.plan_list.show_plan(plan)
        self._typed.clear()
        self._confirm_text.setText(
            self.tr("%1 holds data. A safety backup of it is taken first. Type its name to go on:")
            if plan.makes_safety_backup
            else self.tr("%1 holds data, and no safety backup of it is taken. Type its name to go on:")
        )
        self._confirm_text.setText(self._confirm_text.text().replace("%1", plan.database))
        self._confirmation.setVisible(plan.has_data and not plan.blocking)
        self._judge()

    def _show_problem(self, error: Exception) -> None:
        self._plan_note.setText("")
        if isinstance(error, CancelledError):
            return
        self._confirmation.hide()
        if isinstance(error, AppError):
            shown = in_language(error)
            detail = formats.sentences(shown.detail, in_window_words(shown.hint))
            self.plan_list.say("warning-octagon-fill", "bad", f"{shown.title.rstrip('.')}.", detail)
        else:
            self._state.failed.emit(error, self.tr("The plan could not be made"))

    def _judge(self) -> None:
        """Whether the button may be pressed, and what it says."""
        planned = self._planned
        self.restore_button.setEnabled(False)
        self.save_button.setEnabled(planned is not None)
        if planned is None:
            self._confirmation.hide()
            self.restore_button.setText(self.tr("Restore"))
            return
        plan = planned.plan
        into = planned.into.project or plan.database
        text = self.tr("Restore “%1” into “%2”").replace("%1", self._name).replace("%2", into)
        self.restore_button.setText(text)
        self.restore_button.setShortcut(QKeySequence("Ctrl+Return"))  # a new text takes the old one away
        self.restore_button.setToolTip(text)
        kind = "danger" if plan.has_data else "primary"
        if self.restore_button.property("kind") != kind:
            self.restore_button.setProperty("kind", kind)
            self.restore_button.style().unpolish(self.restore_button)
            self.restore_button.style().polish(self.restore_button)
        is_confirmed = not plan.has_data or self._typed.text().strip() == plan.database
        self._right_name.setVisible(plan.has_data and is_confirmed)
        self.restore_button.setEnabled(is_confirmed and not plan.blocking)

    def _show_rows(self, table: TableItem | None) -> None:
        if self._source is None:
            return
        if table is None:
            self._preview.leave()
        else:
            name = f"{_quoted(table.schema)}.{_quoted(table.name)}"
            self._preview.show_table(self._source.paths, name)

    def _restore(self) -> None:
        planned = self._planned
        if planned is not None and self.restore_button.isEnabled():
            self._planned = None  # who carries it out closes it
            boxes = {STORAGE_FILES: self.storage, "functions": self.functions}
            parts = tuple(name for name, box in boxes.items() if box.isChecked() and not box.isHidden())
            self.restore_wanted.emit(replace(planned, parts=parts))

    def _save_plan(self) -> None:
        planned = self._planned
        if planned is None:
            return
        name, _ = QFileDialog.getSaveFileName(self, self.tr("Save Plan"), "plan.json", "JSON (*.json)")
        if not name:
            return
        import msgspec

        try:
            Path(name).write_bytes(msgspec.json.format(msgspec.json.encode(planned.plan), indent=2) + b"\n")
        except OSError as error:
            self._state.failed.emit(error, self.tr("The plan was not saved"))

    def _make_columns(self) -> QHBoxLayout:
        left = column(
            row(label(self.tr("Contents"), "strong"), self._contents_note, None), self.tree, self._preview
        )
        left.setStretch(1, 3)
        left.setStretch(2, 2)
        right = column(
            label(self.tr("Into"), "strong"),
            self.target,
            row(self.storage, self.functions, None, spacing=M),
            self._target_note,
            4,
            row(label(self.tr("Plan"), "strong"), self._plan_note, None),
            self.plan_list,
            self._confirmation,
        )
        right.setStretch(6, 1)
        columns = row(left, right, spacing=XL)
        columns.setContentsMargins(XL, 0, XL, L)
        columns.setStretch(0, 5)
        columns.setStretch(1, 6)
        return columns

    def _make_confirmation(self) -> QFrame:
        made = panel("warn")
        self._confirm_text = label("", "label", wrap=True)
        self._typed = QLineEdit()
        self._typed.setAccessibleName(self.tr("Name of the target"))
        self._typed.textChanged.connect(lambda: self._judge())
        self._typed.returnPressed.connect(self._restore)
        self._right_name = IconLabel("check-circle-fill", "ok", 16)
        texts = column(self._confirm_text, row(self._typed, self._right_name))
        icon = column(IconLabel("warning-fill", "warn", 20), None)
        layout = row(icon, texts, spacing=M)
        layout.setStretch(1, 1)
        layout.setContentsMargins(M, M, M, M)
        made.setLayout(layout)
        made.hide()
        return made

    def _make_footer(self) -> QFrame:
        made = QFrame()
        made.setProperty("role", "footer")
        self.save_button = button(self.tr("Save Plan…"))
        self.save_button.clicked.connect(self._save_plan)
        self.restore_button = button(self.tr("Restore"), "arrow-u-up-left", kind="primary")
        self.restore_button.clicked.connect(self._restore)
        note = label(self.tr("Rows are compared at the end"), "second")
        shield = IconLabel("shield-check", "text2", 16)
        layout = row(shield, note, None, self.save_button, self.restore_button)
        layout.setContentsMargins(XL, S + 4, XL, S + 4)
        layout.setAlignment(Qt.AlignmentFlag.AlignVCenter)
        made.setLayout(layout)
        return made


def _quoted(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else '"' + name.replace('"', '""') + '"'
