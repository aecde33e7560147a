"""Reads what the manifests of backups tell of their servers; light: it runs at the start."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from app.domain.errors import AppError
from app.persistence.manifest import read_manifest


def server_versions(folders: Sequence[Path]) -> dict[str, str]:
    """The version of the server of each of these backups; those that cannot be read are left out."""
    found = {}
    for folder in folders:
        try:
            found[str(folder)] = read_manifest(folder).server.version.partition(" ")[0]
        except AppError:
            continue
    return found
