"""`holdfast run-due`: what the window does each minute, for cron and systemd timers."""

from __future__ import annotations

import logging
import sys
from dataclasses import replace
from typing import Any

import click

from app.cli import Exit
from app.cli.console import error_object, print_json, run_operation, shown
from app.cli.options import json_option
from app.cli.report import backup_object, print_backup
from app.cli.schedule_text import WAITING, title
from app.domain.backup import Backup
from app.domain.errors import AppError
from app.domain.events import Event, Listener, Notice
from app.domain.schedule import Schedule
from app.engine.scheduler import ScheduledRun, room_for_one
from app.persistence.settings import load_settings, settings_path
from app.services import Services, build_services
from app.system.cancellation import CancelToken
from app.system.log import note_failure

_log = logging.getLogger(__name__)


@click.command()
@click.option(
    "--once", is_flag=True, help="Run one schedule at most, and leave others that are due to the next call."
)
@json_option
def run_due(once: bool, as_json: bool) -> Exit:
    """Run every schedule that is due, one after the other, and end; does nothing when none is.

    Call it each minute: “holdfast schedules install” has the system do so. The window and this never run
    the same slot twice, and no more than two calls work at once. Exit status 1: an attempt failed; it is
    tried again after 1, 5, 15 and 60 minutes, whenever this is called then. 3: a backup was made, and its
    proof failed.
    """
    with room_for_one() as has_room:
        status, runs = _run_all(once=once, as_json=as_json) if has_room else (Exit.DONE, [])
    if as_json:
        print_json({"runs": runs, "busy": not has_room})
    return status


def _run_all(*, once: bool, as_json: bool) -> tuple[Exit, list[dict[str, Any]]]:
    """Run what is due until nothing is; each schedule is tried once."""
    services = build_services()
    statuses = {Exit.DONE}
    told: dict[str, dict[str, Any]] = {}
    while True:
        found = services.due_runs()
        run = next((one for one in found if not one.waiting and one.schedule.id not in told), None)
        if run is None:
            break
        status, outcome = _run(services, run.schedule, as_json=as_json)
        statuses.add(status)
        told[run.schedule.id] = _about(run.schedule) | outcome
        if once and "skipped" not in outcome:
            break
        services = replace(services, settings=load_settings(settings_path()))  # hours may have passed
    for one in found:
        if one.waiting and one.schedule.id not in told:
            told[one.schedule.id] = _about(one.schedule) | _waiting(one, as_json=as_json)
    worst = next(status for status in (Exit.FAILED, Exit.PROOF_FAILED, Exit.DONE) if status in statuses)
    return worst, list(told.values())


def _has_terminal() -> bool:
    """A task of Windows has no standard error at all."""
    return bool(sys.stderr) and sys.stderr.isatty()


def _about(schedule: Schedule) -> dict[str, Any]:
    return {"schedule": schedule.id, "project": schedule.project}


def _waiting(run: ScheduledRun, *, as_json: bool) -> dict[str, Any]:
    if not as_json:
        words = " and ".join(WAITING[reason] for reason in run.waiting)
        click.echo(f"{shown(title(run.schedule))} waits for {words}.")
    return {"slot": run.due.slot, "waiting": run.waiting}


def _run(services: Services, schedule: Schedule, *, as_json: bool) -> tuple[Exit, dict[str, Any]]:
    notices: list[str] = []

    def work(cancel: CancelToken, listener: Listener) -> Backup | None:
        def hear(event: Event) -> None:
            if isinstance(event, Notice):
                notices.append(event.text)
            listener(event)

        return services.run_schedule(schedule, cancel, hear)

    _log.info("backup of %s on schedule %s: started", schedule.project, schedule.id)
    try:  # cron would mail each line, so that phases are for a terminal alone
        done = run_operation(work, quiet=as_json or not _has_terminal())
    except AppError as error:
        note_failure(error, f"schedule {schedule.id}")
        if not as_json:
            click.secho(f"{shown(title(schedule))}: {shown(str(error))}", fg="red", err=True)
        return Exit.FAILED, {"error": error_object(error), "notices": notices}
    _log.info("schedule %s: %s", schedule.id, "done" if done else "nothing is due any more")
    if done is None:
        return Exit.DONE, {"skipped": True, "notices": notices}
    if not as_json:
        print_backup(done)
    status = Exit.PROOF_FAILED if done.manifest.proof.has_failed else Exit.DONE
    return status, backup_object(done) | {"notices": notices}
