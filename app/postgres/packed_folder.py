"""Unpacks a folder out of a zip or tar archive, which pg_restore needs, and nothing that could do harm."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.domain.errors import AppError, ErrorCode
from app.postgres.archive_errors import bomb, damaged
from app.postgres.dump_form import DumpFile
from app.postgres.dump_members import JUNK
from app.postgres.packing import Check, Packing, opened_zip, unpacked
from app.postgres.tar_stream import TarKind, tar_stream
from app.postgres.zip_members import zip_content, zip_members
from app.system.files import folder_error, free_bytes

_SPARED = 256 << 20  # bytes of the disk that stay free
_SLACK = 1 << 30  # a gigabyte harms nobody, however little it was packed into
_UNSAFE = re.compile(r"[\0-\x1f:*?\"<>|\x7f\ufffd]|(?:^|/)\.\.?(?:/|$)|^/|//|[. ](?:/|$)")


@dataclass(frozen=True, slots=True)
class UnpackLimits:
    """What no honest archive exceeds: files and folders in it, bytes, and bytes out for each byte in."""

    entries: int = 200_000
    bytes: int = 1 << 44
    ratio: int = 1000


@dataclass(frozen=True, slots=True)
class _Item:
    name: str
    kind: TarKind
    size: int
    content: Iterator[bytes]


def unpack_folder(
    dump: DumpFile, folder: Path, check: Check = lambda: None, limits: UnpackLimits = UnpackLimits()
) -> Path:
    """Unpack a directory archive or a backup of Holdfast into a new folder below `folder`, and give that.

    `folder` is made where it is missing.

    When it fails, what it wrote is removed.

    Raises:
        AppError: UNSAFE_PATH for names that leave the folder, links and devices; DECOMPRESSION_BOMB when
            it exceeds the limits; DISK_FULL; ARCHIVE_DAMAGED; FOLDER_MISSING or FOLDER_READ_ONLY.
    """
    layer = dump.layers[-1]
    target = folder / (Path(layer.member).name or dump.path.name.partition(".")[0] or "dump")
    budget = _Budget(dump, limits, free_bytes(folder) - _SPARED)
    try:
        target.mkdir(mode=0o700, parents=True)
        try:
            items = _zip_items(dump, check) if layer.packing is Packing.ZIP else _tar_items(dump, check)
            names: set[str] = set()
            for item in items:
                check()
                budget.take_entry()
                _refuse_unsafe(item, dump)
                if item.kind is not TarKind.FILE or JUNK.fullmatch(item.name):
                    continue
                if not item.name.startswith(layer.member):
                    continue
                path = target / item.name.removeprefix(layer.member)
                if str(path).casefold() in names:
                    raise damaged(dump.path, f"{item.name} is in it twice")
                names.add(str(path).casefold())
                _write(item, path, budget, check)
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            shutil.rmtree(target, ignore_errors=True)
            raise damaged(dump.path, f"{error.filename} is in it twice") from error
        except BaseException:
            shutil.rmtree(target, ignore_errors=True)
            raise
    except OSError as error:
        raise folder_error(error, folder) from error
    return target


class _Budget:
    """How much may still be written."""

    def __init__(self, dump: DumpFile, limits: UnpackLimits, free: int) -> None:
        self._dump = dump
        self._limits = limits
        self._free = free
        self._entries = 0
        self._bytes = 0
        self._most = min(limits.bytes, max(limits.ratio * dump.path.stat().st_size, _SLACK))

    def take_entry(self) -> None:
        self._entries += 1
        if self._entries > self._limits.entries:
            raise bomb(self._dump.path, f"more than {self._limits.entries:,} files")

    def take(self, count: int) -> None:
        self._bytes += count
        if self._bytes > self._most:
            raise bomb(self._dump.path, f"more than {self._most:,} bytes")
        if self._bytes > self._free:
            raise AppError(
                ErrorCode.DISK_FULL,
                "There is too little space to unpack the archive",
                detail=f"{self._dump.path.name} holds more than the {max(self._free, 0):,} bytes to spare",
                hint="Free some space, then start again.",
            )


def _zip_items(dump: DumpFile, check: Check) -> Iterator[_Item]:
    blocks = unpacked(dump.path, dump.layers[:-1], check) if len(dump.layers) > 1 else None
    with opened_zip(dump.path, blocks) as file:
        for member in zip_members(file, str(dump.path)):
            kind = TarKind.LINK if member.is_link else TarKind.FOLDER if member.is_folder else TarKind.FILE
            yield _Item(member.name, kind, member.size, zip_content(file, member, str(dump.path)))


def _tar_items(dump: DumpFile, check: Check) -> Iterator[_Item]:
    for member, content in tar_stream(unpacked(dump.path, dump.layers[:-1], check), str(dump.path)):
        yield _Item(member.name, member.kind, member.size, content)


def _refuse_unsafe(item: _Item, dump: DumpFile) -> None:
    """Refuse names that mean another place on any system, links, and what is neither file nor folder."""
    name = item.name.removeprefix("./").rstrip("/")
    if item.kind in (TarKind.LINK, TarKind.OTHER):
        reason = f"{item.name!r} is a {item.kind.value}"
    elif name not in ("", ".") and ("\\" in name or _UNSAFE.search(name)):
        reason = f"{item.name!r} is no safe name"
    else:
        return
    raise AppError(
        ErrorCode.UNSAFE_PATH,
        "The archive could write outside of its folder",
        detail=f"{reason}, in {dump.path}",
        hint="It is refused. If you trust it, unpack it yourself and use the folder.",
    )


def _write(item: _Item, path: Path, budget: _Budget, check: Check) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("xb") as file:
        for block in item.content:
            check()
            budget.take(len(block))
            file.write(block)
