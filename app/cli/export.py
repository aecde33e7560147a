"""`holdfast export`: a backup as one file, or as the three scripts of Supabase's command line."""

from __future__ import annotations

from pathlib import Path

import click

from app.cli import Exit
from app.cli.console import print_json, run_operation, shown, size
from app.cli.options import backup_at, json_option
from app.domain.errors import AppError, ErrorCode
from app.services import build_services


@click.command()
@click.argument("backup", type=click.Path(path_type=Path))
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--supabase-sql",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Write roles.sql, schema.sql and data.sql there, as “supabase db dump” does.",
)
@click.option("--replace", "replaces", is_flag=True, help="Write over what is there.")
@json_option
def export(backup: Path, file: Path | None, folder: Path | None, replaces: bool, as_json: bool) -> Exit:
    """Write BACKUP into FILE, which ends in .tar or .zip, or with --supabase-sql as scripts for psql.

    Nothing in it is changed: “holdfast restore” takes either.
    """
    if (file is None) == (folder is None):
        raise AppError(ErrorCode.INVALID_INPUT, "Name either a FILE or a folder with --supabase-sql")
    found = backup_at(backup)
    if file is not None:
        from app.engine.export import export_backup

        target = file.absolute()
        run_operation(
            lambda cancel, listener: export_backup(found, target, cancel, listener, replace=replaces),
            quiet=as_json,
        )
        if as_json:
            print_json({"files": [target]})
        else:
            click.echo(f"Wrote {shown(str(target))} ({size(target.stat().st_size)})")
        return Exit.DONE
    from app.engine.supabase_sql import write_supabase_sql

    place = (folder or Path()).absolute()
    installations = build_services().installations
    written = run_operation(
        lambda cancel, listener: write_supabase_sql(
            found, place, installations, cancel, listener, replaces=replaces
        ),
        quiet=as_json,
    )
    if as_json:
        print_json(written)
        return Exit.DONE
    for path in written.files:
        click.echo(f"Wrote {shown(str(path))} ({size(path.stat().st_size)})")
    for text in written.left_out:
        click.secho(f"Left out: {shown(text)}", fg="yellow")
    for note in written.notes:
        click.echo(shown(note))
    return Exit.DONE
