"""Every attempt is recorded as what it was, and the last backup helps to estimate the next."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.domain.backup import BackupOptions, Contents, Format
from app.domain.errors import AppError, Cancelled, ErrorCode
from app.domain.events import Event, Notice
from app.domain.proof import ProofLevel
from app.engine.preflight import BackupRequest
from app.persistence.partial import PartialBackup
from app.postgres.connection import Connection
from app.postgres.sandbox import SandboxServer
from app.services import Services, build_services
from app.system.cancellation import CancelToken
from app.system.process import run

if TYPE_CHECKING:
    from tests.conftest import NewDatabase

COMPLETE = BackupOptions(proof=ProofLevel.COMPLETE)


@pytest.fixture
def services(home: Path) -> Services:
    return build_services()


@pytest.fixture
def request_(server17: SandboxServer, new_shop: NewDatabase, tmp_path: Path) -> BackupRequest:
    connection = Connection(new_shop(server17).conninfo, server17.password, inherits=False)
    (tmp_path / "Backups").mkdir()
    return BackupRequest("Shop", connection, COMPLETE, tmp_path / "Backups")


def test_a_backup_its_proof_and_its_note_are_recorded(services: Services, request_: BackupRequest) -> None:
    options = replace(COMPLETE, proof=ProofLevel.PROVEN, note="before the move")
    backup = services.backup(replace(request_, options=options), CancelToken(), lambda _: None)
    assert backup.manifest.proof.level is ProofLevel.PROVEN
    (entry,) = services.catalog.history()
    assert (entry.id, entry.result, entry.note) == (backup.manifest.id, "succeeded", "before the move")
    assert entry.proof_level is ProofLevel.PROVEN
    assert entry.path == backup.folder


def test_a_failure_a_cancellation_and_a_bug_are_recorded_as_what_they_are(
    services: Services, request_: BackupRequest
) -> None:
    def stop(event: Event) -> None:
        raise KeyError("bug")

    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        services.backup(request_, cancel, lambda _: None)
    with pytest.raises(AppError):
        services.backup(
            replace(request_, options=replace(COMPLETE, tables=("nowhere",))), CancelToken(), lambda _: None
        )
    with pytest.raises(KeyError):
        services.backup(request_, CancelToken(), stop)
    entries = services.catalog.history()
    assert sorted((entry.result, entry.error_code) for entry in entries) == [
        ("cancelled", ""),
        ("failed", ""),
        ("failed", ErrorCode.INVALID_INPUT),
    ]
    assert "An error in Holdfast itself: KeyError" in {entry.error_title for entry in entries}
    assert request_.destination is not None
    assert not list(request_.destination.glob("*/*"))


def test_what_a_crashed_run_left_is_removed_told_of_and_recorded(
    services: Services, request_: BackupRequest, tmp_path: Path
) -> None:
    assert request_.destination is not None
    code = (
        "import sys; from pathlib import Path; from app.persistence.partial import PartialBackup;"
        "PartialBackup.create(Path(sys.argv[1]), 'Shop')"
    )
    assert run([sys.executable, "-c", code, request_.destination], env=os.environ, timeout=20).status == 0
    alive = PartialBackup.create(request_.destination, "Other")
    events: list[Event] = []
    services.backup(request_, CancelToken(), events.append)
    (notice,) = [event.text for event in events if isinstance(event, Notice)]
    assert notice.startswith("The backup of Shop from ")
    assert notice.endswith(" was interrupted: what it left was removed.")
    assert [entry.result for entry in services.catalog.history()] == ["succeeded", "interrupted"]
    assert alive.folder.is_dir()


def test_the_last_backup_is_an_estimate_only_for_the_same_options(
    services: Services, request_: BackupRequest
) -> None:
    done = services.backup(request_, CancelToken(), lambda _: None)
    assert services._last_bytes(request_) == done.manifest.bytes
    assert services._last_bytes(replace(request_, project="Other")) is None
    for options in (
        replace(COMPLETE, tables=("orders",)),
        replace(COMPLETE, format=Format.CUSTOM),
        replace(COMPLETE, contents=Contents.SCHEMA),
    ):
        assert services._last_bytes(replace(request_, options=options)) is None
    assert services._last_bytes(replace(request_, options=replace(COMPLETE, note="x", jobs=1))) is not None
