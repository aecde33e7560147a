"""Says in lines, or as an object for `--json`, what a source holds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import click
from rich.cells import cell_len

from app.cli.console import shown, size
from app.cli.report import backup_object, print_backup
from app.domain.restore import Severity
from app.engine.restore.contents import SourceContents, TableContents
from app.engine.restore.entry_graph import LARGE_OBJECTS
from app.engine.restore.first_rows import TableRows
from app.engine.restore.object_tree import TreeObject, TreeSchema
from app.engine.restore.wording import counted
from app.postgres.copy_rows import CUT

_MOST_TABLES = 50
_MOST_NAMES = 20
_WIDEST = 40
_LONGEST_LINE = 200
_LINES_AT_ONCE = 1000
_COLOURS = {Severity.BLOCKS: "red", Severity.WARNS: "yellow", Severity.INFORMS: None}
_WORDS = {Severity.BLOCKS: "Problem", Severity.WARNS: "Warning", Severity.INFORMS: "Note"}
_LIKE_NULL = re.compile('"*NULL"*')


def print_contents(contents: SourceContents, *, briefly: bool = False) -> None:
    """What a source is, what it needs and holds, what is wrong with it; unless `briefly`, its tables."""
    if contents.backup:
        print_backup(contents.backup)
    else:
        _print_head(contents)
    _line("Encoding", contents.encoding)
    _line("Expects", _some("extensions", contents.extensions))
    _line("" if contents.extensions else "Expects", _some("roles", contents.roles))
    counts = {kind: count for kind, count in contents.objects.items() if kind not in LARGE_OBJECTS}
    _line("Holds", ", ".join(f"{count:,} {kind}" for kind, count in sorted(counts.items())))
    if contents.large_objects != 0:
        number = "an unknown number of" if contents.large_objects is None else f"{contents.large_objects:,}"
        _line("", f"{number} large objects")
    if not briefly:
        _print_tables(contents.tables)
    for finding in contents.findings:
        click.secho(
            shown(f"{_WORDS[finding.severity]:9} {finding.title}"),
            fg=_COLOURS[finding.severity],
            bold=finding.severity is Severity.BLOCKS,
        )
        for text in (*finding.detail.splitlines(), *finding.hint.splitlines()):
            _line("", text)


def _print_head(contents: SourceContents) -> None:
    if contents.trio:
        click.echo(f"Source    {contents.form} in {len(contents.trio)} files that belong together")
        for dump, role in zip(contents.source.dumps, contents.trio, strict=True):
            _line("", f"{dump.name}: {role}")
    else:
        _line("Source", f"{', '.join(map(str, contents.paths))}, {_form(contents)}")
    if contents.packing != "none":
        _line("Packed", contents.packing)
    database = f"database {contents.database} of " if contents.database else ""
    server = f"PostgreSQL {contents.server_version}" if contents.server_version else "an unknown server"
    tool = f", by pg_dump {contents.dump_version}" if contents.dump_version else ""
    _line("Of", f"{database}{server}{tool}")
    if contents.created:
        _line("Made", f"{contents.created:%Y-%m-%d %H:%M:%S}")
    packed = f", data are {contents.compression}" if contents.compression not in ("", "none") else ""
    _line("Size", f"{size(contents.size)}{packed}")
    if contents.databases:
        full = [name for name in contents.databases if name not in contents.empty_databases]
        _line("Databases", _some("", full) or "none with anything in it")
        _line("", _some("empty:", sorted(contents.empty_databases)))
        if len(full) > 1 and contents.database not in full:
            _line("", "What follows is outside of them; --database NAME shows one.")


def _form(contents: SourceContents) -> str:
    return str(contents.form) if contents.source.archive is None else f"a {contents.form}"


def _line(word: str, text: str) -> None:
    if text:
        click.echo(shown(f"{word:9} {text}"))


def _some(word: str, names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES:,} more" if len(names) > _MOST_NAMES else ""
    return f"{word} {', '.join(names[:_MOST_NAMES])}{more}".strip() if names else ""


def _print_tables(tables: Sequence[TableContents]) -> None:
    for number, table in enumerate(tables[:_MOST_TABLES]):
        amount = _amount(table.rows, table.bytes, table.stored)
        _line("" if number else "Rows of", f"{table.schema}.{table.name}{amount}")
    if len(tables) > _MOST_TABLES:
        _line("", f"… and {len(tables) - _MOST_TABLES:,} tables more; --tree lists all")


def _amount(rows: int | None, text: int | None, stored: int | None) -> str:
    found = (
        counted(rows, "row") if rows is not None else "",
        f"{size(text)} of text" if text is not None else "",
        f"{size(stored)} packed" if stored is not None else "",
    )
    amount = ", ".join(filter(None, found))
    return f"  {amount}" if amount else ""


def print_tree(schemas: Iterable[TreeSchema]) -> None:
    """All objects, each below its schema and kind, parts of tables below these."""
    lines = []
    for line in _tree_lines(schemas):
        lines.append(line if line.isprintable() else shown(line))
        if len(lines) == _LINES_AT_ONCE:
            click.echo("\n".join(lines))
            lines.clear()
    if lines:
        click.echo("\n".join(lines))


def _tree_lines(schemas: Iterable[TreeSchema]) -> Iterator[str]:
    for schema in schemas:
        yield f"schema {schema.name}" if schema.name else "in no schema"
        for kind in schema.kinds:
            yield f"  {kind.kind} ({len(kind.objects):,})"
            for one in kind.objects:
                yield from _object_lines(one, 4, with_kind=False)


def _object_lines(one: TreeObject, indent: int, *, with_kind: bool) -> Iterator[str]:
    name = f"{one.kind.lower()} {one.name}".rstrip() if with_kind else one.name
    whole = f"  partition of {'.'.join(one.partition_of)}" if one.partition_of else ""
    amount = _amount(one.rows, one.bytes, one.stored)
    yield f"{'':{indent}}{name}{whole}{amount}"
    for part in one.parts:
        yield from _object_lines(part, indent + 2, with_kind=True)


def print_rows(table: TableRows) -> None:
    """The first rows of a table, as an aligned table; NULL has no quotes, a text that reads so has."""
    name = f"{table.schema}.{table.name}" if table.schema else table.name
    if table.lines:
        click.secho(shown(f"{name}, the first rows as they stand there, not in COPY's format"), bold=True)
        for line in table.lines:
            click.echo(_cut(line, _LONGEST_LINE))
        return
    count = counted(len(table.rows), "row")
    click.secho(shown(f"{name}, {'the first ' if table.has_more else ''}{count}"), bold=True)
    if not table.columns and not any(table.rows):
        click.echo("The table has no columns." if table.rows else "")
        return
    _print_grid(table)


def _print_grid(table: TableRows) -> None:
    width = max(map(len, (table.columns, *table.rows)))
    names = table.columns or tuple(f"column {number}" for number in range(1, width + 1))
    grid = [[_cut(name, _WIDEST) for name in names], *(list(map(_shown_value, row)) for row in table.rows)]
    for row in grid:
        row.extend([""] * (width - len(row)))
    widths = [max(map(cell_len, column)) for column in zip(*grid, strict=True)]
    for number, row in enumerate(grid):
        cells = (text + " " * (wide - cell_len(text)) for text, wide in zip(row, widths, strict=True))
        click.echo(" | ".join(cells).rstrip())
        if not number:
            click.echo("-+-".join("-" * wide for wide in widths))


def _shown_value(value: str | None) -> str:
    if value is None:
        return "NULL"
    return f'"{value}"' if _LIKE_NULL.fullmatch(value) else _cut(value, _WIDEST)


def _cut(text: str, longest: int) -> str:
    safe = shown(text[: longest + 1])
    return safe if len(safe) <= longest else safe[: longest - 1] + CUT


def contents_object(contents: SourceContents, *, with_tree: bool) -> dict[str, Any]:
    """What `--json` prints of a source: all that is known of it."""
    return {
        "paths": contents.paths,
        "form": contents.form,
        "packing": contents.packing,
        "compression": contents.compression,
        "bytes": contents.size,
        "database": contents.database,
        "databases": contents.databases,
        "empty_databases": sorted(contents.empty_databases),
        "created": contents.created,
        "server_version": contents.server_version,
        "dump_version": contents.dump_version,
        "encoding": contents.encoding,
        "complete": contents.is_complete,
        "trio": [
            {"file": dump.name, "part": role}
            for dump, role in zip(contents.source.dumps, contents.trio, strict=False)
        ],
        "objects": contents.objects,
        "tables": contents.tables,
        "extensions": contents.extensions,
        "roles": contents.roles,
        "large_objects": contents.large_objects,
        "dangers": [
            {"file": dump.name, "danger": danger}
            for dump, outline in zip(contents.source.dumps, contents.source.outlines, strict=False)
            for danger in outline.dangers
        ],
        "findings": contents.findings,
        "backup": backup_object(contents.backup) if contents.backup else None,
        **({"tree": contents.tree()} if with_tree else {}),
    }
