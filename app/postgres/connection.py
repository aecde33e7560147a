"""Connection strings, and sessions whose failures have names.

Strings are libpq's: a URL or keywords, several hosts, `service`, `sslmode`, `sslrootcert`. What a
string leaves out comes from libpq's own places: PG* variables and the password file.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from urllib.parse import quote

import psycopg
from psycopg import conninfo as libpq
from psycopg import pq
from psycopg.adapt import Loader
from psycopg.rows import TupleRow

from app.domain.errors import AppError, ErrorCode
from app.domain.project import Secret
from app.domain.project_types import ProjectType, settled, type_of
from app.postgres.failures import connection_failure, query_failure
from app.system.cancellation import CancelToken
from app.system.process import child_environment

Session = psycopg.Connection[TupleRow]

_RAW_PASSWORD = re.compile(r"^(postgres(?:ql)?://)([^:/?#]*):(.*)@([^@]*)$", re.DOTALL)
_OTHER_SECRETS = ("sslpassword", "scram_client_key", "scram_server_key", "oauth_client_secret")
_DECIDED_HERE = ("client_encoding", "application_name", "fallback_application_name")
_NEUTRAL = {  # where libpq has no default of its own and refuses an empty value
    "connect_timeout": "0",
    "min_protocol_version": "3.0",
    "max_protocol_version": "3.0",
    "require_auth": "!gss",  # an empty one forbids all; sandboxes know no GSS
    "sslcertmode": "allow",
}
_CANCEL_SECONDS = 2.0
_TEXT_TYPES = ("text", "varchar", "bpchar", "name", '"char"')


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach one database.

    Attributes:
        conninfo: libpq's keywords, without a password.
        password: None where libpq finds one by itself, or where none is needed.
        inherits: whether PG* variables of the environment count; they do not for a sandbox.
        notes: what was changed in the string that was given, and why, as sentences.
    """

    conninfo: str
    password: Secret | None = None
    inherits: bool = True
    notes: tuple[str, ...] = field(default=(), compare=False)

    def to(self, **keywords: str) -> Connection:
        """The same server with other keywords, `dbname` say."""
        return replace(self, conninfo=libpq.make_conninfo(self.conninfo, **keywords))

    @property
    def keywords(self) -> dict[str, str]:
        """The keywords that the string names itself."""
        return _words(self.conninfo)

    @property
    def type(self) -> ProjectType:
        """What kind of project it leads to, as far as the string tells."""
        return type_of(self.keywords)

    def environment(self, **extra: str) -> dict[str, str]:
        """The environment of a PostgreSQL tool that uses this connection; it carries the password.

        PGCLIENTENCODING is not inherited: an archive has the database's own encoding.
        """
        secret = {"PGPASSWORD": self.password.reveal()} if self.password else {}
        inherited = child_environment(inherit_pg=self.inherits)
        inherited.pop("PGCLIENTENCODING", None)
        return inherited | secret | extra

    def describe(self) -> str:
        """`user@host:port/database`, for people."""
        words = self.keywords
        if "service" in words:
            return f"service {words['service']}"
        hosts = words.get("host", words.get("hostaddr", "")).split(",")
        ports = words.get("port", "").split(",")
        places = ",".join(
            _place(host, ports[min(number, len(ports) - 1)]) for number, host in enumerate(hosts)
        )
        user = f"{words['user']}@" if "user" in words else ""
        return f"{user}{places}/{words.get('dbname', words.get('user', ''))}"


def _place(host: str, port: str) -> str:
    name = f"[{host}]" if ":" in host else host or "localhost"
    return f"{name}:{port}" if port else name


def parse_connection(text: str, *, as_written: bool = False) -> Connection:
    """Read a URL or a keyword string; a password in it is kept apart.

    A password that was pasted into a URL without percent-encoding is understood as well: a host
    name has no “@”, so the last one ends the password. What can be read as it stands is, so that
    `%41` is an A.

    What the kind of project calls for is put in: TLS where the string says nothing of it, and the
    database itself where the string leads to a transaction pooler that is known; `notes` tell of that.

    Args:
        text: what the user gave.
        as_written: leave it as it is, for a form in which the user edits it.

    Raises:
        AppError: INVALID_INPUT; its text never repeats the string, which may hold a password.
    """
    text = text.strip()
    try:
        words = _read_words(text)
    except psycopg.Error as error:
        raise _bad_string(str(error), text) from None
    if not words:
        raise _bad_string("it is empty", text)
    for name in _OTHER_SECRETS:
        if name in words:
            raise AppError(
                ErrorCode.INVALID_INPUT,
                f"{name} cannot be given in a connection string",
                detail="PostgreSQL's tools would need it in their command line, which all users can read",
                hint="Use a client key without a passphrase, readable by you alone.",
            )
    password = words.pop("password", None)
    for name in _DECIDED_HERE:
        words.pop(name, None)
    notes: tuple[str, ...] = ()
    if not as_written:
        words, notes = settled(words, os.environ.get("PGSSLMODE", ""))
    return Connection(libpq.make_conninfo("", **words), Secret(password) if password else None, notes=notes)


def _read_words(text: str) -> dict[str, str]:
    """libpq's reading, or for a URL that makes no sense to it the one with a raw password."""
    match = _RAW_PASSWORD.match(text)
    try:
        words = _words(text)
    except psycopg.Error:
        if match is None:
            raise
        words = {}
    host_and_database = text.partition("@")[2].partition("?")[0]
    if match is None or ("password" in words and "@" not in host_and_database):
        return words
    return _words(f"{match[1]}{quote(match[2], safe='%')}:{quote(match[3], safe='')}@{match[4]}")


def _words(text: str) -> dict[str, str]:
    return {name: str(value) for name, value in libpq.conninfo_to_dict(text).items()}


def _bad_string(reason: str, text: str) -> AppError:
    known = re.match(
        r'(invalid connection option|invalid integer value|invalid percent-encoded|missing "=")', reason
    )
    detail = known[0] if known else "it is neither a URL nor keyword=value pairs"
    return AppError(
        ErrorCode.INVALID_INPUT,
        "The connection string cannot be read",
        detail=detail if text else reason,
        hint="Use postgresql://user:password@host:5432/database, or host=… user=… dbname=….",
    )


class _BytesAsText(Loader):
    """Text of databases without an encoding: bytes that are not UTF-8 survive as surrogates."""

    def load(self, data: psycopg.abc.Buffer) -> str:
        return bytes(data).decode("utf-8", "surrogateescape")


def without_environment(words: Mapping[str, str]) -> dict[str, str]:
    """These keywords, and all others that libpq would take from a PG* variable as if none were set.

    Naming all of them also keeps a service out that PGSERVICE asks for, because what is named comes
    first; the service itself must exist, since libpq looks it up in any case.
    """
    neutral = {}
    for option in pq.Conninfo.get_defaults():
        name = option.keyword.decode()
        if option.envvar and name != "service":
            neutral[name] = (option.compiled or b"").decode() or _NEUTRAL.get(name, "")
    return neutral | dict(words)


def connect(
    connection: Connection, *, application: str = "holdfast", timeout: int = 10, autocommit: bool = True
) -> Session:
    """Open a session for inspection; its texts are UTF-8, with surrogates where they are not.

    PGOPTIONS does not count, because poolers refuse it; `options` in the string does.

    Raises:
        AppError: with the cause told apart (host, reach, TLS, sign-in, database, …).
    """
    defaults = {
        "options": "",
        "connect_timeout": str(timeout),
        "gssencmode": "disable",
        "client_encoding": "UTF8",
        "application_name": application,
        "keepalives_idle": "30",
        "tcp_user_timeout": "60000",
    }
    words = defaults | connection.keywords | {"application_name": application, "client_encoding": "UTF8"}
    if connection.password:
        words["password"] = connection.password.reveal()
    if not connection.inherits:
        words = without_environment(words)
    try:
        session: Session = psycopg.connect("", autocommit=autocommit, **words)  # type: ignore[arg-type]
    except psycopg.Error as error:
        raise connection_failure(str(error), connection.describe()) from None
    for name in _TEXT_TYPES:
        session.adapters.register_loader(name, _BytesAsText)
    session.prepare_threshold = None
    if session.info.parameter_status("server_encoding") == "SQL_ASCII":
        session.execute("SET client_encoding = 'SQL_ASCII'")  # or names that are not UTF-8 cannot be sent
    return session


def interrupt(session: Session) -> None:
    """Break off the session's query, from any thread; one whose server does not listen is hung up."""
    try:
        session.cancel_safe(timeout=_CANCEL_SECONDS)
    except psycopg.Error:
        hang_up(session)


def hang_up(session: Session) -> None:
    """Cut the session's line, from any thread, so that a query of it ends even if the server is frozen."""
    try:
        line = socket.socket(fileno=session.fileno())
    except (OSError, psycopg.Error):
        return  # it is closed already
    try:
        line.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # the server has hung up itself
    finally:
        line.detach()


@contextmanager
def asking(
    connection: Connection, cancel: CancelToken, *, application: str = "holdfast"
) -> Iterator[Session]:
    """A session for a few questions, which `cancel` breaks off.

    Raises:
        AppError: as `connect`, or with what made a question fail.
        Cancelled: `cancel` was set.
    """
    cancel.check()
    session = connect(connection, application=application)
    try:
        with cancel.interrupting(lambda: interrupt(session)):
            yield session
            cancel.check()
    except psycopg.Error as error:
        cancel.check()
        raise query_failure(error, connection.describe()) from error
    finally:
        session.close()
