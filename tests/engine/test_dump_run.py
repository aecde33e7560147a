"""Whatever stands in a dump's way is named, and nothing of a failed one stays."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from app.domain.backup import BackupOptions, Compression, Format
from app.domain.errors import AppError, Cancelled, ErrorCode
from app.domain.events import Event, Notice, Phase, Progress
from app.engine.backup import back_up
from app.engine.preflight import BackupRequest
from app.postgres.connection import Connection
from app.postgres.sandbox import SandboxServer, running_sandbox
from app.postgres.toolchain import Installation
from app.system.cancellation import CancelToken

if TYPE_CHECKING:
    from tests.conftest import Database, NewDatabase


def request_for(database: Database, destination: Path, **options: object) -> BackupRequest:
    return BackupRequest(
        "Shop",
        Connection(database.conninfo, database.server.password, inherits=False),
        BackupOptions(**options),  # type: ignore[arg-type]
        destination,
        lock_timeout=0.3,
    )


def fail(
    request: BackupRequest,
    installations: Sequence[Installation],
    listener: Callable[[Event], None] = lambda _: None,
) -> AppError:
    with pytest.raises(AppError) as caught:
        back_up(request, installations, CancelToken(), listener)
    return caught.value


def notices(events: Sequence[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, Notice)]


def assert_nothing_is_left(destination: Path) -> None:
    assert not [path for path in destination.rglob("*") if path.is_file()]
    assert not list(destination.glob("*/*"))
    assert own_children() == []


def own_children() -> list[str]:
    """PostgreSQL's client tools below this process."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if process.name() in ("pg_dump", "pg_dumpall", "pg_restore", "psql"):
                found.append(" ".join(process.cmdline()))
        except psutil.NoSuchProcess:
            continue
    return found


@contextmanager
def locked(database: Database, table: str) -> Iterator[Callable[[], None]]:
    """Another session holds the table exclusively; gives what releases it."""
    with database.connect() as session:
        session.execute("SET application_name = 'nightly migration'")
        session.execute("BEGIN")
        session.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
        yield session.rollback
        session.execute("ROLLBACK")


def test_a_lock_that_is_never_released_is_named_after_three_tries(
    server17: SandboxServer,
    new_shop: NewDatabase,
    destination: Path,
    installations: Sequence[Installation],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.engine.backup._PAUSES", (0.1, 0.1))
    events: list[Event] = []
    database = new_shop(server17)
    with locked(database, "orders"):
        error = fail(request_for(database, destination), installations, events.append)
    assert error.code is ErrorCode.LOCK_WAIT
    assert "public.orders is held by process" in error.detail
    assert "nightly migration" in error.detail
    assert len([text for text in notices(events) if "Trying again" in text]) == 2
    assert_nothing_is_left(destination)


def test_a_lock_that_is_released_in_time_is_a_notice(
    server17: SandboxServer,
    new_shop: NewDatabase,
    destination: Path,
    installations: Sequence[Installation],
) -> None:
    events: list[Event] = []
    database = new_shop(server17)
    with locked(database, "orders") as release:

        def on_event(event: Event) -> None:
            events.append(event)
            if isinstance(event, Notice):
                release()

        backup = back_up(request_for(database, destination), installations, CancelToken(), on_event)
    assert backup.manifest.rows == 3601
    (notice,) = notices(events)
    assert "A table is locked by another session" in notice


@pytest.mark.parametrize(
    "format_",
    [
        Format.DIRECTORY,
        pytest.param(Format.CUSTOM, marks=pytest.mark.slow),
        pytest.param(Format.PLAIN, marks=pytest.mark.slow),
    ],
)
def test_a_migration_that_waits_behind_our_locks_makes_it_begin_again(
    server17: SandboxServer,
    new_shop: NewDatabase,
    destination: Path,
    installations: Sequence[Installation],
    format_: Format,
) -> None:
    """It gets its turn between two tries, and the second finds the table gone."""
    database = new_shop(server17)
    database.sql("CREATE TABLE old (a int)")
    events: list[Event] = []
    migrations: list[threading.Thread] = []

    def on_event(event: Event) -> None:
        events.append(event)
        if isinstance(event, Progress) and event.phase is Phase.DUMPING and not migrations:
            migration = threading.Thread(target=database.sql, args=["DROP TABLE old"])
            migrations.append(migration)
            migration.start()

    backup = back_up(
        request_for(database, destination, format=format_), installations, CancelToken(), on_event
    )
    migrations[0].join(10)
    tries = 1 + len([text for text in notices(events) if "Trying again" in text])
    names = {table.name for table in backup.manifest.tables}
    assert tries <= 3
    assert ("old" in names) == (tries == 1)  # pg_dump was quicker than the migration, or was told to wait


@pytest.fixture
def own_server(installations: Sequence[Installation]) -> Iterator[SandboxServer]:
    """A server for this test alone, which may be killed, with a table that takes a moment to dump."""
    installation = next(one for one in installations if one.version.major == 17 and one.has_server)
    with running_sandbox(installation) as server:
        with server.connect() as session:
            session.execute(
                "CREATE TABLE t AS SELECT n, repeat(md5(n::text), 20) FROM generate_series(1, 60000) n"
            )
        yield server


def processes_of(server: SandboxServer) -> list[psutil.Process]:
    """The postmaster and all that it started."""
    postmaster = next(
        process
        for process in psutil.process_iter()
        if process.name() == "postgres"
        and process.status() != psutil.STATUS_ZOMBIE
        and f"unix_socket_directories={server.host}" in process.cmdline()
    )
    return [postmaster, *postmaster.children(recursive=True)]


def own_request(server: SandboxServer, destination: Path, compression: str = "zstd:3") -> BackupRequest:
    connection = Connection(server.conninfo(), server.password, inherits=False)
    options = BackupOptions(compression=Compression.parse(compression))
    return BackupRequest("Shop", connection, options, destination, stall_seconds=2)


class OnPhase:
    """A listener that does something once, when a phase begins or has gone on for some events."""

    def __init__(self, phase: Phase, action: Callable[[], object], after: int = 0) -> None:
        self._phase = phase
        self._action = action
        self._left = after + 1

    def __call__(self, event: Event) -> None:
        if isinstance(event, Progress) and event.phase is self._phase:
            self._left -= 1
            if self._left == 0:
                self._action()


@pytest.mark.parametrize("phase", [Phase.LOCKING, Phase.DUMPING])
def test_a_server_that_is_killed_fails_the_backup_and_harms_no_earlier_one(
    own_server: SandboxServer, installations: Sequence[Installation], destination: Path, phase: Phase
) -> None:
    request = own_request(own_server, destination)
    earlier = back_up(request, installations, CancelToken(), lambda _: None)

    def kill() -> None:
        for process in processes_of(own_server):
            process.kill()

    error = fail(request, installations, OnPhase(phase, kill))
    assert error.code in (ErrorCode.CONNECTION_LOST, ErrorCode.REFUSED)
    assert [path.name for path in (destination / "Shop").iterdir()] == [earlier.manifest.id]
    assert own_children() == []


@contextmanager
def freezing(server: SandboxServer) -> Iterator[Callable[[], None]]:
    """Gives what makes the server stand still, as a paused machine does: it takes and says nothing more."""
    frozen: list[psutil.Process] = []

    def freeze() -> None:
        frozen.extend(processes_of(server))
        for process in frozen:
            with suppress(psutil.NoSuchProcess):
                process.suspend()

    yield freeze
    for process in frozen:
        with suppress(psutil.NoSuchProcess):  # one that was ending when it was told to stand still
            process.resume()


@pytest.mark.parametrize("after", [pytest.param(0, marks=pytest.mark.slow), 1])
def test_a_server_that_stands_still_is_a_stall_and_ends_the_backup(
    own_server: SandboxServer, installations: Sequence[Installation], destination: Path, after: int
) -> None:
    events: list[Event] = []
    with freezing(own_server) as freeze:
        freeze_now = OnPhase(Phase.DUMPING, freeze, after)
        begun = time.monotonic()
        slow = own_request(own_server, destination, "zstd:22")
        error = fail(slow, installations, freeze_now)
        took = time.monotonic() - begun
        assert error.code is ErrorCode.STALLED
        assert "2 seconds" in error.title
        assert_nothing_is_left(destination)
    assert took < 20
    assert notices(events) == []


@pytest.mark.parametrize(
    "phase",
    [Phase.DUMPING, *(pytest.param(one, marks=pytest.mark.slow) for one in (Phase.CHECKING, Phase.LOCKING))],
)
def test_a_backup_of_a_server_that_stands_still_can_be_cancelled(
    own_server: SandboxServer, installations: Sequence[Installation], destination: Path, phase: Phase
) -> None:
    cancel = CancelToken()
    asked: list[float] = []

    def stop() -> None:
        asked.append(time.monotonic())
        cancel.cancel()

    with freezing(own_server) as freeze:
        timer = threading.Timer(0.7, stop)

        def on_phase() -> None:
            freeze()
            timer.start()

        with pytest.raises(Cancelled):
            back_up(own_request(own_server, destination), installations, cancel, OnPhase(phase, on_phase))
        took = time.monotonic() - asked[0]
        assert_nothing_is_left(destination)
    assert took < 6


@pytest.mark.slow
def test_a_stopped_pg_dump_is_a_stall(
    own_server: SandboxServer, installations: Sequence[Installation], destination: Path
) -> None:
    def freeze() -> None:
        for process in psutil.Process().children(recursive=True):
            if process.name() == "pg_dump":
                process.suspend()

    error = fail(own_request(own_server, destination), installations, OnPhase(Phase.DUMPING, freeze))
    assert error.code is ErrorCode.STALLED
    assert_nothing_is_left(destination)


def test_few_free_connections_mean_fewer_jobs_and_a_warning(
    own_server: SandboxServer, installations: Sequence[Installation], destination: Path
) -> None:
    with own_server.connect() as session:
        session.execute("CREATE ROLE busy LOGIN SUPERUSER")
        ((limit,),) = session.execute("SHOW max_connections").fetchall()
    free = 4
    taken = [own_server.connect() for _ in range(int(limit) - 3 - free)]
    try:
        request = own_request(own_server, destination)
        request = replace(request, options=replace(request.options, jobs=8))
        backup = back_up(request, installations, CancelToken(), lambda _: None)
    finally:
        for session in taken:
            session.close()
    assert backup.manifest.jobs == 1
    assert any("free connections" in warning for warning in backup.manifest.warnings)


def test_a_server_too_new_for_every_tool_is_refused_with_the_remedy(
    server18: SandboxServer,
    new_shop: NewDatabase,
    destination: Path,
    installations: Sequence[Installation],
) -> None:
    old = [one for one in installations if one.version.major < 18]
    error = fail(request_for(new_shop(server18), destination), old)
    assert error.code is ErrorCode.SERVER_TOO_NEW
    assert "18" in str(error)
    assert_nothing_is_left(destination)


def test_no_tool_at_all_is_refused(server17: SandboxServer, new_shop: NewDatabase, destination: Path) -> None:
    assert fail(request_for(new_shop(server17), destination), []).code is ErrorCode.TOOL_MISSING
