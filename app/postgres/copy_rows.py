"""Reads rows out of COPY's text format, to show the first ones of a table whatever is in them.

The format: https://www.postgresql.org/docs/current/sql-copy.html, "Text Format".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

Row = tuple[str | None, ...]
"""The values of a row; None is NULL."""

LONGEST = 1 << 16
"""Bytes of one value as COPY writes it; what is longer is cut."""

CUT = "…"

_NULL = b"\\N"
_END = b"\\."
_ESCAPE = re.compile(rb"\\(?:([0-7]{1,3})|x([0-9A-Fa-f]{1,2})|(.))", re.DOTALL)
_SIGNS = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
_BROKEN_ESCAPE = re.compile(rb"(?<!\\)((?:\\\\)*)\\$")
_BROKEN_CHARACTER = re.compile("[\udc80-\udcff]{1,3}$")


def copy_rows(blocks: Iterable[bytes], codec: str, *, longest: int = LONGEST) -> Iterator[Row]:
    """The rows up to the end marker or the end; a row may be larger than memory.

    Args:
        blocks: COPY text, cut anywhere.
        codec: Python's, of its encoding; what is no text in it becomes lone surrogates.
        longest: of a value that has more bytes than this, as many are given, and a `…`.
    """
    fields = [bytearray()]
    for block in blocks:
        *lines, rest = block.split(b"\n")
        for line in lines:
            _extend(fields, line, longest)
            if len(fields) == 1 and fields[0].rstrip(b"\r") == _END:
                return
            if fields[-1].endswith(b"\r"):  # of a script whose line ends were changed: COPY writes `\r`
                del fields[-1][-1]
            yield tuple(_value(bytes(field), codec, longest) for field in fields)
            fields = [bytearray()]
        _extend(fields, rest, longest)


def _extend(fields: list[bytearray], data: bytes, longest: int) -> None:
    first, *others = data.split(b"\t")
    fields[-1] += first[: max(longest + 1 - len(fields[-1]), 0)]
    fields.extend(bytearray(other[: longest + 1]) for other in others)


def _value(raw: bytes, codec: str, longest: int) -> str | None:
    if raw == _NULL:
        return None
    is_cut = len(raw) > longest
    if is_cut:
        raw = _BROKEN_ESCAPE.sub(rb"\1", raw[:longest])
    if b"\\" in raw:
        raw = _ESCAPE.sub(_unescaped, raw)
    text = raw.decode(codec, "surrogateescape")
    return _BROKEN_CHARACTER.sub("", text) + CUT if is_cut else text


def _unescaped(match: re.Match[bytes]) -> bytes:
    octal, hexadecimal, sign = match.groups()
    if octal:
        return bytes((int(octal, 8) & 0xFF,))
    if hexadecimal:
        return bytes((int(hexadecimal, 16),))
    return _SIGNS.get(sign, sign)
