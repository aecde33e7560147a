"""Writes a backup as the three scripts of Supabase's command line: roles.sql, schema.sql, data.sql.

What goes in is chosen from the archive's table of contents, as `supabase db dump` chooses it, and pg_restore
writes it: no text of a definition is ever searched or changed. What that command loses comes along: large
objects, contents of materialized views, the user's triggers and policies on the platform's tables.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from app.domain.backup import Backup
from app.domain.errors import AppError, ErrorCode
from app.domain.events import Listener, Phase, Progress
from app.domain.remedy import Remedy
from app.engine.restore.entry_graph import ABOUT, DATA, PREAMBLE, EntryGraph, entry_graph
from app.engine.restore.ownership import has_an_owner
from app.engine.restore.project_roles import ProjectRoles, plan_roles
from app.engine.restore.rights import granted
from app.engine.restore.role_edits import as_one_role, policy_for, privileges_for
from app.engine.restore.source import RestoreSource, open_source
from app.engine.restore.wording import listed, some
from app.engine.restore_list import qualified_name
from app.postgres.archive import Archive, ArchiveFormat, write_custom, write_directory_toc
from app.postgres.archive_entry import Entry, python_codec
from app.postgres.failures import dump_failure
from app.postgres.restoring import prepare_archive
from app.postgres.target import TargetFacts, TargetObject
from app.postgres.target_parts import PUBLIC
from app.postgres.toolchain import Installation, Version, pick_restore_tool
from app.supabase.platform import (
    API_ROLES,
    OWNER,
    is_platform_owner,
    is_reserved_role,
    is_supabase,
)
from app.supabase.restore_rules import (
    Outcome,
    Subject,
    is_platform_publication,
    is_users,
    outcome_of,
)
from app.system.cancellation import CancelToken
from app.system.files import BLOCK, folder_error, free_bytes, sync_file, sync_folder
from app.system.process import Child, child_environment

NAMES = ("roles.sql", "schema.sql", "data.sql")
_UNKNOWN = Version(0, 0)
_SETTINGS = frozenset(
    {("anon", "statement_timeout=3s"), ("authenticated", "statement_timeout=8s")}
    | {("authenticator", "statement_timeout=8s")}
)
"""What roles have set in every project."""
_NOT_FOR_USERS = {
    "DATABASE": "",
    "DATABASE PROPERTIES": "",
    "STATISTICS DATA": "",
    "EVENT TRIGGER": "only a superuser may make it",
    "SUBSCRIPTION": "its connection string may hold a password",
}
_IN_EVERY_PROJECT = ("public", "extensions")
_BY_CLI = "it is in a schema that the CLI leaves out, too"
_ROLES_BEGIN = "-- The user's own roles; their passwords have to be set again.\n\n"
_LENDS = "GRANT CREATE ON SCHEMA "
_TAKES_BACK = "REVOKE CREATE ON SCHEMA "
_REVOKES = (
    "-- A new project gives these on all that is made in public: each object gets its own rights below.\n"
    + "".join(
        f'ALTER DEFAULT PRIVILEGES FOR ROLE "postgres" IN SCHEMA "public"\n'
        f'    REVOKE ALL ON {kind} FROM "postgres", "anon", "authenticated", "service_role";\n'
        for kind in ("TABLES", "SEQUENCES", "FUNCTIONS")
    )
)
_BEGIN, _COMMIT = b"\nBEGIN;\n", b"\nCOMMIT;\n"
_SETTING_BEHIND = b"\nSET client_encoding = "
_TRANSACTION_TIMEOUT = b"\nSET transaction_timeout = 0;"
_KNOWS_TRANSACTION_TIMEOUT = 17
_LONGEST_END = 4096
_DATA_BEGINS = "SET session_replication_role = replica;\n"
_ENDS = "\nRESET ALL;\n"


@dataclass(frozen=True, slots=True)
class SupabaseSql:
    """What was written.

    Attributes:
        files: the three scripts, in the order in which they run.
        left_out: what of the user's is not in them, and why.
        notes: what is to be done beside them.
    """

    files: tuple[Path, ...]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]


def write_supabase_sql(
    backup: Backup,
    folder: Path,
    installations: Sequence[Installation],
    cancel: CancelToken,
    listener: Listener,
    *,
    replaces: bool = False,
) -> SupabaseSql:
    """Write the three scripts of a backup; they are there whole or not at all.

    Args:
        folder: where to; it is made if it is not there.
        replaces: whether scripts that are there may go.

    Raises:
        AppError: INVALID_INPUT when there are such files, or for a backup that is a script itself;
            TOOL_MISSING, ARCHIVE_DAMAGED, DISK_FULL, FOLDER_MISSING or FOLDER_READ_ONLY.
        Cancelled: `cancel` was set; nothing was left.
    """
    _refuse_existing(folder, replaces)
    listener(Progress(Phase.EXPORTING, 0.0))
    with tempfile.TemporaryDirectory(prefix="holdfast-export-") as name:
        workspace = Path(name)
        source = open_source([Path(backup.folder)], workspace, cancel)
        if source.archive is None:
            raise AppError(
                ErrorCode.INVALID_INPUT,
                "This backup is a script already, and cannot be taken apart",
                hint="Use a backup in the directory or custom format, or restore this one with Holdfast.",
            )
        source.verify(cancel, listener)
        server = source.server or _UNKNOWN
        tool = pick_restore_tool(
            installations,
            source.tool or _UNKNOWN,
            source.archive.compression.method,
            server,
        )
        scripts = _Selecting(source).result()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _check_space(folder, sum(size for _, size in source.streams.values()))
            writer = _Writer(source.archive, tool, workspace, server, cancel, listener)
            files = writer.write(scripts, folder)
        except OSError as error:
            raise folder_error(error, folder) from error
    return SupabaseSql(files, scripts.left_out, scripts.notes)


@dataclass(frozen=True, slots=True)
class _Scripts:
    """What goes into which script."""

    roles: str
    before: str
    schema: tuple[Entry, ...]
    after: str
    data: tuple[Entry, ...]
    edits_data: bool
    left_out: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(slots=True)
class _Selecting:
    """Chooses entries as for a new project, of which the platform's part is there and nothing else."""

    source: RestoreSource
    graph: EntryGraph = field(init=False)
    left_out: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.graph = entry_graph(self.source.entries)

    def result(self) -> _Scripts:
        kept = [entry for entry in self.source.entries if self._is_kept(entry)]
        roles = plan_roles(kept, self.graph, self.source.roles, self._new_project(), everything=True)
        known = roles.target.roles | {OWNER}
        data = [entry for entry in kept if _is_data(entry)]
        schema = [
            edited
            for entry in kept
            if (entry.kind in PREAMBLE or not _is_data(entry))
            and (edited := self._edited(entry, known, roles)) is not None
        ]
        owned = [_with_owner(entry) for entry in data]
        is_project = is_supabase(
            {entry.owner for entry in self.source.entries},
            {entry.tag for entry in self.source.entries if entry.kind == "SCHEMA"},
        )
        lends = [one + "\n" for one in roles.before if one.startswith(_LENDS)]
        return _Scripts(
            roles=_roles_script(one for one in roles.before if not one.startswith(_LENDS)),
            before=(_REVOKES if is_project else "") + "".join(lends),
            schema=tuple(schema),
            after="".join(one + "\n" for one in roles.after if one.startswith(_TAKES_BACK)),
            data=tuple(owned),
            edits_data=owned != data,
            left_out=tuple(f"{name}: {reason}" for name, reason in self.left_out.items()),
            notes=tuple(". ".join(filter(None, (one.title, one.detail, one.hint))) for one in roles.findings),
        )

    def _is_kept(self, entry: Entry) -> bool:
        if entry.kind in PREAMBLE:
            return True
        whole = self._whole(entry)
        about = entry.tag.partition(" ")[0] if entry.kind in ABOUT else entry.kind
        kind = "EVENT TRIGGER" if entry.tag.startswith("EVENT TRIGGER ") else about
        subject = self._subject(entry, whole)
        outcome, reason = outcome_of(subject)
        if kind in _NOT_FOR_USERS or (entry.kind == "SCHEMA" and entry.tag in _IN_EVERY_PROJECT):
            outcome, reason = Outcome.THERE, _NOT_FOR_USERS.get(kind, "")
            is_lost = bool(reason) and not subject.is_by_platform and entry.kind == kind
        elif outcome is Outcome.ORDINARY and subject.is_on_platform:
            outcome, reason = Outcome.LOST, _BY_CLI
            is_lost = whole is None
        else:
            is_lost = outcome is Outcome.LOST and (whole is None or whole.kind == "SCHEMA")
            reason = _BY_CLI if is_lost else reason
        if is_lost and entry.kind not in ABOUT:
            self.left_out[f"{entry.kind} {qualified_name(entry)}"] = reason
        elif outcome is Outcome.THERE and entry.kind == "ACL":
            self._note_rights(entry, subject)
        return outcome in (Outcome.ORDINARY, Outcome.RESTORED)

    def _note_rights(self, entry: Entry, subject: Subject) -> None:
        """What the user's own roles may do with an object of the platform is not passed on."""
        own = [role for role in granted([entry]) if role != PUBLIC and not is_reserved_role(role)]
        if own and subject.is_on_platform:
            name = f"{subject.schema}.{entry.tag.partition(' ')[2]}" if entry.schema else entry.tag
            self.left_out[f"rights of {listed('role', own)} on {name}"] = "the object is the platform's"

    def _subject(self, entry: Entry, whole: Entry | None) -> Subject:
        about = whole if entry.kind in ABOUT and whole is not None else entry
        schema = about.tag if about.kind == "SCHEMA" else entry.schema
        if entry.kind in ABOUT and entry.tag.startswith("SCHEMA "):
            schema = entry.tag.removeprefix("SCHEMA ")
        owner = (whole.owner if whole is not None and entry.kind in ABOUT else entry.owner) or entry.owner
        subject = Subject(
            entry=entry,
            schema=schema,
            owner=owner,
            whole_is_here=whole is not None and is_platform_owner(whole.owner),
            may_write=True,
        )
        if subject.is_on_table:
            return replace(subject, is_here=not is_users(subject))
        is_here = entry.kind == "PUBLICATION" and is_platform_publication(entry.tag)
        return replace(subject, is_here=is_here or subject.is_by_platform)

    def _whole(self, entry: Entry) -> Entry | None:
        number = entry.dump_id
        while number in self.graph.part_of:
            number = self.graph.part_of[number]
        return self.graph.entries[number] if number != entry.dump_id else None

    def _edited(self, entry: Entry, roles: Container[str], planned: ProjectRoles) -> Entry | None:
        """The entry as the role of a new project can restore it; None where nothing is left."""
        entry = _with_owner(entry)
        if entry.kind in ("ACL", "DEFAULT ACL"):
            edit = privileges_for(as_one_role(entry.definition), roles, roles)
        elif entry.kind == "POLICY":
            edit = policy_for(entry.definition, roles)
        else:
            lent = planned.on_creation.get(entry.dump_id, "")
            return replace(entry, definition=f"{entry.definition}{lent}\n") if lent else entry
        if edit.missing:
            told = f"{entry.kind} {qualified_name(entry)}"
            self.left_out[told] = f"there is no role {some(edit.missing)} in the backup"
        return replace(entry, definition=edit.definition) if edit.definition.strip() else None

    def _new_project(self) -> TargetFacts:
        reserved = filter(is_reserved_role, self.source.roles.attributes)
        return TargetFacts(
            database="postgres",
            version=self.source.server or _UNKNOWN,
            role=OWNER,
            may_create_roles=True,
            roles=frozenset(reserved) | API_ROLES | {OWNER, "authenticator"},
            given_to=frozenset({OWNER}),
            admin_of=API_ROLES | {"authenticator"},
            objects=(TargetObject("SCHEMA", "", "public"),),
            role_settings=_SETTINGS,
        )


def _is_data(entry: Entry) -> bool:
    about_large_object = entry.kind in ABOUT and entry.tag.startswith(("LARGE OBJECT ", "LARGE OBJECTS "))
    return entry.kind in DATA or entry.kind in PREAMBLE or about_large_object


def _with_owner(entry: Entry) -> Entry:
    """What belongs to the platform's roles belongs to the project's user in another project."""
    if has_an_owner(entry) and is_platform_owner(entry.owner) and entry.owner != "pg_database_owner":
        return replace(entry, owner=OWNER)
    return entry


def _roles_script(statements: Iterable[str]) -> str:
    return "".join((_ROLES_BEGIN, *(one + "\n" for one in statements), _ENDS))


@dataclass(frozen=True, slots=True)
class _Writer:
    """Has pg_restore write the scripts."""

    archive: Archive
    tool: Installation
    workspace: Path
    server: Version
    cancel: CancelToken
    listener: Listener

    def write(self, scripts: _Scripts, folder: Path) -> tuple[Path, ...]:
        """Write all three, and give them their names when they are whole."""
        files = tuple(folder / name for name in NAMES)
        with ExitStack() as stack:
            unfinished = [_unfinished(file, stack) for file in files]
            roles, schema, data = unfinished
            roles.write_bytes(self._encoded(scripts.roles))
            self._append(schema, scripts.before, [self._definitions(scripts.schema)], scripts.after + _ENDS)
            rows, use_list = prepare_archive(
                self.archive, scripts.data, self.workspace, edited=scripts.edits_data, cancel=self.cancel
            )
            listing = [] if use_list is None else [f"--use-list={use_list}"]
            self._append(data, _DATA_BEGINS, [*listing, rows], _ENDS)
            for path in unfinished:
                sync_file(path)
            for path, file in zip(unfinished, files, strict=True):
                path.replace(file)
            sync_folder(folder)
        return files

    def _definitions(self, entries: Sequence[Entry]) -> Path:
        """An archive of definitions alone, whose rows are not copied."""
        if self.archive.format is ArchiveFormat.DIRECTORY:
            folder = self.workspace / "definitions"
            folder.mkdir()
            write_directory_toc(self.archive, entries, folder)
            return folder
        copy = self.workspace / "definitions.dump"
        write_custom(replace(self.archive, data_start=self.archive.path.stat().st_size), entries, copy)
        return copy

    def _encoded(self, text: str) -> bytes:
        """A text of our own as the archive's are, which says so itself."""
        if not text or text.isascii():
            return text.encode()
        encoding = self.archive.encoding
        return f"SET client_encoding = '{encoding}';\n{text}".encode(
            python_codec(encoding), "surrogateescape"
        )

    def _append(self, path: Path, head: str, arguments: Sequence[str | Path], tail: str) -> None:
        """Write what pg_restore makes of an archive, between two texts of our own."""
        command = [self.tool.program("pg_restore"), "--single-transaction", "--file=-", *arguments]
        with (
            path.open("wb") as file,
            Child(command, env=child_environment(), stdout=Child.PIPE) as child,
            self.cancel.interrupting(child.terminate),
        ):
            file.write(self._encoded(head))
            for block in _without_transaction(iter(lambda: child.stdout.read(BLOCK), b""), self.server):
                file.write(block)
                self.listener(Progress(Phase.EXPORTING, bytes=file.tell()))
            status = child.wait()
            self.cancel.check()
            if status != 0:
                raise dump_failure("pg_restore", child.errors(), status, "")
            file.write(self._encoded(tail))


def _unfinished(file: Path, stack: ExitStack) -> Path:
    """A hidden file beside it, which goes away unless it gets the name."""
    descriptor, path = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    os.close(descriptor)
    stack.callback(Path(path).unlink, missing_ok=True)
    return Path(path)


def _without_transaction(blocks: Iterator[bytes], server: Version) -> Iterator[bytes]:
    """What pg_restore writes, without the transaction around it, which is psql's own.

    Only so does it write large objects without one for each, which would end psql's in the middle. In its
    first lines goes, too, what an older server does not know.
    """
    start = b""
    for block in blocks:
        start += block
        if _SETTING_BEHIND in start:
            break
    before, begin, after = start.partition(_BEGIN)
    if not begin:
        return  # it has failed, and its status tells
    if server.major < _KNOWS_TRANSACTION_TIMEOUT:
        after = after.replace(_TRANSACTION_TIMEOUT, b"", 1)
    yield before
    rest = after
    for block in blocks:
        rest += block
        yield rest[:-_LONGEST_END]
        rest = rest[-_LONGEST_END:]
    before, _, after = rest.rpartition(_COMMIT)
    yield before + after


def _refuse_existing(folder: Path, replaces: bool) -> None:
    there = [name for name in NAMES if (folder / name).exists()]
    if there and not replaces:
        raise AppError(
            ErrorCode.INVALID_INPUT,
            f"There is already a file {there[0]}",
            detail=str(folder),
            hint="Choose another folder, or replace it with --replace.",
            actions=(Remedy.REPLACE_FILE,),
        )


def _check_space(folder: Path, needed: int) -> None:
    free = free_bytes(folder)
    if free < needed:
        raise AppError(
            ErrorCode.DISK_FULL,
            "The folder has too little space for the scripts",
            detail=f"{folder} has {free:,} bytes left, the rows alone take {needed:,}",
            hint="Free some space or choose another folder.",
        )
