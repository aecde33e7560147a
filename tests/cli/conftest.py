"""Runs the command line inside the test's own process, which is quick."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest

from app.cli import run_command_line


@dataclass(frozen=True)
class Ran:
    """What one run of the command line gave."""

    status: int
    output: str
    errors: str

    @property
    def json(self) -> dict[str, Any]:
        """Standard output as the one object that `--json` prints."""
        found: dict[str, Any] = json.loads(self.output)
        return found


class Cli(Protocol):
    """Runs one verb."""

    def __call__(self, *arguments: str | Path) -> Ran: ...


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """`cli("history", "--json")` gives its status and what it printed."""

    def run(*arguments: str | Path) -> Ran:
        capsys.readouterr()
        status = run_command_line([str(argument) for argument in arguments])
        output, errors = capsys.readouterr()
        return Ran(int(status), output, errors)

    return run
