"""`holdfast schedules`: what is backed up by itself, how that stands, and what runs it without the window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from app.cli import Exit
from app.cli.console import print_json, shown
from app.cli.options import json_option
from app.cli.plain_words import read_moment, read_span
from app.cli.schedule_add import add
from app.cli.schedule_text import HELD, schedule_sentence, slot_line, standing, state_word, title
from app.cli.schedule_timer import install, uninstall
from app.domain.errors import AppError, ErrorCode
from app.domain.health import ScheduleHealth
from app.domain.history import Entry
from app.domain.schedule import Schedule
from app.domain.slots import next_slots
from app.persistence.schedules import pause_all, remove_schedule, replace_schedule, schedule_called
from app.persistence.settings import load_settings, settings_path
from app.services import build_services

_RECENT = timedelta(days=7)
_HISTORY = timedelta(days=400)
_MOST_HELD = 5

schedule_argument = click.argument("schedule", metavar="ID|PROJECT")


@click.group()
def schedules() -> None:
    """Add, list, pause and remove schedules, and have them run without the window."""


schedules.add_command(add)
schedules.add_command(install)
schedules.add_command(uninstall)


@schedules.command(name="list")
@json_option
def list_(as_json: bool) -> Exit:
    """List all schedules: when they come, what came of the last slot, how they stand."""
    from app.engine.scheduler import is_running

    services = build_services()
    now = datetime.now(UTC)
    told: list[dict[str, Any]] = []
    for health in services.schedule_healths():
        schedule, running = health.schedule, is_running(health.schedule)
        runs = services.catalog.runs_of(schedule.id, now - _HISTORY)
        last = max(runs, key=lambda entry: entry.started, default=None)
        held = services.catalog.holds_of(schedule.id, now - _RECENT)[-_MOST_HELD:]
        told.append(_object(health, last, running=running) | {"held": held})
        if not as_json:
            click.echo(f"{schedule.id[:8]}  {shown(title(schedule))}: {schedule_sentence(schedule)}")
            colour = "red" if health.overdue_since else None
            click.secho(f"          {standing(health, is_running=running)}", fg=colour)
            if last is not None:
                click.echo(f"          last {_result(last)}")
            for one in held:
                span = f"{one.since:%Y-%m-%d %H:%M} to {one.until:%Y-%m-%d %H:%M} UTC"
                click.echo(f"          {HELD[one.reason]} {span}")
    if as_json:
        print_json({"schedules": told, "paused_until": services.settings.paused_until})
    elif not told:
        click.echo("There are no schedules yet: “holdfast schedules add” makes one.")
    return Exit.DONE


def _object(health: ScheduleHealth, last: Entry | None, *, running: bool) -> dict[str, Any]:
    due = health.due
    return {
        "schedule": health.schedule,
        "sentence": schedule_sentence(health.schedule),
        "state": state_word(health, is_running=running),
        "slot": due.slot,
        "attempt": due.attempt,
        "next": due.at,
        "waiting": health.waiting,
        "overdue_since": health.overdue_since,
        "last": last,
    }


def _result(last: Entry) -> str:
    proof = "proof failed" if last.proof_failure else last.proof_level or ""
    what = shown(f"{proof or last.error_title}")
    return f"{last.started:%Y-%m-%d %H:%M} UTC: {last.result}{f', {what}' if what else ''}"


@schedules.command()
@schedule_argument
def remove(schedule: str) -> Exit:
    """Forget a schedule. Its backups stay."""
    found = remove_schedule(settings_path(), _called(schedule).id)
    click.echo(f"Removed the schedule of {shown(title(found))}. Its backups stay where they are.")
    return Exit.DONE


@schedules.command()
@schedule_argument
def enable(schedule: str) -> Exit:
    """Switch a schedule on. Slots that came while it was off are not made good."""
    found = _called(schedule)
    replace_schedule(settings_path(), replace(found, enabled=True), datetime.now(UTC))
    click.echo(f"{shown(title(found))} is on: {schedule_sentence(found)}")
    return Exit.DONE


@schedules.command()
@schedule_argument
def disable(schedule: str) -> Exit:
    """Switch a schedule off until it is switched on again."""
    found = _called(schedule)
    replace_schedule(settings_path(), replace(found, enabled=False), datetime.now(UTC))
    click.echo(f"{shown(title(found))} is off.")
    return Exit.DONE


@schedules.command()
@click.argument("schedule", metavar="[ID|PROJECT]", required=False)
@click.option("--until", metavar="TIME", help="As 18:00, 2026-12-24 or “2026-12-24 18:00”.")
@click.option("--for", "span", metavar="DURATION", help="As 30m, 2h, 3d or 1w.")
def pause(schedule: str | None, until: str | None, span: str | None) -> Exit:
    """Start nothing before a time: of one schedule, or of all. One run makes good for what was missed."""
    if bool(until) == bool(span):
        raise AppError(
            ErrorCode.INVALID_INPUT,
            "Say for how long: with either --until or --for",
            hint="“holdfast schedules disable” is without an end.",
        )
    now = datetime.now(UTC)
    try:
        end = read_moment(until, now) if until else now + read_span(span or "")
    except OverflowError as error:
        raise AppError(ErrorCode.INVALID_INPUT, f"“{span}” is too long") from error
    _pause(schedule, end)
    what = shown(title(_called(schedule))) if schedule else "Every schedule"
    click.echo(f"{what} is paused until {end.astimezone():%a %d %b %Y %H:%M}.")
    return Exit.DONE


@schedules.command()
@click.argument("schedule", metavar="[ID|PROJECT]", required=False)
def resume(schedule: str | None) -> Exit:
    """End the pause of one schedule, or the pause of all."""
    _pause(schedule, None)
    click.echo("Resumed.")
    return Exit.DONE


def _pause(schedule: str | None, until: datetime | None) -> None:
    if schedule is None:
        pause_all(settings_path(), until)
        return
    found = _called(schedule)
    replace_schedule(settings_path(), replace(found, paused_until=until), datetime.now(UTC))


@schedules.command(name="next")
@click.argument("schedule", metavar="[ID|PROJECT]", required=False)
@click.option("--count", type=click.IntRange(1, 1000), default=5, show_default=True, help="So many of each.")
@json_option
def next_(schedule: str | None, count: int, as_json: bool) -> Exit:
    """Tell when one schedule comes, or each, and what clock changes do to it."""
    settings = load_settings(settings_path())
    chosen: Sequence[Schedule] = [_called(schedule)] if schedule else settings.schedules
    now = datetime.now(UTC)
    told = []
    for one in chosen:
        slots = next_slots(one, now, count)
        told.append({"schedule": one.id, "project": one.project, "zone": one.zone, "slots": slots})
        if not as_json:
            off = "" if one.enabled else " (off)"
            click.echo(f"{shown(title(one))}, {one.zone}{off}")
            for slot in slots:
                click.echo(f"  {slot_line(slot)}")
    if as_json:
        print_json({"schedules": told})
    return Exit.DONE


def _called(name: str) -> Schedule:
    return schedule_called(load_settings(settings_path()), name)
