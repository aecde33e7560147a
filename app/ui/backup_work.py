"""What the window asks of the engine about backups. Everything here runs in worker threads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.domain.backup import Backup, BackupOptions

if TYPE_CHECKING:
    from app.domain.events import Listener
    from app.services import Services
    from app.system.cancellation import CancelToken


@dataclass(frozen=True, slots=True)
class WantedBackup:
    """What the user asked for with the button."""

    project: str
    options: BackupOptions
    destination: Path

    def run(self, services: Services, cancel: CancelToken, listener: Listener) -> Backup:
        """Make it; raises as `Services.backup` does."""
        from app.engine.preflight import BackupRequest
        from app.persistence.settings import find_project
        from app.system.files import make_folder

        project = find_project(services.settings, self.project)
        request = BackupRequest(
            project.name,
            services.connection_of(project),
            self.options,
            make_folder(self.destination),
            stall_seconds=services.settings.stall_seconds,
        )
        return services.backup(request, cancel, listener)
