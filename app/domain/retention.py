"""Which backups are kept for how long: a plan that can be shown before anything is removed.

The rules read as in restic: one backup for each of the last N hours, days, weeks, months or years *that
have one*, so that a machine which was off for a month loses nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum

from app.domain.errors import AppError, ErrorCode
from app.domain.history import Entry, Result

SAFETY_DAYS = 30
"""A backup that was made before a restore is kept for so long, and then removed."""

DOUBTFUL_DAYS = 30
"""A backup whose proof failed is kept for so long, for somebody to look into it."""


class Keep(StrEnum):
    """Why a backup is kept."""

    PINNED = "pinned"
    BEST_PROVEN = "best-proven"
    """The newest of those with the highest proof: never removed."""
    NEWEST = "newest"
    """The newest good one: never removed."""
    LAST = "last"
    HOURLY = "hourly"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    YEARLY = "yearly"
    ALL = "all"
    """No rule asks for a number, so that all stay within the limits of age and size."""
    SAFETY = "safety"
    DOUBTFUL = "doubtful"


class Removal(StrEnum):
    """The rule that removes a backup."""

    NOT_NEEDED = "not-needed"
    """None of the rules that keep backups keeps it."""
    TOO_OLD = "too-old"
    TOO_LARGE = "too-large"
    """All together are larger than allowed, and it is the oldest that may go."""
    SAFETY_EXPIRED = "safety-expired"
    DOUBTFUL_EXPIRED = "doubtful-expired"


@dataclass(frozen=True, slots=True)
class RetentionRules:
    """How many backups are kept, and within which limits; 0 is no rule. Without any rule all are kept.

    Attributes:
        last: the last so many.
        hourly, daily, weekly, monthly, yearly: the newest of each of the last so many hours, days, ISO
            weeks, months, years that have a backup.
        max_age_days: none that is older, whatever the other rules say.
        max_total_bytes: the oldest go until all together are no larger.
    """

    last: int = 0
    hourly: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0
    yearly: int = 0
    max_age_days: int = 0
    max_total_bytes: int = 0

    @property
    def is_off(self) -> bool:
        """True when nothing is ever removed."""
        return self == RetentionRules()

    @property
    def keeps_all(self) -> bool:
        """True when no rule asks for a number of backups."""
        return not any((self.last, self.hourly, self.daily, self.weekly, self.monthly, self.yearly))

    def check(self) -> None:
        """Refuse what is no rule.

        Raises:
            AppError: INVALID_INPUT naming the field, for a negative number or one without sense.
        """
        for field in fields(self):
            value = getattr(self, field.name)
            most = 2**62 if field.name == "max_total_bytes" else 100_000
            if not 0 <= value <= most:
                raise AppError(
                    ErrorCode.INVALID_INPUT,
                    f"retention.{field.name}: {value:,} is not a number from 0 to {most:,}",
                    hint="0 switches the rule off.",
                )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What happens to one backup: it is kept for these reasons, or removed by this rule."""

    backup: Entry
    reasons: tuple[Keep, ...] = ()
    removed_by: Removal | None = None


@dataclass(frozen=True, slots=True)
class RetentionPlan:
    """What the rules do now, newest first. Attempts that left no backup do not stand in it."""

    verdicts: tuple[Verdict, ...]

    @property
    def kept(self) -> tuple[Entry, ...]:
        """The backups that stay."""
        return tuple(verdict.backup for verdict in self.verdicts if verdict.removed_by is None)

    @property
    def removed(self) -> tuple[Entry, ...]:
        """The backups that go."""
        return tuple(verdict.backup for verdict in self.verdicts if verdict.removed_by is not None)

    @property
    def removed_bytes(self) -> int:
        """What the removal frees on the disk."""
        return sum(backup.bytes for backup in self.removed)


def plan_retention(
    backups: Iterable[Entry], rules: RetentionRules, zone: tzinfo, now: datetime
) -> RetentionPlan:
    """Decide which backups stay.

    Only good backups count for the rules' numbers. Pinned ones stay; so do, whatever the rules say, the
    newest good one and the newest of those with the highest proof. Safety backups do not count, and one
    whose proof failed does not either; both have their own time, and one that failed stays besides until
    a good one is newer.

    Args:
        backups: what one set of rules judges: of one project in one destination.
        zone: in which hours, days, weeks, months and years are counted.
        now: for the limits of age.
    """
    present = sorted(
        (one for one in backups if one.result is Result.SUCCEEDED and not one.missing),
        key=_order,
        reverse=True,
    )
    if rules.is_off:
        return RetentionPlan(tuple(Verdict(one, (Keep.ALL,)) for one in present))
    good = [one for one in present if one.is_good and not one.is_safety]
    protected = _protected(good)
    wanted = _wanted(good, rules, zone)
    verdicts = []
    for one in present:
        reasons = [*([Keep.PINNED] if one.pinned else []), *protected.get(_key(one), ())]
        removal: Removal | None = Removal.NOT_NEEDED
        if one.is_safety or not one.is_good:
            removal = _expired(one, good, now)
            if removal is None:
                reasons.append(Keep.SAFETY if one.is_safety else Keep.DOUBTFUL)
        elif rules.max_age_days and now - one.started > timedelta(days=rules.max_age_days):
            removal = Removal.TOO_OLD
        else:
            reasons += wanted.get(_key(one), ())
        verdicts.append(Verdict(one, tuple(reasons)) if reasons else Verdict(one, removed_by=removal))
    if rules.max_total_bytes:
        _limit_size(verdicts, rules.max_total_bytes)
    return RetentionPlan(tuple(verdicts))


_Key = tuple[str, str]


def _key(backup: Entry) -> _Key:
    """Tells two backups apart."""
    return backup.id, backup.destination


def _order(backup: Entry) -> tuple[datetime, str, str]:
    """By time, and in a fixed order where two have the same one."""
    return backup.started, backup.id, backup.destination


def _protected(good: list[Entry]) -> dict[_Key, list[Keep]]:
    if not good:
        return {}
    best = max(good, key=lambda one: (one.proof_level.rank if one.proof_level else -1, _order(one)))
    found: dict[_Key, list[Keep]] = {_key(best): [Keep.BEST_PROVEN]}
    found.setdefault(_key(good[0]), []).append(Keep.NEWEST)
    return found


def _expired(backup: Entry, good: list[Entry], now: datetime) -> Removal | None:
    """The removal of a backup that has a time of its own, when that is over."""
    age = now - backup.started
    if backup.is_safety:
        return Removal.SAFETY_EXPIRED if age > timedelta(days=SAFETY_DAYS) else None
    is_replaced = bool(good) and _order(good[0]) > _order(backup)
    return Removal.DOUBTFUL_EXPIRED if is_replaced and age > timedelta(days=DOUBTFUL_DAYS) else None


def _wanted(good: list[Entry], rules: RetentionRules, zone: tzinfo) -> dict[_Key, list[Keep]]:
    """The rules that keep each backup; `good` is newest first."""
    if rules.keeps_all:
        return {_key(one): [Keep.ALL] for one in good}
    found: dict[_Key, list[Keep]] = {}
    for one in good[: rules.last]:
        found.setdefault(_key(one), []).append(Keep.LAST)
    local = [(one, one.started.astimezone(zone)) for one in good]
    for keep, count, period in (
        (Keep.HOURLY, rules.hourly, _hour),
        (Keep.DAILY, rules.daily, _day),
        (Keep.WEEKLY, rules.weekly, _week),
        (Keep.MONTHLY, rules.monthly, _month),
        (Keep.YEARLY, rules.yearly, _year),
    ):
        for one in _newest_of_each(local, count, period):
            found.setdefault(_key(one), []).append(keep)
    return found


def _newest_of_each(
    local: list[tuple[Entry, datetime]], count: int, period: Callable[[datetime], object]
) -> list[Entry]:
    seen: dict[object, Entry] = {}
    for one, at in local:
        if len(seen) == count:
            break
        seen.setdefault(period(at), one)
    return list(seen.values())


def _hour(at: datetime) -> object:
    return at.date(), at.hour, at.utcoffset()  # where clocks go back an hour comes twice


def _day(at: datetime) -> object:
    return at.date()


def _week(at: datetime) -> object:
    return at.isocalendar()[:2]


def _month(at: datetime) -> object:
    return at.year, at.month


def _year(at: datetime) -> object:
    return at.year


_UNTOUCHABLE = {Keep.PINNED, Keep.BEST_PROVEN, Keep.NEWEST, Keep.SAFETY, Keep.DOUBTFUL}


def _limit_size(verdicts: list[Verdict], most: int) -> None:
    """Remove the oldest that may go until what stays is small enough."""
    total = sum(verdict.backup.bytes for verdict in verdicts if verdict.removed_by is None)
    for index in range(len(verdicts) - 1, -1, -1):
        if total <= most:
            return
        verdict = verdicts[index]
        if verdict.removed_by is None and _UNTOUCHABLE.isdisjoint(verdict.reasons):
            verdicts[index] = Verdict(verdict.backup, removed_by=Removal.TOO_LARGE)
            total -= verdict.backup.bytes
