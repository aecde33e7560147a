"""`holdfast prune`: remove the backups that the rules of schedules do not keep, or show which these are."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import click

from app.cli import Exit
from app.cli.console import error_object, print_json, run_operation, shown, size
from app.cli.options import json_option
from app.cli.schedule_text import KEPT, REMOVED, schedule_sentence, title
from app.domain.history import Entry
from app.domain.retention import RetentionPlan
from app.domain.schedule import Schedule
from app.engine.retention import Pruned
from app.persistence.settings import find_project
from app.services import Services, build_services


@click.command()
@click.option("--project", metavar="NAME", help="Only this project's schedules.")
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")
@click.option("--trash/--for-good", default=None, help="Where to; by default as each schedule says.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def prune(project: str | None, dry_run: bool, trash: bool | None, yes: bool, as_json: bool) -> Exit:
    """Remove what the rules of schedules do not keep, as it is done after each scheduled backup.

    Pinned backups stay, the newest good one and the newest of the best proven ones, whatever the rules say;
    and all that was made by hand. Exit status 1: some could not be removed; they are whole.
    """
    services = build_services()
    chosen = [
        schedule if trash is None else replace(schedule, trash=trash)
        for schedule in services.settings.schedules
        if project is None or schedule.project == find_project(services.settings, project).name
    ]
    plans = [(schedule, services.retention_plan(schedule)) for schedule in chosen]
    if not as_json:
        for schedule, plan in plans:
            _print_plan(schedule, plan)
        if not plans:
            click.echo("No schedule, no rules: nothing is ever removed.")
    count = sum(len(plan.removed) for _, plan in plans)
    if not dry_run and count and not yes and sys.stdin.isatty():
        where = "to the trash" if all(schedule.trash for schedule in chosen) else "for good"
        click.confirm(f"Remove {count:,} backup{'s' if count > 1 else ''} {where}?", abort=True, err=True)
    told = []
    failed = False
    for schedule, plan in plans:
        done = None if dry_run else _carry_out(services, schedule, as_json=as_json)
        failed = failed or bool(done and done.problems)
        told.append(_object(schedule, plan, done, dry_run=dry_run))
    if as_json:
        print_json({"schedules": told, "dry_run": dry_run})
    return Exit.FAILED if failed else Exit.DONE


def _carry_out(services: Services, schedule: Schedule, *, as_json: bool) -> Pruned | None:
    done = run_operation(lambda cancel, listener: services.prune(schedule, cancel, listener), quiet=as_json)
    if done is None:
        click.echo(f"{shown(title(schedule))} makes a backup now, and prunes after it.", err=True)
    return done


def _print_plan(schedule: Schedule, plan: RetentionPlan) -> None:
    click.echo(f"{shown(title(schedule))}: {schedule_sentence(schedule)}")
    for verdict in plan.verdicts:
        backup = verdict.backup
        what = f"{backup.started:%Y-%m-%d %H:%M} UTC  {size(backup.bytes):>9}"
        if verdict.removed_by is None:
            click.echo(f"  keep    {what}  {', '.join(KEPT[reason] for reason in verdict.reasons)}")
        else:
            click.echo(f"  remove  {what}  {REMOVED[verdict.removed_by]}")
    removed = (
        f"removes {len(plan.removed):,} ({size(plan.removed_bytes)})" if plan.removed else "removes none"
    )
    click.echo(f"  Keeps {len(plan.kept):,}, {removed}.")


def _object(schedule: Schedule, plan: RetentionPlan, done: Pruned | None, *, dry_run: bool) -> dict[str, Any]:
    """The plan, and what became of it: nothing in a dry run, or while the schedule makes a backup."""
    return {
        "schedule": schedule.id,
        "project": schedule.project,
        "keep": [
            _backup(one.backup) | {"reasons": one.reasons} for one in plan.verdicts if one.removed_by is None
        ],
        "remove": [_backup(one.backup) | {"rule": one.removed_by} for one in plan.verdicts if one.removed_by],
        "remove_bytes": plan.removed_bytes,
        "to": "trash" if schedule.trash else "for-good",
        "busy": done is None and not dry_run,
        "removed": [entry.id for entry in done.removed] if done else [],
        "problems": [
            _backup(entry) | {"error": error_object(error)}
            for entry, error in (done.problems if done else ())
        ],
    }


def _backup(entry: Entry) -> dict[str, Any]:
    return {"id": entry.id, "started": entry.started, "path": entry.path, "bytes": entry.bytes}
