"""Counts the rows of an INSERT statement, where its text alone tells."""

from __future__ import annotations

import re

from app.postgres.sql_lexer import ROW

_BEGIN = re.compile(
    rb'INSERT\s+INTO\s+(?:[\w.$\x80-\xff]|"[^"]*")++\s*(?:\((?:[^()"]|"[^"]*")*+\)\s*)?'
    rb"(?:OVERRIDING\s+(?:SYSTEM|USER)\s+VALUE\s+)?(?:VALUES\s*(?=\()|(DEFAULT\s+VALUES\s*))",
    re.IGNORECASE,
)
_BETWEEN = re.compile(rb"\s*,\s*")
_END = re.compile(rb"\s*(?:ON\s+CONFLICT\s+DO\s+NOTHING\s*)?;\s*", re.IGNORECASE)


def count_rows(statement: bytes, *, standard_strings: bool = True) -> int | None:
    """How many rows an INSERT … VALUES brings; None for INSERT … SELECT, and for what is not plain."""
    begin = _BEGIN.match(statement)
    if not begin:
        return None
    at = begin.end()
    rows = 1
    if not begin[1]:
        row = ROW[standard_strings].match
        while found := row(statement, at):
            at = found.end()
            between = _BETWEEN.match(statement, at)
            if not between:
                break
            at = between.end()
            rows += 1
        else:
            return None
    return rows if _END.fullmatch(statement, at) else None
