"""`holdfast reset`: remove what Holdfast keeps on this computer, but no backup."""

from __future__ import annotations

import click

from app.cli import Exit
from app.cli.console import shown, size
from app.domain.errors import AppError, ErrorCode
from app.engine.reset import Reset, carry_out, plan_reset, refuse_while_running


@click.command()
@click.option("--settings", is_flag=True, help="Remove settings, projects, passwords, history and logs.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def reset(settings: bool, yes: bool) -> Exit:
    """Remove everything that Holdfast keeps on this computer for you, except backups.

    It lists what goes and what stays, and asks. Nothing is done while a window or an operation is alive.
    Exit status 1: something could not be removed; it is named.
    """
    if not settings:
        raise AppError(ErrorCode.INVALID_INPUT, "Say what is to be removed: --settings")
    refuse_while_running()
    plan = plan_reset()
    _print_plan(plan)
    if not yes:
        click.confirm("Remove all this?", abort=True, err=True)
        refuse_while_running()
    left = carry_out(plan)
    for one in left:
        click.secho(f"Not removed: {shown(one.what)}. {shown(one.why)}", fg="red", err=True)
    if left:
        return Exit.FAILED
    click.echo("Removed. Backups are where they were.")
    return Exit.DONE


def _print_plan(plan: Reset) -> None:
    click.secho("Removed", bold=True)
    projects = f"{plan.projects} project{'' if plan.projects == 1 else 's'}"
    schedules = f"{plan.schedules} schedule{'' if plan.schedules == 1 else 's'}"
    click.echo(f"  Settings, with {projects}, {schedules} and all reminders")
    click.echo("  Passwords and tokens that Holdfast put into the keyring, if it can be reached")
    if plan.problem:
        click.echo(f"    of old projects as far as they are known: {shown(plan.problem)}")
    if plan.starts_at_login:
        click.echo("  The start at login")
    if plan.has_timer:
        click.echo("  The system’s timer that runs schedules")
    click.echo("  Catalog, logs, sandboxes:" if plan.files or plan.last else "  No files: there are none")
    for folder in dict.fromkeys(path.parent for path in (*plan.last, *plan.files)):
        click.echo(f"    {shown(str(folder))}")
    click.secho("Kept", bold=True)
    for one in plan.kept:
        number = f"{one.backups:,} backup{'' if one.backups == 1 else 's'}"
        click.echo(f"  {shown(str(one.folder))}  {number}, {size(one.bytes)}")
    if not plan.kept:
        click.echo("  No backups are known")
    click.echo("  Lines for Holdfast in your crontab, and ~/.pgpass, which are yours")
