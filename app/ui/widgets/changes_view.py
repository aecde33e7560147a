"""What changed since the project's backup before: tables that came, grew, shrank and went."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHeaderView, QVBoxLayout, QWidget

from app.domain.changes import Change, TableChange
from app.ui import formats
from app.ui.history_words import moment_inside
from app.ui.history_work import Detail
from app.ui.models.plain_rows import Field, PlainRows
from app.ui.theme import M, S
from app.ui.widgets.basics import label
from app.ui.widgets.plain_table import PlainTable

_ORDER = (Change.ADDED, Change.GROWN, Change.SHRUNK, Change.CHANGED, Change.REMOVED)
_ICONS = {
    Change.ADDED: ("plus-bold", "ok"),
    Change.GROWN: ("caret-up-bold", "text2"),
    Change.SHRUNK: ("caret-down-bold", "warn"),
    Change.CHANGED: ("pencil-simple", "text2"),
    Change.REMOVED: ("minus-bold", "bad"),
}
_SAME = ("circle", "text2")


class ChangesView(QWidget):
    """The list, or a sentence where there is nothing to list."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: PlainRows[TableChange] = PlainRows(
            (
                Field("", _name, tool_tip=_name, icon=lambda one: _ICONS.get(one.change, _SAME)),
                Field("", _row_count, is_number=True, tool_tip=self._rows_before),
                Field("", lambda one: formats.size(one.bytes), is_number=True, tool_tip=_exact),
                Field("", self._difference, is_number=True, colour=lambda one: _ICONS[one.change][1]),
            ),
            self,
        )
        self.table = PlainTable(self._rows, self.tr("Tables that changed"), header=False)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self._note = label("", "caption", wrap=True)
        self._note.setContentsMargins(M + 4, S, M + 4, S - 2)
        self._empty = label("", "second", wrap=True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setContentsMargins(M + 4, M, M + 4, M)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._note)
        layout.addWidget(self.table, 1)
        layout.addWidget(self._empty, 1)

    def show_changes(self, detail: Detail, now: datetime) -> int | None:
        """Show what a detail tells; gives how many tables changed, None where that is not known."""
        if detail.changes is None or detail.previous is None:
            self._say(self._why_not(detail, now))
            return None
        when = moment_inside(detail.previous.started, now)
        changed = detail.changes.with_change(*_ORDER)
        if not changed:
            text = self.tr("Nothing changed in %n table(s) since the backup before (%1).", "", _count(detail))
            self._say(text.replace("%1", when))
            return 0
        note = self.tr("Since the backup before: %1").replace("%1", when)
        if not detail.changes.is_comparable:
            note = self.tr("The backup before (%1) was made with another selection of tables.")
            note = note.replace("%1", when)
        self._note.setText(note)
        self._rows.show_rows(sorted(changed, key=_place))
        self._note.show()
        self.table.show()
        self._empty.hide()
        return len(changed)

    def _say(self, text: str) -> None:
        self._rows.show_rows(())
        self._empty.setText(text)
        self._note.hide()
        self.table.hide()
        self._empty.show()

    def _why_not(self, detail: Detail, now: datetime) -> str:
        if detail.previous is None:
            return self.tr("There is no backup before this one to compare it with.")
        when = moment_inside(detail.previous.started, now)
        text = self.tr("The backup before (%1) cannot be read, so there is nothing to compare with.")
        reason = detail.previous_problem.title if detail.previous_problem else ""
        return formats.sentences(text.replace("%1", when), reason)

    def _difference(self, one: TableChange) -> str:
        if one.change is Change.ADDED:
            return self.tr("new table")
        if one.change is Change.REMOVED:
            return self.tr("removed")
        rows = (one.rows or 0) - (one.rows_before or 0)
        if rows:
            return self.tr("%1 row(s)", "", abs(rows)).replace("%1", _signed(rows, formats.count(abs(rows))))
        size = (one.bytes or 0) - (one.bytes_before or 0)
        return _signed(size, formats.size(abs(size))) if size else self.tr("other rows")

    def _rows_before(self, one: TableChange) -> str:
        if one.rows_before is None:
            return ""
        return self.tr("%1 before").replace("%1", formats.count(one.rows_before))


def _name(one: TableChange) -> str:
    return one.name if one.schema == "public" else f"{one.schema}.{one.name}"


def _row_count(one: TableChange) -> str:
    return formats.DASH if one.rows is None else formats.count(one.rows)


def _exact(one: TableChange) -> str:
    return "" if one.bytes is None else formats.exact_size(one.bytes)


def _signed(number: int, text: str) -> str:
    return f"{'+' if number > 0 else '−'}{text}"


def _place(one: TableChange) -> tuple[int, int, int, str, str]:
    """What came first, then by how much it changed."""
    rows = abs((one.rows or 0) - (one.rows_before or 0))
    size = abs((one.bytes or 0) - (one.bytes_before or 0))
    return _ORDER.index(one.change), -rows, -size, one.schema, one.name


def _count(detail: Detail) -> int:
    return len(detail.changes.tables) if detail.changes else 0
