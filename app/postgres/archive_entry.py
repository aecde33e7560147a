"""Turns single entries of pg_dump's table of contents into values and back.

The layout is that of PostgreSQL's src/bin/pg_dump/pg_backup_archiver.c (ReadToc, WriteToc). Every number
is a sign byte and four bytes, least first; every text is a number of bytes, or -1 for NULL, and the bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, fields, make_dataclass
from typing import Any, cast

VIA_ROOT = "-- load via partition root"
"""How pg_dump marks data that are loaded through a partition's root."""

_SECTIONS = ("", "none", "pre-data", "data", "post-data")
_NOT_SET, _SET, _NO_DATA = 1, 2, 3
_NULL = b"\1\1\0\0\0"
_TAG, _DEFINITION, _DROP, _COPY, _SCHEMA, _TABLESPACE, _ACCESS_METHOD, _OWNER = (1 << bit for bit in range(8))

_BYTE_AND_INT = struct.Struct("<BI")
_TWO_INTS = struct.Struct("<BIBI")
_SINGLE_BYTE_CODECS = {
    **{
        f"LATIN{number}": f"iso8859_{part}"
        for number, part in enumerate((1, 2, 3, 4, 9, 10, 13, 14, 15, 16), 1)
    },
    **{f"ISO_8859_{part}": f"iso8859_{part}" for part in (5, 6, 7, 8)},
    **{f"WIN{page}": f"cp{page}" for page in (866, 874, *range(1250, 1259))},
    "KOI8R": "koi8_r",
    "KOI8U": "koi8_u",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One object, or one object's data, in a table of contents.

    Attributes:
        dump_id: its number in the archive.
        catalog_oid: oid of the system catalog that the object is in; 0 for data.
        oid: oid of the object; for TABLE DATA that of the table.
        tag: name, as pg_restore lists it (`orders`, `orders orders_pkey`, `f(integer)`).
        kind: TABLE, TABLE DATA, INDEX …
        section: pre-data, data, post-data or none.
        definition: SQL that creates it.
        drop: SQL that drops it.
        copy_statement: for TABLE DATA, `COPY … FROM stdin;` with its columns; empty for --inserts.
        schema: name of its schema, not quoted; empty when it is in none.
        tablespace: name of its tablespace; empty for the default.
        access_method: of a table, since 1.14.
        relkind: pg_class.relkind of a TABLE since 1.16, otherwise empty.
        owner: name of its owner.
        dependencies: dump ids that must be restored before.
        has_data: whether a data stream or large objects belong to it.
        data_offset: where its data begin in a custom archive; None where pg_dump could not go back
            to note it.
        filename: of its data in a directory or tar archive, without the compression's suffix.
        nulls: bits of the texts that are NULL rather than empty, so that writing restores them.
        with_oids: whether the table had oids (possible before PostgreSQL 12).
    """

    dump_id: int
    catalog_oid: int
    oid: int
    tag: str
    kind: str
    section: str
    definition: str
    drop: str
    copy_statement: str
    schema: str
    tablespace: str
    access_method: str
    relkind: str
    owner: str
    dependencies: tuple[int, ...]
    has_data: bool
    data_offset: int | None = None
    filename: str = ""
    nulls: int = 0
    with_oids: bool = False


_Draft: Any = make_dataclass("_Draft", [field.name for field in fields(Entry)], slots=True)
"""An `Entry` while it is made: the __init__ of a frozen dataclass takes ten times as long."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What decides how an entry's bytes look.

    Attributes:
        version: of the format.
        is_custom: whether data are found by offset rather than by file name.
        offset_size: bytes in a data offset.
        codec: Python's codec for texts; used with `surrogateescape` it loses nothing.
        shift: how far data move when entries are written, in bytes.
    """

    version: tuple[int, int, int]
    is_custom: bool
    offset_size: int
    codec: str
    shift: int = 0


def python_codec(encoding: str) -> str:
    """Python's codec for one of PostgreSQL's encodings; UTF-8 where a lossless one does not exist."""
    return _SINGLE_BYTE_CODECS.get(encoding, "utf-8")


def read_number(buffer: bytes, position: int) -> tuple[int, int]:
    """The number at a position and the position behind it; struct.error where the buffer ends."""
    minus, number = _BYTE_AND_INT.unpack_from(buffer, position)
    return -number if minus else number, position + 5


def entry_reader(layout: Layout) -> Callable[[bytes, int], tuple[Entry, int]]:  # noqa: PLR0915
    """A function that reads the entry at a position and gives the position behind it.

    It decides how fast a large table of contents is read (10 us for an entry), hence no call for each
    field, and the fields from the schema to the owner, which repeat, are compared rather than read.
    A slice that reaches behind the buffer stops short silently, but the number that comes after it then
    raises struct.error; the last field is checked by itself.
    """
    codec = layout.codec
    offset_size = layout.offset_size
    is_custom = layout.is_custom
    number = _BYTE_AND_INT.unpack_from
    two_numbers = _TWO_INTS.unpack_from
    read_surroundings = _surroundings_reader(layout)
    last: dict[str, tuple[bytes, int, tuple[Any, ...]]] = {}
    integers: dict[bytes, int] = {}
    kinds: dict[bytes, str] = {}

    def integer(raw: bytes) -> int:
        value = integers[raw] = int(raw)
        return value

    def read(buffer: bytes, position: int) -> tuple[Entry, int]:  # noqa: PLR0912, PLR0915
        minus, dump_id, _, has_data = two_numbers(buffer, position)
        if minus or not dump_id:
            raise ValueError("dump id")
        _, length = number(buffer, position + 10)
        position += 15
        end = position + length
        raw = buffer[position:end]
        catalog_oid = integers.get(raw) or integer(raw)
        _, length = number(buffer, end)
        position = end + 5
        end = position + length
        raw = buffer[position:end]
        oid = integers.get(raw) or integer(raw)
        nulls, length = number(buffer, end)
        position = end + 5
        end = position if nulls else position + length
        tag = buffer[position:end].decode(codec, "surrogateescape")
        _, length = number(buffer, end)
        position = end + 5
        end = position + length
        raw = buffer[position:end]
        kind = kinds.get(raw)
        if kind is None:
            kind = kinds[raw] = raw.decode("ascii")
        _, section, minus, length = two_numbers(buffer, end)
        position = end + 10
        if minus:
            nulls |= _DEFINITION
            definition = ""
        else:
            end = position + length
            definition = buffer[position:end].decode(codec, "surrogateescape")
            position = end
        minus, length = number(buffer, position)
        position += 5
        if minus:
            nulls |= _DROP
            drop = ""
        else:
            end = position + length
            drop = buffer[position:end].decode(codec, "surrogateescape")
            position = end
        minus, length = number(buffer, position)
        position += 5
        if minus:
            nulls |= _COPY
            copy_statement = ""
        else:
            end = position + length
            copy_statement = buffer[position:end].decode(codec, "surrogateescape")
            position = end
        surroundings = last.get(kind)
        if surroundings is None or not buffer.startswith(surroundings[0], position):
            surroundings = last[kind] = read_surroundings(buffer, position)
        raw, more_nulls, (schema, tablespace, access_method, relkind, owner, with_oids) = surroundings
        position += len(raw)
        dependencies = []
        minus, length = number(buffer, position)
        while not minus:
            position += 5
            end = position + length
            raw = buffer[position:end]
            dependencies.append(integers.get(raw) or integer(raw))
            position = end
            minus, length = number(buffer, position)
        position += 5
        offset = None
        filename = ""
        if is_custom:
            end = position + 1 + offset_size
            state = buffer[position]
            if not _NOT_SET <= state <= _NO_DATA:
                raise ValueError("state of data")
            if state == _SET:
                offset = int.from_bytes(buffer[position + 1 : end], "little")
                if offset >> 63:
                    raise ValueError("offset")
        else:
            minus, length = number(buffer, position)
            position += 5
            end = position if minus else position + length
            filename = buffer[position:end].decode("ascii")
        if end > len(buffer):
            raise IndexError
        entry = _Draft(
            dump_id,
            catalog_oid,
            oid,
            tag,
            kind,
            _SECTIONS[section],
            definition,
            drop,
            copy_statement,
            schema,
            tablespace,
            access_method,
            relkind,
            owner,
            tuple(dependencies),
            has_data != 0,
            offset,
            filename,
            nulls | more_nulls,
            with_oids,
        )
        entry.__class__ = Entry
        return cast("Entry", entry), end

    return read


def _surroundings_reader(layout: Layout) -> Callable[[bytes, int], tuple[bytes, int, tuple[Any, ...]]]:
    """A function that reads schema, tablespace, access method, relkind, owner and WITH OIDS.

    It gives their bytes, which of them are NULL, and their values.
    """
    names: dict[bytes, str] = {}

    def read(buffer: bytes, start: int) -> tuple[bytes, int, tuple[Any, ...]]:
        position = start
        nulls = 0

        def text(bit: int) -> str:
            nonlocal position, nulls
            length, position = read_number(buffer, position)
            if length < 0:
                nulls |= bit
                return ""
            raw = buffer[position : position + length]
            position += length
            return names.setdefault(raw, raw.decode(layout.codec, "surrogateescape"))

        schema = text(_SCHEMA)
        tablespace = text(_TABLESPACE)
        access_method = text(_ACCESS_METHOD) if layout.version >= (1, 14) else ""
        relkind = 0
        if layout.version >= (1, 16):
            relkind, position = read_number(buffer, position)
        owner = text(_OWNER)
        with_oids = text(0) == "true"
        if position > len(buffer):
            raise IndexError
        kind_of_relation = chr(relkind) if relkind else ""
        values = (schema, tablespace, access_method, kind_of_relation, owner, with_oids)
        return buffer[start:position], nulls, values

    return read


def encode_entry(entry: Entry, layout: Layout) -> bytes:
    """An entry's bytes."""
    codec = layout.codec

    def nullable(text: str, bit: int) -> bytes:
        return _NULL if not text and entry.nulls & bit else _encode_text(text, codec)

    parts = [
        encode_number(entry.dump_id),
        encode_number(int(entry.has_data)),
        _encode_text(str(entry.catalog_oid), codec),
        _encode_text(str(entry.oid), codec),
        nullable(entry.tag, _TAG),
        _encode_text(entry.kind, codec),
        encode_number(_SECTIONS.index(entry.section)),
        nullable(entry.definition, _DEFINITION),
        nullable(entry.drop, _DROP),
        nullable(entry.copy_statement, _COPY),
        nullable(entry.schema, _SCHEMA),
        nullable(entry.tablespace, _TABLESPACE),
    ]
    if layout.version >= (1, 14):
        parts.append(nullable(entry.access_method, _ACCESS_METHOD))
    if layout.version >= (1, 16):
        parts.append(encode_number(ord(entry.relkind) if entry.relkind else 0))
    parts += [
        nullable(entry.owner, _OWNER),
        _encode_text("true" if entry.with_oids else "false", codec),
        *(_encode_text(str(number), codec) for number in entry.dependencies),
        _NULL,
    ]
    if not layout.is_custom:
        parts.append(_encode_text(entry.filename, codec))
    elif entry.data_offset is None:
        parts.append(bytes((_NOT_SET if entry.has_data else _NO_DATA,)) + bytes(layout.offset_size))
    else:
        offset = entry.data_offset + layout.shift
        parts.append(bytes((_SET,)) + offset.to_bytes(layout.offset_size, "little"))
    return b"".join(parts)


def encode_number(value: int) -> bytes:
    """A number's bytes."""
    return _BYTE_AND_INT.pack(value < 0, abs(value))


def _encode_text(text: str, codec: str) -> bytes:
    raw = text.encode(codec, "surrogateescape")
    return encode_number(len(raw)) + raw
