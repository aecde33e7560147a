"""Names of living processes: each has its own, and a dead one's is free."""

from __future__ import annotations

import os
import sys
from contextlib import closing
from pathlib import Path

from app.system.process import Child
from app.system.running import claim, running

_HOLDER = """
import sys
from app.system.running import claim
held = claim("window")
print(held.name, flush=True)
sys.stdin.read()
"""


def test_each_process_of_a_kind_has_a_name_of_its_own(home: Path) -> None:
    assert running() == ()
    with closing(claim("window")) as first, closing(claim("window")) as second, closing(claim("backup")):
        assert (first.name, second.name) == ("window", "window-2")
        assert running() == ("backup", "window", "window-2")
    assert running() == ()


def test_the_name_of_a_process_that_was_killed_is_free(home: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", _HOLDER]
    with Child(command, env=environment, stdin=Child.PIPE, stdout=Child.PIPE, die_with_parent=None) as holder:
        assert holder.stdout.readline() == b"window\n"
        assert running() == ("window",)
        holder.kill()
    assert running() == ()
    with closing(claim("window")) as again:
        assert again.name == "window"
