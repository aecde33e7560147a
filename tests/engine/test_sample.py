"""The sample must load everywhere, always alike, and survive the stock tools: it is what users try first."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from psycopg import sql

from app.domain.errors import AppError, Cancelled, ErrorCode
from app.engine.sample import load_sample, sample_files
from app.postgres.connection import Connection
from app.postgres.sandbox import SandboxServer
from app.system.cancellation import CancelToken
from app.system.process import run

if TYPE_CHECKING:
    from tests.conftest import Database, NewDatabase

_SMALL = 0.05

_TABLES = """
    SELECT c.oid::regclass::text, relkind = 'r'
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace
    WHERE relkind IN ('r', 'p', 'm') AND NOT relispartition AND relispopulated
      AND nspname NOT IN ('pg_catalog', 'information_schema')
"""


def _connection(database: Database) -> Connection:
    return Connection(database.conninfo, database.server.password, inherits=False)


def _rows(database: Database) -> dict[str, tuple[int, str]]:
    """Rows of each table, and a hash of their COPY text that does not depend on their order."""
    with database.connect() as session:
        rows = {}
        for table, is_plain in session.execute(_TABLES).fetchall():
            source = table if is_plain else f"(SELECT * FROM {table})"
            with session.cursor().copy(f"COPY {source} TO STDOUT".encode()) as copy:
                lines = sorted(map(bytes, copy))
            rows[str(table)] = len(lines), hashlib.sha256(b"".join(lines)).hexdigest()
        objects = session.execute(
            "SELECT loid::text, md5(string_agg(data, '' ORDER BY pageno)) FROM pg_largeobject GROUP BY 1"
        )
        return rows | {f"large object {number}": (1, str(digest)) for number, digest in objects}


def _run(database: Database, program: str, *arguments: str | Path) -> None:
    finished = run(
        [database.server.installation.program(program), "--dbname", database.conninfo, *arguments],
        env=database.server.environment(),
        timeout=100,
    )
    assert finished.status == 0, finished.errors
    assert "ERROR" not in finished.errors


def test_loads_on_every_server_and_comes_back_through_the_stock_tools(
    each_server: SandboxServer, new_database: NewDatabase, tmp_path: Path
) -> None:
    original = new_database(each_server, "the shop")
    load_sample(_connection(original), _SMALL)
    rows = _rows(original)
    assert rows["orders"][0] == 300
    assert sum(count for count, _ in rows.values()) > 2500

    _run(original, "pg_dump", "--format=directory", "--jobs=2", "--file", tmp_path / "archive")
    restored = new_database(each_server)
    _run(restored, "pg_restore", "--jobs=2", "--no-owner", tmp_path / "archive")
    assert _rows(restored) == rows

    _run(original, "pg_dump", "--file", tmp_path / "plain.sql")
    replayed = new_database(each_server)
    _run(replayed, "psql", "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--file", tmp_path / "plain.sql")
    assert _rows(replayed) == rows


def test_two_loads_give_the_same_rows(server17: SandboxServer, new_database: NewDatabase) -> None:
    first, second = new_database(server17), new_database(server17)
    load_sample(_connection(first), _SMALL)
    with second.connect() as session:
        session.execute(
            sql.SQL("ALTER DATABASE {} SET timezone = 'Asia/Tokyo'").format(sql.Identifier(second.name))
        )
        session.execute(
            sql.SQL("ALTER DATABASE {} SET datestyle = 'German'").format(sql.Identifier(second.name))
        )
    load_sample(_connection(second), _SMALL)
    with second.connect() as session:
        session.execute(sql.SQL("ALTER DATABASE {} RESET ALL").format(sql.Identifier(second.name)))
    assert _rows(first) == _rows(second)


def test_every_server_invents_the_same_orders(
    server15: SandboxServer, server17: SandboxServer, server18: SandboxServer, new_database: NewDatabase
) -> None:
    found = set()
    for server in (server15, server17, server18):
        database = new_database(server)
        load_sample(_connection(database), _SMALL)
        rows = _rows(database)
        found.add(
            tuple(rows[table] for table in ("orders", "order_items", "events", "auth.users", "products"))
        )
    assert len(found) == 1


def test_loads_as_owner_who_is_no_superuser(each_server: SandboxServer, new_database: NewDatabase) -> None:
    database = new_database(each_server)
    role, name = sql.Identifier("owner of the shop"), sql.Identifier(database.name)
    password = each_server.password
    with database.connect() as session:
        session.execute(
            sql.SQL("CREATE ROLE {} LOGIN CREATEROLE PASSWORD {}").format(
                role, sql.Literal(password.reveal())
            )
        )
        session.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(name, role))
    try:
        load_sample(_connection(database).to(user="owner of the shop"), _SMALL)
        assert database.sql("SELECT count(*) FROM public.orders") == [(300,)]
        assert database.sql("SELECT count(*) FROM pg_event_trigger") == [(0,)]
        assert database.sql("SELECT count(*) FROM pg_publication") == [(1,)]
    finally:
        database.sql(
            """
            GRANT anon, authenticated, service_role, authenticator, "shop manager" TO CURRENT_USER;
            REASSIGN OWNED BY "owner of the shop" TO CURRENT_USER;
            DROP OWNED BY "owner of the shop" CASCADE;
            DROP ROLE "owner of the shop";
            """
        )


def test_holds_what_is_hard_to_back_up(server17: SandboxServer, new_database: NewDatabase) -> None:
    database = new_database(server17)
    load_sample(_connection(database), _SMALL)
    ((row,),) = database.sql(
        """
        SELECT row_to_json(has) FROM (SELECT
            (SELECT count(*) FROM pg_class WHERE relkind = 'p') AS partitioned,
            (SELECT count(*) FROM pg_class WHERE relkind = 'm' AND NOT relispopulated) AS unpopulated,
            (SELECT count(*) FROM pg_class WHERE relforcerowsecurity) AS forced,
            (SELECT count(*) FROM pg_class WHERE relpersistence = 'u' AND relkind = 'r') AS unlogged,
            (SELECT max(octet_length(relname::text)) FROM pg_class) AS longest_name,
            (SELECT count(*) FROM pg_event_trigger) AS event_triggers,
            (SELECT count(*) FROM pg_policy) > 5 AS policies,
            (SELECT max(length(lo_get(oid))) FROM pg_largeobject_metadata) AS large_object,
            (SELECT count(*) FROM pg_attribute WHERE attisdropped AND attrelid > 16384) AS dropped,
            (SELECT count(*) FROM pg_constraint WHERE NOT convalidated) AS not_valid,
            (SELECT count(*) FROM "shop internal"."nothing at all") AS rows_without_columns
        ) AS has
        """
    )
    assert row == {
        "partitioned": 4,
        "unpopulated": 1,
        "forced": 1,
        "unlogged": 1,
        "longest_name": 63,
        "event_triggers": 1,
        "policies": True,
        "large_object": 1 << 20,
        "dropped": 2,
        "not_valid": 1,
        "rows_without_columns": 3,
    }


def test_order_totals_agree_with_what_was_bought(server17: SandboxServer, new_database: NewDatabase) -> None:
    database = new_database(server17)
    load_sample(_connection(database), _SMALL)
    wrong = """
        SELECT count(*) FROM public.orders WHERE goods::numeric <> (
            SELECT sum(quantity * unit_price::numeric) FROM public.order_items WHERE order_id = orders.id)
    """
    assert database.sql(wrong) == [(0,)]


def test_loads_all_or_nothing(server17: SandboxServer, new_database: NewDatabase) -> None:
    database = new_database(server17)
    database.sql('CREATE SCHEMA storage; CREATE TABLE storage.buckets ("mine" text)')
    with pytest.raises(AppError):
        load_sample(_connection(database), _SMALL)
    assert list(_rows(database)) == ["storage.buckets"]


def test_cancel_leaves_nothing(server17: SandboxServer, new_database: NewDatabase) -> None:
    database = new_database(server17)
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        load_sample(_connection(database), _SMALL, cancel)
    assert _rows(database) == {}


def test_refuses_an_encoding_that_lacks_its_letters(
    server17: SandboxServer, new_database: NewDatabase
) -> None:
    database = new_database(server17, encoding="LATIN1")
    with pytest.raises(AppError) as raised:
        load_sample(_connection(database), _SMALL)
    assert raised.value.code is ErrorCode.INVALID_INPUT


def test_every_file_opens_with_what_it_holds() -> None:
    files = sample_files()
    assert files
    assert all(path.read_text("utf-8").startswith("-- ") for path in files)
