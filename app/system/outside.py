"""Reaches mail and web servers: with a limit in time for all of it, and with certificates checked."""

from __future__ import annotations

import smtplib
import socket
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from email.message import EmailMessage
from http import HTTPStatus
from http.client import HTTPException, HTTPMessage
from typing import IO, TypeVar
from urllib.parse import urljoin, urlsplit

from app.domain.errors import AppError, ErrorCode
from app.domain.project import Secret
from app.domain.reminders import Email, MailTls, address_of_site

SECONDS = 30.0
"""For one message, whatever happens."""

_Answer = TypeVar("_Answer")
_AGENT = "Holdfast"
_LONGEST_ANSWER = 200
_NETWORK = "Check the address and the network."
_OTHER_NAME = (
    ErrorCode.CERTIFICATE_OTHER_NAME,
    "{what} shows a certificate for another name",
    "Enter the name that the certificate is for.",
)


def send_mail(
    email: Email, message: EmailMessage, password: Secret | None, seconds: float = SECONDS
) -> tuple[str, ...]:
    """Hand a message to a mail server, and give those addresses that it refused while it took others.

    Raises:
        AppError: why nobody gets it; SIGN_IN_FAILED, TLS_REFUSED, CERTIFICATE_NOT_TRUSTED and so on.
    """
    place = f"{email.server}:{email.port}"
    return _explained(place, "The mail server", lambda: _mail(email, message, password, seconds), seconds)


def call_web(
    url: str,
    content: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    seconds: float = SECONDS,
) -> None:
    """Ask for an address, or post content to it, and be content with any answer that is a success.

    A redirect is followed on the same host alone, since what is sent is meant for that one.

    Raises:
        AppError: why it did not succeed. Of the address no more is shown than its host.
    """
    request = urllib.request.Request(  # noqa: S310 - `problems` lets http and https pass alone
        url, content, {"User-Agent": _AGENT, **(headers or {})}
    )
    opener = urllib.request.build_opener(
        urllib.request.HTTPSHandler(context=ssl.create_default_context()), _SameHost()
    )

    def call() -> None:
        with opener.open(request, timeout=seconds) as answer:
            answer.read(1)

    _explained(address_of_site(url), "The web server", call, seconds)


def _mail(email: Email, message: EmailMessage, password: Secret | None, seconds: float) -> tuple[str, ...]:
    context = ssl.create_default_context()
    place = email.server, email.port
    with (
        smtplib.SMTP_SSL(*place, timeout=seconds, context=context)
        if email.tls is MailTls.SSL
        else smtplib.SMTP(*place, timeout=seconds)
    ) as server:
        if email.tls is MailTls.STARTTLS:
            server.starttls(context=context)
        if email.user:
            server.login(email.user, password.reveal() if password else "")
        refused = server.send_message(message, email.sender, list(email.to))
    return tuple(refused)


class _SameHost(urllib.request.HTTPRedirectHandler):
    """Follows a redirect that leaves host, port and method as they are, and never from https to http."""

    def redirect_request(  # noqa: PLR0917 - urllib's signature
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        old, new = urlsplit(req.full_url), urlsplit(urljoin(req.full_url, newurl))
        keeps_content = req.data is None or code in (307, 308)  # the others would make a GET of it
        if (old.scheme, old.netloc) != (new.scheme, new.netloc) or not keeps_content:
            fp.close()
            raise _RedirectedError(address_of_site(newurl))
        if req.data is None:
            return super().redirect_request(req, fp, code, msg, headers, newurl)
        return urllib.request.Request(newurl, req.data, dict(req.header_items()))  # noqa: S310 - as the old


class _RedirectedError(Exception):
    """The answer sends us elsewhere; its text is where."""


_KINDS: tuple[tuple[type[Exception], ErrorCode, str, str], ...] = (
    (TimeoutError, ErrorCode.TIMED_OUT, "{what} did not answer within {seconds:g} seconds", _NETWORK),
    (
        _RedirectedError,
        ErrorCode.SERVER_ERROR,
        "{what} sends us to another address",
        "Enter that address if you trust it: what is sent is meant for the one that was entered.",
    ),
    (socket.gaierror, ErrorCode.HOST_NOT_FOUND, "There is no computer of that name", _NETWORK),
    (ConnectionRefusedError, ErrorCode.REFUSED, "Nothing answers at the port of {it}", _NETWORK),
    (
        ssl.SSLCertVerificationError,
        ErrorCode.CERTIFICATE_NOT_TRUSTED,
        "{what} shows a certificate that is not trusted",
        "Have the system trust who issued it, or name a file with SSL_CERT_FILE.",
    ),
    (ssl.SSLError, ErrorCode.TLS_REFUSED, "{what} does not speak TLS there", "Choose another port or way."),
    (
        smtplib.SMTPAuthenticationError,
        ErrorCode.SIGN_IN_FAILED,
        "{what} refused the sign-in",
        "Check user and password; many services want a password made for programs.",
    ),
    (
        smtplib.SMTPNotSupportedError,
        ErrorCode.TLS_REFUSED,
        "{what} does not offer what is asked for",
        "Choose another port or way of encryption; without it there is no sign-in.",
    ),
    (
        smtplib.SMTPServerDisconnected,
        ErrorCode.CONNECTION_LOST,
        "{what} ended the connection",
        "Check port and encryption.",
    ),
    (
        smtplib.SMTPRecipientsRefused,
        ErrorCode.REFUSED,
        "{what} refused every address",
        "Check who it is sent to.",
    ),
    (
        smtplib.SMTPSenderRefused,
        ErrorCode.REFUSED,
        "{what} refused the sender",
        "Check who it is sent from.",
    ),
    (smtplib.SMTPException, ErrorCode.SERVER_ERROR, "{what} refused the message", "Its words say why."),
    (
        UnicodeError,
        ErrorCode.INVALID_INPUT,
        "Letters beyond ASCII cannot be used for the sign-in",
        "Choose another password.",
    ),
    (
        HTTPException,
        ErrorCode.SERVER_ERROR,
        "{what} gave an answer that is none",
        "Check address and port.",
    ),
    (Exception, ErrorCode.UNREACHABLE, "{what} cannot be reached", _NETWORK),
)
"""Which failure it is, what happened, and what helps; the first kind that fits counts."""


def _explained(place: str, what: str, call: Callable[[], _Answer], seconds: float) -> _Answer:
    """Do it, and turn what goes wrong into ours; no secret is in its text."""
    try:
        return _limited(call, seconds)
    except Exception as error:
        raise _failure(error, place, what, seconds) from error


def _limited(call: Callable[[], _Answer], seconds: float) -> _Answer:
    """Do it in a thread and wait no longer: time limits of sockets are for each byte, not for the whole."""
    answers: list[_Answer] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            answers.append(call())
        except BaseException as error:  # noqa: BLE001 - it is raised again where it is waited for
            errors.append(error)

    thread = threading.Thread(target=work, daemon=True, name="outside")
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not answers:
        raise TimeoutError
    return answers[0]


def _failure(error: Exception, place: str, what: str, seconds: float) -> Exception:
    if isinstance(error, urllib.error.HTTPError):
        error.close()
        is_ours = error.code < HTTPStatus.INTERNAL_SERVER_ERROR
        return AppError(
            ErrorCode.SERVER_ERROR,
            f"{what} answered {error.code}",
            detail=f"{place}: {_text(str(error.reason))[:_LONGEST_ANSWER]}",
            hint="Check the address and, where it needs one, the token." if is_ours else "Try again later.",
        )
    if isinstance(error, urllib.error.URLError) and isinstance(error.reason, Exception):
        return _failure(error.reason, place, what, seconds)
    _, code, title, hint = next(one for one in _KINDS if isinstance(error, one[0]))
    if isinstance(error, ssl.SSLCertVerificationError) and "mismatch" in error.verify_message:
        code, title, hint = _OTHER_NAME
    title = title.format(what=what, it=what.lower(), seconds=seconds)
    return AppError(code, title, detail=_detail(error, place), hint=hint)


def _detail(error: Exception, place: str) -> str:
    match error:
        case smtplib.SMTPRecipientsRefused():
            said = "; ".join(
                f"{name}: {code} {_text(text)}" for name, (code, text) in error.recipients.items()
            )
        case smtplib.SMTPResponseException():
            said = f"{error.smtp_code} {_text(error.smtp_error)}"
        case ssl.SSLCertVerificationError():
            said = error.verify_message
        case OSError():
            said = error.strerror or ""
        case _RedirectedError() | smtplib.SMTPException():
            said = str(error)
        case _:
            said = ""
    return f"{place}: {said[:_LONGEST_ANSWER]}" if said else place


def _text(said: bytes | str) -> str:
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    return "".join(sign if sign.isprintable() else " " for sign in text)
