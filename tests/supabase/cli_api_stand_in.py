"""What the real Supabase CLI is run against: a Management API on this computer, faults included.

The CLI comes from npm, once, into the user's cache.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from app.system.process import child_environment, run

TOKEN = "sbp_" + "0a1b2c3d" * 5
VERSION = "3.1.0"
PROJECTS = [
    {
        "id": "abcdefghijklmnopqrst",
        "ref": "abcdefghijklmnopqrst",
        "organization_id": "org-1",
        "organization_slug": "org-one",
        "name": "Bücher & “Mehr”",
        "region": "eu-central-1",
        "created_at": "2026-01-02T03:04:05Z",
        "status": "ACTIVE_HEALTHY",
        "database": {
            "host": "db.abcdefghijklmnopqrst.supabase.co",
            "version": "17.4.1.054",
            "postgres_engine": "17",
            "release_channel": "ga",
        },
    },
    {
        "id": "bcdefghijklmnopqrstu",
        "ref": "bcdefghijklmnopqrstu",
        "organization_id": "org-1",
        "organization_slug": "org-one",
        "name": "asleep",
        "region": "us-east-1",
        "created_at": "2025-01-02T03:04:05Z",
        "status": "INACTIVE",
    },
]


@dataclass
class CliApi:
    """The Management API as the CLI asks it.

    Attributes:
        profile: the file that sends the CLI here.
        answers: status and body by path; without one there are two projects.
        hangs: paths that get no answer until the end.
        asked: paths, in order; `tokens` came with them.
        on_question: called with each path before it is answered.
    """

    profile: Path
    answers: dict[str, tuple[int, str]] = field(default_factory=dict)
    hangs: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    on_question: Callable[[str], object] = lambda _: None

    def refuse(self, status: int, message: str = "words of the server") -> None:
        """Answer every question so."""
        for path in ("/v1/projects", "/v1/organizations"):
            self.answers[path] = (status, json.dumps({"message": message}))


@contextmanager
def cli_api(folder: Path) -> Iterator[CliApi]:
    """A running one; `folder` gets its profile."""
    end = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            api.asked.append(path)
            api.tokens.append(self.headers.get("Authorization", ""))
            api.on_question(path)
            if path in api.hangs:
                end.wait()
                return
            projects = json.dumps(PROJECTS) if path == "/v1/projects" else "[]"
            status, text = api.answers.get(path, (200, projects))
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json" if text[:1] in "[{" else "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            """Tests are quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    api = CliApi(write_profile(folder, server.server_port))
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield api
    finally:
        end.set()
        server.shutdown()
        server.server_close()


def write_profile(folder: Path, port: int) -> Path:
    """A profile of the CLI whose API is at that port of this computer."""
    url = f"http://127.0.0.1:{port}"
    profile = folder / f"profile-{port}.yaml"
    profile.write_text(f"name: tests\napi_url: {url}\ndashboard_url: {url}\nproject_host: localhost\n")
    return profile


def real_cli() -> Path:
    """The CLI itself; the test is skipped where npm or the package cannot be had."""
    npm = shutil.which("npm")
    if sys.platform != "linux" or npm is None:
        pytest.skip("no npm here to fetch the Supabase CLI with")
    import pwd

    account = Path(pwd.getpwuid(os.getuid()).pw_dir)
    cache = account / ".cache" / "holdfast-tests"
    package = cache / f"supabase-{VERSION}"
    program = package / "package" / "bin" / "supabase"
    if program.exists():
        return program
    machine = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine())
    if machine is None:
        pytest.skip(f"the Supabase CLI is not made for {platform.machine()}")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as name:
        folder = Path(name)
        env = child_environment({"HOME": str(account)})
        argv = [npm, "pack", "--silent", f"@supabase/cli-linux-{machine}@{VERSION}"]
        if run(argv, env=env, timeout=100, cwd=folder).status != 0:
            pytest.skip("the Supabase CLI cannot be fetched with npm here")
        unpacked = folder / "unpacked"
        shutil.unpack_archive(next(folder.glob("*.tgz")), unpacked, filter="data")
        try:
            unpacked.rename(package)
        except OSError:
            assert package.exists()  # another process was quicker
    return program
