from __future__ import annotations

import json
import logging
import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from app.domain.errors import AppError, Cancelled, ErrorCode
from app.supabase.cli import CliDatabase, CliProject, find_cli, projects, version
from app.system.cancellation import CancelToken
from tests.supabase.cli_api_stand_in import TOKEN, VERSION, CliApi, cli_api, real_cli, write_profile

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="stand-ins of programs are shell scripts")


@pytest.fixture(autouse=True)
def _signed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("SUPABASE_")]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def program() -> Path:
    return real_cli()


@pytest.fixture
def api(tmp_path: Path) -> Iterator[CliApi]:
    with cli_api(tmp_path) as running:
        yield running


@pytest.fixture
def signed_in(api: CliApi, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment that leads the CLI to the stand-in; the token is in the user's own."""
    monkeypatch.setenv("SUPABASE_ACCESS_TOKEN", TOKEN)
    return _environment(api.profile)


def _environment(profile: Path) -> dict[str, str]:
    return {"SUPABASE_PROFILE": str(profile), "SUPABASE_NO_KEYRING": "1"}


def _failure(program: Path, env: dict[str, str], seconds: float = 60) -> AppError:
    with pytest.raises(AppError) as failed:
        projects(program, env=env, seconds=seconds)
    error = failed.value
    told = f"{error!r} {error} {error.args} {error.detail} {error.hint}"
    assert TOKEN not in told
    return error


def _script(folder: Path, text: str, name: str = "supabase") -> Path:
    """A program that says what the real CLI says only in trouble."""
    folder.mkdir(parents=True, exist_ok=True)
    made = folder / name
    made.write_text(f"#!/bin/sh\n{text}\n")
    made.chmod(0o755)
    return made


def test_its_version_is_told(program: Path) -> None:
    assert version(program) == VERSION


def test_the_projects_of_the_account_are_listed(
    program: Path, api: CliApi, signed_in: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    seen: list[list[str]] = []
    api.on_question = lambda _: seen.extend(_argv_of_children())
    found = projects(program, env=signed_in)
    assert found[0] == CliProject(
        ref="abcdefghijklmnopqrst",
        name="Bücher & “Mehr”",
        region="eu-central-1",
        status="ACTIVE_HEALTHY",
        organization_id="org-1",
        organization_slug="org-one",
        database=CliDatabase("db.abcdefghijklmnopqrst.supabase.co", "17.4.1.054"),
    )
    assert (found[1].name, found[1].status, found[1].database) == ("asleep", "INACTIVE", CliDatabase())
    assert api.tokens == [f"Bearer {TOKEN}"]
    assert any(str(program) in argv for argv in seen)
    assert TOKEN not in str(seen)
    assert TOKEN not in caplog.text


def _argv_of_children() -> list[list[str]]:
    found = []
    for child in psutil.Process().children(recursive=True):
        try:
            found.append(child.cmdline())
        except psutil.Error:
            continue  # it ended meanwhile
    return found


def test_an_account_without_projects_has_none(program: Path, api: CliApi, signed_in: dict[str, str]) -> None:
    api.answers["/v1/projects"] = (200, "[]")
    assert projects(program, env=signed_in) == ()


def test_what_lies_in_the_working_folder_decides_nothing(
    program: Path, api: CliApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = tmp_path / "foreign"
    (foreign / "supabase").mkdir(parents=True)
    for folder in (foreign, foreign / "supabase"):
        (folder / ".env").write_text(f"SUPABASE_ACCESS_TOKEN={TOKEN}\n")
    monkeypatch.chdir(foreign)
    monkeypatch.setenv("SUPABASE_WORKDIR", str(foreign))
    assert _failure(program, _environment(api.profile)).code is ErrorCode.TOKEN_MISSING
    assert api.asked == []


def test_without_a_token_it_is_not_signed_in(program: Path, api: CliApi) -> None:
    error = _failure(program, _environment(api.profile))
    assert error.code is ErrorCode.TOKEN_MISSING
    assert "supabase login" in error.hint
    assert api.asked == []


def test_a_malformed_token_is_told_and_not_shown(program: Path, api: CliApi) -> None:
    env = _environment(api.profile) | {"SUPABASE_ACCESS_TOKEN": "no-token-at-all"}
    error = _failure(program, env)
    assert error.code is ErrorCode.TOKEN_MALFORMED
    assert "no-token-at-all" not in str(error)
    assert api.asked == []


@pytest.mark.parametrize("status", [401, pytest.param(403, marks=pytest.mark.slow)])
def test_a_refused_token_is_told(program: Path, api: CliApi, signed_in: dict[str, str], status: int) -> None:
    api.refuse(status, f"not with {TOKEN}")
    error = _failure(program, signed_in)
    assert error.code is ErrorCode.TOKEN_REFUSED
    assert error.detail.startswith(f"HTTP {status}: ")
    assert "not with sbp_…" in error.detail


@pytest.mark.parametrize(
    ("status", "word"), [pytest.param(429, "too often", marks=pytest.mark.slow), (500, "did not list")]
)
def test_trouble_of_the_service_is_no_trouble_of_the_token(
    program: Path, api: CliApi, signed_in: dict[str, str], status: int, word: str
) -> None:
    api.refuse(status)
    error = _failure(program, signed_in)
    assert error.code is ErrorCode.API_ERROR
    assert word in error.title
    assert error.detail.startswith(f"HTTP {status}: ")
    assert "words of the server" in error.detail
    assert api.asked == ["/v1/projects", "/v1/organizations"]  # asked once each: nothing is tried again


@pytest.mark.slow
def test_a_token_that_may_do_other_things_is_told_with_the_servers_words(
    program: Path, api: CliApi, signed_in: dict[str, str]
) -> None:
    api.answers["/v1/projects"] = (403, json.dumps({"message": "status 401: Forbidden resource"}))
    error = _failure(program, signed_in)
    assert error.code is ErrorCode.API_ERROR
    assert "Forbidden resource" in error.detail
    assert "may read projects" in error.hint


@pytest.mark.parametrize("text", ["<html>a portal</html>", pytest.param('[{"id": 3', marks=pytest.mark.slow)])
def test_an_answer_that_is_none_is_told(
    program: Path, api: CliApi, signed_in: dict[str, str], text: str
) -> None:
    api.answers["/v1/projects"] = (200, text)
    assert _failure(program, signed_in).code is ErrorCode.API_ERROR


def test_a_port_at_which_nothing_answers_is_told(program: Path, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        profile = write_profile(tmp_path, taken.getsockname()[1])
        error = _failure(program, _environment(profile) | {"SUPABASE_ACCESS_TOKEN": TOKEN})
    assert error.code is ErrorCode.API_UNREACHABLE


def test_a_service_that_never_answers_is_given_up_and_nothing_is_left_running(
    program: Path, api: CliApi, signed_in: dict[str, str]
) -> None:
    api.hangs.add("/v1/projects")
    error = _failure(program, signed_in, seconds=3)
    assert error.code is ErrorCode.API_UNREACHABLE
    assert "within 3 seconds" in error.title
    assert not any(str(program) in argv for argv in _argv_of_children())


def test_a_question_can_be_cancelled(program: Path, api: CliApi, signed_in: dict[str, str]) -> None:
    cancel = CancelToken()
    api.hangs.add("/v1/projects")
    api.on_question = lambda _: cancel.cancel()
    with pytest.raises(Cancelled):
        projects(program, env=signed_in, cancel=cancel, seconds=60)
    assert not any(str(program) in argv for argv in _argv_of_children())


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("echo 'unknown flag: --output-format' >&2; exit 1", "unknown flag"),
        ("echo '{}'", "without projects"),
        ("echo '[1, 2]'", "[1, 2]"),
        ("exit 3", "status 3"),
        ("kill -9 $$", "status -9"),
        ("""echo '{"projects": [{"name": "no ref"}]}'""", "no ref"),
        (
            """echo '{"_tag": "Error", "error": {"code": "ProfileLoadError", "message": "bad"}}'; exit 1""",
            "bad",
        ),
    ],
)
def test_a_cli_that_answers_otherwise_is_told(tmp_path: Path, text: str, word: str) -> None:
    error = _failure(_script(tmp_path, text), {})
    assert error.code is ErrorCode.TOOL_BROKEN
    assert word in error.detail
    assert "Update the Supabase CLI" in error.hint


@pytest.mark.parametrize("ask", [version, projects])
def test_a_cli_that_is_gone_is_told(tmp_path: Path, ask: Callable[[Path], object]) -> None:
    with pytest.raises(AppError) as failed:
        ask(tmp_path / "supabase")
    assert failed.value.code is ErrorCode.TOOL_MISSING
    assert "Supabase CLI" in failed.value.hint


def test_a_version_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(AppError) as failed:
        version(_script(tmp_path, "echo hello"))
    assert failed.value.code is ErrorCode.TOOL_BROKEN


def test_npms_starter_finds_the_node_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _script(tmp_path, "echo 3.2.1", name="node-of-tests")
    starter = tmp_path / "supabase"
    starter.write_text("#!/usr/bin/env node-of-tests\n")
    starter.chmod(0o755)
    monkeypatch.setenv("PATH", os.defpath)
    assert version(starter) == "3.2.1"


def test_the_cli_is_found_in_path_first(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _script(home / ".local/bin", "")
    first = _script(tmp_path / "bin", "")
    monkeypatch.setenv("PATH", f"{tmp_path / 'nothing'}{os.pathsep}{first.parent}")
    assert find_cli() == first


@pytest.mark.parametrize(
    "folder",
    [".local/bin", ".npm-global/bin", ".nvm/versions/node/v22.1.0/bin", ".volta/bin", "scoop/shims"],
)
def test_the_cli_is_found_outside_path(home: Path, monkeypatch: pytest.MonkeyPatch, folder: str) -> None:
    monkeypatch.setenv("PATH", str(home / "nothing"))
    made = _script(home / folder, "")
    assert find_cli() == made


@pytest.mark.parametrize(
    ("name", "below"), [("NPM_CONFIG_PREFIX", "bin"), ("PNPM_HOME", ""), ("SCOOP", "shims")]
)
def test_the_cli_is_found_where_package_managers_were_told_to_put_it(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, below: str
) -> None:
    monkeypatch.setenv("PATH", str(home / "nothing"))
    monkeypatch.setenv(name, str(tmp_path))
    made = _script(tmp_path / below, "")
    assert find_cli() == made


def test_what_is_no_program_or_lies_in_the_working_folder_is_passed_over(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _script(tmp_path, "")
    (home / ".local/bin").mkdir(parents=True)
    (home / ".local/bin/supabase").write_text("a text")
    (home / ".volta/bin/supabase").mkdir(parents=True)
    monkeypatch.setenv("PATH", os.pathsep.join(["", ".", str(home)]))
    monkeypatch.setattr("app.supabase.cli._ELSEWHERE", ())
    assert find_cli() is None
