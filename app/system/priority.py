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
    try:
        # Under Linux's autogroups a process's own priority counts within its session alone (man 7 sched).
        Path("/proc/self/autogroup").write_text(str(_NICE))
    except OSError:
        pass  # no Linux, or one without autogroups: then the process's own priority counts


def gave_way() -> bool:
    """Whether this process did so, and its session is its own."""
    return sys.platform != "win32" and os.getsid(0) == os.getpid() and os.nice(0) >= _NICE
