"""Finds out how long the window's thread was held up, and where."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections import Counter
from types import FrameType

from PySide6.QtCore import QObject, Qt, QTimer

_BEAT = 5
_STALL = 12
_WATCH = 0.003
_PLACES = 12
_WAITING = (" wait", " _try_wait", " _wait", " _worker", " _drain", " <lambda>", " _serve", " result")


class Heartbeat:
    """Beats each 5 ms in the event loop of its owner's thread; what a beat is late is a gap of the loop.

    A thread beside it looks, while a beat is late, what the owner's thread and the others are at.
    """

    def __init__(self, owner: QObject) -> None:
        self._timer = QTimer(owner)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(_BEAT)
        self._timer.timeout.connect(self._beat)
        self._main = threading.get_ident()
        self._last = 0.0
        self._seen: list[str] = []
        self._gaps: list[float] = []
        self._stalls: list[tuple[float, list[str]]] = []
        self._runs = threading.Event()
        self._watchdog = threading.Thread(target=self._watch, daemon=True, name="watchdog")

    def start(self) -> None:
        """Begin to beat."""
        self._last = time.perf_counter()
        self._runs.set()
        self._timer.start()
        self._watchdog.start()

    def stop(self) -> None:
        """End it."""
        self._timer.stop()
        self._runs.clear()
        self._watchdog.join()

    def figures(self) -> dict[str, object]:
        """Milliseconds: the longest gap, what 999 of 1,000 stay below; and the places of the long ones."""
        gaps = sorted(self._gaps)
        places = Counter(place for _, seen in self._stalls for place in dict.fromkeys(seen))
        worst = sorted(self._stalls, key=lambda stall: -stall[0])[:_PLACES]
        return {
            "beats": len(gaps),
            "longest": gaps[-1],
            "percentile_99_9": gaps[int(len(gaps) * 0.999)],
            "worst": [[round(gap, 1), *seen[-1:]] for gap, seen in worst],
            "places": dict(places.most_common(_PLACES)),
        }

    def _beat(self) -> None:
        now = time.perf_counter()
        gap = max(0.0, (now - self._last) * 1000 - _BEAT)
        self._last = now
        self._gaps.append(gap)
        if gap > _STALL:
            self._stalls.append((gap, self._seen))
        self._seen = []

    def _watch(self) -> None:
        while self._runs.is_set():
            time.sleep(_WATCH)
            if (time.perf_counter() - self._last) * 1000 < _BEAT + _STALL / 2:
                continue
            frames = sys._current_frames()
            seen = f"window: {_place(frames[self._main], 2)}"
            for thread in threading.enumerate():
                if thread.ident in frames and thread.ident not in (self._main, threading.get_ident()):
                    place = _place(frames[thread.ident], 1)
                    if not place.endswith(_WAITING):
                        seen += f" | {thread.name.split()[0]}: {place}"
            self._seen.append(seen)


def _place(frame: FrameType, depth: int) -> str:
    """The innermost lines of a stack."""
    lines = traceback.extract_stack(frame)[: -depth - 1 : -1]
    return " < ".join(f"{line.filename.rsplit('/', 1)[-1]}:{line.lineno} {line.name}" for line in lines)
