"""Writes and reads `manifest.json`, so that what is known of a backup is never trusted when it was damaged.

The file is one JSON object in UTF-8, each file, table and object of it on a line of its own. Its last
member is its seal:

    {
      "version": 1,
      …,
      "seal": "<64 hex digits>"
    }

The seal is the SHA-256 of all bytes before the comma that precedes it. Every later version of the
format keeps this, so that damage can be told from a newer version.

Names in SQL_ASCII databases are bytes; Python holds those that are no text as lone surrogates, which
JSON in UTF-8 cannot carry. Such a character is written as NUL and its four hex digits, as in
`"caf\\u0000dce9"`, whose last two digits are the byte. NUL itself, which no PostgreSQL name has, is
written twice. All other names stand there as they are.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from app.domain.backup import MANIFEST_VERSION, Manifest
from app.domain.errors import AppError, ErrorCode
from app.system.files import write_atomically

MANIFEST_NAME = "manifest.json"

_SEAL = b',\n  "seal": "%s"\n}\n'
_SEAL_LENGTH = len(_SEAL % (b"0" * 64))
_NOT_UTF8 = re.compile("[\ud800-\udfff\0]")
_WRITTEN_NOT_UTF8 = re.compile("\0(?:\0|(d[89a-f][0-9a-f]{2}))")
_Replacement = Callable[[re.Match[str]], str]


@dataclass(frozen=True, slots=True)
class _Head:
    """What every version of the format has."""

    version: int
    holdfast: str


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Replace the folder's manifest by this one at once: after a crash the old or the new one is there.

    Raises:
        AppError: DISK_FULL, FOLDER_MISSING or FOLDER_READ_ONLY.
    """
    write_atomically(folder / MANIFEST_NAME, encode_manifest(manifest))


def read_manifest(folder: Path, name: str = MANIFEST_NAME) -> Manifest:
    """Read the folder's manifest and check its seal; members that this version does not know are ignored.

    Raises:
        AppError: NOT_A_BACKUP when there is none, ARCHIVE_DAMAGED when a byte of it was changed,
            NEWER_MANIFEST when a newer Holdfast wrote it, FOLDER_MISSING when it cannot be opened.
    """
    path = folder / name
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise _not_a_backup(f"{path} does not exist") from None
    except PermissionError as error:
        raise AppError(
            ErrorCode.FOLDER_MISSING,
            "The backup cannot be read",
            detail=f"{path}: {error.strerror}",
            hint="Ask its owner for permission to read the folder.",
        ) from error
    except OSError as error:
        raise _damaged(path, f"it cannot be read: {error.strerror}") from error
    return decode_manifest(data, path)


def encode_manifest(manifest: Manifest) -> bytes:
    """The manifest as the bytes of its file, with its seal."""
    members: dict[str, object] = msgspec.to_builtins(manifest)
    try:
        body = b"{%s" % _members(members, b"\n  ")
        plain = b"\\u0000" not in body
    except UnicodeEncodeError:
        body, plain = b"", False
    if not plain:
        members = {name: _replaced(value, _NOT_UTF8, _as_written) for name, value in members.items()}
        body = b"{%s" % _members(members, b"\n  ")
    return body + _SEAL % hashlib.sha256(body).hexdigest().encode()


def _members(members: dict[str, object], indent: bytes) -> bytes:
    return b",".join(
        b"%s%s: %s" % (indent, msgspec.json.encode(name), _laid_out(value, indent))
        for name, value in members.items()
    )


def _laid_out(value: object, indent: bytes) -> bytes:
    if isinstance(value, dict) and value:
        return b"{%s%s}" % (_members(value, indent + b"  "), indent)
    if isinstance(value, list | tuple) and value:
        separator = b"," + indent + b"  "
        lines = separator.join([msgspec.json.format(msgspec.json.encode(item), indent=0) for item in value])
        return b"[%s  %s%s]" % (indent, lines, indent)
    return msgspec.json.encode(value)


def decode_manifest(data: bytes, path: Path) -> Manifest:
    """Check and read the bytes of a manifest; `path` is for the messages.

    Raises:
        AppError: as `read_manifest`.
    """
    body = data[:-_SEAL_LENGTH]
    if data[-_SEAL_LENGTH:] != _SEAL % hashlib.sha256(body).hexdigest().encode():
        raise _without_seal(data, path)
    try:
        if b"\\u0000" in data:
            written = _replaced(msgspec.json.decode(data), _WRITTEN_NOT_UTF8, _as_meant)
            manifest = msgspec.convert(written, Manifest)
        else:
            manifest = msgspec.json.decode(data, type=Manifest)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        head = _head_of(data)
        if head and head.version > MANIFEST_VERSION:
            raise _newer(path, head) from error
        raise _damaged(path, str(error)) from error
    if manifest.version > MANIFEST_VERSION:
        raise _newer(path, _Head(manifest.version, manifest.holdfast))
    times = (manifest.started, manifest.finished, manifest.proof.checked_at)
    if any(time.tzinfo is None for time in times):
        raise _damaged(path, "a time in it has no zone")
    return manifest


def _replaced(value: object, pattern: re.Pattern[str], replace: _Replacement) -> object:
    if isinstance(value, str):
        return pattern.sub(replace, value)
    if isinstance(value, list | tuple):
        return [_replaced(item, pattern, replace) for item in value]
    if isinstance(value, dict):
        return {pattern.sub(replace, key): _replaced(item, pattern, replace) for key, item in value.items()}
    return value


def _as_written(match: re.Match[str]) -> str:
    return "\0\0" if match[0] == "\0" else f"\0{ord(match[0]):04x}"


def _as_meant(match: re.Match[str]) -> str:
    return chr(int(match[1], 16)) if match[1] else "\0"


def _head_of(data: bytes) -> _Head | None:
    try:
        return msgspec.json.decode(data, type=_Head)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


def _without_seal(data: bytes, path: Path) -> AppError:
    head = _head_of(data)
    if head and head.version > MANIFEST_VERSION and b'"seal"' not in data[-2 * _SEAL_LENGTH :]:
        return _newer(path, head)
    try:
        foreign = b'"holdfast"' not in data and b'"seal"' not in data and bool(msgspec.json.decode(data))
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        foreign = False
    if foreign:
        return _not_a_backup(f"{path} was not written by Holdfast")
    return _damaged(path, "its content does not match its seal")


def _newer(path: Path, head: _Head) -> AppError:
    return AppError(
        ErrorCode.NEWER_MANIFEST,
        "The backup was made by a newer Holdfast",
        detail=f"{path} has version {head.version} (Holdfast {head.holdfast}); "
        f"this Holdfast reads versions up to {MANIFEST_VERSION}",
        hint="Update Holdfast. RESTORE.txt in the folder says how to restore without it.",
    )


def _damaged(path: Path, reason: str) -> AppError:
    return AppError(
        ErrorCode.ARCHIVE_DAMAGED,
        f"{path.name} is damaged",
        detail=f"{path}: {reason}",
        hint="Use another backup, or a copy of this one. Its database part may still be whole: "
        "“sha256sum -c SHA256SUMS” in the folder checks it, RESTORE.txt says how to restore it.",
    )


def _not_a_backup(reason: str) -> AppError:
    return AppError(
        ErrorCode.NOT_A_BACKUP,
        "The folder is not a backup of Holdfast",
        detail=reason,
        hint="Choose the folder that holds manifest.json.",
    )
