"""Rows that come back are compared byte for byte, and where only their order differs, that is said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from app.domain.backup import TableRecord
from app.domain.errors import AppError, ErrorCode
from app.domain.proof import ObjectOutcome, Outcome
from app.engine.compare_streams import StreamComparison, copy_source, open_copy_out
from app.postgres.archive_entry import Entry
from app.postgres.connection import Connection
from app.postgres.sandbox import SandboxServer
from app.system.cancellation import CancelToken

if TYPE_CHECKING:
    from tests.conftest import Database, NewDatabase

Compare = Callable[..., list[ObjectOutcome]]


def record(
    name: str, rows: bytes, columns: str = "a", *, root: str = "", schema: str = "public"
) -> tuple[TableRecord, bytes]:
    statement = f"COPY {schema}.{root or name} ({columns}) FROM stdin;\n"
    digest = sha256(rows).hexdigest()
    count = rows.count(b"\n")
    return TableRecord(schema, name, count, count, len(rows), digest, statement, via_root=bool(root)), rows


def entry_of(record: TableRecord, dump_id: int) -> Entry:
    return Entry(
        dump_id=dump_id,
        catalog_oid=0,
        oid=0,
        tag=record.name,
        kind="TABLE DATA",
        section="data",
        definition="",
        drop="",
        copy_statement=record.copy_statement,
        schema=record.schema,
        tablespace="",
        access_method="",
        relkind="",
        owner="",
        dependencies=(),
        has_data=True,
    )


@pytest.fixture
def database(server17: SandboxServer, new_database: NewDatabase) -> Database:
    return new_database(server17)


@pytest.fixture
def compare(database: Database) -> Compare:
    def run(
        *backup: tuple[TableRecord, bytes], conditions: dict[tuple[str, str], str] | None = None
    ) -> list[ObjectOutcome]:
        pairs = [(entry_of(one, number), one) for number, (one, _) in enumerate(backup, 1)]

        def rows(entry: Entry) -> Iterator[bytes]:
            yield backup[entry.dump_id - 1][1]

        comparison = StreamComparison(
            pairs,
            open_copy_out(
                database.server.installation,
                Connection(database.conninfo, database.server.password, inherits=False),
                "UTF8",
                {},
            ),
            open_rows=rows,
            conditions=conditions or {},
            cancel=CancelToken(),
            on_bytes=lambda *_: None,
        )
        found = comparison.run()
        return [found[number] for number in sorted(found)]

    return run


def test_the_same_rows_in_the_same_order_are_identical(database: Database, compare: Compare) -> None:
    database.sql("CREATE TABLE t (a int, b text); INSERT INTO t VALUES (1, NULL), (2, '\\.')")
    (found,) = compare(record("t", b"1\t\\N\n2\t\\\\.\n", "a, b"))
    assert (found.outcome, found.reason) == (Outcome.IDENTICAL, "")


def test_the_same_rows_in_another_order_are_identical_in_other_order(
    database: Database, compare: Compare
) -> None:
    database.sql("CREATE TABLE t (a int); INSERT INTO t VALUES (3), (1), (2), (1)")
    (found,) = compare(record("t", b"1\n1\n2\n3\n"))
    assert found.outcome is Outcome.REORDERED


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (b"1\n2\n", "3 rows came back of 2"),
        (b"1\n2\n4\n", "the 3 rows that came back are not the same"),
        (b"1\n1\n3\n", "the 3 rows that came back are not the same"),
    ],
)
def test_other_rows_differ(database: Database, compare: Compare, rows: bytes, reason: str) -> None:
    database.sql("CREATE TABLE t (a int); INSERT INTO t VALUES (1), (2), (3)")
    (found,) = compare(record("t", rows))
    assert (found.outcome, found.reason) == (Outcome.DIFFERS, reason)


def test_rows_that_are_not_those_of_the_manifest_differ_whatever_came_back(
    database: Database, compare: Compare
) -> None:
    database.sql("CREATE TABLE t (a int); INSERT INTO t VALUES (1)")
    one, _ = record("t", b"2\n")
    (found,) = compare((one, b"1\n"))
    assert found.reason == "the backup's rows are not those that its manifest tells of"


def test_a_table_that_cannot_be_read_differs_and_the_others_are_compared(
    database: Database, compare: Compare
) -> None:
    database.sql("CREATE TABLE t (a int); INSERT INTO t VALUES (1)")
    gone, there, columns = compare(record("gone", b"1\n"), record("t", b"1\n"), record("t", b"1\n", "b"))
    assert gone.outcome is Outcome.DIFFERS
    assert "does not exist" in gone.reason
    assert there.outcome is Outcome.IDENTICAL
    assert columns.outcome is Outcome.DIFFERS


def test_leaves_that_were_loaded_through_their_root_are_compared_together(
    database: Database, compare: Compare
) -> None:
    database.sql(
        """
        CREATE TABLE root (a int) PARTITION BY RANGE (a);
        CREATE TABLE plain PARTITION OF root FOR VALUES FROM (100) TO (200); INSERT INTO plain VALUES (150);
        CREATE TABLE branch PARTITION OF root FOR VALUES FROM (0) TO (100) PARTITION BY LIST (a);
        CREATE TABLE leaf1 PARTITION OF branch FOR VALUES IN (1, 2);
        CREATE TABLE leaf2 PARTITION OF branch DEFAULT;
        INSERT INTO root VALUES (1), (2), (3)
        """
    )
    found = compare(
        record("leaf1", b"3\n", root="root"),
        record("leaf2", b"2\n1\n", root="root"),
        record("plain", b"150\n"),
    )
    assert [item.outcome for item in found] == [Outcome.IDENTICAL] * 3
    found = compare(record("leaf1", b"3\n", root="root"), record("leaf2", b"2\n", root="root"))
    assert [item.outcome for item in found] == [Outcome.DIFFERS] * 2


def test_a_configuration_table_is_read_with_its_condition(database: Database, compare: Compare) -> None:
    database.sql("CREATE TABLE t (a int); INSERT INTO t VALUES (1), (2)")
    (found,) = compare(record("t", b"2\n"), conditions={("public", "t"): "WHERE a > 1"})
    assert found.outcome is Outcome.IDENTICAL


def test_a_copy_statement_that_pg_dump_cannot_have_written_is_refused() -> None:
    one, _ = record("t", b"")
    hostile = TableRecord(
        one.schema, one.name, 0, 0, 0, one.sha256, "COPY public.t FROM PROGRAM 'touch x';\n", via_root=False
    )
    with pytest.raises(AppError) as failure:
        copy_source(hostile)
    assert failure.value.code is ErrorCode.ARCHIVE_DAMAGED
    odd, _ = record('"a""b"', b"", '"c d", e')
    assert copy_source(TableRecord("s", 'a"b', 0, 0, 0, "", odd.copy_statement)) == '"s"."a""b" ("c d", "e")'
