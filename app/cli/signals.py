"""Lets a request to end reach code that does not look for it, so that it still tidies up."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def interrupted_by_signals() -> Iterator[None]:
    """While inside, SIGTERM and a closed terminal raise KeyboardInterrupt, as Ctrl-C does."""
    kinds = [signal.SIGTERM]
    if sys.platform != "win32":
        kinds.append(signal.SIGHUP)
    before = {kind: signal.signal(kind, _interrupt) for kind in kinds}
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
