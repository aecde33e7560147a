"""`holdfast supabase`: the sign-in with which projects are found and all of their parts are saved."""

from __future__ import annotations

import sys

import click

from app.cli import Exit
from app.cli.console import print_json, shown
from app.cli.options import json_option
from app.domain.errors import AppError, ErrorCode
from app.domain.project import Secret
from app.engine.supabase_access import TOKEN_VARIABLE, forget_token, keep_token, kept_token


@click.group()
def supabase() -> None:
    """Sign in to Supabase and list your projects there."""


@supabase.command()
def login() -> Exit:
    """Keep a personal access token in the keyring; it is asked for, or read from standard input."""
    from app.supabase.management_api import TOKENS_PAGE, ManagementApi

    if sys.stdin.isatty():
        click.echo(f"Make a token at {TOKENS_PAGE}")
        text = click.prompt("Access token", hide_input=True)
    else:
        text = sys.stdin.readline()
    token = Secret(text.strip())
    number = len(ManagementApi(token).projects())
    keyring = keep_token(token)
    click.echo(
        f"Signed in: {number} {'project' if number == 1 else 'projects'}. The token is kept in {keyring}."
    )
    return Exit.DONE


@supabase.command()
def logout() -> Exit:
    """Forget the token. It stays valid until you revoke it at Supabase."""
    click.echo("The token is forgotten." if forget_token() else "There was no token in the keyring.")
    return Exit.DONE


@supabase.command()
@json_option
def projects(as_json: bool) -> Exit:
    """List the projects that your token may see."""
    from app.engine.supabase_projects import find_projects
    from app.supabase.management_api import ManagementApi

    found = find_projects(ManagementApi(needed_token()))
    if as_json:
        print_json({"projects": found})
        return Exit.DONE
    for one in found:
        state = "paused" if one.is_paused else one.status.lower().replace("_", " ")
        click.echo(shown(f"{one.ref}  {one.name}  ({one.organisation}, {one.region}, {state})"))
    if not found:
        click.echo("This token may see no project.")
    return Exit.DONE


def needed_token() -> Secret:
    """The user's token.

    Raises:
        AppError: TOKEN_MISSING or KEYRING_LOCKED.
    """
    token = kept_token()
    if token is None:
        raise AppError(
            ErrorCode.TOKEN_MISSING,
            "You are not signed in to Supabase",
            hint=f"“holdfast supabase login” keeps an access token in the keyring; or set {TOKEN_VARIABLE}.",
        )
    return token
