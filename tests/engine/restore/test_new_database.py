from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import closing

import pytest

from app.domain.errors import AppError, ErrorCode
from app.domain.events import Event, Notice
from app.domain.project import Secret
from app.engine.restore.new_database import TEMPORARY_PREFIX, DatabaseOptions, new_database, options_of
from app.postgres.connection import Connection, Session, connect
from app.postgres.quoting import quote_identifier
from app.postgres.sandbox import SandboxServer


@pytest.fixture
def name(server17: SandboxServer) -> Iterator[str]:
    name = f'new "{uuid.uuid4().hex[:8]}" ü'
    yield name
    with server17.connect() as session:
        session.execute(f"DROP DATABASE IF EXISTS {quote_identifier(name)}".encode())


def server_of(server: SandboxServer) -> Connection:
    return Connection(server.conninfo(), server.password, inherits=False)


def databases(server: SandboxServer) -> set[str]:
    with server.connect() as session:
        return {name for (name,) in session.execute("SELECT datname FROM pg_database")}


def leftovers(server: SandboxServer) -> set[str]:
    return {name for name in databases(server) if name.startswith(TEMPORARY_PREFIX)}


def test_a_database_has_its_name_only_when_all_is_there(server17: SandboxServer, name: str) -> None:
    with new_database(server_of(server17), name, DatabaseOptions(), lambda _: None) as made:
        assert name not in databases(server17)
        with closing(connect(made.connection)) as session:
            session.execute("CREATE TABLE t (a int)")
    assert name in databases(server17)
    with server17.connect(name) as check:
        assert check.execute("SELECT count(*) FROM t").fetchone() == (0,)


def test_nothing_is_left_of_a_restore_that_failed_even_while_a_session_lingers(
    server17: SandboxServer, name: str
) -> None:
    before = leftovers(server17)
    lingering: list[Session] = []

    def fail() -> None:
        with new_database(server_of(server17), name, DatabaseOptions(), lambda _: None) as made:
            lingering.append(connect(made.connection))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    lingering[0].close()
    assert leftovers(server17) == before
    assert name not in databases(server17)


def test_a_taken_name_is_refused_before_anything_is_made(server17: SandboxServer) -> None:
    before = databases(server17)
    with (
        pytest.raises(AppError) as caught,
        new_database(server_of(server17), "postgres", DatabaseOptions(), lambda _: None),
    ):
        raise AssertionError("it must not begin")
    assert caught.value.code is ErrorCode.TARGET_NOT_EMPTY
    assert databases(server17) == before


def test_a_name_that_is_taken_meanwhile_is_refused_and_nothing_is_left(
    server17: SandboxServer, name: str
) -> None:
    before = leftovers(server17)
    with (
        pytest.raises(AppError) as caught,
        new_database(server_of(server17), name, DatabaseOptions(), lambda _: None),
        server17.connect() as session,
    ):
        session.execute(f"CREATE DATABASE {quote_identifier(name)}".encode())
    assert caught.value.code is ErrorCode.TARGET_NOT_EMPTY
    assert leftovers(server17) == before


def test_sessions_that_take_a_moment_to_be_gone_do_not_hinder_the_name(
    server17: SandboxServer, name: str
) -> None:
    with new_database(server_of(server17), name, DatabaseOptions(), lambda _: None) as made:
        session = connect(made.connection)
        timer = threading.Timer(0.4, session.close)
        timer.start()
    timer.join()
    assert name in databases(server17)


def test_encoding_and_locale_are_those_of_the_source(server17: SandboxServer, name: str) -> None:
    definition = (
        "CREATE DATABASE x WITH TEMPLATE = template0 ENCODING = 'LATIN1' LOCALE_PROVIDER = libc LOCALE = 'C';"
    )
    options = options_of(definition, "UTF8")
    with new_database(server_of(server17), name, options, lambda _: None):
        pass
    with server17.connect() as session:
        found = session.execute(
            "SELECT pg_encoding_to_char(encoding), datcollate FROM pg_database WHERE datname = %s", [name]
        ).fetchone()
    assert found == ("LATIN1", "C")


def test_a_locale_that_the_server_lacks_is_told_and_replaced(server17: SandboxServer, name: str) -> None:
    definition = "CREATE DATABASE x WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE = 'xx_YY.utf8';"
    events: list[Event] = []
    with new_database(server_of(server17), name, options_of(definition, "UTF8"), events.append):
        pass
    assert name in databases(server17)
    assert any(isinstance(event, Notice) and "locale" in event.text for event in events)


def test_a_forged_definition_cannot_say_anything_but_options() -> None:
    forged = "CREATE DATABASE x WITH ENCODING = 'UTF8' LOCALE = 'C''; DROP DATABASE y' OWNER = bob;"
    options = options_of(forged, "UTF8")
    assert options.locale == {"LOCALE": "C''; DROP DATABASE y"}
    assert options.encoding == "UTF8"


def test_a_role_that_may_not_create_databases_is_told_so(server17: SandboxServer, name: str) -> None:
    with server17.connect() as session:
        session.execute("CREATE ROLE plain_one LOGIN PASSWORD 'x'")
    try:
        plain = Connection(server17.conninfo(user="plain_one"), Secret("x"), inherits=False)
        with pytest.raises(AppError) as caught, new_database(plain, name, DatabaseOptions(), lambda _: None):
            raise AssertionError("it must not begin")
        assert caught.value.code is ErrorCode.PERMISSION_DENIED
    finally:
        with server17.connect() as session:
            session.execute("DROP ROLE plain_one")
