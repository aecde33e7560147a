"""The ways in which an archive cannot be read, worded once for all its readers."""

from __future__ import annotations

from pathlib import Path

from app.domain.errors import AppError, ErrorCode


def damaged(name: Path | str, reason: str) -> AppError:
    """The error for a file that began well and cannot be read as it should; `name` is the file."""
    return AppError(
        ErrorCode.ARCHIVE_DAMAGED,
        "The archive is damaged",
        detail=f"{name}: {reason}",
        hint="Use another backup; this one was changed or cut off.",
    )


def unreadable(path: Path, error: OSError) -> AppError:
    """The error for a file or folder that the system does not let us read."""
    return AppError(
        ErrorCode.INVALID_INPUT,
        f"{path.name} cannot be read",
        detail=f"{error.filename or path}: {error.strerror or error}",
        hint="Check that it may be read and that its disk is connected.",
    )


def bomb(name: Path | str, holds: str) -> AppError:
    """The error for a file that was made to fill disks; `holds` says how much is in it."""
    return AppError(
        ErrorCode.DECOMPRESSION_BOMB,
        "The archive unpacks to far more than a dump would",
        detail=f"{name} holds {holds}",
        hint="It is refused. If you trust it, unpack it yourself and use what was in it.",
    )


def unknown_format(name: Path, reason: str) -> AppError:
    """The error for what is no archive at all, or one of a version that is not known."""
    return AppError(
        ErrorCode.UNKNOWN_FORMAT,
        "The format is not known",
        detail=f"{name}: {reason}",
        hint="Holdfast reads directory, custom and tar archives of pg_dump 9.5 to 18.",
    )
