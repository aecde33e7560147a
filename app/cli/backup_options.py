"""The options that say what a backup holds: the same for one by hand and for a schedule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from app.domain.backup import BackupOptions, Compression, Contents, Format
from app.domain.errors import AppError, ErrorCode
from app.domain.proof import ProofLevel

_OPTIONS = (
    click.option(
        "--what",
        type=click.Choice([item.value for item in Contents]),
        default=Contents.ALL.value,
        show_default=True,
    ),
    click.option(
        "--schema", "schemas", multiple=True, metavar="S", help="Only this schema (a pattern); repeatable."
    ),
    click.option(
        "--table", "tables", multiple=True, metavar="T", help="Only this table (a pattern); repeatable."
    ),
    click.option(
        "--exclude-table", "excluded", multiple=True, metavar="T", help="Not this table; repeatable."
    ),
    click.option(
        "--format",
        "format_",
        type=click.Choice([item.value for item in Format]),
        default=Format.DIRECTORY.value,
        show_default=True,
    ),
    click.option("--compress", metavar="METHOD[:LEVEL]", help="zstd:3 (default), gzip, bzip2, lz4 or none."),
    click.option(
        "--jobs", type=click.IntRange(1, 64), help="Parallel workers; by default what the machine has."
    ),
    click.option("--no-roles", is_flag=True, help="Do not save the server's roles."),
    click.option(
        "--proof",
        type=click.Choice([item.value for item in ProofLevel]),
        help="How far to prove it; by default proven.",
    ),
    click.option("--no-counts", is_flag=True, help="Do not count rows: quicker, but sealed at most."),
    click.option("--no-storage", is_flag=True, help="Supabase: do not save storage files."),
    click.option("--no-functions", is_flag=True, help="Supabase: do not save edge functions."),
    click.option("--no-configuration", is_flag=True, help="Supabase: do not save the project's settings."),
    click.option("--note", default="", help="Free text that is kept with the backup."),
)


def backup_options(verb: Callable[..., Any]) -> Callable[..., Any]:
    """Give a verb these options; `wanted_options` makes of them what they say."""
    for option in reversed(_OPTIONS):
        verb = option(verb)
    return verb


def wanted_options(
    *,
    what: str,
    schemas: tuple[str, ...],
    tables: tuple[str, ...],
    excluded: tuple[str, ...],
    format_: str,
    compress: str | None,
    jobs: int | None,
    no_roles: bool,
    proof: str | None,
    no_counts: bool,
    no_storage: bool,
    no_functions: bool,
    no_configuration: bool,
    note: str,
) -> BackupOptions:
    """What the user asked for.

    Raises:
        AppError: INVALID_INPUT for an unknown compression, or for more proof than can be without counts.
    """
    wanted = _wanted_proof(proof, no_counts=no_counts)
    return BackupOptions(
        contents=Contents(what),
        schemas=schemas,
        tables=tables,
        excluded_tables=excluded,
        format=Format(format_),
        compression=Compression.parse(compress) if compress else None,
        jobs=jobs,
        roles=not no_roles,
        proof=wanted,
        counts=wanted is not ProofLevel.SEALED,
        note=note,
        storage=not no_storage,
        functions=not no_functions,
        configuration=not no_configuration,
    )


def _wanted_proof(proof: str | None, *, no_counts: bool) -> ProofLevel:
    """The level that the user asked for.

    Raises:
        AppError: INVALID_INPUT for more than what can be shown without counts.
    """
    if not no_counts:
        return ProofLevel(proof or ProofLevel.PROVEN)
    if proof not in (None, ProofLevel.SEALED):
        raise AppError(
            ErrorCode.INVALID_INPUT,
            f"A backup without counts cannot be {proof}",
            hint="Leave out --no-counts, or take --proof sealed; “holdfast prove” can restore it later.",
        )
    return ProofLevel.SEALED
