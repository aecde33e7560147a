"""`holdfast open`: a copy to look around in, for as long as the user likes and no longer."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import psycopg
import pytest

from app.postgres.sandbox import SandboxServer, default_root
from app.system.process import Child, run

if TYPE_CHECKING:
    from tests.cli.conftest import Cli
    from tests.conftest import NewDatabase


@pytest.fixture
def shop(server17: SandboxServer, new_shop: NewDatabase, tmp_path: Path) -> Path:
    return new_shop(server17).dumped(tmp_path / "shop.dump", "--format=custom")


@contextmanager
def opened(*arguments: str | Path) -> Iterator[tuple[Child, str]]:
    """While it is open; gives what it printed up to then."""
    command = [sys.executable, "-m", "app", "open", *arguments]
    with Child(command, env=os.environ, stdin=Child.PIPE, stdout=Child.PIPE) as child:
        lines: list[str] = []
        ready = threading.Event()

        def read() -> None:
            for line in child.stdout:
                lines.append(line.decode())
                if line.startswith((b"Press Enter", b"}")):
                    break
            ready.set()

        threading.Thread(target=read, daemon=True).start()
        assert ready.wait(40), child.errors()
        assert lines, child.errors()
        yield child, "".join(lines)


def sandboxes_of(pid: int) -> list[Path]:
    records = (default_root() / "sandboxes").glob("*/owner.json")
    return [path.parent for path in records if json.loads(path.read_text())["owner"]["pid"] == pid]


def test_the_printed_command_reaches_the_copy_until_enter(shop: Path, server17: SandboxServer) -> None:
    with opened(shop) as (child, text):
        match = re.search(r"^Connect   psql (.+)$", text, re.MULTILINE)
        assert match
        (address,) = shlex.split(match[1])
        asked = run(
            [server17.installation.program("psql"), address, "-Atc", "SELECT count(*) FROM orders"],
            env={"PGPASSWORD": "not this one"},
            timeout=20,
        )
        assert (asked.status, asked.output.strip()) == (0, "3000"), asked.errors
        family = [one.pid for one in psutil.Process(child.id.pid).children(recursive=True)]
        assert sandboxes_of(child.id.pid)
        child.stdin.write(b"\n")
        child.stdin.close()
        assert child.wait(20) == 0
        assert sandboxes_of(child.id.pid) == []
        assert not [pid for pid in family if psutil.pid_exists(pid)]
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(address)


@pytest.mark.parametrize(
    "kind",
    [
        signal.SIGTERM,
        pytest.param(signal.SIGINT, marks=pytest.mark.slow),
        pytest.param(signal.SIGHUP, marks=pytest.mark.slow),
    ],
)
def test_a_signal_closes_it_as_enter_does(shop: Path, kind: signal.Signals) -> None:
    with opened(shop) as (child, _):
        folders = sandboxes_of(child.id.pid)
        family = [one.pid for one in psutil.Process(child.id.pid).children(recursive=True)]
        assert folders
        child.interrupt(kind)
        assert child.wait(20) == 0, child.errors()
        assert "Traceback" not in child.errors()
        assert not [folder for folder in folders if folder.exists()]
        assert not [pid for pid in family if psutil.pid_exists(pid)]


def test_json_is_one_object_with_the_connection(shop: Path) -> None:
    with opened(shop, "--json") as (child, text):
        found = json.loads(text)
        assert found["report"]["result"] == "succeeded"
        with psycopg.connect(found["connection"]) as session:
            assert session.execute("SELECT count(*) FROM customers").fetchall() == [(500,)]
        child.stdin.close()
        assert child.wait(20) == 0
        assert child.errors() == ""


def test_what_is_no_dump_is_refused(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(500))
    ran = cli("open", tmp_path / "photo.png", "--json")
    assert ran.status == 1
    assert ran.json["error"]["code"] == "unknown-format"
