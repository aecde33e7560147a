"""An option that most verbs share, and how a verb finds the backup that it is told of."""

from __future__ import annotations

from pathlib import Path

import click

from app.domain.backup import Backup
from app.persistence.manifest import read_manifest

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")


def backup_at(path: Path) -> Backup:
    """The backup in this folder; naming its manifest will do as well.

    Raises:
        AppError: NOT_A_BACKUP, ARCHIVE_DAMAGED or NEWER_MANIFEST.
    """
    folder = path.parent if path.name == "manifest.json" else path
    return Backup(str(folder.resolve()), read_manifest(folder))
