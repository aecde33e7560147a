"""What belongs to a whole database comes back with a new one."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from app.domain.project import Secret
from app.domain.restore import Action, RestoreOptions, RestorePlan, RestoreReport, RestoreResult
from app.engine.restore.database_properties import CarriedOver, carry_over
from app.engine.restore.job import RestoreTarget, open_job
from app.postgres.connection import Connection
from app.postgres.quoting import quote_identifier
from app.postgres.sandbox import SandboxServer
from app.postgres.target_facts import TargetFacts
from app.postgres.toolchain import Installation, Version
from app.system.cancellation import CancelToken

if TYPE_CHECKING:
    from tests.conftest import Database, NewDatabase
    from tests.engine.restore.conftest import MakeEntry

FORMS = {
    "custom": ("pg_dump", "--format=custom"),
    "plain": ("pg_dump", "--create"),
    "cluster": ("pg_dumpall", "--no-role-passwords"),
}


@pytest.fixture
def source(server17: SandboxServer, new_database: NewDatabase) -> Iterator[Database]:
    """A database with a bit of everything, and two roles of its server: `owner_of_it` and `guest_of_it`."""
    database = new_database(server17, f'who\'s "it" ü {uuid.uuid4().hex[:6]}')
    name = quote_identifier(database.name)
    with server17.connect() as session:
        session.execute("CREATE ROLE owner_of_it LOGIN CREATEDB PASSWORD 'x'")
        session.execute("CREATE ROLE guest_of_it LOGIN PASSWORD 'x'")
    database.sql(f"""
        CREATE TABLE t (a int); INSERT INTO t VALUES (1), (2);
        ALTER DATABASE {name} SET search_path TO "$user", public, "odd 'one'";
        ALTER DATABASE {name} SET timezone TO 'Europe/Berlin';
        ALTER DATABASE {name} SET default_transaction_read_only TO on;
        ALTER DATABASE {name} SET log_statement TO 'ddl';
        ALTER DATABASE {name} SET "app.secret" TO 'a\\b''; DROP TABLE t; --';
        ALTER ROLE guest_of_it IN DATABASE {name} SET work_mem TO '5MB';
        ALTER DATABASE {name} CONNECTION LIMIT 7;
        COMMENT ON DATABASE {name} IS 'it''s \\mine; "ü"';
        REVOKE ALL ON DATABASE {name} FROM PUBLIC;
        GRANT CONNECT, TEMPORARY ON DATABASE {name} TO guest_of_it WITH GRANT OPTION;
        ALTER DATABASE {name} OWNER TO owner_of_it;
    """)
    yield database
    with server17.connect() as session:
        session.execute(f"ALTER DATABASE {name} OWNER TO CURRENT_USER".encode())
        session.execute(f"REVOKE ALL ON DATABASE {name} FROM guest_of_it".encode())
        session.execute(f"ALTER ROLE guest_of_it IN DATABASE {name} RESET ALL".encode())
        session.execute("DROP ROLE owner_of_it, guest_of_it")


@pytest.fixture
def new_name(server17: SandboxServer) -> Iterator[str]:
    name = f"new {uuid.uuid4().hex[:8]}"
    yield name
    with server17.connect() as session:
        session.execute(f"DROP DATABASE IF EXISTS {quote_identifier(name)} WITH (FORCE)".encode())


def properties(server: SandboxServer, name: str) -> dict[str, Any]:
    with server.connect() as session:
        row = session.execute(
            """
            SELECT pg_get_userbyid(datdba), datconnlimit, shobj_description(oid, 'pg_database'),
                   ARRAY(SELECT unnest(datacl)::text ORDER BY 1),
                   (SELECT setconfig FROM pg_db_role_setting WHERE setdatabase = d.oid AND setrole = 0),
                   (SELECT setconfig FROM pg_db_role_setting WHERE setdatabase = d.oid AND setrole <> 0)
            FROM pg_database d WHERE datname = %s
            """,
            [name],
        ).fetchone()
    assert row is not None
    return dict(zip(("owner", "limit", "comment", "rights", "settings", "of role"), row, strict=True))


def dumped(database: Database, form: str, folder: Path) -> Path:
    program, *options = FORMS[form]
    return database.dumped(folder / f"dump.{form}", *options, program=program)


def restored(
    path: Path,
    target: RestoreTarget,
    installations: tuple[Installation, ...],
    options: RestoreOptions,
) -> tuple[RestorePlan, RestoreReport]:
    with open_job([path], target, options, installations) as job:
        plan = job.plan(CancelToken(), lambda _: None)
        return plan, job.run(CancelToken(), lambda _: None)


def connection_to(server: SandboxServer) -> Connection:
    return Connection(server.conninfo(), server.password, inherits=False)


@pytest.mark.parametrize("form", FORMS)
def test_a_new_database_gets_all_that_belongs_to_the_sources(
    source: Database, new_name: str, installations: tuple[Installation, ...], tmp_path: Path, form: str
) -> None:
    server = source.server
    path = dumped(source, form, tmp_path)
    target = RestoreTarget(connection_to(server), new_name)
    chosen = RestoreOptions(database=source.name if form == "cluster" else "")

    plan, report = restored(path, target, installations, chosen)

    assert report.result is RestoreResult.SUCCEEDED, report.failures
    expected = properties(server, source.name)
    expected["settings"].remove("log_statement=ddl")
    assert properties(server, new_name) == expected
    (settings,) = [one for one in plan.objects if one.kind == "DATABASE PROPERTIES"]
    assert settings.action is Action.CHANGE
    assert settings.reason == "without the setting log_statement: only a superuser may set it"
    assert any("settings, rights and owner" in step for step in plan.steps)


def test_a_role_that_is_no_superuser_gets_what_it_may_have(
    source: Database, new_name: str, installations: tuple[Installation, ...], tmp_path: Path
) -> None:
    server = source.server
    path = dumped(source, "custom", tmp_path)
    with server.connect() as session:
        session.execute("CREATE ROLE plain_of_it LOGIN CREATEDB PASSWORD 'x'")
    plain = Connection(server.conninfo(user="plain_of_it"), Secret("x"), inherits=False)
    try:
        plan, report = restored(path, RestoreTarget(plain, new_name), installations, RestoreOptions())
        found = properties(server, new_name)
    finally:
        with server.connect() as session:
            session.execute(f"DROP DATABASE IF EXISTS {quote_identifier(new_name)}".encode())
            session.execute("DROP ROLE plain_of_it")

    assert report.result is RestoreResult.SUCCEEDED, report.failures
    assert found["owner"] == "plain_of_it"
    assert found["comment"] == 'it\'s \\mine; "ü"'
    assert [setting.partition("=")[0] for setting in found["settings"]] == [
        "search_path",
        "TimeZone",
        "default_transaction_read_only",
    ]
    assert found["of role"] is None
    reasons = {one.kind: one.reason for one in plan.objects}
    assert "plain_of_it may not act for it" in reasons["DATABASE"]
    assert "the setting app.secret: only a superuser may set it" in reasons["DATABASE PROPERTIES"]
    assert "role guest_of_it: plain_of_it may not change guest_of_it" in reasons["DATABASE PROPERTIES"]
    assert "DROP TABLE" not in str(plan)


def test_what_cannot_be_set_is_reported_and_the_database_stays(
    source: Database, new_name: str, installations: tuple[Installation, ...], tmp_path: Path
) -> None:
    path = dumped(source, "plain", tmp_path)
    path.write_text(path.read_text().replace("'Europe/Berlin'", "'Mars/Olympus'"))

    _, report = restored(
        path, RestoreTarget(connection_to(source.server), new_name), installations, RestoreOptions()
    )

    assert report.result is RestoreResult.INCOMPLETE
    (failure,) = report.failures
    assert (failure.kind, failure.statement) == ("DATABASE PROPERTIES", "the setting TimeZone")
    assert "Mars" not in failure.cause
    assert properties(source.server, new_name)["limit"] == 7


def test_rights_and_owner_stay_away_when_they_are_not_asked_for(
    source: Database, new_name: str, installations: tuple[Installation, ...], tmp_path: Path
) -> None:
    path = dumped(source, "custom", tmp_path)
    options = RestoreOptions(owner=False, privileges=False)

    _, report = restored(path, RestoreTarget(connection_to(source.server), new_name), installations, options)

    assert report.result is RestoreResult.SUCCEEDED, report.failures
    found = properties(source.server, new_name)
    assert found["owner"] == connection_to(source.server).keywords["user"]
    assert found["rights"] == []
    assert found["limit"] == 7


def test_a_database_that_exists_keeps_its_own(
    source: Database, new_database: NewDatabase, installations: tuple[Installation, ...], tmp_path: Path
) -> None:
    path = dumped(source, "plain", tmp_path)
    target = new_database(source.server)
    before = properties(source.server, target.name)

    plan, report = restored(path, RestoreTarget(target.connection), installations, RestoreOptions())

    assert report.result is RestoreResult.SUCCEEDED, report.failures
    assert properties(source.server, target.name) == before
    (settings,) = [one for one in plan.objects if one.kind == "DATABASE PROPERTIES"]
    assert settings.action is Action.SKIP


def carried(entry: MakeEntry, definition: str, *, is_superuser: bool = True) -> CarriedOver:
    target = TargetFacts(
        "new",
        Version(17, 5),
        "me",
        is_new=True,
        is_superuser=is_superuser,
        roles=frozenset({"me", "joe"}),
        settings={"work_mem": "user", "role": "user", "local_preload_libraries": "user", "fsync": "sighup"},
    )
    entries = [
        entry(1, "DATABASE", "", "shop", "CREATE DATABASE shop;\n", owner="me"),
        entry(2, "DATABASE PROPERTIES", "", "shop", definition),
    ]
    return carry_over(entries, target, RestoreOptions())


@pytest.mark.parametrize(
    ("definition", "reason"),
    [
        ("ALTER DATABASE shop SET fsync TO 'off';", "only a superuser"),
        ("ALTER DATABASE shop SET new_in_19 TO 'off';", "PostgreSQL 17 has no such setting"),
        ("ALTER DATABASE shop SET role TO 'postgres';", "who acts"),
        ("ALTER DATABASE shop SET local_preload_libraries TO 'evil';", "loads code"),
        ("ALTER ROLE ann IN DATABASE shop SET work_mem TO '1MB';", "no role ann"),
        ("ALTER DATABASE other SET work_mem TO '1MB';", "not written as pg_dump"),
        ("ALTER DATABASE shop SET work_mem FROM CURRENT;", "not written as pg_dump"),
        ("ALTER DATABASE shop CONNECTION LIMIT 1 IS_TEMPLATE true;", "not written as pg_dump"),
        ("ALTER DATABASE shop IS_TEMPLATE = true;", "cannot be dropped"),
        ("ALTER SYSTEM SET work_mem TO '1MB';", "not written as pg_dump"),
        ("DROP DATABASE shop;", "not written as pg_dump"),
    ],
)
def test_nothing_else_of_a_definition_is_run(entry: MakeEntry, definition: str, reason: str) -> None:
    found = carried(entry, definition)

    assert found.properties == ()
    assert found.outcomes[2][0] is Action.SKIP
    assert reason in found.outcomes[2][1]
    assert len(found.findings) == 1


def test_values_are_quoted_anew(entry: MakeEntry) -> None:
    definition = r"""
        ALTER DATABASE shop SET work_mem = 4096;
        ALTER DATABASE shop SET "a.b" TO E'x\\n\'', y, '';
    """

    found = carried(entry, definition)

    assert [statement for one in found.properties for statement in one.statements] == [
        """ALTER DATABASE "new" SET "work_mem" TO '4096'""",
        r"""ALTER DATABASE "new" SET "a.b" TO E'x\\n''', 'y', ''""",
    ]
    assert found.outcomes[2] == (Action.CREATE, "")


@pytest.mark.parametrize(
    "rights",
    [
        "GRANT CONNECT ON DATABASE other TO joe;",
        "GRANT CONNECT ON DATABASE shop TO joe; DROP TABLE t;",
        "GRANT postgres TO joe;",
        "GRANT ALL ON DATABASE shop TO joe, 'x';",
    ],
)
def test_rights_are_no_way_to_run_anything(entry: MakeEntry, rights: str) -> None:
    target = TargetFacts(
        "new", Version(17, 5), "me", is_new=True, is_superuser=True, roles=frozenset({"joe"})
    )
    entries = [
        entry(1, "DATABASE", "", "shop", owner="me"),
        entry(2, "ACL", "", "DATABASE shop", rights),
    ]

    assert carry_over(entries, target, RestoreOptions()).properties == ()
