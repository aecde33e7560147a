"""The command line. Each verb's module is imported when it is asked for, so that Holdfast starts at once."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from enum import IntEnum

import click

from app import __version__
from app.domain.errors import AppError, Cancelled, ErrorCode


class Exit(IntEnum):
    """Exit statuses; the same for every verb."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    PROOF_FAILED = 3
    CANCELLED = 130


_VERBS = {
    "demo": "app.cli.demo",
    "projects": "app.cli.projects",
    "backup": "app.cli.backup",
    "prove": "app.cli.prove",
    "verify": "app.cli.prove",
    "inspect": "app.cli.inspect",
    "history": "app.cli.history",
    "doctor": "app.cli.doctor",
    "keyring-probe": "app.cli.doctor",
}


class _LazyGroup(click.Group):
    """Finds a verb's module by name, without importing the others."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return [name for name in _VERBS if name != "keyring-probe"]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _VERBS:
            return None
        module = importlib.import_module(_VERBS[cmd_name])
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command


@click.command(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="holdfast")
def holdfast() -> None:
    """Back up PostgreSQL databases and prove that each backup restores."""


def run_command_line(arguments: Sequence[str]) -> int:
    """Run one verb; give its exit status. Failures that a user can act on are printed, never a traceback."""
    try:
        status = holdfast.main(list(arguments), prog_name="holdfast", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return Exit.USAGE
    except click.ClickException as error:
        error.show()
        return Exit.USAGE
    except (Cancelled, click.Abort, KeyboardInterrupt):
        click.echo("Cancelled.", err=True)
        return Exit.CANCELLED
    except AppError as error:
        _print_error(error, as_json="--json" in arguments)
        return Exit.USAGE if error.code is ErrorCode.INVALID_INPUT else Exit.FAILED
    except BrokenPipeError:
        return Exit.FAILED
    return status if isinstance(status, int) else Exit.DONE


def _print_error(error: AppError, *, as_json: bool) -> None:
    if as_json:
        from app.cli.console import error_object, print_json

        print_json(error_object(error))
        return
    click.secho(f"{error.title}.", fg="red", bold=True, err=True)
    for text in (error.detail, error.hint):
        if text:
            click.echo(text, err=True)
