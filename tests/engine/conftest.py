"""What the tests of the engine share: a small database with something of everything, and a backup of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from app.domain.backup import Backup, BackupOptions
from app.domain.events import Event
from app.engine.backup import back_up
from app.engine.preflight import BackupRequest
from app.postgres.connection import Connection
from app.postgres.toolchain import Installation
from app.system.cancellation import CancelToken

if TYPE_CHECKING:
    from tests.conftest import Database


class BackUp(Protocol):
    """Backs up a database into a folder."""

    def __call__(self, database: Database, destination: Path, /, **options: Any) -> Backup: ...


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    folder = tmp_path / "Backups with space"
    folder.mkdir()
    return folder


@pytest.fixture
def take_backup(installations: Sequence[Installation]) -> BackUp:
    """`take_backup(database, destination, format=…)` backs up with these options, without a proof."""

    def take(database: Database, destination: Path, /, **options: Any) -> Backup:
        events: list[Event] = []
        request = BackupRequest(
            "Shop", connection_to(database), BackupOptions(**options), destination, lock_timeout=2
        )
        return back_up(request, installations, CancelToken(), events.append)

    return take


def connection_to(database: Database) -> Connection:
    return Connection(database.conninfo, database.server.password, inherits=False)
