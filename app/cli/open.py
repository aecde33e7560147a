"""`holdfast open`: a copy of a backup or dump in a throwaway server, to look around in."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click

from app.cli import Exit
from app.cli.console import print_json, run_operation
from app.cli.options import json_option
from app.cli.restore_text import print_report
from app.cli.signals import interrupted_by_signals
from app.domain.restore import RestoreOptions, RestoreResult
from app.engine.restore.job import open_job
from app.engine.restore.open_copy import address_of
from app.engine.restore.sandbox_copy import sandbox_target
from app.services import build_services


@click.command(name="open")
@click.argument("sources", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--database", default="", metavar="NAME", help="Which database of a whole server's dump.")
@json_option
def open_(sources: tuple[Path, ...], database: str, as_json: bool) -> Exit:
    """Restore SOURCE into a throwaway server and keep that up until Enter is pressed."""
    services = build_services()
    options = RestoreOptions(jobs=2, safety_backup=False, database=database)
    with (
        interrupted_by_signals(),
        sandbox_target(sources, database, services.installations) as target,
        open_job(sources, target, options, services.installations) as job,
    ):
        run_operation(job.plan, quiet=as_json)
        report = run_operation(job.run, quiet=as_json)
        is_there = report.result in (RestoreResult.SUCCEEDED, RestoreResult.INCOMPLETE)
        address = address_of(target.connection) if is_there else None
        if as_json:
            print_json({"connection": address, "report": report})
        else:
            print_report(report)
        if address is None:
            return Exit.CANCELLED if report.result is RestoreResult.CANCELLED else Exit.FAILED
        if not as_json:
            click.echo(f"Connect   psql {shlex.quote(address)}")
            click.echo("Press Enter to close it; the copy is gone then.")
        sys.stdout.flush()
        try:
            sys.stdin.readline()
        except KeyboardInterrupt:
            click.echo(err=True)  # ends the line on which the terminal shows ^C
    return Exit.DONE
