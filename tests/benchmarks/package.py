"""Measures what "bootstrap.py build" made: its size, and its start beside that of the source tree."""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

from app.system.process import Child
from tests.benchmarks.display import running_display
from tests.benchmarks.window_home import make_home

ROOT = Path(__file__).resolve().parents[2]

_APP = ROOT / "build" / "package" / "holdfast"
_BACKUPS = 1_000


def measure_package(folder: Path, rounds: int) -> dict[str, float]:
    """Figures beside their targets; the window is started from both in turn, with the same home folder.

    Args:
        folder: an empty one for everything that is written.
        rounds: how often each of the two starts.
    """
    program = _APP / "holdfast"
    if not program.exists():
        sys.exit("Nothing was built. Run “python3 packaging/bootstrap.py build” before.")
    commands = {"built": [str(program), "window"], "source": [sys.executable, "-m", "app", "window"]}
    paints: dict[str, list[float]] = {name: [] for name in commands}
    home = make_home(folder / "home", "host=db.example.com dbname=shop", _BACKUPS)
    (folder / "screen").mkdir()
    with running_display(folder / "screen") as display:
        for number in range(rounds + 1):
            for name, command in commands.items():
                begun = time.monotonic()
                with Child(command, env=display.environment | home, cwd=ROOT) as child:
                    painted = display.first_paint(child, begun)
                    display.complete(begun)
                display.wait_until_empty()
                if number:  # the first start finds nothing in the disk's cache
                    paints[name].append(painted)
    built, source = (statistics.median(paints[name]) for name in ("built", "source"))
    unpacked = sum(file.lstat().st_size for file in _APP.rglob("*") if not file.is_dir())
    figures = {
        "unpacked app, MB (at most 220)": unpacked / 1e6,
        "first paint of the built window, s": built,
        "first paint, built / source (at most 1.3)": built / source,
    }
    packages = {
        f"{file.name}, MB": file
        for pattern in ("*.deb", "*.tar.zst")
        for file in _APP.parents[1].glob(pattern)
    }
    return figures | {name: file.stat().st_size / 1e6 for name, file in packages.items()}
