"""`holdfast demo`: the whole way on a sample database, from nothing to a proven backup."""

from __future__ import annotations

import shlex
import time
from pathlib import Path

import click

from app.cli import Exit
from app.cli.console import run_operation
from app.cli.report import print_backup
from app.domain.proof import ProofLevel, count_outcomes
from app.engine.demo import run_demo
from app.services import build_services
from app.system import paths
from app.system.files import make_folder


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), help="Where the backup goes; kept afterwards.")
def demo(folder: Path | None) -> Exit:
    """Start a throwaway server with a sample database, back it up, prove it, restore it, compare."""
    begun = time.monotonic()
    folder = make_folder((folder or paths.data_folder() / "demo").resolve())
    services = build_services()
    result = run_operation(
        lambda cancel, listener: run_demo(folder, services.installations, services.backup, cancel, listener)
    )
    click.echo(f"Server    {result.server}, started for this demo and gone again")
    click.echo(
        f"Sample    {result.tables} tables, {result.rows:,} rows, loaded in {result.load_seconds:.1f} s"
    )
    print_backup(result.backup)
    outcomes = ", ".join(f"{number} {outcome}" for outcome, number in count_outcomes(result.compared).items())
    click.echo(
        f"Restored  into a second database in {result.restore_seconds:.1f} s; "
        f"tables compared byte for byte: {outcomes}"
    )
    click.echo(f"All of it took {time.monotonic() - begun:.1f} s. Look into the backup:")
    click.echo(f"  cat {shlex.quote(result.backup.folder)}/RESTORE.txt")
    proven = result.backup.manifest.proof.level is ProofLevel.PROVEN
    return Exit.DONE if proven and result.is_identical else Exit.PROOF_FAILED
