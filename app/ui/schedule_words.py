"""Puts schedules into words: when they come, what they keep, how they stand."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QLocale

from app.domain.backup import BackupOptions, Contents
from app.domain.due import DueState, Waiting
from app.domain.proof import ProofLevel
from app.domain.retention import Removal, RetentionRules
from app.domain.schedule import Every, Preset, Schedule, Sentence, sentence
from app.domain.slots import ClockChange, Slot
from app.ui import formats
from app.ui.cron_words import cron_words, weekday
from app.ui.error_words import cause_in_language
from app.ui.widgets.badge import FAILED, OVERDUE, PAUSED, PROOF_STATUS, RUNNING, WAITING, Status

if TYPE_CHECKING:
    from app.domain.health import Cause, ScheduleHealth

translate = QCoreApplication.translate


def title(schedule: Schedule) -> str:
    """“Analytics, weekly”: the project, and the schedule's own name where it has one."""
    return f"{schedule.project}, {schedule.name}" if schedule.name else schedule.project


def in_words(schedule: Schedule) -> str:
    """“Every day at 02:30 (Europe/Berlin), keep 7 daily, 4 weekly, 12 monthly”."""
    said = sentence(schedule)
    kept = retention(said.retention)
    return f"{rhythm(said)} ({said.zone})" + (f", {kept}" if kept else "")


def rhythm(said: Sentence) -> str:
    """“On day 28 of every month at 02:30”."""
    if said.preset is None:
        return cron_words(said.cron)
    return _preset(said.preset)


def _preset(preset: Preset) -> str:
    clock = f"{preset.hour:02}:{preset.minute:02}"
    match preset.every:
        case Every.HOUR:
            if not preset.minute:
                return translate("schedule", "Every hour on the hour")
            return translate("schedule", "Every hour at minute %1").replace("%1", str(preset.minute))
        case Every.DAY:
            return translate("schedule", "Every day at %1").replace("%1", clock)
        case Every.WEEK:
            text = translate("schedule", "Every %1 at %2").replace("%1", weekday(preset.weekday))
            return text.replace("%2", clock)
        case Every.MONTH:
            if not preset.day:
                return translate("schedule", "On the last day of every month at %1").replace("%1", clock)
            text = translate("schedule", "On day %1 of every month at %2").replace("%1", str(preset.day))
            return text.replace("%2", clock)


def retention(rules: RetentionRules) -> str:
    """“keep the last 3, 7 daily, none older than 90 days”; empty where all is kept."""
    if rules.is_off:
        return ""
    parts = [
        text.replace("%1", formats.count(number))
        for number, text in (
            (rules.last, translate("schedule", "the last %1")),
            (rules.hourly, translate("schedule", "%1 hourly")),
            (rules.daily, translate("schedule", "%1 daily")),
            (rules.weekly, translate("schedule", "%1 weekly")),
            (rules.monthly, translate("schedule", "%1 monthly")),
            (rules.yearly, translate("schedule", "%1 yearly")),
        )
        if number
    ] or [translate("schedule", "all")]
    if rules.max_age_days:
        text = translate("schedule", "none older than %1 days")
        parts.append(text.replace("%1", formats.count(rules.max_age_days)))
    if rules.max_total_bytes:
        text = translate("schedule", "%1 at most")
        parts.append(text.replace("%1", formats.size(rules.max_total_bytes)))
    return translate("schedule", "keep %1").replace("%1", ", ".join(parts))


def removal(why: Removal) -> str:
    """Which rule removes a backup."""
    return {
        Removal.NOT_NEEDED: translate("schedule", "no rule keeps it"),
        Removal.TOO_OLD: translate("schedule", "too old"),
        Removal.TOO_LARGE: translate("schedule", "all together are too large"),
        Removal.SAFETY_EXPIRED: translate("schedule", "safety backup of more than 30 days ago"),
        Removal.DOUBTFUL_EXPIRED: translate("schedule", "its proof failed more than 30 days ago"),
    }[why]


def clock_change(slot: Slot) -> str:
    """What a clock change does to a slot; empty where none does."""
    asked, is_at = f"{slot.wanted:%H:%M}", f"{slot.local:%H:%M}"
    match slot.change:
        case ClockChange.SKIPPED:
            return translate("schedule", "clocks go forward, no %1").replace("%1", asked)
        case ClockChange.FIRST_OF_TWO:
            return translate("schedule", "clocks go back, the first %1 of two").replace("%1", is_at)
        case ClockChange.SECOND_OF_TWO:
            return translate("schedule", "clocks go back, the second %1 of two").replace("%1", is_at)
        case None:
            return ""


def what(options: BackupOptions) -> str:
    """“Everything, with roles”."""
    texts = {
        Contents.ALL: (translate("schedule", "Everything"), translate("schedule", "Everything, with roles")),
        Contents.SCHEMA: (translate("schedule", "Schema"), translate("schedule", "Schema, with roles")),
        Contents.DATA: (translate("schedule", "Data"), translate("schedule", "Data, with roles")),
    }
    return texts[options.contents][options.roles]


def proof(level: ProofLevel) -> str:
    """What is done to show that the backups are good."""
    return {
        ProofLevel.PROVEN: translate("schedule", "Prove by restoring"),
        ProofLevel.COMPLETE: translate("schedule", "Complete: every row counted"),
        ProofLevel.SEALED: translate("schedule", "Sealed: files hashed"),
    }[level]


def waits_for(reasons: tuple[Waiting, ...]) -> str:
    """“mains power and the server”."""
    texts = {
        Waiting.FOLDER_MISSING: translate("schedule", "the backup folder"),
        Waiting.ON_BATTERY: translate("schedule", "mains power"),
        Waiting.METERED: translate("schedule", "a network that is not metered"),
        Waiting.SERVER_UNREACHABLE: translate("schedule", "the server to answer"),
    }
    return QLocale().createSeparatedList([texts[reason] for reason in reasons])


def moment(at: datetime, now: datetime, zone: tzinfo) -> str:
    """A time inside of a sentence: “today 02:30”, “tomorrow 02:30”, “Sat 28 Nov 02:30”."""
    apart = (at.astimezone(zone).date() - now.astimezone(zone).date()).days
    if apart not in (0, 1):
        return formats.moment(at, now, zone)
    text = translate("schedule", "tomorrow %1") if apart else translate("schedule", "today %1")
    return text.replace("%1", formats.clock(at, zone))


def until(at: datetime, now: datetime, zone: tzinfo) -> str:
    """When something begins again."""
    return translate("schedule", "Until %1").replace("%1", moment(at, now, zone))


@dataclass(frozen=True, slots=True)
class Standing:
    """How a schedule stands.

    Attributes:
        status: of the badge; None where all is as it should be.
        text: what comes next, or why nothing does.
        colour: of the text, by name in `Colours`.
        word: on the badge; the status's own where it is empty.
    """

    status: Status | None
    text: str
    colour: str = "text3"
    word: str = ""


def standing(
    health: ScheduleHealth, cause: Cause | None, now: datetime, zone: tzinfo, *, is_running: bool = False
) -> Standing:
    """Put into words how a schedule stands.

    Args:
        health: of the schedule.
        cause: why the project's last attempt failed.
        now: in UTC.
        zone: of the window.
        is_running: a backup of its project runs now.
    """
    why = cause_in_language(cause).title if cause else ""
    due, reason = health.due, f": {why}" if why else ""
    following = translate("schedule", "It never comes again")
    if due.at is not None:
        following = translate("schedule", "Next: %1").replace("%1", moment(due.at, now, zone))
    overdue = OVERDUE if health.overdue_since else None
    match due.state:
        case DueState.OFF:
            return Standing(
                PAUSED, translate("schedule", "Until you switch it on"), word=translate("schedule", "Off")
            )
        case DueState.PAUSED:
            return Standing(PAUSED, until(due.at or now, now, zone))
        case DueState.RETRYING:
            text = translate("schedule", "Retrying at %1").replace("%1", formats.clock(due.at or now, zone))
            return Standing(overdue or FAILED, text + reason, "bad")
        case DueState.GAVE_UP:
            return Standing(overdue or FAILED, f"{following}{reason}", "bad")
        case DueState.DUE if health.waiting:
            slot = due.slot or now
            is_today = slot.astimezone(zone).date() == now.astimezone(zone).date()
            said = formats.clock(slot, zone) if is_today else formats.moment(slot, now, zone)
            text = translate("schedule", "%1 waits for %2").replace("%1", said)
            return Standing(overdue or WAITING, text.replace("%2", waits_for(health.waiting)), "text")
        case DueState.DUE:
            if is_running:
                return Standing(RUNNING, translate("schedule", "Backing up now"))
            return Standing(overdue, translate("schedule", "Due now"), "text")
        case DueState.IDLE:
            return Standing(overdue, following)


def facts(schedule: Schedule) -> tuple[tuple[str, str], ...]:
    """All that a user can choose of a schedule, as names with values."""
    off, on = translate("schedule", "off"), translate("schedule", "on")
    named = {
        "last": translate("schedule", "last"),
        "hourly": translate("schedule", "hourly"),
        "daily": translate("schedule", "daily"),
        "weekly": translate("schedule", "weekly"),
        "monthly": translate("schedule", "monthly"),
        "yearly": translate("schedule", "yearly"),
        "max_age_days": translate("schedule", "days at most"),
    }
    rules, conditions = schedule.retention, schedule.conditions
    kept = [
        (named[field.name], formats.count(getattr(rules, field.name)))
        for field in fields(rules)
        if field.name in named
    ]
    none, preset = formats.DASH, Preset.of(schedule.cron)
    return (
        (translate("schedule", "project"), schedule.project or none),
        (translate("schedule", "name"), schedule.name or none),
        (translate("schedule", "times"), _preset(preset) if preset else schedule.cron or none),
        (translate("schedule", "time zone"), schedule.zone or none),
        (translate("schedule", "what"), what(schedule.options)),
        (translate("schedule", "proof"), PROOF_STATUS[schedule.options.proof].text),
        (translate("schedule", "folder"), schedule.destination or translate("schedule", "the default one")),
        (translate("schedule", "mains power"), on if conditions.mains_power else off),
        (translate("schedule", "not metered"), on if conditions.not_metered else off),
        (translate("schedule", "server answers"), on if conditions.server_reachable else off),
        *kept,
        (translate("schedule", "size at most"), formats.size(rules.max_total_bytes or None)),
        (translate("schedule", "trash"), on if schedule.trash else off),
    )


def changes(old: Schedule, new: Schedule) -> tuple[str, ...]:
    """What a user changed: “monthly 6 → 12”."""
    return tuple(
        f"{name} {before} → {after}"
        for (name, before), (_, after) in zip(facts(old), facts(new), strict=True)
        if before != after
    )
