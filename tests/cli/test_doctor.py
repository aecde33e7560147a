"""What the doctor says of the Supabase CLI; its other lines are tried in test_command_line.py."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="stand-ins of programs are shell scripts")

TOKEN = "sbp_" + "0a1b2c3d" * 5


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the Supabase CLI is looked for first."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("SUPABASE_ACCESS_TOKEN", TOKEN)
    return tmp_path / "supabase"


def _answering(program: Path, answer: str, status: int = 0) -> None:
    lines = ("#!/bin/sh", '[ "$1" = --version ] && echo 3.1.0 && exit', "cat <<'END'", answer, "END")
    program.write_text("\n".join((*lines, f"exit {status}\n")))
    program.chmod(0o755)


def _told(cli: Cli) -> tuple[str, dict[str, Any]]:
    """As text and as JSON."""
    text, found = cli("doctor"), cli("doctor", "--json")
    for ran in (text, found):
        assert ran.status == 0
        assert TOKEN not in ran.output + ran.errors
    told: dict[str, Any] = found.json["supabase_cli"]
    return text.output, told


def test_a_cli_that_is_signed_in_is_told_with_its_projects(cli: Cli, program: Path) -> None:
    _answering(program, '{"projects": [{"ref": "abcdefghijklmnopqrst", "name": "shop"}]}')
    text, told = _told(cli)
    assert told == {"program": str(program), "version": "3.1.0", "projects": 1, "problem": ""}
    assert f"3.1.0  {program}" in text
    assert "signed in; projects: 1" in text


def test_a_cli_that_is_not_signed_in_is_told_so(cli: Cli, program: Path) -> None:
    _answering(program, '{"_tag": "Error", "error": {"code": "AccessTokenRequiredError"}}', 1)
    text, told = _told(cli)
    assert (told["version"], told["projects"]) == ("3.1.0", None)
    assert "is not signed in" in told["problem"]
    assert told["problem"] in text


def test_a_cli_that_does_not_run_is_no_reason_to_fail(cli: Cli, program: Path) -> None:
    program.write_text("#!/bin/sh\nexit 127\n")
    program.chmod(0o755)
    _, told = _told(cli)
    assert told["version"] == ""
    assert "status 127" in told["problem"]


def test_a_problem_is_shown_without_codes_that_a_terminal_would_obey(cli: Cli, program: Path) -> None:
    _answering(program, '{"_tag": "Error", "error": {"code": "\\u001b[2J", "message": "x"}}', 1)
    text, _ = _told(cli)
    assert "\x1b" not in text
