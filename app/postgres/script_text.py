"""Holds the part of a SQL script that was read, and cuts statements, COPY data and meta-commands off it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from app.domain.errors import AppError, ErrorCode
from app.postgres.copy_stream import newlines
from app.postgres.insert_rows import InsertRun
from app.postgres.sql_lexer import (
    COMMENT_EDGE,
    CONNECT,
    DOLLAR_TAG,
    ESCAPED,
    ESCAPED_SIGNS,
    GAP,
    RUNS,
    SET_STRINGS,
    SIMPLE,
    WORD,
    Words,
    end_of,
)

MAX_STATEMENT = 64 * 1024 * 1024
"""Bytes of an INSERT, and of comments; COPY data has no limit."""
_WITH_CODE = frozenset((b"create", b"do", b"select", b"with", b"update", b"delete", b"merge", b"call"))
_PART_WITH_CODE, _PART_OF_NAMES = 4, 32  # what is taken apart needs several times the memory of its text

_END_MARKER = re.compile(rb"\\\.\r?\n")
_MARKER_STARTS = (b"\\", b"\\.", b"\\.\r")
_KEPT_GAP = 16_384  # bytes of comments, for the header
_TRIM = 65_536  # bytes that are done with before they are dropped


class ScriptText:
    """The script as far as it was read.

    Statements are cut out of whole lines only: of all tokens, just quotes and block comments go beyond
    one, so that no other can straddle two blocks. Backslashes in quotes are escapes where a
    `SET standard_conforming_strings` says so, at once; other ways to change that are not seen.
    """

    __slots__ = ("_blocks", "_count_data_lines", "_limit", "_pos", "_text", "line", "standard_strings")

    def __init__(self, blocks: Iterable[bytes], *, count_data_lines: bool) -> None:
        self._blocks = iter(blocks)
        self._count_data_lines = count_data_lines
        self._text = bytearray()
        self._pos = 0
        self._limit = 0  # end of the last whole line
        self.standard_strings = True
        self.line = 1
        self._grow()
        if self._text.startswith(b"\xef\xbb\xbf"):
            self._pos = 3

    def skip_gap(self) -> bytes | None:
        """Move to the next item and give the comments before it (their end); None at the script's end."""
        gap = b""
        while True:
            self._trim()
            end = end_of(GAP, self._text, self._pos, self._limit)
            gap = (gap + self._text[self._pos : end])[-_KEPT_GAP:]
            self._advance(end)
            if end == self._limit:
                if not self._grow():
                    return None
            elif self._text.startswith(b"/*", end):
                self._advance(self._past_comment(end))
            else:
                return gap

    def take_meta_command(self) -> bytes:
        """The meta-command that stands here, without its line end; empty when there is none."""
        text, start = self._text, self._pos
        if not text.startswith(b"\\", start) or text.startswith(ESCAPED_SIGNS, start):
            return b""
        end = text.find(b"\n", start, self._limit)
        self._advance(end if end >= 0 else self._limit)
        command = bytes(text[start : self._pos]).rstrip(b"\r")
        if CONNECT.match(command):
            self.standard_strings = True
        return command

    def take_statement(self) -> tuple[bytes, bool]:
        """The statement that stands here, and whether COPY data follows it."""
        start = self._pos
        simple = SIMPLE[self.standard_strings].match(self._text, start, self._limit)
        end, is_copy = (simple.end(), False) if simple else self._find_end_of_statement()
        self._advance(end)
        statement = bytes(memoryview(self._text)[start:end])
        self._trim()
        if setting := SET_STRINGS.match(statement):
            self.standard_strings = setting[1].lower() not in (b"off", b"false", b"no", b"0")
        return statement, is_copy

    def take_inserts(self) -> tuple[bytes, InsertRun] | None:
        """The plain INSERTs into one table that stand here one after the other; None where there is none."""
        text, run = self._text, InsertRun(self._pos)
        while run.follow(text, self._limit, standard_strings=self.standard_strings):
            if len(text) - run.unfinished > MAX_STATEMENT or not self._grow():
                break
        if not run.statements:
            return None
        self._advance(run.end)
        inserts = bytes(memoryview(text)[run.start : run.end])
        self._trim()
        return inserts, run

    def _find_end_of_statement(self) -> tuple[int, bool]:
        text, at = self._text, self._pos
        words, depth = Words(), 0
        while True:
            at = end_of(RUNS[not words.matter, self.standard_strings], text, at, self._limit)
            if at == self._limit:
                self._read_on()
                continue
            match chr(text[at]):
                case "(":
                    at, depth = at + 1, depth + 1
                case ")":
                    at, depth = at + 1, max(0, depth - 1)
                case ";":
                    at += 1
                    if not depth and not words.body_depth:
                        return at, words.reads_data
                case "\\":
                    if not text.startswith(ESCAPED_SIGNS, at):
                        return at, False
                    words = Words() if text.startswith(b"\\;", at) else words
                    at += 2
                case _:
                    start_of_word, at = at, self._past_quoted(at)
                    if at == start_of_word:
                        at = end_of(WORD, text, at, self._limit)
                        if not depth:
                            words.add(bytes(text[start_of_word:at]).lower())

    def copy_data(self) -> Iterator[bytes]:
        """The data below the COPY statement just taken; what is left of its line comes afterwards."""
        text, statement_line = self._text, self.line
        begin = text.find(b"\n", self._pos, self._limit) + 1 or self._limit
        if end := _find_end(text, begin, at_line_start=True):
            if end.start() > begin:
                yield bytes(memoryview(text)[begin : end.start()])
            self.line += text.count(b"\n", begin, end.end())
            if text[self._pos : begin].isspace():
                self._pos = end.end()
                self.line += 1
            else:
                del text[begin : end.end()]
                self._limit -= end.end() - begin
            return
        chunk, at_line_start = bytes(memoryview(text)[begin:]), True
        del text[begin:]
        while not (end := _find_end(chunk, 0, at_line_start=at_line_start)):
            held = _marker_start(chunk, at_line_start=at_line_start)
            data = chunk[: len(chunk) - held] if held else chunk
            if data:
                yield data
                at_line_start = data.endswith(b"\n")
                if self._count_data_lines:
                    self.line += newlines(data)
            block = next(self._blocks, None)
            if block is None:
                if chunk[len(data) :] not in _MARKER_STARTS[1:]:
                    raise _damaged("The SQL script ends in the middle of a table's data", statement_line)
                block = b"\n"
            chunk = chunk[len(data) :] + block if held else block
        if data := chunk[: end.start()]:
            yield data
        self.line += chunk.count(b"\n", 0, end.end())
        text += chunk[end.end() :]
        self._limit = text.rfind(b"\n") + 1

    def _trim(self) -> None:
        """Drop what is done with."""
        if self._pos > _TRIM:
            del self._text[: self._pos]
            self._limit -= self._pos
            self._pos = 0

    def _advance(self, end: int) -> None:
        self.line += self._text.count(b"\n", self._pos, end)
        self._pos = end

    def _grow(self) -> bool:
        """Read at least one more line; False at the script's end."""
        known = len(self._text)
        for block in self._blocks:
            self._text += block
            newline = self._text.rfind(b"\n", known)
            if newline >= 0:
                self._limit = newline + 1
                return True
            known = len(self._text)
            self._check_size()
        grew = self._limit < known
        self._limit = known
        return grew

    def _read_on(self) -> None:
        """Read at least one more line of the statement that stands here."""
        self._check_size()
        if not self._grow():
            raise _damaged("The SQL script ends in the middle of a statement", self.line)

    def _check_size(self) -> None:
        largest = _largest(bytes(self._text[self._pos : self._pos + 10]))
        if len(self._text) - self._pos > largest:
            raise AppError(
                ErrorCode.UNKNOWN_FORMAT,
                "The SQL script holds a statement that is too large",
                detail=f"Line {self.line}: more than {largest // 2**20} MB without an end.",
                hint="Perhaps a quote is never closed. Otherwise dump the rows as COPY, or into an archive.",
            )

    def _past_quoted(self, at: int) -> int:
        """Past the quotes or the comment that open here; stays where none does."""
        match chr(self._text[at]):
            case "'" if self.standard_strings:
                return self._past(b"'", at + 1)
            case "'":
                return self._past_escaped(at + 1)
            case "e" | "E" if self._text.startswith(b"'", at + 1):
                return self._past_escaped(at + 2)
            case '"':
                return self._past(b'"', at + 1)
            case "$":
                end = end_of(DOLLAR_TAG, self._text, at, self._limit)
                return self._past(bytes(self._text[at:end]), end)
            case "/":
                return self._past_comment(at)
        return at

    def _past(self, closing: bytes, at: int) -> int:
        while (found := self._text.find(closing, at, self._limit)) < 0:
            at = self._limit
            self._read_on()
        return found + len(closing)

    def _past_escaped(self, at: int) -> int:
        while True:
            at = end_of(ESCAPED, self._text, at, self._limit)
            if self._text.startswith(b"'", at, self._limit):
                return at + 1
            self._read_on()

    def _past_comment(self, at: int) -> int:
        depth = 0
        while True:
            edge = COMMENT_EDGE.search(self._text, at, self._limit)
            if not edge:
                at = self._limit
                self._read_on()
                continue
            at = edge.end()
            depth += 1 if edge[0] == b"/*" else -1
            if not depth:
                return at


def _largest(start: bytes) -> int:
    """Bytes that a statement of this kind, or a comment, may have."""
    word = WORD.match(start)
    if not word or word[0].lower() == b"insert":
        return MAX_STATEMENT
    return MAX_STATEMENT // (_PART_WITH_CODE if word[0].lower() in _WITH_CODE else _PART_OF_NAMES)


def _find_end(data: bytes | bytearray, begin: int, *, at_line_start: bool) -> re.Match[bytes] | None:
    """Where the end marker `\\.` stands on a line of its own, line end included."""
    if at_line_start and (end := _END_MARKER.match(data, begin)):
        return end
    if data.find(b"\\", begin) < 0:  # one byte is found ten times as fast as several
        return None
    found = data.find(b"\n\\.\n", begin)
    before = found if found >= 0 else len(data)
    if data.find(b"\r", begin, before) >= 0:  # rare, as COPY writes a CR as \r; and quick to find
        windows = data.find(b"\n\\.\r\n", begin, before)
        found = windows if windows >= 0 else found
    return _END_MARKER.match(data, found + 1) if found >= 0 else None


def _marker_start(data: bytes, *, at_line_start: bool) -> int:
    """How many bytes at the end of the data may be the beginning of the end marker."""
    for start in _MARKER_STARTS:
        if data.endswith(b"\n" + start) or (at_line_start and data == start):
            return len(start)
    return 0


def _damaged(title: str, line: int) -> AppError:
    return AppError(
        ErrorCode.ARCHIVE_DAMAGED,
        title,
        detail=f"It begins in line {line} and has no end.",
        hint="The file is cut short, or was changed. Get another copy of it.",
    )
