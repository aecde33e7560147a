"""Reads blocks in a thread of its own while those before them are worked on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from queue import Full, Queue

_DEPTH = 8
_LOOK_SECONDS = 0.1


def read_ahead(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The same blocks; at most a few wait. What reading them raises is raised in their place."""
    waiting: Queue[bytes | BaseException | None] = Queue(_DEPTH)
    ended = threading.Event()

    def put(item: bytes | BaseException | None) -> bool:
        while not ended.is_set():
            try:
                waiting.put(item, timeout=_LOOK_SECONDS)
            except Full:
                continue
            return True
        return False

    def read() -> None:
        try:
            for block in blocks:
                if not put(block):
                    return
        except BaseException as error:  # noqa: BLE001 - raised below
            put(error)
        else:
            put(None)

    reader = threading.Thread(target=read, daemon=True, name="read ahead")
    reader.start()
    try:
        while (item := waiting.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        ended.set()
        reader.join()
