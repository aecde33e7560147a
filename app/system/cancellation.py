"""How an operation is asked to stop, from any thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from typing import TypeVar

from app.domain.errors import Cancelled

Result = TypeVar("Result")

_LOOK_SECONDS = 0.1


class CancelToken:
    """Set once by whoever wants the operation to stop; asked and waited on by the operation.

    Attributes:
        by_system: the computer shuts down, say, and it is not that the user wants no backup.
    """

    def __init__(self) -> None:
        self.by_system = False
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], None]] = []

    def cancel(self) -> None:
        """Ask the operation to stop. Runs what `interrupting` registered; may be called again."""
        with self._lock:
            self._event.set()
            callbacks = tuple(self._callbacks)
        for callback in callbacks:
            callback()

    @property
    def is_cancelled(self) -> bool:
        """True once the operation was asked to stop."""
        return self._event.is_set()

    def check(self) -> None:
        """Raise `Cancelled` once the operation was asked to stop."""
        if self._event.is_set():
            raise Cancelled

    def wait(self, seconds: float) -> None:
        """Pause for that long, or until the operation is asked to stop, which raises `Cancelled`."""
        if self._event.wait(seconds):
            raise Cancelled

    @contextmanager
    def interrupting(self, callback: Callable[[], None]) -> Iterator[None]:
        """While inside, run `callback` on `cancel` (in the canceller's thread); at once if already set."""
        with self._lock:
            self._callbacks.append(callback)
            already = self._event.is_set()
        try:
            if already:
                callback()
            yield
        finally:
            with self._lock:
                self._callbacks.remove(callback)


def abandonable(
    work: Callable[[], Result], cancel: CancelToken, discard: Callable[[Result], object] = lambda _: None
) -> Result:
    """Wait for work that cannot be broken off (looking up a host, connecting) until `cancel` is set.

    Args:
        work: is left to itself then, in a thread that does not keep the process alive.
        cancel: ends the wait.
        discard: gets a result that comes too late.

    Raises:
        Cancelled: `cancel` was set.
    """
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised below
            future.set_exception(error)

    threading.Thread(target=run, daemon=True, name="abandonable").start()
    while not wait([future], _LOOK_SECONDS).done:
        if cancel.is_cancelled:
            future.add_done_callback(lambda late: late.exception() or discard(late.result()))
            raise Cancelled
    return future.result()
