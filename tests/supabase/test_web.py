"""The way to web interfaces: what breaks has a name, lines can be cut, and secrets stay where they belong."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.domain.errors import AppError, Cancelled, ErrorCode
from app.domain.project import Secret
from app.supabase.access import SupabaseAccess, check_key
from app.supabase.web import LONGEST_WAIT, WebClient, call, pause_before, words_of
from app.system.cancellation import CancelToken
from tests.outside_servers import Certificate, free_port, make_certificate, silent_server

SECRET = "token-that-nobody-may-see"


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        content = repr(sorted((name.lower(), value) for name, value in self.headers.items())).encode()
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "http://127.0.0.1:9/")
            content = b""
        else:
            self.send_response(200)
        if self.path == "/slow":
            self.send_header("Content-Length", "1000")
            self.end_headers()
            for _ in range(1000):
                self.wfile.write(b"x")
                self.wfile.flush()
                time.sleep(0.05)
            return
        self.send_header("Content-Length", str(len(content) + (self.path == "/short")))
        self.end_headers()
        self.wfile.write(content)
        if self.path == "/short":
            self.close_connection = True


@contextmanager
def serving(certificate: Certificate | None = None) -> Iterator[int]:
    server = _Server(("127.0.0.1", 0), _Handler)
    if certificate:
        server.socket = certificate.context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    thread = threading.Thread(target=lambda: server.serve_forever(0.05), daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def ask(url: str, path: str = "/", **options: Any) -> httpx.Response:
    with WebClient(url, bearer=Secret(SECRET), secrets={"apikey": Secret(SECRET)}) as client:
        return call(client, "GET", path, cancel=options.pop("cancel", CancelToken()), **options)


def failure(url: str, path: str = "/", **options: Any) -> AppError:
    with pytest.raises(AppError) as caught:
        ask(url, path, **options)
    assert SECRET not in str(caught.value)
    return caught.value


def test_secrets_go_into_headers_and_nowhere_else(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with serving() as port:
        said = ask(f"http://127.0.0.1:{port}").text
        failure(f"http://127.0.0.1:{port}", "/short")
    assert f"('authorization', 'Bearer {SECRET}')" in said
    assert f"('apikey', '{SECRET}')" in said
    assert "Holdfast/" in said
    assert SECRET not in caplog.text
    access = SupabaseAccess("ref", "http://x", Secret(SECRET))
    assert SECRET not in repr(access) + repr(WebClient("http://x", bearer=Secret(SECRET)).headers)


def test_a_redirect_is_not_followed() -> None:
    with serving() as port:
        assert ask(f"http://127.0.0.1:{port}", "/moved").status_code == 302


def test_an_answer_that_breaks_off_or_takes_too_long_is_none() -> None:
    with serving() as port:
        url = f"http://127.0.0.1:{port}"
        assert failure(url, "/short").code is ErrorCode.CONNECTION_LOST
        assert failure(url, "/slow", seconds=0.5).code is ErrorCode.TIMED_OUT
        assert failure(url, "/", most=5).code is ErrorCode.SERVER_ERROR
    with silent_server() as silent:
        assert failure(f"http://127.0.0.1:{silent}", seconds=0.5).code is ErrorCode.TIMED_OUT


def test_hosts_that_cannot_be_reached_say_why() -> None:
    assert failure(f"http://127.0.0.1:{free_port()}").code is ErrorCode.REFUSED
    assert failure("http://no-such-host.invalid").code is ErrorCode.HOST_NOT_FOUND
    with serving() as port:
        assert failure(f"https://127.0.0.1:{port}").code is ErrorCode.TLS_REFUSED


def test_certificates_are_checked_as_the_system_trusts_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_certificate(tmp_path / "good")
    with serving(made) as port:
        assert failure(f"https://localhost:{port}").code is ErrorCode.CERTIFICATE_NOT_TRUSTED
        monkeypatch.setenv("SSL_CERT_FILE", str(made.certificate))
        assert ask(f"https://localhost:{port}").status_code == 200
    other = make_certificate(tmp_path / "other", "DNS:elsewhere.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(other.certificate))
    with serving(other) as port:
        assert failure(f"https://localhost:{port}").code is ErrorCode.CERTIFICATE_OTHER_NAME


@pytest.mark.parametrize("path", ["/slow", "/silent"])
def test_cancelling_ends_a_question_at_once(path: str) -> None:
    with serving() as port, silent_server() as silent:
        cancel = CancelToken()
        threading.Timer(0.3, cancel.cancel).start()
        began = time.monotonic()
        with pytest.raises(Cancelled):
            ask(f"http://127.0.0.1:{silent if path == '/silent' else port}", path, cancel=cancel)
        assert time.monotonic() - began < 5


def test_a_client_that_was_cut_asks_no_more_and_one_that_was_late_does() -> None:
    with serving() as port, WebClient(f"http://127.0.0.1:{port}") as client:
        with pytest.raises(AppError):
            call(client, "GET", "/slow", cancel=CancelToken(), seconds=0.3)
        assert call(client, "GET", "/", cancel=CancelToken()).status_code == 200
        client.cut()
        with pytest.raises(AppError) as caught:
            call(client, "GET", "/", cancel=CancelToken())
        assert caught.value.code is ErrorCode.UNREACHABLE


def test_a_proxy_is_not_used_for_this_computer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    with serving() as port:
        assert ask(f"http://127.0.0.1:{port}").status_code == 200
    assert failure("http://example.invalid").code is ErrorCode.REFUSED
    monkeypatch.setenv("http_proxy", "socks5://127.0.0.1:1")
    assert "HTTP proxies" in failure("http://example.invalid").title


def test_keys_that_no_header_takes_are_refused() -> None:
    for key in ("line\nend", "ümlaut"):
        with pytest.raises(AppError) as caught:
            WebClient("http://127.0.0.1:1", bearer=Secret(key))
        assert caught.value.code is ErrorCode.INVALID_INPUT


def test_pauses_are_what_the_server_asks_for_within_reason() -> None:
    def answer(value: str) -> httpx.Response:
        return httpx.Response(429, headers={"Retry-After": value})

    assert [pause_before(number) for number in range(3)] == [0.5, 1, 2]
    assert pause_before(20) == LONGEST_WAIT
    assert pause_before(0, answer("7")) == 7
    assert pause_before(0, answer("999999")) == LONGEST_WAIT
    assert pause_before(1, answer("soon")) == 1
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
    assert 10 < pause_before(0, answer(later)) <= 20
    assert pause_before(0, answer("Wed, 21 Oct 2015 07:28:00 GMT")) == 0


def test_the_words_of_an_answer_are_one_line() -> None:
    assert words_of(httpx.Response(400, json={"message": "no\nsuch"})) == "no such"
    assert words_of(httpx.Response(400, json={"error": "x"})) == "x"
    assert words_of(httpx.Response(502, html="<html>long</html>")) == ""
    assert words_of(httpx.Response(500, text="broken")) == "broken"
    assert words_of(httpx.Response(500, json=["list"])) == '["list"]'


def jwt(claims: str) -> str:
    import base64

    return f"head.{base64.urlsafe_b64encode(claims.encode()).decode().rstrip('=')}.sign"


def test_a_key_of_another_role_or_project_is_not_sent() -> None:
    ref = "abcdefghijklmnopqrst"
    check_key(Secret(jwt(f'{{"role":"service_role","ref":"{ref}"}}')), ref)
    check_key(Secret(jwt('{"role":"service_role"}')), ref)
    check_key(Secret("sb_secret_abc"), ref)
    check_key(Secret("a.b.c"), ref)
    for key in (jwt('{"role":"anon"}'), jwt('{"role":"service_role","ref":"x"}'), "sb_publishable_x"):
        with pytest.raises(AppError) as caught:
            check_key(Secret(key), ref)
        assert caught.value.code is ErrorCode.TOKEN_MALFORMED
        assert key not in str(caught.value)
