"""Makes a database for a restore: under a temporary name first, so that it is there whole or not at all."""

from __future__ import annotations

import re
import secrets
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg
from psycopg import errors

from app.domain.errors import AppError, ErrorCode
from app.domain.events import Listener, Notice
from app.domain.restore import RestoreFailure
from app.engine.restore.database_properties import Property
from app.postgres.connection import Connection, Session, connect
from app.postgres.failures import query_failure
from app.postgres.quoting import encode_sql, quote_identifier, quote_literal
from app.postgres.shown_text import without_values
from app.system.process_id import ProcessId, own_process_id

TEMPORARY_PREFIX = "holdfast_restore_"

_GONE_SECONDS, _LOOK_SECONDS = 10.0, 0.05
_MARK = re.compile(
    r"Unfinished: Holdfast restores into it \(process (\d+), started ([\d.]+), on (.+), since (.+)\)"
)
_OPTION = re.compile(r"\b([A-Z_]+) = (?:'((?:[^']|'')*)'|(\w+))")
_ENCODING, _PROVIDER = "ENCODING", "LOCALE_PROVIDER"
_LOCALE_OPTIONS = ("LOCALE", "LC_COLLATE", "LC_CTYPE", "ICU_LOCALE", "ICU_RULES", "BUILTIN_LOCALE")
_REFUSED = (
    errors.WrongObjectType,
    errors.InvalidParameterValue,
    errors.FeatureNotSupported,
    errors.InvalidObjectDefinition,
    errors.SyntaxError,
    errors.UndefinedObject,
)


@dataclass(frozen=True, slots=True)
class DatabaseOptions:
    """How a database sorts and stores text: PostgreSQL's names for CREATE DATABASE's options."""

    encoding: str = "UTF8"
    locale: Mapping[str, str] | None = None

    @property
    def is_builtin(self) -> bool:
        """Whether its locale is one that PostgreSQL brings along, which it does since 17."""
        return (self.locale or {}).get(_PROVIDER, "").lower() == "builtin"


def options_of(definition: str, encoding: str) -> DatabaseOptions:
    """Read them from the CREATE DATABASE that pg_dump wrote; nothing else of it is used."""
    found = {match[1]: match[2] or match[3] or "" for match in _OPTION.finditer(definition)}
    locale = {name: found[name] for name in (_PROVIDER, *_LOCALE_OPTIONS) if name in found}
    return DatabaseOptions(found.get(_ENCODING, encoding), locale or None)


@dataclass(slots=True)
class NewDatabase:
    """A database that is being restored.

    Attributes:
        connection: to it, under its temporary name.
        is_left_over: whether it was to be dropped and could not be.
        failures: the properties that it could not be given with its name.
    """

    connection: Connection
    is_left_over: bool = False
    failures: tuple[RestoreFailure, ...] = ()

    @property
    def name(self) -> str:
        """The temporary name."""
        return self.connection.keywords["dbname"]


@contextmanager
def new_database(
    server: Connection,
    name: str,
    options: DatabaseOptions,
    listener: Listener,
    properties: Sequence[Property] = (),
) -> Iterator[NewDatabase]:
    """A database that gets its name when the block ends well, and is dropped when it does not.

    Args:
        server: any database of the server, with the right to create others.
        name: must not be taken.
        options: what the source has; where this server lacks the locale, it takes its own and says so.
        properties: what it gets together with its name, because some of it would hinder the restore.

    Raises:
        AppError: TARGET_NOT_EMPTY when the name is taken, PERMISSION_DENIED, or with the server's words.
    """
    made = NewDatabase(server.to(dbname=f"{TEMPORARY_PREFIX}{secrets.token_hex(6)}"))
    with _session(server) as session:
        if session.execute("SELECT 1 FROM pg_catalog.pg_database WHERE datname = %s", [name]).fetchone():
            raise _taken(name)
    try:
        with _session(server) as session:
            _create(session, made.name, options, listener)
            _mark(session, made.name)
        yield made
        with _session(server) as session:
            made.failures = _rename(session, made.name, name, properties)
    except BaseException:
        made.is_left_over = not _drop(server, made.name, listener)
        raise


def tell_of_leftovers(session: Session, listener: Listener) -> None:
    """Tell of databases that restores began and, when they were killed, could not drop.

    Raises:
        psycopg.Error: to be named by `failures.query_failure`, as in `connection.asking`.
    """
    found = session.execute(
        """
        SELECT datname, pg_catalog.shobj_description(oid, 'pg_database') FROM pg_catalog.pg_database d
        WHERE pg_catalog.starts_with(datname, %s)
          AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity a WHERE a.datid = d.oid)
        ORDER BY datname
        """,
        [TEMPORARY_PREFIX],
    ).fetchall()
    for name, comment in found:
        match = _MARK.fullmatch(comment or "")
        if match is None:
            continue
        number, started, host, since = match.groups()
        if host == socket.gethostname() and ProcessId(int(number), float(started)).is_alive:
            continue
        listener(
            Notice(
                f"A restore that did not finish (begun {since} on {host}) left a database behind. "
                f"If it runs no more: DROP DATABASE {quote_identifier(name)};"
            )
        )


def _mark(session: Session, name: str) -> None:
    """Say in its comment whose it is, so that a later restore can tell of it."""
    process = own_process_id()
    text = (
        f"Unfinished: Holdfast restores into it (process {process.pid}, started {process.started}, "
        f"on {socket.gethostname()}, since {datetime.now(UTC):%Y-%m-%d %H:%M} UTC)"
    )
    session.execute(encode_sql(f"COMMENT ON DATABASE {quote_identifier(name)} IS {quote_literal(text)}"))


def _unmark(session: Session, name: str) -> None:
    """Take that comment away again, but no other: the source may have one for its database."""
    query = (
        "SELECT pg_catalog.shobj_description(oid, 'pg_database') FROM pg_catalog.pg_database "
        "WHERE datname = %s"
    )
    ((comment,),) = session.execute(query, [name]).fetchall()
    if comment and _MARK.fullmatch(comment):
        session.execute(encode_sql(f"COMMENT ON DATABASE {quote_identifier(name)} IS NULL"))


@contextmanager
def _session(server: Connection) -> Iterator[Session]:
    session = connect(server)
    try:
        yield session
    except psycopg.Error as error:
        raise query_failure(error, server.describe()) from error
    finally:
        session.close()


def _create(session: Session, name: str, options: DatabaseOptions, listener: Listener) -> None:
    encoding = f" ENCODING {quote_literal(options.encoding)}"
    begin = f"CREATE DATABASE {quote_identifier(name)} TEMPLATE template0{encoding}"
    said = ""
    for locale in _locales(options):
        words = "".join(
            f" {key} {value if key == _PROVIDER else quote_literal(value)}"
            for key, value in locale.items()
            if key != _PROVIDER or value.isalpha()
        )
        try:
            session.execute(encode_sql(begin + words))
        except _REFUSED as error:
            said = said or str(error).partition("\n")[0]
        else:
            if said:
                listener(
                    Notice("The server lacks the source's locale: C takes its place, in the same order.")
                )
            return
    if said:
        listener(Notice(f"The server lacks the source's locale and takes its own: {said}."))
    try:
        session.execute(encode_sql(begin))
    except _REFUSED:
        session.execute(encode_sql(f"{begin} LOCALE 'C'"))  # the server's own goes with another encoding


def _locales(options: DatabaseOptions) -> Iterator[Mapping[str, str]]:
    """The source's locale, then those that sort in the same order: builtin ones do as C does."""
    if options.locale:
        yield options.locale
    if options.is_builtin:
        libc = {"LC_COLLATE": "C", "LC_CTYPE": "C.UTF-8"}
        yield {_PROVIDER: "libc", **libc}  # which PostgreSQL 14 has no word for, and no other provider
        yield libc
        yield {"LC_COLLATE": "C", "LC_CTYPE": "C"}


def _rename(
    session: Session, temporary: str, name: str, properties: Sequence[Property]
) -> tuple[RestoreFailure, ...]:
    """Give it its name and its properties; the restore's own sessions take a moment to be gone."""
    statement = f"ALTER DATABASE {quote_identifier(temporary)} RENAME TO {quote_identifier(name)}"
    deadline = time.monotonic() + _GONE_SECONDS
    while True:
        try:
            with session.transaction():
                session.execute(encode_sql(statement))
                _unmark(session, name)
                failures = tuple(_not_given(session, properties))
        except errors.DuplicateDatabase as error:
            raise _taken(name) from error
        except errors.ObjectInUse:
            if time.monotonic() > deadline:
                raise
            time.sleep(_LOOK_SECONDS)
        else:
            return failures


def _not_given(session: Session, properties: Sequence[Property]) -> Iterator[RestoreFailure]:
    for one in properties:
        try:
            with session.transaction():
                for statement in one.statements:
                    session.execute(encode_sql(statement))
        except psycopg.Error as error:
            if session.closed:
                raise
            cause = without_values(error.diag.message_primary or str(error))
            yield RestoreFailure(
                one.kind, one.name, one.shown, cause, "Set it for the new database yourself."
            )


def _drop(server: Connection, name: str, listener: Listener) -> bool:
    """Remove what was begun. Why it failed says more than that this failed, too: that is a notice."""
    statement = f"DROP DATABASE IF EXISTS {quote_identifier(name)}"
    try:
        with _session(server) as session:
            force = " WITH (FORCE)" if session.info.server_version >= 130_000 else ""
            session.execute(encode_sql(statement + force))
    except AppError as error:
        listener(Notice(f"The database {name} of the unfinished restore could not be dropped. {error}"))
        return False
    return True


def _taken(name: str) -> AppError:
    return AppError(
        ErrorCode.TARGET_NOT_EMPTY,
        f"There is a database {name} already",
        hint="Choose another name, or restore into it with --into.",
    )
