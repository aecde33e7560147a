"""Mail and web servers on this computer, as reminders meet them: real protocols, real certificates."""

from __future__ import annotations

import shutil
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from app.system.process import child_environment, run

USER, PASSWORD = "ada", "Kr4ut & R!ben"
_CERTIFICATE = """
[req]
distinguished_name = name
prompt = no
x509_extensions = names
[name]
CN = Holdfast tests
[names]
subjectAltName = {}
basicConstraints = critical, CA:true
"""


@dataclass(frozen=True)
class Certificate:
    """Files of a certificate that signs itself."""

    certificate: Path
    key: Path

    @property
    def context(self) -> ssl.SSLContext:
        """What a server shows."""
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(self.certificate, self.key)
        return made


def make_certificate(folder: Path, names: str = "DNS:localhost,IP:127.0.0.1") -> Certificate:
    """One for these names; the test is skipped where it cannot be made."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl here to make certificates with")
    folder.mkdir(exist_ok=True)
    config, made = folder / "openssl.conf", Certificate(folder / "cert.pem", folder / "key.pem")
    config.write_text(_CERTIFICATE.format(names))
    argv: list[str | Path] = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    argv += ["-config", config, "-keyout", made.key, "-out", made.certificate]
    done = run(argv, env=child_environment(), timeout=60)
    assert done.status == 0, done.errors
    return made


@dataclass
class MailServer:
    """A mail server; `messages` are those that it took, `refuses` the addresses that it does not know."""

    port: int = 0
    messages: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refuses:
            return "550 nobody of that name lives here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        parsed = message_from_bytes(content, policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        self.messages.append(parsed)
        self.recipients += envelope.rcpt_tos
        return "250 OK"


class _Ssl(Controller):
    """TLS from the first byte on; a connection of its own starts it, as aiosmtpd does without TLS."""

    def _trigger_server(self) -> None:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with (
            socket.create_connection((self.hostname, self.port), 10) as plain,
            context.wrap_socket(plain) as connection,
        ):
            connection.recv(1024)


@contextmanager
def mail_server(
    certificate: Certificate | None = None, *, starttls: bool = False, login: bool = False
) -> Iterator[MailServer]:
    """A server on a free port of 127.0.0.1; with a certificate it speaks TLS, at once or on demand."""
    made = MailServer(free_port())
    options: dict[str, Any] = {"hostname": "127.0.0.1", "port": made.port, "ready_timeout": 30}
    if login:
        options |= {"authenticator": _authenticate, "auth_required": starttls, "auth_require_tls": starttls}
    if certificate and starttls:
        options |= {"tls_context": certificate.context, "require_starttls": True}
    elif certificate:
        options |= {"ssl_context": certificate.context}
    controller = _Ssl(made, **options) if "ssl_context" in options else Controller(made, **options)
    controller.start()
    try:
        yield made
    finally:
        controller.stop()


def _authenticate(_server: SMTP, _session: Session, _envelope: Envelope, _way: str, data: Any) -> AuthResult:
    is_right = data == LoginPassword(USER.encode(), PASSWORD.encode())
    return AuthResult(success=is_right, handled=False)


@dataclass(frozen=True)
class Asked:
    """One request that a web server was given."""

    method: str
    path: str
    headers: dict[str, str]
    content: bytes


@dataclass
class WebServer:
    """A web server: `answers` by path as status and headers, 200 where nothing is set."""

    port: int = 0
    scheme: str = "http"
    asked: list[Asked] = field(default_factory=list)
    answers: dict[str, tuple[int, dict[str, str]]] = field(default_factory=dict)

    def url(self, path: str = "/hook") -> str:
        """An address on it."""
        return f"{self.scheme}://127.0.0.1:{self.port}{path}"


@contextmanager
def web_server(certificate: Certificate | None = None) -> Iterator[WebServer]:
    """A server on a free port of 127.0.0.1."""
    made = WebServer(scheme="https" if certificate else "http")

    class Handler(BaseHTTPRequestHandler):
        def _take(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            made.asked.append(Asked(self.command, self.path, dict(self.headers), content))
            status, headers = made.answers.get(self.path, (200, {}))
            self.send_response(status)
            for name, value in {"Content-Length": "0", **headers}.items():
                self.send_header(name, value)
            self.end_headers()

        do_GET = do_POST = _take  # noqa: N815 - http.server's names

        def log_message(self, *_arguments: object) -> None:
            return

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_arguments: object) -> None:
            return  # a client that does not trust the certificate goes away

    server = Server(("127.0.0.1", 0), Handler)
    if certificate:
        server.socket = certificate.context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    made.port = server.server_address[1]
    with _serving(lambda: server.serve_forever(0.02), server.shutdown):
        yield made
    server.server_close()


@contextmanager
def silent_server(first: bytes = b"") -> Iterator[int]:
    """Takes connections, says `first`, and then nothing more; gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        taken: list[socket.socket] = []

        def serve() -> None:
            while True:
                try:
                    taken.append(listening.accept()[0])
                    taken[-1].sendall(first)
                except OSError:
                    return

        def stop() -> None:
            listening.shutdown(socket.SHUT_RDWR)
            for one in taken:
                one.close()

        with _serving(serve, stop):
            yield listening.getsockname()[1]


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@contextmanager
def _serving(serve: Callable[[], None], stop: Callable[[], None]) -> Iterator[None]:
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop()
        thread.join(10)
