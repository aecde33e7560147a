"""Says sentences of the engine in the window's language, with the values that they hold.

The engine speaks the English of the command line. What it says often stands in tables here, and is known
again by its words; what is not known stands as the engine says it.
"""

from __future__ import annotations

import re
from functools import cache

from PySide6.QtCore import QCoreApplication, QLocale

from app.ui.connection_words import SENTENCES as _OF_CONNECTIONS
from app.ui.refusal_words import SENTENCES as _REFUSALS

_PLACE = re.compile(r"%(\d)")
_AMOUNT = re.compile(r"\d{1,3}(,\d{3})+|\d+\.\d+ [kMGT]B")
"""Numbers as Python and humanize write them; versions, ports and addresses are none."""


def translated(text: str) -> str:
    """A sentence of the engine in the window's language; the same text where it is not known."""
    for sentence, pattern in _patterns():
        if found := pattern.fullmatch(text):
            return _filled(QCoreApplication.translate("engine", sentence), found)
    return text


def _filled(said: str, found: re.Match[str]) -> str:
    return _PLACE.sub(lambda place: _value(found[f"p{place[1]}"]), said)


def _value(text: str) -> str:
    """What stands in a sentence: an amount, part of a sentence, or a name, which stays."""
    if _AMOUNT.fullmatch(text):
        locale = QLocale()
        separators = {",": locale.groupSeparator(), ".": locale.decimalPoint()}
        return "".join(separators.get(sign, sign) for sign in text)
    return translated(text)


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((one, re.compile(_pattern(one))) for one in (*_OF_CONNECTIONS, *_REFUSALS))


def _pattern(sentence: str) -> str:
    return _PLACE.sub(r"(?P<p\1>.*?)", re.escape(sentence))
