"""Prepares an empty database in the sandbox for a restore, as its superuser.

The dump itself is never restored as superuser: a CHECK function with COPY … TO PROGRAM would run
programs as the sandbox's user. So what only a superuser can make is made here, from names alone.
Nor may a dump reach other servers: its functions and foreign tables may name a production database.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

import psycopg
from psycopg.conninfo import make_conninfo

from app.domain.backup import Extension
from app.domain.project import Secret
from app.postgres.connection import Connection, Session, connect
from app.postgres.quoting import encode_sql, quote_identifier, quote_literal
from app.postgres.sandbox import SandboxServer, create_database
from app.postgres.stand_ins import owner_statements, routine_statements, schema_and_type_statements

_RESTORER = "holdfast_restorer"
DATABASE = "proof"
_CATALOG_COLLATION = re.compile(
    r'COLLATE (?:pg_catalog\.)?("(?:[^"]|"")+"|\w+)(?![\w.])|collation = pg_catalog\.("(?:[^"]|"")+")'
)


@dataclass(frozen=True, slots=True)
class SandboxDatabase:
    """An empty database that is ready for a restore.

    Attributes:
        restorer: the unprivileged role that restores; it owns the database.
        superuser: for looking at what was restored; it finds names in pg_catalog alone.
        missing: extensions that the server does not have and that were stood in for.
        schemas: schemas that exist already.
        collations: system collations that the server does not have and that sort like C here.
        has_icu: whether the server was built with ICU.
    """

    restorer: Connection
    superuser: Connection
    missing: tuple[Extension, ...]
    schemas: frozenset[str]
    collations: tuple[str, ...]
    has_icu: bool


def prepare_database(
    server: SandboxServer,
    *,
    encoding: str,
    roles: Iterable[str],
    extensions: Iterable[Extension],
    definitions: Iterable[str],
    wrappers: Iterable[str],
) -> SandboxDatabase:
    """Create the database, the roles that it names, its extensions, collations and wrappers.

    Args:
        server: the sandbox.
        encoding: the archive's.
        roles: role names that policies and the like may mention.
        extensions: what the backed-up database had.
        definitions: the archive's DDL, searched for collations that this server lacks.
        wrappers: names of foreign data wrappers of the archive's own.
    """
    password = Secret(secrets.token_urlsafe(24))
    restorer = quote_identifier(_RESTORER)
    with server.connect() as session:
        session.execute(
            f"CREATE ROLE {restorer} LOGIN NOSUPERUSER BYPASSRLS NOCREATEROLE "
            f"PASSWORD {quote_literal(password.reveal())}".encode()
        )
        known = {name for (name,) in session.execute("SELECT rolname FROM pg_catalog.pg_roles")}
        for role in sorted(set(roles) - known):
            _try(session, f"CREATE ROLE {quote_identifier(role)} NOLOGIN")
    create_database(server, DATABASE, encoding)
    with server.connect() as session:
        session.execute(f"ALTER DATABASE {DATABASE} OWNER TO {restorer}".encode())
    # The restoring role owns the database, and with it the search path that sessions begin with.
    superuser = Connection(
        make_conninfo(server.conninfo(DATABASE), options="-csearch_path=pg_catalog"),
        server.password,
        inherits=False,
    )
    with connect(superuser) as session:
        missing = tuple(item for item in extensions if not _create_extension(session, item))
        for statement in (
            *schema_and_type_statements(missing),
            *owner_statements(missing, _RESTORER),
        ):
            _try(session, statement)
        for name in wrappers:
            _try(session, f"CREATE FOREIGN DATA WRAPPER {quote_identifier(name)}")
        collations = _create_collations(session, definitions)
        _make_xml_plain_text(session)
        _grant(session)
        _shut_in(session)
        schemas = session.execute("SELECT nspname FROM pg_catalog.pg_namespace").fetchall()
        icu = session.execute("SELECT 1 FROM pg_catalog.pg_collation WHERE collname = 'und-x-icu'").fetchall()
    restoring = Connection(server.conninfo(DATABASE, _RESTORER), password, inherits=False)
    with connect(restoring) as session:
        for statement in routine_statements(missing):
            _try(session, statement)
    return SandboxDatabase(
        restorer=restoring,
        superuser=superuser,
        missing=missing,
        schemas=frozenset(name for (name,) in schemas),
        collations=collations,
        has_icu=bool(icu),
    )


def _create_extension(session: Session, extension: Extension) -> bool:
    found = session.execute(
        "SELECT 1 FROM pg_catalog.pg_available_extensions WHERE name = %s", [extension.name]
    ).fetchone()
    if not found:
        return False
    schema = quote_identifier(extension.schema)
    if extension.schema != "pg_catalog":
        _try(session, f"CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION {quote_identifier(_RESTORER)}")
    return _try(
        session, f"CREATE EXTENSION {quote_identifier(extension.name)} SCHEMA {schema} CASCADE"
    ) or _try(session, f"CREATE EXTENSION IF NOT EXISTS {quote_identifier(extension.name)} CASCADE")


def _create_collations(session: Session, definitions: Iterable[str]) -> tuple[str, ...]:
    """Make the system's collations that this server lacks (no ICU, other locales) as copies of "C"."""
    found = {match[1] or match[2] for text in definitions for match in _CATALOG_COLLATION.finditer(text)}
    names = {name[1:-1].replace('""', '"') if name.startswith('"') else name for name in found}
    known = {name for (name,) in session.execute("SELECT collname FROM pg_catalog.pg_collation").fetchall()}
    session.execute("SET allow_system_table_mods = on")
    made = [
        name
        for name in sorted(names - known)
        if _try(
            session, f"CREATE COLLATION pg_catalog.{quote_identifier(name)} (provider = libc, locale = 'C')"
        )
    ]
    session.execute("RESET allow_system_table_mods")
    return tuple(made)


def _grant(session: Session) -> None:
    """Let the restoring role use what was made for it."""
    session.execute(
        f"""
        DO $do$
        DECLARE name text;
        BEGIN
            FOR name IN SELECT quote_ident(nspname) FROM pg_catalog.pg_namespace
                        WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' LOOP
                EXECUTE 'GRANT ALL ON SCHEMA ' || name || ' TO {_RESTORER}';
                EXECUTE 'GRANT ALL ON ALL TABLES IN SCHEMA ' || name || ' TO {_RESTORER}';
                EXECUTE 'GRANT ALL ON ALL SEQUENCES IN SCHEMA ' || name || ' TO {_RESTORER}';
            END LOOP;
            FOR name IN SELECT quote_ident(fdwname) FROM pg_catalog.pg_foreign_data_wrapper LOOP
                EXECUTE 'GRANT USAGE ON FOREIGN DATA WRAPPER ' || name || ' TO {_RESTORER}';
            END LOOP;
        END $do$
        """.encode()
    )


def _make_xml_plain_text(session: Session) -> None:
    """Let a server that was built without XML keep xml values as they are written."""
    try:
        session.execute("SELECT '<a/>'::pg_catalog.xml")
    except psycopg.errors.FeatureNotSupported:
        session.execute(
            "UPDATE pg_catalog.pg_type SET typinput = 'textin'::regproc, typoutput = 'textout'::regproc "
            "WHERE oid = 'xml'::regtype"
        )


def _shut_in(session: Session) -> None:
    """Take away what reaches other servers: foreign tables cannot be read, and dblink cannot be called.

    Without its validator a wrapper takes options that only a superuser may give, like a file's name.
    """
    session.execute(
        """
        DO $do$
        DECLARE name text;
        BEGIN
            FOR name IN SELECT quote_ident(fdwname) FROM pg_catalog.pg_foreign_data_wrapper LOOP
                EXECUTE 'ALTER FOREIGN DATA WRAPPER ' || name || ' NO HANDLER NO VALIDATOR';
            END LOOP;
            FOR name IN SELECT objid::regprocedure::text FROM pg_catalog.pg_depend
                        JOIN pg_catalog.pg_extension e ON e.oid = refobjid
                        WHERE classid = 'pg_proc'::regclass AND refclassid = 'pg_extension'::regclass
                          AND deptype = 'e' AND extname = 'dblink' LOOP
                EXECUTE 'REVOKE ALL ON FUNCTION ' || name || ' FROM PUBLIC';
            END LOOP;
        END $do$
        """
    )


def _try(session: Session, statement: str) -> bool:
    """Run a statement of the preparation; False when the server refuses it.

    What is then missing shows in the restore, where the object that needs it is named.
    """
    try:
        session.execute(encode_sql(statement))
    except psycopg.Error:
        return False
    return True
