from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.engine.sample import load_sample
from app.postgres.connection import Connection, Session, connect
from app.postgres.target import read_server, read_target
from app.postgres.target_facts import TargetFacts, Trigger, what_changed

if TYPE_CHECKING:
    from app.postgres.sandbox import SandboxServer
    from tests.conftest import Database, NewDatabase


def facts_of(database: Database, role: str = "") -> TargetFacts:
    with connect(_connection(database)) as session:
        if role:
            session.execute(f'SET ROLE "{role}"'.encode())
        return read_target(session)


def _connection(database: Database) -> Connection:
    return Connection(database.conninfo, database.server.password, inherits=False)


def names(facts: TargetFacts, kind: str) -> set[str]:
    return {f"{one.schema}.{one.name}" for one in facts.objects if one.kind == kind and not one.extension}


def test_an_empty_database_has_the_schema_public_and_no_data(
    each_server: SandboxServer, new_database: NewDatabase
) -> None:
    facts = facts_of(new_database(each_server))
    assert [(one.kind, one.name) for one in facts.objects] == [("SCHEMA", "public")]
    assert not facts.has_data
    assert facts.exists
    assert facts.encoding == "UTF8"
    assert facts.is_superuser
    assert facts.may_replicate
    assert facts.may_create_here
    assert facts.creatable == {"public"}
    assert facts.free_connections > 0
    assert facts.lock_slots > 1000
    assert facts.bytes > 1_000_000
    assert not facts.is_read_only
    assert not facts.in_recovery
    assert facts.extensions == {"plpgsql": "pg_catalog"}
    assert "hstore" in facts.available or "plpgsql" in facts.available


def test_the_sample_is_seen_with_everything_in_it(
    each_server: SandboxServer, new_database: NewDatabase
) -> None:
    database = new_database(each_server)
    load_sample(_connection(database), 0.01)
    facts = facts_of(database)
    assert "public.orders" in names(facts, "TABLE")
    assert "shop internal.audit log" in names(facts, "TABLE")
    assert "public.order_status" in names(facts, "TYPE")
    assert "public.close_order(bigint, text)" in names(facts, "PROCEDURE")
    assert ("public", "orders") in facts.rows_in
    assert ("public", "vouchers") not in facts.rows_in
    assert facts.large_objects
    assert any(key.table == ("public", "orders") for key in facts.foreign_keys)


@pytest.fixture
def target(server17: SandboxServer, new_database: NewDatabase) -> Database:
    return new_database(server17)


def test_names_of_routines_are_those_that_pg_dump_gives_them(target: Database) -> None:
    target.sql(
        """
        CREATE SCHEMA "Odd one";
        CREATE TYPE "Odd one"."Colour" AS ENUM ('red');
        CREATE FUNCTION f(a int, OUT b int, VARIADIC c "Odd one"."Colour"[]) LANGUAGE sql AS $$ SELECT 1 $$;
        CREATE FUNCTION "G g"() RETURNS int AS $$ SELECT 1 $$ LANGUAGE sql;
        CREATE PROCEDURE p(t timestamp with time zone) AS $$ SELECT 1 $$ LANGUAGE sql;
        CREATE AGGREGATE total(integer) (SFUNC = int4pl, STYPE = integer);
        CREATE AGGREGATE nothing(*) (SFUNC = int8inc, STYPE = bigint, INITCOND = '0');
        """
    )
    facts = facts_of(target)
    assert names(facts, "FUNCTION") == {'public.f(integer, "Odd one"."Colour"[])', "public.G g()"}
    assert names(facts, "PROCEDURE") == {"public.p(timestamp with time zone)"}
    assert names(facts, "AGGREGATE") == {"public.total(integer)", "public.nothing(*)"}


def test_indexes_and_owned_sequences_name_their_table_and_generated_columns_are_left_out(
    target: Database,
) -> None:
    target.sql("CREATE TABLE t (id serial PRIMARY KEY, a int, b int GENERATED ALWAYS AS (a + 1) STORED)")
    found = {one.name: one for one in facts_of(target).objects}
    assert found["t_pkey"].table == "t"
    assert found["t_id_seq"].table == "t"
    assert found["t"].columns == ("id", "a")


def test_a_single_row_is_noticed_in_any_table_and_tables_of_extensions_do_not_count(
    target: Database,
) -> None:
    target.sql("CREATE TABLE parent (a int); CREATE TABLE child () INHERITS (parent)")
    assert not facts_of(target).has_data
    target.sql("INSERT INTO child VALUES (1)")
    assert facts_of(target).rows_in == {("public", "child")}
    target.sql("DELETE FROM child")
    assert not facts_of(target).has_data
    target.sql("SELECT lo_create(4711)")
    facts = facts_of(target)
    assert facts.large_objects == {4711}
    assert facts.has_data


def test_rows_that_cannot_be_seen_are_taken_to_be_there(target: Database) -> None:
    target.sql("CREATE TABLE hidden (a int); INSERT INTO hidden VALUES (1); ANALYZE hidden")
    target.sql("CREATE ROLE nosy_reader")
    try:
        assert facts_of(target, "nosy_reader").rows_in == {("public", "hidden")}
    finally:
        target.sql("DROP ROLE nosy_reader")


def test_a_locked_table_does_not_hold_up_the_plan(target: Database) -> None:
    target.sql("CREATE TABLE busy (a int)")
    with target.connect() as other, other.transaction():
        other.execute("LOCK TABLE busy IN ACCESS EXCLUSIVE MODE")
        assert facts_of(target).rows_in == {("public", "busy")}


def test_what_a_role_without_rights_may_do(target: Database) -> None:
    target.sql(
        """
        CREATE ROLE plain_one; CREATE ROLE group_one; GRANT group_one TO plain_one;
        CREATE SCHEMA mine AUTHORIZATION plain_one; CREATE SCHEMA theirs;
        CREATE TABLE theirs.t (a int); CREATE TABLE mine.t (a int); ALTER TABLE mine.t OWNER TO plain_one;
        """
    )
    try:
        facts = facts_of(target, "plain_one")
        assert facts.role == "plain_one"
        assert not facts.is_superuser
        assert not facts.may_replicate
        assert not facts.may_create_databases
        assert not facts.may_create_here
        assert facts.given_to == {"plain_one", "group_one"}
        assert facts.creatable == {"mine"}
        assert {(one.schema, one.is_mine) for one in facts.objects if one.kind == "TABLE"} == {
            ("mine", True),
            ("theirs", False),
        }
    finally:
        target.sql("DROP OWNED BY plain_one; DROP ROLE plain_one; DROP ROLE group_one")


def test_what_needs_an_object_is_known(target: Database) -> None:
    target.sql(
        """
        CREATE TYPE colour AS ENUM ('red');
        CREATE TABLE a (id int PRIMARY KEY, c colour);
        CREATE TABLE b (a int REFERENCES a);
        CREATE VIEW v AS SELECT * FROM a;
        CREATE FUNCTION f() RETURNS SETOF a AS $$ SELECT * FROM a $$ LANGUAGE sql;
        CREATE TABLE many (c colour[]);
        """
    )
    pairs = {(needed.name, one.name) for needed, one in facts_of(target).dependents}
    assert {("colour", "a"), ("a", "b"), ("a", "v"), ("a", "f()"), ("colour", "many")} <= pairs


def test_triggers_and_row_security_that_hinder_rows_are_seen(target: Database) -> None:
    target.sql(
        """
        CREATE TABLE t (a int); CREATE TABLE quiet (a int);
        CREATE FUNCTION f() RETURNS trigger AS $$ BEGIN RETURN NEW; END $$ LANGUAGE plpgsql;
        CREATE TRIGGER loud BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();
        CREATE TRIGGER "no more" AFTER TRUNCATE ON t EXECUTE FUNCTION f();
        ALTER TABLE t ENABLE ALWAYS TRIGGER "no more";
        CREATE TRIGGER off BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();
        ALTER TABLE t DISABLE TRIGGER off;
        CREATE TRIGGER late BEFORE DELETE ON quiet FOR EACH ROW EXECUTE FUNCTION f();
        ALTER TABLE quiet ENABLE ROW LEVEL SECURITY;
        CREATE ROLE shy_one; GRANT ALL ON quiet TO shy_one;
        """
    )
    try:
        facts = facts_of(target, "shy_one")
        table = ("public", "t")
        assert facts.triggers == (
            Trigger(table, "loud"),
            Trigger(table, "no more", "A", on_insert=False, on_truncate=True),
        )
        assert facts.hides_rows == {("public", "quiet")}
    finally:
        target.sql("DROP OWNED BY shy_one; DROP ROLE shy_one")


def test_looking_changes_nothing_and_leaves_the_session_as_it_was(target: Database) -> None:
    with connect(_connection(target)) as session:
        before = _settings(session)
        read_target(session)
        assert _settings(session) == before
        session.execute("CREATE TABLE still_writable ()")


def _settings(session: Session) -> list[tuple[str, str]]:
    rows = session.execute("SELECT name, setting FROM pg_settings ORDER BY 1").fetchall()
    return [(name, setting) for name, setting in rows]


def test_a_server_for_a_new_database(each_server: SandboxServer) -> None:
    with each_server.connect() as session:
        free = read_server(session, "no_such_database")
        taken = read_server(session, "postgres")
    assert not free.exists
    assert free.is_new
    assert free.may_create_databases
    assert free.locales
    assert taken.exists


def test_a_target_that_changes_is_noticed_and_one_that_does_not_is_not(target: Database) -> None:
    target.sql("CREATE TABLE t (a int)")
    planned = facts_of(target)
    assert what_changed(planned, facts_of(target)) == ()
    target.sql("ALTER TABLE t ADD b int; INSERT INTO t VALUES (1); CREATE VIEW v AS SELECT 1 AS one")
    changes = what_changed(planned, facts_of(target))
    assert 'TABLE "public"."t" was altered' in changes
    assert '"public"."t" holds rows now' in changes
    assert any('VIEW "public"."v"' in change for change in changes)
