"""Blocks of bytes, as they come out of a packed file, as a file that can be read from end to end."""

from __future__ import annotations

import io
from collections.abc import Iterator


class BlockFile(io.RawIOBase):
    """Reads through blocks; wrap it in `io.BufferedReader` for reads of an exact length."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._held = memoryview(b"")

    def readable(self) -> bool:
        """It is, and nothing else."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer with what one block still has; 0 at the end."""
        while not self._held:
            block = next(self._blocks, None)
            if block is None:
                return 0
            self._held = memoryview(block)
        count = min(len(buffer), len(self._held))
        buffer[:count] = self._held[:count]
        self._held = self._held[count:]
        return count
