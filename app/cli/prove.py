"""`holdfast prove` restores a backup and compares; `holdfast verify` reads its files and streams."""

from __future__ import annotations

from pathlib import Path

import click

from app.cli import Exit
from app.cli.console import print_json, run_operation
from app.cli.options import backup_at, json_option
from app.cli.report import backup_object, exit_status, print_backup
from app.domain.proof import ProofLevel
from app.services import build_services

_backup_argument = click.argument("backup", type=click.Path(path_type=Path))


@click.command()
@_backup_argument
@json_option
def prove(backup: Path, as_json: bool) -> Exit:
    """Restore BACKUP into a throwaway server and compare every stream and every object."""
    found = backup_at(backup)
    services = build_services()
    proven = run_operation(lambda cancel, listener: services.prove(found, cancel, listener), quiet=as_json)
    if as_json:
        print_json(backup_object(proven))
    else:
        print_backup(proven)
    return exit_status(proven.manifest.proof, ProofLevel.PROVEN)


@click.command()
@_backup_argument
@json_option
def verify(backup: Path, as_json: bool) -> Exit:
    """Check every file of BACKUP against its hash, and read every data stream to its end."""
    found = backup_at(backup)
    services = build_services()
    verified = run_operation(lambda cancel, listener: services.verify(found, cancel, listener), quiet=as_json)
    if as_json:
        print_json(backup_object(verified))
    else:
        print_backup(verified)
        if not verified.manifest.proof.has_failed:
            click.echo("Verified  every file has its hash, and every data stream its end")
    return exit_status(verified.manifest.proof, ProofLevel.SEALED)
