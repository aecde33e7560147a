"""Hands to the queue what the pages ask for: each act on a project or a backup is one operation."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from app.domain.events import Listener
from app.domain.history import Entry
from app.domain.operation import OperationKind
from app.domain.pace import (
    backup_workload,
    copy_workload,
    proof_workload,
    restore_workload,
    sample_workload,
    verify_workload,
)
from app.domain.proof import ProofLevel
from app.domain.rota import CheckKind, Wanted
from app.domain.schedule import Schedule
from app.own_process import run_in_own_process
from app.system.cancellation import CancelToken
from app.ui import operation_work
from app.ui.backup_work import WantedBackup
from app.ui.operation_signals import OperationSignals
from app.ui.restore_work import PlannedRestore
from app.ui.state import State

if TYPE_CHECKING:
    from app.engine.operations import Work
    from app.own_process import Call


class Launcher(QObject):
    """One method an act. All of them return at once."""

    def __init__(self, state: State, operations: OperationSignals, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._operations = operations
        self._again: dict[str, Callable[[], object]] = {}
        self._for_good: dict[str, tuple[Entry, ...]] = {}

    def can_repeat(self, id_: str) -> bool:
        """Whether an operation can be tried once more as it was."""
        return id_ in self._again

    def repeat(self, id_: str) -> None:
        """Do an operation that failed once more."""
        self._again[id_]()

    def repeat_for_good(self, id_: str) -> None:
        """Remove for good what the trash would not take."""
        self.delete(*self._for_good[id_], for_good=True)

    def back_up(self, wanted: WantedBackup) -> None:
        """Make a backup, and prove it as far as its options say."""
        last = self._state.catalog.last_backup(wanted.project)
        proven = wanted.options.proof is ProofLevel.PROVEN
        operation = self._operations.submit(
            OperationKind.BACKUP,
            wanted.project,
            self._apart(wanted.run),
            workload=backup_workload(last.database_bytes if last else 0, proven=proven),
        )
        self._again[operation.id] = lambda: self.back_up(wanted)

    def back_up_project(self, name: str) -> None:
        """Back a project up as it is done without touching any option."""
        from app.domain.backup import BackupOptions

        self.back_up(WantedBackup(name, BackupOptions(), self._state.destination))

    def run_schedule(self, schedule: Schedule) -> None:
        """Run the slot of a schedule that is due."""
        last = self._state.catalog.last_backup(schedule.project)
        proven = schedule.options.proof is ProofLevel.PROVEN
        self._operations.submit(
            OperationKind.BACKUP,
            schedule.project,
            self._apart(partial(operation_work.run_schedule, schedule)),
            subject=schedule.id,
            workload=backup_workload(last.database_bytes if last else 0, proven=proven),
        )

    def try_sample(self) -> None:
        """Back up and prove the sample database; it stays in History to be restored."""
        operation = self._operations.submit(
            OperationKind.SAMPLE,
            "",
            self._apart(operation_work.try_sample),
            workload=sample_workload(0),
        )
        self._again[operation.id] = lambda: self.try_sample()

    def prove(self, entry: Entry) -> None:
        """Restore a backup into a sandbox and compare everything, unless that is asked for already."""
        if any(
            one.operation.kind is OperationKind.PROOF and one.operation.backup == entry.id
            for one in self._operations.running()
        ):
            return
        operation = self._operations.submit(
            OperationKind.PROOF,
            entry.project,
            self._apart(partial(operation_work.prove, entry)),
            backup=entry.id,
            workload=proof_workload(entry.database_bytes),
        )
        self._again[operation.id] = lambda: self.prove(entry)

    def verify(self, entry: Entry) -> None:
        """Check a backup's files and streams."""
        operation = self._operations.submit(
            OperationKind.VERIFY,
            entry.project,
            self._apart(partial(operation_work.verify, entry)),
            backup=entry.id,
            workload=verify_workload(entry.database_bytes),
        )
        self._again[operation.id] = lambda: self.verify(entry)

    def recheck(self, wanted: tuple[Wanted, ...]) -> None:
        """Look at old backups, as nobody asked for: what hinders it stands in the log alone."""
        first = wanted[0].entry
        size = sum(one.entry.database_bytes for one in wanted)
        is_restore = wanted[0].kind is CheckKind.RESTORE
        self._operations.submit(
            OperationKind.PROOF if is_restore else OperationKind.VERIFY,
            first.project,
            self._apart(partial(operation_work.recheck, wanted)),
            backup=first.id,
            workload=proof_workload(size) if is_restore else verify_workload(size),
        )

    def open_copy(self, entry: Entry) -> None:
        """Keep a copy of a backup open in a sandbox until it is cancelled."""
        operation = self._operations.submit(
            OperationKind.COPY,
            entry.project,
            self._apart(partial(operation_work.open_copy, entry)),
            backup=entry.id,
            workload=copy_workload(entry.database_bytes),
        )
        self._again[operation.id] = lambda: self.open_copy(entry)

    def export(self, entry: Entry, target: Path) -> None:
        """Write a backup as one file; the user agreed to replace one that is there."""
        operation = self._operations.submit(
            OperationKind.EXPORT,
            entry.project,
            self._apart(partial(operation_work.export, entry, target)),
            subject=target.name,
            backup=entry.id,
        )
        self._again[operation.id] = lambda: self.export(entry, target)

    def delete(self, *entries: Entry, for_good: bool = False) -> None:
        """Move backups of one project to the trash, or remove them for good."""
        services = self._state.services
        operation = self._operations.submit(
            OperationKind.DELETE,
            entries[0].project,
            lambda cancel, listener: services().delete(entries, cancel, listener, for_good=for_good),
            backup=entries[0].id if len(entries) == 1 else "",
        )
        self._again[operation.id] = lambda: self.delete(*entries, for_good=for_good)
        self._for_good[operation.id] = entries

    def restore(self, planned: PlannedRestore) -> None:
        """Carry out a plan that was confirmed."""

        def work(cancel: CancelToken, listener: Listener) -> object:
            with planned.folder:
                return self._apart(planned.call)(cancel, listener)

        needed = planned.plan.bytes_needed or 0
        safety = needed if planned.plan.makes_safety_backup else 0
        self._operations.submit(
            OperationKind.RESTORE,
            planned.into.project,
            work,
            subject=planned.plan.database,
            workload=restore_workload(needed, safety_bytes=safety),
        )

    def _apart(self, call: Call) -> Work:
        """The work of an operation, in a process of its own."""
        return partial(run_in_own_process, call, self._state.session_passwords)
