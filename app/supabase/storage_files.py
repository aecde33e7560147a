"""Copies a project's storage files into a backup, as its listing in the snapshot names them, and back.

What the last backup holds already is linked from there: the same file under a second name, so that each
backup is whole by itself and removing one leaves the others what they are. Nobody writes into such a file.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from app.domain.backup import FileRecord
from app.domain.errors import AppError, ErrorCode
from app.domain.events import Listener, Phase
from app.postgres.connection import Session
from app.supabase.storage_client import Fetched, NotThereError, StorageClient
from app.supabase.storage_copy import THREADS, Copied, Copying, InOrder, Listed, in_threads, renewed
from app.supabase.storage_listing import (
    LISTING,
    StorageObject,
    encode_line,
    file_of,
    read_listing,
    with_earlier,
)
from app.system.files import BLOCK, folder_error, free_bytes, path_inside

_LEAST_FREE = 64 << 20

_OBJECTS = """
SELECT o.bucket_id, o.name, pg_catalog.to_jsonb(o) ->> 'version',
       o.metadata ->> 'size', o.metadata ->> 'eTag', o.metadata ->> 'mimetype', o.metadata ->> 'cacheControl'
FROM storage.objects o
WHERE o.bucket_id IS NOT NULL AND o.name IS NOT NULL
ORDER BY o.bucket_id COLLATE "C", o.name COLLATE "C"
"""


def list_objects(session: Session, path: Path) -> Listed:
    """Write the listing of all objects as the session's transaction sees them, sorted by bucket and name.

    Raises:
        psycopg.Error: the rows cannot be read.
        AppError: the file cannot be written.
    """
    count = total = 0
    try:
        with path.open("wb") as file, session.cursor(name="holdfast_objects") as cursor:
            cursor.itersize = 5000
            cursor.execute(_OBJECTS)
            for bucket, name, version, size, etag, content_type, cache_control in cursor:
                length = int(size) if size and size.isascii() and size.isdigit() else None
                item = StorageObject(
                    bucket,
                    name,
                    version or "",
                    length,
                    (etag or "").strip('"'),
                    content_type or "",
                    cache_control or "",
                )
                file.write(encode_line(item))
                count += 1
                total += length or 0
    except OSError as error:
        raise folder_error(error, path.parent) from error
    return Listed(path, count, total)


def bytes_to_fetch(listed: Listed, earlier: Path | None) -> int:
    """What has to come over the network, by the sizes in the rows."""
    pairs = with_earlier(read_listing(listed.path), _earlier_listing(earlier))
    return sum(item.size or 0 for item, same in pairs if same is None)


def download(
    folder: Path, listed: Listed, earlier: Path | None, client: StorageClient, listener: Listener
) -> Copied:
    """Copy every listed object into the backup's folder, and write its listing there.

    Args:
        folder: of the backup that is being written.
        listed: what the snapshot says.
        earlier: the folder of a backup of the same project, whose files are linked where they are the same.

    Raises:
        AppError: DISK_FULL before anything is read, where it does not fit; or the listing cannot be written.
        Cancelled: the client's `cancel` was set.
    """
    needed, free = bytes_to_fetch(listed, earlier), free_bytes(folder)
    if needed + _LEAST_FREE > free and needed:
        raise AppError(
            ErrorCode.DISK_FULL,
            "The folder has too little space for the storage files",
            detail=f"{folder.parent} has {free:,} bytes left, the files need {needed:,}",
            hint="Free some space, choose another folder, or leave them out with --no-storage.",
        )
    run = _Download(folder, listed, earlier, client, listener)
    try:
        copied = run.all()
    except OSError as error:
        raise folder_error(error, folder) from error
    if run.failure is not None and run.failure.code is ErrorCode.DISK_FULL:
        raise run.failure  # no room is left for what makes a backup of it
    return copied


def upload(backup: Path, client: StorageClient, listener: Listener) -> Copied:
    """Give every object of a backup back to a storage whose buckets are there, replacing what it has.

    Raises:
        AppError: ARCHIVE_DAMAGED when the listing cannot be read.
        Cancelled: the client's `cancel` was set; what was given until then stays.
    """
    listing = backup / LISTING
    total = objects = 0
    for item in read_listing(listing):
        total, objects = total + item.file_bytes, objects + 1
    return _Upload(backup, Listed(listing, objects, total), client, listener).all()


class _Download(Copying):
    def __init__(
        self, folder: Path, listed: Listed, earlier: Path | None, client: StorageClient, listener: Listener
    ) -> None:
        super().__init__(listed, client, listener)
        self._folder = folder
        self._earlier = earlier
        self._replaced: list[str] = []
        self._damaged: list[str] = []

    def all(self) -> Copied:
        """Copy them all."""
        files: list[FileRecord] = []
        with (self._folder / LISTING).open("wb") as listing:
            lines = InOrder(lambda item: self._keep(item, listing.write, files))

            def one(numbered: tuple[int, tuple[StorageObject, StorageObject | None]]) -> None:
                number, (item, same) = numbered
                done = self.guarded(item, lambda: self._copy(item, same))
                self.ended()
                lines.put(number, done)

            pairs = with_earlier(read_listing(self.listed.path), _earlier_listing(self._earlier))
            in_threads(one, enumerate(pairs), THREADS, self.client.cancel, self.client.cut)
        for names, text in (
            (self._replaced, "were replaced while the backup was taken; their newer content was saved"),
            (self._damaged, "were no longer as the last backup had recorded them, and were read again"),
        ):
            if names:
                more = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
                self.warnings.append(f"Storage files that {text}: {', '.join(names[:3])}{more}.")
        return self.copied(files)

    def _keep(self, item: StorageObject, write: Callable[[bytes], object], files: list[FileRecord]) -> None:
        write(encode_line(item))
        if item.path:
            files.append(FileRecord(item.path, item.file_bytes, item.sha256))

    def _copy(self, item: StorageObject, same: StorageObject | None) -> StorageObject:
        path = file_of(item.bucket, item.name)
        target = self._folder / path
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            if same is not None and self._took_over(same, target):
                return renewed(item, path=path, file_bytes=same.file_bytes, sha256=same.sha256)
            fetched = self._fetch(item, target)
        except BaseException as error:
            target.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise folder_error(error, self._folder) from error
            raise
        self.came_over_the_network(fetched.bytes)
        return renewed(item, path=path, file_bytes=fetched.bytes, sha256=fetched.sha256)

    def _fetch(self, item: StorageObject, target: Path) -> Fetched:
        """Fetch an object; one of another size was replaced meanwhile, if it says so, and else cut short."""
        for attempt in range(2):
            fetched = self.client.fetch(item, target, lambda length: self.moved(length, item.label))
            is_other = bool(item.etag and fetched.etag) and item.etag != fetched.etag
            if item.size in (None, fetched.bytes) and not is_other:
                return fetched
            if is_other:
                with self._lock:
                    self._replaced.append(item.label)
                return fetched
            self.moved(-fetched.bytes, item.label)
            if attempt:
                raise NotThereError(f"{fetched.bytes:,} bytes came, where its row says {item.size:,}")
        raise AssertionError("the second attempt returns or raises")

    def _took_over(self, same: StorageObject, target: Path) -> bool:
        """Link or copy the last backup's file, if it is what that one recorded."""
        if self._earlier is None:
            return False
        source = path_inside(self._earlier, same.path)
        try:
            is_good = (
                source.is_file()
                and source.stat().st_size == same.file_bytes
                and self._linked_or_copied(source, target, same) == same.sha256
            )
        except OSError as error:
            if folder_error(error, self._folder).code is ErrorCode.DISK_FULL:
                raise
            is_good = False  # its backup is being removed, or its disk fails
        if not is_good:
            target.unlink(missing_ok=True)
            with self._lock:
                self._damaged.append(same.label)
        return is_good

    def _linked_or_copied(self, source: Path, target: Path, same: StorageObject) -> str:
        try:
            os.link(source, target)
        except OSError:  # another disk, a file system without links, or too many of them
            return self._copied_by_hand(source, target, same)
        return self._hashed(target, same, lambda _: None)

    def _copied_by_hand(self, source: Path, target: Path, same: StorageObject) -> str:
        with target.open("wb") as out:
            return self._hashed(source, same, out.write)

    def _hashed(self, path: Path, same: StorageObject, take: Callable[[bytes], object]) -> str:
        digest = hashlib.sha256()
        with path.open("rb", buffering=0) as file:
            while block := file.read(BLOCK):
                self.client.cancel.check()
                digest.update(block)
                take(block)
                self.moved(len(block), same.label)
        return digest.hexdigest()


class _Upload(Copying):
    phase = Phase.UPLOADING_FILES

    def __init__(self, backup: Path, listed: Listed, client: StorageClient, listener: Listener) -> None:
        super().__init__(listed, client, listener)
        self._backup = backup

    def all(self) -> Copied:
        """Give them all."""

        def one(item: StorageObject) -> None:
            self.guarded(item, lambda: self._put(item))
            self.ended()

        in_threads(one, read_listing(self.listed.path), THREADS, self.client.cancel, self.client.cut)
        return self.copied()

    def _put(self, item: StorageObject) -> StorageObject:
        if not item.path:
            raise NotThereError(f"the backup does not hold it: {item.left_out}")
        source = path_inside(self._backup, item.path)
        try:
            if self._hash_of(source) != item.sha256:
                raise NotThereError("its file in the backup is damaged")
            self.client.put(item, source, lambda length: self.moved(length, item.label))
        except OSError as error:
            raise NotThereError(f"its file cannot be read: {error.strerror}") from error
        self.came_over_the_network(item.file_bytes)
        return item

    def _hash_of(self, path: Path) -> str:
        digest = hashlib.sha256()
        with path.open("rb", buffering=0) as file:
            while block := file.read(BLOCK):
                self.client.cancel.check()
                digest.update(block)
        return digest.hexdigest()


def _earlier_listing(earlier: Path | None) -> Iterator[StorageObject]:
    """The listing of an earlier backup; one that cannot be read ends early, and the rest is read anew."""
    if earlier is None:
        return
    try:
        yield from read_listing(earlier / LISTING)
    except AppError:
        return
