"""Connection strings as people paste them, and what real servers say when they refuse."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from app.domain.errors import AppError, ErrorCode
from app.postgres import sandbox
from app.postgres.connection import Connection, connect, parse_connection
from app.postgres.inspection import server_facts
from app.postgres.quoting import quote_identifier, quote_literal
from app.postgres.sandbox import SandboxServer, running_sandbox
from app.system.process import run
from tests.tls_server import TlsServer, tls_server

if TYPE_CHECKING:
    from tests.conftest import Database, NewDatabase

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20)
HARD_PASSWORDS = [
    "$HOME",
    "it's",
    'a"b',
    "a@b",
    "a:b",
    "a/b",
    "100%",
    "%zz",
    "a b",
    "a#b",
    "a?b&c=d",
    "[x]",
    "\\",
    "é€",
]


def password_of(connection: Connection) -> str:
    assert connection.password is not None
    return connection.password.reveal()


@pytest.mark.parametrize("password", [*HARD_PASSWORDS, "@/:?#%[]@ $'\"", "p@h/db?x=1"])
def test_a_password_is_understood_percent_encoded_or_pasted_raw(password: str) -> None:
    for written in (quote(password, safe=""), password):
        connection = parse_connection(f"postgresql://user:{written}@db.example.com:5433/shop?sslmode=require")
        assert password_of(connection) == password
        assert connection.keywords == {
            "user": "user",
            "host": "db.example.com",
            "port": "5433",
            "dbname": "shop",
            "sslmode": "require",
        }


def test_an_at_sign_behind_the_host_is_left_where_it_is() -> None:
    connection = parse_connection("postgresql://u:secret@h/shop?passfile=/home/me@work/pass")
    assert password_of(connection) == "secret"
    assert connection.keywords == {
        "user": "u",
        "host": "h",
        "dbname": "shop",
        "passfile": "/home/me@work/pass",
    }


@given(user=TEXTS, password=TEXTS, database=TEXTS)
def test_any_names_and_password_survive_url_and_keywords(user: str, password: str, database: str) -> None:
    keywords = make_conninfo(host="h", user=user, password=password, dbname=database)
    url = f"postgresql://{quote(user, safe='')}:{quote(password, safe='')}@h/{quote(database, safe='')}"
    for text in (keywords, url):
        connection = parse_connection(text)
        assert password_of(connection) == password
        assert connection.keywords == {"host": "h", "user": user, "dbname": database}
        assert conninfo_to_dict(connection.to(dbname="other").conninfo)["dbname"] == "other"


@given(password=TEXTS.filter(lambda text: len(text) > 5 and not text.isspace()))
def test_a_password_shows_nowhere(password: str) -> None:
    connection = parse_connection(make_conninfo(host="h", user="u", password=password, dbname="d"))
    shown = f"{connection!r} {connection} {connection.describe()} {connection.conninfo}"
    plain = f"{parse_connection('host=h user=u password=xxxxxx dbname=d')!r} u@h/d host=h user=u dbname=d"
    assert password not in shown or password in plain


@pytest.mark.parametrize(
    ("text", "described"),
    [
        ("postgresql://u@h/d", "u@h/d"),
        ("postgres://u@h:5433/d", "u@h:5433/d"),
        ("postgresql://u@a:1,b:2/d", "u@a:1,b:2/d"),
        ("host=a,b port=5433 user=u dbname=d", "u@a:5433,b:5433/d"),
        ("postgresql://u@[2001:db8::1]:5433/d", "u@[2001:db8::1]:5433/d"),
        ("postgresql://%2Fvar%2Frun/d", "/var/run/d"),
        ("host=/var/run user=u", "u@/var/run/u"),
        ("dbname=d", "localhost/d"),
        ("hostaddr=127.0.0.1 dbname=d", "127.0.0.1/d"),
        ("service=shop", "service shop"),
    ],
)
def test_a_connection_is_described_for_people(text: str, described: str) -> None:
    assert parse_connection(text).describe() == described


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "secret",
        "secret=1",
        "postgresql://u:secret@h/d?nonsense=secret",
        "postgresql://u:%zzsecret@h/%zz",
        "mysql://u:secret@h/d",
        "host=h password='secret",
        "host=h sslpassword=secret",
        "postgresql://u@h/d?sslpassword=secret",
        "host=h scram_client_key=secret",
        "host=h oauth_client_secret=secret",
    ],
)
def test_a_string_that_cannot_be_used_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(AppError) as caught:
        parse_connection(text)
    assert caught.value.code is ErrorCode.INVALID_INPUT
    assert caught.value.hint
    error: BaseException | None = caught.value
    assert "secret" not in str(error).replace("oauth_client_secret", "")
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_what_holdfast_decides_itself_is_taken_out() -> None:
    connection = parse_connection("host=h application_name=me client_encoding=LATIN1 dbname=d")
    assert connection.keywords == {"host": "h", "dbname": "d"}


@given(text=TEXTS)
def test_quoted_texts_and_names_arrive_as_they_were(text: str) -> None:
    assert quote_identifier(text)[1:-1].replace('""', '"') == text
    literal = quote_literal(text)
    if literal.startswith("E'"):
        literal = literal[1:].replace("\\\\", "\\")
    assert literal[1:-1].replace("''", "'") == text


def test_quoted_literals_are_what_the_server_reads(server17: SandboxServer) -> None:
    with server17.connect() as session:
        for setting in ("on", "off"):
            session.execute(f"SET standard_conforming_strings = {setting}; SET escape_string_warning = off")
            for text in ("\\", "'", "\\'", "a\\nb", "ü\n$1%s"):
                assert session.execute(f"SELECT {quote_literal(text)}".encode()).fetchone() == (text,)


@pytest.mark.parametrize("password", HARD_PASSWORDS)
def test_hard_passwords_open_a_session_and_reach_the_tools_by_the_environment_alone(
    database: Database, password: str
) -> None:
    role = f"{database.name}_role"
    database.sql(f"CREATE ROLE {role} LOGIN PASSWORD {quote_literal(password)}")
    try:
        words = {**conninfo_to_dict(database.conninfo), "user": role, "password": password}
        connection = parse_connection(make_conninfo("", **words))
        with connect(connection) as session:
            assert session.execute("SELECT current_user").fetchone() == (role,)
        command = [
            str(database.server.installation.program("pg_dump")),
            f"--dbname={connection.conninfo}",
            "-w",
        ]
        assert password not in command[1].replace(role, "")
        assert run(command, env=connection.environment(), timeout=30).status == 0
    finally:
        database.sql(f"DROP ROLE {role}")


def test_pgoptions_and_pgclientencoding_do_not_count(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = parse_connection(database.conninfo_with_password)
    with monkeypatch.context() as patch:
        patch.setenv("PGOPTIONS", "-c no_such_setting=1 --nonsense")
        patch.setenv("PGCLIENTENCODING", "LATIN1")
        with connect(connection) as session:
            assert session.execute("SHOW client_encoding").fetchone() == ("UTF8",)
        environment = connection.environment()
    assert "PGOPTIONS" not in environment
    assert "PGCLIENTENCODING" not in environment


def test_options_of_the_string_count(database: Database) -> None:
    text = make_conninfo(database.conninfo_with_password, options="-c work_mem=123kB")
    with connect(parse_connection(text)) as session:
        assert session.execute("SHOW work_mem").fetchone() == ("123kB",)


def test_a_service_and_a_password_file_are_honoured(
    database: Database, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = conninfo_to_dict(database.conninfo)
    (home / "services").write_text("[shop]\n" + "".join(f"{name}={value}\n" for name, value in words.items()))
    (home / "passwords").write_text(f"*:*:*:*:{database.password}\n")
    (home / "passwords").chmod(0o600)
    monkeypatch.setenv("PGSERVICEFILE", str(home / "services"))
    monkeypatch.setenv("PGPASSFILE", str(home / "passwords"))
    with connect(parse_connection("service=shop")) as session:
        assert session.execute("SELECT current_database()").fetchone() == (database.name,)


# What goes wrong on the way


def failure_of(text: str, timeout: int = 5) -> AppError:
    with pytest.raises(AppError) as caught:
        connect(parse_connection(text), timeout=timeout).close()
    assert caught.value.hint
    assert "hunter2" not in str(caught.value)
    return caught.value


@pytest.fixture
def database(server17: SandboxServer, new_database: NewDatabase) -> Database:
    return new_database(server17)


@pytest.fixture(scope="module")
def tcp_server(server17: SandboxServer) -> Iterator[SandboxServer]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sandbox, "_HAS_SOCKETS", False)
        with running_sandbox(server17.installation) as server:
            yield server


def to(server: SandboxServer, **keywords: str) -> str:
    words = {**conninfo_to_dict(server.conninfo()), "password": server.password.reveal(), **keywords}
    return make_conninfo("", **words)


def test_a_host_that_does_not_exist() -> None:
    failure = failure_of("host=no-such-host.invalid user=u password=hunter2 dbname=d")
    assert failure.code is ErrorCode.HOST_NOT_FOUND
    assert "no-such-host.invalid" in failure.detail


def test_a_port_where_nothing_listens() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
    assert failure_of(f"host=127.0.0.1 port={port} user=u password=hunter2").code is ErrorCode.REFUSED


def test_a_socket_that_does_not_exist(tmp_path: Path) -> None:
    assert failure_of(f"host={tmp_path} user=u password=hunter2").code is ErrorCode.REFUSED


def test_a_server_that_accepts_and_never_answers() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
        failure = failure_of(f"host=127.0.0.1 port={port} user=u password=hunter2", timeout=2)
    assert failure.code is ErrorCode.TIMED_OUT


def test_a_server_that_hangs_up() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def hang_up() -> None:
            with suppress(OSError):  # the end of the test closes it, however often it was asked
                while True:
                    listener.accept()[0].close()

        threading.Thread(target=hang_up, daemon=True).start()
        failure = failure_of(f"host=127.0.0.1 port={listener.getsockname()[1]} user=u password=hunter2")
    assert failure.code is ErrorCode.CONNECTION_LOST


@pytest.mark.parametrize(
    ("keywords", "code"),
    [
        ({"password": "hunter2"}, ErrorCode.SIGN_IN_FAILED),
        ({"password": ""}, ErrorCode.SIGN_IN_FAILED),
        ({"user": "nobody_at_all", "password": "hunter2"}, ErrorCode.SIGN_IN_FAILED),
        ({"dbname": "no_such_database"}, ErrorCode.UNKNOWN_DATABASE),
        ({"sslmode": "require"}, ErrorCode.TLS_REFUSED),
        ({"sslmode": "nonsense"}, ErrorCode.TLS_REFUSED),
    ],
)
def test_what_a_server_refuses(tcp_server: SandboxServer, keywords: dict[str, str], code: ErrorCode) -> None:
    assert failure_of(to(tcp_server, **keywords)).code is code


def test_a_role_that_may_not_sign_in_or_has_too_many_sessions(database: Database) -> None:
    role = f"{database.name}_role"
    database.sql(f"CREATE ROLE {role} NOLOGIN PASSWORD 'hunter2'")
    text = make_conninfo(database.conninfo, user=role, password="hunter2")
    try:
        assert failure_of(text).code is ErrorCode.SIGN_IN_FAILED
        database.sql(f"ALTER ROLE {role} LOGIN CONNECTION LIMIT 1")
        with connect(parse_connection(text)):
            assert failure_of(text).code is ErrorCode.TOO_MANY_CONNECTIONS
        database.sql(
            f"ALTER ROLE {role} CONNECTION LIMIT -1; ALTER DATABASE {database.name} CONNECTION LIMIT 0"
        )
        assert failure_of(text).code is ErrorCode.TOO_MANY_CONNECTIONS
    finally:
        database.sql(f"DROP ROLE {role}")


def test_the_second_of_two_hosts_is_tried(tcp_server: SandboxServer) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        closed = listener.getsockname()[1]
    text = to(tcp_server, host="127.0.0.1,127.0.0.1", port=f"{closed},{tcp_server.port}")
    with connect(parse_connection(text)) as session:
        assert session.info.port == tcp_server.port


def test_a_server_that_shuts_down(server17: SandboxServer) -> None:
    """A waiting shutdown refuses new sessions while old ones go on."""
    with running_sandbox(server17.installation) as server, server.connect() as session:
        (data,) = session.execute("SHOW data_directory").fetchone() or ("",)
        postmaster = int((Path(data) / "postmaster.pid").read_text().splitlines()[0])
        run(["/bin/kill", "-TERM", str(postmaster)], env={}, timeout=5)
        deadline = threading.Event()
        for _ in range(100):
            try:
                connect(parse_connection(to(server))).close()
            except AppError as error:
                failure = error
                break
            deadline.wait(0.05)
        else:
            pytest.fail("it still accepts sessions")
    assert failure.code is ErrorCode.REFUSED
    assert "shutting down" in failure.detail


# TLS


@pytest.fixture(scope="module")
def tls(tcp_server: SandboxServer) -> Iterator[TlsServer]:
    with tls_server(tcp_server) as made:
        yield made


def over_tls(tls: TlsServer, root: str = "", **keywords: str) -> str:
    if root:
        keywords["sslrootcert"] = str(tls.folder / root)
    return to(tls.server, **{"host": "localhost", "sslmode": "verify-full", **keywords})


def test_tls_with_a_certificate_that_fits(tls: TlsServer) -> None:
    tls.show("good")
    with connect(parse_connection(over_tls(tls, "good.pem"))) as session:
        assert server_facts(session).tls.startswith("TLSv1")


def test_tls_with_certificates_that_do_not_fit(tls: TlsServer) -> None:
    tls.show("good")
    unknown = failure_of(over_tls(tls, "other.pem"))
    assert unknown.code is ErrorCode.CERTIFICATE_NOT_TRUSTED
    assert "sslrootcert" in unknown.hint
    missing = failure_of(over_tls(tls, "missing.pem"))
    assert missing.code is ErrorCode.CERTIFICATE_NOT_TRUSTED
    assert missing.title == "The root certificate was not found"
    tls.show("other")
    other = failure_of(over_tls(tls, "other.pem"))
    assert other.code is ErrorCode.CERTIFICATE_OTHER_NAME
    assert "elsewhere.example.com" in other.detail
    tls.show("old")
    old = failure_of(over_tls(tls, "old.pem"))
    assert old.code is ErrorCode.CERTIFICATE_NOT_TRUSTED
    assert "expired" in old.hint


def test_a_client_key_that_does_not_exist(tls: TlsServer) -> None:
    tls.show("good")
    text = over_tls(tls, "good.pem", sslcert=str(tls.folder / "good.pem"), sslkey="/nowhere.key")
    failure = failure_of(text)
    assert failure.code is ErrorCode.TLS_REFUSED
    assert "sslkey" in failure.hint


def test_a_server_that_insists_on_tls(tls: TlsServer) -> None:
    tls.show("good")
    with tls.server.connect() as session:
        (path,) = session.execute("SHOW hba_file").fetchone() or ("",)
        before = Path(path).read_text()
        Path(path).write_text(before.replace("host ", "hostssl "))
        session.execute("SELECT pg_reload_conf()")
        try:
            deadline = time.monotonic() + 10
            while session.execute("SELECT 1 FROM pg_hba_file_rules WHERE type = 'host'").fetchone():
                assert time.monotonic() < deadline
            failure = failure_of(over_tls(tls, sslmode="disable"))
        finally:
            Path(path).write_text(before)
            session.execute("SELECT pg_reload_conf()")
    assert failure.code is ErrorCode.TLS_REFUSED
    assert "sslmode=require" in failure.hint
