"""Puts names, and many of them, into one sentence of a plan."""

from __future__ import annotations

import re
from collections.abc import Iterable

from app.postgres.quoting import quote_identifier, signature_parts
from app.postgres.target_facts import TargetFacts

NAMES_SHOWN = 8
_PLAIN = re.compile(r"[a-z_][a-z0-9_$]*")


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


def readable(schema: str, name: str) -> str:
    """A name with its schema, quoted only where SQL needs it; a routine's has its arguments."""
    bare, arguments = signature_parts(name)
    written = bare if _PLAIN.fullmatch(bare) else quote_identifier(bare)
    if not schema:
        return written + arguments
    return f"{schema if _PLAIN.fullmatch(schema) else quote_identifier(schema)}.{written}{arguments}"


def rows_held(target: TargetFacts, schema: str, table: str) -> str:
    """` (about 1,200 rows)` behind the name of a table that holds some; empty otherwise."""
    if (schema, table) not in target.rows_in:
        return ""
    number = target.row_numbers.get((schema, table))
    return f" (about {counted(number, 'row')})" if number else " (with rows)"
