"""The tokens of SQL as psql sees them: what matters to where a statement ends, and nothing more.

They work on bytes, for encodings in which an ASCII byte is always the ASCII character: all that a
server can have, but not the client-only SJIS, BIG5, GBK, UHC and GB18030.

The source is PostgreSQL's src/fe_utils/psqlscan.l. Two things differ: `BEGIN` opens a body only before
`ATOMIC`, so that a function named begin does no harm, and psql's `:variables` are not known.
"""

from __future__ import annotations

import re

GAP = re.compile(rb"(?:[ \t\n\r\f\v]++|--[^\r\n]*+)*+")
WORD = re.compile(rb"[A-Za-z_\x80-\xff][A-Za-z0-9_$\x80-\xff]*+")
DOLLAR_TAG = re.compile(rb"\$(?:[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*+)?\$")
COMMENT_EDGE = re.compile(rb"/\*|\*/")
ESCAPED = re.compile(rb"(?:[^'\\]++|\\.|'')*+", re.DOTALL)
SET_STRINGS = re.compile(
    rb"set\s+(?:session\s+|local\s+)?\"?standard_conforming_strings\"?\s*(?:=|to\b)\s*'?(\w+)'?\s*;",
    re.IGNORECASE,
)
CONNECT = re.compile(rb"\\c(?:onnect)?(?![a-z])")
ESCAPED_SIGNS = (b"\\;", b"\\:")  # psql sends the bare sign, and ends no statement

_ROUTINE_STARTS = (b"create ", b"create or ", b"create or replace ")
_ROUTINES = tuple(start + kind for start in _ROUTINE_STARTS[::2] for kind in (b"function ", b"procedure "))


def _run(*, words: bool, standard_strings: bool) -> bytes:
    """What cannot end a statement: all up to a parenthesis, `;`, `\\`, or quotes that are still open.

    Parentheses up to two deep are taken whole, which is quick, and words only where they do not matter.
    """
    flat, nested, others = _insides(standard_strings=standard_strings)
    outer = flat if words else others
    return rb"(?:" + outer + rb"|\((?:" + nested + rb")*+\))*+"


def _insides(*, standard_strings: bool) -> tuple[bytes, bytes, bytes]:
    """What may stand outside of parentheses, what in those, and what is no word."""
    word = (rb"[eE]'" + ESCAPED.pattern + rb"'", rb"(?![eE]')" + WORD.pattern)
    others = (
        rb"[^'\"$;()\\/\-A-Za-z_\x80-\xff]++",
        rb"'[^']*+'" if standard_strings else rb"'" + ESCAPED.pattern + rb"'",
        rb'"[^"]*+"',
        rb"-(?:-[^\r\n]*+)?+",
        rb"/(?!\*)",
        rb"\$(?!" + DOLLAR_TAG.pattern[2:] + rb")",
    )
    flat = rb"|".join((*others, *word))
    return flat, flat + rb"|\((?:" + flat + rb")*+\)", rb"|".join(others)


RUNS = {
    (words, standard): re.compile(_run(words=words, standard_strings=standard), re.DOTALL)
    for words in (False, True)
    for standard in (False, True)
}
SIMPLE = {
    standard: re.compile(
        rb"(?=[A-Za-z])(?!(?i:copy|create)\b)" + _run(words=True, standard_strings=standard) + rb";",
        re.DOTALL,
    )
    for standard in (False, True)
}
"""A whole statement of which no word matters: nearly all in a dump of INSERTs."""
ROW = {
    standard: re.compile(rb"\((?:" + _insides(standard_strings=standard)[1] + rb")*+\)", re.DOTALL)
    for standard in (False, True)
}
"""What stands in parentheses, with others in them: a row of VALUES."""


class Words:
    """Follows the bare words of a statement outside of parentheses while they matter to its end."""

    __slots__ = ("_in_copy", "_in_routine", "_last", "_start", "body_depth", "matter", "reads_data")

    def __init__(self) -> None:
        self._start = self._last = b""
        self._in_copy = self._in_routine = self.reads_data = False
        self.matter = True
        self.body_depth = 0

    def add(self, word: bytes) -> None:
        """Take the next one, in lower case."""
        last, self._last = self._last, word
        if self._in_routine:
            if last == b"begin" and word == b"atomic":
                self.body_depth += 1
            elif self.body_depth and word in (b"case", b"end"):
                self.body_depth += 1 if word == b"case" else -1
        elif self._in_copy:
            if last == b"from":  # no table is called that without quotes
                self.reads_data = word in (b"stdin", b"stdout")  # both mean the client
                self.matter = False
        else:
            self._start += word + b" "
            self._in_copy = self._start == b"copy "
            self._in_routine = self._start in _ROUTINES
            self.matter = self._in_copy or self._in_routine or self._start in _ROUTINE_STARTS


def end_of(pattern: re.Pattern[bytes], text: bytearray, at: int, limit: int) -> int:
    """Where the pattern's match at this place ends; the place itself when there is none."""
    found = pattern.match(text, at, limit)
    return found.end() if found else at
