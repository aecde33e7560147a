"""`holdfast history`: what was backed up when, and how it went."""

from __future__ import annotations

from pathlib import Path

import click

from app.cli import Exit
from app.cli.console import print_json, shown, size
from app.cli.options import json_option
from app.cli.reminder_words import silent_channels
from app.services import build_services


@click.command()
@click.option("--project", metavar="NAME", help="Only this project.")
@click.option(
    "--limit", type=click.IntRange(1), default=30, show_default=True, help="At most so many, newest first."
)
@click.option(
    "--rescan",
    is_flag=False,
    flag_value="",
    metavar="[DIR]",
    help="First read the manifests in the folder for backups, or in DIR: the folder is the truth.",
)
@json_option
def history(project: str | None, limit: int, rescan: str | None, as_json: bool) -> Exit:
    """List backups, newest first."""
    services = build_services()
    if rescan is not None:
        folder = Path(rescan) if rescan else services.settings.destination_folder
        found = services.catalog.rescan(folder)
        click.echo(
            f"{folder}: {found.added} added, {found.updated} updated, {found.missing} missing", err=True
        )
        for path, problem in found.problems:
            click.secho(shown(f"{path}: {problem}"), fg="yellow", err=True)
    entries = services.catalog.history(project, limit=limit)
    if as_json:
        print_json({"backups": entries, "reminders": services.catalog.latest_tries(limit)})
        return Exit.DONE
    if not entries:
        click.echo(f"There are no backups of “{project}”." if project else "There are no backups yet.")
    for entry in entries:
        state = "missing" if entry.missing else entry.result
        proof = "proof failed" if entry.proof_failure else entry.proof_level or "–"
        what = shown(f"{entry.project}  {entry.path or entry.error_title}")
        bytes_ = size(entry.bytes) if entry.bytes else "–"
        click.echo(f"{entry.started:%Y-%m-%d %H:%M:%S}Z  {state:<11}  {proof:<12}  {bytes_:>9}  {what}")
    for line in silent_channels(services.settings, services.catalog.tries()):
        click.secho(line, fg="yellow", err=True)
    return Exit.DONE
