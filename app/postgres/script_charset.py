"""Tells in which characters a script is written, so that UTF-16 and unnamed 8-bit text arrive as meant."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from enum import StrEnum
from itertools import chain

from app.postgres.archive_entry import python_codec
from app.postgres.archive_errors import damaged


class Charset(StrEnum):
    """How a script's bytes are to be read; the values are Python's names."""

    UTF_8 = "utf-8"
    """Or whatever the script's own `SET client_encoding` says."""
    UTF_16_LE = "utf-16-le"
    UTF_16_BE = "utf-16-be"
    LATIN_1 = "latin-1"
    """A guess: neither UTF-8, nor does the script name an encoding."""
    WINDOWS_1252 = "windows-1252"
    """Likewise, with bytes that are control characters in LATIN1."""


UTF_16 = (Charset.UTF_16_LE, Charset.UTF_16_BE)

_MARKS = {
    codecs.BOM_UTF8: Charset.UTF_8,
    codecs.BOM_UTF16_LE: Charset.UTF_16_LE,
    codecs.BOM_UTF16_BE: Charset.UTF_16_BE,
}
_UTF_32 = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_CLIENT_ENCODING = re.compile(
    rb"^[ \t]*(?:SET\s+(?:SESSION\s+)?client_encoding\s*(?:=|TO)\s*'?\"?|\\encoding\s+'?)([\w-]+)",
    re.IGNORECASE | re.MULTILINE,
)
_C1 = re.compile(rb"[\x80-\x9f]")
_GUESSES = {Charset.UTF_8: "UTF8", Charset.LATIN_1: "LATIN1", Charset.WINDOWS_1252: "WIN1252"}
_SAMPLE = 4096


def client_encoding(script: bytes) -> str:
    """The encoding that a script names, in its own words and capitals; empty where it names none."""
    match = _CLIENT_ENCODING.search(script)
    return match[1].decode("ascii", "replace").upper() if match else ""


def likely_encoding(script: bytes) -> str:
    """PostgreSQL's name of the encoding that these bytes of a script without one seem to have."""
    return _GUESSES[_guess(script)]


def charset_of(head: bytes) -> Charset:
    """How a script that begins like this is to be read."""
    if head.startswith(_UTF_32):
        return Charset.UTF_8
    for mark, charset in _MARKS.items():
        if head.startswith(mark):
            return charset
    sample = head[: _SAMPLE & ~1]
    even, odd, half = sample[::2].count(0), sample[1::2].count(0), len(sample) // 2
    if half and odd > half * 0.7 and even < half * 0.05:
        return Charset.UTF_16_LE
    if half and even > half * 0.7 and odd < half * 0.05:
        return Charset.UTF_16_BE
    return Charset.UTF_8 if client_encoding(head) else _guess(head)


def as_utf_8(head: bytes, charset: Charset) -> bytes:
    """These first bytes of a script without a byte order mark, and UTF-16 as UTF-8."""
    head = _without_mark(head)
    return head.decode(charset, "replace").encode() if charset in UTF_16 else head


def script_text(blocks: Iterator[bytes], charset: Charset, name: str) -> Iterator[bytes]:
    """A script as psql takes it: no byte order mark, and no UTF-16, which no server knows.

    What was UTF-16 becomes what the script's own `SET client_encoding` says, and UTF-8 without one.

    Raises:
        AppError: ARCHIVE_DAMAGED when it is no UTF-16 after all.
    """
    start = b""
    while len(start) < _SAMPLE and (block := next(blocks, None)) is not None:
        start += block
    rest = chain((_without_mark(start),), blocks)
    if charset not in UTF_16:
        yield from (block for block in rest if block)
        return
    decoder = codecs.getincrementaldecoder(charset)()
    target = python_codec(client_encoding(as_utf_8(start, charset)))
    try:
        for block in rest:
            if text := decoder.decode(block):
                yield text.encode(target)
        yield decoder.decode(b"", final=True).encode(target)
    except UnicodeError as error:
        raise damaged(name, f"its {charset} text cannot be read: {error}") from error


def _without_mark(head: bytes) -> bytes:
    return next((head.removeprefix(mark) for mark in _MARKS if head.startswith(mark)), head)


def _guess(text: bytes) -> Charset:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        decoder.decode(text)
    except UnicodeDecodeError:
        return Charset.WINDOWS_1252 if _C1.search(text) else Charset.LATIN_1
    return Charset.UTF_8
