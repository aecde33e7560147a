"""A storage server of the tests: real sockets, Supabase's answers, and every fault that a test asks for."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

KEY = "service-key-that-nobody-may-see"
BLOCK = 256 << 10


@dataclass
class Blob:
    """An object's content; a large one is `length` times the same byte, which takes no memory."""

    content: bytes = b""
    length: int = 0
    content_type: str = "application/octet-stream"
    cache_control: str = ""

    @property
    def size(self) -> int:
        return self.length or len(self.content)

    @property
    def etag(self) -> str:
        return hashlib.md5(self.content + str(self.length).encode()).hexdigest()

    def part(self, start: int, end: int) -> bytes:
        return bytes(end - start) if self.length else self.content[start:end]


@dataclass
class Faults:
    """What goes wrong, by `bucket/name`.

    Attributes:
        answers: statuses to answer first, in order; with 429 comes Retry-After.
        drops: bytes after which the line is cut, one for each request.
        slow: seconds of pause before each block of any object.
        hangs: answers nothing.
        ranges: whether Range is understood.
        refused: the key is refused.
        retry_after: that comes with 429.
    """

    answers: dict[str, list[int]] = field(default_factory=dict)
    drops: dict[str, list[int]] = field(default_factory=dict)
    slow: float = 0.0
    hangs: set[str] = field(default_factory=set)
    ranges: bool = True
    refused: bool = False
    retry_after: str = "0"


class StorageStandIn:
    """The server: its objects, its faults, and what was asked of it."""

    def __init__(self) -> None:
        self.blobs: dict[str, Blob] = {}
        self.faults = Faults()
        self.asked: Counter[str] = Counter()
        self.ranges: list[str] = []
        self.sent = 0
        self.open_now = 0
        self.most_open = 0
        self.lock = threading.Lock()
        self.on_upload: Callable[[str], object] = lambda _: None
        self.server = _Server(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self.server.server_port}/storage/v1"

    def put(self, label: str, content: bytes = b"", length: int = 0) -> Blob:
        blob = Blob(content, length)
        self.blobs[label] = blob
        return blob


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news."""


@contextmanager
def running_storage() -> Iterator[StorageStandIn]:
    stand_in = StorageStandIn()
    thread = threading.Thread(target=lambda: stand_in.server.serve_forever(0.05), daemon=True)
    thread.start()
    try:
        yield stand_in
    finally:
        stand_in.server.shutdown()
        stand_in.server.server_close()
        thread.join(10)


def _handler(stand_in: StorageStandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # headers and content are two writes

        def log_message(self, *arguments: object) -> None:
            pass

        def answer(self, status: int, body: dict[str, str], **headers: str) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(content)

        def cut(self) -> None:
            self.wfile.flush()
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

        def check(self, label: str) -> bool:
            """Whether the request may go on."""
            faults = stand_in.faults
            if faults.refused or self.headers.get("apikey") != KEY:
                self.answer(
                    400, {"statusCode": "403", "error": "Unauthorized", "message": "Invalid Compact JWS"}
                )
                return False
            if label in faults.hangs:
                time.sleep(30)
                return False
            with stand_in.lock:
                statuses = faults.answers.get(label) or [0]
                status = statuses.pop(0)
            if status == 429:
                self.answer(429, {"message": "Too many requests"}, Retry_After=faults.retry_after)
            elif status == 404:
                self.answer(400, {"statusCode": "404", "error": "not_found", "message": "Object not found"})
            elif status:
                self.answer(status, {"message": f"failure {status}"})
            return not status

        def do_GET(self) -> None:
            label = self._label("/storage/v1/object/authenticated/")
            if not self.check(label):
                return
            blob = stand_in.blobs.get(label)
            if blob is None:
                self.answer(400, {"statusCode": "404", "error": "not_found", "message": "Object not found"})
                return
            with stand_in.lock:
                stand_in.open_now += 1
                stand_in.most_open = max(stand_in.most_open, stand_in.open_now)
            try:
                self._send(label, blob)
            finally:
                with stand_in.lock:
                    stand_in.open_now -= 1

        def _send(self, label: str, blob: Blob) -> None:
            start, etag = 0, f'"{blob.etag}"'
            wanted = self.headers.get("Range", "")
            if wanted and stand_in.faults.ranges and self.headers.get("If-Range") == etag:
                start = int(wanted.removeprefix("bytes=").removesuffix("-"))
                stand_in.ranges.append(wanted)
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(blob.size - start))
            self.send_header("ETag", etag)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{blob.size - 1}/{blob.size}")
            self.end_headers()
            drops = stand_in.faults.drops.get(label)
            until = start + drops.pop(0) if drops else blob.size
            while start < min(until, blob.size):
                if stand_in.faults.slow:
                    time.sleep(stand_in.faults.slow)
                block = blob.part(start, min(start + BLOCK, until, blob.size))
                self.wfile.write(block)
                start += len(block)
                with stand_in.lock:
                    stand_in.sent += len(block)
            if start < blob.size:
                self.cut()

        def do_POST(self) -> None:
            label = self._label("/storage/v1/object/")
            length = int(self.headers.get("Content-Length", "0"))
            drops = stand_in.faults.drops.get(label)
            if drops:
                self.rfile.read(drops.pop(0))
                self.cut()
                return
            content = self.rfile.read(length)
            if not self.check(label):
                return
            assert self.headers.get("x-upsert") == "true"
            if not label.partition("/")[2].isascii():
                self.answer(400, {"statusCode": "400", "error": "InvalidKey", "message": "Invalid key"})
                return
            stand_in.blobs[label] = Blob(
                content,
                content_type=self.headers.get("Content-Type", ""),
                cache_control=self.headers.get("Cache-Control", ""),
            )
            with stand_in.lock:
                stand_in.on_upload(label)
            self.answer(200, {"Key": label})

        def _label(self, prefix: str) -> str:
            path = urlsplit(self.path).path
            assert path.startswith(prefix), path
            label = unquote(path.removeprefix(prefix))
            with stand_in.lock:
                stand_in.asked[label] += 1
            return label

    return Handler
