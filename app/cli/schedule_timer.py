"""`holdfast schedules install`: have the system itself run what is due, without the window."""

from __future__ import annotations

import sys

import click

from app.cli import Exit
from app.cli.console import shown
from app.system.timers import (
    LARGEST_STEP,
    can_install,
    install_timer,
    own_cron_line,
    runs_without_session,
    timer_files,
    uninstall_timer,
)


@click.command()
@click.option("--print", "only_print", is_flag=True, help="Show what would be set up, and change nothing.")
@click.option(
    "--every",
    "minutes",
    type=click.IntRange(1, LARGEST_STEP),
    default=1,
    show_default=True,
    metavar="MINUTES",
    help="Look so often what is due.",
)
def install(only_print: bool, minutes: int) -> Exit:
    """Have the system run “holdfast run-due” each minute, also while no window is open.

    On Linux that is a timer of the user's own systemd; where none runs, the line for cron is printed.
    """
    if only_print:
        for path, content in timer_files(minutes).items():
            encoding = "utf-16" if sys.platform == "win32" else "utf-8"
            click.echo(f"# {shown(str(path))}\n{content.decode(encoding)}")
        if sys.platform != "win32":
            click.echo(f"# or with crontab -e\n{own_cron_line(minutes)}")
        return Exit.DONE
    if not can_install():
        click.echo("No systemd of your own runs here. Add this line with “crontab -e”:", err=True)
        click.echo(own_cron_line(minutes))
        click.echo("cron sees no keyring: keep the password in ~/.pgpass, which only you may read.", err=True)
        return Exit.DONE
    install_timer(minutes)
    often = "each minute" if minutes == 1 else f"every {minutes} minutes"
    click.echo(f"The system looks {often} what is due. “holdfast schedules uninstall” ends that.")
    if sys.platform == "linux" and not runs_without_session():
        click.echo("It does so while you are logged in; “loginctl enable-linger” has it go on.", err=True)
    return Exit.DONE


@click.command()
def uninstall() -> Exit:
    """End what “install” began. Schedules stay, and run while the window does."""
    had_one = uninstall_timer()
    click.echo("The system no longer runs schedules." if had_one else "The system ran no schedules.")
    if not can_install():
        click.echo("A line in crontab is yours to remove: “crontab -e”.", err=True)
    return Exit.DONE
