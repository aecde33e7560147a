"""What a plan has to know of a source: the same for archives, scripts and Holdfast's own backups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.domain.backup import Extension
from app.domain.restore import Finding
from app.postgres.archive_entry import Entry
from app.postgres.role_statements import RoleDefinitions
from app.postgres.script_removals import Removal
from app.postgres.toolchain import Version


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """A source, read to its table of contents.

    Attributes:
        label: the source in words.
        entries: of the chosen database, in the order of the dump.
        rows: of TABLE DATA, by dump id, as far as known.
        bytes: of data streams as text, by dump id, as far as known.
        encoding: of texts and data, PostgreSQL's name.
        server: the version that was dumped, if it says so.
        tool: the pg_dump that wrote it, if it says so.
        database_bytes: of the dumped database on its server's disk; None when not known.
        is_script: whether it is SQL rather than an archive.
        is_backup: whether Holdfast made it, rather than anybody.
        can_edit: whether single definitions can be changed: always in scripts, in archives unless they
            are read from a pipe.
        extensions: with what they own, where the manifest says so.
        roles: those that it can tell how to make.
        findings: what reading it brought up, like dangerous statements.
        removals: of scripts: what they drop, and whose rows they delete.
    """

    label: str
    entries: tuple[Entry, ...]
    rows: Mapping[int, int] = field(default_factory=dict)
    bytes: Mapping[int, int] = field(default_factory=dict)
    encoding: str = "UTF8"
    server: Version | None = None
    tool: Version | None = None
    database_bytes: int | None = None
    is_script: bool = False
    is_backup: bool = False
    can_edit: bool = True
    extensions: tuple[Extension, ...] = ()
    roles: RoleDefinitions = field(default_factory=RoleDefinitions)
    findings: tuple[Finding, ...] = ()
    removals: tuple[Removal, ...] = ()
