"""`holdfast run-due`: what the window does each minute, for cron and systemd timers."""

from __future__ import annotations

from typing import Any

import click

from app.cli import Exit
from app.cli.console import error_object, print_json, run_operation
from app.cli.options import json_option
from app.cli.report import backup_object, print_backup
from app.domain.errors import AppError
from app.domain.schedule import Schedule
from app.services import Services, build_services


@click.command()
@json_option
def run_due(as_json: bool) -> Exit:
    """Run every schedule that is due, one after the other; does nothing when none is.

    The window and this never run the same slot twice. Exit status 1: an attempt failed; it is tried again
    after 1, 5, 15 and 60 minutes, whenever this is called then.
    """
    services = build_services()
    status = Exit.DONE
    runs: list[dict[str, Any]] = []
    for run in services.due_runs():
        about: dict[str, Any] = {"schedule": run.schedule.id, "project": run.schedule.project}
        if run.waiting:
            words = ", ".join(reason.value.replace("-", " ") for reason in run.waiting)
            if not as_json:
                click.echo(f"{run.schedule.project}: waiting ({words})")
            runs.append(about | {"waiting": run.waiting})
            continue
        try:
            runs.append(about | _run(services, run.schedule, as_json=as_json))
        except AppError as error:
            status = Exit.FAILED
            if not as_json:
                click.secho(f"{run.schedule.project}: {error}", fg="red", err=True)
            runs.append(about | {"error": error_object(error)})
    if as_json:
        print_json({"runs": runs})
    return status


def _run(services: Services, schedule: Schedule, *, as_json: bool) -> dict[str, Any]:
    done = run_operation(
        lambda cancel, listener: services.run_schedule(schedule, cancel, listener), quiet=as_json
    )
    if done is None:
        return {"skipped": True}
    if not as_json:
        print_backup(done)
    return backup_object(done)
