"""Work in the background gives way, and so does what it starts."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from app.system.process import run

_ROOT = Path(__file__).parents[2]
_WORK = """
import os
from app.system.priority import give_way
from app.system.process import run

give_way()
print(run(["/bin/cat", "/proc/self/autogroup", "/proc/self/stat"], env=os.environ, timeout=10).output)
"""


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="no Linux with autogroups")
def test_a_child_of_work_that_gave_way_gives_way_too() -> None:
    done = run([sys.executable, "-c", _WORK], env=os.environ | {"PYTHONPATH": str(_ROOT)}, timeout=30)
    autogroup, stat = done.output.splitlines()[:2]
    assert autogroup.split()[-1] == "10"
    own_priority = stat.rpartition(")")[2].split()[16]
    assert own_priority == "10"


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="no Linux with autogroups")
def test_who_starts_such_work_does_not_give_way() -> None:
    leader = f"""
import os, sys
from app.system.process import run
run([sys.executable, "-c", {_WORK!r}], env=os.environ, timeout=30)
print(open("/proc/self/autogroup").read())
"""
    done = run([sys.executable, "-c", leader], env=os.environ | {"PYTHONPATH": str(_ROOT)}, timeout=30)
    assert done.output.split()[-1] == "0"
