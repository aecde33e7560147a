"""Drives the window from inside its own process, where the event loop and the end of a paint can be seen.

usage: python -m tests.benchmarks.window_inside MEASUREMENT RESULT

The program starts as it does for a user. When its window has been there for a while, the measurement takes
over; what it found is written to RESULT as JSON.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QCoreApplication, QEvent, QEventLoop, QObject, QTimer, SignalInstance
from PySide6.QtWidgets import QAbstractItemView, QWidget

from app.domain.backup import BackupOptions
from app.domain.operation import OperationEvent, Succeeded
from app.ui.application import run_window
from app.ui.backup_work import WantedBackup
from app.ui.frame import Frame
from app.ui.models.history_model import SORTS
from app.ui.models.table_tree import TableItem
from app.ui.widgets.rail import Place
from tests.benchmarks.heartbeat import Heartbeat
from tests.benchmarks.window_home import PROJECT

if TYPE_CHECKING:
    from app.ui.tabs.backup import BackupPage
    from app.ui.tabs.history import HistoryPage
    from app.ui.window_log import WindowLog

MANY_TABLES = 5_000

_FIRST_REST = 2_000
_LIMIT = 20_000
_BACKUP_LIMIT = 1_800_000
_SCROLL = 16
_ALONE = 5_000

Figures = dict[str, object]


class Window(QObject):
    """The window while it is measured; what is waited for runs in its own event loop."""

    def __init__(self, frame: Frame) -> None:
        super().__init__(frame)
        self.frame = frame
        self._loop = QEventLoop(self)
        self._is_armed = False
        frame.window.installEventFilter(self)

    def time_paint(self, act: Callable[[], object], view: QAbstractItemView | None = None) -> float:
        """Milliseconds from the start of an act to the end of the paint that shows what it did.

        Args:
            view: must have been painted, too: a page may be painted before its rows are there.
        """
        painted = _Painted(view.viewport()) if view else None
        begun = time.perf_counter()
        act()
        while True:
            self._is_armed = True
            self._run(_LIMIT)
            if painted is None or painted.count:
                return (time.perf_counter() - begun) * 1000

    def time_answer(
        self, act: Callable[[], object], asked: SignalInstance, answered: SignalInstance
    ) -> float:
        """Milliseconds from a question to the end of the paint that shows its answer.

        Args:
            act: what the user does.
            asked: tells that he is done: while he types a search there is a pause in which nothing is asked.
            answered: tells that the answer is there, and will be painted.
        """
        begun = time.perf_counter()

        def note_start() -> None:
            nonlocal begun
            begun = time.perf_counter()

        def arm() -> None:
            self._is_armed = True

        asked.connect(note_start)
        answered.connect(arm)
        act()
        self._run(_LIMIT)
        asked.disconnect(note_start)
        answered.disconnect(arm)
        return (time.perf_counter() - begun) * 1000

    def wait_for(self, signal: SignalInstance, limit: int) -> list[object]:
        """Let the window run until a signal comes, and give what it brings."""
        told: list[object] = []

        def note(*values: object) -> None:
            told.extend(values)
            self._loop.quit()

        signal.connect(note)
        self._run(limit)
        return told

    def rest(self, milliseconds: int = 300) -> None:
        """Let the window run for a while."""
        QTimer.singleShot(milliseconds, self._loop.quit)
        self._loop.exec()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Changes are painted and brought to the screen while the window handles this event."""
        if event.type() is QEvent.Type.UpdateRequest and self._is_armed:
            self._is_armed = False
            QTimer.singleShot(0, self._loop.quit)
        return False

    def _run(self, limit: int) -> None:
        late = QTimer(self)
        late.setSingleShot(True)
        late.timeout.connect(lambda: self._loop.exit(1))
        late.start(limit)
        status = self._loop.exec()
        late.stop()
        if status:
            raise TimeoutError(f"nothing happened for {limit / 1000:g} s")


class _Painted(QObject):
    def __init__(self, watched: QWidget) -> None:
        super().__init__(watched)
        self.count = 0
        watched.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        self.count += event.type() is QEvent.Type.Paint
        return False


def measure_history(window: Window) -> Figures:
    """Open History, filter, sort and scroll it; the memory that all this took, in bytes."""
    before = memory()
    opening, page = _open_history(window)
    asks: dict[str, Sequence[Callable[[], object]]] = {
        "search, some": (lambda: page.filters.search.setText("move"), page.filters.clear),
        "search, none": (lambda: page.filters.search.setText("nowhere"), page.filters.clear),
        "project": (lambda: page.filters.project.setCurrentIndex(1), page.filters.clear),
        "result": (lambda: page.filters.result.setCurrentIndex(2), page.filters.clear),
        "proof": (lambda: page.filters.proof.setCurrentIndex(4), page.filters.clear),
        "dates": (lambda: page.filters.dates.setCurrentIndex(3), page.filters.clear),
    }
    answers: dict[str, list[float]] = {}
    for _ in range(3):
        for name, acts in asks.items():
            for act in acts:
                taken = window.time_answer(act, page.filters.changed, page.model.answered)
                answers.setdefault(f"filter: {name}", []).append(taken)
                window.rest(100)
        click = page.table.horizontalHeader().sectionClicked
        for column in SORTS:
            for _ in range(2):
                taken = window.time_answer(partial(click.emit, column), click, page.model.answered)
                answers.setdefault(f"sort: {column.name.lower()}", []).append(taken)
                window.rest(100)
    bar = page.table.verticalScrollBar()
    for step in range(200):
        bar.setValue(bar.maximum() * step // 199)
        window.rest(20)
    return {"opening": opening, "answers": answers, "memory": memory() - before}


def measure_tree(window: Window) -> Figures:
    """Show many tables on the page Backup, then filter them."""
    page = cast("BackupPage", window.frame.window.open_place(Place.BACKUP))
    page.show_options(True)
    window.rest(3_000)  # the database is asked meanwhile
    tables = tuple(
        TableItem(f"schema_{number % 4}", f"table_{number:04}", number * 37, number * 8192, about=True)
        for number in range(MANY_TABLES)
    )
    view = page.form.tree.view
    opening = window.time_paint(lambda: page.form.tree.show_tables(tables), view)
    window.rest()
    unfolding = window.time_paint(view.expandAll, view)
    window.rest()
    filtering = window.time_paint(lambda: page.form.tree.filter.setText("table_49"), view)
    return {"opening": opening, "unfolding": unfolding, "filtering": filtering}


def measure_backup(window: Window) -> Figures:
    """Back the project up, with its proof, while History is scrolled; before, scroll alone: milliseconds."""
    _, page = _open_history(window)
    bar, places = page.table.verticalScrollBar(), random.Random(1)
    scrolled = 0

    def scroll() -> None:
        nonlocal scrolled
        scrolled += 1
        jump = places.randrange(bar.maximum()) if scrolled % 120 == 0 else bar.value() + 30
        bar.setValue(jump if jump < bar.maximum() else 0)

    wheel = QTimer(window)
    wheel.setInterval(_SCROLL)
    wheel.timeout.connect(scroll)
    frame = window.frame
    wheel.start()
    alone = Heartbeat(window)
    alone.start()
    window.rest(_ALONE)
    alone.stop()
    heartbeat = Heartbeat(window)
    heartbeat.start()
    begun = time.monotonic()
    destination = frame._state.destination
    frame.launcher.back_up(WantedBackup(PROJECT, BackupOptions(), destination))
    told = window.wait_for(frame.operations.finished, _BACKUP_LIMIT)
    seconds = time.monotonic() - begun
    window.rest(1_000)
    wheel.stop()
    heartbeat.stop()
    event = cast("OperationEvent", told[0])
    if not isinstance(event, Succeeded):
        raise TypeError(f"the backup did not succeed: {event}")
    return {"seconds": seconds, "scrolled": scrolled, "alone": alone.figures()} | heartbeat.figures()


def _open_history(window: Window) -> tuple[float, HistoryPage]:
    begun = time.perf_counter()
    page = cast("HistoryPage", window.frame.window.open_place(Place.HISTORY))
    made = (time.perf_counter() - begun) * 1000
    taken = made + window.time_paint(lambda: None, page.table)
    window.rest()
    return taken, page


def memory() -> int:
    """This process's share of the memory it uses (PSS), in bytes."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


MEASUREMENTS = {"history": measure_history, "tree": measure_tree, "backup": measure_backup}


def main(name: str, result: Path) -> int:
    """Start the program as `holdfast` does, with the measurement in its event loop."""
    start = Frame.start
    failed: list[BaseException] = []

    def measure(frame: Frame) -> None:
        window = Window(frame)
        try:
            window.rest(_FIRST_REST)
            result.write_text(json.dumps(MEASUREMENTS[name](window)))
        except Exception as error:  # noqa: BLE001 - Qt would swallow it
            failed.append(error)
        QTimer.singleShot(0, lambda: QCoreApplication.exit(0))

    def start_and_measure(frame: Frame, paths: Sequence[Path], log: WindowLog) -> None:
        start(frame, paths, log)
        QTimer.singleShot(0, lambda: measure(frame))

    Frame.start = start_and_measure  # type: ignore[method-assign, assignment]
    status = run_window([])
    if failed:
        raise failed[0]
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
