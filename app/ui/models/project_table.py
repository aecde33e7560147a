"""The user's projects as rows: how each stands, its last 30 days, its last good backup, what comes next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from enum import IntEnum

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt

from app.domain.due import DueState
from app.domain.errors import ErrorCode
from app.domain.health import Health, State
from app.domain.project_types import type_of
from app.domain.project_types.supabase_hosted import is_supabase_host
from app.ui import formats
from app.ui.schedule_words import moment, waits_for
from app.ui.widgets.badge import (
    FAILED,
    GOOD,
    NO_BACKUP,
    OVERDUE,
    PAUSED,
    PROOF_FAILED,
    PROOF_STATUS,
    PROVEN,
    RUNNING,
    WAITING,
    Status,
)
from app.ui.widgets.day_strip import strip_words

Index = QModelIndex | QPersistentModelIndex
ROW_ROLE = Qt.ItemDataRole.UserRole + 1
"""Gives the `ProjectRow` of a row."""
STRIP_ROLE = Qt.ItemDataRole.UserRole + 2
"""Gives the cells of its strip."""
_NOT_REACHED = (ErrorCode.UNREACHABLE, ErrorCode.HOST_NOT_FOUND, ErrorCode.TIMED_OUT)


class Column(IntEnum):
    """The columns, in their order."""

    PROJECT = 0
    SERVER = 1
    STRIP = 2
    LAST = 3
    NEXT = 4


@dataclass(frozen=True, slots=True)
class ProjectRow:
    """A project as the table shows it.

    Attributes:
        keywords: of its connection string.
        version: of the server at the last good backup.
        progress: in words, while it is being backed up.
    """

    name: str
    keywords: dict[str, str]
    health: Health
    version: str = ""
    progress: str = ""

    @property
    def place(self) -> str:
        """The host, or what stands for it."""
        words = self.keywords
        return words.get("host") or words.get("hostaddr") or words.get("service") or "localhost"

    @property
    def is_supabase(self) -> bool:
        """Whether it is one of Supabase's, by its host's name."""
        return is_supabase_host(self.keywords.get("host", ""))

    @property
    def needs_pooler(self) -> bool:
        """Whether its last attempt failed as those do that take the direct way to Supabase without IPv6."""
        cause = self.health.cause
        if cause is None or cause.code not in _NOT_REACHED:
            return False
        return type_of(self.keywords).has_session_pooler(self.keywords)

    @property
    def status(self) -> Status:
        """The worst that is true of it."""
        health = self.health
        if health.is_running:
            return RUNNING
        if health.state is State.FAILED:
            return PROOF_FAILED if health.cause and health.cause.is_proof else FAILED
        last = health.last_good
        good = PROVEN if last is not None and last.is_proven else GOOD
        others = {
            State.OVERDUE: OVERDUE,
            State.WAITING: WAITING,
            State.PAUSED: PAUSED,
            State.NEVER: NO_BACKUP,
        }
        return others.get(health.state, good)


class ProjectTable(QAbstractTableModel):
    """Read only; a search narrows it by name and place."""

    def __init__(self) -> None:
        super().__init__()
        self._all: tuple[ProjectRow, ...] = ()
        self._shown: list[ProjectRow] = []
        self._wanted = ""
        self._now: datetime | None = None
        self._zone: tzinfo = UTC

    def show_rows(self, rows: tuple[ProjectRow, ...], now: datetime, zone: tzinfo) -> None:
        """Show these at this moment; the same projects stay where they are."""
        self._now, self._zone = now, zone
        if [row.name for row in rows] == [row.name for row in self._all]:
            self._all = rows
            self._shown = self._found()
            if self._shown:
                self.dataChanged.emit(self.index(0, 0), self.index(len(self._shown) - 1, Column.NEXT))
            return
        self._all = rows
        self.search(self._wanted)

    def search(self, text: str) -> None:
        """Show those alone whose name or place has this text."""
        self.beginResetModel()
        self._wanted = text
        self._shown = self._found()
        self.endResetModel()

    def row_of(self, name: str) -> int:
        """Where a project stands; -1 when it is not shown."""
        return next((number for number, row in enumerate(self._shown) if row.name == name), -1)

    def at(self, row: int) -> ProjectRow | None:
        """The project of a row."""
        return self._shown[row] if 0 <= row < len(self._shown) else None

    def rowCount(self, parent: Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self._shown)

    def columnCount(self, parent: Index = QModelIndex()) -> int:
        return len(Column)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        words = (
            self.tr("Project"),
            self.tr("PostgreSQL"),
            self.tr("Last 30 days"),
            self.tr("Last good backup"),
            self.tr("Next"),
        )
        return words[section] if role == Qt.ItemDataRole.DisplayRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        row = self._shown[index.row()]
        if role == ROW_ROLE:
            return row
        if role == STRIP_ROLE:
            return row.health.strip
        if role == Qt.ItemDataRole.AccessibleTextRole and index.column() == Column.STRIP:
            return strip_words(row.health.strip)
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return "\n".join(filter(None, self.texts(index.row(), index.column())))
        return None

    def texts(self, row: int, column: int) -> tuple[str, str]:
        """The two lines of a cell."""
        shown = self._shown[row]
        health, last = shown.health, shown.health.last_good
        match Column(column):
            case Column.PROJECT:
                kind = self.tr("Supabase") if shown.is_supabase else "PostgreSQL"
                return shown.name, f"{kind} · {shown.place}"
            case Column.SERVER:
                return shown.version or formats.DASH, formats.size(last.database_bytes) if last else ""
            case Column.LAST if last is not None and self._now is not None and last.proof_level is not None:
                proof = PROOF_STATUS[last.proof_level].text
                return formats.moment(last.started, self._now, self._zone), proof
            case Column.LAST:
                return self.tr("None yet"), ""
            case Column.NEXT:
                return self._next(shown, health)
            case _:
                return "", ""

    def _next(self, shown: ProjectRow, health: Health) -> tuple[str, str]:
        if health.is_running:
            return self.tr("Now"), shown.progress
        following = next((one for one in health.schedules if one.due.at == health.next_at), None)
        waits = next((one.waiting for one in health.schedules if one.waiting), ())
        if waits:
            return self.tr("Waiting"), self.tr("for %1").replace("%1", waits_for(waits))
        if following is None or health.next_at is None or self._now is None:
            return formats.DASH, "" if health.schedules else self.tr("no schedule")
        day, _, clock = formats.moment(health.next_at, self._now, self._zone).rpartition(" ")
        match following.due.state:
            case DueState.PAUSED:
                when = moment(health.next_at, self._now, self._zone)
                return self.tr("Paused"), self.tr("until %1").replace("%1", when)
            case DueState.RETRYING:
                attempt = self.tr("attempt %1").replace("%1", formats.count(following.due.attempt))
                return self.tr("Retry %1").replace("%1", clock), attempt
            case DueState.DUE:
                return self.tr("Due now"), ""
            case _:
                return day, clock

    def _found(self) -> list[ProjectRow]:
        wanted = self._wanted.casefold()
        return [row for row in self._all if wanted in f"{row.name} {row.place}".casefold()]
