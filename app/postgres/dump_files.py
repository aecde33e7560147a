"""Tells what a file or folder is, by its bytes and not by its name, and gives what is in it as a stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from app.domain.errors import AppError, ErrorCode
from app.postgres.archive import TOC
from app.postgres.archive_errors import damaged, unreadable
from app.postgres.dump_form import CUSTOM_CODE, FORMAT_CODE, MAGIC, MANIFEST, DumpFile, DumpForm, is_manifest
from app.postgres.dump_members import JUNK, MOST_FILES, UNPACK, Place, dumps_in_tar, dumps_in_zip, head_of
from app.postgres.foreign_files import Look, look_of, look_of_folder, not_a_dump
from app.postgres.packing import Check, Layer, Packing, decompressed, file_blocks, packing_of, unpacked
from app.postgres.script_charset import as_utf_8, charset_of, script_text
from app.postgres.script_signs import begins_with_sql, other_dialect, pg_dump_header, versions
from app.system.read_ahead import read_ahead

__all__ = ["DumpFile", "DumpForm", "identify", "identify_all", "opened_archive", "script_blocks"]

_MOST_LAYERS = 5
_SMALLEST_ARCHIVE = 64
_NO_DUMP = Look("a folder with no dump in it", "Choose the dump itself.")
_HALF = Look("a part of a directory archive", f"Use the whole folder: {TOC} and all the files beside it.")
_LOOSE_MANIFEST = Look("the manifest of a backup of Holdfast", "Use the backup's whole folder.")


def _go_on() -> None:
    """Never cancel."""


def identify(path: Path, check: Check = _go_on) -> DumpFile:
    """Look into a file or folder that is one dump.

    Of a large file only the first part is read. A tar archive with scripts in it is read to its end.

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
    blocks = unpacked(dump.path, dump.layers, check)
    if dump.layers:
        blocks = read_ahead(blocks)  # unpacking takes a processor of its own
    return script_text(blocks, dump.charset, dump.name)


def opened_archive(dump: DumpFile, check: Check = _go_on) -> Iterator[bytes]:
    """The bytes of a packed custom or tar archive, for pg_restore's standard input.

    Raises:
        AppError: ARCHIVE_DAMAGED.
    """
    return unpacked(dump.path, dump.layers, check)


def _dumps_at(path: Path, check: Check) -> tuple[DumpFile, ...]:
    try:
        if not path.exists():
            raise AppError(ErrorCode.INVALID_INPUT, "There is no such file or folder", detail=str(path))
        if path.is_dir():
            return _dumps_in_folder(path, check)
        if not path.is_file():
            raise not_a_dump(path.name, Look("neither a file nor a folder"))
        return _dumps_in(Place(path, (), partial(file_blocks, path, check), check))
    except OSError as error:
        raise unreadable(path, error) from error


def _dumps_in_folder(path: Path, check: Check, depth: int = 2) -> tuple[DumpFile, ...]:
    names = {entry.name for entry in path.iterdir()}
    if _is_backup(path, names):
        return (DumpFile(path, DumpForm.BACKUP),)
    if TOC in names:
        if not _first_bytes(path / TOC).startswith(MAGIC):
            raise damaged(path / TOC, "its first bytes make no sense")
        return (DumpFile(path, DumpForm.DIRECTORY),)
    look = look_of_folder(names)
    if look or not depth or len(names) > MOST_FILES:
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


def _is_backup(path: Path, names: set[str]) -> bool:
    return MANIFEST in names and is_manifest(_first_bytes(path / MANIFEST), names)


def _first_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(1 << 16)


def _dumps_in(place: Place) -> tuple[DumpFile, ...]:
    place.check()
    head = head_of(place.blocks())
    packing = packing_of(head)
    if packing is None:
        return (_open_dump(place, head),)
    if len(place.layers) >= _MOST_LAYERS:
        raise place.error(Look(f"something that is packed more than {_MOST_LAYERS} times", UNPACK))
    if packing is Packing.ZIP:
        return dumps_in_zip(place, _dumps_in)
    if packing is Packing.TAR:
        return (place.dump(DumpForm.TAR),) if _is_tar_of_pg_dump(head) else dumps_in_tar(place, _dumps_in)
    name, check = str(place.path), place.check
    return _dumps_in(place.below(Layer(packing), lambda: decompressed(place.blocks(), packing, name, check)))


def _is_tar_of_pg_dump(head: bytes) -> bool:
    """Its first member is the table of contents, which says no compression: else it is a folder in a tar."""
    name, toc = head[:100].partition(b"\0")[0], head[512:1024]
    if name != TOC.encode() or not toc.startswith(MAGIC) or len(toc) < 20:
        return False
    return toc[11] == 0 if toc[5:7] >= b"\x01\x0f" else toc[12:16] == bytes(4)


def _open_dump(place: Place, head: bytes) -> DumpFile:
    """The dump that begins like this and is not packed."""
    if head.startswith(MAGIC) or (len(head) >= 3 and MAGIC.startswith(head)):
        if len(head) < _SMALLEST_ARCHIVE:
            raise damaged(place.path, f"it ends after {len(head)} bytes")
        if head[FORMAT_CODE] == CUSTOM_CODE:
            return place.dump(DumpForm.CUSTOM)
        if place.layers or place.path.name != TOC:
            raise place.error(_HALF)
        archive = place.path.parent
        if _is_backup(archive.parent, {entry.name for entry in archive.parent.iterdir()}):
            return DumpFile(archive.parent, DumpForm.BACKUP)  # who opens a part of it means all of it
        return DumpFile(archive, DumpForm.DIRECTORY)
    if is_manifest(head):
        if place.layers or place.path.name != MANIFEST:
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
