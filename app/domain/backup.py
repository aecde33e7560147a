"""What a backup is: its options, and the manifest that describes it for good.

The manifest's dataclasses are the file format: renaming a field changes `manifest.json`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.domain.errors import AppError, ErrorCode
from app.domain.proof import Proof, ProofLevel

MANIFEST_VERSION = 1

STORAGE_FILES = "storage files"
"""Name of that part."""


class Format(StrEnum):
    """How the database part is written."""

    DIRECTORY = "directory"
    CUSTOM = "custom"
    PLAIN = "plain"


class Contents(StrEnum):
    """Which half of a database is dumped."""

    ALL = "all"
    SCHEMA = "schema"
    DATA = "data"


class CompressionMethod(StrEnum):
    """Compression methods that pg_dump or Holdfast can write."""

    ZSTD = "zstd"
    GZIP = "gzip"
    BZIP2 = "bzip2"
    LZ4 = "lz4"
    NONE = "none"


_LEVELS = {
    CompressionMethod.ZSTD: range(1, 23),
    CompressionMethod.GZIP: range(1, 10),
    CompressionMethod.BZIP2: range(1, 10),
    CompressionMethod.LZ4: range(1, 13),
}


@dataclass(frozen=True, slots=True)
class Compression:
    """A compression method and, where one was given, its level."""

    method: CompressionMethod
    level: int | None = None

    @classmethod
    def parse(cls, text: str) -> Compression:
        """Read `zstd:3`, `gzip`, `none` and the like.

        Raises:
            AppError: INVALID_INPUT for an unknown method or a level that it does not have.
        """
        name, colon, level_text = text.strip().lower().partition(":")
        try:
            method = CompressionMethod(name)
        except ValueError:
            known = ", ".join(CompressionMethod)
            raise _bad_compression(text, f"Known methods are {known}.") from None
        if not colon:
            return cls(method)
        levels = _LEVELS.get(method)
        if levels is None:
            raise _bad_compression(text, f"{method} has no levels.")
        if not level_text.isascii() or not level_text.isdigit() or int(level_text) not in levels:
            raise _bad_compression(text, f"{method} has the levels {levels[0]} to {levels[-1]}.")
        return cls(method, int(level_text))

    def __str__(self) -> str:
        return self.method.value if self.level is None else f"{self.method.value}:{self.level}"


def _bad_compression(text: str, hint: str) -> AppError:
    return AppError(ErrorCode.INVALID_INPUT, f"“{text}” is not a compression", hint=hint)


@dataclass(frozen=True, slots=True)
class BackupOptions:
    """What the user asked for.

    Attributes:
        contents: everything, the schema alone or the data alone.
        schemas: only these schemas, as pg_dump patterns; empty for all.
        tables: only these tables, as pg_dump patterns; empty for all.
        excluded_tables: none of these tables, as pg_dump patterns.
        format: how the database part is written.
        compression: None for the best that the chosen tool has.
        jobs: parallel pg_dump workers; None for what the machine and the server allow.
        roles: whether the cluster's roles are saved beside the database.
        proof: how far the backup is to be proven.
        counts: whether the server counts each table's rows in the snapshot.
        note: free text of the user.
        storage, functions, configuration: whether a Supabase project's storage files, edge functions and
            settings are saved; they mean nothing for any other database.
    """

    contents: Contents = Contents.ALL
    schemas: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    excluded_tables: tuple[str, ...] = ()
    format: Format = Format.DIRECTORY
    compression: Compression | None = None
    jobs: int | None = None
    roles: bool = True
    proof: ProofLevel = ProofLevel.PROVEN
    counts: bool = True
    note: str = ""
    storage: bool = True
    functions: bool = True
    configuration: bool = True

    @property
    def is_selection(self) -> bool:
        """True when parts of the database are left out, so that it may not restore by itself."""
        return bool(self.schemas or self.tables or self.excluded_tables) or self.contents is not Contents.ALL


@dataclass(frozen=True, slots=True)
class FileRecord:
    """One file of a backup: its path relative to the backup's folder with `/`, size and hash."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class TableRecord:
    """One table whose data is in the backup.

    Attributes:
        schema: name of its schema, not quoted.
        name: its name, not quoted.
        rows: rows in its data stream.
        counted: rows that the server counted in the same snapshot; None when it was not asked.
        bytes: length of its data stream, uncompressed, without the end marker.
        sha256: hash of its data stream (COPY text without the end marker).
        copy_statement: the archive's own COPY statement, with its column list.
        via_root: True when pg_dump loads a partition's rows through its root.
    """

    schema: str
    name: str
    rows: int
    counted: int | None
    bytes: int
    sha256: str
    copy_statement: str
    via_root: bool = False


@dataclass(frozen=True, slots=True)
class LargeObjects:
    """The large objects of a backup: how many, their bytes, and one hash over their hashes."""

    count: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ExtensionType:
    """A type that an extension owns, with what a stand-in needs to know of it.

    `kind` is pg_type.typtype: b base, c composite, d domain, e enum, r range, m multirange.
    """

    schema: str
    name: str
    kind: str = "b"
    has_modifier: bool = False
    category: str = "U"
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ExtensionRoutine:
    """A function or aggregate that an extension owns.

    `kind` is pg_proc.prokind: f function, p procedure, a aggregate, w window.
    `arguments` and `result` are as pg_get_function_arguments and pg_get_function_result give them,
    with every type qualified.
    """

    schema: str
    name: str
    kind: str
    arguments: str
    result: str
    volatility: str = "v"
    strict: bool = False
    returns_set: bool = False


@dataclass(frozen=True, slots=True)
class ExtensionOperator:
    """An operator that an extension owns; types are qualified, None where a side is missing."""

    schema: str
    name: str
    left: str | None
    right: str | None
    routine: str


@dataclass(frozen=True, slots=True)
class ExtensionCast:
    """A cast that an extension owns; `context` is pg_cast's: e explicit, a assignment, i implicit."""

    source: str
    target: str
    context: str


@dataclass(frozen=True, slots=True)
class Extension:
    """An extension of the database, with the objects that a sandbox without it must stand in for."""

    name: str
    version: str
    schema: str
    types: tuple[ExtensionType, ...] = ()
    routines: tuple[ExtensionRoutine, ...] = ()
    operators: tuple[ExtensionOperator, ...] = ()
    casts: tuple[ExtensionCast, ...] = ()


@dataclass(frozen=True, slots=True)
class ServerRecord:
    """The server that was backed up."""

    version: str
    version_number: int
    encoding: str
    locale: str = ""
    database: str = ""
    host: str = ""
    port: str = ""
    user: str = ""
    tls: str = ""


@dataclass(frozen=True, slots=True)
class PartRecord:
    """One part of a backup: what it is, where it lies, and how it was made.

    `inside_snapshot` is False for parts that PostgreSQL cannot read in the dump's snapshot (roles). A part
    without a path lies in the database part.

    Attributes:
        objects: files, functions, settings or rows in it; None where they are not counted.
        bytes: theirs.
        downloaded: of the objects came over the network; the others were linked from an earlier backup.
        is_whole: False where it was broken off, so that an earlier backup may hold more of it.
    """

    name: str
    path: str
    tool: str
    inside_snapshot: bool = True
    objects: int | None = None
    bytes: int = 0
    downloaded: int | None = None
    is_whole: bool = True

    @property
    def linked(self) -> int | None:
        """Objects that an earlier backup held already."""
        if self.objects is None or self.downloaded is None:
            return None
        return self.objects - self.downloaded


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What a backup does not hold though it was wanted: of which part, what, and why."""

    part: str
    what: str
    reason: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything that is known of one backup. All times are UTC, all sizes bytes.

    `roles` are the cluster's role names at the time; `session` holds the settings of the dump's
    session that change how values are written as text; `warnings` are sentences for the user;
    `proof` is the last check's result; `schedule` and `slot` say what asked for the backup, if not a user;
    `left_out` is what could not be had.
    """

    version: int
    id: str
    project: str
    started: datetime
    finished: datetime
    holdfast: str
    server: ServerRecord
    tool: str
    options: BackupOptions
    format: Format
    compression: str
    jobs: int
    parts: tuple[PartRecord, ...]
    files: tuple[FileRecord, ...]
    tables: tuple[TableRecord, ...]
    large_objects: LargeObjects
    extensions: tuple[Extension, ...]
    roles: tuple[str, ...]
    session: dict[str, str]
    database_bytes: int
    proof: Proof
    kind: str = "manual"
    warnings: tuple[str, ...] = ()
    schedule: str = ""
    slot: datetime | None = None
    left_out: tuple[LeftOut, ...] = ()

    @property
    def bytes(self) -> int:
        """Size of the backup on disk, without the manifest itself."""
        return sum(file.bytes for file in self.files)

    @property
    def storage_bytes(self) -> int:
        """Of it, a Supabase project's storage files."""
        return sum(part.bytes for part in self.parts if part.name == STORAGE_FILES)

    @property
    def is_counted(self) -> bool:
        """True when the server counted each table's rows in the snapshot, and the archive holds as many."""
        return self.options.counts and all(table.counted == table.rows for table in self.tables)

    @property
    def rows(self) -> int:
        """Rows in all data streams."""
        return sum(table.rows for table in self.tables)


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup in a folder: where it lies and what its manifest says."""

    folder: str
    manifest: Manifest
