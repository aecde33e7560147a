"""Says what backups, archives and scripts hold, without a server: for `holdfast inspect` and the window."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from app.domain.backup import Backup, CompressionMethod
from app.domain.restore import Finding, RestoreOptions, Severity
from app.engine.restore.entry_graph import LARGE_OBJECTS, PREAMBLE
from app.engine.restore.in_the_way import numbers_of
from app.engine.restore.object_tree import DataSizes, TreeSchema, object_tree
from app.engine.restore.source import RestoreSource
from app.engine.restore.source_findings import find_in_source
from app.engine.restore.stored_sizes import StoredSizes, stored_sizes
from app.postgres.archive import ArchiveFormat
from app.postgres.archive_data import large_object_files
from app.postgres.archive_entry import Entry, python_codec
from app.postgres.cluster_script import placed_items
from app.postgres.dump_files import DumpFile, DumpForm
from app.postgres.script_dangers import Danger
from app.postgres.script_outline import ScriptOutline
from app.postgres.script_trio import TrioRole, trio_role

_WITH_ROLES = frozenset({"ACL", "DEFAULT ACL", "POLICY", "USER MAPPING"})
_TO_WHOM = re.compile(r'\b(?:TO|FROM|FOR|BY) ((?:"[^"]*"|[^;"])*)')
_ROWS_KIND = "TABLE DATA"


@dataclass(frozen=True, slots=True)
class TableContents:
    """A table whose rows are in a source.

    Attributes:
        rows: None when the source does not say it without being read to the end; likewise `bytes`, the
            length of its COPY text, and `stored`, what that takes in an archive that is compressed.
    """

    schema: str
    name: str
    rows: int | None
    bytes: int | None
    stored: int | None


@dataclass(frozen=True, slots=True)
class SourceContents:
    """What a source holds.

    Attributes:
        source: as a restore would take it.
        form: what it is, below all packing.
        packing: how it is wrapped: `gzip`, `zip (dump.sql), xz`; `none`.
        compression: of the data in an archive; empty for scripts.
        size: of its files on the disk in bytes.
        database: the one that was dumped; empty when the source does not say.
        databases: of a script for a whole server, in order.
        empty_databases: those of them that hold nothing.
        created: in the local time of the machine that made it, but UTC for a backup of Holdfast; None
            when the source does not say.
        server_version, dump_version: in their own words; empty when the source does not say.
        objects: how many of each kind.
        extensions, roles: that a target must have or be given; roles of PostgreSQL itself are left out.
        large_objects: how many; None when it has some and does not say how many.
        trio: of scripts that belong together, what each is; empty otherwise.
        dangers: in scripts, by line.
        findings: what a restore has to know of it.
        is_complete: False when it is cut off or a part of it is missing.
        backup: what Holdfast itself noted of its backup.
    """

    source: RestoreSource
    paths: tuple[Path, ...]
    form: DumpForm
    packing: str
    compression: str
    size: int
    database: str
    databases: tuple[str, ...]
    empty_databases: frozenset[str]
    created: datetime | None
    server_version: str
    dump_version: str
    encoding: str
    objects: Mapping[str, int]
    tables: tuple[TableContents, ...]
    extensions: tuple[str, ...]
    roles: tuple[str, ...]
    large_objects: int | None
    trio: tuple[TrioRole, ...]
    dangers: tuple[Danger, ...]
    findings: tuple[Finding, ...]
    is_complete: bool
    backup: Backup | None
    _sizes: DataSizes = field(repr=False)

    def tree(self) -> tuple[TreeSchema, ...]:
        """Its objects by schema and kind."""
        return object_tree(self.source.entries, self._sizes)


def contents_of(source: RestoreSource, paths: tuple[Path, ...], dump: DumpFile) -> SourceContents:
    """What a source holds; `dump` is what lies at the first of its `paths`, before it was unpacked.

    Raises:
        AppError: ARCHIVE_DAMAGED or UNSAFE_PATH.
    """
    archive, manifest = source.archive, source.manifest
    found = stored_sizes(archive, is_packed=source.is_packed) if archive else StoredSizes()
    sizes = DataSizes(
        {number: rows for number, (rows, _) in source.streams.items()},
        {**found.text, **{number: size for number, (_, size) in source.streams.items()}},
        found.stored if archive and archive.compression.method is not CompressionMethod.NONE else {},
    )
    entries = source.entries
    outline = source.outlines[-1] if source.outlines else None
    findings = find_in_source(source, RestoreOptions(), is_new=True)
    if found.damage:
        cut = Finding(Severity.BLOCKS, "It is cut off", found.damage, "Get another copy of it.")
        findings = (cut, *findings)
    folder = paths[0] if dump.layers else dump.path
    return SourceContents(
        source=source,
        paths=paths,
        form=dump.form,
        packing=dump.packing,
        compression=str(archive.compression) if archive else "",
        size=sum(map(_size, paths)),
        database=_database(source),
        databases=outline.databases if outline else (),
        empty_databases=outline.empty_databases if outline else frozenset(),
        created=manifest.started if manifest else archive.created if archive else None,
        server_version=_first(
            manifest.server.version if manifest else "",
            archive.server_version if archive else "",
            *(one.server_version for one in source.outlines),
        ),
        dump_version=_first(
            archive.dump_version if archive else "", *(one.dump_version for one in source.outlines)
        ),
        encoding=source.encoding,
        objects=dict(Counter(entry.kind for entry in entries if entry.kind not in PREAMBLE)),
        tables=tuple(_tables(entries, sizes)),
        extensions=tuple(sorted({entry.tag for entry in entries if entry.kind == "EXTENSION"})),
        roles=tuple(sorted(role for role in _roles(source) if not role.startswith("pg_"))),
        large_objects=_large_objects(source),
        trio=_trio(source.outlines),
        dangers=tuple(danger for one in source.outlines for danger in one.dangers),
        findings=findings,
        is_complete=not found.damage and all(one.is_complete for one in source.outlines),
        backup=Backup(str(folder.resolve()), manifest) if manifest else None,
        _sizes=sizes,
    )


def _tables(entries: Sequence[Entry], sizes: DataSizes) -> Iterator[TableContents]:
    for entry in entries:
        if entry.kind == _ROWS_KIND:
            number = entry.dump_id
            yield TableContents(
                entry.schema,
                entry.tag,
                sizes.rows.get(number),
                sizes.bytes.get(number),
                sizes.stored.get(number),
            )


def _database(source: RestoreSource) -> str:
    if source.manifest:
        return source.manifest.server.database
    if source.archive:
        return source.archive.database
    names = (outline.created_database or "".join(outline.parts) for outline in source.outlines)
    return _first(*names)


def _roles(source: RestoreSource) -> set[str]:
    """Owners, and those that are named in privileges, policies and the like.

    Of many privileges most are given to the same roles; of those that name the same, one is read.
    """
    if source.archive is None:
        created = {role for outline in source.outlines for role in outline.created_roles}
        return {role for outline in source.outlines for role in outline.roles} - created
    codec = python_codec(source.encoding)
    owners = {entry.owner for entry in source.entries if entry.owner}
    unlike = {
        tuple(_TO_WHOM.findall(entry.definition)): entry.definition
        for entry in source.entries
        if entry.kind in _WITH_ROLES
    }
    texts = (f"{definition}\n".encode(codec, "surrogateescape") for definition in unlike.values())
    return owners.union(*(placed.subject.roles for placed in placed_items(texts)))


def _large_objects(source: RestoreSource) -> int | None:
    if source.manifest:
        return source.manifest.large_objects.count
    entries = [entry for entry in source.entries if entry.kind in LARGE_OBJECTS]
    count = sum(1 for entry in entries for _ in numbers_of(entry))
    if count or not entries:
        return count
    archive = source.archive
    is_listed = archive is not None and archive.format is ArchiveFormat.DIRECTORY
    return len(large_object_files(archive)) if archive is not None and is_listed else None


def _trio(outlines: Sequence[ScriptOutline]) -> tuple[TrioRole, ...]:
    if len(outlines) < 2:
        return ()
    return tuple(trio_role(outline) or TrioRole.DATA for outline in outlines)


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def _first(*texts: str) -> str:
    return next(filter(None, texts), "")
