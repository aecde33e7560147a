"""`holdfast doctor`: what Holdfast found on this machine, and what it would use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import click

from app.cli import Exit
from app.cli.console import print_json, shown, size
from app.cli.options import json_option
from app.domain.errors import AppError
from app.engine.supabase_access import kept_token
from app.persistence import secrets
from app.postgres.sandbox import default_root
from app.postgres.toolchain import Installation, Version, pick_dump_tool
from app.services import build_services
from app.supabase import cli as supabase_cli
from app.system.files import free_bytes

_SUPABASE_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class _SupabaseCli:
    """The Supabase CLI; `projects` counts those of its account, None where it could not list them."""

    program: str
    version: str = ""
    projects: int | None = None
    problem: str = ""


@click.command()
@json_option
def doctor(as_json: bool) -> Exit:
    """Show the PostgreSQL tools and which is used when, the keyring, free space, the Supabase CLI."""
    services = build_services()
    installations = services.installations
    keyring = secrets.probe()
    destination = services.settings.destination_folder
    command_line = _supabase_cli()
    found = {
        "tools": [_tool_object(item) for item in installations],
        "choices": {f"PostgreSQL {major}": _choice(installations, major) for major in range(13, 19)},
        "keyring": keyring,
        "destination": {"folder": str(destination), "free": free_bytes(destination)},
        "sandboxes": {"folder": str(default_root()), "free": free_bytes(default_root())},
        "supabase_cli": command_line,
        "supabase_token": _has_token(),
    }
    status = Exit.DONE if any(not item.problem for item in installations) else Exit.FAILED
    if as_json:
        print_json(found)
        return status
    click.secho("PostgreSQL tools", bold=True)
    for item in installations:
        abilities = ", ".join(
            [*sorted(item.compression), *(["TLS"] * item.has_tls), *(["server"] * item.has_server)]
        )
        click.echo(f"  {item.version}  {item.origin}  {item.folder}")
        click.echo(f"        {item.problem or abilities}")
    click.secho("Which is used for a server of", bold=True)
    for major in range(13, 19):
        click.echo(f"  PostgreSQL {major}: {_choice(installations, major)}")
    click.secho("Keyring", bold=True)
    click.echo(f"  {keyring.name}: {'works' if keyring.usable else keyring.problem}")
    click.secho("Folders", bold=True)
    click.echo(f"  Backups    {destination} ({size(free_bytes(destination))} free)")
    click.echo(f"  Sandboxes  {default_root()} ({size(free_bytes(default_root()))} free)")
    click.secho("Supabase", bold=True)
    signed_in = "holds an access token" if found["supabase_token"] else "holds no access token"
    click.echo(f"  Holdfast {signed_in}")
    if command_line is None:
        click.echo("  The Supabase CLI is not installed, and not needed")
    else:
        click.echo(f"  Supabase CLI {command_line.version or '?'}  {shown(command_line.program)}")
        click.echo(f"        {command_line.problem or f'signed in; projects: {command_line.projects}'}")
    return status


def _tool_object(item: Installation) -> dict[str, object]:
    return {
        "folder": str(item.folder),
        "origin": item.origin,
        "version": str(item.version),
        "compression": sorted(item.compression),
        "tls": item.has_tls,
        "server": item.has_server,
        "problem": item.problem,
    }


def _choice(installations: Sequence[Installation], major: int) -> str:
    newest = max((i.version.minor for i in installations if i.version.major == major), default=0)
    try:
        choice = pick_dump_tool(installations, Version(major, newest), needs_tls=False)
    except AppError as error:
        return f"{error.title}. {error.hint}"
    return f"{choice.installation}: {choice.reason}"


def _has_token() -> bool:
    """Whether a token is kept or in the environment; a locked keyring tells of none."""
    try:
        return kept_token() is not None
    except AppError:
        return False


def _supabase_cli() -> _SupabaseCli | None:
    program = supabase_cli.find_cli()
    if program is None:
        return None
    version = ""
    try:
        version = supabase_cli.version(program)
        projects = supabase_cli.projects(program, seconds=_SUPABASE_SECONDS)
    except AppError as error:
        return _SupabaseCli(str(program), version, problem=str(error))
    return _SupabaseCli(str(program), version, len(projects))
