"""Reads a plain SQL dump as a stream: statements, COPY data and meta-commands, without running any of it.

A plain dump is both SQL and data; only a lexer that knows quotes, dollar quotes, comments and COPY
tells them apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from app.postgres.script_text import ScriptText
from app.postgres.sql_lexer import SIMPLE


@dataclass(frozen=True, slots=True)
class Header:
    """What pg_dump's comment says of the statements below it; a hint, as names in it are not quoted.

    Names are read as UTF-8; other bytes become surrogates (`surrogateescape`).
    """

    name: str
    kind: str
    schema: str | None
    owner: str | None
    tablespace: str | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL statement.

    Attributes:
        text: from its first word to its `;`. A meta-command that cuts in (`SELECT 1 \\gexec`) ends it
            without one.
        header: pg_dump's comment above it, or above the statements before it.
        line: number of its first line, from 1.
        standard_strings: whether backslashes in its plain quotes are nothing special.
    """

    text: bytes
    header: Header | None
    line: int
    standard_strings: bool = True


@dataclass(frozen=True, slots=True)
class Inserts(Statement):
    """Plain INSERTs into one table, one after the other; `text` holds all of them.

    Attributes:
        statements, rows: how many there are.
        size: bytes of the statements without the white space between them.
    """

    statements: int = 1
    rows: int = 1
    size: int = 0

    def apart(self) -> Iterator[Statement]:
        """Each of them."""
        line, at = self.line, 0
        for found in SIMPLE[self.standard_strings].finditer(self.text):
            line += self.text.count(b"\n", at, found.start())
            yield Statement(found[0], self.header, line, self.standard_strings)
            at = found.start()


@dataclass(frozen=True, slots=True)
class CopyBlock:
    """A `COPY … FROM stdin` and its data.

    Attributes:
        statement: from its first word to its `;`.
        header: pg_dump's comment above it.
        line: number of the statement's first line, from 1.
        data: the rows as they stand in the script, in blocks cut anywhere, without the end marker.
            It is gone when the next item is asked for. A missing end marker raises ARCHIVE_DAMAGED.
        standard_strings: as for a statement.
    """

    statement: bytes
    header: Header | None
    line: int
    data: Iterator[bytes]
    standard_strings: bool = True


@dataclass(frozen=True, slots=True)
class MetaCommand:
    """A backslash command of psql: the rest of its line, which can hold further commands."""

    text: bytes
    line: int


@dataclass(frozen=True, slots=True)
class CopyTarget:
    """The table that a COPY statement fills; no columns means that none are listed."""

    schema: str | None
    name: str
    columns: tuple[str, ...] | None


def read_script(
    blocks: Iterable[bytes], *, count_data_lines: bool = True, joins_inserts: bool = False
) -> Iterator[Statement | CopyBlock | MetaCommand]:
    """Cut a script into its items, in order. White space and comments between them are dropped.

    Args:
        blocks: the script, uncompressed, in blocks of any size.
        count_data_lines: for right line numbers below COPY data; it costs a third of the time for data.
        joins_inserts: give `Inserts` where there are some, which is several times as fast.

    Raises:
        AppError: ARCHIVE_DAMAGED when it ends inside a statement, quotes, a comment or COPY data;
            UNKNOWN_FORMAT when a statement is too large (see `script_text.MAX_STATEMENT`).
    """
    script = ScriptText(blocks, count_data_lines=count_data_lines)
    header = None
    while (gap := script.skip_gap()) is not None:
        header = _find_header(gap) or header
        line = script.line
        if command := script.take_meta_command():
            yield MetaCommand(command, line)
            header = None
            continue
        standard = script.standard_strings
        if joins_inserts and (inserts := script.take_inserts()):
            text, run = inserts
            yield Inserts(text, header, line, standard, run.statements, run.rows, run.size)
            continue
        text, is_copy = script.take_statement()
        if is_copy:
            data = script.copy_data()
            yield CopyBlock(text, header, line, data, standard)
            for _ in data:
                pass
        else:
            yield Statement(text, header, line, standard)


_IDENTIFIER = r'(?:[A-Za-z_][A-Za-z0-9_]*+|"(?:[^"\0]|"")++")'
_COPY = re.compile(
    rf"\s*COPY\s+(?:({_IDENTIFIER})\.)?({_IDENTIFIER})\s*"
    rf"(?:\(\s*({_IDENTIFIER}(?:\s*,\s*{_IDENTIFIER})*+)\s*\)\s*)?FROM\s+stdin\s*;\s*",
    re.IGNORECASE | re.ASCII,
)


def parse_copy_statement(text: str) -> CopyTarget:
    """Read `COPY schema.table (a, "b c") FROM stdin;` as pg_dump writes it, in scripts and in archives.

    Raises:
        ValueError: it is anything else: with options, from a file, or with other kinds of names.
    """
    match = _COPY.fullmatch(text)
    if not match:
        raise ValueError("not a COPY statement as pg_dump writes it")
    schema, name, columns = match.groups()
    return CopyTarget(
        _unquote(schema) if schema else None,
        _unquote(name),
        tuple(map(_unquote, re.findall(_IDENTIFIER, columns))) if columns else None,
    )


def _unquote(identifier: str) -> str:
    return identifier[1:-1].replace('""', '"') if identifier[0] == '"' else identifier.lower()


_HEADER = re.compile(
    rb"^-- (?:Data for |Statistics for )?Name: (.{1,8000}); Type: ([A-Z ]{1,60}); Schema: (.{1,300}?); "
    rb"Owner: (.{1,300}?)(?:; Tablespace: (.{1,300}?))?\r?$",
    re.MULTILINE,
)


def _find_header(gap: bytes) -> Header | None:
    if b"Name: " not in gap:
        return None
    header = None
    for match in _HEADER.finditer(gap):
        name, kind, *others = (
            None if field in (None, b"-") else field.decode("utf-8", "surrogateescape")
            for field in match.groups()
        )
        header = Header(name or "-", kind or "-", *others)
    return header
