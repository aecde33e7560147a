"""What the window calls, on real servers: sample, copy, listing, estimate, check, export, deletion."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from app.domain.backup import Backup, BackupOptions
from app.domain.events import Event, TableState
from app.domain.operation import (
    OVER,
    Cancelled,
    Failed,
    Opened,
    Operation,
    OperationEvent,
    OperationKind,
    Progressed,
    Succeeded,
)
from app.domain.pace import copy_workload, sample_workload
from app.domain.proof import ProofLevel
from app.domain.restore import RestoreReport, RestoreResult
from app.engine.operations import Operations
from app.engine.preflight import BackupRequest
from app.postgres.connection import Connection
from app.postgres.sandbox import SandboxServer, default_root
from app.services import Services, build_services
from app.system.cancellation import CancelToken

if TYPE_CHECKING:
    from tests.conftest import NewDatabase


class Ear:
    """Hears everything, and can wait for something."""

    def __init__(self) -> None:
        self.events: list[OperationEvent] = []
        self._changed = threading.Condition()

    def __call__(self, event: OperationEvent) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    def wait(self, wanted: Callable[[OperationEvent], bool]) -> OperationEvent:
        with self._changed:
            assert self._changed.wait_for(lambda: any(map(wanted, self.events)), 90)
            return next(filter(wanted, self.events))

    def end_of(self, operation: Operation) -> OperationEvent:
        return self.wait(lambda event: isinstance(event, OVER) and event.operation == operation)


@pytest.fixture
def services(home: Path) -> Services:
    return build_services()


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def queue(ear: Ear, tmp_path: Path) -> Iterator[Operations]:
    made = Operations(ear, tmp_path / "logs")
    yield made
    assert made.shutdown(30)


@pytest.fixture
def shop(server17: SandboxServer, new_shop: NewDatabase) -> Connection:
    return Connection(new_shop(server17).conninfo, server17.password, inherits=False)


def back_up(services: Services, shop: Connection, options: BackupOptions | None = None) -> Backup:
    folder = services.settings.destination_folder
    folder.mkdir(parents=True, exist_ok=True)
    request = BackupRequest("Shop", shop, options or BackupOptions(proof=ProofLevel.COMPLETE), folder)
    return services.backup(request, CancelToken(), ignore)


def ignore(_: Event) -> None:
    pass


def test_the_sample_is_backed_up_proven_and_left_in_history_with_its_percent(
    services: Services, queue: Operations, ear: Ear
) -> None:
    before = set((default_root() / "sandboxes").glob("*"))
    one = queue.submit(
        OperationKind.SAMPLE, "Sample Shop", services.sample, workload=sample_workload(30_000_000)
    )
    end = ear.end_of(one)
    assert isinstance(end, Succeeded), end
    assert isinstance(end.result, Backup)
    (entry,) = services.catalog.history()
    assert (entry.project, entry.proof_level) == ("Sample Shop", "proven")
    assert Path(entry.path).is_relative_to(services.settings.destination_folder)
    standings = [event.standing for event in ear.events if isinstance(event, Progressed)]
    known = [one.fraction for one in standings if one.fraction is not None]
    assert all(before <= after for before, after in pairwise(known))
    assert known[-1] > 0.7
    assert known[-1] <= 0.99
    tables = standings[-1].tables
    assert len(tables) == entry.tables
    assert {table.state for table in tables} == {TableState.DONE}
    assert sum(table.rows for table in tables) == entry.rows
    assert set((default_root() / "sandboxes").iterdir()) <= before
    assert any("pg_dump" in line.text for line in queue.log(one.id))


def test_a_copy_stays_open_until_it_is_closed(
    services: Services, shop: Connection, queue: Operations, ear: Ear
) -> None:
    backup = back_up(services, shop)
    one = queue.submit(
        OperationKind.COPY,
        "Shop",
        lambda cancel, listener: services.open_copy([Path(backup.folder)], cancel, listener),
        workload=copy_workload(backup.manifest.database_bytes),
    )
    opened = ear.wait(lambda event: isinstance(event, (Opened, *OVER)))
    assert isinstance(opened, Opened), opened
    with psycopg.connect(opened.address) as session:
        assert session.execute("SELECT count(*) FROM orders").fetchone() == (3000,)
    queue.cancel(one.id)
    end = ear.end_of(one)
    assert isinstance(end, Succeeded)
    assert isinstance(end.result, RestoreReport)
    assert end.result.result is RestoreResult.SUCCEEDED
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(opened.address)


def test_a_copy_that_cannot_be_read_fails_and_one_that_is_cancelled_before_is_cancelled(
    services: Services, queue: Operations, ear: Ear, tmp_path: Path
) -> None:
    (tmp_path / "no.dump").write_bytes(b"PGDMP and nothing else" * 10)
    broken = queue.submit(
        OperationKind.COPY, "", lambda c, hear: services.open_copy([tmp_path / "no.dump"], c, hear)
    )
    end = ear.end_of(broken)
    assert isinstance(end, Failed)
    assert end.traceback == ""
    cancel = CancelToken()
    cancel.cancel()
    (tmp_path / "yes.sql").write_text("-- PostgreSQL database dump\nCREATE TABLE t (n int);\n")

    def cancelled(_: CancelToken, hear: Callable[[Event], None]) -> object:
        return services.open_copy([tmp_path / "yes.sql"], cancel, hear)

    assert isinstance(ear.end_of(queue.submit(OperationKind.COPY, "", cancelled)), Cancelled)


def test_the_backup_page_gets_its_tables_and_its_estimate(services: Services, shop: Connection) -> None:
    listing = services.list_database(shop, CancelToken())
    assert [schema.name for schema in listing.schemas] == ["public", "crm"]
    options = BackupOptions(proof=ProofLevel.COMPLETE)
    assert services.estimate("Shop", options) is None
    first = services.estimate("Shop", options, listing)
    assert first is not None
    assert first.bytes > 0
    assert first.proof_seconds == 0
    assert first.fits
    backup = back_up(services, shop, options)
    for known in (listing, None):
        after = services.estimate("Shop", options, known)
        assert after is not None
        assert after.bytes == pytest.approx(backup.manifest.bytes, rel=0.05)
    part = BackupOptions(excluded_tables=(listing.tables[0].pattern,))
    less = services.estimate("Shop", part, listing)
    assert less is not None
    assert less.bytes < first.bytes
    assert less.proof_seconds > 0
    assert services.backup_workload("Shop", options)


def test_a_connection_is_checked_against_the_folder(services: Services, shop: Connection) -> None:
    assert services.check_connection(shop, lambda _: None, CancelToken()).passed


def test_a_backup_is_noted_exported_compared_and_deleted(
    services: Services, shop: Connection, tmp_path: Path
) -> None:
    first, second = back_up(services, shop), back_up(services, shop)
    newest, oldest = services.catalog.history()
    assert (newest.id, oldest.id) == (second.manifest.id, first.manifest.id)
    found = services.changes(newest)
    assert found is not None
    assert found[0] == oldest
    assert services.changes(oldest) is None
    services.set_note(newest, "the second one", ignore)
    assert services.backup_of(newest).manifest.options.note == "the second one"
    target = services.export(newest, tmp_path / "shop.zip", CancelToken(), ignore)
    assert target.stat().st_size > second.manifest.bytes
    assert services.delete([newest, oldest], CancelToken(), ignore, for_good=True) == 2
    assert services.catalog.history() == ()
    assert list((services.settings.destination_folder / "Shop").iterdir()) == []
