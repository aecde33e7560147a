"""The command line as a whole: quick to start, kind to terminals and pipes, never a traceback."""

from __future__ import annotations

import json
import os
import pty
import shlex
import statistics
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.cli.console import print_json, shown
from app.postgres.sandbox import SandboxServer
from app.system.process import Child, run

if TYPE_CHECKING:
    from tests.cli.conftest import Cli
    from tests.conftest import Holdfast, NewDatabase

HEAVY = ("psycopg", "rich", "keyring", "msgspec", "lz4", "backports", "humanize", "sqlite3")


def test_the_version_is_told_at_once_and_imports_nothing_heavy(holdfast: Holdfast) -> None:
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        told = holdfast("--version")
        times.append(time.perf_counter() - begun)
        assert told.output.startswith("holdfast, version ")
    assert statistics.median(times) < 1.0  # some 0.2 s where nothing else runs
    code = "import sys; from app.cli import run_command_line as r; r(['--version']); print(*sys.modules)"
    modules = run([sys.executable, "-c", code], env=os.environ, timeout=20).output.split()
    assert not [name for name in modules if name.split(".")[0] in HEAVY]


@pytest.mark.parametrize(
    "verb", ["history --json", "run-due --once --json", "schedules list", "prune --dry-run"]
)
def test_who_asks_no_server_does_not_load_what_talks_to_them(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CONFIG", "DATA", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name))
    code = "import sys; from app.cli import run_command_line as r; r(sys.argv[1:]); print(*sys.modules)"
    loaded = run([sys.executable, "-c", code, *verb.split()], env=os.environ, timeout=20).output.split()
    assert "app.services" in loaded
    assert "psycopg" not in loaded


def test_no_verb_or_an_unknown_one_is_wrong_usage(cli: Cli) -> None:
    nothing = cli()
    assert nothing.status == 2
    assert "backup" in nothing.output
    unknown = cli("bakcup")
    assert unknown.status == 2
    assert "bakcup" in unknown.errors


@pytest.mark.parametrize(
    "verb",
    [
        *("backup", "demo", "doctor", "history", "inspect", "projects", "prove", "prune", "run-due"),
        *("schedules", "verify"),
    ],
)
def test_each_verb_explains_itself(cli: Cli, verb: str) -> None:
    told = cli(verb, "--help")
    assert told.status == 0
    assert told.output.startswith(f"Usage: holdfast {verb} ")


def test_the_doctor_shows_tools_keyring_and_folders(holdfast: Holdfast) -> None:
    told = holdfast("doctor")
    assert told.status == 0, told.errors
    for word in ("PostgreSQL tools", "Keyring", "Backups", "Sandboxes", "Supabase CLI"):
        assert word in told.output
    found = json.loads(holdfast("doctor", "--json").output)
    assert found["tools"]
    assert {"tools", "choices", "keyring", "destination", "sandboxes", "supabase_cli"} <= set(found)


def test_history_without_backups_says_so(cli: Cli) -> None:
    assert cli("history").output == "There are no backups yet.\n"
    assert cli("history", "--json").json == {"backups": [], "reminders": []}


def test_damaged_settings_are_named_and_left_alone(cli: Cli, home: Path) -> None:
    settings = home / "config" / "holdfast" / "settings.json"
    settings.parent.mkdir(parents=True)
    settings.write_text("{")
    failed = cli("history", "--json")
    assert (failed.status, failed.json["error"]["code"]) == (1, "settings-damaged")
    assert settings.read_text() == "{"


def on_a_terminal(*arguments: str | Path, **variables: str) -> tuple[int, str]:
    """Run Holdfast with a terminal for all its output; gives its status and what the terminal got."""
    ours, theirs = pty.openpty()
    received: list[bytes] = []

    def read() -> None:
        try:
            while block := os.read(ours, 65536):
                received.append(block)
        except OSError:
            pass  # the other end was closed

    reader = threading.Thread(target=read)
    reader.start()
    script = f'exec {shlex.quote(sys.executable)} -m app "$@" >&0 2>&0'
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "100"} | variables
    with (
        os.fdopen(theirs, "r+b", buffering=0) as terminal,
        Child(["/bin/sh", "-c", script, "sh", *arguments], env=environment, stdin=terminal) as child,
    ):
        status = child.wait(60)
    reader.join(5)
    os.close(ours)
    return status, b"".join(received).decode()


def test_on_a_terminal_there_is_a_bar_whatever_the_names(
    server17: SandboxServer, new_database: NewDatabase, tmp_path: Path
) -> None:
    database = new_database(server17)
    database.sql(
        'CREATE TABLE "[/red] [bold]" AS SELECT n, repeat(md5(n::text), 20) FROM generate_series(1, 50000) n'
    )
    status, seen = on_a_terminal(
        "backup",
        "--url",
        database.conninfo,
        "--to",
        tmp_path,
        "--compress",
        "zstd:15",
        PGPASSWORD=database.password,
    )
    assert status == 0, seen
    assert "━" in seen
    assert "Dumping" in seen
    assert "[/red] [bold]" in seen
    assert "Proof     proven" in seen


def test_names_cannot_command_the_terminal() -> None:
    assert shown("a\x1b[31mb\nc\udce9 ä🦀") == "a\\x1b[31mb\\nc\\udce9 ä🦀"


def test_json_is_ascii_whatever_the_names(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"name": "caf\udce9 🦀\n"})
    text = capsys.readouterr().out
    assert text.isascii()
    assert json.loads(text) == {"name": "caf\udce9 🦀\n"}


def test_a_reader_that_goes_away_is_no_traceback(holdfast: Holdfast) -> None:
    script = f"{shlex.quote(sys.executable)} -m app projects list | true"
    done = run(["/bin/sh", "-c", script], env=os.environ, timeout=30)
    assert done.errors == ""


def test_a_console_without_letters_gets_escapes(holdfast: Holdfast) -> None:
    told = holdfast("projects", "list", PYTHONIOENCODING="latin-1")
    assert told.status == 0
    assert "\\u201c" in told.output
