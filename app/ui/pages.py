"""Makes the page of each place when it is first visited, and leads from one to another."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QWidget

from app.domain.operation import OperationEvent, OperationKind, Succeeded
from app.domain.restore import RestoreReport
from app.ui.launcher import Launcher
from app.ui.login_start import choose_start_at_login
from app.ui.main_window import MainWindow, open_folder
from app.ui.operation_signals import OperationSignals
from app.ui.state import State
from app.ui.widgets.rail import Place

if TYPE_CHECKING:
    from app.domain.history import Entry
    from app.ui.restore_work import PlannedRestore
    from app.ui.tabs.backup import BackupPage
    from app.ui.tabs.history import HistoryPage
    from app.ui.tabs.projects import ProjectsPage
    from app.ui.tabs.restore import RestorePage
    from app.ui.tabs.schedule import SchedulePage

_BETWEEN_STEPS = 400
"""Milliseconds; a step takes 20 to 90."""


class Pages(QObject):
    """The five pages in their window.

    Signals:
        settings_wanted: the page of the settings that a page asks for.
        remedy_wanted: a `Remedy`, and the `Entry` of the attempt that it is for.
    """

    settings_wanted = Signal(str)
    remedy_wanted = Signal(object, object)

    def __init__(
        self,
        state: State,
        operations: OperationSignals,
        launcher: Launcher,
        window: MainWindow,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._state, self._operations, self._launcher = state, operations, launcher
        self._busy: frozenset[str] = frozenset()
        makers: dict[Place, Callable[[], QWidget]] = {
            Place.PROJECTS: self._make_projects,
            Place.BACKUP: self._make_backup,
            Place.HISTORY: self._make_history,
            Place.SCHEDULE: self._make_schedule,
            Place.RESTORE: self._make_restore,
        }
        self.window = window
        window.fill(makers)
        operations.changed.connect(self._show_busy)
        operations.finished.connect(self._finish)

    def load_ahead(self) -> None:
        """While the user looks at the first page, load the two that are wanted next and take longest."""
        steps: list[Callable[[], object]] = [
            partial(import_module, "app.ui.tabs.history"),
            partial(import_module, "app.ui.tabs.backup"),
            partial(self.window.page, Place.HISTORY),
        ]
        timer = QTimer(self)
        timer.setInterval(_BETWEEN_STEPS)

        def take_step() -> None:
            steps.pop(0)()
            if not steps:
                timer.deleteLater()

        timer.timeout.connect(take_step)
        timer.start()

    def open_dumps(self, paths: tuple[Path, ...]) -> None:
        """Look into what was dropped or given, in Restore."""
        self._restore_page().open_paths(paths)

    def choose_dump(self) -> None:
        """Ask for a file to look into."""
        self._restore_page().choose_file()

    def restore_entry(self, entry: Entry) -> None:
        """Look into a backup of the history."""
        self._restore_page().open_paths((Path(entry.path),), entry.project)

    def show_history(self, project: str) -> None:
        """Show a project's backups."""
        cast("HistoryPage", self.window.open_place(Place.HISTORY)).show_project(project)

    def show_largest(self) -> None:
        """Show the largest backups first."""
        cast("HistoryPage", self.window.open_place(Place.HISTORY)).show_largest()

    def show_backup(self, project: str) -> None:
        """Show what a backup of this project would do."""
        page = cast("BackupPage", self.window.open_place(Place.BACKUP))
        if project:
            page.choose_project(project)

    def back_up(self) -> None:
        """Back up now the project that is chosen, on Projects or on Backup."""
        chosen = ""
        if self.window.place is Place.PROJECTS:
            chosen = cast("ProjectsPage", self.window.page(Place.PROJECTS)).chosen
        self.show_backup(chosen)
        cast("BackupPage", self.window.page(Place.BACKUP)).back_up()

    @property
    def has_changes(self) -> bool:
        """Something was entered on a page and not saved."""
        places = (Place.PROJECTS, Place.SCHEDULE)
        pages = (self.window.page(place) for place in places if self.window.has_page(place))
        return any(cast("ProjectsPage | SchedulePage", page).has_changes for page in pages)

    def add_project(self) -> None:
        """Ask for a new project."""
        cast("ProjectsPage", self.window.open_place(Place.PROJECTS)).add_project()

    def edit_project(self, name: str) -> None:
        """Ask for another connection of a project."""
        cast("ProjectsPage", self.window.open_place(Place.PROJECTS)).edit_project(name)

    def come_to(self, place: Place, project: str) -> None:
        """Where a notification points to."""
        self.window.come_to_front()
        if place is Place.HISTORY and project:
            self.show_history(project)
        else:
            self.window.open_place(place)

    def ask(self, name: str) -> None:
        """Let the page in view do what its own way of it is, where it has one: search, refresh."""
        act: Callable[[], object] | None = getattr(self.window.page(self.window.place), name, None)
        if act is not None:
            act()

    def _restore_page(self) -> RestorePage:
        return cast("RestorePage", self.window.open_place(Place.RESTORE))

    def _make_projects(self) -> QWidget:
        from app.ui.tabs.projects import ProjectsPage

        page = ProjectsPage(self._state, self._operations)
        page.sample_wanted.connect(self._launcher.try_sample)
        page.back_up_wanted.connect(self._launcher.back_up_project)
        page.prove_wanted.connect(self._launcher.prove)
        page.restore_wanted.connect(self.restore_entry)
        page.history_wanted.connect(self.show_history)
        page.schedule_wanted.connect(lambda _: self.window.open_place(Place.SCHEDULE))
        page.delete_backups_wanted.connect(lambda entries: self._launcher.delete(*entries))
        page.settings_wanted.connect(self.settings_wanted)
        return page

    def _make_backup(self) -> QWidget:
        from app.ui.tabs.backup import BackupPage

        page = BackupPage(self._state, self._operations)
        page.backup_wanted.connect(self._launcher.back_up)
        page.add_wanted.connect(self.add_project)
        page.sample_wanted.connect(self._launcher.try_sample)
        page.backup_shown.connect(lambda made: open_folder(Path(made.folder)))
        page.history_wanted.connect(self.show_history)
        return page

    def _make_history(self) -> QWidget:
        from app.ui.tabs.history import HistoryPage

        page = HistoryPage(self._state)
        page.restore_wanted.connect(self.restore_entry)
        page.prove_wanted.connect(self._launcher.prove)
        page.verify_wanted.connect(self._launcher.verify)
        page.copy_wanted.connect(self._launcher.open_copy)
        page.export_wanted.connect(self._launcher.export)
        page.delete_wanted.connect(self._launcher.delete)
        page.folder_wanted.connect(_open)
        page.back_up_wanted.connect(self.show_backup)
        page.remedy_wanted.connect(self.remedy_wanted)
        return page

    def _make_schedule(self) -> QWidget:
        from app.ui.tabs.schedule import SchedulePage

        page = SchedulePage(self._state)
        page.add_wanted.connect(self.add_project)
        page.sample_wanted.connect(self._launcher.try_sample)
        page.settings_wanted.connect(partial(self.settings_wanted.emit, "general"))
        page.login_start_wanted.connect(partial(choose_start_at_login, self._state, self, True))
        return page

    def _make_restore(self) -> QWidget:
        from app.ui.tabs.restore import RestorePage

        page = RestorePage(self._state)
        page.restore_wanted.connect(self._restore)
        page.history_wanted.connect(lambda: self.window.open_place(Place.HISTORY))
        page.folder_wanted.connect(_open)
        return page

    def _restore(self, planned: PlannedRestore) -> None:
        self._restore_page().show_running(True)
        self._launcher.restore(planned)

    def _finish(self, event: OperationEvent) -> None:
        kind, place = event.operation.kind, self.window.place
        if kind is OperationKind.SAMPLE and isinstance(event, Succeeded) and place is Place.PROJECTS:
            self.window.open_place(Place.HISTORY)  # the sample is no project, so it can only be seen there
        if kind is not OperationKind.RESTORE or not self.window.has_page(Place.RESTORE):
            return
        page = cast("RestorePage", self.window.page(Place.RESTORE))
        page.show_running(False)
        if isinstance(event, Succeeded) and isinstance(event.result, RestoreReport):
            page.show_report(event.result)

    def _show_busy(self) -> None:
        """Backups that are worked on cannot be deleted."""
        busy = frozenset(one.operation.backup for one in self._operations.running()) - {""}
        if busy != self._busy and self.window.has_page(Place.HISTORY):
            self._busy = busy
            cast("HistoryPage", self.window.page(Place.HISTORY)).show_busy(busy)


def _open(folder: str) -> None:
    open_folder(Path(folder))
