"""Tells what a file or folder is, by its bytes and not by its name, and gives what is in it as a stream."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from pathlib import Path

from app.domain.errors import AppError, ErrorCode
from app.postgres.archive_errors import bomb, damaged
from app.postgres.foreign_files import (
    Look,
    existing,
    look_of,
    look_of_folder,
    look_of_names,
    look_of_tar,
    not_a_dump,
)
from app.postgres.packing import (
    Check,
    Layer,
    Packing,
    decompressed,
    file_blocks,
    opened_zip,
    packing_of,
    unpacked,
)
from app.postgres.script_charset import Charset, as_utf_8, charset_of, script_text
from app.postgres.script_signs import begins_with_sql, other_dialect, pg_dump_header, versions
from app.postgres.tar_stream import TarKind, tar_stream
from app.postgres.zip_members import encrypted, zip_content, zip_members

_HEAD = 1 << 18
_MOST_LAYERS = 5
_MOST_FILES = 200
_MUCH = 1 << 30
_MOST_RATIO = 1000  # bytes of a tar archive for each byte of the file
_TOC = "toc.dat"
_MANIFEST = "manifest.json"
_MARKS = (_TOC, _MANIFEST)
_MAGIC = b"PGDMP"
_FORMAT_CODE = 10  # where a table of contents says which format it is of
_CUSTOM_CODE = 1
_SMALLEST_ARCHIVE = 64
_ARCHIVE_FILE = re.compile(r"toc\.dat|(?:\d+|blob_\d+)\.dat(?:\.\w+)?|blobs(?:_\d+)?\.toc(?:\.\w+)?")
JUNK = re.compile(r"(?:.*/)?(?:__MACOSX/.*|\._[^/]*|\.DS_Store|Thumbs\.db|desktop\.ini)", re.IGNORECASE)

_UNPACK = "Unpack it, then use the dump that was in it."
_NO_DUMP = Look("a folder with no dump in it", "Choose the dump itself.")
_HALF = Look("a part of a directory archive", f"Use the whole folder: {_TOC} and all the files beside it.")
_LOOSE_MANIFEST = Look("the manifest of a backup of Holdfast", "Use the backup's whole folder.")


class DumpForm(StrEnum):
    """What a dump is, below all packing."""

    BACKUP = "backup of Holdfast"
    DIRECTORY = "directory archive"
    CUSTOM = "custom archive"
    TAR = "tar archive"
    PLAIN = "plain SQL"
    CLUSTER = "plain SQL of a whole cluster"


@dataclass(frozen=True, slots=True)
class DumpFile:
    """What a dump is.

    Attributes:
        path: the file or folder that was looked into; of a backup and a directory archive its folder.
        layers: how it is packed, outermost first; none when it lies open.
        charset: of a script. Scripts in UTF-16 are converted on the way; LATIN_1 and WINDOWS_1252 are
            guesses about a script that names no client_encoding, for whoever sends it to a server.
        server_version: of scripts, in their own words; archives say it in their table of contents.
        dump_version: likewise.
    """

    path: Path
    form: DumpForm
    layers: tuple[Layer, ...] = ()
    charset: Charset = Charset.UTF_8
    server_version: str = ""
    dump_version: str = ""

    @property
    def name(self) -> str:
        """For people: `dump.sql in backup.zip`."""
        members = [layer.member.rstrip("/") for layer in reversed(self.layers) if layer.member]
        return " in ".join((*members, self.path.name))

    @property
    def packing(self) -> str:
        """For people: `gzip`, `zip (dump.sql), xz`; `none`."""
        return ", ".join(map(str, self.layers)) or "none"

    @property
    def is_script(self) -> bool:
        """Whether it is SQL rather than an archive."""
        return self.form in (DumpForm.PLAIN, DumpForm.CLUSTER)

    @property
    def is_folder(self) -> bool:
        """Whether it is many files: a backup or a directory archive, packed or not."""
        return self.form in (DumpForm.BACKUP, DumpForm.DIRECTORY)


def _go_on() -> None:
    """Never cancel."""


def identify(path: Path, check: Check = _go_on) -> DumpFile:
    """Look into a file or folder that is one dump.

    Of a large file only the first part is read; of a tar archive up to a gigabyte, for its names.

    Raises:
        AppError: UNKNOWN_FORMAT when it is no dump of PostgreSQL; ARCHIVE_DAMAGED when it cannot be read;
            INVALID_INPUT when there is nothing, or when it holds several dumps.
    """
    dumps = _dumps_at(path, check)
    if len(dumps) > 1:
        names = ", ".join(dump.name.removesuffix(f" in {path.name}") for dump in dumps[:10])
        raise AppError(
            ErrorCode.INVALID_INPUT,
            f"{path.name} holds {len(dumps)} dumps",
            detail=names + (", …" if len(dumps) > 10 else ""),
            hint="Unpack it, then use the one that you want.",
        )
    return dumps[0]


def identify_all(paths: Iterable[Path], check: Check = _go_on) -> tuple[DumpFile, ...]:
    """Look into files and folders that belong together, and give each dump in them once, in their order.

    A zip, a tar archive or a folder may hold several. What lies beside them in it is left out.

    Raises:
        AppError: as `identify`, but never because there are several.
    """
    return tuple(dict.fromkeys(dump for path in paths for dump in _dumps_at(path, check)))


def script_blocks(dump: DumpFile, check: Check = _go_on) -> Iterator[bytes]:
    """A script's SQL: unpacked, without a byte order mark, and never UTF-16. Line ends are kept.

    What was UTF-16 becomes what the script's own `SET client_encoding` says, and UTF-8 without one.

    Raises:
        AppError: ARCHIVE_DAMAGED.
    """
    return script_text(unpacked(dump.path, dump.layers, check), dump.charset, dump.name)


def opened_archive(dump: DumpFile, check: Check = _go_on) -> Iterator[bytes]:
    """The bytes of a packed custom or tar archive, for pg_restore's standard input.

    Raises:
        AppError: ARCHIVE_DAMAGED.
    """
    return unpacked(dump.path, dump.layers, check)


class _HeadEndsError(Exception):
    """More is packed in it than was kept of it to look at."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Something that may be a dump or hold some: where it is, and a way to read it from its start."""

    path: Path
    layers: tuple[Layer, ...]
    blocks: Callable[[], Iterator[bytes]]
    check: Check

    def below(self, layer: Layer, blocks: Callable[[], Iterator[bytes]]) -> _Place:
        return replace(self, layers=(*self.layers, layer), blocks=blocks)

    @property
    def member(self) -> str:
        return next((layer.member for layer in reversed(self.layers) if layer.member), "")

    def error(self, look: Look) -> AppError:
        return not_a_dump(self.path.name, look, self.member)

    def dump(self, form: DumpForm) -> DumpFile:
        return DumpFile(self.path, form, self.layers)


def _head_of(blocks: Iterator[bytes]) -> bytes:
    """The first bytes.

    Raises:
        AppError: ARCHIVE_DAMAGED when it ends too early.
    """
    head = b""
    try:
        for block in blocks:
            head += block
            if len(head) >= _HEAD:
                break
    except _HeadEndsError:
        pass
    return head[:_HEAD]


class _Found:
    """The dumps in a zip or tar archive. A folder that is a dump covers all files in it."""

    def __init__(self, place: _Place, packing: Packing) -> None:
        self._place = place
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
        if self._files > _MOST_FILES:
            raise self._place.error(Look(f"an archive of more than {_MOST_FILES} files", _UNPACK))
        folder, base = _parted(name)
        form = _folder_form(base, _head_of(blocks())) if base in _MARKS else None
        if form:
            self.add_folder(folder, form)
            return
        try:
            self._dumps += _dumps_in(self._place.below(Layer(self._packing, name), blocks))
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


def _dumps_at(path: Path, check: Check) -> tuple[DumpFile, ...]:
    existing(path)
    try:
        if path.is_dir():
            return _dumps_in_folder(path, check)
        if not path.is_file():
            raise not_a_dump(path.name, Look("neither a file nor a folder"))
        return _dumps_in(_Place(path, (), partial(file_blocks, path, check), check))
    except OSError as error:
        raise damaged(path, error.strerror or str(error)) from error


def _dumps_in_folder(path: Path, check: Check, depth: int = 2) -> tuple[DumpFile, ...]:
    names = {entry.name for entry in path.iterdir()}
    if _MANIFEST in names and _is_manifest(_first_bytes(path / _MANIFEST), names):
        return (DumpFile(path, DumpForm.BACKUP),)
    if _TOC in names:
        if not _first_bytes(path / _TOC).startswith(_MAGIC):
            raise damaged(path / _TOC, "its first bytes make no sense")
        return (DumpFile(path, DumpForm.DIRECTORY),)
    look = look_of_folder(names)
    if look or not depth or len(names) > _MOST_FILES:
        raise not_a_dump(path.name, look or _NO_DUMP)
    found: list[DumpFile] = []
    for name in sorted(names):
        inner = path / name
        if name.startswith(".") or JUNK.fullmatch(name) or inner.is_symlink():
            continue
        try:
            if inner.is_dir():
                found += _dumps_in_folder(inner, check, depth - 1)
            else:
                found += _dumps_at(inner, check)
        except AppError as error:
            if error.code is not ErrorCode.UNKNOWN_FORMAT:
                raise
    if not found:
        raise not_a_dump(path.name, _NO_DUMP)
    return tuple(found)


def _first_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(1 << 16)


def _is_manifest(head: bytes, names: Iterable[str] = ()) -> bool:
    """Whether a manifest.json is Holdfast's: by what it says, or a damaged one by what lies beside it."""
    return (head.lstrip().startswith(b"{") and b'"holdfast":' in head) or "SHA256SUMS" in names


def _dumps_in(place: _Place) -> tuple[DumpFile, ...]:
    place.check()
    head = _head_of(place.blocks())
    packing = packing_of(head)
    if packing is None:
        return (_open_dump(place, head),)
    if len(place.layers) >= _MOST_LAYERS:
        raise place.error(Look(f"something that is packed more than {_MOST_LAYERS} times", _UNPACK))
    if packing is Packing.ZIP:
        return _dumps_in_zip(place)
    if packing is Packing.TAR:
        return (place.dump(DumpForm.TAR),) if _is_tar_of_pg_dump(head) else _dumps_in_tar(place)
    name, check = str(place.path), place.check
    return _dumps_in(place.below(Layer(packing), lambda: decompressed(place.blocks(), packing, name, check)))


def _is_tar_of_pg_dump(head: bytes) -> bool:
    """Its first member is the table of contents, which says no compression: else it is a folder in a tar."""
    name, toc = head[:100].partition(b"\0")[0], head[512:1024]
    if name != _TOC.encode() or not toc.startswith(_MAGIC) or len(toc) < 20:
        return False
    return toc[11] == 0 if toc[5:7] >= b"\x01\x0f" else toc[12:16] == bytes(4)


def _open_dump(place: _Place, head: bytes) -> DumpFile:
    """The dump that begins like this and is not packed."""
    if head.startswith(_MAGIC) or (len(head) >= 3 and _MAGIC.startswith(head)):
        if len(head) < _SMALLEST_ARCHIVE:
            raise damaged(place.path, f"it ends after {len(head)} bytes")
        if head[_FORMAT_CODE] == _CUSTOM_CODE:
            return place.dump(DumpForm.CUSTOM)
        if place.layers or place.path.name != _TOC:
            raise place.error(_HALF)
        return DumpFile(place.path.parent, DumpForm.DIRECTORY)
    if _is_manifest(head):
        if place.layers or place.path.name != _MANIFEST:
            raise place.error(_LOOSE_MANIFEST)
        return DumpFile(place.path.parent, DumpForm.BACKUP)
    charset = charset_of(head)
    text = as_utf_8(head, charset)
    header = pg_dump_header(text)
    is_plain = not header and b"\0" not in text and begins_with_sql(text) and not other_dialect(text)
    if not is_plain and header not in ("postgres", "cluster"):
        raise place.error(look_of(head))
    form = DumpForm.CLUSTER if header == "cluster" else DumpForm.PLAIN
    return DumpFile(place.path, form, place.layers, charset, *versions(text))


def _dumps_in_zip(place: _Place) -> tuple[DumpFile, ...]:
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
        found = _Found(place, Packing.ZIP)
        for one in sorted(members, key=lambda one: (_parted(one)[1] not in _MARKS, one.count("/"))):
            if not found.covers(one):
                found.add(one, sources[one])
        return found.all()


def _dumps_in_tar(place: _Place) -> tuple[DumpFile, ...]:
    """A tar archive has no list of its files: it is walked through, a folder in it as far as is bearable."""
    found = _Found(place, Packing.TAR)
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
            if base not in _MARKS and _ARCHIVE_FILE.fullmatch(base):
                folders.add(folder)
            elif not found.covers(member.name):
                found.add(member.name, partial(_head_alone, _head_of(content), member.size))
        passed += member.size
        if passed > _MUCH and (found.has_folder or folders):
            for folder in folders:
                if not found.covers(folder):
                    found.add_folder(folder, DumpForm.DIRECTORY)  # its toc.dat is further on
            break
        if passed > max(_MUCH, _MOST_RATIO * place.path.stat().st_size):
            raise bomb(place.path, f"more than {passed:,} bytes")
    return found.all()


def _folder_form(base: str, head: bytes) -> DumpForm | None:
    """What a folder is that has such a toc.dat or manifest.json; None when they are something else."""
    if base == _MANIFEST:
        return DumpForm.BACKUP if _is_manifest(head) else None
    is_toc = head.startswith(_MAGIC) and head[_FORMAT_CODE : _FORMAT_CODE + 1] != bytes((_CUSTOM_CODE,))
    return DumpForm.DIRECTORY if is_toc else None


def _head_alone(head: bytes, size: int) -> Iterator[bytes]:
    yield head
    if len(head) < size:
        raise _HeadEndsError


def _parted(name: str) -> tuple[str, str]:
    """The folder, with a slash behind it, and the file's own name."""
    folder, slash, base = name.rpartition("/")
    return folder + slash, base
