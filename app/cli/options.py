"""Options that several verbs share, and how a verb finds the backup or database it is told of."""

from __future__ import annotations

from pathlib import Path

import click

from app.domain.backup import Backup
from app.domain.errors import AppError, ErrorCode
from app.persistence.manifest import read_manifest
from app.persistence.settings import find_project
from app.postgres.connection import Connection, parse_connection
from app.services import Services
from app.system.files import make_folder

__all__ = ["backup_at", "database_of", "json_option", "make_folder"]

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")


def database_of(services: Services, project: str | None, url: str | None) -> tuple[str, Connection]:
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


def backup_at(path: Path) -> Backup:
    """The backup in this folder; naming its manifest will do as well.

    Raises:
        AppError: NOT_A_BACKUP, ARCHIVE_DAMAGED or NEWER_MANIFEST.
    """
    folder = path.parent if path.name == "manifest.json" else path
    return Backup(str(folder.resolve()), read_manifest(folder))
