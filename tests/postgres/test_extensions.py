"""What is recorded of an extension is enough to stand in for it, for every extension at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from app.domain.backup import Extension
from app.postgres.connection import Session, connect, parse_connection
from app.postgres.extensions import extensions
from app.postgres.quoting import encode_sql
from app.postgres.sandbox import SandboxServer
from app.postgres.stand_ins import routine_statements, schema_and_type_statements

if TYPE_CHECKING:
    from tests.conftest import Database, NewDatabase

# PostgreSQL itself refuses two parameters of one name, but an extension's script once could.
REFUSED = "used more than once"


def session_of(database: Database) -> psycopg.Connection:
    return connect(parse_connection(database.conninfo_with_password))


def available(session: Session) -> list[str]:
    rows = session.execute("SELECT name FROM pg_available_extensions WHERE name <> 'plpgsql' ORDER BY 1")
    return [name for (name,) in rows.fetchall()]


def record_each(session: Session) -> dict[str, tuple[Extension, ...]]:
    """Install each extension by itself, in a schema whose name needs quotes where it lets us choose."""
    found = {}
    for name in available(session):
        session.execute('CREATE SCHEMA "Ext \'s"')
        session.execute("BEGIN")
        try:
            try:
                with session.transaction():
                    session.execute(f'CREATE EXTENSION "{name}" SCHEMA "Ext \'s" CASCADE'.encode())
            except psycopg.Error:
                with session.transaction():
                    session.execute(f'CREATE EXTENSION "{name}" CASCADE'.encode())
            found[name] = extensions(session)
        except psycopg.errors.FeatureNotSupported:
            pass  # it needs a language that this server does not have
        finally:
            session.execute("ROLLBACK")
            session.execute('DROP SCHEMA "Ext \'s"')
    return found


def refused(session: Session, missing: tuple[Extension, ...]) -> list[str]:
    """The statements of the stand-ins that the server refuses; nothing of them is kept."""
    failed = []
    session.execute("BEGIN")
    for statement in (*schema_and_type_statements(missing), *routine_statements(missing)):
        try:
            with session.transaction():
                session.execute(encode_sql(statement))
        except psycopg.Error as error:
            failed.append(f"{statement[:200]}: {error}")
    session.execute("ROLLBACK")
    return [one for one in failed if REFUSED not in one]


@pytest.mark.parametrize("server", ["server15", "server17", "server18"])
def test_every_extension_is_stood_in_for_on_every_server(
    server: str,
    request: pytest.FixtureRequest,
    server15: SandboxServer,
    server18: SandboxServer,
    new_database: NewDatabase,
) -> None:
    with session_of(new_database(request.getfixturevalue(server))) as session:
        recorded = record_each(session)
    assert len(recorded) > 30
    for target in (server15, server18):
        with session_of(new_database(target)) as session:
            failures = {name: refused(session, found) for name, found in recorded.items()}
        assert {name: failed for name, failed in failures.items() if failed} == {}


def test_what_is_recorded_of_an_extension(server17: SandboxServer, new_database: NewDatabase) -> None:
    database = new_database(server17)
    database.sql('CREATE SCHEMA "My types"; CREATE EXTENSION citext SCHEMA "My types"')
    with session_of(database) as session:
        (citext,) = extensions(session)
    assert (citext.name, citext.schema) == ("citext", "My types")
    (type_,) = citext.types
    assert (type_.schema, type_.name, type_.kind, type_.category) == ("My types", "citext", "b", "S")
    assert '"My types".citext' in {cast.source for cast in citext.casts}
    assert {routine.kind for routine in citext.routines} == {"f", "a"}
    equal = next(operator for operator in citext.operators if operator.name == "=")
    assert (equal.left, equal.routine) == ('"My types".citext', '"My types".citext_eq')


def test_a_database_without_extensions(server17: SandboxServer, new_database: NewDatabase) -> None:
    with session_of(new_database(server17)) as session:
        assert extensions(session) == ()
