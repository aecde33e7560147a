"""When a project is backed up by itself: a cron expression in a time zone, and what goes with it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from pathlib import PurePosixPath, PureWindowsPath
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from app.domain.backup import BackupOptions
from app.domain.errors import AppError, ErrorCode
from app.domain.retention import RetentionRules

LONGEST_JITTER = 3600
"""Seconds."""

_FIELDS = (
    ("minute", "minutes go from 0 to 59"),
    ("hour", "hours go from 0 to 23"),
    ("day of the month", "days go from 1 to 31; L is the last one"),
    ("month", "months go from 1 to 12 or JAN to DEC"),
    ("day of the week", "days of the week go from 0 (Sunday) to 7 (Sunday) or SUN to SAT"),
)


class Every(StrEnum):
    """How often a preset comes."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Preset:
    """A simple rhythm that compiles to a cron expression and is read back from one.

    Attributes:
        every: how often.
        minute: 0 to 59.
        hour: 0 to 23; not for `HOUR`.
        weekday: 0 (Sunday) to 6, for `WEEK`.
        day: 1 to 28, or 0 for the last day, for `MONTH`: other days are not in every month.
    """

    every: Every
    minute: int = 0
    hour: int = 0
    weekday: int = 0
    day: int = 1

    @property
    def cron(self) -> str:
        """The cron expression.

        Raises:
            AppError: INVALID_INPUT naming the field whose number does not exist.
        """
        for name, value, most in (
            ("minute", self.minute, 59),
            ("hour", self.hour, 23),
            ("weekday", self.weekday, 6),
            ("day", self.day, 28),
        ):
            if not 0 <= value <= most:
                raise _invalid(name, f"{value} is not a number from 0 to {most}")
        match self.every:
            case Every.HOUR:
                return f"{self.minute} * * * *"
            case Every.DAY:
                return f"{self.minute} {self.hour} * * *"
            case Every.WEEK:
                return f"{self.minute} {self.hour} * * {self.weekday}"
            case Every.MONTH:
                return f"{self.minute} {self.hour} {self.day or 'L'} * *"

    @classmethod
    def of(cls, cron: str) -> Preset | None:
        """The preset that a cron expression stands for; None when it is none of them."""
        minute, hour, day, month, weekday = [*cron.upper().split(), *[""] * 5][:5]
        if not _is_number(minute, 59) or month != "*" or len(cron.split()) != 5:
            return None
        at = int(minute)
        if (hour, day, weekday) == ("*", "*", "*"):
            return cls(Every.HOUR, at)
        if not _is_number(hour, 23):
            return None
        if (day, weekday) == ("*", "*"):
            return cls(Every.DAY, at, int(hour))
        if day == "*" and weekday in _WEEKDAYS:
            return cls(Every.WEEK, at, int(hour), weekday=_WEEKDAYS[weekday])
        if weekday == "*" and (day == "L" or (_is_number(day, 28) and int(day))):
            return cls(Every.MONTH, at, int(hour), day=0 if day == "L" else int(day))
        return None


_DAY_NAMES = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_WEEKDAYS = {name: number for number, name in enumerate(_DAY_NAMES)} | {
    str(number): number % 7 for number in range(8)
}


@dataclass(frozen=True, slots=True)
class Conditions:
    """What must be so before a scheduled backup starts; that its folder is there always must.

    Attributes:
        mains_power: the computer does not run on its battery.
        not_metered: the network is not paid by volume.
        server_reachable: somebody answers at the database's address.
    """

    mains_power: bool = False
    not_metered: bool = False
    server_reachable: bool = False


@dataclass(frozen=True, slots=True)
class Schedule:
    """A rhythm in which a project is backed up.

    Attributes:
        id: its own name for ever; backups remember it.
        project: the name of the project.
        cron: five fields as in Debian's crontab(5), with L for the last day.
        zone: IANA name of the time zone in which `cron` is read.
        since: slots before count for nothing, in UTC: when the schedule was made, switched on, or its
            times were changed.
        name: what the user calls it; may be empty.
        enabled: switched on.
        options: as for a backup by hand.
        destination: the folder; empty for the default one.
        conditions: what must be so at the time.
        jitter_seconds: a slot starts later by up to so much, the same for all its attempts.
        retention: which of its backups are kept.
        trash: those that are not go to the trash, which frees no space and which not every disk has.
        paused_until: nothing starts before, in UTC; what was missed meanwhile is caught up once.
    """

    id: str
    project: str
    cron: str
    zone: str
    since: datetime
    name: str = ""
    enabled: bool = True
    options: BackupOptions = field(default_factory=BackupOptions)
    destination: str = ""
    conditions: Conditions = field(default_factory=Conditions)
    jitter_seconds: int = 0
    retention: RetentionRules = field(default_factory=RetentionRules)
    paused_until: datetime | None = None
    trash: bool = False

    def check(self) -> None:
        """Refuse a schedule that could not run.

        Raises:
            AppError: INVALID_INPUT; the title begins with the field's name and says what is wrong with it.
        """
        for name in ("id", "project"):
            if not getattr(self, name).strip():
                raise _invalid(name, "it is empty")
        zone_named(self.zone)
        check_cron(self.cron, self.zone, self.since)
        if not 0 <= self.jitter_seconds <= LONGEST_JITTER:
            raise _invalid("jitter_seconds", f"{self.jitter_seconds} is not from 0 to {LONGEST_JITTER}")
        if self.destination and not _is_absolute(self.destination):
            raise _invalid("destination", f"“{self.destination}” is not a whole path", "Begin at the root.")
        for name in ("since", "paused_until"):
            moment: datetime | None = getattr(self, name)
            if moment is not None and moment.tzinfo is None:
                raise _invalid(name, "it has no time zone")
        self.retention.check()

    def revised(self, old: Schedule, now: datetime) -> Schedule:
        """This schedule in the place of `old`: with other times, or switched on, its slots count from now."""
        is_anew = (self.cron, self.zone) != (old.cron, old.zone) or (self.enabled and not old.enabled)
        return replace(self, since=now if is_anew else old.since)


@dataclass(frozen=True, slots=True)
class Sentence:
    """What is said of a schedule, for a front end to put into words.

    Attributes:
        preset: its rhythm; None when only the cron expression says it.
        cron: the expression.
        zone: IANA name.
        retention: what is kept.
    """

    preset: Preset | None
    cron: str
    zone: str
    retention: RetentionRules


def sentence(schedule: Schedule) -> Sentence:
    """What there is to say of a schedule: when, where, and what it keeps."""
    return Sentence(Preset.of(schedule.cron), schedule.cron, schedule.zone, schedule.retention)


def zone_named(name: str) -> ZoneInfo:
    """The time zone of that name.

    Raises:
        AppError: INVALID_INPUT for a name that the IANA database does not have.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise _invalid(
            "zone", f"there is no time zone “{name}”", "Names look like Europe/Berlin or UTC."
        ) from error


def check_cron(cron: str, zone: str, after: datetime) -> None:
    """Refuse an expression that is none, or that never comes.

    Raises:
        AppError: INVALID_INPUT; `detail` names the field and what is allowed there.
    """
    from cronsim import CronSim, CronSimError

    parts = cron.split()
    if len(parts) != len(_FIELDS) or not cron.isascii():
        names = ", ".join(name for name, _ in _FIELDS)
        raise _invalid("cron", f"“{cron}” does not have five fields", f"The fields are {names}.")
    try:
        next(CronSim(cron, after.astimezone(zone_named(zone))))
    except StopIteration:
        raise _invalid("cron", f"“{cron}” never comes", "Choose a day that the months have.") from None
    except CronSimError as error:
        raise _bad_field(cron, parts, str(error)) from error


def _bad_field(cron: str, parts: list[str], problem: str) -> AppError:
    index = {"minute": 0, "hour": 1, "day-of-month": 2, "month": 3, "day-of-week": 4}.get(problem[4:])
    if index is None:
        return _invalid("cron", f"“{cron}” is not a cron expression")
    name, allowed = _FIELDS[index]
    hint = f"{allowed[0].upper()}{allowed[1:]}. Lists (1,2), ranges (1-5) and steps (*/2) can be used."
    return _invalid("cron", f"“{parts[index]}” is no {name}", hint)


def _invalid(field: str, problem: str, hint: str = "") -> AppError:
    return AppError(ErrorCode.INVALID_INPUT, f"{field}: {problem}", hint=hint)


def _is_number(text: str, most: int) -> bool:
    return re.fullmatch(r"\d{1,2}", text, re.ASCII) is not None and int(text) <= most


def _is_absolute(path: str) -> bool:
    return PurePosixPath(path).is_absolute() or PureWindowsPath(path).is_absolute()
