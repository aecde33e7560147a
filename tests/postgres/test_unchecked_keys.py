"""Keys that nobody checked are found broken, and named, as the server would have found them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.postgres.connection import Connection, connect
from app.postgres.unchecked_keys import BrokenKey, broken_keys

if TYPE_CHECKING:
    from app.postgres.sandbox import SandboxServer
    from tests.conftest import Database, NewDatabase

TABLES = """
CREATE SCHEMA "a b";
CREATE TABLE "a b"."r%s" (x int, y text COLLATE "C", PRIMARY KEY (x, y));
CREATE TABLE full_match (x bigint, y text COLLATE "POSIX", CONSTRAINT "f %" FOREIGN KEY (x, y)
    REFERENCES "a b"."r%s" MATCH FULL);
CREATE TABLE simple (x int, y text, CONSTRAINT s FOREIGN KEY (x, y) REFERENCES "a b"."r%s");
CREATE TABLE whole (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE low PARTITION OF whole FOR VALUES FROM (0) TO (10);
CREATE TABLE high PARTITION OF whole FOR VALUES FROM (10) TO (20);
CREATE TABLE users (id int CONSTRAINT u REFERENCES whole);
CREATE TABLE once (a int, CONSTRAINT o UNIQUE (a) DEFERRABLE);
CREATE TABLE apart (a int4range, CONSTRAINT x EXCLUDE USING gist (a WITH &&) DEFERRABLE);
"""
TABLE_NAMES = [("public", name) for name in ("full_match", "simple", "users", "low", "once")]


def broken(database: Database, *tables: tuple[str, str]) -> list[BrokenKey]:
    with connect(Connection(database.conninfo, database.server.password, inherits=False)) as session:
        return list(broken_keys(session, tables or TABLE_NAMES))


def test_they_are_told_apart_from_keys_that_hold(
    each_server: SandboxServer, new_database: NewDatabase
) -> None:
    database = new_database(each_server)
    database.sql(TABLES)
    database.sql(
        """
        SET session_replication_role = replica;
        INSERT INTO "a b"."r%s" VALUES (1, 'x'); INSERT INTO whole VALUES (1), (11);
        INSERT INTO full_match VALUES (1, 'x'), (NULL, NULL); INSERT INTO simple VALUES (1, 'x'), (NULL, 'q');
        INSERT INTO users VALUES (1), (11), (NULL); INSERT INTO once VALUES (1), (2), (NULL), (NULL);
        """
    )
    assert broken(database) == []
    database.sql(
        """
        SET session_replication_role = replica;
        INSERT INTO full_match VALUES (1, NULL), (2, 'x'); INSERT INTO simple VALUES (1, 'y');
        INSERT INTO users VALUES (2); INSERT INTO once VALUES (1);
        """
    )
    referenced = ("a b", "r%s")
    assert broken(database) == [
        BrokenKey("f %", ("public", "full_match"), 2, referenced),
        BrokenKey("o", ("public", "once"), 2),
        BrokenKey("s", ("public", "simple"), 1, referenced),
        BrokenKey("u", ("public", "users"), 1, ("public", "whole")),
    ]
    assert broken(database)[3].cause == (
        '1 row of "public"."users" refers to a row that "public"."whole" does not have (foreign key "u")'
    )


def test_what_cannot_be_checked_is_named(server18: SandboxServer, new_database: NewDatabase) -> None:
    database = new_database(server18)
    database.sql(
        """
        CREATE TABLE apart (a int4range, CONSTRAINT x EXCLUDE USING gist (a WITH &&) DEFERRABLE);
        CREATE TABLE r (a int PRIMARY KEY);
        CREATE TABLE lax (a int, CONSTRAINT l FOREIGN KEY (a) REFERENCES r NOT ENFORCED);
        INSERT INTO lax VALUES (1);
        """
    )
    (key,) = broken(database, ("public", "apart"), ("public", "lax"))
    assert key.cause == 'The key "x" of "public"."apart" could not be checked'
