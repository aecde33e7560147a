"""Says sentences of the engine in the window's language, with the values that they hold.

The engine speaks the English of the command line. What it says often stands in tables here, and is known
again by its words; what is not known stands as the engine says it.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

from PySide6.QtCore import QCoreApplication, QLocale

from app.ui import connection_words, plan_words, refusal_words
from app.ui.widgets.badge import QT_TRANSLATE_NOOP

_PLACE = re.compile(r"%(\d)")
_AMOUNT = re.compile(r"\d{1,3}(,\d{3})+|\d+\.\d+ [kMGT]B")
"""Numbers as Python and humanize write them; versions, ports and addresses are none."""
_PARTS = (
    (
        QT_TRANSLATE_NOOP("engine", "%1 and %2 more"),
        re.compile(r"(?P<p1>\S+(?:, \S+)*) and (?P<p2>[\d,]+) more"),
    ),
    (QT_TRANSLATE_NOOP("engine", "%1: %2"), re.compile(r"(?P<p1>[\d,]+): (?P<p2>.+)")),
)
"""Lists of names, and how often there is a reason."""
_REMEMBERED = 1000


def translated(text: str) -> str:
    """A text of the engine in the window's language, line by line; the same where it is not known."""
    return "\n".join(map(_line, text.split("\n"))) if text else text


def _line(text: str) -> str:
    known = _known(text)
    if known is None:
        return text
    sentence, found = known
    said = QCoreApplication.translate("engine", sentence)
    return _PLACE.sub(lambda place: _value(found[f"p{place[1]}"]), said)


def _value(text: str) -> str:
    """What stands in a sentence: an amount, part of a sentence, or a name, which stays."""
    if _AMOUNT.fullmatch(text):
        locale = QLocale()
        separators = {",": locale.groupSeparator(), ".": locale.decimalPoint()}
        return "".join(separators.get(sign, sign) for sign in text)
    return _line(text)


@lru_cache(_REMEMBERED)
def _known(text: str) -> tuple[str, re.Match[str]] | None:
    """Which sentence it is, and its values; tables ask again for each row that they paint."""
    for sentence, words in _sentences():
        if words in text and (found := _pattern(sentence).fullmatch(text)):
            return sentence, found
    return next(((one, found) for one, pattern in _PARTS if (found := pattern.fullmatch(text))), None)


@cache
def _sentences() -> tuple[tuple[str, str], ...]:
    """Each with its longest words, without which a text need not be held against it."""
    every = (*connection_words.SENTENCES, *refusal_words.SENTENCES, *plan_words.SENTENCES)
    return tuple((one, max(_PLACE.split(one)[::2], key=len)) for one in every)


@cache
def _pattern(sentence: str) -> re.Pattern[str]:
    return re.compile(_PLACE.sub(r"(?P<p\1>.*?)", re.escape(sentence)))
