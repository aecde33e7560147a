"""The listing of a backup's storage files, `storage/objects.jsonl`: which object lies in which file.

One JSON object a line, sorted by the bytes of bucket and name, so that two listings of a million objects are
compared line by line with next to no memory. Files have the hash of bucket and name for a name: names of
objects may differ in case alone, end with a dot, have 1,024 bytes or be `..`, which no file system takes
as they are; a hash of a fixed length always fits, never collides, and is known before anything is read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psycopg

from app.domain.errors import AppError, ErrorCode
from app.postgres.connection import Session

FOLDER = "storage"
LISTING = f"{FOLDER}/objects.jsonl"


class StorageObject(msgspec.Struct, frozen=True, omit_defaults=True):
    """One object.

    Attributes:
        bucket, name: of its row.
        version, size, etag: that its row had in the snapshot; None or empty where it has none.
        content_type, cache_control: with which it is served.
        path: of its file, relative to the backup; empty where it was left out.
        file_bytes: of its file.
        sha256: of its file.
        left_out: why it has none.
    """

    bucket: str
    name: str
    version: str = ""
    size: int | None = None
    etag: str = ""
    content_type: str = ""
    cache_control: str = ""
    path: str = ""
    file_bytes: int = 0
    sha256: str = ""
    left_out: str = ""

    @property
    def key(self) -> tuple[bytes, bytes]:
        """By which listings are sorted."""
        return self.bucket.encode(), self.name.encode()

    @property
    def label(self) -> str:
        """Bucket and name, for people."""
        return f"{self.bucket}/{self.name}"

    def is_same_as(self, other: StorageObject) -> bool:
        """Whether the other one has the same content, by all that a row says of it."""
        mine = (self.bucket, self.name, self.version, self.size, self.etag)
        return mine == (other.bucket, other.name, other.version, other.size, other.etag) and bool(
            self.version or self.etag
        )


def stored_bytes(session: Session) -> int:
    """Bytes of all objects as their rows tell them; 0 where those cannot be read."""
    try:
        row = session.execute(
            "SELECT sum((o.metadata ->> 'size')::numeric) FROM storage.objects o "
            "WHERE o.metadata ->> 'size' ~ '^[0-9]{1,18}$'"
        ).fetchone()
    except psycopg.Error:
        return 0
    return int(row[0] or 0) if row else 0


_decoder = msgspec.json.Decoder(StorageObject)


def file_of(bucket: str, name: str) -> str:
    """Where an object's file lies in a backup."""
    digest = hashlib.sha256(f"{bucket}\0{name}".encode()).hexdigest()
    return f"{FOLDER}/files/{digest[:2]}/{digest[2:]}"


def encode_line(item: StorageObject) -> bytes:
    """A line of the listing."""
    return msgspec.json.encode(item) + b"\n"


def read_listing(path: Path) -> Iterator[StorageObject]:
    """The objects of a listing, one by one.

    Raises:
        AppError: ARCHIVE_DAMAGED when it cannot be read or a line of it cannot be understood.
    """
    try:
        with path.open("rb") as file:
            for line in file:
                yield _decoder.decode(line)
    except (OSError, msgspec.MsgspecError, UnicodeError) as error:
        raise AppError(
            ErrorCode.ARCHIVE_DAMAGED,
            "The listing of the storage files cannot be read",
            detail=f"{path}: {error}",
            hint="Use another backup.",
        ) from error


def with_earlier(
    now: Iterator[StorageObject], earlier: Iterator[StorageObject]
) -> Iterator[tuple[StorageObject, StorageObject | None]]:
    """Each object with the one of the earlier listing that has its content; both are sorted by `key`."""
    other = next(earlier, None)
    for item in now:
        while other is not None and other.key < item.key:
            other = next(earlier, None)
        same = other is not None and bool(other.path) and item.is_same_as(other)
        yield item, other if same else None
