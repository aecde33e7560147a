"""Puts many names into one sentence of a plan."""

from __future__ import annotations

from collections.abc import Iterable

NAMES_SHOWN = 8


def some(names: Iterable[str]) -> str:
    """The first few names, and how many more there are."""
    every = list(names)
    more = f" and {len(every) - NAMES_SHOWN:,} more" if len(every) > NAMES_SHOWN else ""
    return ", ".join(every[:NAMES_SHOWN]) + more


def listed(word: str, names: Iterable[str]) -> str:
    """`role a` or `roles a, b`."""
    every = sorted(names)
    return f"{word}{'s' if len(every) > 1 else ''} {some(every)}"


def counted(number: int, word: str, plural: str = "") -> str:
    """`1 table` or `1,200 tables`; `plural` where it is not the word with an s."""
    return f"{number:,} {word if number == 1 else plural or word + 's'}"
