"""Looks for the programs that Holdfast uses, says what each is for, and tries them; for a worker thread."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from app.domain.backup import CompressionMethod
from app.domain.errors import AppError, ErrorCode
from app.postgres.sandbox import running_sandbox
from app.postgres.toolchain import (
    Installation,
    Version,
    examine,
    find_installations,
    pick_dump_tool,
    pick_sandbox,
)
from app.supabase import cli as supabase_cli

_OLDEST = 13


class ToolKind(StrEnum):
    """What a program is for; the values are what people call it."""

    DUMP = "pg_dump"
    SANDBOX = "Sandbox"
    SUPABASE = "supabase"


@dataclass(frozen=True, slots=True)
class Tool:
    """A program of this computer.

    Attributes:
        path: where it lies; None for one that was not found.
        version: its own; empty where it is not known.
        majors: the versions of servers that it is used for.
        problem: why it cannot be used at all.
    """

    kind: ToolKind
    path: Path | None
    version: str
    origin: str = ""
    majors: tuple[int, ...] = ()
    problem: str = ""
    installation: Installation | None = None


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of a trial: what it can do and how long it took, or why it does not work.

    Attributes:
        is_signed_in: of Supabase's command line, if it lists its account's projects; None for the others.
    """

    abilities: tuple[str, ...] = ()
    seconds: float = 0.0
    problem: str = ""
    is_signed_in: bool | None = None


def find_tools() -> tuple[Tool, ...]:
    """Every program, usable or not, newest first; it runs each of them."""
    found = sorted(find_installations(), key=lambda one: (bool(one.problem), -one.version.major, one.origin))
    dumps, proofs = _uses(found)
    return (
        *(_tool(ToolKind.DUMP, one, "pg_dump", dumps[one.folder]) for one in found),
        *(_tool(ToolKind.SANDBOX, one, "postgres", proofs[one.folder]) for one in found if one.has_server),
        _supabase(),
    )


def try_tool(tool: Tool) -> Tried:
    """Run a program for a moment: a sandbox is started and stopped."""
    began = time.monotonic()
    try:
        if tool.kind is ToolKind.SUPABASE or tool.installation is None:
            return replace(_try_supabase(), seconds=time.monotonic() - began)
        if tool.kind is ToolKind.SANDBOX:
            with running_sandbox(tool.installation):
                return Tried(seconds=time.monotonic() - began)
        known = examine(tool.installation.folder, tool.installation.origin)
        methods = sorted(known.compression - {CompressionMethod.NONE})
        abilities = (*methods, *(["TLS"] if known.has_tls else []))
        return Tried(abilities, time.monotonic() - began, known.problem)
    except AppError as error:
        return Tried(problem=str(error))


def newest_server(tools: Iterable[Tool]) -> int:
    """The newest version of PostgreSQL that can be backed up; 0 for none."""
    return max((major for tool in tools if tool.kind is ToolKind.DUMP for major in tool.majors), default=0)


_Uses = defaultdict[Path, set[int]]


def _uses(found: Sequence[Installation]) -> tuple[_Uses, _Uses]:
    """For which servers each folder's pg_dump, and its server as a sandbox, is chosen."""
    dumps: _Uses = defaultdict(set)
    proofs: _Uses = defaultdict(set)
    newest = max((one.version.major for one in found), default=0)
    for major in range(_OLDEST, newest + 1):
        minor = max((one.version.minor for one in found if one.version.major == major), default=0)
        server = Version(major, minor)
        for needs_tls in (False, True):
            try:
                chosen = pick_dump_tool(found, server, needs_tls=needs_tls).installation
                dumps[chosen.folder].add(major)
                proofs[pick_sandbox(found, server, chosen.version).folder].add(major)
            except AppError:
                continue  # no use to tell of
    return dumps, proofs


def _tool(kind: ToolKind, of: Installation, program: str, majors: set[int]) -> Tool:
    version = "" if of.problem else str(of.version)
    return Tool(kind, of.program(program), version, of.origin, tuple(sorted(majors)), of.problem, of)


def _supabase() -> Tool:
    program = supabase_cli.find_cli()
    if program is None:
        return Tool(ToolKind.SUPABASE, None, "")
    try:
        return Tool(ToolKind.SUPABASE, program, supabase_cli.version(program))
    except AppError as error:
        return Tool(ToolKind.SUPABASE, program, "", problem=error.detail or error.title)


def _try_supabase() -> Tried:
    """Run Supabase's command line, and have it list the projects of its account.

    Raises:
        AppError: it does not run.
    """
    program = supabase_cli.find_cli()
    if program is None:
        return Tried()
    version = supabase_cli.version(program)
    try:
        supabase_cli.projects(program)
    except AppError as error:
        if error.code is ErrorCode.TOOL_BROKEN:
            raise
        return Tried((version,), is_signed_in=False)
    return Tried((version,), is_signed_in=True)
