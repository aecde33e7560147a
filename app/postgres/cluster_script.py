"""Numbers the objects of a script of any origin, and tells which of its databases each belongs to.

pg_dumpall writes one script for a whole server: roles and tablespaces, then each database behind a
`\\connect` to it. `pg_dump --create` does the same for one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from app.postgres.archive_entry import python_codec
from app.postgres.insert_rows import INSERT_INTO
from app.postgres.script import CopyBlock, Header, MetaCommand, Statement, read_script
from app.postgres.script_archive import ScriptItem
from app.postgres.statement_subject import OTHER, SETTING, TRANSACTION, Subject, subject_of
from app.postgres.statement_words import Kind, Words

_ROWS = "TABLE DATA"
_LONGEST_START = 8_000
_INSERT = re.compile(INSERT_INTO)
_SEARCH_PATH = re.compile(rb"SET\s+(?:SESSION\s+|LOCAL\s+)?search_path\s*(?:=|TO\b)", re.IGNORECASE)
_ENCODING = re.compile(
    rb"SET\s+(?:SESSION\s+)?client_encoding\s*(?:=|TO\b)\s*'?([\w-]+)'?\s*;|\\encoding\s+'?([\w-]+)'?\s*",
    re.IGNORECASE,
)
_CONNECT = re.compile(r"\\c(?:onnect)?(?:\s+(.*))?", re.DOTALL)
_ARGUMENT = re.compile(r'\s*((?:"(?:[^"]|"")*"|\'(?:[^\'\\]|\'\')*\'|[^\s"\'`\\:])+)')
_QUOTED = re.compile(r'"((?:[^"]|"")*)"|\'((?:[^\'\\]|\'\')*)\'')
_NOT_IN_SCHEMAS = frozenset({
    "SCHEMA", "EXTENSION", "DATABASE", "DATABASE PROPERTIES", "TABLESPACE", "ROLE", "ROLE MEMBERSHIP",
    "EVENT TRIGGER", "FOREIGN DATA WRAPPER", "SERVER", "USER MAPPING", "PUBLICATION", "SUBSCRIPTION",
    "PROCEDURAL LANGUAGE", "ACCESS METHOD", "CAST", "TRANSFORM", "BLOB", "BLOBS", "PARAMETER", "SYSTEM",
    "DEFAULT ACL", "IMPORT FOREIGN SCHEMA", "DROP OWNED", OTHER, SETTING, TRANSACTION,
})  # fmt: skip
_LABELLED = ("ACL", "COMMENT", "SECURITY LABEL")


@dataclass(frozen=True, slots=True)
class PlacedItem:
    """One item of a script.

    Attributes:
        dump_id: number of its entry, by order in the whole script; 0 for what belongs to no object.
        subject: what it is about; nothing is said of meta-commands.
        database: the database that it belongs to; empty before the first `\\connect`.
        header: pg_dump's, where it fits.
        codec: Python's, of its text.
        path: the schemas in which names are looked for; empty for the session's own search path.
    """

    dump_id: int
    item: Statement | CopyBlock | MetaCommand
    subject: Subject
    database: str
    header: Header | None
    codec: str
    path: tuple[str, ...] = ()


def script_items(blocks: Iterable[bytes], parts: frozenset[str] | None = None) -> Iterator[ScriptItem]:
    """The items of a script to run, with the numbers that its outline gave their entries.

    Args:
        blocks: the script, uncompressed.
        parts: the databases whose items are meant (`ScriptOutline.parts`); None for all.

    Raises:
        AppError: as `read_script`.
    """
    for placed in placed_items(blocks):
        if parts is None or placed.database in parts or isinstance(placed.item, MetaCommand):
            yield ScriptItem(placed.dump_id, placed.item)


def placed_items(blocks: Iterable[bytes], *, joins_inserts: bool = False) -> Iterator[PlacedItem]:
    """The items of a script in order, numbered and told apart by database.

    Args:
        blocks: the script, uncompressed.
        joins_inserts: give INSERTs into one table together (see `script.Inserts`).

    Raises:
        AppError: as `read_script`.
    """
    places = _Places()
    for item in read_script(blocks, joins_inserts=joins_inserts):
        yield places.of_command(item) if isinstance(item, MetaCommand) else places.of_statement(item)


class _Places:
    """What was seen of a script so far, as far as it matters to what follows."""

    def __init__(self) -> None:
        self._database = ""
        self._codec = "utf-8"
        self._schema = "public"
        self._path: tuple[str, ...] = ()
        self._count = 0
        self._numbers: dict[tuple[str, str, str, str], int] = {}
        self._routines: dict[tuple[str, str, str], int] = {}
        self._header: Header | None = None
        self._header_number = 0
        self._last_rows: tuple[bytes, Header | None, PlacedItem] | None = None

    def of_command(self, item: MetaCommand) -> PlacedItem:
        if match := _ENCODING.fullmatch(item.text):
            self._set_codec(match)
        elif _CONNECT.match(item.text.decode("utf-8", "surrogateescape")):
            database = connected_database(item.text, self._codec)
            self._database = database or self._database
            self._schema, self._path = "public", ()
        self._last_rows = None
        return PlacedItem(0, item, Subject(""), self._database, None, self._codec)

    def of_statement(self, item: Statement | CopyBlock) -> PlacedItem:
        if isinstance(item, CopyBlock):
            return self._placed(item, item.statement)
        insert = _INSERT.match(item.text)
        if not insert:
            return self._placed(item, item.text)
        if self._last_rows and self._last_rows[:2] == (insert[0], item.header):
            last = self._last_rows[2]
            return PlacedItem(last.dump_id, item, last.subject, last.database, last.header, last.codec)
        placed = self._placed(item, item.text[:_LONGEST_START])
        self._last_rows = insert[0], item.header, placed
        return placed

    def _placed(self, item: Statement | CopyBlock, text: bytes) -> PlacedItem:
        subject = subject_of(text, self._codec, standard_strings=item.standard_strings)
        if subject.kind == SETTING:
            self._follow(text)
        elif not subject.schema and _is_in_schema(subject):
            subject = replace(subject, schema=self._schema)
        database = subject.database or self._database
        if subject.kind in (SETTING, TRANSACTION):
            return PlacedItem(0, item, subject, database, None, self._codec)
        header = item.header if _fits(item.header, subject) else None
        number = self._number_by_header(header) if header else self._number(subject, database)
        return PlacedItem(number, item, subject, database, header, self._codec, self._path)

    def _number_by_header(self, header: Header) -> int:
        if header is not self._header:
            self._count += 1
            self._header, self._header_number = header, self._count
        return self._header_number

    def _number(self, subject: Subject, database: str) -> int:
        name = subject.tag.partition("(")[0]
        routine = database, f"{subject.kind} {subject.schema}", name
        key = database, subject.kind, subject.schema, subject.tag
        is_routine = "(" in subject.tag and subject.kind in ("FUNCTION", "PROCEDURE", "AGGREGATE")
        number = self._numbers.get(key)
        if number is None and is_routine and not subject.creates:
            number = self._routines.get(routine)  # ALTER leaves out what the arguments are called
        if number is None:
            self._count += 1
            number = self._count
        self._numbers[key] = number
        if is_routine:
            self._routines[routine] = number
        return number

    def _follow(self, text: bytes) -> None:
        """Take note of a setting that says how to read what follows."""
        if match := _ENCODING.fullmatch(text):
            self._set_codec(match)
        elif match := _SEARCH_PATH.match(text):
            words = Words(text[match.end() : match.end() + _LONGEST_START], self._codec)
            named = [token.text for token in words if token.kind in (Kind.WORD, Kind.NAME, Kind.STRING)]
            named = [name for name in named if name not in ("$user", "pg_catalog", "default", "")]
            self._schema = named[0] if named else "public"
            self._path = tuple(named)
            self._last_rows = None

    def _set_codec(self, match: re.Match[bytes]) -> None:
        self._codec = python_codec(encoding_name((match[1] or match[2]).decode()))
        self._last_rows = None


def encoding_name(text: str) -> str:
    """PostgreSQL's name of an encoding as scripts may write it: `utf-8` is UTF8."""
    plain = re.sub(r"[^A-Z0-9]", "", text.upper())
    aliases = {"UNICODE": "UTF8", "ISO88591": "LATIN1", "SQLASCII": "SQL_ASCII", "ISO885915": "LATIN9"}
    windows = re.sub(r"^WINDOWS", "WIN", plain)
    return aliases.get(plain, re.sub(r"^(EUC|ISO8859)(?=\w)", r"\1_", windows).replace("ISO8859", "ISO_8859"))


def setting_encoding(text: bytes) -> str:
    """The client encoding that a statement or `\\encoding` sets; empty for anything else."""
    match = _ENCODING.fullmatch(text)
    return encoding_name((match[1] or match[2]).decode()) if match else ""


def connected_database(command: bytes, codec: str = "utf-8") -> str | None:
    """The database that a `\\connect` goes to on the same server as the same user; empty: the same again.

    None for any other command, and for a `\\connect` that names a user, a host or a port, or that psql
    would have to work out (variables, backquotes).
    """
    match = _CONNECT.fullmatch(command.decode(codec, "surrogateescape").rstrip())
    if not match:
        return None
    rest, arguments = match[1] or "", []
    while rest and (found := _ARGUMENT.match(rest)):
        arguments.append(found[1])
        rest = rest[found.end() :]
    if rest.strip():
        return None
    if arguments and arguments[0].startswith("-reuse-previous="):
        del arguments[0]
    names = [_QUOTED.sub(_unquoted, argument) for argument in arguments]
    if any(name != "-" for name in names[1:]):
        return None
    return _database_in(names[0]) if names and names[0] != "-" else ""


def _unquoted(match: re.Match[str]) -> str:
    double, single = match.groups()
    return str(single.replace("''", "'") if double is None else double.replace('""', '"'))


def _database_in(name: str) -> str | None:
    if "=" not in name and not name.startswith(("postgres://", "postgresql://")):
        return name
    import psycopg  # takes a quarter of a second, and hardly any script needs it
    from psycopg import conninfo as libpq

    try:
        words = libpq.conninfo_to_dict(name)
    except psycopg.Error:
        return None
    return str(words["dbname"]) if set(words) == {"dbname"} else None


def _is_in_schema(subject: Subject) -> bool:
    if subject.kind in _LABELLED:
        return not any(subject.tag.startswith(f"{kind} ") for kind in _NOT_IN_SCHEMAS) and bool(subject.tag)
    return subject.kind.removeprefix("DROP ") not in _NOT_IN_SCHEMAS


def _fits(header: Header | None, subject: Subject) -> bool:
    """Whether a statement can belong to the header above it; what somebody added at the end does not."""
    if header is None or subject.kind.startswith("DROP "):
        return False
    return subject.kind != _ROWS or header.kind == _ROWS
