"""Finds the dumps in a zip or a tar archive, which may hold several, or one folder that is a dump."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from app.domain.errors import AppError, ErrorCode
from app.postgres.archive_errors import bomb, damaged
from app.postgres.dump_form import MARKS, DumpFile, DumpForm, folder_form
from app.postgres.foreign_files import Look, look_of_names, look_of_tar, not_a_dump
from app.postgres.packing import Check, Layer, Packing, opened_zip, tar_content
from app.postgres.tar_stream import TarKind, tar_stream
from app.postgres.zip_members import encrypted, zip_content, zip_members

HEAD = 1 << 18
_KEPT = 2 * HEAD  # of a tar archive's member: enough for the head of what is packed in it
MOST_FILES = 200
UNPACK = "Unpack it, then use the dump that was in it."
JUNK = re.compile(r"(?:.*/)?(?:__MACOSX/.*|\._[^/]*|\.DS_Store|Thumbs\.db|desktop\.ini)", re.IGNORECASE)
"""What file managers add."""

_MUCH = 1 << 30
_MOST_RATIO = 1000  # bytes of a tar archive for each byte of the file
_ARCHIVE_FILE = re.compile(r"toc\.dat|(?:\d+|blob_\d+)\.dat(?:\.\w+)?|blobs(?:_\d+)?\.toc(?:\.\w+)?")


@dataclass(frozen=True, slots=True)
class Place:
    """Something that may be a dump or hold some: where it is, and a way to read it from its start."""

    path: Path
    layers: tuple[Layer, ...]
    blocks: Callable[[], Iterator[bytes]]
    check: Check

    def below(self, layer: Layer, blocks: Callable[[], Iterator[bytes]]) -> Place:
        """What one more layer hides."""
        return replace(self, layers=(*self.layers, layer), blocks=blocks)

    @property
    def member(self) -> str:
        """The innermost file in an archive; empty when the file itself is meant."""
        return next((layer.member for layer in reversed(self.layers) if layer.member), "")

    def error(self, look: Look) -> AppError:
        """That it is no dump."""
        return not_a_dump(self.path.name, look, self.member)

    def dump(self, form: DumpForm) -> DumpFile:
        """That it is one."""
        return DumpFile(self.path, form, self.layers)


LookInto = Callable[[Place], tuple[DumpFile, ...]]
"""Finds the dumps in a member."""


def head_of(blocks: Iterator[bytes], most: int = HEAD) -> bytes:
    """The first bytes; at least `most` where there are as many.

    Raises:
        AppError: ARCHIVE_DAMAGED when it ends too early.
    """
    head = b""
    for block in blocks:
        head += block
        if len(head) >= most:
            break
    return head


class _Found:
    """The dumps in a zip or tar archive. A folder that is a dump covers all files in it."""

    def __init__(self, place: Place, packing: Packing, look_into: LookInto) -> None:
        self._place = place
        self._look_into = look_into
        self._packing = packing
        self._dumps: list[DumpFile] = []
        self._folders: list[str] = []
        self._files = 0
        self._refusal: AppError | None = None

    @property
    def has_folder(self) -> bool:
        """Whether a folder was added."""
        return bool(self._folders)

    def covers(self, name: str) -> bool:
        """Whether it lies in a folder that was added."""
        return name.startswith(tuple(self._folders))

    def add_folder(self, folder: str, form: DumpForm) -> None:
        """Add a folder, and drop what was found in it."""
        self._folders.append(folder)
        self._dumps = [dump for dump in self._dumps if not self._member(dump).startswith(folder)]
        self._dumps.append(
            DumpFile(self._place.path, form, (*self._place.layers, Layer(self._packing, folder)))
        )

    def add(self, name: str, blocks: Callable[[], Iterator[bytes]]) -> None:
        """Look into a file; add the dumps in it, or the folder that it is a sign of."""
        self._files += 1
        if self._files > MOST_FILES:
            raise self._place.error(Look(f"an archive of more than {MOST_FILES} files", UNPACK))
        folder, base = _parted(name)
        form = folder_form(base, head_of(blocks())) if base in MARKS else None
        if form:
            self.add_folder(folder, form)
            return
        try:
            self._dumps += self._look_into(self._place.below(Layer(self._packing, name), blocks))
        except AppError as error:
            if error.code is not ErrorCode.UNKNOWN_FORMAT:
                raise
            self._refusal = self._refusal or error

    def all(self) -> tuple[DumpFile, ...]:
        """Every dump.

        Raises:
            AppError: UNKNOWN_FORMAT when there is none.
        """
        if not self._dumps:
            raise self._refusal or self._place.error(Look("an archive with nothing in it"))
        return tuple(self._dumps)

    def _member(self, dump: DumpFile) -> str:
        return dump.layers[len(self._place.layers)].member


def dumps_in_zip(place: Place, look_into: LookInto) -> tuple[DumpFile, ...]:
    """Every dump in a zip.

    Raises:
        AppError: UNKNOWN_FORMAT when there is none; ARCHIVE_DAMAGED, DECOMPRESSION_BOMB.
    """
    name = str(place.path)
    with opened_zip(place.path, place.blocks() if place.layers else None) as file:
        members = {}
        for member in zip_members(file, name):
            if member.is_folder or JUNK.fullmatch(member.name):
                continue
            if member.is_encrypted:
                raise encrypted(member, name)
            if member.name in members:
                raise damaged(place.path, f"{member.name} is in it twice")
            members[member.name] = member
        look = look_of_names(list(members))
        if look:
            raise place.error(look)
        sources = {one: partial(zip_content, file, members[one], name) for one in members}
        found = _Found(place, Packing.ZIP, look_into)
        for one in sorted(members, key=lambda one: (_parted(one)[1] not in MARKS, one.count("/"))):
            if not found.covers(one):
                found.add(one, sources[one])
        return found.all()


def dumps_in_tar(place: Place, look_into: LookInto) -> tuple[DumpFile, ...]:
    """Every dump in a tar archive, which is walked through, for it has no list of its files.

    Where a gigabyte has passed and a folder was found, the walk ends: whoever packs a folder packs it alone.

    Raises:
        AppError: UNKNOWN_FORMAT when there is none; ARCHIVE_DAMAGED, DECOMPRESSION_BOMB.
    """
    found = _Found(place, Packing.TAR, look_into)
    seen: set[str] = set()
    folders: set[str] = set()
    passed = 0
    for member, content in tar_stream(place.blocks(), str(place.path)):
        place.check()
        if member.kind is TarKind.FILE and not JUNK.fullmatch(member.name):
            look = None if seen else look_of_tar(member.name)
            if look:
                raise place.error(look)
            if member.name in seen:
                raise damaged(place.path, f"{member.name} is in it twice")
            seen.add(member.name)
            folder, base = _parted(member.name)
            if base not in MARKS and _ARCHIVE_FILE.fullmatch(base):
                folders.add(folder)
            elif not found.covers(member.name):
                again = partial(_tar_again, place, member.name)
                found.add(member.name, partial(_continued, head_of(content, _KEPT), member.size, again))
        passed += member.size
        if passed > _MUCH and (found.has_folder or folders):
            for folder in folders:
                if not found.covers(folder):
                    found.add_folder(folder, DumpForm.DIRECTORY)  # its toc.dat is further on
            break
        if passed > max(_MUCH, _MOST_RATIO * place.path.stat().st_size):
            raise bomb(place.path, f"more than {passed:,} bytes")
    return found.all()


def _tar_again(place: Place, name: str) -> Iterator[bytes]:
    return tar_content(place.path, place.blocks(), name)


def _continued(head: bytes, size: int, again: Callable[[], Iterator[bytes]]) -> Iterator[bytes]:
    """What was kept of a content, and only where that is not enough, the rest from its start `again`."""
    yield head
    if len(head) == size:
        return
    passed = 0
    for block in again():
        passed += len(block)
        if passed > len(head):
            yield block[-(passed - len(head)) :] if passed - len(head) < len(block) else block


def _parted(name: str) -> tuple[str, str]:
    """The folder, with a slash behind it, and the file's own name."""
    folder, slash, base = name.rpartition("/")
    return folder + slash, base
