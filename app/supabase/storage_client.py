"""Asks Supabase's storage for one object, or gives it one, and reads its answers as what they mean.

What each answer means is from Supabase's sources and *not verified against the hosted service*.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

import httpx

from app.domain.errors import AppError, ErrorCode
from app.domain.events import Listener, Notice
from app.domain.project import Secret
from app.supabase.storage_listing import StorageObject
from app.supabase.web import (
    BUSY,
    WebClient,
    explained,
    pause_before,
    place_of,
    read_answer,
    words_of,
)
from app.system.cancellation import CancelToken
from app.system.files import BLOCK

WHAT = "The storage server"
_ATTEMPTS = 6
_ATTEMPTS_OF_500 = 3
_PAUSES = 40
_LONGEST_WORDS = 1 << 20
_BLOCK_OF_ANSWER = 256 << 10


class NotThereError(Exception):
    """An object cannot be had; its text says why, for people."""


class StorageRefusedError(Exception):
    """The server refuses the key, `surely` where it says so: every other object will fare no better."""

    def __init__(self, error: AppError, *, surely: bool) -> None:
        super().__init__(str(error))
        self.error = error
        self.surely = surely


@dataclass(frozen=True, slots=True)
class Fetched:
    """An object as it came: bytes, hash, and the etag that the server gave, without its quotes."""

    bytes: int
    sha256: str
    etag: str


class StorageClient:
    """Speaks for one operation, from several threads.

    Args:
        url: of the storage, `https://<ref>.supabase.co/storage/v1`.
        key: the service key.
        listener: is told once when the server asks for pauses.
    """

    def __init__(
        self, url: str, key: Secret, cancel: CancelToken, listener: Listener, *, connections: int
    ) -> None:
        self.cancel = cancel
        # a key that is no JWT is refused as a bearer (Supabase's docs, “API keys”)
        bearer = key if key.reveal().count(".") == 2 else None
        self._web = WebClient(url, secrets={"apikey": key}, bearer=bearer, connections=connections)
        self._base = url.rstrip("/")
        self._place = place_of(url)
        self._listener = listener
        self._has_told = threading.Event()

    def cut(self) -> None:
        """End all that is under way, from any thread."""
        self._web.cut()

    def close(self) -> None:
        """Let go of the connections, when nobody uses them any more."""
        self._web.close()

    def fetch(self, item: StorageObject, target: Path, on_bytes: Callable[[int], None]) -> Fetched:
        """Write an object to a file, going on where a line broke.

        Args:
            on_bytes: gets the length of each block, a negative one where it begins anew.

        Raises:
            NotThereError: it is gone, or there is a row without content.
            StorageRefusedError: the key does not do.
            AppError: the server cannot be reached.
            OSError: the file cannot be written.
            Cancelled: `cancel` was set.
        """
        url = f"{self._base}/object/authenticated/{_path_of(item)}"
        with _Download(target, on_bytes) as download:
            self._until_done(
                lambda: self._receive(url, download),
                lambda: download.size,
                gone="it was deleted before it could be read",
            )
            return Fetched(download.size, download.digest.hexdigest(), download.etag.strip('"'))

    def put(self, item: StorageObject, source: Path, on_bytes: Callable[[int], None]) -> None:
        """Store a file as an object, in the place of one that is there.

        Raises:
            NotThereError: the server does not take it; the text says why.
            StorageRefusedError, AppError, OSError, Cancelled: as `fetch`.
        """
        if {".", ".."} & set(item.name.split("/")) or item.bucket in (".", ".."):
            # `…/bucket/../../auth/v1/…` would be another interface, with a key that may do everything
            raise NotThereError("its name has “.” or “..” between slashes, which no address can carry")
        url = f"{self._base}/object/{_path_of(item)}"
        headers = {"x-upsert": "true", "Content-Length": str(source.stat().st_size)}
        headers["Content-Type"] = item.content_type or "application/octet-stream"
        if item.cache_control:
            headers["Cache-Control"] = item.cache_control
        self._until_done(lambda: self._send(url, headers, source, on_bytes), gone="its bucket is not there")

    def _receive(self, url: str, download: _Download) -> httpx.Response | None:
        """Read an answer into the download; gives an answer that is none, read."""
        headers = {"Accept-Encoding": "identity", **download.range_headers()}
        with self._web.stream("GET", url, headers=headers) as response:
            if response.status_code == HTTPStatus.PARTIAL_CONTENT and not download.goes_on(response):
                raise httpx.RemoteProtocolError("another range than was asked for")
            if response.status_code not in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
                if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                    download.begin("")
                return read_answer(response, _LONGEST_WORDS)
            if response.status_code == HTTPStatus.OK:
                download.begin(response.headers.get("etag", ""))
            for block in response.iter_raw(_BLOCK_OF_ANSWER):
                self.cancel.check()
                download.take(block)
        return None

    def _send(
        self, url: str, headers: dict[str, str], source: Path, on_bytes: Callable[[int], None]
    ) -> httpx.Response | None:
        sent = 0

        def blocks() -> Iterator[bytes]:
            nonlocal sent
            with source.open("rb") as file:
                while block := file.read(BLOCK):
                    self.cancel.check()
                    yield block
                    sent += len(block)
                    on_bytes(len(block))

        try:
            with self._web.stream("POST", url, headers=headers, content=blocks()) as response:
                answer = read_answer(response, _LONGEST_WORDS)
        except BaseException:
            on_bytes(-sent)
            raise
        if answer.is_success:
            return None
        on_bytes(-sent)
        return answer

    def _until_done(
        self,
        request: Callable[[], httpx.Response | None],
        progress: Callable[[], int] = lambda: 0,
        *,
        gone: str,
    ) -> None:
        """Try, with pauses, until there is no answer that tells of a failure.

        Args:
            progress: bytes that the next try need not ask for; while they grow, there are more tries.
            gone: what an answer means that there is nothing.
        """
        failed = pauses = most = 0
        while True:
            self.cancel.check()
            answer = None
            try:
                with explained(self._web, WHAT):
                    answer = request()
                if answer is None:
                    return
            except AppError as error:
                self.cancel.check()
                if progress() > most:
                    most, failed = progress(), 0
                if failed + 1 >= _ATTEMPTS or error.code in _HOPELESS:
                    raise
            if answer is not None and answer.status_code == HTTPStatus.TOO_MANY_REQUESTS:
                pauses += 1
                if pauses >= _PAUSES:
                    raise NotThereError("the server asked for pauses without an end (429)")
                self._tell_of_pauses()
            elif answer is not None:
                _refuse(answer, self._place, failed, gone)
            self.cancel.wait(pause_before(failed, answer))
            failed += answer is None or answer.status_code != HTTPStatus.TOO_MANY_REQUESTS

    def _tell_of_pauses(self) -> None:
        if not self._has_told.is_set():
            self._has_told.set()
            self._listener(Notice(f"{WHAT} asks for pauses (HTTP 429): this takes longer."))


class _Download:
    """A file that is being received: what was read of it so far, hashed. It is made when something comes."""

    def __init__(self, target: Path, on_bytes: Callable[[int], None]) -> None:
        self.size = 0
        self.etag = ""
        self.digest = hashlib.sha256()
        self._target = target
        self._file: BinaryIO | None = None
        self._on_bytes = on_bytes

    def __enter__(self) -> _Download:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def range_headers(self) -> dict[str, str]:
        """Asks for the rest, if it is still the same object; weak etags do not do (RFC 9110, 13.1.5)."""
        if not self.size or not self.etag or self.etag.startswith("W/"):
            return {}
        return {"Range": f"bytes={self.size}-", "If-Range": self.etag}

    def goes_on(self, response: httpx.Response) -> bool:
        """Whether an answer continues what was read."""
        if response.headers.get("content-range", "").startswith(f"bytes {self.size}-"):
            return True
        self.begin("")
        return False

    def begin(self, etag: str) -> None:
        """Forget what was read."""
        self._on_bytes(-self.size)
        if self._file is not None:
            self._file.close()
        self._file = self._target.open("wb")
        self.size, self.etag, self.digest = 0, etag, hashlib.sha256()

    def take(self, block: bytes) -> None:
        """Keep a block."""
        if self._file is not None:
            self._file.write(block)
        self.digest.update(block)
        self.size += len(block)
        self._on_bytes(len(block))


_HOPELESS = (
    ErrorCode.HOST_NOT_FOUND,
    ErrorCode.CERTIFICATE_NOT_TRUSTED,
    ErrorCode.CERTIFICATE_OTHER_NAME,
    ErrorCode.TLS_REFUSED,
    ErrorCode.INVALID_INPUT,
)


def _refuse(response: httpx.Response, place: str, failed: int, gone: str) -> None:
    """Raise what an answer means, unless another try may do.

    The storage server answers 400 for most of what fails and says in the body which status it means.
    """
    status, words = _meant_status(response), words_of(response)
    said = f": {words}" if words else ""
    if status == HTTPStatus.NOT_FOUND:
        raise NotThereError(f"{gone}{said}")
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN) or _is_about_key(words):
        raise StorageRefusedError(
            AppError(
                ErrorCode.SIGN_IN_FAILED,
                f"{WHAT} refuses the service key",
                detail=f"{place} answered {status}{said}",
                hint="Store the project's current service_role key, or sign in with a token.",
            ),
            surely=_is_about_key(words),
        )
    if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and failed + 1 < _ATTEMPTS:
        return  # it begins anew
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        if failed + 1 >= _ATTEMPTS_OF_500:
            raise NotThereError(f"it has a row, but the server failed at its content (500{said})")
    elif failed + 1 >= _ATTEMPTS or (status not in BUSY and status < HTTPStatus.INTERNAL_SERVER_ERROR):
        raise NotThereError(f"the server answered {status}{said}")


def _meant_status(response: httpx.Response) -> int:
    try:
        meant = int(response.json().get("statusCode", response.status_code))
    except (ValueError, TypeError, AttributeError):
        return response.status_code
    return meant if response.status_code == HTTPStatus.BAD_REQUEST else response.status_code


def _is_about_key(words: str) -> bool:
    return any(word in words.lower() for word in ("jwt", "jws", "invalid api key"))


def _path_of(item: StorageObject) -> str:
    """Bucket and name as an address has them. Dots between slashes would be resolved on the way."""
    parts = [item.bucket, *item.name.split("/")]
    return "/".join("%2E" * len(part) if part in (".", "..") else quote(part, safe="") for part in parts)
