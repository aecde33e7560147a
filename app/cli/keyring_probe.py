"""The hidden verb that asks the keyring in a process of its own: it is called often, so it loads little."""

from __future__ import annotations

import click

from app.cli import Exit
from app.persistence import secrets


@click.command(hidden=True)
def keyring_probe() -> Exit:
    """Try the keyring, for `probe`, which waits with a limit."""
    secrets.report_keyring()
    return Exit.DONE
