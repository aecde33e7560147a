"""Speaks to web interfaces with secrets in hand: certificates as the system trusts them, limits in time,
lines that can be cut from any thread, and failures with names.

It takes long to import (httpx): only what speaks to the web imports it.
"""

from __future__ import annotations

import email.utils
import ipaddress
import logging
import socket
import ssl
import threading
import urllib.request
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import httpx
import truststore

from app import __version__
from app.domain.errors import AppError, ErrorCode
from app.domain.project import Secret
from app.system.cancellation import CancelToken, abandonable

CONNECT_SECONDS = 10.0
SILENT_SECONDS = 60.0
"""For which a line may say nothing."""
CALL_SECONDS = 60.0
"""For one question and the whole of its answer, see `call`."""
LONGEST_WAIT = 60.0
"""The longest pause that a server may ask for."""
LONGEST_ANSWER = 64 << 20

BUSY = (
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
)
"""Answers after which another try may do."""

_NETWORK = "Check the address and the network."
_LONGEST_WORDS = 200

logging.getLogger("httpx").setLevel(logging.WARNING)  # it notes each request's address


class WebClient(httpx.Client):
    """An httpx client for one host. It follows no redirect, since what it sends is meant for that host alone.

    Args:
        url: the address below which it asks.
        secrets: headers that hold secrets, without a word before: `{"apikey": key}`.
        bearer: goes into the header Authorization.
        connections: that may be open at a time.
    """

    def __init__(
        self,
        url: str,
        *,
        secrets: Mapping[str, Secret] | None = None,
        bearer: Secret | None = None,
        connections: int = 8,
    ) -> None:
        self._line = _Line(url, connections)
        headers = {name: secret.reveal() for name, secret in (secrets or {}).items()}
        if bearer:
            headers["Authorization"] = f"Bearer {bearer.reveal()}"
        if not all(value.isascii() and value.isprintable() for value in headers.values()):
            raise AppError(
                ErrorCode.INVALID_INPUT,
                "The key or token holds signs that none has",
                hint="Copy it again, without quotes and line ends.",
            )
        super().__init__(
            base_url=url,
            headers={"User-Agent": f"Holdfast/{__version__}", **headers},
            timeout=httpx.Timeout(SILENT_SECONDS, connect=CONNECT_SECONDS, pool=None),
            transport=self._line,
            follow_redirects=False,
        )

    def cut(self, *, for_good: bool = True) -> None:
        """End all that is under way, from any thread, and let nothing begin any more (`for_good`)."""
        self._line.cut(for_good=for_good)


class _Line(httpx.BaseTransport):
    """Knows the sockets of its connections: closing one does not wake up who reads from it."""

    def __init__(self, url: str, connections: int) -> None:
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._is_cut = False
        self._lock = threading.Lock()
        self._transport = httpx.HTTPTransport(
            verify=truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
            proxy=_proxy_for(url),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if self._is_cut:
            raise httpx.ConnectError("cut", request=request)
        request.extensions["trace"] = self._trace
        return self._transport.handle_request(request)

    def close(self) -> None:
        self._transport.close()

    def cut(self, *, for_good: bool) -> None:
        with self._lock:
            self._is_cut = self._is_cut or for_good
            sockets = list(self._sockets)
        for one in sockets:
            _shut(one)

    def _trace(self, event: str, info: Mapping[str, Any]) -> None:
        if not event.endswith(("connect_tcp.complete", "start_tls.complete")):
            return
        one = info["return_value"].get_extra_info("socket")
        with self._lock:
            self._sockets.add(one)
            is_late = self._is_cut
        if is_late:
            _shut(one)


def _shut(one: socket.socket) -> None:
    try:
        socket.socket.shutdown(one, socket.SHUT_RDWR)  # an SSL socket's own one is not for other threads
    except OSError:
        pass  # it is closed already


def _proxy_for(url: str) -> httpx.Proxy | None:
    """The proxy that environment or system name for a host; this computer itself is reached without one."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    address = urllib.request.getproxies().get(parts.scheme, "")
    if not address or is_this_computer(host) or urllib.request.proxy_bypass(host):
        return None
    if urlsplit(address).scheme not in ("http", "https"):
        raise AppError(
            ErrorCode.UNREACHABLE,
            "Only HTTP proxies can be used for web interfaces",
            detail=f"{host} would be asked through a proxy of another kind",
            hint=f"Name {host} in NO_PROXY, or set an HTTP proxy.",
        )
    return httpx.Proxy(address)


def is_this_computer(host: str) -> bool:
    """Whether a host is a name or address of the computer itself."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_in_the_open(url: str) -> bool:
    """Whether what is sent to an address can be read on the way."""
    parts = urlsplit(url)
    return parts.scheme == "http" and not is_this_computer(parts.hostname or "")


def call(
    client: WebClient,
    method: str,
    path: str,
    *,
    cancel: CancelToken,
    what: str = "Supabase",
    seconds: float = CALL_SECONDS,
    most: int = LONGEST_ANSWER,
    **request: Any,
) -> httpx.Response:
    """Ask one question and read the whole answer, whatever its status is.

    Args:
        what: who is asked, as the first words of a failure.
        seconds: for all of it, however slowly the answer comes.
        most: bytes of an answer; a longer one is refused.
        request: what `httpx.Client.build_request` takes: `json`, `content`, `params`, `headers`.

    Raises:
        AppError: why there is no answer.
        Cancelled: `cancel` was set; what is under way is left to itself.
    """
    late = threading.Event()

    def work() -> httpx.Response:
        with explained(client, what, late=late, seconds=seconds):
            response = client.send(client.build_request(method, path, **request), stream=True)
            try:
                return read_answer(response, most, late)
            finally:
                response.close()

    def give_up() -> None:
        late.set()
        client.cut(for_good=False)

    limit = threading.Timer(seconds, give_up)
    limit.daemon = True
    limit.start()
    try:
        with cancel.interrupting(lambda: client.cut(for_good=False)):
            return abandonable(work, cancel)
    except AppError:
        cancel.check()  # a line that was cut for it breaks in many ways
        raise
    finally:
        limit.cancel()


def read_answer(
    response: httpx.Response, most: int = LONGEST_ANSWER, late: threading.Event | None = None
) -> httpx.Response:
    """Read a streamed answer into one that is whole.

    Args:
        most: bytes that it may have.
        late: breaks it off when it is set.

    Raises:
        httpx.HTTPError: it is longer, or breaks off.
    """
    content = bytearray()
    for block in response.iter_bytes():
        content += block
        if late is not None and late.is_set():
            raise httpx.ReadTimeout("slow")
        if len(content) > most:
            raise httpx.DecodingError("long")
    headers = [pair for pair in response.headers.multi_items() if pair[0] not in _ENCODING]
    return httpx.Response(response.status_code, headers=headers, content=bytes(content))


_ENCODING = ("content-encoding", "content-length", "transfer-encoding")


@contextmanager
def explained(
    client: WebClient, what: str, *, late: threading.Event | None = None, seconds: float = SILENT_SECONDS
) -> Iterator[None]:
    """Turn what httpx raises into failures with names; none of them repeats a header.

    Args:
        what: who is asked, as the first words of a failure.
        late: set when it took too long, which breaks off in many ways.
        seconds: that it may take.
    """
    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        cause = httpx.ReadTimeout("slow") if late is not None and late.is_set() else error
        raise web_failure(cause, what, place_of(str(client.base_url)), seconds) from error


def web_failure(error: Exception, what: str, place: str, seconds: float = SILENT_SECONDS) -> AppError:
    """The failure behind an exception of httpx: host, reach, certificate, time, or a line that broke."""
    cause = _cause(error)
    if isinstance(cause, socket.gaierror):
        code, title, hint = ErrorCode.HOST_NOT_FOUND, "There is no computer of that name", _NETWORK
    elif isinstance(cause, ssl.SSLCertVerificationError) and "mismatch" in cause.verify_message.lower():
        code, title = ErrorCode.CERTIFICATE_OTHER_NAME, f"{what} shows a certificate for another name"
        hint = "Enter the name that the certificate is for."
    elif isinstance(cause, ssl.SSLCertVerificationError):
        code, title = ErrorCode.CERTIFICATE_NOT_TRUSTED, f"{what} shows a certificate that is not trusted"
        hint = "Have the system trust who issued it, or name a file with SSL_CERT_FILE."
    elif isinstance(cause, ssl.SSLError) and isinstance(error, httpx.ConnectError):
        code, title = ErrorCode.TLS_REFUSED, f"{what} does not speak TLS there"
        hint = "Check whether the address begins with https:// or http://."
    elif isinstance(cause, ConnectionRefusedError):
        code, title, hint = ErrorCode.REFUSED, f"Nothing answers at the port of {what}", _NETWORK
    elif isinstance(error, httpx.TimeoutException):
        limit = CONNECT_SECONDS if isinstance(error, httpx.ConnectTimeout) else seconds
        code, title = ErrorCode.TIMED_OUT, f"{what} did not answer within {limit:g} seconds"
        hint = "Try again later, or check the network."
    elif isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol):
        code, title, hint = (
            ErrorCode.INVALID_INPUT,
            f"The address of {what} is none",
            "It begins with https://.",
        )
    elif isinstance(error, httpx.DecodingError):
        code, title, hint = ErrorCode.SERVER_ERROR, f"{what} gave an answer that is none", _NETWORK
    elif isinstance(error, httpx.ConnectError | httpx.ProxyError):
        code, title, hint = ErrorCode.UNREACHABLE, f"{what} cannot be reached", _NETWORK
    else:
        code, title = ErrorCode.CONNECTION_LOST, f"{what} broke off"
        hint = "Try again, or check the network."
    said = _words(cause)
    return AppError(code, title, detail=f"{place}: {said}" if said else place, hint=hint)


def _cause(error: BaseException) -> BaseException:
    """The first exception in the chain that the system or TLS raised."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError):
            return seen
        seen = seen.__cause__ or seen.__context__
    return error


def _words(cause: BaseException) -> str:
    if isinstance(cause, ssl.SSLCertVerificationError):
        return cause.verify_message
    if isinstance(cause, OSError):
        return cause.strerror or ""
    return ""


def place_of(url: str) -> str:
    """Host and port of an address, which are all of it that a message shows."""
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2] or parts.path.partition("/")[0]


def words_of(response: httpx.Response) -> str:
    """What an answer says, on one line: Supabase has JSON with a message; pages of proxies say nothing."""
    try:
        content = response.json()
        text = content.get("message") or content.get("msg") or content.get("error") or ""
    except (ValueError, AttributeError):
        is_page = "html" in response.headers.get("content-type", "")
        text = "" if is_page else response.text
    line = "".join(sign if sign.isprintable() else " " for sign in str(text)).strip()
    return line[:_LONGEST_WORDS]


def pause_before(attempt: int, response: httpx.Response | None = None) -> float:
    """Seconds to wait before another try: what Retry-After asks for, bounded, else 0.5, 1, 2, 4, …

    Args:
        attempt: that failed last, from 0.
        response: its answer, if there was one.
    """
    asked = _asked_pause(response.headers.get("retry-after", "")) if response is not None else None
    return min(0.5 * 2**attempt if asked is None else asked, LONGEST_WAIT)


def _asked_pause(text: str) -> float | None:
    """Retry-After is a number of seconds or a date (RFC 9110, 10.2.3)."""
    if text.strip().isascii() and text.strip().isdigit():
        return float(text)
    try:
        when = email.utils.parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())
