"""Tells one process from another that got its number later, so that only the one that is meant is killed."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil

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
        try:
            return _start_time(self.pid) == self.started and (
                psutil.Process(self.pid).status() != psutil.STATUS_ZOMBIE
            )
        except psutil.NoSuchProcess:
            return False


def _start_time(pid: int) -> float:
    """When a process started.

    Raises:
        psutil.NoSuchProcess: it is gone.
    """
    if sys.platform != "linux":
        return float(psutil.Process(pid).create_time())
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        raise psutil.NoSuchProcess(pid) from None
    ticks = int(stat.rpartition(b")")[2].split()[19])  # proc(5): field 22, after a name in parentheses
    return ticks / os.sysconf("SC_CLK_TCK")


def own_process_id() -> ProcessId:
    """This process."""
    return process_id(os.getpid())


def process_id(pid: int) -> ProcessId:
    """The process that has this number now; one that is gone gets a start time of 0."""
    try:
        return ProcessId(pid, _start_time(pid))
    except psutil.NoSuchProcess:
        return ProcessId(pid, 0.0)


def kill_tree(process: ProcessId) -> None:
    """Kill this process and its descendants, if it still runs."""
    if not process.is_alive:
        return
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
