"""Decides which entries of an archive a sandbox is given, and what it is spared.

Left out is what needs a superuser, what belongs to the cluster rather than to the database, and what
was prepared beforehand. Each entry that is left out gets its outcome here, so that none is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from app.domain.backup import Extension
from app.domain.proof import ObjectOutcome, Outcome
from app.engine.sandbox_database import SandboxDatabase
from app.postgres.archive_entry import Entry
from app.postgres.connection import quote_identifier
from app.postgres.stand_ins import without_modifiers

_NEEDS_SUPERUSER = "only a superuser can create it, and a dump is not restored as one"
_OUTSIDE = "it belongs to the server, not to the database"
_NOT_IN_SANDBOX = {
    "ACL": "privileges are not given in the sandbox",
    "DEFAULT ACL": "privileges are not given in the sandbox",
    "DATABASE": _OUTSIDE,
    "DATABASE PROPERTIES": _OUTSIDE,
    "EVENT TRIGGER": _NEEDS_SUPERUSER,
    "FOREIGN DATA WRAPPER": _NEEDS_SUPERUSER,
    "PUBLICATION": "publications are left out of the sandbox",
    "PUBLICATION TABLE": "publications are left out of the sandbox",
    "PUBLICATION TABLES IN SCHEMA": "publications are left out of the sandbox",
    "SECURITY LABEL": "its provider is not in the sandbox",
    "SUBSCRIPTION": "subscriptions are left out of the sandbox",
    "SUBSCRIPTION TABLE": "subscriptions are left out of the sandbox",
    "TABLESPACE": _OUTSIDE,
}
_PREAMBLE = ("ENCODING", "STDSTRINGS", "SEARCHPATH")
_DDL_WITH_TYPES = frozenset(
    [
        "TABLE",
        "VIEW",
        "MATERIALIZED VIEW",
        "TYPE",
        "DOMAIN",
        "DEFAULT",
        "FOREIGN TABLE",
        "INDEX",
        "CONSTRAINT",
        "CHECK CONSTRAINT",
    ]
)
_NO_ICU = "it sorts by a collation that the sandbox does not have"
_TEXT_KEY = re.compile(r"PARTITION BY RANGE \((.*)\)", re.DOTALL)
_VERSION_OPTION = re.compile(r"\bpg_attver\s*=\s*'?\d+'?")


@dataclass(frozen=True, slots=True)
class RestoreList:
    """The entries to restore, some of them edited, and the outcomes of those left out by dump id."""

    entries: tuple[Entry, ...]
    left_out: dict[int, ObjectOutcome]
    is_edited: bool


def plan_restore(entries: Iterable[Entry], database: SandboxDatabase, *, sorts_like_c: bool) -> RestoreList:
    """Choose and edit the entries for this sandbox.

    Args:
        entries: the archive's table of contents.
        database: what was prepared.
        sorts_like_c: whether the backed-up database sorted text as the sandbox does.
    """
    entries = tuple(entries)
    kept: list[Entry] = []
    left_out: dict[int, ObjectOutcome] = {}
    missing = {extension.name for extension in database.missing}
    tables = {entry.dump_id: entry for entry in entries if entry.kind == "TABLE"}
    edited = False
    for entry in entries:
        outcome = _outcome_if_left_out(entry, database, missing)
        if outcome is None and not sorts_like_c and _attaches_by_text(entry, tables):
            outcome = (Outcome.NOT_CHECKED, _NO_ICU)
        if outcome is not None:
            left_out[entry.dump_id] = ObjectOutcome(entry.kind, qualified_name(entry), *outcome)
            continue
        definition = edit_text(entry.kind, entry.definition, database.missing)
        edited = edited or definition != entry.definition
        kept.append(replace(entry, definition=definition))
    return RestoreList(tuple(kept), left_out, edited)


def qualified_name(entry: Entry) -> str:
    """The entry's name as people read it: quoted where SQL needs it, with its schema."""
    parts = [part for part in (entry.schema, entry.tag) if part and part != "-"]
    return ".".join(
        part if re.fullmatch(r"[a-z_][\w$ (),\[\]]*", part) else quote_identifier(part) for part in parts
    )


def is_preamble(entry: Entry) -> bool:
    """True for the settings at the head of each archive, which are no objects."""
    return entry.kind in _PREAMBLE


def edit_text(kind: str, text: str, missing: Iterable[Extension]) -> str:
    """DDL of an entry of this kind as this sandbox can take it."""
    if kind in _DDL_WITH_TYPES:
        text = without_modifiers(text, missing)
    if "pg_attver" in text and kind in ("TABLE", "FOREIGN TABLE", "MATERIALIZED VIEW"):
        text = without_version_options(text)
    return text


def without_version_options(definition: str) -> str:
    """DDL without the column option `pg_attver`.

    Debian's PostgreSQL 15.20 stores it in every column, older clients write it out as
    `ALTER COLUMN … SET (pg_attver=1)`, and other servers refuse it.
    """
    statements = re.compile(
        r"ALTER (?:FOREIGN )?TABLE ONLY [^;]*? ALTER COLUMN [^;]*? SET \(([^)]*pg_attver[^)]*)\);\n?"
    )

    def edit(match: re.Match[str]) -> str:
        options = [option.strip() for option in match[1].split(",")]
        rest = [option for option in options if not _VERSION_OPTION.fullmatch(option)]
        return match[0].replace(match[1], ", ".join(rest)) if rest else ""

    return statements.sub(edit, definition)


def _outcome_if_left_out(
    entry: Entry, database: SandboxDatabase, missing: set[str]
) -> tuple[Outcome, str] | None:
    kind, name = entry.kind, entry.tag
    if kind == "COMMENT":
        kind = next(
            (known for known in (*_NOT_IN_SANDBOX, "EXTENSION") if name.startswith(f"{known} ")), kind
        )
        name = name.removeprefix(f"{kind} ")
    if kind == "EXTENSION":
        if name.strip('"') in missing:
            return Outcome.NOT_CHECKED, "the sandbox does not have it; a stand-in took its place"
        return Outcome.IDENTICAL, "the sandbox has it"
    if kind == "SCHEMA" and name in database.schemas and name != "public":
        return Outcome.IDENTICAL, ""
    if kind in _NOT_IN_SANDBOX:
        return Outcome.NOT_CHECKED, _NOT_IN_SANDBOX[kind]
    return None


def _attaches_by_text(entry: Entry, tables: dict[int, Entry]) -> bool:
    """True for a partition whose bounds are text, which sorts differently in the sandbox."""
    if entry.kind != "TABLE ATTACH" or " FROM (" not in entry.definition:
        return False
    for parent in (tables[number] for number in entry.dependencies if number in tables):
        key = _TEXT_KEY.search(parent.definition)
        if key and _has_text_column(parent.definition, key[1]):
            return True
    return False


def _has_text_column(definition: str, key: str) -> bool:
    if "COLLATE" in key:
        return True
    columns = (column.strip() for column in key.split(","))
    return any(
        re.search(rf"^\s*{re.escape(column)} (text|character|public\.citext)", definition, re.MULTILINE)
        for column in columns
    )
