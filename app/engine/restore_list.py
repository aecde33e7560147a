"""Decides which entries of an archive a sandbox is given, and what it is spared.

Left out is what needs a superuser, what belongs to the cluster rather than to the database, and what
was prepared beforehand. Each entry that is left out gets its outcome here, so that none is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from app.domain.proof import ObjectOutcome, Outcome
from app.postgres.archive_entry import Entry
from app.postgres.quoting import quote_identifier, signature_parts
from app.postgres.stand_ins import without_modifiers

if TYPE_CHECKING:
    from app.engine.sandbox_database import SandboxDatabase

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
_ABOUT_OTHERS = ("ACL", "COMMENT", "DEFAULT ACL", "SECURITY LABEL")
_PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_$]*")
_PLAIN_TAG = re.compile(r"[a-z_][\w$ (),.\[\]]*|[\d.]+")
_ROUTINES = ("FUNCTION", "PROCEDURE", "AGGREGATE")
_ONE_NAME = frozenset([
    "TABLE", "TABLE DATA", "VIEW", "MATERIALIZED VIEW", "MATERIALIZED VIEW DATA", "FOREIGN TABLE", "SEQUENCE",
    "SEQUENCE SET", "INDEX", "TYPE", "DOMAIN", "SCHEMA", "COLLATION", "STATISTICS", "ROW SECURITY",
])  # fmt: skip
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
_SORTS_LIKE_C = re.compile(r"(C|POSIX|C\.UTF-?8|)", re.IGNORECASE)
_LOCALE = re.compile(r"\b(LOCALE_PROVIDER|LOCALE|LC_COLLATE) = (?:'([^']*)'|(\w+))")
_COLLATION = re.compile(r"(CREATE COLLATION .*?) \(provider = icu, (.*)\);", re.DOTALL)
_STOOD_IN_COLLATION = "a stand-in that sorts like C took its place"
_WITHOUT_MODIFIERS = "the stand-in for its extension's type takes no such modifiers; the rest was compared"
_VERSION_OPTION = re.compile(r"\bpg_attver\s*=\s*'?\d+'?")
_QUOTED_OR = r'(?:"[^"]*"|[^;"])'
_VERSION_STATEMENT = re.compile(
    rf"ALTER (?:FOREIGN )?TABLE ONLY {_QUOTED_OR}*? ALTER COLUMN {_QUOTED_OR}*? "
    r"SET \(([^)]*pg_attver[^)]*)\);\n?"
)


@dataclass(frozen=True, slots=True)
class RestoreList:
    """What a sandbox is given of a backup.

    Attributes:
        entries: those to restore, some of them edited.
        left_out: the outcomes of the others, by dump id.
        stood_in: why an entry that comes back as it was edited is still not what the backup holds.
        is_edited: whether any definition was changed.
        sorts_like_source: whether text has the order that it had in the backed-up database.
        tells_apart: whether texts differ that a nondeterministic collation of the source takes for equal.
    """

    entries: tuple[Entry, ...]
    left_out: dict[int, ObjectOutcome]
    stood_in: dict[int, str]
    is_edited: bool
    sorts_like_source: bool
    tells_apart: bool


def plan_restore(entries: Iterable[Entry], database: SandboxDatabase, *, locale: str) -> RestoreList:
    """Choose and edit the entries for this sandbox.

    Args:
        entries: the archive's table of contents.
        database: what was prepared.
        locale: the backed-up database's LC_COLLATE, for archives that do not say more.
    """
    kept: list[Entry] = []
    left_out: dict[int, ObjectOutcome] = {}
    stood_in: dict[int, str] = {}
    missing = {extension.name for extension in database.missing}
    like_source = not database.collations
    edited = tells_apart = False
    for entry in entries:
        if entry.kind == "DATABASE":
            locale = _collation_of(entry.definition)
        outcome = _outcome_if_left_out(entry, database, missing)
        if outcome is not None:
            left_out[entry.dump_id] = ObjectOutcome(entry.kind, qualified_name(entry), *outcome)
            continue
        definition = edit_text(entry.kind, entry.definition, database)
        if definition != entry.definition:
            edited = True
            if entry.kind == "COLLATION":
                stood_in[entry.dump_id] = _STOOD_IN_COLLATION
                like_source = False
                tells_apart = tells_apart or "deterministic = false" in entry.definition
            elif without_version_options(entry.definition) != definition:
                stood_in[entry.dump_id] = _WITHOUT_MODIFIERS
        kept.append(replace(entry, definition=definition))
    like_source = like_source and bool(_SORTS_LIKE_C.fullmatch(locale))
    return RestoreList(tuple(kept), left_out, stood_in, edited, like_source, tells_apart)


def _collation_of(definition: str) -> str:
    """What a database sorts text by: its LC_COLLATE, "C" for the builtin provider, "icu" for that."""
    words = {match[1]: match[2] or match[3] or "" for match in _LOCALE.finditer(definition)}
    provider = words.get("LOCALE_PROVIDER", "libc")
    if provider == "libc":
        return words.get("LC_COLLATE", words.get("LOCALE", ""))
    return "C" if provider == "builtin" else provider


def qualified_name(entry: Entry) -> str:
    """The entry's name as people read it: quoted where SQL needs it, with its schema.

    pg_dump has quoted already what comments and privileges are about.
    """
    tag = entry.tag
    if entry.kind in _ROUTINES:
        name, arguments = signature_parts(tag)
        tag = _written(name) + arguments
    elif entry.kind in _ONE_NAME:
        tag = _written(tag)
    elif entry.kind not in _ABOUT_OTHERS and not _PLAIN_TAG.fullmatch(tag):
        tag = quote_identifier(tag)
    if entry.schema in ("", "-"):
        return tag
    schema = _written(entry.schema)
    kind = re.match(r"(?:[A-Z]{2,} )+", tag) if entry.kind in _ABOUT_OTHERS else None
    return f"{kind[0]}{schema}.{tag[kind.end() :]}" if kind else f"{schema}.{tag}"


def _written(name: str) -> str:
    return name if _PLAIN_NAME.fullmatch(name) else quote_identifier(name)


def is_preamble(entry: Entry) -> bool:
    """True for the settings at the head of each archive, which are no objects."""
    return entry.kind in _PREAMBLE


def edit_text(kind: str, text: str, database: SandboxDatabase) -> str:
    """DDL of an entry of this kind as this sandbox can take it."""
    if kind in _DDL_WITH_TYPES:
        text = without_modifiers(text, database.missing)
    if kind in ("TABLE", "FOREIGN TABLE", "MATERIALIZED VIEW"):
        text = without_version_options(text)
    if kind == "COLLATION" and not database.has_icu:
        text = _COLLATION.sub(r"\1 (provider = libc, locale = 'C');", text)
    return text


def without_version_options(definition: str) -> str:
    """DDL without the column option `pg_attver`.

    Debian's PostgreSQL 15.20 stores it in every column, older clients write it out as
    `ALTER COLUMN … SET (pg_attver=1)`, and other servers refuse it.
    """

    def edit(match: re.Match[str]) -> str:
        options = [option.strip() for option in match[1].split(",")]
        rest = [option for option in options if not _VERSION_OPTION.fullmatch(option)]
        return match[0].replace(match[1], ", ".join(rest)) if rest else ""

    return _VERSION_STATEMENT.sub(edit, definition) if "pg_attver" in definition else definition


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
