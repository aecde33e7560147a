"""Says in words what a cron expression means, in the language of the window."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from cronsim import CronSim
from PySide6.QtCore import QCoreApplication, QLocale

translate = QCoreApplication.translate

_ANY_MOMENT = datetime(2000, 1, 1, tzinfo=UTC)
_FEW_TIMES = 6
_SHORTEST_RUN = 3


def cron_words(expression: str) -> str:
    """“Every 15 minutes, from 08:00 to 18:59, on Monday to Friday, in July”.

    Args:
        expression: one that `domain.schedule.check_cron` takes.
    """
    cron = CronSim(expression, _ANY_MOMENT)
    text = ", ".join(filter(None, (_times(cron), _days(cron), _months(cron))))
    return text[0].upper() + text[1:]


def weekday(number: int) -> str:
    """The name of a day of the week; 0 and 7 are Sunday."""
    return QLocale().standaloneDayName(number or 7)


def _times(cron: CronSim) -> str:
    minutes, hours = sorted(cron.minutes), sorted(cron.hours)
    minute_step, hour_step = _step(minutes, 60), _step(hours, 24)
    if hour_step != 1 and len(minutes) * len(hours) <= _FEW_TIMES:
        clocks = [f"{hour:02}:{minute:02}" for hour in hours for minute in minutes]
        return translate("cron", "at %1").replace("%1", _list(clocks))
    if len(minutes) > 1 and minute_step:
        text = translate("cron", "every %1 minutes").replace("%1", str(minute_step))
        often = translate("cron", "every minute") if minute_step == 1 else text
    elif hour_step > 1:
        text = translate("cron", "every %1 hours at minute %2").replace("%1", str(hour_step))
        return text.replace("%2", _numbers(minutes))
    else:
        often = translate("cron", "every hour at minute %1").replace("%1", _numbers(minutes))
    if hour_step == 1:
        return often
    if hours == list(range(hours[0], hours[-1] + 1)):
        text = translate("cron", "%1, from %2 to %3")
        return (
            text.replace("%1", often).replace("%2", f"{hours[0]:02}:00").replace("%3", f"{hours[-1]:02}:59")
        )
    text = translate("cron", "%1, in the hours %2")
    return text.replace("%1", often).replace("%2", _numbers(hours))


def _days(cron: CronSim) -> str:
    of_month, of_week = _days_of_month(cron), _days_of_week(cron)
    if not of_month or not of_week:
        return of_month or of_week
    both = translate("cron", "%1, only %2") if cron.day_and else translate("cron", "%1 or %2")
    return both.replace("%1", of_month).replace("%2", of_week)


def _days_of_month(cron: CronSim) -> str:
    numbers = sorted(day for day in cron.days if day > 0)
    if numbers == list(range(1, 32)):
        return ""
    parts = []
    if numbers:
        parts.append(translate("cron", "on day %1 of the month").replace("%1", _numbers(numbers)))
    if CronSim.LAST in cron.days:
        parts.append(translate("cron", "on the last day of the month"))
    if CronSim.LAST_WEEKDAY in cron.days:
        parts.append(translate("cron", "on the last working day of the month"))
    return _list(parts)


def _days_of_week(cron: CronSim) -> str:
    plain = sorted({(day or 7) for day in cron.weekdays if isinstance(day, int)})
    if plain == list(range(1, 8)):
        return ""
    names = _runs(plain, weekday)
    counted = {
        1: translate("cron", "the first %1 of the month"),
        2: translate("cron", "the second %1 of the month"),
        3: translate("cron", "the third %1 of the month"),
        4: translate("cron", "the fourth %1 of the month"),
        5: translate("cron", "the fifth %1 of the month"),
        CronSim.LAST: translate("cron", "the last %1 of the month"),
    }
    pairs = sorted(pair for pair in cron.weekdays if isinstance(pair, tuple))
    names += [counted[which].replace("%1", weekday(day)) for day, which in pairs]
    return translate("cron", "on %1").replace("%1", _list(names))


def _months(cron: CronSim) -> str:
    numbers = sorted(cron.months)
    if numbers == list(range(1, 13)):
        return ""
    names = _runs(numbers, QLocale().standaloneMonthName)
    return translate("cron", "in %1").replace("%1", _list(names))


def _step(values: list[int], whole: int) -> int:
    """The even step that gives these values of a circle, 0 where none does."""
    return next((step for step in range(1, whole) if values == list(range(0, whole, step))), 0)


def _numbers(values: list[int]) -> str:
    return _list(_runs(values, str))


def _runs(values: list[int], name: Callable[[int], str]) -> list[str]:
    """Names, and three or more neighbours as “a to b”."""
    texts: list[str] = []
    run: list[int] = []
    for value in [*values, None]:
        if value is not None and run and value == run[-1] + 1:
            run.append(value)
            continue
        if len(run) >= _SHORTEST_RUN:
            text = translate("cron", "%1 to %2").replace("%1", name(run[0]))
            texts.append(text.replace("%2", name(run[-1])))
        else:
            texts += map(name, run)
        run = [] if value is None else [value]
    return texts


def _list(texts: Iterable[str]) -> str:
    return QLocale().createSeparatedList(list(texts))
