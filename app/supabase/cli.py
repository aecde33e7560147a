"""Asks the Supabase CLI which projects there are, for users who have it and signed in with it.

It finds its token by itself: none is passed to it here. What it prints was learnt from its versions
2.122.1 and 3.1.0, run against a stand-in of the Management API; *not verified against the hosted service*.
"""

from __future__ import annotations

import functools
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import msgspec

from app.domain.errors import AppError, ErrorCode
from app.system.cancellation import CancelToken
from app.system.process import Finished, child_environment, run

VERSION_SECONDS = 10.0
LIST_SECONDS = 30.0
"""For one call, which takes 1 to 2 s; some hang."""

_NAMES = ("supabase.exe", "supabase.cmd") if sys.platform == "win32" else ("supabase",)
_UNDER_HOME = (
    ".local/bin",
    ".npm-global/bin",
    ".npm-packages/bin",
    ".nvm/versions/node/*/bin",
    ".volta/bin",
    ".local/share/pnpm",
    "Library/pnpm",
    ".bun/bin",
    ".linuxbrew/bin",
    "AppData/Roaming/npm",
    "scoop/shims",
)
_ELSEWHERE = ("/opt/homebrew/bin", "/usr/local/bin", "/home/linuxbrew/.linuxbrew/bin")
_ENVIRONMENT = {
    "SUPABASE_TELEMETRY_DISABLED": "1",
    "SUPABASE_NO_UPDATE_NOTIFIER": "1",
    "SUPABASE_API_MAX_RETRIES": "0",
}
_TOKEN = re.compile(r"sbp_\w+")
_STATUS = re.compile(r"[^:{]*\bstatus (\d{3}):")
_LONGEST_WORDS = 200
_SIGN_IN = "Run “supabase login”, or enter an access token."
_INSTALL = "Update the Supabase CLI (Holdfast knows its version 3), or enter an access token."


@dataclass(frozen=True, slots=True)
class CliDatabase:
    """A project's database: its direct host and PostgreSQL's version, as far as they are told."""

    host: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class CliProject:
    """A project of the account that the CLI is signed in to; the names are the API's.

    Attributes:
        ref: 20 small letters.
        status: ACTIVE_HEALTHY, INACTIVE (paused) and others.
    """

    ref: str
    name: str
    region: str = ""
    status: str = ""
    organization_id: str = ""
    organization_slug: str = ""
    database: CliDatabase = CliDatabase()


@dataclass(frozen=True, slots=True)
class _Failure:
    code: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class _Answer:
    projects: tuple[CliProject, ...] | None = None
    error: _Failure | None = None


def find_cli() -> Path | None:
    """The Supabase CLI: from PATH, else from where npm, pnpm, Homebrew, Scoop and others put it.

    Programs started from a desktop have a short PATH. Relative folders in it are passed over: they would
    run whatever lies in the working folder.
    """
    for folder in _folders():
        for name in _NAMES:
            program = folder / name
            if program.is_file() and os.access(program, os.X_OK):
                return program
    return None


def _folders() -> Iterator[Path]:
    yield from (Path(text) for text in os.get_exec_path() if Path(text).is_absolute())
    prefix = os.environ.get("NPM_CONFIG_PREFIX")
    if prefix:
        yield from (Path(prefix) / "bin", Path(prefix))
    for name, below in (("PNPM_HOME", ""), ("SCOOP", "shims"), ("SCOOP_GLOBAL", "shims"), ("APPDATA", "npm")):
        if os.environ.get(name):
            yield Path(os.environ[name], below)
    for pattern in _UNDER_HOME:
        yield from sorted(Path.home().glob(pattern), reverse=True)
    yield from map(Path, _ELSEWHERE)


def version(program: Path) -> str:
    """What the CLI says its version is: 3.1.0.

    Raises:
        AppError: TOOL_MISSING, TOOL_BROKEN.
    """
    done = _run([program, "--version"], {}, VERSION_SECONDS)
    found = re.search(r"\d+\.\d+\.\d+[\w.+-]*", done.output)
    if done.status != 0 or found is None:
        raise _broken(program, _said(done))
    return found[0]


def projects(
    program: Path,
    *,
    env: Mapping[str, str] | None = None,
    cancel: CancelToken | None = None,
    seconds: float = LIST_SECONDS,
) -> tuple[CliProject, ...]:
    """The projects of the account that the CLI is signed in to.

    Args:
        program: from `find_cli`.
        env: variables beside Holdfast's own, such as SUPABASE_PROFILE.
        seconds: for each call; a refusal takes two of them.

    Raises:
        AppError: TOKEN_MISSING, TOKEN_MALFORMED, TOKEN_REFUSED, API_UNREACHABLE (also when it hangs),
            API_ERROR; TOOL_MISSING, TOOL_BROKEN when the CLI itself does not do.
        Cancelled: `cancel` was set.
    """
    ask = functools.partial(_ask, program, env=env or {}, seconds=seconds, cancel=cancel)
    answer = ask("projects")
    if answer.error is not None:
        raise _failure(answer.error, lambda: _status_of(ask))
    if answer.projects is None:
        raise _broken(program, "an answer without projects")
    return answer.projects


def _ask(
    program: Path, what: str, *, env: Mapping[str, str], seconds: float, cancel: CancelToken | None
) -> _Answer:
    """One question, asked in an empty folder: the CLI reads tokens and more from .env where it runs."""
    with tempfile.TemporaryDirectory(prefix="holdfast-", ignore_cleanup_errors=True) as folder:
        argv: list[str | Path] = [program, what, "list", "--output-format", "json", "--workdir", folder]
        done = _run(argv, env, seconds, cancel, Path(folder))
    try:
        answer = msgspec.json.decode(done.output, type=_Answer)
    except msgspec.DecodeError as error:
        raise _broken(program, _said(done)) from error
    if done.status != 0 and answer.error is None:
        raise _broken(program, _said(done))
    return answer


def _run(
    argv: list[str | Path],
    env: Mapping[str, str],
    seconds: float,
    cancel: CancelToken | None = None,
    cwd: Path | None = None,
) -> Finished:
    program = Path(argv[0])
    path = os.pathsep.join((str(program.parent), *os.get_exec_path()))  # npm's needs the node beside it
    try:
        whole = child_environment({"PATH": path, **env, **_ENVIRONMENT})
        return run(argv, env=whole, timeout=seconds, cancel=cancel, cwd=cwd)
    except AppError as error:
        if isinstance(error.__context__, TimeoutError):
            raise AppError(
                ErrorCode.API_UNREACHABLE,
                f"The Supabase CLI did not answer within {seconds:g} seconds",
                detail=str(program),
                hint="Check the network, and whether the keyring asks to be opened.",
            ) from error
        raise AppError(error.code, error.title, detail=error.detail, hint=_INSTALL) from error


def _status_of(ask: Callable[[str], _Answer]) -> int:
    """The HTTP status behind a refusal: `orgs list` tells it, `projects list` does not. 0: not known."""
    try:
        answer = ask("orgs")
    except AppError:
        return 0  # it was to explain another failure, which is told all the same
    found = _STATUS.match(answer.error.message) if answer.error else None
    return int(found[1]) if found else 0


def _failure(error: _Failure, ask_status: Callable[[], int]) -> AppError:
    """What is behind a failure as the CLI names it."""
    said = _words(error.message)
    match error.code:
        case "AccessTokenRequiredError":
            return AppError(ErrorCode.TOKEN_MISSING, "The Supabase CLI is not signed in", hint=_SIGN_IN)
        case "InvalidAccessTokenError":
            title = "The access token that the Supabase CLI uses is none"
            return AppError(ErrorCode.TOKEN_MALFORMED, title, detail=said, hint=_SIGN_IN)
    if "SchemaError" in said or "Decode error" in said:  # 2.122.1 calls the first a NetworkError
        title, hint = "The Supabase CLI did not understand what it was answered", "Try again later."
        return AppError(ErrorCode.API_ERROR, title, detail=said, hint=hint)
    if error.code.endswith("NetworkError"):
        title, hint = "The Supabase CLI cannot reach Supabase", "Check the network."
        return AppError(ErrorCode.API_UNREACHABLE, title, detail=said, hint=hint)
    if not error.code.endswith("UnexpectedStatusError"):
        detail = _words(f"{error.code}: {error.message}")
        return AppError(ErrorCode.TOOL_BROKEN, "The Supabase CLI failed", detail=detail, hint=_INSTALL)
    status = ask_status()
    detail = f"HTTP {status}: {said}" if status else said
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        title = "Supabase refused the access token of the Supabase CLI"
        return AppError(ErrorCode.TOKEN_REFUSED, title, detail=detail, hint=_SIGN_IN)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        title, hint = "Supabase was asked too often", "Try again in a minute."
    else:
        title = "Supabase did not list the projects"
        hint = "Try again later, and check that the access token may read projects."
    return AppError(ErrorCode.API_ERROR, title, detail=detail, hint=hint)


def _broken(program: Path, said: str) -> AppError:
    title = "The Supabase CLI does not answer as expected"
    return AppError(ErrorCode.TOOL_BROKEN, title, detail=f"{program}: {said}", hint=_INSTALL)


def _said(done: Finished) -> str:
    lines = (_words(line) for line in (done.errors or done.output).splitlines())
    return next(filter(None, lines), f"it ended with status {done.status}")


def _words(text: str) -> str:
    """What the CLI says, on one short line, in which no token stands."""
    line = "".join(sign if sign.isprintable() else " " for sign in _TOKEN.sub("sbp_…", text)).strip()
    return line[:_LONGEST_WORDS]
