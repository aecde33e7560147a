"""Keeps the beginning and the end of a script, where pg_dump says who it is and that it came to the end."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_HEAD = 64 * 1024
_TAIL = 1024
_SERVER_VERSION = re.compile(rb"^-- Dumped from database version (\S+)", re.MULTILINE)
_DUMP_VERSION = re.compile(rb"^-- Dumped by pg_dump(?:all)? version (\S+)", re.MULTILINE)
_MADE_BY_DUMP = re.compile(rb"^-- PostgreSQL database dump\r?$", re.MULTILINE)
_MADE_BY_DUMPALL = re.compile(rb"^-- PostgreSQL database cluster dump\r?$", re.MULTILINE)
_DUMP_ENDS = re.compile(rb"^-- PostgreSQL database dump complete\r?$", re.MULTILINE)
_DUMPALL_ENDS = re.compile(rb"^-- PostgreSQL database cluster dump complete\r?$", re.MULTILINE)


class ScriptEnds:
    """Passes blocks on and keeps the first and the last bytes."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._blocks = blocks
        self.head = b""
        self.is_dumpall = False
        self._tail = b""

    def __iter__(self) -> Iterator[bytes]:
        for block in self._blocks:
            if len(self.head) < _HEAD:
                self.head += block[: _HEAD - len(self.head)]
                self.is_dumpall = _MADE_BY_DUMPALL.search(self.head) is not None
            self._tail = (self._tail + block[-_TAIL:])[-_TAIL:]
            yield block

    @property
    def is_complete(self) -> bool:
        """Whether its writer came to the end, as far as its writer says so."""
        if self.is_dumpall:
            return _DUMPALL_ENDS.search(self._tail) is not None
        return not _MADE_BY_DUMP.search(self.head) or _DUMP_ENDS.search(self._tail) is not None

    @property
    def server_version(self) -> str:
        """The version that was dumped, as pg_dump noted it; empty otherwise."""
        return _text(_SERVER_VERSION, self.head)

    @property
    def dump_version(self) -> str:
        """That of the pg_dump that wrote it; empty otherwise."""
        return _text(_DUMP_VERSION, self.head)


def _text(pattern: re.Pattern[bytes], text: bytes) -> str:
    match = pattern.search(text)
    return match[1].decode("ascii", "replace") if match else ""
