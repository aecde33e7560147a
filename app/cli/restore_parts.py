"""What `holdfast restore --storage --functions` does after the database: files and functions go back, too."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from app.cli.console import run_operation, shown, size
from app.cli.options import backup_at
from app.domain.backup import STORAGE_FILES, Backup
from app.domain.errors import AppError, ErrorCode
from app.engine.parts.restoring import Restored, Target, restore_part
from app.postgres.connection import Connection
from app.services import Services

_MOST_LINES = 20


def wanted_parts(*, storage: bool, functions: bool) -> tuple[str, ...]:
    """The names of the parts that are asked for, in the order in which they are given back."""
    return (STORAGE_FILES,) * storage + ("functions",) * functions


def parts_target(
    services: Services, sources: Sequence[Path], project: str, connection: Connection | None
) -> tuple[Backup, Target]:
    """The backup that has the parts, and the project that gets them.

    Args:
        connection: of the project's own database; None for a restore into any other.

    Raises:
        AppError: INVALID_INPUT when there are several sources, or the target is no Supabase project;
            NOT_A_BACKUP and others when the source is none of Holdfast's backups.
    """
    if len(sources) != 1:
        raise AppError(ErrorCode.INVALID_INPUT, "Storage files and functions come from one backup")
    backup = backup_at(sources[0])
    access = services.supabase_of(project, connection) if connection is not None else None
    if access is None or connection is None:
        raise AppError(
            ErrorCode.INVALID_INPUT,
            "Storage files and functions can only be restored into a Supabase project",
            hint="Name one with --project, or leave out --storage and --functions.",
        )
    return backup, Target(access, connection)


def give_back(names: Sequence[str], backup: Backup, target: Target, *, quiet: bool) -> tuple[Restored, ...]:
    """Give the parts back, one after the other.

    Raises:
        AppError, Cancelled: as `restore_part`.
    """
    return tuple(
        run_operation(
            lambda cancel, listener, name=name: restore_part(name, backup, target, cancel, listener),  # type: ignore[misc]
            quiet=quiet,
        )
        for name in names
    )


def print_restored(restored: Sequence[Restored]) -> None:
    """A line for each part, and one for each thing that was left out."""
    for part in restored:
        click.echo(f"Part      {part.part}: {part.objects:,} given back, {size(part.bytes)}")
        for left in part.left_out[:_MOST_LINES]:
            click.secho(shown(f"Left out  {left.part}: {left.what} – {left.reason}"), fg="yellow")
        more = len(part.left_out) - _MOST_LINES
        if more > 0:
            click.secho(f"          … and {more:,} more", fg="yellow")
