"""Mail and web servers that work, refuse, redirect, hang and show wrong certificates."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest

from app.domain.errors import AppError, ErrorCode
from app.domain.project import Secret
from app.domain.reminders import Email, MailTls
from app.system.outside import call_web, send_mail
from tests.outside_servers import (
    PASSWORD,
    USER,
    Certificate,
    free_port,
    mail_server,
    make_certificate,
    silent_server,
    web_server,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)
MAIL = Email("127.0.0.1", 25, "backup@example.org", ("ada@example.org",), NOW, MailTls.NONE)
SOON = 0.5
SIGNED_IN = replace(MAIL, tls=MailTls.STARTTLS, user=USER)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def trusted(certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> Certificate:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.certificate))
    return certificate


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")


def message() -> EmailMessage:
    made = EmailMessage()
    made["Subject"] = "Shop: the backup failed"
    made.set_content("There is no backup of Shöp.")
    return made


def failure_of(email: Email, password: str = PASSWORD, seconds: float = 20) -> AppError:
    with pytest.raises(AppError) as caught:
        send_mail(email, message(), Secret(password), seconds)
    assert PASSWORD not in repr(caught.value) + str(caught.value) + caught.value.detail
    return caught.value


def test_a_mail_goes_out_as_it_is() -> None:
    with mail_server() as server:
        assert send_mail(replace(MAIL, port=server.port), message(), None) == ()
    assert server.messages[0]["Subject"] == "Shop: the backup failed"
    assert server.messages[0].get_content().strip() == "There is no backup of Shöp."
    assert server.recipients == ["ada@example.org"]


@pytest.mark.parametrize("tls", [MailTls.STARTTLS, MailTls.SSL])
def test_a_mail_goes_out_over_tls_after_a_sign_in(trusted: Certificate, tls: MailTls) -> None:
    with mail_server(trusted, starttls=tls is MailTls.STARTTLS, login=True) as server:
        email = replace(SIGNED_IN, port=server.port, tls=tls)
        send_mail(email, message(), Secret(PASSWORD))
        assert len(server.messages) == 1
        assert failure_of(email, "wrong").code is ErrorCode.SIGN_IN_FAILED
        assert len(server.messages) == 1


@pytest.mark.parametrize("tls", [MailTls.STARTTLS, MailTls.SSL])
def test_no_password_goes_to_a_mail_server_whose_certificate_is_not_trusted(
    certificate: Certificate, tls: MailTls
) -> None:
    with mail_server(certificate, starttls=tls is MailTls.STARTTLS, login=True) as server:
        found = failure_of(replace(SIGNED_IN, port=server.port, tls=tls))
        assert found.code is ErrorCode.CERTIFICATE_NOT_TRUSTED
        assert not server.messages


def test_a_certificate_for_another_name_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = make_certificate(tmp_path / "other", "DNS:mail.example.org")
    monkeypatch.setenv("SSL_CERT_FILE", str(other.certificate))
    with mail_server(other, starttls=True) as server:
        found = failure_of(replace(MAIL, port=server.port, tls=MailTls.STARTTLS))
        assert found.code is ErrorCode.CERTIFICATE_OTHER_NAME


def test_a_mail_server_without_tls_gets_nothing_where_tls_is_wanted() -> None:
    with mail_server() as server:
        found = failure_of(replace(MAIL, port=server.port, tls=MailTls.STARTTLS))
        assert found.code is ErrorCode.TLS_REFUSED
        found = failure_of(replace(MAIL, port=server.port, tls=MailTls.SSL))
        assert found.code is ErrorCode.TLS_REFUSED
    assert not server.messages


def test_letters_beyond_ascii_in_a_password_are_told_of(trusted: Certificate) -> None:
    with mail_server(trusted, starttls=True, login=True) as server:
        assert failure_of(replace(SIGNED_IN, port=server.port), "wörd").code is ErrorCode.INVALID_INPUT


def test_addresses_that_are_refused_are_named() -> None:
    with mail_server() as server:
        server.refuses = {"bob@example.org"}
        both = replace(MAIL, port=server.port, to=("ada@example.org", "bob@example.org"))
        assert send_mail(both, message(), None) == ("bob@example.org",)
        assert server.recipients == ["ada@example.org"]
        found = failure_of(replace(both, to=("bob@example.org",)))
        assert found.code is ErrorCode.REFUSED
        assert "nobody of that name" in found.detail


def test_a_mail_server_that_is_not_there_or_hangs_is_told_of() -> None:
    assert failure_of(replace(MAIL, port=free_port())).code is ErrorCode.REFUSED
    assert failure_of(replace(MAIL, server="nowhere.invalid")).code is ErrorCode.HOST_NOT_FOUND
    for first in (b"", b"220 hello\r\n"):
        with silent_server(first) as port:
            found = failure_of(replace(MAIL, port=port), seconds=SOON)
            assert found.code is ErrorCode.TIMED_OUT
    with silent_server(b"no mail server\r\n") as port:
        assert failure_of(replace(MAIL, port=port)).code is ErrorCode.SERVER_ERROR


def web_failure(url: str, content: bytes | None = b"{}", seconds: float = 20) -> AppError:
    with pytest.raises(AppError) as caught:
        call_web(url, content, {"Authorization": f"Bearer {PASSWORD}"}, seconds)
    assert PASSWORD not in repr(caught.value) + str(caught.value)
    assert "secret" not in str(caught.value), "the path of an address can be a secret"
    return caught.value


def test_a_webhook_gets_what_it_is_sent() -> None:
    with web_server() as server:
        call_web(server.url("/hook?x=1"), b'{"a": 1}', {"Content-Type": "application/json"})
        call_web(server.url("/ping"))
    posted, pinged = server.asked
    assert (posted.method, posted.path, posted.content) == ("POST", "/hook?x=1", b'{"a": 1}')
    assert posted.headers["Content-Type"] == "application/json"
    assert (pinged.method, pinged.path, pinged.content) == ("GET", "/ping", b"")


@pytest.mark.parametrize("status", [400, 401, 404, 500, 503])
def test_an_answer_that_is_no_success_is_a_failure(status: int) -> None:
    with web_server() as server:
        server.answers["/secret"] = status, {}
        found = web_failure(server.url("/secret"))
    assert found.code is ErrorCode.SERVER_ERROR
    assert found.title == f"The web server answered {status}"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("content", [b"{}", None], ids=["post", "get"])
def test_a_redirect_to_another_host_is_not_followed(status: int, content: bytes | None) -> None:
    with web_server() as server, web_server() as other:
        server.answers["/secret"] = status, {"Location": other.url("/secret")}
        found = web_failure(server.url("/secret"), content)
        assert found.title == "The web server sends us to another address"
        assert not other.asked


def test_a_redirect_on_the_same_host_is_followed_where_it_keeps_what_is_sent() -> None:
    with web_server() as server:
        server.answers |= {
            "/old": (308, {"Location": "/new"}),
            "/moved": (302, {"Location": "/new"}),
            "/round": (307, {"Location": "/round"}),
        }
        call_web(server.url("/old"), b"{}", {"Authorization": "Bearer x"})
        assert [(one.method, one.path, one.content) for one in server.asked][1:] == [("POST", "/new", b"{}")]
        call_web(server.url("/moved"))
        assert "another address" in web_failure(server.url("/moved")).title
        assert web_failure(server.url("/round")).code is ErrorCode.SERVER_ERROR


def test_a_certificate_is_checked(certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    with web_server(certificate) as server:
        assert web_failure(server.url("/secret")).code is ErrorCode.CERTIFICATE_NOT_TRUSTED
        assert not server.asked
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate.certificate))
        call_web(server.url(), b"{}")
        assert len(server.asked) == 1


def test_https_is_not_given_up_for_http(trusted: Certificate) -> None:
    with web_server(trusted) as server, web_server() as plain:
        server.answers["/secret"] = 307, {"Location": plain.url("/secret")}
        web_failure(server.url("/secret"))
        assert not plain.asked


def test_a_web_server_that_is_not_there_or_hangs_is_told_of() -> None:
    assert web_failure(f"http://127.0.0.1:{free_port()}/secret").code is ErrorCode.REFUSED
    assert web_failure("http://nowhere.invalid/secret").code is ErrorCode.HOST_NOT_FOUND
    for first in (b"", b"HTTP/1.1 200 OK\r\nContent-Le"):
        with silent_server(first) as port:
            found = web_failure(f"http://127.0.0.1:{port}/secret", seconds=SOON)
            assert found.code is ErrorCode.TIMED_OUT
    with silent_server(b"220 mail\r\n\r\n") as port:
        assert web_failure(f"http://127.0.0.1:{port}/secret").code is ErrorCode.SERVER_ERROR
    with silent_server(b"not TLS at all\r\n\r\n") as port:
        assert web_failure(f"https://127.0.0.1:{port}/secret").code is ErrorCode.TLS_REFUSED
