"""`holdfast backup`: back up one database now."""

from __future__ import annotations

from pathlib import Path

import click

from app.cli import Exit
from app.cli.console import print_json, run_operation
from app.cli.options import database_of, json_option
from app.cli.report import backup_object, exit_status, print_backup
from app.domain.backup import BackupOptions, Compression, Contents, Format
from app.domain.errors import AppError, ErrorCode
from app.domain.proof import ProofLevel
from app.engine.preflight import BackupRequest
from app.services import build_services
from app.system.files import make_folder


@click.command()
@click.option("--project", metavar="NAME", help="A project that was added before.")
@click.option("--url", metavar="URL", help="A connection string; it may hold a password.")
@click.option("--to", "destination", type=click.Path(path_type=Path), help="The folder for backups.")
@click.option(
    "--what",
    type=click.Choice([item.value for item in Contents]),
    default=Contents.ALL.value,
    show_default=True,
)
@click.option(
    "--schema", "schemas", multiple=True, metavar="S", help="Only this schema (a pattern); repeatable."
)
@click.option(
    "--table", "tables", multiple=True, metavar="T", help="Only this table (a pattern); repeatable."
)
@click.option("--exclude-table", "excluded", multiple=True, metavar="T", help="Not this table; repeatable.")
@click.option(
    "--format",
    "format_",
    type=click.Choice([item.value for item in Format]),
    default=Format.DIRECTORY.value,
    show_default=True,
)
@click.option("--compress", metavar="METHOD[:LEVEL]", help="zstd:3 (default), gzip, bzip2, lz4 or none.")
@click.option("--jobs", type=click.IntRange(1, 64), help="Parallel workers; by default what the machine has.")
@click.option("--no-roles", is_flag=True, help="Do not save the server's roles.")
@click.option(
    "--proof",
    type=click.Choice([item.value for item in ProofLevel]),
    help="How far to prove it; by default proven.",
)
@click.option("--no-counts", is_flag=True, help="Do not count rows: quicker, but sealed at most.")
@click.option("--note", default="", help="Free text that is kept with the backup.")
@json_option
def backup(
    project: str | None,
    url: str | None,
    destination: Path | None,
    what: Contents,
    schemas: tuple[str, ...],
    tables: tuple[str, ...],
    excluded: tuple[str, ...],
    format_: Format,
    compress: str | None,
    jobs: int | None,
    no_roles: bool,
    proof: str | None,
    no_counts: bool,
    note: str,
    as_json: bool,
) -> Exit:
    """Back up one database now, and prove it by restoring it into a throwaway server."""
    wanted = _wanted_proof(proof, no_counts=no_counts)
    options = BackupOptions(
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
    )
    services = build_services()
    name, connection = database_of(services, project, url)
    folder = destination or make_folder(services.settings.destination_folder)
    request = BackupRequest(
        project=name,
        connection=connection,
        options=options,
        destination=folder,
        stall_seconds=services.settings.stall_seconds,
    )
    done = run_operation(lambda cancel, listener: services.backup(request, cancel, listener), quiet=as_json)
    if as_json:
        print_json(backup_object(done))
    else:
        print_backup(done)
    if options.is_selection and proof is None:
        wanted = ProofLevel.COMPLETE if wanted is ProofLevel.PROVEN else wanted  # it may lack others
    return exit_status(done.manifest.proof, wanted)


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
