"""Schemas and tables with their sizes, as the Backup page shows them, and what leaving one out means."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.domain.backup import BackupOptions
from app.domain.errors import AppError, Cancelled, ErrorCode
from app.domain.estimate import Estimate, PastRun, duration_words, estimate_backup
from app.engine.backup import back_up
from app.engine.listing import list_database
from app.engine.preflight import BackupRequest
from app.postgres.connection import Connection, parse_connection
from app.postgres.sandbox import SandboxServer
from app.postgres.toolchain import Installation
from app.system.cancellation import CancelToken

if TYPE_CHECKING:
    from tests.conftest import NewDatabase


def test_schemas_and_tables_come_largest_first(server17: SandboxServer, new_database: NewDatabase) -> None:
    database = new_database(server17)
    database.sql(
        """
        CREATE SCHEMA crm; CREATE TABLE crm.big AS SELECT n FROM generate_series(1, 20000) n;
        CREATE TABLE small AS SELECT 1 AS n; CREATE TABLE "We""ird.*" (n int); CREATE SCHEMA empty;
        CREATE VIEW seen AS SELECT 1 AS n; ANALYZE
        """
    )
    connection = Connection(database.conninfo, server17.password, inherits=False)
    listing = list_database(connection, CancelToken())
    assert [schema.name for schema in listing.schemas] == ["crm", "public"]
    assert [table.name for table in listing.tables] == ["big", "small", 'We"ird.*']
    assert listing.tables[0].rows == 20000
    assert listing.schemas[0].bytes == listing.tables[0].bytes > 700_000
    assert listing.bytes > 7_000_000
    assert listing.version.startswith("17.")
    assert listing.line_speed > 1_000_000
    whole = sum(table.bytes for table in listing.tables)
    assert listing.selected_bytes(()) == whole
    assert listing.selected_bytes([listing.tables[0].pattern]) == whole - listing.tables[0].bytes


def test_the_pattern_of_a_table_leaves_out_that_one_alone(
    server17: SandboxServer,
    new_database: NewDatabase,
    installations: Sequence[Installation],
    tmp_path: Path,
) -> None:
    database = new_database(server17)
    names = ['We"ird.*', "Wexird.y", "plain", "plain2", "Plain", "a|b", "a?b", "axb"]
    for name in names:
        quoted = name.replace('"', '""')
        database.sql(f'CREATE TABLE "{quoted}" (n int)')
    connection = Connection(database.conninfo, server17.password, inherits=False)
    patterns = {table.name: table.pattern for table in list_database(connection, CancelToken()).tables}
    left_out = ['We"ird.*', "plain", "a|b", "a?b"]
    options = BackupOptions(excluded_tables=tuple(patterns[name] for name in left_out))
    request = BackupRequest("Shop", connection, options, tmp_path)
    backup = back_up(request, installations, CancelToken(), lambda _: None)
    assert {table.name for table in backup.manifest.tables} == set(names) - set(left_out)


def test_a_server_that_cannot_be_reached_is_told_and_a_cancel_ends_it(server17: SandboxServer) -> None:
    with pytest.raises(AppError) as caught:
        list_database(parse_connection("host=127.0.0.1 port=1 user=u"), CancelToken())
    assert caught.value.code is ErrorCode.REFUSED
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        list_database(Connection(server17.conninfo(), server17.password, inherits=False), cancel)


def test_an_estimate_follows_the_last_backup_and_else_the_size() -> None:
    first = estimate_backup(1 << 30, free=1 << 40, proven=True)
    assert 300e6 < first.bytes < 500e6
    assert 20 < first.seconds < 60
    assert first.proof_seconds > first.seconds
    assert first.fits
    slow = estimate_backup(1 << 30, free=1, proven=False, line_speed=1 << 20)
    assert slow.seconds == 1024
    assert slow.proof_seconds == 0
    assert not slow.fits
    last = PastRun(database_bytes=1000, bytes=100, seconds=7, proof_seconds=9)
    grown = estimate_backup(300, 5, proven=True, last=last, database_bytes=2000)
    assert grown == Estimate(200, 14, 18, 5)
    assert estimate_backup(300, 5, proven=False, last=last) == Estimate(100, 7, 0, 5)
    assert estimate_backup(100, 5, proven=False, compressed=False).bytes == 100 + (64 << 10)


def test_an_estimate_counts_storage_files_that_the_last_backup_does_not_hold() -> None:
    first = estimate_backup(1000, 1 << 40, proven=False, line_speed=1e6, storage_bytes=10**9)
    assert first.bytes > 10**9
    assert first.seconds >= 1000
    last = PastRun(database_bytes=1000, bytes=10_100, seconds=7, storage_bytes=10_000)
    assert estimate_backup(1, 5, proven=False, last=last, storage_bytes=10_500).bytes == 100 + 500
    assert estimate_backup(1, 5, proven=False, last=last, storage_bytes=9_000).bytes == 100


def test_durations_are_rounded_to_what_one_would_say() -> None:
    words = [duration_words(seconds) for seconds in (0, 4, 12, 58, 170, 3600, 7200)]
    assert words == ["a moment", "a moment", "10 s", "1 min", "3 min", "60 min", "2 h"]
