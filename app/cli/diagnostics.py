"""`holdfast diagnostics`: what to send along when something does not work."""

from __future__ import annotations

import click

from app.cli import Exit
from app.cli.console import print_json
from app.cli.options import json_option
from app.engine.diagnostics import collect, diagnostics_text


@click.command()
@json_option
def diagnostics(as_json: bool) -> Exit:
    """Show versions, tools, settings without secrets and names, and the last lines of the log.

    Read it before you send it to somebody. Projects, hosts and users stand there as numbers.
    """
    found = collect()
    if as_json:
        print_json(found)
    else:
        click.echo(diagnostics_text(found), nl=False)
    return Exit.DONE
