"""Holdfast can be killed or interrupted at any moment: nothing runs on, and nothing half done is kept."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from _pytest.mark.structures import ParameterSet

from app.domain.backup import Backup
from app.domain.events import Phase
from app.domain.proof import ProofLevel
from app.engine.verify import verify_backup
from app.persistence.manifest import read_manifest
from app.postgres.sandbox import SandboxServer, default_root
from app.system.cancellation import CancelToken
from app.system.process import Child
from app.system.process_id import ProcessId, process_id

if TYPE_CHECKING:
    from tests.conftest import Database, Holdfast, NewDatabase

TAKING = [Phase.CHECKING, Phase.LOCKING, Phase.DUMPING, Phase.READING_BACK, Phase.SEALING]
PROVING = [Phase.CHECKING_FILES, Phase.STARTING_SANDBOX, Phase.RESTORING, Phase.COMPARING]


def some_quick(*quick: Phase) -> list[ParameterSet]:
    """All phases; those that are not named are for a slow run, which has time."""
    phases = [*TAKING, *PROVING]
    return [pytest.param(one, marks=() if one in quick else pytest.mark.slow) for one in phases]


@pytest.fixture
def database(server17: SandboxServer, new_shop: NewDatabase) -> Database:
    """Large enough that each phase takes a moment."""
    database = new_shop(server17)
    database.sql("CREATE TABLE large AS SELECT n, repeat(md5(n::text), 10) FROM generate_series(1, 60000) n")
    return database


def family_of(child: Child) -> list[ProcessId]:
    """All processes below it."""
    return [process_id(member.pid) for member in psutil.Process(child.id.pid).children(recursive=True)]


@contextmanager
def backup_in(phase: Phase, database: Database, destination: Path, *options: str) -> Iterator[Child]:
    """Start a backup and wait until it says that this phase begins."""
    reached = threading.Event()
    said = f"{phase.value.capitalize()} …"
    argv: list[str | Path] = [
        sys.executable,
        "-m",
        "app",
        "backup",
        "--url",
        database.conninfo,
        "--to",
        destination,
        *options,
    ]
    environment = os.environ | {"PGPASSWORD": database.password}

    def on_line(line: str) -> None:
        if line == said:
            reached.set()

    with Child(argv, env=environment, die_with_parent="KILL", on_error_line=on_line) as child:
        assert reached.wait(30), child.errors()
        yield child


def backups_in(destination: Path) -> list[Path]:
    return sorted(path for path in destination.glob("*/*") if not path.name.endswith(".partial"))


def partials_in(destination: Path) -> list[Path]:
    return sorted(destination.glob("*/*.partial"))


def is_whole(folder: Path) -> bool:
    backup = Backup(str(folder), read_manifest(folder))
    return not verify_backup(backup, CancelToken(), lambda _: None).manifest.proof.has_failed


def wait_for_the_end(family: list[ProcessId], seconds: float) -> list[int]:
    """The processes that still run after that time."""
    deadline = time.monotonic() + seconds
    while any(process.is_alive for process in family) and time.monotonic() < deadline:
        time.sleep(0.02)
    return [process.pid for process in family if process.is_alive]


def sandboxes_of(owner: ProcessId) -> list[Path]:
    records = (default_root() / "sandboxes").glob("*/owner.json")
    return [path.parent for path in records if json.loads(path.read_text())["owner"]["pid"] == owner.pid]


def results(holdfast: Holdfast) -> list[str]:
    history = json.loads(holdfast("history", "--json").output)
    return [entry["result"] for entry in history["backups"]]


@pytest.mark.parametrize("phase", some_quick(Phase.RESTORING))
def test_when_holdfast_is_killed_nothing_runs_on_and_the_next_run_cleans_up(
    database: Database, destination: Path, holdfast: Holdfast, phase: Phase
) -> None:
    quick = ["--proof", "complete", "--url", database.conninfo, "--to", str(destination)]
    first = holdfast("backup", *quick, PGPASSWORD=database.password)
    assert first.status == 0, first.errors
    (earlier,) = backups_in(destination)

    with backup_in(phase, database, destination) as child:
        child.interrupt(signal.SIGSTOP)
        family = family_of(child)
        child.kill()
    assert wait_for_the_end(family, 8) == []
    published = backups_in(destination)
    assert earlier in published
    assert all(is_whole(folder) for folder in published)
    assert len(published) == 2 or phase in TAKING
    was_interrupted = bool(partials_in(destination))
    assert was_interrupted == (len(published) == 1) or phase is Phase.CHECKING

    last = holdfast("backup", *quick, PGPASSWORD=database.password)
    assert last.status == 0, last.errors
    assert partials_in(destination) == []
    assert ("was interrupted" in last.errors) == was_interrupted
    assert (results(holdfast).count("interrupted") == 1) == was_interrupted
    assert is_whole(earlier)
    if phase in PROVING:
        assert holdfast("prove", earlier).status == 0
        assert sandboxes_of(child.id) == []


@pytest.mark.parametrize("phase", some_quick(Phase.DUMPING))
@pytest.mark.parametrize("kind", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_an_interrupted_backup_ends_soon_leaves_nothing_and_is_cancelled(
    database: Database, destination: Path, holdfast: Holdfast, phase: Phase, kind: signal.Signals
) -> None:
    with backup_in(phase, database, destination) as child:
        family = family_of(child)
        child.interrupt(kind)
        begun = time.monotonic()
        status = child.wait(10)
        took = time.monotonic() - begun
        assert status == 130, child.errors()
        said = child.errors().splitlines()
        assert said[-1] == "Cancelled."
        assert said[-2].startswith("The backup is kept in ") == bool(backups_in(destination))
    assert took < 6
    assert wait_for_the_end(family, 0) == []
    assert partials_in(destination) == []
    assert sandboxes_of(child.id) == []
    published = backups_in(destination)
    if phase not in (Phase.READING_BACK, Phase.SEALING):  # these can be over before the signal is looked at
        assert bool(published) == (phase in PROVING)
    for backup in published:
        assert is_whole(backup)
        assert read_manifest(backup).proof.level is ProofLevel.COMPLETE
    assert results(holdfast) == ["succeeded" if published else "cancelled"]


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    folder = tmp_path / "Backups"
    folder.mkdir()
    return folder
