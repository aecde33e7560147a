"""Crashes of real processes: told once at the next start, and only those."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from app.system.crash import crash_files, last_crash, take_crash
from app.system.process import Finished, run

_PROGRAM = """
import ctypes, os, signal, sys
from pathlib import Path
from app.system.crash import CrashWatch
watch = CrashWatch("window", Path(sys.argv[1]))

def fall():
    ctypes.string_at(0)

match sys.argv[2]:
    case "read nowhere":
        fall()
    case "abort":
        os.abort()
    case "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    case "well":
        watch.close()
"""


def end(folder: Path, how: str) -> Finished:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    return run([sys.executable, "-c", _PROGRAM, folder, how], env=environment, timeout=30)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize(
    ("how", "status", "words"),
    [
        ("read nowhere", -signal.SIGSEGV, ("Segmentation fault", "in fall", "string_at")),
        ("abort", -signal.SIGABRT, ("Aborted",)),
    ],
)
def test_a_crash_is_told_once_with_its_stacks(
    tmp_path: Path, how: str, status: int, words: list[str]
) -> None:
    assert end(tmp_path / "log", how).status == status
    crash = take_crash("window", tmp_path / "log")
    assert crash is not None
    assert all(word in crash.text() for word in words)
    assert crash.path.stat().st_mode & 0o777 == 0o600
    assert take_crash("window", tmp_path / "log") is None
    kept = last_crash(tmp_path / "log")
    assert kept is not None
    assert (kept.path, kept.at) == (crash.path, crash.at.replace(microsecond=0))


@pytest.mark.parametrize("how", ["well", "killed"])
def test_an_end_that_is_no_crash_leaves_nothing_to_tell(tmp_path: Path, how: str) -> None:
    end(tmp_path, how)
    assert take_crash("window", tmp_path) is None
    assert last_crash(tmp_path) is None
    assert take_crash("window", tmp_path / "nowhere") is None


def test_old_ones_go(tmp_path: Path) -> None:
    for number in range(8):
        (tmp_path / f"crash-2026010{number + 1}T000000Z.txt").touch()
    (tmp_path / "window.crash").write_text("Fatal Python error")
    assert take_crash("window", tmp_path) is not None
    assert len(crash_files(tmp_path)) == 5
    assert "20260101" not in str(crash_files(tmp_path))
