"""`holdfast operation`: the child of a window, which does one operation for it."""

from __future__ import annotations

import click

from app.cli import Exit
from app.own_process import serve


@click.command(hidden=True)
def operation() -> Exit:
    """Do the operation that is described on standard input, for the window."""
    serve()
    return Exit.DONE
