"""The schedules as rows of a list: what each does, how it stands, and its switch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from app.ui.schedule_words import Standing

Index = QModelIndex | QPersistentModelIndex


class ScheduleRole(IntEnum):
    """Beside the title (the display role) and the switch (the check state)."""

    ROW = Qt.ItemDataRole.UserRole


@dataclass(frozen=True, slots=True)
class ScheduleRow:
    """One schedule.

    Attributes:
        id: of the schedule.
        title: its project, and its name where it has one.
        sentence: what it does.
        standing: how it stands; the last line.
        is_on: switched on; None for one that was not saved yet.
        is_edited: there are changes that are not saved.
    """

    id: str
    title: str
    sentence: str
    standing: Standing
    is_on: bool | None
    is_edited: bool = False


class ScheduleList(QAbstractListModel):
    """The rows; `switched` asks for a schedule, by its id, to be switched on or off."""

    switched = Signal(str, bool)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[ScheduleRow, ...] = ()

    @property
    def rows(self) -> tuple[ScheduleRow, ...]:
        """What is shown."""
        return self._rows

    def show_rows(self, rows: Sequence[ScheduleRow]) -> None:
        """Show these; where they are the same schedules as before, the selection stays."""
        new = tuple(rows)
        if [row.id for row in new] == [row.id for row in self._rows]:
            self._rows = new
            if new:
                self.dataChanged.emit(self.index(0), self.index(len(new) - 1))
            return
        self.beginResetModel()
        self._rows = new
        self.endResetModel()

    def index_of(self, identity: str) -> QModelIndex:
        """The row of a schedule; none where it is not shown."""
        numbers = {row.id: number for number, row in enumerate(self._rows)}
        return self.index(numbers[identity]) if identity in numbers else QModelIndex()

    def rowCount(self, parent: Index = QModelIndex()) -> int:
        """How many there are."""
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """The row itself, its switch, and what a screen reader says of it."""
        row = self._rows[index.row()]
        match role:
            case ScheduleRole.ROW:
                return row
            case Qt.ItemDataRole.DisplayRole:
                return row.title
            case Qt.ItemDataRole.CheckStateRole if row.is_on is not None:
                return Qt.CheckState.Checked if row.is_on else Qt.CheckState.Unchecked
            case Qt.ItemDataRole.AccessibleTextRole:
                status = row.standing.status
                word = (row.standing.word or status.text) if status else ""
                edited = self.tr("not saved") if row.is_edited else ""
                return ". ".join(filter(None, (row.title, word, edited, row.sentence, row.standing.text)))
        return None

    def setData(self, index: Index, value: object, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """The switch only asks; what comes of it is shown when the settings have changed."""
        row = self._rows[index.row()]
        if role != Qt.ItemDataRole.CheckStateRole or row.is_on is None:
            return False
        self.switched.emit(row.id, Qt.CheckState(value) is Qt.CheckState.Checked)
        return True

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Each can be chosen and switched."""
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        if index.isValid() and self._rows[index.row()].is_on is not None:
            flags |= Qt.ItemFlag.ItemIsUserCheckable
        return flags
