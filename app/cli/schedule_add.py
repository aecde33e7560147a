"""`holdfast schedules add`: have a project backed up by itself."""

from __future__ import annotations

import os
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from app.cli import Exit
from app.cli.backup_options import backup_options, wanted_options
from app.cli.console import print_json, shown, size
from app.cli.options import json_option
from app.cli.plain_words import read_clock, read_size
from app.cli.schedule_text import schedule_sentence, slot_line
from app.domain.errors import AppError, ErrorCode
from app.domain.retention import RetentionPlan, RetentionRules
from app.domain.schedule import Conditions, Every, Preset, Schedule
from app.domain.slots import Slot, next_slots
from app.persistence.schedules import add_schedule, find_schedule
from app.persistence.settings import settings_path
from app.services import build_services
from app.system.autostart import starts_at_login
from app.system.time_zone import local_zone_name
from app.system.timers import has_timer

_WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_USUAL_CLOCK = "02:30"
_SHOWN = 3


@click.command()
@click.option("--project", required=True, metavar="NAME", help="The project that is backed up.")
@click.option("--name", default="", help="What you call the schedule.")
@click.option("--cron", metavar="EXPR", help="Minute, hour, day, month, weekday, as in crontab(5).")
@click.option("--every", type=click.Choice([item.value for item in Every]), help="Instead of --cron.")
@click.option(
    "--at", metavar="HH:MM", help=f"With --every; by default {_USUAL_CLOCK}. For an hour :MM, by default :00."
)
@click.option("--on", metavar="DAY", help="With a week a weekday (Sunday), with a month 1 to 28 or last (1).")
@click.option("--zone", metavar="ZONE", help="As Europe/Berlin; by default this computer's.")
@click.option("--to", "destination", metavar="DIR", help="The folder; by default that of the settings.")
@backup_options
@click.option("--keep-last", "last", type=int, default=0, metavar="N", help="Keep the last N.")
@click.option("--keep-hourly", "hourly", type=int, default=0, metavar="N", help="And one of each of N hours.")
@click.option("--keep-daily", "daily", type=int, default=0, metavar="N")
@click.option("--keep-weekly", "weekly", type=int, default=0, metavar="N")
@click.option("--keep-monthly", "monthly", type=int, default=0, metavar="N")
@click.option("--keep-yearly", "yearly", type=int, default=0, metavar="N")
@click.option(
    "--keep-days", "max_age_days", type=int, default=0, metavar="N", help="Keep none that is older."
)
@click.option("--max-size", metavar="SIZE", help="Keep no more than so much, as 50GB.")
@click.option("--trash", is_flag=True, help="Move what is not kept to the trash; otherwise it goes for good.")
@click.option("--only-on-mains", is_flag=True, help="Wait while the computer runs on its battery.")
@click.option("--not-metered", is_flag=True, help="Wait while the network is paid by volume.")
@click.option("--only-when-reachable", is_flag=True, help="Wait while the server does not answer.")
@click.option(
    "--jitter", type=click.IntRange(0, 60), default=0, metavar="MINUTES", help="Start later by up to so much."
)
@json_option
def add(
    project: str,
    name: str,
    cron: str | None,
    every: str | None,
    at: str | None,
    on: str | None,
    zone: str | None,
    destination: str | None,
    max_size: str | None,
    trash: bool,
    only_on_mains: bool,
    not_metered: bool,
    only_when_reachable: bool,
    jitter: int,
    as_json: bool,
    **others: Any,
) -> Exit:
    """Back a project up by itself. Backups run while the window does, or by “holdfast schedules install”."""
    numbers = {key: others.pop(key) for key in RetentionRules.__dataclass_fields__ if key in others}
    now = datetime.now(UTC)
    schedule = Schedule(
        uuid.uuid4().hex,
        project,
        _rhythm(cron, every, at, on),
        zone or _own_zone(),
        now,
        name=name,
        options=wanted_options(**others),
        destination=os.path.abspath(destination) if destination else "",  # noqa: PTH100 - keeps links
        conditions=Conditions(only_on_mains, not_metered, only_when_reachable),
        jitter_seconds=jitter * 60,
        retention=RetentionRules(**numbers, max_total_bytes=read_size(max_size) if max_size else 0),
        trash=trash,
    )
    add_schedule(settings_path(), schedule)
    services = build_services()
    schedule = find_schedule(services.settings, schedule.id)
    slots, plan = next_slots(schedule, now, _SHOWN), services.retention_plan(schedule)
    if as_json:
        print_json(
            {
                "schedule": schedule,
                "sentence": schedule_sentence(schedule),
                "next": slots,
                "removes_now": plan.removed,
                "removes_now_bytes": plan.removed_bytes,
            }
        )
        return Exit.DONE
    _tell(schedule, slots, plan)
    folder = Path(schedule.destination) if schedule.destination else services.settings.destination_folder
    if schedule.destination and not folder.is_dir():
        waits = f"{shown(str(folder))} is not there now; the schedule waits for it."
        click.secho(waits, fg="yellow", err=True)
    if not has_timer() and not starts_at_login():
        click.echo(
            "It is run while the window is open: “holdfast schedules install” has it run always.", err=True
        )
    return Exit.DONE


def _tell(schedule: Schedule, slots: tuple[Slot, ...], plan: RetentionPlan) -> None:
    click.echo(f"{shown(schedule.project)}: {schedule_sentence(schedule)}")
    click.echo(f"Schedule  {schedule.id}")
    for slot in slots:
        click.echo(f"Next      {slot_line(slot)}")
    if plan.removed:
        click.echo(f"Removes   {len(plan.removed):,} backups ({size(plan.removed_bytes)}) after the next one")
    else:
        click.echo("Removes   nothing now")


def _rhythm(cron: str | None, every: str | None, at: str | None, on: str | None) -> str:
    """The cron expression of `--cron`, or of `--every` and what goes with it."""
    if bool(cron) == bool(every):
        raise _invalid("Say when: with either --cron or --every")
    if cron:
        if at or on:
            raise _invalid("--at and --on go with --every; a cron expression says all by itself")
        return cron
    kind = Every(every or "")
    if kind is Every.HOUR:
        if on:
            raise _invalid("--on goes with --every week or month")
        if at and not at.startswith(":"):
            raise _invalid(f"“{at}” is no minute of an hour", "Write it as :15.")
        return Preset(kind, minute=read_clock(f"00{at or ':00'}")[1]).cron
    hour, minute = read_clock(at or _USUAL_CLOCK)
    if kind is Every.WEEK:
        return Preset(kind, minute, hour, weekday=_weekday(on or "sunday")).cron
    if kind is Every.MONTH:
        return Preset(kind, minute, hour, day=_day(on or "1")).cron
    if on:
        raise _invalid("--on goes with --every week or month")
    return Preset(kind, minute, hour).cron


def _weekday(text: str) -> int:
    found = [number for number, day in enumerate(_WEEKDAYS) if len(text) > 1 and day.startswith(text.lower())]
    if len(found) != 1:
        raise _invalid(f"“{text}” is no weekday", "Write it as Monday or mon.")
    return found[0]


def _day(text: str) -> int:
    if text.lower() == "last":
        return 0
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 28:
        raise _invalid(
            f"“{text}” is not in every month", "Take 1 to 28, or last; a cron expression can say more."
        )
    return int(text)


def _own_zone() -> str:
    found = local_zone_name()
    if found is None:
        raise _invalid("This computer does not tell its time zone", "Name it: --zone Europe/Berlin.")
    return found


def _invalid(problem: str, hint: str = "") -> AppError:
    return AppError(ErrorCode.INVALID_INPUT, problem, hint=hint)
