"""Reads a plain SQL dump of pg_dump as if it were an archive: entries, streams, large objects."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from app.postgres.archive_digest import LargeObject
from app.postgres.archive_entry import VIA_ROOT, Entry, python_codec
from app.postgres.archive_errors import damaged
from app.postgres.compression import decompressed, method_of
from app.postgres.copy_stream import CopyDigest, StreamDigest
from app.postgres.script import CopyBlock, Header, MetaCommand, Statement, parse_copy_statement, read_script

_COMPLETE = re.compile(rb"^-- PostgreSQL database (?:cluster )?dump complete", re.MULTILINE)
_TAIL = 512
_OPEN = re.compile(rb"SELECT pg_catalog\.lo_open\('(\d+)', \d+\);")
_WRITE = re.compile(rb"SELECT pg_catalog\.lowrite\(0, '\\x([0-9a-f]*)'\);")
_ENCODING = re.compile(rb"SET client_encoding = '([A-Za-z0-9_]+)';")
_SETTING = re.compile(rb"SET [a-z_]+ = [^;]*;|SELECT pg_catalog\.set_config\([^;]*;")
_OWNER = re.compile(rb'ALTER [A-Z].* OWNER TO (?:"(?:[^"]|"")+"|\w+);', re.DOTALL)


@dataclass(frozen=True, slots=True)
class ScriptItem:
    """One item of a script and the number of the entry it belongs to; 0 for settings of the session."""

    dump_id: int
    item: Statement | CopyBlock | MetaCommand


@dataclass(frozen=True, slots=True)
class ScriptArchive:
    """What reading a whole script gave; `streams` are by dump id."""

    entries: tuple[Entry, ...]
    streams: dict[int, StreamDigest]
    large_objects: tuple[LargeObject, ...]
    encoding: str


def read_script_archive(path: Path, check: Callable[[], None] = lambda: None) -> ScriptArchive:
    """Read a compressed or plain script file to its end; `check` is called on the way and may raise.

    Raises:
        AppError: ARCHIVE_DAMAGED naming the file.
    """

    def blocks() -> Iterator[bytes]:
        for block in decompressed(path, method_of(path)):
            check()
            yield block

    try:
        return digest_script(blocks(), str(path))
    except OSError as error:
        raise damaged(path, error.strerror or str(error)) from error


def digest_script(blocks: Iterable[bytes], name: str) -> ScriptArchive:
    """Read a script to its end.

    Raises:
        AppError: ARCHIVE_DAMAGED when it ends early.
    """
    tail = _Tail(blocks)
    entries: dict[int, Entry] = {}
    definitions: dict[int, list[str]] = {}
    streams: dict[int, StreamDigest] = {}
    objects = _LargeObjects()
    encoding = "UTF8"
    for dump_id, item in _numbered(tail):
        codec = python_codec(encoding)
        if isinstance(item, Statement) and (match := _ENCODING.fullmatch(item.text)):
            encoding = match[1].decode()
        if dump_id == 0 or isinstance(item, MetaCommand) or item.header is None:
            continue
        if dump_id not in entries:
            entries[dump_id] = _entry(dump_id, item.header, codec)
            definitions[dump_id] = []
        if isinstance(item, CopyBlock):
            entries[dump_id] = _with_copy(entries[dump_id], item, codec)
            streams[dump_id] = _digest(item)
        elif not objects.take(item.text) and not is_session_setting(item) and not _OWNER.fullmatch(item.text):
            definitions[dump_id].append(item.text.decode(codec, "surrogateescape"))
    if not _COMPLETE.search(tail.text):
        raise damaged(name, "it ends before pg_dump's last line")
    whole = (
        entry if entry.copy_statement else replace(entry, definition="\n".join(definitions[dump_id]))
        for dump_id, entry in entries.items()
    )
    return ScriptArchive(tuple(whole), streams, tuple(objects.found), encoding)


def script_items(path: Path) -> Iterator[ScriptItem]:
    """The items of a script with the numbers that `read_script_archive` gave their entries.

    Raises:
        AppError: ARCHIVE_DAMAGED.
    """
    for dump_id, item in _numbered(decompressed(path, method_of(path))):
        yield ScriptItem(dump_id, item)


def rows_of(path: Path, entry: Entry) -> Iterator[bytes]:
    """The rows of one entry; the script is read up to them.

    Raises:
        AppError: ARCHIVE_DAMAGED.
    """
    for numbered in script_items(path):
        if numbered.dump_id == entry.dump_id and isinstance(numbered.item, CopyBlock):
            yield from numbered.item.data
            return


def is_session_setting(item: Statement) -> bool:
    """True for `SET …`, which pg_dump writes between entries."""
    return _SETTING.fullmatch(item.text) is not None


def is_owner_change(statement: bytes) -> bool:
    """True for `ALTER … OWNER TO …`."""
    return _OWNER.fullmatch(statement) is not None


def _numbered(blocks: Iterable[bytes]) -> Iterator[tuple[int, Statement | CopyBlock | MetaCommand]]:
    """Number the entries by their headers, from 1; what stands before the first header has 0."""
    number, header = 0, None
    for item in read_script(blocks, count_data_lines=False):
        if isinstance(item, MetaCommand) or item.header is None:
            yield 0, item
            continue
        if item.header is not header:
            number, header = number + 1, item.header
        yield (0 if isinstance(item, Statement) and is_session_setting(item) else number), item


def _entry(dump_id: int, header: Header, codec: str) -> Entry:
    def recoded(text: str | None) -> str:
        # The reader takes headers for UTF-8.
        return (text or "").encode("utf-8", "surrogateescape").decode(codec, "surrogateescape")

    return Entry(
        dump_id=dump_id,
        catalog_oid=0,
        oid=0,
        tag=recoded(header.name),
        kind=header.kind,
        section="",
        definition="",
        drop="",
        copy_statement="",
        schema=recoded(header.schema),
        tablespace="",
        access_method="",
        relkind="",
        owner=recoded(header.owner),
        dependencies=(),
        has_data=False,
    )


def _with_copy(entry: Entry, block: CopyBlock, codec: str) -> Entry:
    statement = block.statement.decode(codec, "surrogateescape")
    target = parse_copy_statement(statement)
    named = target.schema or "", target.name
    if (entry.schema, entry.tag) != tuple(map(_on_one_line, named)):
        return replace(entry, copy_statement=statement, has_data=True, definition=VIA_ROOT)
    schema, tag = named
    return replace(entry, copy_statement=statement, has_data=True, schema=schema, tag=tag)


def _on_one_line(name: str) -> str:
    """A name as pg_dump writes it in a comment (`sanitize_line` in its dumputils.c)."""
    return name.replace("\n", " ").replace("\r", " ")


def _digest(block: CopyBlock) -> StreamDigest:
    digest = CopyDigest()
    for data in block.data:
        digest.feed(data)
    return digest.finish(end_marker=False)


class _LargeObjects:
    """Collects large objects from the statements that write them."""

    def __init__(self) -> None:
        self.found: list[LargeObject] = []
        self._sha = hashlib.sha256()

    def take(self, statement: bytes) -> bool:
        """Take a statement that opens or writes a large object; False for any other."""
        if match := _OPEN.fullmatch(statement):
            self._sha = hashlib.sha256()
            self.found.append(LargeObject(int(match[1]), 0, self._sha.hexdigest()))
            return True
        match = _WRITE.fullmatch(statement)
        if not match or not self.found:
            return False
        data = bytes.fromhex(match[1].decode())
        self._sha.update(data)
        last = self.found[-1]
        self.found[-1] = LargeObject(last.oid, last.bytes + len(data), self._sha.hexdigest())
        return True


class _Tail:
    """Passes blocks on and remembers the last bytes."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._blocks = blocks
        self.text = b""

    def __iter__(self) -> Iterator[bytes]:
        for block in self._blocks:
            self.text = (self.text + block[-_TAIL:])[-_TAIL:]
            yield block
