"""`holdfast inspect`: what a dump or a backup holds, without a server."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from app.cli import Exit
from app.cli.console import print_json, size
from app.cli.options import backup_at, json_option
from app.cli.report import backup_object, print_backup
from app.domain.errors import AppError, ErrorCode
from app.persistence.manifest import MANIFEST_NAME
from app.postgres.archive import read_archive
from app.postgres.archive_entry import Entry
from app.postgres.dump_files import DumpFile, identify, script_blocks
from app.postgres.script_archive import digest_script

_MOST_TABLES = 50
_NO_OBJECTS = ("ENCODING", "STDSTRINGS", "SEARCHPATH")


@click.command()
@click.argument("sources", nargs=-1, required=True, type=click.Path(path_type=Path))
@json_option
def inspect(sources: tuple[Path, ...], as_json: bool) -> Exit:
    """Say what each SOURCE is: a backup of Holdfast, or a dump of pg_dump in any of its formats."""
    found = []
    for source in sources:
        if source.name == MANIFEST_NAME or (source / MANIFEST_NAME).is_file():
            backup = backup_at(source)
            found.append({"form": "backup of Holdfast", **backup_object(backup)})
            if not as_json:
                print_backup(backup)
            continue
        if not source.exists():
            raise AppError(ErrorCode.INVALID_INPUT, "There is no such file or folder", detail=str(source))
        dump = _dump_object(identify(source))
        found.append(dump)
        if not as_json:
            _print_dump(dump)
    if as_json:
        print_json({"sources": found})
    return Exit.DONE


def _dump_object(dump: DumpFile) -> dict[str, object]:
    if dump.is_script:
        script = digest_script(script_blocks(dump), str(dump.path))
        rows = {
            entry.dump_id: script.streams[entry.dump_id].rows for entry in script.entries if entry.has_data
        }
        return _described(dump, script.entries, rows) | {
            "server_version": dump.server_version,
            "dump_version": dump.dump_version,
            "compression": dump.packing,
            "encoding": script.encoding,
        }
    archive = read_archive(dump.path)
    return _described(dump, archive.entries, {}) | {
        "database": archive.database,
        "created": archive.created,
        "server_version": archive.server_version,
        "dump_version": archive.dump_version,
        "compression": archive.compression.method,
        "encoding": archive.encoding,
    }


def _described(dump: DumpFile, entries: tuple[Entry, ...], rows: dict[int, int]) -> dict[str, object]:
    is_folder = dump.path.is_dir()
    files = dump.path.iterdir() if is_folder else [dump.path]
    return {
        "path": str(dump.path),
        "form": dump.form,
        "bytes": sum(file.stat().st_size for file in files),
        "objects": dict(Counter(entry.kind for entry in entries if entry.kind not in _NO_OBJECTS)),
        "tables": [
            {"schema": entry.schema, "name": entry.tag, "rows": rows.get(entry.dump_id)}
            for entry in entries
            if entry.kind == "TABLE DATA"
        ],
    }


def _print_dump(dump: dict[str, object]) -> None:
    click.echo(f"{dump['path']}: {dump['form']}, {size(int(str(dump['bytes'])))}, {dump['compression']}")
    database = f"database {dump['database']} of " if dump.get("database") else ""
    click.echo(f"Of        {database}PostgreSQL {dump['server_version']}, by pg_dump {dump['dump_version']}")
    if dump.get("created"):
        click.echo(f"Made      {dump['created']}")
    click.echo(f"Encoding  {dump['encoding']}")
    objects, tables = dump["objects"], dump["tables"]
    if isinstance(objects, dict):
        click.echo("Objects   " + ", ".join(f"{count:,} {kind}" for kind, count in sorted(objects.items())))
    if isinstance(tables, list):
        for table in tables[:_MOST_TABLES]:
            rows = "" if table["rows"] is None else f"  {table['rows']:,} rows"
            click.echo(f"          {table['schema']}.{table['name']}{rows}")
        if len(tables) > _MOST_TABLES:
            click.echo(f"          … and {len(tables) - _MOST_TABLES:,} tables more")
