"""Says how many bytes each table's data take in an archive, and whether the archive is cut off, unread."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from app.domain.backup import CompressionMethod
from app.domain.errors import AppError, ErrorCode
from app.postgres.archive import Archive, ArchiveFormat
from app.postgres.archive_custom import find_blocks
from app.postgres.archive_data import has_rows, reading
from app.postgres.archive_tar import tar_members
from app.postgres.compression import SUFFIXES
from app.postgres.copy_stream import END_MARKER


@dataclass(frozen=True, slots=True)
class StoredSizes:
    """What an archive's data take.

    Attributes:
        stored: bytes on the disk by dump id, as far as known.
        text: bytes of COPY text by dump id, as far as known without reading.
        damage: what is missing; empty when all is there, as far as can be told without reading all.
    """

    stored: Mapping[int, int] = field(default_factory=dict)
    text: Mapping[int, int] = field(default_factory=dict)
    damage: str = ""


def stored_sizes(archive: Archive, *, is_packed: bool) -> StoredSizes:
    """Find the sizes without reading data.

    Args:
        archive: its table of contents.
        is_packed: whether `archive.path` is only its beginning.
    """
    try:
        if archive.format is ArchiveFormat.DIRECTORY:
            return _of_directory(archive)
        if is_packed:
            places = _noted_places(archive)
            return StoredSizes({number: end - start for (start, number), (end, _) in pairwise(places)})
        return _of_custom(archive) if archive.format is ArchiveFormat.CUSTOM else _of_tar(archive)
    except AppError as error:
        if error.code is not ErrorCode.ARCHIVE_DAMAGED:
            raise
        return StoredSizes(damage=error.detail)


def _of_directory(archive: Archive) -> StoredSizes:
    with reading(archive.path), os.scandir(archive.path) as files:
        sizes = {file.name: file.stat().st_size for file in files}
    stored: dict[int, int] = {}
    plain: dict[int, int] = {}
    missing = ""
    suffixes = dict.fromkeys((SUFFIXES[archive.compression.method], *SUFFIXES.values()))
    for entry in archive.entries:
        if not entry.has_data or entry.kind == "BLOBS":
            continue
        suffix = next((one for one in suffixes if entry.filename + one in sizes), None)
        if suffix is None:
            missing = missing or f"{entry.filename}, the data of {entry.kind} {entry.tag}, is missing"
            continue
        stored[entry.dump_id] = size = sizes[entry.filename + suffix]
        if suffix == SUFFIXES[CompressionMethod.NONE] and has_rows(entry):
            plain[entry.dump_id] = size - len(END_MARKER)
    return StoredSizes(stored, plain, missing)


def _of_custom(archive: Archive) -> StoredSizes:
    """Data lie one after the other; walking over the last ones shows whether the file is cut off."""
    places = _noted_places(archive)
    wanted = sum(entry.has_data for entry in archive.entries)
    damage = ""
    start = places[-1][0] if len(places) == wanted and places else archive.data_start
    walked: list[tuple[int, int]] = []
    with reading(archive.path), archive.path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        file.seek(start)
        try:
            for number, offset in find_blocks(file, archive.path):
                walked.append((offset, number))
        except AppError as error:
            damage = error.detail
    known = {number for _, number in walked}
    places = sorted([*(place for place in places if place[1] not in known), *walked])
    if not damage and (len(places) < wanted or (wanted and not walked)):
        damage = f"{archive.path}: it is cut off"
    ends = [*(start for start, _ in places[1:]), size]
    return StoredSizes(
        {number: max(end - start, 0) for (start, number), end in zip(places, ends, strict=True)},
        damage=damage,
    )


def _noted_places(archive: Archive) -> list[tuple[int, int]]:
    """Where data begin and whose they are, as the table of contents notes it."""
    return sorted(
        (entry.data_offset, entry.dump_id) for entry in archive.entries if entry.data_offset is not None
    )


def _of_tar(archive: Archive) -> StoredSizes:
    sizes: dict[str, int] = {}
    damage = ""
    with reading(archive.path), archive.path.open("rb") as file:
        try:
            sizes.update(tar_members(file, archive.path, archive.path.stat().st_size))
        except AppError as error:
            damage = error.detail
    rows = [entry for entry in archive.entries if entry.has_data and entry.filename in sizes]
    stored = {entry.dump_id: sizes[entry.filename] for entry in rows}
    text = {number: size - len(END_MARKER) for number, size in _with_marker(archive, stored)}
    if not damage and len(rows) < sum(e.has_data and e.kind != "BLOBS" for e in archive.entries):
        damage = f"{archive.path}: it is cut off"
    return StoredSizes(stored, text, damage)


def _with_marker(archive: Archive, stored: Mapping[int, int]) -> Iterator[tuple[int, int]]:
    for entry in archive.entries:
        if has_rows(entry) and entry.dump_id in stored:
            yield entry.dump_id, stored[entry.dump_id]
