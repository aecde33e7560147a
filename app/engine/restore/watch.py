"""Watches a restore while it runs: how far it is, whether it waits for a lock, whether anything moves."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from app.domain.errors import AppError, ErrorCode
from app.domain.events import Listener, Phase, Progress
from app.engine.polling import POLL_SECONDS, polled
from app.postgres.connection import Connection
from app.postgres.restore_progress import RestoreActivity, read_restore_activity
from app.system.cancellation import CancelToken

LOCK_SECONDS = 60.0
STALL_SECONDS = 600.0


class Watch:
    """Turns what the server says into progress, and into a reason to give up.

    Args:
        total_bytes: of all rows as text; 0 where the source does not tell.
        total_entries: how many entries are to be restored.
        listener: told of progress.
        lock_seconds: how long to wait for another session's lock.
        stall_seconds: how long nothing may move.

    Attributes:
        entries: how many were begun or done.
        is_loaded: whether all that was to be restored is.
        transactions: those of the restore that were seen to change something.
    """

    def __init__(
        self,
        total_bytes: int,
        total_entries: int,
        listener: Listener,
        *,
        lock_seconds: float = LOCK_SECONDS,
        stall_seconds: float = STALL_SECONDS,
    ) -> None:
        self.entries = 0
        self.is_loaded = False
        self.transactions: set[int] = set()
        self._total_bytes = total_bytes
        self._total_entries = max(total_entries, 1)
        self._listener = listener
        self._lock_seconds = lock_seconds
        self._stall_seconds = stall_seconds
        self._loaded: dict[int, tuple[int, int]] = {}
        self._fraction = 0.0
        self._signature: object = None
        self._moved = time.monotonic()
        self._waits_since: float | None = None

    def on_entry(self, done: int) -> None:
        """Take the number of entries that were begun or done."""
        self.entries = done

    def look(self, activity: RestoreActivity) -> None:
        """Report.

        Raises:
            AppError: LOCK_WAIT or STALLED when it is time to give up.
        """
        self.transactions |= activity.transactions
        self._loaded |= activity.loading
        loaded = sum(size for size, _ in self._loaded.values())
        share = self.entries / self._total_entries
        if self._total_bytes:
            share = 0.8 * min(loaded / self._total_bytes, 1) + 0.2 * share  # the rest are indexes and keys
        self._fraction = max(self._fraction, min(share, 0.99))
        rows = sum(count for _, count in self._loaded.values())
        self._listener(Progress(Phase.RESTORING_INTO, self._fraction, activity.doing, rows, loaded))
        now = time.monotonic()
        signature = (activity.signature, self.entries)
        if signature != self._signature:
            self._signature, self._moved = signature, now
        if not activity.holder:
            self._waits_since = None
        elif self._waits_since is None:
            self._waits_since = now
        elif now - self._waits_since > self._lock_seconds:
            raise AppError(
                ErrorCode.LOCK_WAIT,
                "The restore waits for what another session has locked",
                detail=f"The lock is held by {activity.holder}",
                hint="Wait until that session is done, or end it, then restore again.",
            )
        if now - self._moved > self._stall_seconds:
            raise AppError(
                ErrorCode.STALLED,
                f"Nothing has moved for {self._stall_seconds:g} seconds",
                detail=f"It stopped at {activity.doing}" if activity.doing else "",
                hint="Look for locks and for a broken network, then restore again.",
            )


@contextmanager
def watching(
    watch: Watch, connection: Connection, application: str, cancel: CancelToken, listener: Listener
) -> Iterator[CancelToken]:
    """Gives the token for the work inside, which ends it on `cancel` and when `watch` gives up.

    Raises:
        AppError: why the watch gave up, instead of the `Cancelled` that this made of the work.
    """
    stopped = CancelToken()
    ended = threading.Event()
    failure: list[AppError] = []

    def follow(activity: Callable[[], RestoreActivity]) -> None:
        while not ended.wait(POLL_SECONDS):
            try:
                watch.look(activity())
            except AppError as error:
                failure.append(error)
                stopped.cancel()
                return

    with (
        cancel.interrupting(stopped.cancel),
        polled(
            connection,
            lambda session: read_restore_activity(session, application),
            RestoreActivity(),
            listener,
        ) as activity,
    ):
        follower = threading.Thread(target=follow, args=[activity], name="watch")
        follower.start()
        try:
            yield stopped
        except BaseException:
            if failure:
                raise failure[0] from None
            raise
        finally:
            ended.set()
            follower.join()
