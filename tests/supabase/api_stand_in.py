"""A Management API of the tests: real sockets, the service's answers, and the faults that a test asks for."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "sbp_" + "0123456789abcdef" * 2 + "01234567"
REF, PAUSED_REF = "abcdefghijklmnopqrst", "tsrqponmlkjihgfedcba"


def project(ref: str, name: str, status: str = "ACTIVE_HEALTHY") -> dict[str, Any]:
    """A project as the service tells of it, with more than Holdfast asks for."""
    return {
        "id": ref,
        "ref": ref,
        "organization_id": "org-1",
        "organization_slug": "acme",
        "name": name,
        "region": "eu-central-1",
        "created_at": "2026-01-02T03:04:05Z",
        "status": status,
        "database": {
            "host": f"db.{ref}.supabase.co",
            "version": "17.4.1.054",
            "postgres_engine": "17",
            "release_channel": "ga",
        },
    }


def pooler(mode: str, kind: str = "PRIMARY") -> dict[str, Any]:
    """An entry of the pooler's configuration."""
    return {
        "identifier": REF,
        "database_type": kind,
        "is_using_scram_auth": True,
        "db_user": f"postgres.{REF}",
        "db_host": f"aws-1-eu-central-1.{'replica' if kind != 'PRIMARY' else 'pooler'}.supabase.com",
        "db_port": 6543 if mode == "transaction" else 5432,
        "db_name": "postgres",
        "connection_string": "postgresql://postgres:[YOUR-PASSWORD]@…",
        "pool_mode": mode,
        "default_pool_size": None,
    }


@dataclass
class Api:
    """What the service has, and how it misbehaves.

    Attributes:
        answers: statuses to answer first, in order, whatever is asked.
        fault: hangs, drops, garbage or page, for every question.
        asked: method and path of each question that came with the right token.
    """

    projects: list[dict[str, Any]] = field(
        default_factory=lambda: [project(REF, "Shop"), project(PAUSED_REF, "Old blog", "INACTIVE")]
    )
    poolers: list[dict[str, Any]] = field(
        default_factory=lambda: [pooler("transaction", "READ_REPLICA"), pooler("transaction")]
    )
    functions: dict[str, bytes] = field(default_factory=lambda: {"hello": b"EZBR\x00\xff"})
    answers: list[int] = field(default_factory=list)
    fault: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)
    deployed: dict[str, tuple[dict[str, list[str]], bytes]] = field(default_factory=dict)
    url: str = ""

    def answer(self, path: str) -> Any:
        """What a GET gives; None for what is not there."""
        parts = path.strip("/").split("/")[1:]
        match parts:
            case ["projects"]:
                return self.projects
            case ["organizations"]:
                return [{"id": "org-1", "name": "Acme"}]
            case ["projects", ref]:
                return next((one for one in self.projects if one["id"] == ref), None)
            case ["projects", _, "config", "database", "pooler"]:
                return self.poolers
            case ["projects", _, "api-keys"]:
                return [
                    {"name": "anon", "type": "legacy", "api_key": "anon-key"},
                    {"name": "service_role", "type": "legacy", "api_key": "service-role-key"},
                    {"name": "default", "type": "secret", "api_key": None},
                ]
            case ["projects", _, "functions"]:
                return [
                    {"slug": slug, "name": slug, "version": 3, "verify_jwt": False} for slug in self.functions
                ]
            case ["projects", _, "functions", slug, "body"]:
                return self.functions.get(slug)
            case ["projects", _, "secrets"]:
                return [{"name": "STRIPE_KEY", "value": "digest"}]
            case ["projects", _, "config", kind] | ["projects", _, kind]:
                return {"kind": kind}
        return None


@contextmanager
def running_api() -> Iterator[Api]:
    """The service on a port of this computer; `url` leads to it."""
    api = Api()
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            self.take(b"")

        def do_POST(self) -> None:
            self.take(self.rfile.read(int(self.headers.get("Content-Length", 0))))

        do_PATCH = do_POST  # noqa: N815 - the name that http.server asks for

        def take(self, body: bytes) -> None:
            parts = urlsplit(self.path)
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                return self.give(401, {"message": "Unauthorized"})
            api.asked.append((self.command, parts.path))
            if api.fault == "hangs":
                ended.wait(30)
                self.close_connection = True
                return None
            if api.fault == "drops":
                self.close_connection = True
                return None
            if api.fault == "garbage":
                return self.give(200, b"{not json")
            if api.fault == "page":
                return self.give(200, b"<html>Sign in to the hotel's network</html>", "text/html")
            if api.answers:
                status = api.answers.pop(0)
                return self.give(status, {"message": f"status {status}"})
            if self.command != "GET":
                api.deployed[parts.path] = (parse_qs(parts.query), body)
                return self.give(201, {})
            found = api.answer(parts.path)
            return self.give(404, {"message": "Not Found"}) if found is None else self.give(200, found)

        def give(self, status: int, content: Any, kind: str = "application/json") -> None:
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            if status == 429:
                self.send_header("Retry-After", "0")
            self.end_headers()
            self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    api.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield api
    finally:
        ended.set()
        server.shutdown()
        server.server_close()
        thread.join()
