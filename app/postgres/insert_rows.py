"""Counts the rows of INSERT statements, where their text alone tells."""

from __future__ import annotations

import re

from app.postgres.sql_lexer import ROW

INSERT_INTO = rb'(?i:INSERT\s+INTO)\s+(?:[\w.$\x80-\xff]|"[^"]*")++(?=[\s(])(?!\s++[./-])'
"""The beginning of an INSERT up to the table's name, where that ends for sure."""

_VALUES = (
    rb'\s*+(?:\((?:[\w\s,$\x80-\xff]|"[^"]*")*+\)\s*+)?'
    rb"(?i:(?:OVERRIDING\s+(?:SYSTEM|USER)\s+VALUE\s+)?VALUES)\s*+"
)
_END = rb"(?:(?i:ON\s+CONFLICT\s+DO\s+NOTHING)\s*+)?;"
_ROW = {
    standard: re.compile(
        rb"\s*+(?:(" + INSERT_INTO + rb")" + _VALUES + rb"|,\s*+)" + row.pattern + rb"\s*+"
        rb"(?:(" + _END + rb")|(?=,))|([\s\S])",
        re.DOTALL,
    )
    for standard, row in ROW.items()
}
"""One row and what stands before it: an INSERT (group 1) or a comma; then the end (2) or another comma."""
_BEGINS, _ENDS, _ANYTHING_ELSE = 1, 2, 3
_DEFAULT_ROW = re.compile(INSERT_INTO + rb"\s*+(?i:DEFAULT\s+VALUES)\s*+" + _END)


class InsertRun:
    """INSERTs into one table, one after the other, with nothing but white space between them.

    To read them by the row is ten times as fast as to look at each. The first that is not plain ends the run.

    Attributes:
        start, end: of the whole statements in the text.
        statements, rows: how many there are.
        size: their bytes without those between them.
        unfinished: where a statement begins of which some rows were read, but not its end.
    """

    __slots__ = ("_at", "_rows", "_table", "end", "rows", "size", "start", "statements", "unfinished")

    def __init__(self, start: int) -> None:
        self.start = self.end = self.unfinished = self._at = start
        self.statements = self.rows = self.size = self._rows = 0
        self._table = b""

    def follow(self, text: bytes | bytearray, limit: int, *, standard_strings: bool) -> bool:
        """Read on; whether it got further and may get further still with more text."""
        before = self._at
        for step in _ROW[standard_strings].finditer(text, before, limit):
            what = step.lastindex
            if what == _ANYTHING_ELSE:
                break
            if (table := step[_BEGINS]) is not None:
                self._table = self._table or table
                if table != self._table:
                    break
                self.unfinished, self._rows = step.start(_BEGINS), 0
            elif not self._rows:
                break
            self._at = step.end()
            self._rows += 1
            if what == _ENDS:
                self.end = self._at
                self.statements += 1
                self.rows += self._rows
                self.size += self.end - self.unfinished
                self._rows = 0
        return self._at > max(before, self.end)


def count_rows(statement: bytes, *, standard_strings: bool = True) -> int | None:
    """How many rows an INSERT … VALUES brings; None for INSERT … SELECT, and for what is not plain."""
    if _DEFAULT_ROW.fullmatch(statement):
        return 1
    run = InsertRun(0)
    run.follow(statement, len(statement), standard_strings=standard_strings)
    return run.rows if run.statements == 1 and run.end == len(statement) else None
