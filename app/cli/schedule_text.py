"""Says in English what a schedule does, when it comes next, and what stands in its way."""

from __future__ import annotations

from datetime import UTC, datetime

import humanize
from cronsim import CronSim

from app.domain.due import Waiting
from app.domain.retention import RetentionRules
from app.domain.schedule import Every, Preset, Schedule, Sentence, sentence
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


def schedule_sentence(schedule: Schedule) -> str:
    """“Every day at 02:30 (Europe/Berlin), keep 7 daily, 4 weekly, 12 monthly”."""
    said = sentence(schedule)
    kept = _retention(said.retention)
    return f"{_rhythm(said)} ({said.zone})" + (f", {kept}" if kept else "")


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
