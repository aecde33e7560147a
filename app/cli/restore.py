"""`holdfast restore`: put any dump into a database, after showing what that would do."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path

import click

from app.cli import Exit
from app.cli.console import error_object, print_json, run_operation
from app.cli.options import json_option
from app.cli.restore_parts import give_back, parts_target, print_restored, wanted_parts
from app.cli.restore_text import print_plan, print_report
from app.cli.signals import interrupted_by_signals
from app.domain.backup import Backup, Contents
from app.domain.errors import AppError, ErrorCode
from app.domain.restore import RestoreOptions, RestorePlan, RestoreReport, RestoreResult
from app.engine.parts.restoring import Target
from app.engine.restore.job import RestoreTarget, open_job, refusal
from app.persistence.settings import find_project
from app.postgres.connection import parse_connection
from app.services import Services, build_services
from app.system.files import make_folder


@click.command()
@click.argument("sources", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--into", "url", metavar="URL", help="An existing database; the string may hold a password.")
@click.option("--project", metavar="NAME", help="The database of a project.")
@click.option("--new-database", metavar="NAME", help="A database to be made on the server of --on.")
@click.option("--on", "server", metavar="URL", help="Any database of the server for --new-database.")
@click.option("--sandbox", is_flag=True, help="A throwaway server: tries the restore, keeps nothing.")
@click.option("--only", multiple=True, metavar="SCHEMA[.TABLE]", help="Only these, and what they need.")
@click.option(
    "--what",
    type=click.Choice([item.value for item in Contents]),
    default=Contents.ALL.value,
    show_default=True,
)
@click.option("--database", default="", metavar="NAME", help="Which database of a whole server's dump.")
@click.option("--clean", is_flag=True, help="Drop what is in the way first.")
@click.option("--no-owner", is_flag=True, help="Everything belongs to whoever restores.")
@click.option("--no-privileges", is_flag=True, help="Leave out GRANT and REVOKE.")
@click.option(
    "--jobs",
    type=click.IntRange(1, 64),
    help="Sessions. More than one with --into goes on after errors instead of undoing everything.",
)
@click.option("--allow-server-access", is_flag=True, help="Allow SQL that runs programs on the server.")
@click.option("--storage", is_flag=True, help="Supabase: give back storage files, too.")
@click.option("--functions", is_flag=True, help="Supabase: deploy edge functions, too.")
@click.option(
    "--no-database", is_flag=True, help="Leave the database as it is: --storage, --functions alone."
)
@click.option("--plan", "plan_only", is_flag=True, help="Show what would be done, and stop.")
@click.option("--no-safety-backup", is_flag=True, help="Do not back up a target that holds rows first.")
@click.option("--yes", is_flag=True, help="Do not ask for the name of a target that holds rows.")
@json_option
def restore(
    sources: tuple[Path, ...],
    url: str | None,
    project: str | None,
    new_database: str | None,
    server: str | None,
    sandbox: bool,
    only: tuple[str, ...],
    what: str,
    database: str,
    clean: bool,
    no_owner: bool,
    no_privileges: bool,
    jobs: int | None,
    allow_server_access: bool,
    storage: bool,
    functions: bool,
    no_database: bool,
    plan_only: bool,
    no_safety_backup: bool,
    yes: bool,
    as_json: bool,
) -> Exit:
    """Restore SOURCE: a backup of Holdfast, any dump of PostgreSQL, or SQL files that belong together."""
    options = RestoreOptions(
        only=only,
        contents=Contents(what),
        clean=clean,
        owner=not no_owner,
        privileges=not no_privileges,
        jobs=jobs,
        safety_backup=not no_safety_backup and not sandbox,
        server_access=allow_server_access,
        database=database,
    )
    services = build_services()
    with ExitStack() as stack:
        stack.enter_context(interrupted_by_signals())
        _check_targets(url, project, new_database, server, sandbox=sandbox)
        if sandbox:
            from app.engine.restore.sandbox_copy import sandbox_target  # it takes long to import

            target = stack.enter_context(sandbox_target(sources, database, services.installations))
        else:
            target = _target(services, url, project, new_database, server)
        names = wanted_parts(storage=storage, functions=functions)
        parts = _parts(services, sources, project, None if sandbox or new_database else target, names)
        if no_database:
            return _parts_alone(names, parts, yes=yes, as_json=as_json)
        job = stack.enter_context(open_job(sources, target, options, services.installations))
        plan = run_operation(job.plan, quiet=as_json)
        if plan_only:
            if as_json:
                print_json({"plan": plan})
            else:
                print_plan(plan)
            return Exit.FAILED if plan.blocking else Exit.DONE
        if not as_json:
            print_plan(plan, briefly=True)
        if plan.blocking:
            _print_refusal(plan, as_json=as_json)
            return Exit.FAILED
        _confirm(plan, yes=yes or sandbox)
        if plan.makes_safety_backup:
            make_folder(services.settings.destination_folder)
        report = run_operation(
            lambda cancel, listener: services.restore(
                job, target.connection, project or "", cancel, listener
            ),
            quiet=as_json,
        )
        return _finish(plan, report, names, parts, as_json=as_json)


def _parts(
    services: Services,
    sources: tuple[Path, ...],
    project: str | None,
    target: RestoreTarget | None,
    names: tuple[str, ...],
) -> tuple[Backup, Target] | None:
    if not names:
        return None
    return parts_target(services, sources, project or "", target.connection if target else None)


def _finish(
    plan: RestorePlan,
    report: RestoreReport,
    names: tuple[str, ...],
    parts: tuple[Backup, Target] | None,
    *,
    as_json: bool,
) -> Exit:
    """Tell what came of the database, and after a success give back the parts beside it."""
    if not as_json:
        print_report(report)
    succeeded = report.result is RestoreResult.SUCCEEDED
    restored = give_back(names, *parts, quiet=as_json) if parts and succeeded else ()
    if as_json:
        print_json({"plan": plan, "report": report} | ({"parts": restored} if parts else {}))
    else:
        print_restored(restored)
    if report.result is RestoreResult.CANCELLED:
        return Exit.CANCELLED
    return Exit.DONE if succeeded and not any(part.left_out for part in restored) else Exit.FAILED


def _parts_alone(
    names: tuple[str, ...], parts: tuple[Backup, Target] | None, *, yes: bool, as_json: bool
) -> Exit:
    if parts is None:
        raise AppError(ErrorCode.INVALID_INPUT, "--no-database needs --storage or --functions")
    if not yes:
        what = "Files and functions of the same names are replaced there"
        if not sys.stdin.isatty():
            raise AppError(ErrorCode.INVALID_INPUT, what, hint="Add --yes if that is meant.")
        click.confirm(f"{what}. Go on?", abort=True, err=True)
    restored = give_back(names, *parts, quiet=as_json)
    if as_json:
        print_json({"parts": restored})
    else:
        print_restored(restored)
    return Exit.FAILED if any(part.left_out for part in restored) else Exit.DONE


def _check_targets(
    url: str | None, project: str | None, new_database: str | None, server: str | None, *, sandbox: bool
) -> None:
    if sum(map(bool, (url, project, new_database, sandbox))) != 1:
        raise AppError(
            ErrorCode.INVALID_INPUT,
            "Name one target: --into, --project, --new-database with --on, or --sandbox",
        )
    if bool(new_database) != bool(server):
        raise AppError(ErrorCode.INVALID_INPUT, "--new-database and --on belong together")


def _target(
    services: Services, url: str | None, project: str | None, new_database: str | None, server: str | None
) -> RestoreTarget:
    if new_database:
        return RestoreTarget(parse_connection(server or ""), new_database)
    if project:
        return RestoreTarget(services.connection_of(find_project(services.settings, project)))
    return RestoreTarget(parse_connection(url or ""))


def _print_refusal(plan: RestorePlan, *, as_json: bool) -> None:
    if as_json:
        print_json({"plan": plan, "error": error_object(refusal(plan))})
    else:
        click.echo("Result    nothing was changed")


def _confirm(plan: RestorePlan, *, yes: bool) -> None:
    """Let the name of a target that holds rows be typed."""
    if yes or not plan.has_data:
        return
    if not sys.stdin.isatty():
        raise AppError(
            ErrorCode.INVALID_INPUT,
            f"The database {plan.database} holds rows, and nobody is here to confirm",
            hint="Look at the plan with --plan, then add --yes.",
        )
    typed = click.prompt(f"{plan.target} holds rows. Type {plan.database} to restore into it", err=True)
    if typed.strip() != plan.database:
        raise click.Abort
