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


def states(progress: DumpProgress) -> dict[str, tuple[str, int, int]]:
    return {one.name: (one.state.value, one.rows, one.total) for one in progress.tables}


def test_each_table_is_shown_as_it_waits_runs_and_is_done() -> None:
    progress = DumpProgress([table(1, rows=90), table(2, rows=5), table(3)])
    assert states(progress)["public.t1"] == ("waits", 0, 90)
    progress.update({1: 50, 2: 1}, {1: 100})
    assert states(progress) == {
        "public.t1": ("running", 50, 100),
        "public.t2": ("running", 1, 5),
        "public.t3": ("waits", 0, 0),
    }
    before = progress.tables
    progress.update({1: 60}, {1: 100, 2: 7}, begun={1, 2})
    assert states(progress)["public.t2"] == ("done", 7, 7)
    assert progress.tables[2] is before[2]
    assert [one.state.value for one in progress.finish({1: 100, 2: 7, 3: 0})] == ["done"] * 3
    assert states(progress)["public.t1"] == ("done", 100, 100)


def test_a_table_that_workers_have_begun_but_that_was_never_seen_at_work_is_done() -> None:
    progress = DumpProgress([table(1, 1 << 20), table(2, 1 << 20)])
    fraction, name, rows = progress.update({}, {1: 10, 2: 10}, begun={2, 999})
    assert (fraction, name, rows) == (0.5, "", 10)
    assert states(progress) == {"public.t1": ("waits", 0, 10), "public.t2": ("done", 10, 10)}


def test_without_workers_what_comes_before_the_table_at_work_is_done() -> None:
    progress = DumpProgress([table(3), table(2), table(1)], in_order=True)
    progress.update({}, {})
    assert {one.state.value for one in progress.tables} == {"waits"}
    progress.update({2: 1}, {})
    assert {name: state for name, (state, _, _) in states(progress).items()} == {
        "public.t3": "waits",
        "public.t2": "running",
        "public.t1": "done",
    }


def test_the_tables_that_real_workers_have_begun_are_known_by_their_locks(
    server17: SandboxServer, new_database: NewDatabase, tmp_path: Path
) -> None:
    database = new_database(server17)
    database.sql(
        "CREATE TABLE big AS SELECT n, repeat('x', 50) AS t FROM generate_series(1, 400000) n;"
        "CREATE TABLE last AS SELECT 1 AS n; CREATE TABLE held AS SELECT 1 AS n; ANALYZE"
    )
    program = server17.installation.program("pg_dump")
    connection = parse_connection(database.conninfo_with_password).to(application_name="holdfast jobs")
    command: list[str | Path] = [program, f"--dbname={connection.conninfo}", "-Fd", "-j2", "-Z0"]
    with connect(connection.to(application_name="looks")) as session:
        facts = dumped_tables(session, BackupOptions())
        with Child([*command, "-f", tmp_path / "dump"], env=connection.environment()) as child:
            begun: set[int] = set()
            deadline = time.monotonic() + 20
            while child.status is None:
                assert time.monotonic() < deadline
                begun |= read_activity(session, "holdfast jobs").begun
            assert child.status == 0, child.errors()
    assert begun & {one.oid for one in facts} == {one.oid for one in facts}
