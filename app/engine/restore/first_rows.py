"""Shows the first rows of one table of a dump, reading no more of it than that takes."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from app.domain.errors import AppError, ErrorCode
from app.engine.read_back import database_path
from app.engine.restore.entry_graph import RELATIONS, unquoted
from app.engine.restore.source import RestoreSource, open_source
from app.persistence.manifest import read_manifest
from app.postgres.archive_data import has_rows, open_stream
from app.postgres.archive_entry import Entry, python_codec
from app.postgres.cluster_script import PlacedItem, placed_items
from app.postgres.copy_rows import Row, copy_rows
from app.postgres.dump_files import DumpFile, DumpForm, identify, identify_all, script_blocks
from app.postgres.packed_archive import packed_stream
from app.postgres.quoting import Name, quote_identifier
from app.postgres.script import CopyBlock, Statement, parse_copy_statement, read_script
from app.postgres.script_charset import Charset
from app.system.cancellation import CancelToken

ROWS = 10
"""How many rows are shown unless more are asked for."""

_ROWS_KIND = "TABLE DATA"
_NAME = r'"(?:[^"]|"")+"|[^\W\d][\w$]*'
_WANTED = re.compile(rf"\s*(?:({_NAME})\s*\.\s*)?({_NAME})\s*")
_PLAIN = re.compile(r"[a-z_][a-z0-9_$]*")
_MOST_MATCHES = 3
_MOST_NAMES = 100_000
_MOST_TEXT = 10_000  # characters of a row that is not COPY text


@dataclass(frozen=True, slots=True)
class TableRows:
    """The first rows of a table.

    Attributes:
        columns: as its COPY statement names them; none where it names none.
        rows: as decoded; values longer than `copy_rows.LONGEST` are cut.
        lines: the rows as they stand in the dump, where they are not in COPY's text format: INSERT
            statements, CSV. There are no `rows` then.
        has_more: whether there are rows beyond these.
    """

    schema: str
    name: str
    columns: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    lines: tuple[str, ...] = ()
    has_more: bool = False


@dataclass(frozen=True, slots=True)
class TableAt:
    """What was found at one path: the rows, or why it cannot be read."""

    path: Path
    found: TableRows | AppError


@dataclass(slots=True)
class _Search:
    """A table that is looked for, and what was seen on the way."""

    schema: str
    name: str
    limit: int
    database: str
    workspace: Path
    cancel: CancelToken
    seen: set[Name] = field(default_factory=set)
    without_rows: Name | None = None

    def fits(self, schema: str, name: str) -> bool:
        return name == self.name and self.schema in ("", schema)

    def see(self, schema: str, name: str) -> None:
        if self.fits(schema, name):
            self.without_rows = self.without_rows or (schema, name)
        if len(self.seen) < _MOST_NAMES:
            self.seen.add((schema, name))


def first_rows(
    paths: Sequence[Path],
    table: str,
    workspace: Path,
    cancel: CancelToken,
    *,
    limit: int = ROWS,
    database: str = "",
) -> Iterator[TableAt]:
    """The first rows of a table in each of these sources that has it, and what is wrong with others.

    Args:
        paths: backups, archives, scripts.
        table: as SQL writes it; a name alone means the first table of that name.
        workspace: an empty folder; what must be unpacked goes there.
        limit: how many rows.
        database: which one of a script for a whole server; empty for the first that has the table.

    Raises:
        AppError: INVALID_INPUT when no source has such rows, with names that are like it.
        Cancelled: `cancel` was set.
    """
    match = _WANTED.fullmatch(table)
    if match is None:
        hint = "Names with other characters need double quotes, as in SQL."
        raise AppError(ErrorCode.INVALID_INPUT, f"“{table}” is not the name of a table", hint=hint)
    search = _Search(
        unquoted(match[1]) if match[1] else "", unquoted(match[2]), limit, database, workspace, cancel
    )
    is_found = is_bad = False
    for number, path in enumerate(paths):
        try:
            search.workspace = workspace / str(number)
            search.workspace.mkdir()
            rows = _search_at(path, search)
        except AppError as error:
            is_bad = True
            yield TableAt(path, error)
        else:
            if rows:
                is_found = True
                yield TableAt(path, rows)
    if not is_found and (search.seen or not is_bad):
        raise _not_found(table, search)


def _search_at(path: Path, search: _Search) -> TableRows | None:
    dumps = identify_all([path], search.cancel.check)
    if not all(dump.is_script for dump in dumps):
        dump = identify(path, search.cancel.check)
        if dump.form is DumpForm.BACKUP and not dump.layers:
            part = dump.path / database_path(dump.path, read_manifest(dump.path))
            dump = identify(part, search.cancel.check)
        if not dump.is_script:
            return _search_archive(path, search)
        dumps = (dump,)
    return next(filter(None, (_search_script(dump, search) for dump in dumps)), None)


def _search_archive(path: Path, search: _Search) -> TableRows | None:
    source = open_source([path], search.workspace, search.cancel, database=search.database)
    if source.archive is None:
        return _search_script(source.dumps[0], search)
    for entry in source.entries:
        if entry.kind == _ROWS_KIND and search.fits(entry.schema, entry.tag):
            return _rows_of_entry(source, entry, search)
        if entry.kind in RELATIONS or entry.kind == _ROWS_KIND:
            search.see(entry.schema, entry.tag)
    return None


def _rows_of_entry(source: RestoreSource, entry: Entry, search: _Search) -> TableRows:
    archive = source.archive
    if archive is None:
        raise ValueError("only archives have streams")
    if source.is_packed:
        blocks = packed_stream(archive, entry, source.blocks(search.cancel))
    else:
        blocks = open_stream(archive, entry)
    name, codec = (entry.schema, entry.tag), python_codec(archive.encoding)
    if has_rows(entry):
        return _of_copy(name, entry.copy_statement, blocks, codec, search.limit)
    statements = (item.text for item in read_script(blocks) if isinstance(item, Statement))
    return _of_statements(name, statements, codec, search.limit)


def _search_script(dump: DumpFile, search: _Search) -> TableRows | None:
    items = placed_items(script_blocks(dump, search.cancel.check))
    is_guessed = dump.charset in (Charset.LATIN_1, Charset.WINDOWS_1252)
    for placed in items:
        if search.database and placed.database != search.database:
            continue
        item, kind = placed.item, placed.subject.kind
        if kind == _ROWS_KIND and (name := _fitting(placed, search)):
            codec = dump.charset.value if is_guessed else placed.codec
            if isinstance(item, CopyBlock):
                statement = item.statement.decode(codec, "surrogateescape")
                return _of_copy(name, statement, item.data, codec, search.limit)
            return _of_statements(name, _inserts(placed, items), codec, search.limit)
        if kind in RELATIONS or kind == _ROWS_KIND:
            search.see(placed.subject.schema, placed.subject.tag)
    return None


def _fitting(placed: PlacedItem, search: _Search) -> Name | None:
    """The name that fits: of the statement, or above it, where rows are loaded through a partition's root."""
    names = [(placed.subject.schema, placed.subject.tag)]
    if placed.header:
        names.append((placed.header.schema or "", placed.header.name))
    return next((name for name in names if search.fits(*name)), None)


def _inserts(first: PlacedItem, others: Iterable[PlacedItem]) -> Iterator[bytes]:
    """The INSERT statements of one table that follow each other."""
    if isinstance(first.item, Statement):
        yield first.item.text
    for placed in others:
        if placed.dump_id != first.dump_id or not isinstance(placed.item, Statement):
            return
        yield placed.item.text


def _of_copy(name: Name, statement: str, blocks: Iterable[bytes], codec: str, limit: int) -> TableRows:
    try:
        columns = parse_copy_statement(statement).columns or ()
    except ValueError:
        lines = (line for block in blocks for line in block.splitlines())
        return _of_statements(name, lines, codec, limit)
    found = list(islice(copy_rows(blocks, codec), limit + 1))
    rows = found[:limit]
    if not columns and all(row == ("",) for row in rows):
        rows = [()] * len(rows)  # pg_dump names all columns, so that the table has none
    return TableRows(*name, columns, tuple(rows), has_more=len(found) > limit)


def _of_statements(name: Name, statements: Iterable[bytes], codec: str, limit: int) -> TableRows:
    found = [text[:_MOST_TEXT].decode(codec, "surrogateescape") for text in islice(statements, limit + 1)]
    return TableRows(*name, lines=tuple(found[:limit]), has_more=len(found) > limit)


def _not_found(table: str, search: _Search) -> AppError:
    if search.without_rows:
        return AppError(
            ErrorCode.INVALID_INPUT,
            f"The source has no rows of “{table}” itself",
            detail="It holds the definition alone.",
            hint="Rows of a partitioned table are in its partitions; --tree shows them.",
        )
    written = {f"{_written(schema)}.{_written(name)}" for schema, name in search.seen}
    names = {_bare(name): name for name in sorted(written)}
    names |= {_bare(_written(name)): f"{_written(schema)}.{_written(name)}" for schema, name in search.seen}
    near = difflib.get_close_matches(_bare(table), names, n=_MOST_MATCHES)
    matches = list(dict.fromkeys(names[name] for name in near))
    return AppError(
        ErrorCode.INVALID_INPUT,
        f"The source has no table “{table}”",
        hint=f"Did you mean {' or '.join(matches)}?" if matches else "--tree shows what there is.",
    )


def _bare(name: str) -> str:
    return name.replace('"', "").lower()


def _written(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else quote_identifier(name)
