"""What is to be restored: a backup, an archive, or one or more SQL scripts, looked into without a server."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from app.domain.backup import Format, Manifest
from app.domain.errors import AppError, ErrorCode
from app.domain.events import Listener, Phase, Progress
from app.domain.restore import Finding
from app.engine.read_back import database_path
from app.engine.restore.source_facts import SourceFacts
from app.persistence.checksums import verify_files
from app.persistence.manifest import read_manifest
from app.postgres.archive import Archive, ArchiveFormat, read_archive
from app.postgres.archive_data import has_rows
from app.postgres.archive_digest import digest_archive, digest_blocks
from app.postgres.archive_entry import VIA_ROOT, Entry
from app.postgres.dump_files import DumpFile, DumpForm, identify, identify_all, opened_archive, script_blocks
from app.postgres.packed_folder import unpack_folder
from app.postgres.quoting import Name
from app.postgres.role_statements import RoleDefinitions, joined
from app.postgres.script_charset import Charset
from app.postgres.script_outline import ScriptOutline, outline_script
from app.postgres.script_removals import ROWS, Removal
from app.postgres.script_trio import trio_order
from app.postgres.toolchain import Version
from app.system.cancellation import CancelToken
from app.system.files import path_inside

NEXT_SCRIPT = 10**9
"""Added to the numbers of a script's entries for each script before it."""

_UNNAMED = {Charset.LATIN_1: "LATIN1", Charset.WINDOWS_1252: "WIN1252"}  # where a script names none itself
_FIRST_HEAD = 4 << 20
_TOLD_AT = 24  # bits: every 16 MB


@dataclass(frozen=True, slots=True)
class RestoreSource:
    """A source that was looked into.

    Attributes:
        label: what it is, in words.
        dumps: the files, in the order in which they are restored.
        archive: its table of contents; of a packed archive `path` is not the archive. None for scripts.
        outlines: of each script; empty for an archive.
        manifest: of a backup of Holdfast.
        streams: rows and bytes of text of each entry with rows, by dump id, as far as known so far.
        folder: of a backup of Holdfast.
        roles: those that a backup has beside its database.
    """

    label: str
    dumps: tuple[DumpFile, ...]
    archive: Archive | None = None
    outlines: tuple[ScriptOutline, ...] = ()
    manifest: Manifest | None = None
    streams: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    folder: Path | None = None
    roles: RoleDefinitions = field(default_factory=RoleDefinitions)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Everything in it, in order; scripts one after the other."""
        if self.archive is not None:
            return self.archive.entries
        return tuple(
            replace(entry, dump_id=entry.dump_id + number * NEXT_SCRIPT)
            for number, outline in enumerate(self.outlines)
            for entry in outline.entries
        )

    @property
    def is_packed(self) -> bool:
        """Whether pg_restore cannot read it from the disk as it lies there."""
        return self.archive is not None and bool(self.dumps[0].layers)

    @property
    def encoding(self) -> str:
        """Of its texts and rows, PostgreSQL's name."""
        return self.archive.encoding if self.archive is not None else self.outlines[0].encoding

    @property
    def _is_tar(self) -> bool:
        return self.archive is not None and self.archive.format is ArchiveFormat.TAR

    @property
    def removals(self) -> tuple[Removal, ...]:
        """What the scripts drop, and the tables whose rows they delete."""
        return tuple(
            replace(one, dump_id=one.dump_id + number * NEXT_SCRIPT)
            for number, outline in enumerate(self.outlines)
            for one in outline.removals
        )

    @property
    def server(self) -> Version | None:
        """The server that was dumped, if the source says so."""
        if self.manifest is not None:
            return Version.from_number(self.manifest.server.version_number)
        return _version(self.archive.server_version if self.archive else self.outlines[-1].server_version)

    @property
    def tool(self) -> Version | None:
        """The pg_dump that made it, if the source says so."""
        return _version(self.archive.dump_version if self.archive else self.outlines[-1].dump_version)

    def facts(self, findings: tuple[Finding, ...] = ()) -> SourceFacts:
        """What a plan has to know; `findings` are those about the source itself."""
        return SourceFacts(
            label=self.label,
            entries=self.entries,
            rows={number: rows for number, (rows, _) in self.streams.items()},
            bytes={number: size for number, (_, size) in self.streams.items()},
            encoding=self.encoding,
            server=self.server,
            tool=self.tool,
            database_bytes=self.manifest.database_bytes if self.manifest else None,
            is_script=self.archive is None,
            is_backup=self.manifest is not None,
            can_edit=not self.is_packed and not self._is_tar,
            extensions=self.manifest.extensions if self.manifest else (),
            roles=joined((self.roles, *(outline.role_definitions for outline in self.outlines))),
            findings=findings,
            removals=self.removals,
        )

    def verify(self, cancel: CancelToken, listener: Listener) -> None:
        """Compare a backup's files with their hashes; of other sources nothing is known.

        Raises:
            AppError: ARCHIVE_DAMAGED naming the files.
            Cancelled: `cancel` was set.
        """
        if self.folder is not None and self.manifest is not None:
            listener(Progress(Phase.CHECKING_FILES))
            verify_files(self.folder, self.manifest, lambda _: None, cancel)

    def blocks(self, cancel: CancelToken) -> Iterator[bytes]:
        """The bytes of a packed archive."""
        return opened_archive(self.dumps[0], cancel.check)

    def read_streams(
        self, entries: Sequence[Entry], cancel: CancelToken, listener: Listener
    ) -> Mapping[int, tuple[int, int]]:
        """Rows and bytes of these entries; an archive without a manifest is read from end to end for it.

        Raises:
            AppError: ARCHIVE_DAMAGED.
            Cancelled: `cancel` was set.
        """
        if self.archive is None or self.streams or not any(entry.has_data for entry in entries):
            return self.streams
        done = 0

        def on_bytes(count: int) -> None:
            nonlocal done
            cancel.check()
            if done >> _TOLD_AT != (done + count) >> _TOLD_AT:
                listener(Progress(Phase.CHECKING_FILES, bytes=done + count))
            done += count

        listener(Progress(Phase.CHECKING_FILES))
        if self.is_packed:
            archive = replace(self.archive, path=self.dumps[0].path)
            digest = digest_blocks(archive, self.blocks(cancel), on_bytes)
        else:
            digest = digest_archive(self.archive, on_bytes)
        return {number: (stream.rows, stream.bytes) for number, stream in digest.streams.items()}

    def rows(self, entries: Sequence[Entry], streams: Mapping[int, tuple[int, int]]) -> dict[Name, int]:
        """How many rows these entries hold, by table.

        Rows that are loaded through a partition's root are left out: the server decides where they go.
        pg_dump says so in a comment that it writes for COPY only, so INSERTs of partitions are left out.
        Of what a script deletes again nobody knows how much is left.
        """
        deleted = {one.name: one.dump_id for one in self.removals if one.kind in ("TABLE", ROWS)}
        partitions = {(entry.schema, entry.tag) for entry in self.entries if entry.kind == "TABLE ATTACH"}
        return {
            (entry.schema, entry.tag): streams[entry.dump_id][0]
            for entry in entries
            if entry.kind == "TABLE DATA"
            and entry.dump_id in streams
            and VIA_ROOT not in entry.definition
            and (entry.copy_statement or (entry.schema, entry.tag) not in partitions)
            and deleted.get(entry.tag, 0) < entry.dump_id
        }


def _version(text: str) -> Version | None:
    try:
        return Version.parse(text)
    except ValueError:
        return None


def open_source(
    paths: Sequence[Path], workspace: Path, cancel: CancelToken, *, database: str = ""
) -> RestoreSource:
    """Look into what was given.

    Args:
        paths: one backup or archive, or SQL scripts that belong together.
        workspace: an empty folder; what must be unpacked goes there.
        database: which one of a cluster script's.

    Raises:
        AppError: UNKNOWN_FORMAT, ARCHIVE_DAMAGED, UNSAFE_PATH, DECOMPRESSION_BOMB; INVALID_INPUT for
            things that do not belong together, or when a cluster script's database must be named.
        Cancelled: `cancel` was set.
    """
    dumps = identify_all(paths, cancel.check)
    if len(dumps) == 1 and not dumps[0].is_script:
        return _open_one(dumps[0], workspace, cancel)
    for dump in dumps:
        if not dump.is_script:
            raise AppError(
                ErrorCode.INVALID_INPUT,
                "Only SQL scripts can be restored together",
                detail=f"{dump.name} is a {dump.form}",
                hint="Restore one backup or archive at a time.",
            )
    return _open_scripts(dumps, cancel, database)


def _open_one(dump: DumpFile, workspace: Path, cancel: CancelToken) -> RestoreSource:
    label = f"{dump.name}, a {dump.form}"
    if dump.is_folder and dump.layers:
        folder = workspace / "unpacked"
        folder.mkdir()
        dump = identify(unpack_folder(dump, folder, cancel.check), cancel.check)
    if dump.form is DumpForm.BACKUP:
        return _open_backup(dump.path, cancel)
    if dump.layers:
        archive = _packed_archive(lambda: opened_archive(dump, cancel.check), workspace / "head")
    else:
        archive = read_archive(dump.path)
    return RestoreSource(label, (dump,), archive)


def _open_backup(folder: Path, cancel: CancelToken) -> RestoreSource:
    manifest = read_manifest(folder)
    path = folder / database_path(folder, manifest)
    dump = identify(path, cancel.check)
    label = f"{manifest.project} of {manifest.started:%Y-%m-%d %H:%M} UTC, a backup of Holdfast"
    if manifest.format is Format.PLAIN:
        scripts = _open_scripts((dump,), cancel, "")
        return replace(
            scripts, label=label, manifest=manifest, folder=folder, roles=_roles_of(folder, manifest)
        )
    archive = read_archive(path)
    records = {(table.schema, table.name): table for table in manifest.tables}
    streams = {
        entry.dump_id: (record.rows, record.bytes)
        for entry in archive.entries
        if has_rows(entry) and (record := records.get((entry.schema, entry.tag)))
    }
    roles = _roles_of(folder, manifest)
    return RestoreSource(
        label, (dump,), archive, manifest=manifest, streams=streams, folder=folder, roles=roles
    )


def _roles_of(folder: Path, manifest: Manifest) -> RoleDefinitions:
    """What a backup's roles.sql makes; nothing where there is none, or none that can be read."""
    path = next((part.path for part in manifest.parts if part.name == "roles"), "")
    if not path or not path_inside(folder, path).is_file():
        return RoleDefinitions()
    try:
        return outline_script(script_blocks(identify(path_inside(folder, path)))).role_definitions
    except AppError:
        return RoleDefinitions()  # its hashes are compared before anything is changed


def _packed_archive(blocks: Callable[[], Iterator[bytes]], head: Path) -> Archive:
    """Read the table of contents of a packed archive from as much of its beginning as that takes."""
    wanted = _FIRST_HEAD
    written = 0
    stream = blocks()
    with head.open("wb") as file:
        while True:
            is_all = True
            for block in stream:
                written += file.write(block)
                if written >= wanted:
                    is_all = False
                    break
            file.flush()
            try:
                return read_archive(head)
            except AppError as error:
                if is_all or error.code is not ErrorCode.ARCHIVE_DAMAGED:
                    raise
            wanted *= 2


def _open_scripts(dumps: Sequence[DumpFile], cancel: CancelToken, database: str) -> RestoreSource:
    outlines = [outline_of(dump, cancel, database) for dump in dumps]
    for dump, outline in zip(dumps, outlines, strict=True):
        if outline.databases and not database and len(_full(outline)) != 1:
            raise AppError(
                ErrorCode.INVALID_INPUT,
                f"{dump.name} holds several databases",
                detail=", ".join(outline.databases),
                hint="Name the one to restore with --database.",
            )
    if len(dumps) > 1:
        order = trio_order(outlines)
        dumps, outlines = [dumps[place] for place in order], [outlines[place] for place in order]
    return source_of_scripts(dumps, outlines)


def source_of_scripts(dumps: Sequence[DumpFile], outlines: Sequence[ScriptOutline]) -> RestoreSource:
    """Scripts that were read, in the order in which they run."""
    streams = {
        number * NEXT_SCRIPT + dump_id: (stream.rows, stream.bytes)
        for number, outline in enumerate(outlines)
        for dump_id, stream in outline.streams.items()
    }
    label = " + ".join(dump.name for dump in dumps) + f", {dumps[0].form}"
    return RestoreSource(label, tuple(dumps), outlines=tuple(outlines), streams=streams)


def outline_of(dump: DumpFile, cancel: CancelToken, database: str) -> ScriptOutline:
    """Read a script to its end; of a whole server's, the database that was named or the only full one.

    Raises:
        AppError: ARCHIVE_DAMAGED; INVALID_INPUT when there is no such database.
        Cancelled: `cancel` was set.
    """
    outline = outline_script(script_blocks(dump, cancel.check), database=database)
    if not database and len(_full(outline)) == 1:
        outline = outline_script(script_blocks(dump, cancel.check), database=_full(outline)[0])
    return replace(outline, encoding=_UNNAMED.get(dump.charset, outline.encoding))


def _full(outline: ScriptOutline) -> list[str]:
    return [name for name in outline.databases if name not in outline.empty_databases]
