"""`holdfast projects`: the databases that the user backs up."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from datetime import UTC, datetime

import click
from psycopg.conninfo import make_conninfo

from app.cli import Exit
from app.cli.console import error_object, print_json, shown
from app.cli.options import json_option
from app.cli.project_key import key
from app.domain.errors import AppError, ErrorCode
from app.domain.project import Project, Secret
from app.domain.remedy import Remedy
from app.engine.preflight import BackupRequest, Check, preflight
from app.engine.supabase_access import SERVICE, key_account, ref_of
from app.persistence import secrets
from app.persistence.settings import (
    add_project,
    find_project,
    load_settings,
    remove_project,
    replace_project,
    settings_path,
)
from app.postgres.connection import Connection, parse_connection
from app.services import build_services
from app.system.cancellation import CancelToken


@click.group()
def projects() -> None:
    """Add, list, test and remove projects."""


projects.add_command(key)


@projects.command()
@click.argument("name")
@click.option("--url", metavar="URL", help="A connection string; its password goes to the keyring.")
@click.option(
    "--supabase",
    "ref",
    metavar="REF",
    help="A project of “holdfast supabase projects”; the database's password is asked for, or read from "
    "standard input.",
)
def add(name: str, url: str | None, ref: str | None) -> Exit:
    """Add a project under NAME."""
    if bool(url) == bool(ref):
        raise click.UsageError("Give one of --url and --supabase.")
    connection = parse_connection(url) if url else _at_supabase(ref or "")
    add_project(settings_path(), Project(name, connection.conninfo, datetime.now(UTC), supabase=ref or ""))
    click.echo(f"Added {name}: {connection.describe()}")
    for note in connection.notes:
        click.echo(note)
    if connection.password is None:
        return Exit.DONE
    state = secrets.probe()
    problem = state.problem
    if state.usable:
        try:
            secrets.set_password(name, connection.password)
        except AppError as error:
            problem = str(error)
    if problem:
        click.secho(f"The password was not stored. {problem}", fg="yellow", err=True)
        return Exit.DONE
    click.echo(f"The password is stored in {state.name}.")
    return Exit.DONE


def _at_supabase(ref: str) -> Connection:
    """The way to a project of the user's account, with the password that the user gives.

    Raises:
        AppError: why there is no way.
    """
    from app.cli.supabase import needed_token
    from app.engine.supabase_projects import find_way
    from app.supabase.management_api import ManagementApi

    way = find_way(ManagementApi(needed_token()), ref)
    connection = parse_connection(make_conninfo(**way.keywords))
    is_asked = sys.stdin.isatty()
    text = click.prompt("Database password", hide_input=True) if is_asked else sys.stdin.readline()
    password = Secret(text.rstrip("\r\n")) if text.strip() else None
    notes = (*connection.notes, way.note) if way.note else connection.notes
    return replace(connection, password=password, notes=notes)


@projects.command(name="list")
@json_option
def list_(as_json: bool) -> Exit:
    """List all projects."""
    found = load_settings(settings_path()).projects
    if as_json:
        print_json({"projects": found})
    elif not found:
        click.echo("There are no projects yet: “holdfast projects add NAME --url URL” makes one.")
    for project in () if as_json else found:
        click.echo(f"{project.name}  {parse_connection(project.conninfo).describe()}")
    return Exit.DONE


@projects.command()
@click.argument("name")
@json_option
def test(name: str, as_json: bool) -> Exit:
    """Check everything that a backup of NAME needs."""
    services = build_services()
    project = find_project(services.settings, name)
    connection = services.connection_of(project)
    checks: list[Check] = []

    def on_check(check: Check) -> None:
        if check.failure is not None:
            failure = services.told_apart(check.failure, project.name, connection)
            check = replace(check, failure=failure)
        checks.append(check)
        if not as_json:
            _print_check(check)
            if _is_direct_way(check.failure, connection):
                click.echo(f"  Or try: holdfast projects use-pooler {shlex.quote(project.name)}")

    request = BackupRequest(project.name, connection, destination=services.settings.destination_folder)
    try:
        preflight(request, services.installations, on_check)
    except AppError:
        if not any(check.failure for check in checks):
            raise
    if as_json:
        print_json({"checks": [_check_object(check) for check in checks]})
    return Exit.FAILED if any(check.failure for check in checks) else Exit.DONE


@projects.command(name="use-pooler")
@click.argument("name")
def use_pooler(name: str) -> Exit:
    """Reach NAME, a project at Supabase, through its session pooler, once that answers."""
    from app.cli.supabase import needed_token
    from app.engine.supabase_projects import pooler_keywords
    from app.supabase.management_api import ManagementApi

    services = build_services()
    project = find_project(services.settings, name)
    connection = services.connection_of(project)
    if not connection.type.has_session_pooler(connection.keywords):
        raise AppError(
            ErrorCode.INVALID_INPUT, f"{project.name} does not lead to a Supabase project directly"
        )
    ref = project.supabase or ref_of(connection.keywords)
    words = pooler_keywords(ManagementApi(needed_token()), ref, connection.keywords)
    pooled = replace(connection, conninfo=make_conninfo("", **words))
    check = services.check_connection(pooled, lambda _: None, CancelToken())
    if failed := [line.failure for line in check.lines if line.failure is not None]:
        raise failed[0]
    replace_project(settings_path(), project.name, replace(project, conninfo=pooled.conninfo))
    click.echo(f"{project.name} is reached through its session pooler now: {pooled.describe()}")
    return Exit.DONE


def _is_direct_way(failure: AppError | None, connection: Connection) -> bool:
    offers = failure is not None and Remedy.USE_SESSION_POOLER in failure.actions
    return offers and connection.type.has_session_pooler(connection.keywords)


def _print_check(check: Check) -> None:
    if check.failure is None:
        click.echo(f"✓ {check.name}: {shown(check.found)}")
        return
    click.secho(f"✗ {check.name}: {shown(check.failure.title)}", fg="red")
    for text in filter(None, (check.failure.detail, check.failure.hint)):
        click.echo(f"  {shown(text)}")


def _check_object(check: Check) -> dict[str, object]:
    return {
        "name": check.name,
        "found": check.found,
        "error": error_object(check.failure) if check.failure else None,
    }


@projects.command()
@click.argument("name")
def remove(name: str) -> Exit:
    """Forget NAME and its password. Its backups stay."""
    project = find_project(load_settings(settings_path()), name)
    if secrets.probe().usable:
        secrets.delete_password(project.name)
        secrets.delete_password(key_account(project.name), SERVICE)
    remove_project(settings_path(), project.name)
    click.echo(f"Removed {project.name}. Its backups stay where they are.")
    return Exit.DONE
