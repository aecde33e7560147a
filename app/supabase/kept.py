"""What the Management API's answers came to in a backup's folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from app.domain.backup import LeftOut
from app.domain.errors import AppError, ErrorCode
from app.system.files import folder_error

Answer = TypeVar("Answer")

_HOPELESS = (
    ErrorCode.TOKEN_MISSING,
    ErrorCode.TOKEN_MALFORMED,
    ErrorCode.API_UNREACHABLE,
    ErrorCode.HOST_NOT_FOUND,
    ErrorCode.REFUSED,
    ErrorCode.CERTIFICATE_NOT_TRUSTED,
    ErrorCode.CERTIFICATE_OTHER_NAME,
)


@dataclass(frozen=True, slots=True)
class Kept:
    """How many things were written, their bytes, and what was left out."""

    objects: int
    bytes: int
    left_out: tuple[LeftOut, ...] = ()


def asked(question: Callable[[], Answer], part: str, what: str, left_out: list[LeftOut]) -> Answer | None:
    """An answer; None where this one question fails, which is noted.

    Raises:
        AppError: no other question would fare better.
    """
    try:
        return question()
    except AppError as error:
        if error.code in _HOPELESS:
            raise
        left_out.append(LeftOut(part, what, str(error)))
        return None


def write_json(path: Path, value: object) -> int:
    """Write a value as JSON that people can read; gives its bytes.

    Raises:
        AppError: the file cannot be written.
    """
    return write_bytes(
        path, msgspec.json.format(msgspec.json.encode(value, order="sorted"), indent=2) + b"\n"
    )


def write_bytes(path: Path, content: bytes) -> int:
    """Write a file of a backup, with its folder; gives its bytes.

    Raises:
        AppError: it cannot be written.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise folder_error(error, path.parent) from error
    return len(content)
