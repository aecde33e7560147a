"""Plain SQL as a backup's database part: taken from pg_dump, read on the way, compressed and written."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from app.domain.backup import Compression, FileRecord
from app.domain.errors import AppError
from app.engine.read_back import Contents, table_record
from app.postgres.archive_data import has_rows
from app.postgres.archive_digest import OnBytes, summary
from app.postgres.compression import new_compressor
from app.postgres.script_archive import ScriptArchive, digest_script, read_script_archive
from app.system.cancellation import CancelToken
from app.system.files import folder_error

_READ = 1 << 18


class PlainReader:
    """Reads one script from a pipe and writes it; `follow` does all of it, in a thread of its own.

    Args:
        source: pg_dump's standard output.
        target: the file to write.
        compression: how.
    """

    def __init__(self, source: IO[bytes], target: Path, compression: Compression) -> None:
        self._source = source
        self._target = target
        self._compressor = new_compressor(compression)
        self._sha = hashlib.sha256()
        self._size = 0
        self._script: ScriptArchive | None = None
        self._failure: AppError | None = None

    def follow(self, stopped: CancelToken) -> None:
        """Take everything that pg_dump writes. A script that ends early is told of by `contents` alone,
        because pg_dump's own words then say more.

        Raises:
            AppError: DISK_FULL and the like.
            Cancelled: `stopped` was set.
        """
        try:
            with self._target.open("xb", buffering=0) as file:
                blocks = self._written(file, stopped)
                try:
                    self._script = digest_script(blocks, str(self._target))
                except AppError as error:
                    self._failure = error
                    for _ in blocks:
                        pass
                self._write(file, self._compressor.flush())
        except OSError as error:
            raise folder_error(error, self._target.parent) from error

    def dump_has_ended(self) -> None:
        """Nothing to do: the pipe's end says so."""

    @property
    def size(self) -> int:
        """Bytes that were written so far; they were read before."""
        return self._size

    def contents(
        self,
        cancel: CancelToken,  # noqa: ARG002 - everything was read already
        on_bytes: OnBytes = lambda _: None,  # noqa: ARG002
    ) -> Contents:
        """What was written.

        Raises:
            AppError: ARCHIVE_DAMAGED when the script is not whole.
        """
        if self._failure is not None:
            raise self._failure
        if self._script is None:
            raise ValueError("nothing was read")
        record = FileRecord(self._target.name, self._size, self._sha.hexdigest())
        return _contents(self._script, record)

    def _written(self, file: IO[bytes], stopped: CancelToken) -> Iterator[bytes]:
        read = self._source.read1  # type: ignore[attr-defined]
        while block := read(_READ):
            stopped.check()
            self._write(file, self._compressor.compress(block))
            yield block

    def _write(self, file: IO[bytes], data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[file.write(view) :]
        self._sha.update(data)
        self._size += len(data)


def read_plain(folder: Path, path: str, cancel: CancelToken) -> Contents:
    """Read a backup's plain SQL, at `path` in its folder, to its end.

    Raises:
        AppError: ARCHIVE_DAMAGED.
        Cancelled: `cancel` was set.
    """
    script = read_script_archive(folder / path, cancel.check)
    return _contents(script, FileRecord(path, (folder / path).stat().st_size, ""))


def _contents(script: ScriptArchive, file: FileRecord) -> Contents:
    records = tuple(
        (0, table_record(entry, script.streams[entry.dump_id])) for entry in script.entries if has_rows(entry)
    )
    return Contents(records, summary(script.large_objects), (file,))
