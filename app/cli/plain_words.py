"""Reads what people write for times, spans of time and sizes."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from app.domain.errors import AppError, ErrorCode

_CLOCK = re.compile(r"(\d{1,2}):(\d{2})")
_SPAN = re.compile(r"(\d+)\s*([wdhm])")
_SPANS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes"}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgtp]?)(i?)b?", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}


def read_clock(text: str) -> tuple[int, int]:
    """Hour and minute of `02:30`.

    Raises:
        AppError: INVALID_INPUT, as all of these do.
    """
    found = _CLOCK.fullmatch(text.strip())
    if found is None or int(found[1]) > 23 or int(found[2]) > 59:
        raise _invalid(f"“{text}” is no time of day", "Write it as 02:30.")
    return int(found[1]), int(found[2])


def read_span(text: str) -> timedelta:
    """A span of time: `30m`, `2h`, `3d`, `1w`, or several of them as `1d 12h`."""
    parts = _SPAN.findall(text.lower())
    if not parts or _SPAN.sub("", text.lower()).strip():
        raise _invalid(f"“{text}” is no span of time", "Write it as 30m, 2h, 3d or 1w.")
    try:
        return sum((timedelta(**{_SPANS[unit]: int(number)}) for number, unit in parts), timedelta())
    except OverflowError as error:
        raise _invalid(f"“{text}” is too long", "Switch the schedule off instead.") from error


def read_moment(text: str, now: datetime) -> datetime:
    """A moment to come: `18:00` (the next one), `2026-12-24`, `2026-12-24 18:00`, also with an offset.

    Without an offset it is a time of this computer's zone. It is given in UTC.
    """
    if _CLOCK.fullmatch(text.strip()):
        hour, minute = read_clock(text)
        local = now.astimezone().replace(tzinfo=None, hour=hour, minute=minute, second=0, microsecond=0)
        moments = (local.astimezone(UTC), (local + timedelta(days=1)).astimezone(UTC))
        return next(moment for moment in moments if moment > now)
    try:
        found = datetime.fromisoformat(text.strip()).astimezone(UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise _invalid(f"“{text}” is no moment", "Write it as 18:00 or 2026-12-24 18:00.") from error
    if found <= now:
        raise _invalid(f"“{text}” is past", "Name a moment that is to come.")
    return found


def read_size(text: str) -> int:
    """Bytes of `50GB`, `1.5 TB` (by thousands) or `500MiB` (by 1,024)."""
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise _invalid(f"“{text}” is no size", "Write it as 50GB, 1.5TB or 500MiB.")
    number, power, binary = found.groups()
    return int(Decimal(number) * (1024 if binary else 1000) ** _POWERS[power.lower()])


def _invalid(problem: str, hint: str) -> AppError:
    return AppError(ErrorCode.INVALID_INPUT, problem, hint=hint)
