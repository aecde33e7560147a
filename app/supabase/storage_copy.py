"""Goes through a listing of storage files in several threads, whatever is done with each of them.

Single objects may fail and are named; a server or a key that fails ends the asking, and the rest is named.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from app.domain.backup import STORAGE_FILES, FileRecord, LeftOut
from app.domain.errors import AppError, Cancelled, ErrorCode
from app.domain.events import Listener, Phase, Progress
from app.supabase.storage_client import NotThereError, StorageClient, StorageRefusedError
from app.supabase.storage_listing import LISTING, StorageObject
from app.system.cancellation import CancelToken

THREADS = 8

Item = TypeVar("Item")

_MOST_NAMED = 100
_IN_A_ROW = 3  # objects that could not be asked for, after which the server counts as gone
_OVERHEAD = 16 << 10  # what an object takes beside its bytes, as progress counts
_INTERVAL = 0.1
_GRACE = 0.6
_HOPELESS = (
    ErrorCode.HOST_NOT_FOUND,
    ErrorCode.CERTIFICATE_NOT_TRUSTED,
    ErrorCode.CERTIFICATE_OTHER_NAME,
    ErrorCode.TLS_REFUSED,
    ErrorCode.INVALID_INPUT,
    ErrorCode.DISK_FULL,
    ErrorCode.FOLDER_READ_ONLY,
    ErrorCode.FOLDER_MISSING,
)


@dataclass(frozen=True, slots=True)
class Listed:
    """What the snapshot says of the objects: how many, and their bytes as far as rows tell them."""

    path: Path
    objects: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy of storage files came to.

    Attributes:
        objects, bytes: that are in the backup, or were given back.
        downloaded: of the objects came over the network.
        downloaded_bytes: theirs.
        left_out: what is not there, each with its reason.
        warnings: sentences for the user.
        is_whole: whether every object was asked for.
        files: with the hashes that were taken on the way.
    """

    objects: int
    bytes: int
    downloaded: int
    downloaded_bytes: int
    left_out: tuple[LeftOut, ...]
    warnings: tuple[str, ...]
    is_whole: bool = True
    files: tuple[FileRecord, ...] = ()


class Copying:
    """Goes through a listing in several threads, and goes on where single objects fail."""

    phase = Phase.SAVING_FILES

    def __init__(self, listed: Listed, client: StorageClient, listener: Listener) -> None:
        self.client = client
        self.listed = listed
        self.warnings: list[str] = []
        self._lock = threading.RLock()
        self._listener = listener
        self._told = 0.0
        self._bytes = self._ended = self._in_a_row = self._missing = self._not_tried = 0
        self._downloaded = self._downloaded_bytes = self._objects = self._kept_bytes = 0
        self._named: list[LeftOut] = []
        self.failure: AppError | None = None

    def guarded(self, item: StorageObject, work: Callable[[], StorageObject]) -> StorageObject:
        """Do an object's work; where it fails, give the object with the reason."""
        self.client.cancel.check()
        if self.failure is not None:
            return self._without(item, self.failure)
        try:
            done = work()
        except NotThereError as error:
            self._in_a_row = 0
            return self._without(item, error)
        except StorageRefusedError as refused:
            return self._failed(item, refused.error, is_hopeless=refused.surely)
        except AppError as error:
            self.client.cancel.check()
            return self._failed(item, error, is_hopeless=error.code in _HOPELESS)
        with self._lock:
            self._in_a_row = 0
            self._objects += 1
            self._kept_bytes += done.file_bytes
        return done

    def moved(self, length: int, label: str) -> None:
        """Count bytes, and tell of them now and then."""
        with self._lock:
            self._bytes += length
            self._tell(label)

    def ended(self) -> None:
        """Count an object that is done with."""
        with self._lock:
            self._ended += 1

    def came_over_the_network(self, length: int) -> None:
        """Count an object that was transferred."""
        with self._lock:
            self._downloaded += 1
            self._downloaded_bytes += length

    def copied(self, files: Iterable[FileRecord] = ()) -> Copied:
        """What it came to."""
        left_out = [*self._named]
        if self._missing > len(left_out):
            more = f"{self._missing - len(left_out):,} more objects"
            left_out.append(LeftOut(STORAGE_FILES, more, f"{LISTING} names each with its reason"))
        if self.failure is not None:
            what = f"{self._not_tried:,} of {self.listed.objects:,} objects"
            left_out.append(LeftOut(STORAGE_FILES, what, str(self.failure)))
        return Copied(
            self._objects,
            self._kept_bytes,
            self._downloaded,
            self._downloaded_bytes,
            tuple(left_out),
            tuple(self.warnings),
            self.failure is None,
            tuple(files),
        )

    def _tell(self, label: str) -> None:
        now = time.monotonic()
        if now - self._told < _INTERVAL:
            return
        self._told = now
        all_of_it = self.listed.bytes + _OVERHEAD * self.listed.objects
        done = self._bytes + _OVERHEAD * self._ended
        fraction = min(max(done / max(all_of_it, 1), 0.0), 0.99)
        self._listener(Progress(self.phase, fraction, label, bytes=max(self._bytes, 0)))

    def _without(self, item: StorageObject, error: Exception) -> StorageObject:
        with self._lock:
            if error is self.failure:
                self._not_tried += 1
            else:
                self._missing += 1
                if len(self._named) < _MOST_NAMED:
                    self._named.append(LeftOut(STORAGE_FILES, item.label, str(error)))
        return renewed(item, path="", file_bytes=0, sha256="", left_out=str(error))

    def _failed(self, item: StorageObject, error: AppError, *, is_hopeless: bool) -> StorageObject:
        """Leave an object out, and all that follow where nothing speaks for them."""
        with self._lock:
            self._in_a_row += 1
            if not is_hopeless and self._in_a_row < _IN_A_ROW:
                return self._without(item, error)
            self.failure = self.failure or error
            return self._without(item, self.failure)


class InOrder:
    """Takes results as they come and passes them on in the order of their numbers."""

    def __init__(self, take: Callable[[StorageObject], None]) -> None:
        self._take = take
        self._waiting: dict[int, StorageObject] = {}
        self._next = 0
        self._lock = threading.Lock()

    def put(self, number: int, item: StorageObject) -> None:
        """Take the result of this number."""
        with self._lock:
            self._waiting[number] = item
            while self._next in self._waiting:
                self._take(self._waiting.pop(self._next))
                self._next += 1


def in_threads(
    work: Callable[[Item], None],
    items: Iterable[Item],
    threads: int,
    cancel: CancelToken,
    cut: Callable[[], None],
) -> None:
    """Call `work` with each item from a few threads; the first error stops them and is raised.

    Threads that do not end soon after `cancel` are left to themselves: connecting cannot be broken off.

    Args:
        cut: breaks off what they wait for.

    Raises:
        Cancelled: `cancel` was set.
    """
    remaining = iter(items)
    lock = threading.Lock()
    errors: list[BaseException] = []

    def run() -> None:
        nonlocal remaining
        while True:
            try:
                with lock:
                    item = next(remaining)
                work(item)
            except StopIteration:
                return
            except BaseException as error:  # noqa: BLE001 - raised below
                with lock:
                    errors.append(error)
                    remaining = iter(())

    workers = [threading.Thread(target=run, daemon=True, name="storage") for _ in range(threads)]
    with cancel.interrupting(cut):
        for worker in workers:
            worker.start()
        while any(worker.is_alive() for worker in workers) and not cancel.is_cancelled and not errors:
            _first_alive(workers).join(0.05)
        until = time.monotonic() + _GRACE
        if errors and not cancel.is_cancelled:
            cut()
        for worker in workers:
            worker.join(max(0.0, until - time.monotonic()))
    cancel.check()
    real = [error for error in errors if not isinstance(error, Cancelled)]
    if real:
        raise real[0]


def _first_alive(workers: list[threading.Thread]) -> threading.Thread:
    return next((worker for worker in workers if worker.is_alive()), workers[0])


def renewed(item: StorageObject, **changes: str | int) -> StorageObject:
    """An object of which more is known."""
    return msgspec.structs.replace(item, **changes)
