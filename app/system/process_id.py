"""Tells one process from another that got its number later, so that only the one that is meant is killed."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

_PATIENCE = 5.0


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process beyond doubt: number and start time, because numbers are used again.

    `started` is comparable on one machine only; on Linux it is in seconds since boot, which setting
    the clock does not change.
    """

    pid: int
    started: float

    @property
    def is_alive(self) -> bool:
        """True while this very process runs (a zombie does not)."""
        return _look(self.pid) == (self.started, True)


def _look(pid: int) -> tuple[float, bool] | None:
    """When a process started, and whether it runs, as a zombie does not; None for one that is gone."""
    if sys.platform != "linux":
        import psutil

        try:
            found = psutil.Process(pid)
            return float(found.create_time()), found.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return None
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(b")")[2].split()  # proc(5): the third field and those after, the name may be odd
    return int(fields[19]) / os.sysconf("SC_CLK_TCK"), fields[0] != b"Z"


def own_process_id() -> ProcessId:
    """This process."""
    return process_id(os.getpid())


def process_id(pid: int) -> ProcessId:
    """The process that has this number now; one that is gone gets a start time of 0."""
    found = _look(pid)
    return ProcessId(pid, found[0] if found else 0.0)


def kill_tree(process: ProcessId) -> None:
    """Kill this process and its descendants, if it still runs."""
    if not process.is_alive:
        return
    import psutil  # takes long to import, and is hardly ever needed

    try:
        family = [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]
    except psutil.NoSuchProcess:
        return
    for member in family:
        try:
            member.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(family, timeout=_PATIENCE)
