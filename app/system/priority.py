"""Lets work in the background give way to what people do meanwhile."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_NICE = 10


def give_way() -> None:
    """Lower the priority of this process and of the children that it will start."""
    if sys.platform == "win32":
        import psutil

        psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
        return
    os.nice(_NICE)
    give_way_as_session(os.getpid())


def give_way_as_session(pid: int) -> None:
    """Under Linux's autogroups the priority of a process counts within its session alone (man 7 sched)."""
    try:
        Path(f"/proc/{pid}/autogroup").write_text(str(_NICE))
    except OSError:
        pass  # no Linux, or one without autogroups: then the process's own priority counts
