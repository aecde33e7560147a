from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.engine.restore.sequences import put_back, read_positions
from app.postgres.connection import Connection
from app.postgres.sandbox import SandboxServer
from app.system.cancellation import CancelToken

if TYPE_CHECKING:
    from tests.conftest import Database, NewDatabase


@pytest.fixture
def database(server17: SandboxServer, new_database: NewDatabase) -> Database:
    database = new_database(server17)
    database.sql(
        'CREATE SCHEMA "a b"; CREATE SEQUENCE "a b".up; CREATE SEQUENCE down INCREMENT -1;'
        "CREATE SEQUENCE fresh;"
        "SELECT setval('\"a b\".up', 1000), setval('down', -1000)"
    )
    return database


NAMES = [("a b", "up"), ("public", "down"), ("public", "fresh"), ("public", "not there")]


def positions(database: Database) -> list[tuple[object, ...]]:
    return database.sql(
        'SELECT u.last_value, u.is_called, d.last_value, f.is_called FROM "a b".up u, down d, fresh f'
    )


def test_sequences_that_were_set_back_stand_where_they_stood(database: Database) -> None:
    connection = Connection(database.conninfo, database.server.password, inherits=False)
    before = positions(database)
    found = read_positions(connection, NAMES, CancelToken())
    assert len(found) == 3
    database.sql("SELECT setval('\"a b\".up', 5), setval('down', -5), setval('fresh', 1)")
    put_back(connection, found, lambda _: None)
    assert positions(database) == before


def test_sequences_that_went_on_are_left_alone(database: Database) -> None:
    connection = Connection(database.conninfo, database.server.password, inherits=False)
    found = read_positions(connection, NAMES, CancelToken())
    database.sql("SELECT setval('\"a b\".up', 2000), setval('down', -2000)")
    put_back(connection, found, lambda _: None)
    assert positions(database) == [(2000, True, -2000, False)]
