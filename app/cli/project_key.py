"""`holdfast projects key`: the key to a Supabase project's storage files, kept in the keyring alone."""

from __future__ import annotations

import sys
from dataclasses import replace
from urllib.parse import urlsplit

import click

from app.cli import Exit
from app.domain.errors import AppError, ErrorCode
from app.domain.project import Secret
from app.engine.supabase_access import KEY_VARIABLE, SERVICE, key_account, ref_of
from app.persistence import secrets
from app.persistence.settings import find_project, load_settings, replace_project, settings_path
from app.postgres.connection import parse_connection
from app.supabase.access import check_key


@click.command()
@click.argument("name")
@click.option(
    "--api-url",
    metavar="URL",
    help="Where a project on your own server has its web interfaces, http://localhost:54321 say.",
)
def key(name: str, api_url: str | None) -> Exit:
    """Keep the service key of the Supabase project NAME. It is asked for, or read from standard input."""
    project = find_project(load_settings(settings_path()), name)
    if api_url is not None:
        project = replace(project, api_url=_checked(api_url))
        replace_project(settings_path(), project.name, project)
    ref = project.supabase or ref_of(parse_connection(project.conninfo).keywords)
    if not ref and not project.api_url:
        raise AppError(
            ErrorCode.INVALID_INPUT,
            f"{project.name} is none of Supabase’s own projects",
            hint="Say with --api-url where its web interfaces answer.",
        )
    text = click.prompt("Service key", hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.read()
    if not text.strip():
        raise AppError(ErrorCode.INVALID_INPUT, "There is no key on standard input")
    given = Secret(text.strip())
    check_key(given, ref)
    state = secrets.probe()
    if not state.usable:
        raise AppError(
            ErrorCode.KEYRING_LOCKED if state.locked else ErrorCode.NO_KEYRING,
            "The key was not stored",
            detail=state.problem,
            hint=f"Without a keyring, give the key with {KEY_VARIABLE}.",
        )
    secrets.set_password(key_account(project.name), given, SERVICE)
    click.echo(f"The service key of {project.name} is stored in {state.name}.")
    return Exit.DONE


def _checked(url: str) -> str:
    parts = urlsplit(url.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
        raise AppError(
            ErrorCode.INVALID_INPUT,
            "That is no address of web interfaces",
            hint="It looks like https://supabase.example.com, without a key or a password.",
        )
    return url.strip().rstrip("/")
