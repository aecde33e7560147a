"""Runs the work of an operation in a process of its own, so that it cannot hold up the window.

Threads of one Python take turns at running: with a backup in a thread the window's event loop stood still
for up to 270 ms, with one in a process for as long as its own painting takes. Both ends speak in pickled
messages over the child's standard input and output, which no other program writes to.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING

from app.domain.errors import AppError, Cancelled, ErrorCode
from app.domain.events import Event, Listener, Progress, TableProgress
from app.domain.project import Secret
from app.engine.operation_teller import describe_failure
from app.system.cancellation import CancelToken
from app.system.priority import give_way
from app.system.process import Child, own_command, own_command_folder

if TYPE_CHECKING:
    from app.services import Services

    Call = Callable[[Services, CancelToken, Listener], object]
    """Work that can be pickled: a module's function, a method of a value, or a partial of one."""

VERB = "operation"
"""With which the command line is the child; nobody else calls it."""

_PAUSE = 0.05
_LOOK = 0.2
_SIZE = 8


@dataclass(frozen=True, slots=True)
class _Job:
    """What the child is given; everything else it knows from the user's settings and keyring."""

    call: Call
    passwords: Mapping[str, Secret]


@dataclass(frozen=True, slots=True)
class _Told:
    """An event; of its tables only those that are others than before, by their place."""

    event: Event
    tables: int = 0
    changed: Mapping[int, TableProgress] | None = None


@dataclass(frozen=True, slots=True)
class _Done:
    result: object


@dataclass(frozen=True, slots=True)
class _Stopped:
    """It was cancelled."""


@dataclass(frozen=True, slots=True)
class _Broke:
    """It failed; a bug comes as words, because its exception may not be one that can be pickled."""

    error: AppError | None
    words: str = ""
    traceback: str = ""


class BrokenWorkError(Exception):
    """A bug in an operation's process; its traceback there is a note of this."""


def run_in_own_process(
    call: Call, passwords: Mapping[str, Secret], cancel: CancelToken, listener: Listener
) -> object:
    """Call it with services of its own in another process, and give what it returns.

    Args:
        call: can be pickled, and so can what it returns.
        passwords: those that are kept for this run alone.
        cancel: is passed on.
        listener: hears what the work says, at most every 50 ms while only numbers change.

    Raises:
        AppError: what the work raised; OPERATION_LOST when the process ended without a word.
        Cancelled: likewise.
        BrokenWorkError: the work raised what is a bug.
    """
    command = [*own_command(), VERB]
    folder = None if getattr(sys, "frozen", False) else own_command_folder()
    with Child(
        command,
        env=os.environ,
        stdin=Child.PIPE,
        stdout=Child.PIPE,
        cwd=folder,
        die_with_parent=None,  # it ends when its input does, and tidies up before
    ) as child:
        child.stdin.write(job_message(call, passwords))
        child.stdin.flush()
        with cancel.interrupting(lambda: _stop(child, cancel)):
            return _hear(child, listener)


def job_message(call: Call, passwords: Mapping[str, Secret]) -> bytes:
    """What the child reads first."""
    job = pickle.dumps(_Job(call, passwords))
    return len(job).to_bytes(_SIZE) + job


def _stop(child: Child, cancel: CancelToken) -> None:
    try:
        if cancel.by_system:
            child.stdin.close()
        else:
            child.stdin.write(b"\n")
            child.stdin.flush()
    except (BrokenPipeError, ValueError):
        pass  # it is over


def _hear(child: Child, listener: Listener) -> object:
    tables: tuple[TableProgress, ...] = ()
    while True:
        try:
            message = pickle.load(child.stdout)  # noqa: S301 - from ourselves
        except (EOFError, pickle.UnpicklingError) as error:
            raise _lost(child) from error
        match message:
            case _Told(event, number, changed):
                if changed is not None and isinstance(event, Progress):
                    tables = _applied(tables, number, changed)
                    event = replace(event, tables=tables)
                listener(event)
            case _Done(result):
                return result
            case _Stopped():
                raise Cancelled
            case _Broke(None, words, traceback):
                bug = BrokenWorkError(words)
                bug.add_note(traceback)
                raise bug
            case _Broke(AppError() as failure):
                raise failure


def _lost(child: Child) -> AppError:
    child.kill()
    return AppError(
        ErrorCode.OPERATION_LOST,
        "The operation ended in the middle",
        detail=child.errors().strip() or f"its process ended with status {child.status}",
        hint="Its process was killed, or the memory was used up. What it left is cleared up next time.",
    )


def serve() -> None:
    """Be the child: read the job, do it, tell how it ends. A word more, or the end of input, cancels it."""
    give_way()
    source = sys.stdin.fileno()
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no message
    cancel = CancelToken()
    asked: list[int] = []
    for kind in (signal.SIGTERM, signal.SIGINT):
        signal.signal(kind, lambda number, _: asked.append(number))
    size = int.from_bytes(_read(source, _SIZE))
    job: _Job = pickle.loads(_read(source, size))  # noqa: S301 - from ourselves
    threading.Thread(target=_watch, args=(source, cancel), daemon=True, name="cancel").start()
    sender = _Sender(answers)
    with ThreadPoolExecutor(1, VERB) as pool:
        future = pool.submit(_work, job, cancel, sender.say)
        while not wait([future], _LOOK).done:
            if asked and not cancel.is_cancelled:
                cancel.by_system = True
                cancel.cancel()
    sender.close()
    try:
        _send(answers, future.result())
    except BrokenPipeError:
        pass  # the window is gone; its operation is over all the same


def _work(job: _Job, cancel: CancelToken, listener: Listener) -> _Done | _Stopped | _Broke:
    from app.services import build_services

    try:
        return _Done(job.call(build_services(passwords=job.passwords), cancel, listener))
    except Cancelled:
        return _Stopped()
    except AppError as error:
        return _Broke(error)
    except Exception as error:  # noqa: BLE001 - a bug: the window shows it
        return _Broke(None, f"{type(error).__name__}: {error}", describe_failure(error))


def _read(source: int, size: int) -> bytes:
    """Exactly so much, and nothing of what follows: a buffer would hold it, and its lock at the end."""
    data = b""
    while len(data) < size:
        more = os.read(source, size - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def _watch(source: int, cancel: CancelToken) -> None:
    cancel.by_system = not os.read(source, 1)  # the window ends: nobody wants no backup
    cancel.cancel()


class _Sender:
    """Sends events from any thread in their order; of numbers that follow at once only the last ones."""

    def __init__(self, answers: IO[bytes]) -> None:
        self._answers = answers
        self._waiting: list[Event] = []
        self._tables: tuple[TableProgress, ...] = ()
        self._changed = threading.Condition()
        self._is_closed = False
        self._thread = threading.Thread(target=self._speak, daemon=True, name="events")
        self._thread.start()

    def say(self, event: Event) -> None:
        """Tell it soon."""
        with self._changed:
            if self._waiting and _replaces(event, self._waiting[-1]):
                self._waiting.pop()
            self._waiting.append(event)
            self._changed.notify()

    def close(self) -> None:
        """Tell what waits."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        self._thread.join()

    def _speak(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._is_closed)
                events, self._waiting = self._waiting, []
                if not events:
                    return
            try:
                for event in events:
                    _send(self._answers, self._message(event))
            except BrokenPipeError:
                return  # the end of its input cancels the work
            time.sleep(_PAUSE)

    def _message(self, event: Event) -> _Told:
        if not isinstance(event, Progress) or not event.tables:
            return _Told(event)
        changed = _changes(self._tables, event.tables)
        self._tables = event.tables
        return _Told(replace(event, tables=()), len(self._tables), changed)


def _replaces(event: Event, before: Event) -> bool:
    if not isinstance(event, Progress) or not isinstance(before, Progress):
        return False
    return event.phase is before.phase and not before.log and len(event.tables) >= len(before.tables)


def _changes(
    before: tuple[TableProgress, ...], after: tuple[TableProgress, ...]
) -> Mapping[int, TableProgress]:
    """The tables that are other objects than before; all of them where there are more or fewer."""
    if len(before) != len(after):
        return dict(enumerate(after))
    return {place: new for place, (old, new) in enumerate(zip(before, after, strict=True)) if old is not new}


def _applied(
    before: tuple[TableProgress, ...], number: int, changed: Mapping[int, TableProgress]
) -> tuple[TableProgress, ...]:
    """The tables now; what did not change is the same object, as views expect."""
    if len(before) != number:
        return tuple(changed[place] for place in range(number))
    if not changed:
        return before
    after = list(before)
    for place, table in changed.items():
        after[place] = table
    return tuple(after)


def _send(stream: IO[bytes], message: object) -> None:
    stream.write(pickle.dumps(message))
    stream.flush()
