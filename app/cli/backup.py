"""`holdfast backup`: back up one database now."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from app.cli import Exit
from app.cli.backup_options import backup_options, wanted_options
from app.cli.console import print_json, run_operation
from app.cli.options import json_option
from app.cli.report import backup_object, exit_status, print_backup
from app.domain.errors import AppError, ErrorCode
from app.domain.proof import ProofLevel
from app.engine.preflight import BackupRequest
from app.persistence.settings import find_project
from app.postgres.connection import Connection, parse_connection
from app.services import Services, build_services
from app.system.files import make_folder


@click.command()
@click.option("--project", metavar="NAME", help="A project that was added before.")
@click.option("--url", metavar="URL", help="A connection string; it may hold a password.")
@click.option("--to", "destination", type=click.Path(path_type=Path), help="The folder for backups.")
@backup_options
@json_option
def backup(
    project: str | None, url: str | None, destination: Path | None, as_json: bool, **wanted: Any
) -> Exit:
    """Back up one database now, and prove it by restoring it into a throwaway server."""
    options = wanted_options(**wanted)
    services = build_services()
    name, connection = _database_of(services, project, url)
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
    least = options.proof
    if options.is_selection and wanted["proof"] is None:
        least = ProofLevel.COMPLETE if least is ProofLevel.PROVEN else least  # it may lack others
    return exit_status(done.manifest.proof, least)


def _database_of(services: Services, project: str | None, url: str | None) -> tuple[str, Connection]:
    """The name under which a backup is filed, and the database, from `--project` or `--url`.

    Raises:
        AppError: INVALID_INPUT unless exactly one of both is given; UNKNOWN_PROJECT.
    """
    if bool(project) == bool(url):
        raise AppError(ErrorCode.INVALID_INPUT, "Name a database with either --project or --url")
    if project:
        found = find_project(services.settings, project)
        return found.name, services.connection_of(found)
    connection = parse_connection(url or "")
    return _name_of(connection), connection


def _name_of(connection: Connection) -> str:
    words = connection.keywords
    database = words.get("dbname") or words.get("user") or words.get("service") or "database"
    host = words.get("host", "").split(",")[0]
    return f"{database}@{host}" if host and not host.startswith("/") else database
