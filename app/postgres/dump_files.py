"""Tells what a file or folder is, by its bytes and not by its name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from pathlib import Path

from app.domain.backup import CompressionMethod
from app.domain.errors import AppError
from app.postgres.archive_errors import damaged, unknown_format
from app.postgres.archive_tar import tar_member
from app.postgres.compression import decompressed

_HEAD = 1 << 16
_MAGIC = {
    b"\x28\xb5\x2f\xfd": CompressionMethod.ZSTD,
    b"\x1f\x8b": CompressionMethod.GZIP,
    b"BZh": CompressionMethod.BZIP2,
    b"\x04\x22\x4d\x18": CompressionMethod.LZ4,
}
_DUMP = re.compile(rb"^-- PostgreSQL database dump\s*$", re.MULTILINE)
_CLUSTER = re.compile(rb"^-- PostgreSQL database cluster dump\s*$", re.MULTILINE)
_SERVER = re.compile(rb"^-- Dumped from database version (.+?)\s*$", re.MULTILINE)
_TOOL = re.compile(rb"^-- Dumped by pg_dump version (.+?)\s*$", re.MULTILINE)


class DumpForm(StrEnum):
    """What a dump is packed as."""

    DIRECTORY = "directory archive"
    CUSTOM = "custom archive"
    TAR = "tar archive"
    PLAIN = "plain SQL"
    CLUSTER = "plain SQL of a whole cluster"


@dataclass(frozen=True, slots=True)
class DumpFile:
    """What a dump is.

    Attributes:
        compression: of the whole file; archives compress inside.
        server_version: plain SQL only, in its own words; archives say it in their table of contents.
        dump_version: likewise.
    """

    path: Path
    form: DumpForm
    compression: CompressionMethod = CompressionMethod.NONE
    server_version: str = ""
    dump_version: str = ""


def identify(path: Path) -> DumpFile:
    """Look into a file or folder.

    Raises:
        AppError: UNKNOWN_FORMAT when it is no dump of PostgreSQL; ARCHIVE_DAMAGED when it cannot be read.
    """
    try:
        if path.is_dir():
            if (path / "toc.dat").is_file():
                return DumpFile(path, DumpForm.DIRECTORY)
            raise unknown_format(path, "the folder has no toc.dat")
        return _identify_file(path)
    except OSError as error:
        raise damaged(path, error.strerror or str(error)) from error


def _identify_file(path: Path) -> DumpFile:
    with path.open("rb") as file:
        head = file.read(_HEAD)
    method = next((method for magic, method in _MAGIC.items() if head.startswith(magic)), None)
    if method is not None:
        try:
            head = b"".join(islice(decompressed(path, method), 4))[:_HEAD]
        except AppError as error:
            raise damaged(path, error.detail) from error
    if method is None and head.startswith(b"PGDMP"):
        return DumpFile(path, DumpForm.CUSTOM)
    if method is None and (tar_member(head[:512]) or ("", 0))[0] == "toc.dat":
        return DumpFile(path, DumpForm.TAR)
    form = DumpForm.CLUSTER if _CLUSTER.search(head) else DumpForm.PLAIN if _DUMP.search(head) else None
    if form is None:
        raise unknown_format(path, "it has none of the marks of pg_dump's formats")
    return DumpFile(path, form, method or CompressionMethod.NONE, _first(_SERVER, head), _first(_TOOL, head))


def _first(pattern: re.Pattern[bytes], text: bytes) -> str:
    match = pattern.search(text)
    return match[1].decode("utf-8", "replace") if match else ""
