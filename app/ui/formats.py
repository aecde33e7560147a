"""Numbers and times as people read them, in the language of the window.

Each has an exact form, too, for tool tips.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, tzinfo

from PySide6.QtCore import QCoreApplication, QDate, QLocale

translate = QCoreApplication.translate

DASH = "–"
_LONGEST_NAME = 48


def count(number: int) -> str:
    """A number with the language's own separators."""
    return QLocale().toString(number)


def size(number: int | None) -> str:
    """Bytes in powers of 1,000, as file managers show them."""
    if number is None:
        return DASH
    kind = QLocale.DataSizeFormat.DataSizeSIFormat
    digits = 0 if number < 1_000_000 else 1
    text = QLocale().formattedDataSize(number, digits, kind)
    if digits and number >= 100 * 1000 ** _power(number):
        text = QLocale().formattedDataSize(number, 0, kind)
    return text


def exact_size(number: int) -> str:
    """The same to the byte."""
    return translate("formats", "%1 bytes").replace("%1", count(number))


def duration(seconds: float | None) -> str:
    """Minutes and seconds, or hours, minutes and seconds, as a clock shows them."""
    if seconds is None:
        return DASH
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def about(seconds: float) -> str:
    """A span that is estimated: “20 s”, “3 min”, “2 h”."""
    if seconds < 90:
        return translate("formats", "%1 s").replace("%1", count(max(1, round(seconds))))
    if seconds < 90 * 60:
        return translate("formats", "%1 min").replace("%1", count(round(seconds / 60)))
    return translate("formats", "%1 h").replace("%1", count(round(seconds / 3600)))


def moment(when: datetime, now: datetime, zone: tzinfo | None = None) -> str:
    """A time near today: “Today 02:30”, “Sat 21 Nov 17:42”, with the year where it is another one.

    Args:
        when: with a zone.
        now: likewise.
        zone: of the clock on the wall; the system's own where none is given.
    """
    local = when.astimezone(zone)
    return f"{day(local.date(), now.astimezone(zone).date())} {clock(when, zone)}"


def day(when: date, today: date) -> str:
    """“Today”, “Yesterday”, “Tomorrow”, or the day's name and date."""
    named = {
        -1: translate("formats", "Yesterday"),
        0: translate("formats", "Today"),
        1: translate("formats", "Tomorrow"),
    }
    if (apart := (when - today).days) in named:
        return named[apart]
    pattern = (
        translate("formats", "ddd d MMM") if when.year == today.year else translate("formats", "d MMM yyyy")
    )
    return QLocale().toString(QDate(when.year, when.month, when.day), pattern)


def short_day(when: date, today: date) -> str:
    """“24 Oct”, with the year where it is another one, for the end of an axis."""
    pattern = translate("formats", "d MMM") if when.year == today.year else translate("formats", "d MMM yyyy")
    return QLocale().toString(QDate(when.year, when.month, when.day), pattern)


def clock(when: datetime, zone: tzinfo | None = None) -> str:
    """Hours and minutes on the wall."""
    local = when.astimezone(zone)
    return f"{local.hour:02}:{local.minute:02}"


def exact_moment(when: datetime) -> str:
    """A time to the second, in UTC."""
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def share(fraction: float) -> str:
    """Whole percent; 100 only when all is done."""
    return f"{99 if 0.99 <= fraction < 1 else int(fraction * 100)}%"


def shortened(name: str) -> str:
    """A name that leaves room for the rest of its sentence; fields and tables show all of it."""
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1].rstrip()}…"


def sentences(*texts: str) -> str:
    """Texts as sentences, one a line, each with its full stop."""
    made = []
    for text in filter(None, (one.strip() for one in texts)):
        ended = text if text.endswith((".", "!", "?", ":", "”")) else f"{text}."
        is_word = ended.partition(" ")[0].strip(",;:.").isalpha()  # the name of a host keeps its letters
        made.append(ended[0].upper() + ended[1:] if is_word else ended)
    return "\n".join(made)


def _power(number: int) -> int:
    power = 0
    while number >= 1000 ** (power + 1):
        power += 1
    return power
