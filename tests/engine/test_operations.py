"""The queue: who runs when, what the listener hears in which order, and how everything is stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.domain.errors import AppError, ErrorCode
from app.domain.events import (
    CopyOpened,
    Listener,
    Notice,
    Phase,
    Progress,
    TableProgress,
    TableState,
)
from app.domain.operation import (
    OVER,
    Cancelled,
    Failed,
    Noted,
    Opened,
    Operation,
    OperationEvent,
    OperationKind,
    Progressed,
    Queued,
    Started,
    Succeeded,
)
from app.engine.operations import Operations, OperationState, Work
from app.persistence.operation_log import find_log
from app.system.cancellation import CancelToken

BACKUP = OperationKind.BACKUP


class Ear:
    """Hears everything, and can wait for something."""

    def __init__(self) -> None:
        self.events: list[OperationEvent] = []
        self._changed = threading.Condition()

    def __call__(self, event: OperationEvent) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    def wait(self, wanted: Callable[[OperationEvent], bool]) -> OperationEvent:
        def found() -> OperationEvent | None:
            return next((event for event in self.events if wanted(event)), None)

        with self._changed:
            assert self._changed.wait_for(lambda: found() is not None, 10), self.events
            event = found()
        assert event is not None
        return event

    def end_of(self, operation: Operation) -> OperationEvent:
        return self.wait(lambda event: isinstance(event, OVER) and event.operation == operation)

    def start_of(self, operation: Operation) -> OperationEvent:
        return self.wait(lambda event: isinstance(event, Started) and event.operation == operation)

    def opening_of(self, operation: Operation) -> OperationEvent:
        return self.wait(lambda event: isinstance(event, Opened) and event.operation == operation)

    def kinds(self, operation: Operation) -> list[str]:
        of_it = [event for event in self.events if event.operation == operation]
        return [type(event).__name__ for event in of_it if not isinstance(event, Noted)]


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def queue(ear: Ear, tmp_path: Path) -> Iterator[Operations]:
    made = Operations(ear, tmp_path / "logs")
    yield made
    assert made.shutdown(10)


def until_cancelled(cancel: CancelToken, _: Listener) -> None:
    cancel.wait(30)


def gate(event: threading.Event) -> Work:
    """Work that ends when the event is set, or when it is cancelled."""

    def work(cancel: CancelToken, _: Listener) -> str:
        while not event.wait(0.005):
            cancel.check()
        return "through"

    return work


def test_an_operation_is_queued_started_and_succeeds_with_its_result(queue: Operations, ear: Ear) -> None:
    done = queue.submit(BACKUP, "Shop", lambda cancel, listener: 42, subject="before the move")
    end = ear.end_of(done)
    assert isinstance(end, Succeeded)
    assert end.result == 42
    assert ear.kinds(done) == ["Queued", "Started", "Succeeded"]
    assert (done.kind, done.project, done.subject) == ("backup", "Shop", "before the move")


def test_two_run_at_once_one_of_each_project_and_the_others_wait_in_order(
    queue: Operations, ear: Ear
) -> None:
    gates = [threading.Event() for _ in range(5)]
    names = ["Shop", "SHOP", "Blog", "Wiki", "Blog"]
    first, again, blog, wiki, blog_again = (
        queue.submit(BACKUP, name, gate(event)) for name, event in zip(names, gates, strict=True)
    )
    ear.start_of(blog)
    assert [(s.operation, s.state) for s in queue.snapshot()] == [
        (first, "running"),
        (blog, "running"),
        (again, "waiting"),
        (wiki, "waiting"),
        (blog_again, "waiting"),
    ]
    gates[2].set()  # Blog ends: Shop is still busy, so that Wiki is the next
    ear.start_of(wiki)
    gates[0].set()
    ear.start_of(again)
    assert "Started" not in ear.kinds(blog_again)
    for event in gates:
        event.set()
    ear.end_of(blog_again)
    started = [event.operation for event in ear.events if isinstance(event, Started)]
    assert set(started[:2]) == {first, blog}  # two threads start them
    assert started[2:] == [wiki, again, blog_again]


def test_what_the_end_of_holdfast_stops_is_not_the_users_cancel(ear: Ear) -> None:
    queue, begun, tokens = Operations(ear), threading.Event(), list[CancelToken]()

    def work(cancel: CancelToken, _: Listener) -> None:
        tokens.append(cancel)
        begun.set()
        cancel.wait(30)

    queue.submit(BACKUP, "Shop", work)
    assert begun.wait(10)
    assert queue.shutdown(10)
    assert [token.by_system for token in tokens] == [True]


def test_a_waiting_operation_is_cancelled_at_once_and_never_starts(queue: Operations, ear: Ear) -> None:
    first = queue.submit(BACKUP, "Shop", until_cancelled)
    second = queue.submit(BACKUP, "Shop", until_cancelled)
    queue.cancel(second.id)
    assert ear.kinds(second) == ["Queued", "Cancelled"]
    queue.cancel(first.id)
    assert isinstance(ear.end_of(first), Cancelled)
    queue.cancel("unknown")
    assert ear.kinds(second) == ["Queued", "Cancelled"]


def test_cancelling_does_not_wait_for_what_stops_the_operation(queue: Operations, ear: Ear) -> None:
    may_stop = threading.Event()

    def stop_slowly() -> None:
        may_stop.wait(10)

    def work(cancel: CancelToken, _: Listener) -> None:
        with cancel.interrupting(stop_slowly):
            cancel.wait(30)

    one = queue.submit(BACKUP, "Shop", work)
    ear.start_of(one)
    begun = time.monotonic()
    queue.cancel(one.id)
    assert time.monotonic() - begun < 1
    may_stop.set()
    assert isinstance(ear.end_of(one), Cancelled)


def test_failures_have_a_name_and_bugs_their_traceback(
    queue: Operations, ear: Ear, caplog: pytest.LogCaptureFixture
) -> None:
    def full(cancel: CancelToken, _: Listener) -> None:
        raise AppError(ErrorCode.DISK_FULL, "The disk is full", hint="Free some space.")

    named = ear.end_of(queue.submit(BACKUP, "Shop", full))
    assert isinstance(named, Failed)
    assert isinstance(named.error, AppError)
    assert named.traceback == ""
    assert queue.log(named.operation.id)[-1].text == "Failed: The disk is full. Free some space"


@pytest.mark.logs_warnings
def test_a_bug_comes_with_its_traceback_and_stops_nothing_else(
    queue: Operations, ear: Ear, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(cancel: CancelToken, _: Listener) -> None:
        raise KeyError("what nobody thought of")

    bug = ear.end_of(queue.submit(BACKUP, "Shop", broken))
    assert isinstance(bug, Failed)
    assert "in broken" in bug.traceback
    assert "what nobody thought of" in bug.traceback
    assert "what nobody thought of" in caplog.text
    assert isinstance(ear.end_of(queue.submit(BACKUP, "Shop", lambda *_: None)), Succeeded)


@pytest.mark.logs_warnings
def test_a_listener_that_breaks_does_not_break_the_operation(caplog: pytest.LogCaptureFixture) -> None:
    ended = threading.Event()

    def tell(event: OperationEvent) -> None:
        if isinstance(event, Progressed):
            raise ZeroDivisionError
        if isinstance(event, Succeeded):
            ended.set()

    queue = Operations(tell)
    queue.submit(BACKUP, "Shop", lambda cancel, listener: listener(Progress(Phase.DUMPING)))
    assert ended.wait(10)
    assert queue.shutdown(10)
    assert "ZeroDivisionError" in caplog.text


def test_progress_is_thinned_out_and_the_last_one_always_comes(queue: Operations, ear: Ear) -> None:
    def chatty(cancel: CancelToken, listener: Listener) -> None:
        end = time.monotonic() + 0.5
        rows = 0
        while time.monotonic() < end:
            rows += 1
            listener(Progress(Phase.DUMPING, 0.5, rows=rows))
        listener(Progress(Phase.DUMPING, 0.6, rows=10**9))

    one = queue.submit(BACKUP, "Shop", chatty, workload=((Phase.DUMPING, 1.0),))
    ear.end_of(one)
    told = [event for event in ear.events if isinstance(event, Progressed)]
    assert 3 <= len(told) <= 8
    assert told[-1].standing.rows == 10**9
    assert told[-1].standing.fraction == 0.6


def test_progress_that_was_held_back_comes_though_the_operation_falls_silent(
    queue: Operations, ear: Ear
) -> None:
    ends = threading.Event()

    def work(cancel: CancelToken, listener: Listener) -> None:
        listener(Progress(Phase.DUMPING, rows=1))
        listener(Progress(Phase.DUMPING, rows=2))
        ends.wait(10)

    queue.submit(BACKUP, "Shop", work)
    ear.wait(lambda event: isinstance(event, Progressed) and event.standing.rows == 2)
    ends.set()


def test_the_log_tells_of_phases_notices_tables_and_the_end_and_is_kept(
    queue: Operations, ear: Ear, tmp_path: Path
) -> None:
    def work(cancel: CancelToken, listener: Listener) -> None:
        listener(Progress(Phase.CHECKING))
        listener(Notice("gzip is used, which is slower."))
        listener(Progress(Phase.DUMPING, log="pg_dump 17.10, directory, zstd:3, 2 jobs"))
        big = TableProgress("public.big", TableState.RUNNING, 10, 100, 4096)
        small = TableProgress("public.small", TableState.WAITS, 0, 10, 512)
        listener(Progress(Phase.DUMPING, tables=(big, small)))
        done = TableProgress("public.big", TableState.DONE, 100, 100, 4096)
        listener(Progress(Phase.DUMPING, tables=(done, small)))

    one = queue.submit(BACKUP, "Shop: 1", work, subject="before the move")
    ear.end_of(one)
    texts = [line.text for line in queue.log(one.id)]
    assert texts == [
        "Backup of Shop: 1, before the move",
        "Checking the server",
        "gzip is used, which is slower.",
        "Dumping",
        "pg_dump 17.10, directory, zstd:3, 2 jobs",
        "public.big: started",
        "public.big: 100 rows, 4,096 bytes in the database",
        "Done",
    ]
    warned = [event.line.text for event in ear.events if isinstance(event, Noted) and event.is_warning]
    assert warned == ["gzip is used, which is slower."]
    path = find_log(tmp_path / "logs", "Shop: 1", one.queued)
    assert path is not None
    assert [line.partition("Z  ")[2] for line in path.read_text().splitlines()] == texts
    assert find_log(tmp_path / "logs", "Blog", one.queued) is None
    assert find_log(tmp_path / "logs", "Shop: 1", one.queued.replace(year=2001)) is None


def test_a_log_that_cannot_be_written_ends_nothing(ear: Ear, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    queue = Operations(ear, tmp_path / "file")
    assert isinstance(ear.end_of(queue.submit(BACKUP, "Shop", lambda *_: None)), Succeeded)
    assert queue.shutdown(10)


def test_an_open_copy_holds_up_nobody_and_is_closed_by_cancelling(queue: Operations, ear: Ear) -> None:
    def copy(cancel: CancelToken, listener: Listener) -> str:
        listener(CopyOpened("The copy is open.", address="postgresql://u:secret@/db"))
        closed = threading.Event()
        with cancel.interrupting(closed.set):
            closed.wait(30)
        return "closed"

    copies = [queue.submit(OperationKind.COPY, "Shop", copy) for _ in range(3)]
    for one in copies:
        opened = ear.opening_of(one)
        assert isinstance(opened, Opened)
        assert opened.address == "postgresql://u:secret@/db"
        assert "secret" not in repr(opened)
    assert {status.state for status in queue.snapshot()} == {OperationState.OPEN}
    assert not queue.is_idle
    assert isinstance(ear.end_of(queue.submit(BACKUP, "Shop", lambda *_: None)), Succeeded)
    for one in copies:
        assert not any("secret" in line.text for line in queue.log(one.id))
        queue.cancel(one.id)
        assert isinstance(ear.end_of(one), Succeeded)
    assert queue.is_idle


def test_shutting_down_stops_everything_and_takes_nothing_more(ear: Ear) -> None:
    queue = Operations(ear)
    everything = [queue.submit(BACKUP, f"Project {n % 3}", until_cancelled) for n in range(6)]
    assert len(queue.snapshot()) == 6
    assert queue.shutdown(10)
    assert queue.is_idle
    for one in everything:
        assert isinstance(ear.end_of(one), Cancelled)
    with pytest.raises(RuntimeError):
        queue.submit(BACKUP, "Shop", until_cancelled)


def test_shutting_down_says_when_something_does_not_end(ear: Ear) -> None:
    queue = Operations(ear)
    held = threading.Event()
    one = queue.submit(BACKUP, "Shop", lambda *_: held.wait(20))
    ear.start_of(one)
    assert not queue.shutdown(0.05)
    held.set()
    assert queue.shutdown(10)


def test_events_of_one_operation_come_in_order_whatever_its_threads_do(queue: Operations, ear: Ear) -> None:
    def work(cancel: CancelToken, listener: Listener) -> None:
        def chat() -> None:
            for rows in range(300):
                listener(Progress(Phase.COMPARING, rows=rows))

        threads = [threading.Thread(target=chat) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    operations = [queue.submit(BACKUP, f"Project {n}", work) for n in range(4)]
    for one in operations:
        ear.end_of(one)
        kinds = ear.kinds(one)
        assert kinds[:2] == ["Queued", "Started"]
        assert kinds[-1] == "Succeeded"
        assert set(kinds[2:-1]) == {"Progressed"}
    assert isinstance(ear.events[0], Queued)
