"""Says in English what a schedule does, when it comes next, and what stands in its way."""

from __future__ import annotations

from datetime import UTC, datetime

import humanize
from cronsim import CronSim

from app.domain.due import DueState, Skipped, Waiting
from app.domain.health import ScheduleHealth
from app.domain.retention import Keep, Removal, RetentionRules
from app.domain.schedule import Every, Preset, Schedule, Sentence, sentence, zone_named
from app.domain.slots import ClockChange, Slot

_ANY_MOMENT = datetime(2000, 1, 1, tzinfo=UTC)
_WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")

WAITING = {
    Waiting.FOLDER_MISSING: "the folder for backups",
    Waiting.ON_BATTERY: "mains power",
    Waiting.METERED: "a network that is not metered",
    Waiting.SERVER_UNREACHABLE: "the server to be reachable",
}
"""What is waited for: "waits for …"."""

HELD = {reason: f"waited for {words}" for reason, words in WAITING.items()} | {
    Skipped.PAUSED: "was paused",
    Skipped.CAUGHT_UP: "was missed",
}
"""What became of a slot that had no run when it came."""

KEPT = {
    Keep.PINNED: "pinned",
    Keep.BEST_PROVEN: "best proven",
    Keep.NEWEST: "newest",
    Keep.LAST: "last",
    Keep.HOURLY: "hourly",
    Keep.DAILY: "daily",
    Keep.WEEKLY: "weekly",
    Keep.MONTHLY: "monthly",
    Keep.YEARLY: "yearly",
    Keep.ALL: "within the limits",
    Keep.SAFETY: "taken before a restore",
    Keep.DOUBTFUL: "its proof failed, to be looked into",
}

REMOVED = {
    Removal.NOT_NEEDED: "no rule keeps it",
    Removal.TOO_OLD: "too old",
    Removal.TOO_LARGE: "all together are too large",
    Removal.SAFETY_EXPIRED: "taken before a restore more than 30 days ago",
    Removal.DOUBTFUL_EXPIRED: "its proof failed more than 30 days ago",
}


def schedule_sentence(schedule: Schedule) -> str:
    """“Every day at 02:30 (Europe/Berlin), keep 7 daily, 4 weekly, 12 monthly”."""
    said = sentence(schedule)
    kept = _retention(said.retention)
    return f"{_rhythm(said)} ({said.zone})" + (f", {kept}" if kept else "")


def title(schedule: Schedule) -> str:
    """“Analytics, weekly”: the project, and the schedule's own name where it has one."""
    return f"{schedule.project}, {schedule.name}" if schedule.name else schedule.project


def state_word(health: ScheduleHealth, *, is_running: bool) -> str:
    """Its state in one word, as `--json` prints it; overdue is told besides."""
    if is_running:
        return "running"
    return "waiting" if health.waiting else health.due.state.value


def standing(health: ScheduleHealth, *, is_running: bool) -> str:
    """“overdue since 23 Nov 02:30, waits for mains power”; what comes next where all is well."""
    due, zone = health.due, zone_named(health.schedule.zone)

    def at(moment: datetime | None) -> str:
        return f"{moment.astimezone(zone):%a %d %b %Y %H:%M}" if moment else "never"

    match due.state:
        case _ if is_running:
            said = "running now"
        case DueState.OFF:
            said = "off"
        case DueState.PAUSED:
            said = f"paused until {at(due.at)}"
        case DueState.RETRYING:
            said = f"attempt {due.attempt} of {at(due.slot)} follows {at(due.at)}"
        case DueState.GAVE_UP:
            said = f"gave up {at(due.slot)}, next {at(due.at)}"
        case DueState.DUE if health.waiting:
            said = f"{at(due.slot)} waits for {' and '.join(WAITING[reason] for reason in health.waiting)}"
        case DueState.DUE:
            said = f"due since {at(due.slot)}"
        case _:
            said = f"next {at(due.at)}"
    return f"overdue since {at(health.overdue_since)}, {said}" if health.overdue_since else said


def slot_line(slot: Slot) -> str:
    """“Sun 28 Mar 2027 03:00  clocks go forward, no 02:30”."""
    note = {
        None: "",
        ClockChange.SKIPPED: f"  clocks go forward, no {slot.wanted:%H:%M}",
        ClockChange.FIRST_OF_TWO: f"  clocks go back, the first {slot.local:%H:%M} of two",
        ClockChange.SECOND_OF_TWO: f"  clocks go back, the second {slot.local:%H:%M} of two",
    }[slot.change]
    return f"{slot.local:%a %d %b %Y %H:%M}{note}"


def _rhythm(said: Sentence) -> str:
    preset = said.preset
    if preset is None:
        return CronSim(said.cron, _ANY_MOMENT).explain()
    at = f"at {preset.hour:02}:{preset.minute:02}"
    match preset.every:
        case Every.HOUR:
            return f"Every hour, {_minutes(preset)}"
        case Every.DAY:
            return f"Every day {at}"
        case Every.WEEK:
            return f"Every {_WEEKDAYS[preset.weekday]} {at}"
        case Every.MONTH:
            day = f"day {preset.day}" if preset.day else "the last day"
            return f"On {day} of every month {at}"


def _minutes(preset: Preset) -> str:
    if not preset.minute:
        return "on the hour"
    return f"{preset.minute} minute{'s' if preset.minute > 1 else ''} past"


def _retention(rules: RetentionRules) -> str:
    if rules.is_off:
        return ""
    named = (
        (rules.hourly, "hourly"),
        (rules.daily, "daily"),
        (rules.weekly, "weekly"),
        (rules.monthly, "monthly"),
        (rules.yearly, "yearly"),
    )
    numbers = [f"the last {rules.last:,}"] if rules.last else []
    numbers += [f"{count:,} {word}" for count, word in named if count]
    limits = [f"none older than {rules.max_age_days:,} days"] if rules.max_age_days else []
    if rules.max_total_bytes:
        limits.append(f"at most {humanize.naturalsize(rules.max_total_bytes)}")
    return f"keep {', '.join([*(numbers or ['all']), *limits])}"
