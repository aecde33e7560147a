"""The snapshot that counts and dump share, under the changes and locks of other sessions."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from app.domain.backup import BackupOptions
from app.domain.errors import AppError, Cancelled, ErrorCode
from app.postgres import snapshot as snapshot_module
from app.postgres.connection import Connection, Session, parse_connection
from app.postgres.inspection import TableFacts, dumped_tables
from app.postgres.sandbox import SandboxServer
from app.postgres.snapshot import Snapshot, count_rows, hold_snapshot
from app.system.cancellation import CancelToken
from app.system.process import run

if TYPE_CHECKING:
    from tests.conftest import Database, NewDatabase

EVERYTHING = BackupOptions()
QUIET_SECONDS = 10.0


@pytest.fixture
def database(server17: SandboxServer, new_database: NewDatabase) -> Database:
    made = new_database(server17)
    made.sql(
        "CREATE TABLE numbers AS SELECT n FROM generate_series(1, 1000) AS n; CREATE TABLE others (n int)"
    )
    return made


def to_connection(database: Database, **keywords: str) -> Connection:
    return parse_connection(make_conninfo(database.conninfo_with_password, **keywords))


@contextmanager
def snapshot_of(
    database: Database, *, lock_timeout: float = QUIET_SECONDS, cancel: CancelToken | None = None
) -> Iterator[Snapshot]:
    with hold_snapshot(
        to_connection(database), EVERYTHING, cancel or CancelToken(), lock_timeout=lock_timeout
    ) as snapshot:
        yield snapshot


def counts_of(snapshot: Snapshot) -> dict[str, int]:
    return {table.name: count_rows(snapshot.session, table, CancelToken()) for table in snapshot.tables}


def wait_for_lock(database: Database, table: str) -> None:
    """Until some session waits for a lock of this table."""
    deadline = time.monotonic() + QUIET_SECONDS
    query = f"SELECT 1 FROM pg_locks WHERE relation = '{table}'::regclass AND NOT granted"
    while not database.sql(query):
        assert time.monotonic() < deadline, "nobody waits"


def change_between_listing_and_locking(
    monkeypatch: pytest.MonkeyPatch, database: Database, statements: str
) -> None:
    changes = [statements]

    def list_then_change(session: Session, options: BackupOptions) -> tuple[TableFacts, ...]:
        tables = dumped_tables(session, options)
        if changes:
            database.sql(changes.pop())
        return tables

    monkeypatch.setattr(snapshot_module, "dumped_tables", list_then_change)


def test_counts_are_those_of_the_moment_of_the_snapshot(database: Database) -> None:
    with snapshot_of(database) as snapshot:
        database.sql(
            "INSERT INTO numbers SELECT 1 FROM generate_series(1, 50); INSERT INTO others VALUES (1)"
        )
        database.sql("DELETE FROM numbers WHERE n < 500")
        assert counts_of(snapshot) == {"numbers": 1000, "others": 0}


def test_pg_dump_sees_the_same_snapshot(database: Database) -> None:
    with snapshot_of(database) as snapshot:
        database.sql("DELETE FROM numbers WHERE n > 10")
        finished = run(
            [
                database.server.installation.program("pg_dump"),
                f"--dbname={database.conninfo}",
                f"--snapshot={snapshot.id}",
                "--data-only",
                "--table=numbers",
            ],
            env=database.server.environment(),
            timeout=60,
        )
    assert finished.status == 0, finished.errors
    assert len([line for line in finished.output.splitlines() if line.isdigit()]) == 1000


def test_truncate_waits_until_the_snapshot_is_released(database: Database) -> None:
    def truncate() -> None:
        database.sql("TRUNCATE numbers")

    other = threading.Thread(target=truncate)
    with snapshot_of(database) as snapshot:
        other.start()
        wait_for_lock(database, "numbers")
        assert counts_of(snapshot)["numbers"] == 1000
    other.join(QUIET_SECONDS)
    assert not other.is_alive()
    assert database.sql("SELECT count(*) FROM numbers") == [(0,)]


def test_who_holds_a_lock_is_named(database: Database) -> None:
    with psycopg.connect(
        database.conninfo, password=database.password, application_name="migration tool", autocommit=True
    ) as holder:
        holder.execute("BEGIN; LOCK TABLE numbers IN ACCESS EXCLUSIVE MODE")
        process = holder.info.backend_pid
        begun = time.monotonic()
        with pytest.raises(AppError) as caught, snapshot_of(database, lock_timeout=0.3):
            pass
        took = time.monotonic() - begun
    assert caught.value.code is ErrorCode.LOCK_WAIT
    assert 0.3 <= took < 3
    detail = caught.value.detail
    assert "public.numbers is held by" in detail
    assert f"process {process} of {database.server.superuser} (migration tool)" in detail
    assert "LOCK TABLE numbers IN ACCESS EXCLUSIVE MODE" in detail
    assert "pg_terminate_backend" in caught.value.hint


def test_a_waiting_truncate_is_named_too(database: Database) -> None:
    """It queues everybody else behind itself, though it holds nothing."""
    with database.connect() as reader, database.connect() as writer:
        reader.execute("BEGIN; SELECT * FROM numbers LIMIT 1")
        process = writer.info.backend_pid
        other = threading.Thread(target=lambda: writer.execute("TRUNCATE numbers"))
        other.start()
        wait_for_lock(database, "numbers")
        with pytest.raises(AppError) as caught, snapshot_of(database, lock_timeout=0.3):
            pass
        reader.execute("ROLLBACK")
        other.join(QUIET_SECONDS)
    assert caught.value.code is ErrorCode.LOCK_WAIT
    assert f"public.numbers is waited for by process {process}" in caught.value.detail


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("DROP TABLE others", "others"),
        ("CREATE TABLE newcomer (n int)", "public.newcomer"),
        ("ALTER TABLE others RENAME TO renamed", "others"),
        ("DROP TABLE others; CREATE TABLE others (n int)", "public.others"),
        ("CREATE SCHEMA place; ALTER TABLE others SET SCHEMA place", "others"),
        ("DROP TABLE others; CREATE VIEW others AS SELECT 1", "public.others"),
    ],
)
def test_tables_that_come_or_go_meanwhile_are_named(
    database: Database, monkeypatch: pytest.MonkeyPatch, change: str, named: str
) -> None:
    change_between_listing_and_locking(monkeypatch, database, change)
    with pytest.raises(AppError) as caught, snapshot_of(database):
        pass
    assert caught.value.code is ErrorCode.RELATION_CHANGED
    assert named in caught.value.detail


def test_a_table_that_is_dropped_while_we_wait_for_it_has_changed(database: Database) -> None:
    failures: list[AppError] = []

    def take() -> None:
        with pytest.raises(AppError) as caught, snapshot_of(database):
            pass
        failures.append(caught.value)

    with database.connect() as other:
        other.execute("BEGIN; DROP TABLE others")
        taker = threading.Thread(target=take)
        taker.start()
        wait_for_lock(database, "others")
        other.execute("COMMIT")
        taker.join(QUIET_SECONDS)
    assert [failure.code for failure in failures] == [ErrorCode.RELATION_CHANGED]


def test_a_session_that_is_ended_is_a_lost_connection(database: Database) -> None:
    with pytest.raises(AppError) as caught, snapshot_of(database) as snapshot:  # noqa: PT012
        database.sql(f"SELECT pg_terminate_backend({snapshot.session.info.backend_pid}, 5000)")
        counts_of(snapshot)
    assert caught.value.code is ErrorCode.CONNECTION_LOST


def test_a_session_that_is_ended_after_its_work_harms_nobody(database: Database) -> None:
    with snapshot_of(database) as snapshot:
        counts = counts_of(snapshot)
        database.sql(f"SELECT pg_terminate_backend({snapshot.session.info.backend_pid}, 5000)")
    assert counts["numbers"] == 1000


def test_a_long_count_is_cancelled_within_a_second(database: Database) -> None:
    cancel = CancelToken()
    with pytest.raises(Cancelled), snapshot_of(database, cancel=cancel) as snapshot:  # noqa: PT012
        timer = threading.Timer(0.3, cancel.cancel)
        timer.start()
        begun = time.monotonic()
        slow = replace(snapshot.tables[0], condition="WHERE pg_sleep(0.1) IS NULL")
        try:
            count_rows(snapshot.session, slow, cancel)
        finally:
            took = time.monotonic() - begun
    assert took < 1.3


def test_waiting_for_a_lock_is_cancelled_within_a_second(database: Database) -> None:
    cancel = CancelToken()
    with database.connect() as holder:
        holder.execute("BEGIN; LOCK TABLE numbers IN ACCESS EXCLUSIVE MODE")
        threading.Timer(0.3, cancel.cancel).start()
        begun = time.monotonic()
        with pytest.raises(Cancelled), snapshot_of(database, cancel=cancel):
            pass
    assert time.monotonic() - begun < 1.3


def test_limits_of_the_role_do_not_end_the_snapshot(database: Database) -> None:
    role = f"{database.name}_limited"
    database.sql(
        f"""
        CREATE ROLE {role} LOGIN PASSWORD 'x' IN ROLE pg_read_all_data;
        ALTER ROLE {role} SET idle_in_transaction_session_timeout = '100ms';
        ALTER ROLE {role} SET idle_session_timeout = '100ms';
        ALTER ROLE {role} SET transaction_timeout = '200ms';
        ALTER ROLE {role} SET statement_timeout = '50ms';
        ALTER ROLE {role} SET lock_timeout = '1ms';
        """
    )
    connection = to_connection(database, user=role, password="x")
    try:
        with hold_snapshot(connection, EVERYTHING, CancelToken(), lock_timeout=5) as snapshot:
            time.sleep(0.5)  # longer than each limit
            assert counts_of(snapshot)["numbers"] == 1000
    finally:
        database.sql(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_a_role_without_select_is_told_what_it_may_not_lock(database: Database) -> None:
    role = f"{database.name}_poor"
    database.sql(f"CREATE ROLE {role} LOGIN PASSWORD 'x'")
    connection = to_connection(database, user=role, password="x")
    try:
        with (
            pytest.raises(AppError) as caught,
            hold_snapshot(connection, EVERYTHING, CancelToken(), lock_timeout=5),
        ):
            pass
    finally:
        database.sql(f"DROP ROLE {role}")
    assert caught.value.code is ErrorCode.PERMISSION_DENIED
    assert "numbers" in caught.value.detail or "others" in caught.value.detail


def test_rows_that_row_security_hides_are_not_left_out_silently(database: Database) -> None:
    role = f"{database.name}_hidden"
    database.sql(
        f"""
        CREATE ROLE {role} LOGIN PASSWORD 'x' IN ROLE pg_read_all_data;
        ALTER TABLE numbers ENABLE ROW LEVEL SECURITY
        """
    )
    connection = to_connection(database, user=role, password="x")
    try:
        with (
            pytest.raises(AppError) as caught,
            hold_snapshot(connection, EVERYTHING, CancelToken(), lock_timeout=5) as snapshot,
        ):
            counts_of(snapshot)
    finally:
        database.sql(f"DROP OWNED BY {role}; DROP ROLE {role}")
    assert caught.value.code is ErrorCode.ROW_SECURITY


def test_three_thousand_tables_are_locked_in_some_seconds(
    server17: SandboxServer, new_database: NewDatabase, record_property: Callable[[str, object], None]
) -> None:
    database = new_database(server17)
    database.sql(
        "DO $$ BEGIN FOR n IN 1..3000 LOOP EXECUTE 'CREATE TABLE t' || n || ' (a int)'; END LOOP; END $$"
    )
    begun = time.monotonic()
    with snapshot_of(database) as snapshot:
        record_property("seconds", time.monotonic() - begun)
        assert len(snapshot.tables) == 3000
    assert time.monotonic() - begun < 5


def test_an_empty_database_has_a_snapshot(server17: SandboxServer, new_database: NewDatabase) -> None:
    with snapshot_of(new_database(server17)) as snapshot:
        assert snapshot.tables == ()
        assert snapshot.id
