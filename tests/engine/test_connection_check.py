"""The list that Test Connection fills: every line on real servers, how far it goes on, and its remedies."""

from __future__ import annotations

import shutil
import socket
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from psycopg.conninfo import make_conninfo

from app.domain.errors import AppError, Cancelled, ErrorCode
from app.domain.remedy import Remedy, remedies_of
from app.engine.connection_check import (
    CheckLine,
    CheckState,
    CheckStep,
    ConnectionCheck,
    check_connection,
)
from app.engine.connection_remedy import with_remedy
from app.postgres import sandbox
from app.postgres.certificate import certificate_names, shown_certificate
from app.postgres.cluster import own_by_sandbox_user
from app.postgres.connection import parse_connection
from app.postgres.sandbox import SandboxServer, running_sandbox
from app.postgres.toolchain import Installation
from app.system.cancellation import CancelToken
from app.system.process import child_environment, run

if TYPE_CHECKING:
    from tests.conftest import NewDatabase

STEPS = list(CheckStep)


@pytest.fixture(scope="module")
def tcp_server(server17: SandboxServer) -> Iterator[SandboxServer]:
    """A server that listens on 127.0.0.1."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sandbox, "_HAS_SOCKETS", False)
        with running_sandbox(server17.installation) as server:
            yield server


@pytest.fixture(scope="module")
def tls_server(tcp_server: SandboxServer) -> Iterator[SandboxServer]:
    """The same, with a certificate for localhost that made itself."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl here to make certificates with")
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    folder.chmod(0o755)
    command = [
        openssl,
        *["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/O=Testers/CN=localhost"],
        *("-keyout", "key.pem", "-out", "cert.pem"),
    ]
    made = run(command, env=child_environment(), timeout=30, cwd=folder)
    assert made.status == 0, made.errors
    (folder / "key.pem").chmod(0o600)
    own_by_sandbox_user(folder / "key.pem")
    with tcp_server.connect() as session:
        session.execute(f"ALTER SYSTEM SET ssl_cert_file = '{folder}/cert.pem'".encode())
        session.execute(f"ALTER SYSTEM SET ssl_key_file = '{folder}/key.pem'".encode())
        session.execute("ALTER SYSTEM SET ssl = on")
        session.execute("SELECT pg_reload_conf()")
    for _ in range(200):
        if shown_certificate("127.0.0.1", tcp_server.port, 5):
            break
    yield tcp_server
    with tcp_server.connect() as session:
        session.execute("ALTER SYSTEM RESET ssl")
        session.execute("SELECT pg_reload_conf()")
    shutil.rmtree(folder)


class Run:
    def __init__(self, installations: Sequence[Installation]) -> None:
        self.installations = installations
        self.told: list[CheckLine] = []

    def __call__(self, text: str, destination: Path | None = None) -> ConnectionCheck:
        return check_connection(
            parse_connection(text),
            self.installations,
            self.told.append,
            CancelToken(),
            destination=destination,
        )

    def states(self, text: str) -> tuple[str, dict[CheckStep, CheckLine]]:
        """One letter a line: passed, failed, left out."""
        found = self(text)
        return "".join(line.state.value[0] for line in found.lines), {line.step: line for line in found.lines}


@pytest.fixture
def check(installations: Sequence[Installation]) -> Run:
    return Run(installations)


def reach(server: SandboxServer, **words: str) -> str:
    return make_conninfo(server.conninfo(), **{"password": server.password.reveal(), **words})


def failure_of(line: CheckLine) -> AppError:
    assert line.failure is not None
    return line.failure


def test_every_line_runs_and_passes_in_order(check: Run, tcp_server: SandboxServer, tmp_path: Path) -> None:
    done = check(reach(tcp_server), tmp_path)
    assert done.passed
    assert [line.step for line in done.lines] == STEPS
    assert [(line.step, line.state.value) for line in check.told if line.step is not CheckStep.SIZE] == [
        (step, state) for step in STEPS[:-1] for state in ("running", "passed")
    ]
    found = {line.step: line.found for line in done.lines}
    assert found[CheckStep.HOST] == "127.0.0.1 is 127.0.0.1, IPv4"
    assert found[CheckStep.REACH] == f"127.0.0.1 answers on port {tcp_server.port}"
    assert found[CheckStep.TLS] == "not encrypted"
    assert found[CheckStep.SIGN_IN].startswith(f"as {tcp_server.superuser} in database postgres, in ")
    assert "PostgreSQL 17." in found[CheckStep.TOOL]
    assert "A backup takes about" in found[CheckStep.SIZE]
    assert found[CheckStep.SIZE].endswith("a moment")
    assert done.server is not None
    assert done.server.version_number // 10_000 == 17


def test_a_socket_passes_as_well(check: Run, server17: SandboxServer) -> None:
    states, lines = check.states(reach(server17))
    assert states == "pppppppp"
    assert lines[CheckStep.HOST].found == "this computer"


@pytest.mark.parametrize(
    ("words", "states", "code", "remedy"),
    [
        ({"password": "wrong"}, "pppfllll", ErrorCode.SIGN_IN_FAILED, Remedy.ENTER_PASSWORD),
        ({"user": "nobody_here"}, "pppfllll", ErrorCode.SIGN_IN_FAILED, Remedy.ENTER_PASSWORD),
        ({"dbname": "nowhere"}, "pppfllll", ErrorCode.UNKNOWN_DATABASE, Remedy.EDIT_CONNECTION),
        ({"sslmode": "require"}, "ppflllll", ErrorCode.TLS_REFUSED, Remedy.ALLOW_NO_TLS),
        ({"host": "no-such-host.invalid"}, "flllllll", ErrorCode.HOST_NOT_FOUND, Remedy.EDIT_CONNECTION),
        ({"host": f"{'x' * 70}.example"}, "flllllll", ErrorCode.HOST_NOT_FOUND, Remedy.EDIT_CONNECTION),
    ],
)
def test_what_goes_wrong_stands_in_its_line_with_a_remedy(
    check: Run,
    tcp_server: SandboxServer,
    words: dict[str, str],
    states: str,
    code: ErrorCode,
    remedy: Remedy,
) -> None:
    found, lines = check.states(reach(tcp_server, **words))
    assert found == states
    failure = failure_of(next(line for line in lines.values() if line.failure))
    assert failure.code is code
    assert failure.hint
    assert remedies_of(failure)[0] is remedy
    assert "wrong" not in str(failure)


def test_a_port_where_nothing_listens(check: Run) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
    states, lines = check.states(f"host=127.0.0.1 port={port} user=u")
    assert states == "pfllllll"
    assert failure_of(lines[CheckStep.REACH]).code is ErrorCode.REFUSED
    assert remedies_of(failure_of(lines[CheckStep.REACH]))[0] is Remedy.TRY_AGAIN


def test_the_second_host_is_enough(check: Run, tcp_server: SandboxServer) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        closed = listener.getsockname()[1]
    both = reach(tcp_server, host="127.0.0.1,127.0.0.1", port=f"{closed},{tcp_server.port}")
    assert check.states(both)[0] == "pppppppp"


def test_a_transaction_pooler_fails_its_line_and_the_rest_goes_on(
    check: Run, tcp_server: SandboxServer
) -> None:
    """6543 stands second, so that a real server can answer on the first."""
    text = reach(tcp_server, host="127.0.0.1,127.0.0.1", port=f"{tcp_server.port},6543")
    states, lines = check.states(text)
    assert states == "pfpppppp"
    failure = failure_of(lines[CheckStep.REACH])
    assert failure.code is ErrorCode.TRANSACTION_POOLER
    assert remedies_of(failure) == (Remedy.USE_SESSION_POOLER,)
    assert "answers" in lines[CheckStep.REACH].found


def test_a_direct_supabase_host_that_cannot_be_reached_offers_the_session_pooler() -> None:
    connection = parse_connection(f"postgresql://postgres@db.{'a' * 20}.supabase.co:5432/postgres")
    for code in (ErrorCode.UNREACHABLE, ErrorCode.HOST_NOT_FOUND):
        failure = with_remedy(AppError(code, "No", detail="why"), connection)
        assert remedies_of(failure) == (Remedy.USE_SESSION_POOLER,)
        assert "IPv6" in failure.hint
    other = parse_connection("postgresql://postgres@db.example.com/postgres")
    plain = AppError(ErrorCode.UNREACHABLE, "No", hint="Look.")
    assert with_remedy(plain, other) is plain


def test_failures_inside_do_not_hide_each_other(
    check: Run, server17: SandboxServer, new_database: NewDatabase
) -> None:
    database = new_database(server17)
    role = f"{database.name}_poor"
    database.sql(
        f"""
        CREATE TABLE numbers (n int); CREATE TABLE others (n int);
        CREATE ROLE {role} LOGIN PASSWORD 'x'; ALTER TABLE others ENABLE ROW LEVEL SECURITY;
        GRANT SELECT ON others TO {role}
        """
    )
    check.installations = [one for one in check.installations if one.version.major < 17]
    try:
        states, lines = check.states(make_conninfo(database.conninfo, user=role, password="x"))
    finally:
        database.sql(f"DROP OWNED BY {role}; DROP ROLE {role}")
    assert states == "ppppfffl"
    assert remedies_of(failure_of(lines[CheckStep.TOOL])) == (Remedy.SHOW_TOOLS,)
    assert failure_of(lines[CheckStep.PRIVILEGES]).code is ErrorCode.PERMISSION_DENIED
    assert failure_of(lines[CheckStep.ROW_SECURITY]).code is ErrorCode.ROW_SECURITY


def test_whose_certificate_it_is_and_what_is_checked(check: Run, tls_server: SandboxServer) -> None:
    _, lines = check.states(reach(tls_server, host="localhost"))
    assert lines[CheckStep.TLS].found == (
        "TLS 1.3, certificate of localhost issued by localhost; it is not checked (sslmode=prefer)"
    )
    with tls_server.connect() as session:
        ((path,),) = session.execute("SHOW ssl_cert_file").fetchall()
    text = reach(tls_server, host="localhost", sslmode="verify-full", sslrootcert=path)
    _, lines = check.states(text)
    assert lines[CheckStep.TLS].found.endswith("; authority and name are checked")
    untrusted, lines = check.states(
        reach(tls_server, host="localhost", sslmode="verify-full", sslrootcert="/no")
    )
    assert untrusted == "ppflllll"
    failure = failure_of(lines[CheckStep.TLS])
    assert failure.code is ErrorCode.CERTIFICATE_NOT_TRUSTED
    assert remedies_of(failure)[0] is Remedy.CHOOSE_ROOT_CERTIFICATE
    _, lines = check.states(reach(tls_server, host="127.0.0.1", sslmode="verify-full", sslrootcert=path))
    assert failure_of(lines[CheckStep.TLS]).code is ErrorCode.CERTIFICATE_OTHER_NAME
    _, lines = check.states(reach(tls_server, sslmode="disable"))
    assert lines[CheckStep.TLS].found == "not encrypted, as sslmode=disable asks"


def test_a_server_that_insists_on_tls_offers_to_require_it(check: Run, tls_server: SandboxServer) -> None:
    with tls_server.connect() as session:
        ((hba,),) = session.execute("SHOW hba_file").fetchall()
        before = Path(hba).read_text()
        Path(hba).write_text(before.replace("host ", "hostssl "))
        session.execute("SELECT pg_reload_conf()")
        session.execute("SELECT pg_sleep(0.2)")
    try:
        states, lines = check.states(reach(tls_server, sslmode="disable"))
    finally:
        Path(hba).write_text(before)
        with tls_server.connect() as session:
            session.execute("SELECT pg_reload_conf()")
    assert states == "ppflllll"
    assert remedies_of(failure_of(lines[CheckStep.TLS]))[0] is Remedy.REQUIRE_TLS


def test_cancelling_ends_the_list(installations: Sequence[Installation], tcp_server: SandboxServer) -> None:
    cancel = CancelToken()

    def on_line(line: CheckLine) -> None:
        if line.step is CheckStep.REACH:
            cancel.cancel()

    with pytest.raises(Cancelled):
        check_connection(parse_connection(reach(tcp_server)), installations, on_line, cancel)


@pytest.mark.parametrize("data", [b"", b"\x30", b"\x30\x03\x02\x01\x01", b"\x31\x00", b"\x30\x85\xff\xff"])
def test_what_is_no_certificate_is_refused(data: bytes) -> None:
    with pytest.raises((ValueError, IndexError)):
        certificate_names(data)


def test_lines_that_could_not_be_tried_say_so(check: Run) -> None:
    done = check("host=no-such-host.invalid user=u")
    assert not done.passed
    assert {line.state for line in done.lines[1:]} == {CheckState.LEFT_OUT}
    assert done.server is None
