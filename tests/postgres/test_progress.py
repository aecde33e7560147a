"""The share that is done: never back, never whole before the end, and read from a real pg_dump."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from app.domain.backup import BackupOptions
from app.postgres.connection import connect, parse_connection
from app.postgres.inspection import TableFacts, dumped_tables
from app.postgres.progress import DumpProgress, read_activity
from app.postgres.sandbox import SandboxServer
from app.system.process import Child

if TYPE_CHECKING:
    from tests.conftest import NewDatabase

OIDS = st.integers(1, 6)
ROWS = st.dictionaries(OIDS, st.integers(0, 10_000), max_size=3)


def table(oid: int, size: int = 8192, rows: int = 0) -> TableFacts:
    return TableFacts(oid, "public", f"t{oid}", f"public.t{oid}", size, True, False, rows)


@given(
    sizes=st.dictionaries(OIDS, st.integers(0, 1 << 40)),
    moments=st.lists(st.tuples(ROWS, ROWS), max_size=20),
)
def test_whatever_the_server_says_it_never_goes_back_and_is_never_whole(
    sizes: dict[int, int], moments: list[tuple[dict[int, int], dict[int, int]]]
) -> None:
    progress = DumpProgress([table(oid, size, size // 100) for oid, size in sizes.items()])
    last = 0.0
    for copying, counts in moments:
        fraction, name, rows = progress.update(copying, counts)
        if fraction is not None:
            assert last <= fraction < 1
            last = fraction
        assert name in {f"public.t{oid}" for oid in copying.keys() & sizes.keys()} | {""}
        assert rows >= 0


def test_a_table_counts_by_its_size_and_its_rows() -> None:
    progress = DumpProgress([table(1, 3 << 20), table(2, 1 << 20)])
    assert progress.update({}, {1: 100, 2: 100}) == (None, "", 0)
    assert progress.update({1: 50}, {1: 100, 2: 100}) == (0.375, "public.t1", 50)
    assert progress.update({1: 100}, {1: 100, 2: 100})[0] == 0.75
    assert progress.update({2: 50}, {1: 100, 2: 100}) == (0.875, "public.t2", 150)
    assert progress.update({}, {1: 100, 2: 100}) == (0.99, "", 200)


def test_a_table_that_is_not_counted_yet_goes_by_the_servers_estimate() -> None:
    progress = DumpProgress([table(1, rows=200)])
    assert progress.update({1: 50}, {})[0] == 0.25


def test_real_rows_of_a_running_pg_dump_are_seen(
    each_server: SandboxServer, new_database: NewDatabase
) -> None:
    database = new_database(each_server)
    database.sql("CREATE TABLE big AS SELECT n, repeat('x', 50) AS t FROM generate_series(1, 20000) n")
    program = each_server.installation.program("pg_dump")
    connection = parse_connection(database.conninfo_with_password).to(application_name="holdfast seen")
    with connect(connection) as session:
        (big,) = dumped_tables(session, BackupOptions())
        idle = read_activity(session, "holdfast seen")
        assert (idle.rows, idle.signature) == ({}, ())
        # nobody reads its output, so that it stops in the middle of the table
        command: list[str | Path] = [program, f"--dbname={connection.conninfo}", "--data-only"]
        with Child(command, env=connection.environment(), stdout=Child.PIPE) as child:
            deadline = time.monotonic() + 20
            while not (seen := read_activity(session, "holdfast seen")).rows:
                assert time.monotonic() < deadline, child.errors()
            fraction, name, rows = DumpProgress([big]).update(seen.rows, {big.oid: 20000})
            assert set(seen.rows) == {big.oid}
            assert fraction is not None
            assert fraction < 1
            assert name == "public.big"
            assert rows == seen.rows[big.oid]
            assert seen.signature
            assert read_activity(session, "somebody else").rows == {}
            child.kill()
        while read_activity(session, "holdfast seen").signature:
            assert time.monotonic() < deadline
