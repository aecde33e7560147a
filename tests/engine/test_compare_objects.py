"""Objects that came back otherwise than the backup has them are found, each by its name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.domain.backup import Format
from app.domain.proof import ObjectOutcome, Outcome
from app.engine.compare_objects import (
    compare_definitions,
    compare_large_object_comments,
    compare_large_objects,
    compare_sequences,
    find_large_objects,
    generated_columns,
)
from app.postgres.archive import Archive, read_archive
from app.postgres.archive_data import digest_large_objects
from app.postgres.archive_digest import digest_archive, summary
from app.postgres.connection import Connection, connect
from app.postgres.dumping import dump_schema
from app.postgres.sandbox import SandboxServer
from app.system.cancellation import CancelToken
from app.system.process import run

if TYPE_CHECKING:
    from tests.conftest import Database, NewDatabase

TABLES = """
CREATE TABLE t (a int PRIMARY KEY, b text, c int GENERATED ALWAYS AS (a + 1) STORED);
CREATE INDEX by_b ON t (b);
CREATE VIEW v AS SELECT a FROM t; CREATE SEQUENCE s; SELECT nextval('s'); CREATE SEQUENCE "odd ' name";
CREATE POLICY p ON t TO x_reader, a_reader USING (true);
SELECT lo_from_bytea(1001, 'one'), lo_create(1002), lo_from_bytea(1003, decode(repeat('ab', 5000), 'hex'));
COMMENT ON LARGE OBJECT 1001 IS 'it''s \\ one';
"""


@pytest.fixture
def roles(server17: SandboxServer) -> Iterator[None]:
    with server17.connect() as session:
        session.execute("CREATE ROLE x_reader; CREATE ROLE a_reader")
    yield
    with server17.connect() as session:
        session.execute("DROP ROLE x_reader, a_reader")


@pytest.fixture
def database(server17: SandboxServer, roles: None, new_database: NewDatabase) -> Database:
    database = new_database(server17)
    database.sql(TABLES)
    return database


@pytest.fixture
def dump(database: Database, tmp_path: Path) -> Callable[[], Archive]:
    def make() -> Archive:
        target = tmp_path / "whole.dump"
        target.unlink(missing_ok=True)
        pg_dump = database.server.installation.program("pg_dump")
        connection = connection_to(database)
        command: list[str | Path] = [
            pg_dump,
            "--format=custom",
            f"--file={target}",
            f"--dbname={connection.conninfo}",
        ]
        assert run(command, env=connection.environment(), timeout=60).status == 0
        return read_archive(target)

    return make


def connection_to(database: Database) -> Connection:
    return Connection(database.conninfo, database.server.password, inherits=False)


def failing(outcomes: list[ObjectOutcome]) -> dict[str, str]:
    return {item.name: item.reason for item in outcomes if item.outcome is Outcome.DIFFERS}


def definitions_now(
    database: Database, tmp_path: Path, archive: Archive, *, same_version: bool = True
) -> list[ObjectOutcome]:
    again = tmp_path / "again.dump"
    dump_schema(
        database.server.installation, connection_to(database), again, Format.CUSTOM, cancel=CancelToken()
    )
    entries = [entry for entry in archive.entries if not entry.tag.startswith("LARGE OBJECT")]
    found = compare_definitions(entries, read_archive(again).entries, same_version=same_version)
    return list(found.values())


def test_definitions_that_are_gone_or_changed_differ(
    database: Database, dump: Callable[[], Archive], tmp_path: Path
) -> None:
    archive = dump()
    assert failing(definitions_now(database, tmp_path, archive)) == {}
    database.sql("DROP INDEX by_b; CREATE OR REPLACE VIEW v AS SELECT a FROM t WHERE a > 0")
    assert failing(definitions_now(database, tmp_path, archive)) == {
        "public.by_b": "it did not come back",
        "public.v": "its definition came back changed",
    }
    notes = definitions_now(database, tmp_path, archive, same_version=False)
    assert failing(notes) == {"public.by_b": "it did not come back"}
    assert [item.outcome for item in notes if item.name == "public.v"] == [Outcome.NOT_CHECKED]


def test_the_order_of_a_policys_roles_does_not_matter(
    database: Database, dump: Callable[[], Archive], tmp_path: Path
) -> None:
    archive = dump()
    with connect(connection_to(database)) as session:
        session.execute("ALTER POLICY p ON public.t TO a_reader, x_reader")
    assert failing(definitions_now(database, tmp_path, archive)) == {}
    database.sql("ALTER POLICY p ON public.t TO a_reader")
    assert failing(definitions_now(database, tmp_path, archive)) == {
        "public.t p": "its definition came back changed"
    }


def test_a_sequence_that_stands_elsewhere_differs(database: Database, dump: Callable[[], Archive]) -> None:
    entries = [entry for entry in dump().entries if entry.kind == "SEQUENCE SET"]
    with connect(connection_to(database)) as session:
        assert failing(list(compare_sequences(session, entries).values())) == {}
        database.sql("SELECT nextval('s'); SELECT setval('\"odd '' name\"', 1, true)")
        assert failing(list(compare_sequences(session, entries).values())) == {
            "public.s": "stands at (2, True) and not at (1, True)",
            'public."odd \' name"': "stands at (1, True) and not at (1, False)",
        }


def test_large_objects_are_compared_each_by_its_bytes(
    database: Database, dump: Callable[[], Archive]
) -> None:
    archive = dump()
    recorded = summary(digest_archive(archive).large_objects)

    def compare() -> list[ObjectOutcome]:
        with connect(connection_to(database)) as session:
            found = find_large_objects(session, CancelToken())
        return compare_large_objects(recorded, found, lambda: digest_large_objects(archive))

    assert [(item.name, item.outcome) for item in compare()] == [
        ("1001", Outcome.IDENTICAL),
        ("1002", Outcome.IDENTICAL),
        ("1003", Outcome.IDENTICAL),
    ]
    database.sql("SELECT lo_put(1003, 4000, 'x'), lo_unlink(1002), lo_create(1004)")
    assert failing(compare()) == {
        "1002": "it did not come back",
        "1003": "its bytes are not the same",
        "1004": "it is not in the backup",
    }


def test_comments_on_large_objects_are_compared(database: Database, dump: Callable[[], Archive]) -> None:
    entries = dump().entries
    with connect(connection_to(database)) as session:
        assert failing(list(compare_large_object_comments(session, entries).values())) == {}
        database.sql("COMMENT ON LARGE OBJECT 1001 IS NULL")
        assert list(failing(list(compare_large_object_comments(session, entries).values()))) == [
            "LARGE OBJECT 1001"
        ]


def test_generated_columns_are_said_to_be_recomputed(database: Database) -> None:
    with connect(connection_to(database)) as session:
        assert generated_columns(session) == [
            ObjectOutcome("GENERATED COLUMN", "public.t.c", Outcome.RECOMPUTED)
        ]
