"""The command line. Each verb's module is imported when it is asked for, so that Holdfast starts at once."""

from __future__ import annotations

import importlib
import io
import os
import sys
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
    "supabase": "app.cli.supabase",
    "backup": "app.cli.backup",
    "prove": "app.cli.prove",
    "verify": "app.cli.prove",
    "inspect": "app.cli.inspect",
    "restore": "app.cli.restore",
    "open": "app.cli.open",
    "export": "app.cli.export",
    "history": "app.cli.history",
    "schedules": "app.cli.schedules",
    "run-due": "app.cli.run_due",
    "reminders": "app.cli.reminders",
    "prune": "app.cli.prune",
    "doctor": "app.cli.doctor",
    "diagnostics": "app.cli.diagnostics",
    "reset": "app.cli.reset",
    "keyring-probe": "app.cli.keyring_probe",
    "operation": "app.cli.operation",
}
_HIDDEN = ("keyring-probe", "operation")
"""Holdfast calls them itself."""
_LOGGED = {"backup", "demo", "export", "open", "operation", "prove", "prune", "restore", "run-due", "verify"}
"""They work on backups, and keep a log of it."""


class _LazyGroup(click.Group):
    """Finds a verb's module by name, without importing the others."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return [name for name in _VERBS if name not in _HIDDEN]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _VERBS:
            return None
        module = importlib.import_module(_VERBS[cmd_name])
        name = cmd_name.replace("-", "_")
        command: click.Command = getattr(module, name, None) or getattr(module, f"{name}_")
        return command


@click.command(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="holdfast")
def holdfast() -> None:
    """Back up PostgreSQL databases and prove that each backup restores."""


def run_command_line(arguments: Sequence[str]) -> int:
    """Run one verb; give its exit status. Failures that a user can act on are printed, never a traceback."""
    if not arguments or arguments[0] not in _LOGGED or {"-h", "--help"}.intersection(arguments):
        return _run(arguments)
    from app.cli.process_log import logged

    with logged(arguments[0]):
        return _run(arguments)


def _run(arguments: Sequence[str]) -> int:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a console may lack letters that names have
    as_json = "--json" in arguments
    try:
        status = holdfast.main(list(arguments), prog_name="holdfast", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return Exit.USAGE
    except click.ClickException as error:
        error.show()
        if as_json:
            _print_json_error(AppError(ErrorCode.INVALID_INPUT, error.format_message().rstrip(".")))
        return Exit.USAGE
    except (Cancelled, click.Abort, KeyboardInterrupt):
        click.echo("Cancelled.", err=True)
        if as_json:
            _print_json_error(AppError(ErrorCode.CANCELLED, "Cancelled"))
        return Exit.CANCELLED
    except AppError as error:
        _note(error)
        _print_error(error)
        if as_json:
            _print_json_error(error)
        return Exit.USAGE if error.code is ErrorCode.INVALID_INPUT else Exit.FAILED
    except BrokenPipeError:
        return _closed_pipe()
    try:
        if sys.stdout:  # a task of Windows has none
            sys.stdout.flush()
    except BrokenPipeError:
        return _closed_pipe()
    return status if isinstance(status, int) else Exit.DONE


def _note(error: AppError) -> None:
    from app.system.log import note_failure

    note_failure(error)


def _print_error(error: AppError) -> None:
    from app.cli.console import shown

    click.secho(f"{shown(error.title)}.", fg="red", bold=True, err=True)
    for line in (*error.detail.splitlines(), *error.hint.splitlines()):
        click.echo(shown(line), err=True)


def _print_json_error(error: AppError) -> None:
    from app.cli.console import error_object, print_json

    print_json({"error": error_object(error)})


def _closed_pipe() -> Exit:
    """Whoever read our output, `head` say, has gone; Python must not complain of it when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return Exit.FAILED
