"""The sandbox starts from every installation, as another user for root, and leaves nothing behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.postgres.sandbox import SandboxServer

if TYPE_CHECKING:
    from tests.conftest import NewDatabase


def test_new_objects_get_oids_that_no_dump_holds_by_chance(
    each_server: SandboxServer, new_database: NewDatabase
) -> None:
    database = new_database(each_server)
    [(oid,)] = database.sql("CREATE TABLE t (); SELECT 't'::regclass::oid::bigint")
    assert oid >= 2_000_000_000


@pytest.mark.parametrize("encoding", ["UTF8", "LATIN1", "SQL_ASCII", "EUC_JP"])
def test_databases_of_other_encodings_can_be_made(
    each_server: SandboxServer, new_database: NewDatabase, encoding: str
) -> None:
    database = new_database(each_server, encoding=encoding)
    assert database.sql(f"SELECT current_setting('server_encoding') = '{encoding}'") == [(True,)]
