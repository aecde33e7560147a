"""`holdfast inspect`: what a dump or a backup holds, without a server."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from app.cli import Exit
from app.cli.console import error_object, print_json, run_operation, shown
from app.cli.inspect_text import contents_object, print_contents, print_rows, print_tree
from app.cli.options import json_option
from app.domain.errors import AppError
from app.domain.events import Listener
from app.engine.restore.first_rows import ROWS, TableAt, first_rows
from app.engine.restore.sources import Inspected, inspect_sources
from app.system.cancellation import CancelToken


@click.command()
@click.argument("sources", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--tree", is_flag=True, help="List all objects by schema and kind.")
@click.option(
    "--rows", "table", metavar="[SCHEMA.]TABLE", help="Show the first rows of a table, nothing else."
)
@click.option("--limit", type=click.IntRange(1, 10_000), default=ROWS, show_default=True, help="How many.")
@click.option("--database", default="", metavar="NAME", help="Which database of a whole server's dump.")
@json_option
def inspect(
    sources: tuple[Path, ...], tree: bool, table: str | None, limit: int, database: str, as_json: bool
) -> Exit:
    """Say what each SOURCE is and holds: a backup of Holdfast, any dump of PostgreSQL, or SQL files."""
    with tempfile.TemporaryDirectory(prefix="holdfast-inspect-") as folder:
        workspace = Path(folder)
        if table is not None:
            return _show_rows(sources, table, limit, database, workspace, as_json=as_json)
        return _show_contents(sources, database, workspace, with_tree=tree, as_json=as_json)


def _show_contents(
    sources: tuple[Path, ...], database: str, workspace: Path, *, with_tree: bool, as_json: bool
) -> Exit:
    def work(cancel: CancelToken, _: Listener) -> list[Inspected]:
        return list(inspect_sources(sources, workspace, cancel, database=database))

    objects = []
    status = Exit.DONE
    for number, one in enumerate(run_operation(work, quiet=True)):
        if isinstance(one.found, AppError):
            status = Exit.FAILED
            objects.append(_failed(one.paths, one.found, as_json=as_json))
            continue
        if not one.found.is_complete:
            status = Exit.FAILED
        if as_json:
            objects.append(contents_object(one.found, with_tree=with_tree))
            continue
        if number:
            click.echo()
        print_contents(one.found, briefly=with_tree)
        if with_tree:
            print_tree(one.found.tree())
    if as_json:
        print_json({"sources": objects})
    return status


def _show_rows(
    sources: tuple[Path, ...], table: str, limit: int, database: str, workspace: Path, *, as_json: bool
) -> Exit:
    def work(cancel: CancelToken, _: Listener) -> list[TableAt]:
        return list(first_rows(sources, table, workspace, cancel, limit=limit, database=database))

    objects: list[dict[str, Any]] = []
    status = Exit.DONE
    for one in run_operation(work, quiet=True):
        if isinstance(one.found, AppError):
            status = Exit.FAILED
            objects.append(_failed((one.path,), one.found, as_json=as_json))
        elif as_json:
            objects.append({"paths": (one.path,), "rows": one.found})
        else:
            print_rows(one.found)
    if as_json:
        print_json({"sources": objects})
    return status


def _failed(paths: Iterable[Path], error: AppError, *, as_json: bool) -> dict[str, Any]:
    if not as_json:
        names = ", ".join(map(str, paths))
        click.secho(shown(f"{names}: {error.title}"), fg="red", bold=True, err=True)
        for text in (*error.detail.splitlines(), *error.hint.splitlines()):
            click.echo(f"{'':9} {shown(text)}", err=True)
    return {"paths": tuple(paths), "error": error_object(error)}
