"""Measures the window: its start beside Vorta's, its event loop during a backup, long lists, and its rest.

Vorta is a backup program of the same kind: Python and Qt, a window and an icon in the tray. It is installed
from PyPI into an environment of its own, build/vorta. Both open their windows on one screen in memory, in
turn, with home folders of their own that they know from a start before; how the first paint is seen stands
in `Display.first_paint`.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from app.domain.errors import AppError
from app.postgres.connection import Connection
from app.system.process import Child, run
from tests.benchmarks.display import PROGRAMS, Display, running_display
from tests.benchmarks.window_home import make_home

ROOT = Path(__file__).resolve().parents[2]
VORTA = "vorta==0.11.6"

_VORTA = ROOT / "build" / "vorta"
_INSTALL_LIMIT = 600.0
_INSIDE_LIMIT = 2_400.0
_SETTLED = 3.0
_FEW, _MANY = 1_000, 100_000
_IDLE_BEFORE, _IDLE = 15.0, 60.0


@dataclass(slots=True)
class WindowResults:
    """Figures beside their targets, what they were made of, and what was skipped, with the reason."""

    figures: dict[str, float] = field(default_factory=dict)
    details: dict[str, object] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)


def measure_window(source: Connection, folder: Path, rounds: int) -> WindowResults:
    """All of it, in about five minutes.

    Args:
        source: the database that the window backs up.
        folder: an empty one for everything that is written.
        rounds: how often each program starts.
    """
    results = WindowResults()
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if sys.platform != "linux" or missing:
        results.skipped["window"] = f"it needs Linux and {', '.join(missing or PROGRAMS)}"
        return results
    secret = {"PGPASSWORD": source.password.reveal()} if source.password else {}
    few = make_home(folder / "few", source.conninfo, _FEW) | secret
    many = make_home(folder / "many", source.conninfo, _MANY) | secret
    with _screen(folder / "screen") as display:
        _measure_start(display, few, results, rounds)
        _measure_lists(display, many, folder, results)
        _measure_backup(display, many, folder, results)
    with _screen(folder / "tray", tray=True) as display:
        _measure_idle(display, few, results)
    return results


@contextmanager
def _screen(folder: Path, *, tray: bool = False) -> Iterator[Display]:
    folder.mkdir()
    with running_display(folder, tray=tray) as display:
        yield display


def _holdfast(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "app", *arguments]


def _measure_start(display: Display, home: Mapping[str, str], results: WindowResults, rounds: int) -> None:
    contestants = {"Holdfast": (_holdfast("window"), dict(home))}
    vorta = _install_vorta()
    if isinstance(vorta, Path):
        theirs = home["HOME"] + "-vorta"
        Path(theirs).mkdir()
        contestants["Vorta"] = ([str(vorta)], {name: theirs for name in home if name != "PGPASSWORD"})
    else:
        results.skipped["start beside Vorta"] = vorta
    paints: dict[str, list[float]] = {name: [] for name in contestants}
    complete: dict[str, list[float]] = {name: [] for name in contestants}
    shares: dict[str, list[int]] = {name: [] for name in contestants}
    for number in range(rounds + 1):
        for name, (command, own) in contestants.items():
            begun = time.monotonic()
            with Child(command, env=display.environment | own, cwd=ROOT) as child:
                painted = display.first_paint(child, begun)
                whole = display.complete(begun)
                time.sleep(_SETTLED)
                share = _proportional_memory(child)
            display.wait_until_empty()
            if number:  # the first start finds nothing in the disk's cache, and makes settings
                paints[name].append(painted)
                complete[name].append(whole)
                shares[name].append(share)
                print(
                    f"round {number}: first paint of {name} {painted:.3f} s, complete {whole:.3f} s",
                    flush=True,
                )
    results.details["first_paint_seconds"] = {
        name: [round(one, 3) for one in found] for name, found in paints.items()
    }
    results.details["window_complete_seconds"] = {
        name: [round(one, 3) for one in found] for name, found in complete.items()
    }
    results.details["memory_after_start"] = shares
    ours = statistics.median(paints["Holdfast"])
    results.figures["first paint of the window, s"] = ours
    if "Vorta" in paints:
        ratio = ours / statistics.median(paints["Vorta"])
        results.figures["first paint / that of Vorta (at most 0.55)"] = ratio
        results.figures["window complete / that of Vorta"] = statistics.median(
            complete["Holdfast"]
        ) / statistics.median(complete["Vorta"])
    results.figures["memory after start, MB (at most 90)"] = statistics.median(shares["Holdfast"]) / 1e6


def _install_vorta() -> Path | str:
    """Its program, installed now if it was not before; where that cannot be, the reason."""
    program, stamp = _VORTA / "bin" / "vorta", _VORTA / ".installed"
    if stamp.exists() and stamp.read_text() == VORTA and program.exists():
        return program
    shutil.rmtree(_VORTA, ignore_errors=True)
    print(f"Installing {VORTA} into {_VORTA}", flush=True)
    python = str(_VORTA / "bin" / "python")
    pip = [python, "-m", "pip", "install", "-qq", "--no-input", "--disable-pip-version-check"]
    for command in (
        [sys.executable, "-m", "venv", str(_VORTA)],
        [*pip, "--only-binary=:all:", "--no-binary=vorta", VORTA],  # it has no wheel
        [python, "-m", "compileall", "-q", str(_VORTA / "lib")],
    ):
        try:
            done = run(command, env=dict(os.environ), timeout=_INSTALL_LIMIT)
        except AppError as error:
            return f"{VORTA} could not be installed: {error}"
        if done.status and "compileall" not in command:
            return f"{VORTA} could not be installed: {done.errors.strip().rpartition(chr(10))[2]}"
    stamp.write_text(VORTA)
    return program


def _proportional_memory(child: Child) -> int:
    """PSS of a process and its children, in bytes."""
    family = psutil.Process(child.id.pid)
    return sum(int(one.memory_full_info().pss) for one in (family, *family.children(recursive=True)))


def _inside(name: str, display: Display, home: Mapping[str, str], folder: Path) -> dict[str, object]:
    """What a measurement of `window_inside` found."""
    result = folder / f"{name}.json"
    command = [sys.executable, "-m", "tests.benchmarks.window_inside", name, str(result)]
    with Child(command, env=display.environment | dict(home), cwd=ROOT) as child:
        status = child.wait(_INSIDE_LIMIT)
        if status or not result.exists():
            raise RuntimeError(f"the measurement {name} failed:\n{child.errors()}")
    display.wait_until_empty()
    found = json.loads(result.read_text())
    assert isinstance(found, dict)
    return found


def _measure_lists(
    display: Display, home: Mapping[str, str], folder: Path, results: WindowResults, times: int = 3
) -> None:
    histories = [_inside("history", display, home, folder) for _ in range(times)]
    trees = [_inside("tree", display, home, folder) for _ in range(times)]
    answers = {
        name: statistics.median(taken for found in histories for taken in found["answers"][name])  # type: ignore[index]
        for name in histories[0]["answers"]  # type: ignore[attr-defined]
    }
    filters = [taken for name, taken in answers.items() if name.startswith("filter")]
    sorts = [taken for name, taken in answers.items() if name.startswith("sort")]
    results.details["history_answers_ms"] = {name: round(taken, 1) for name, taken in answers.items()}
    results.details["tree_ms"] = trees
    results.figures |= {
        f"History of {_MANY:,} backups opens, ms (at most 150)": _median(histories, "opening"),
        "its slowest filter, ms (at most 100)": max(filters),
        "its slowest sort, ms (at most 100)": max(sorts),
        "memory that it takes, MB (at most 60)": _median(histories, "memory") / 1e6,
        "tree of 5,000 tables opens, ms (at most 200)": _median(trees, "opening"),
    }


def _median(found: list[dict[str, object]], name: str) -> float:
    return statistics.median(float(str(one[name])) for one in found)


def _measure_backup(display: Display, home: Mapping[str, str], folder: Path, results: WindowResults) -> None:
    found = _inside("backup", display, home, folder)
    results.details["event_loop_in_a_backup"] = found
    results.figures |= {
        "longest gap of the event loop in a backup, ms (at most 50)": float(str(found["longest"])),
        "its 99.9th percentile, ms (at most 16)": float(str(found["percentile_99_9"])),
    }


def _measure_idle(display: Display, home: Mapping[str, str], results: WindowResults) -> None:
    """Count how often any thread of the program that waits in the tray was woken, and what that cost."""
    with Child(_holdfast("window", "--hidden"), env=display.environment | dict(home), cwd=ROOT) as child:
        time.sleep(_IDLE_BEFORE)
        woken, used = _wake_ups(child), _processor_seconds(child)
        time.sleep(_IDLE)
        if child.status is not None:
            raise RuntimeError(f"the window did not stay in the tray:\n{child.errors()}")
        woken, used = _wake_ups(child) - woken, _processor_seconds(child) - used
    results.figures |= {
        "wake-ups a second in the tray (at most 2)": woken / _IDLE,
        "processor time of a minute in the tray, s (at most 0.1)": used * 60 / _IDLE,
    }


def _wake_ups(child: Child) -> int:
    """Voluntary context switches of all threads: each is a wait that ended."""
    lines = [
        line
        for status in Path(f"/proc/{child.id.pid}/task").glob("*/status")
        for line in status.read_text().splitlines()
    ]
    return sum(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt_switches:"))


def _processor_seconds(child: Child) -> float:
    times = psutil.Process(child.id.pid).cpu_times()
    return float(times.user + times.system)
