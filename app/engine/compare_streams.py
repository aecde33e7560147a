"""Streams every table out of the sandbox and compares it with the digests that the backup holds."""

from __future__ import annotations

import os
import queue
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

from app.domain.backup import TableRecord
from app.domain.errors import AppError, ErrorCode
from app.domain.proof import ObjectOutcome, Outcome
from app.engine.restore_list import qualified_name
from app.postgres.archive_entry import Entry
from app.postgres.connection import Connection
from app.postgres.copy_out import CopyOut
from app.postgres.copy_stream import CopyDigest, MultisetDigest, StreamDigest
from app.postgres.quoting import quote_identifier
from app.postgres.script import parse_copy_statement
from app.postgres.toolchain import Installation
from app.system.cancellation import CancelToken

_SESSIONS = max(2, min(4, os.cpu_count() or 1))

OpenCopyOut = Callable[[], CopyOut]
OpenRows = Callable[[Entry], Iterator[bytes]]


def copy_source(record: TableRecord, condition: str = "") -> str:
    """What to COPY so that the sandbox gives the archive's own columns in the archive's own order.

    The archive's statement is read and quoted anew, so that a hostile one cannot say anything else.

    Raises:
        AppError: ARCHIVE_DAMAGED for a statement that pg_dump cannot have written.
    """
    try:
        target = parse_copy_statement(record.copy_statement)
    except ValueError as error:
        raise AppError(
            ErrorCode.ARCHIVE_DAMAGED,
            "The backup has a COPY statement that pg_dump does not write",
            detail=f"{record.schema}.{record.name}: {error}",
        ) from error
    table = f"{quote_identifier(record.schema)}.{quote_identifier(record.name)}"
    columns = ", ".join(quote_identifier(column) for column in target.columns or ())
    if condition:
        return f"(SELECT {columns} FROM ONLY {table} {condition})"
    return f"{table} ({columns})" if columns else table


class StreamComparison:
    """Streams tables out of the sandbox on a few sessions and compares them with the backup's digests.

    Args:
        tables: each entry with its record in the manifest.
        open_session: how a session to the sandbox is opened.
        open_rows: gives an entry's rows out of the backup, for those that came back in another order.
        conditions: WHERE clauses of extensions' configuration tables, by schema and name.
        cancel: stops it.
        on_bytes: told the table, its rows so far and the bytes of each block.
    """

    def __init__(
        self,
        tables: Iterable[tuple[Entry, TableRecord]],
        open_session: OpenCopyOut,
        *,
        open_rows: OpenRows,
        conditions: Mapping[tuple[str, str], str],
        cancel: CancelToken,
        on_bytes: Callable[[str, int, int], None],
    ) -> None:
        self._open_rows = open_rows
        self._open = open_session
        self._conditions = conditions
        self._cancel = cancel
        self._on_bytes = on_bytes
        roots: dict[str, list[tuple[Entry, TableRecord]]] = defaultdict(list)
        single: list[tuple[Entry, TableRecord]] = []
        for entry, record in tables:
            if record.via_root:
                roots[record.copy_statement].append((entry, record))
            else:
                single.append((entry, record))
        self._work: queue.SimpleQueue[list[tuple[Entry, TableRecord]]] = queue.SimpleQueue()
        for group in sorted(
            [[item] for item in single] + list(roots.values()),
            key=lambda group: -sum(r.bytes for _, r in group),
        ):
            self._work.put(group)

    def run(self) -> dict[int, ObjectOutcome]:
        """The outcome of each table's data, by dump id."""
        with ThreadPoolExecutor(_SESSIONS, "compare") as pool:
            workers = [pool.submit(lambda: dict(self._worker())) for _ in range(_SESSIONS)]
            return {dump_id: outcome for worker in workers for dump_id, outcome in worker.result().items()}

    def _worker(self) -> Iterator[tuple[int, ObjectOutcome]]:
        session: CopyOut | None = None
        try:
            while True:
                try:
                    group = self._work.get_nowait()
                except queue.Empty:
                    return
                self._cancel.check()
                try:
                    session = session or self._open()
                    outcome, reason = self._compare(session, group)
                except AppError as error:
                    outcome, reason = Outcome.DIFFERS, error.detail or error.title
                    if session:
                        session.close()
                    session = None
                for entry, _ in group:
                    yield entry.dump_id, ObjectOutcome(entry.kind, qualified_name(entry), outcome, reason)
        finally:
            if session:
                session.close()

    def _compare(self, session: CopyOut, group: list[tuple[Entry, TableRecord]]) -> tuple[Outcome, str]:
        if group[0][1].via_root:
            return self._compare_leaves(session, group)
        entry, record = group[0]
        found = self._digest(session.stream(self._source(record)), qualified_name(entry))
        if found.sha256 == record.sha256:
            return Outcome.IDENTICAL, ""
        if found.rows != record.rows:
            return Outcome.DIFFERS, f"{found.rows:,} rows came back of {record.rows:,}"
        if self._digest(self._open_rows(entry), qualified_name(entry)).sha256 != record.sha256:
            return Outcome.DIFFERS, "the backup's rows are not those that its manifest tells of"
        if self._found_multiset(session, group) == self._expected_multiset(group):
            return Outcome.REORDERED, ""
        return Outcome.DIFFERS, f"the {record.rows:,} rows that came back are not the same"

    def _compare_leaves(
        self, session: CopyOut, group: list[tuple[Entry, TableRecord]]
    ) -> tuple[Outcome, str]:
        """Rows that were loaded through a partition's root may lie in other leaves: compare them together."""
        if self._found_multiset(session, group) == self._expected_multiset(group):
            return Outcome.IDENTICAL, "compared together with those of its neighbours, in any order"
        return Outcome.DIFFERS, "the rows that came back through its root are not the same"

    def _source(self, record: TableRecord) -> str:
        return copy_source(record, self._conditions.get((record.schema, record.name), ""))

    def _found_multiset(self, session: CopyOut, group: list[tuple[Entry, TableRecord]]) -> str:
        multiset = MultisetDigest()
        for entry, record in group:
            for block in session.stream(self._source(record)):
                self._cancel.check()
                multiset.feed(block)
                self._on_bytes(qualified_name(entry), 0, len(block))
        return multiset.finish()

    def _expected_multiset(self, group: list[tuple[Entry, TableRecord]]) -> str:
        multiset = MultisetDigest()
        for entry, _ in group:
            for block in self._open_rows(entry):
                self._cancel.check()
                multiset.feed(block)
        return multiset.finish()

    def _digest(self, blocks: Iterator[bytes], table: str) -> StreamDigest:
        digest = CopyDigest()
        for block in blocks:
            self._cancel.check()
            digest.feed(block)
            self._on_bytes(table, digest.rows, len(block))
        return digest.finish(end_marker=False)


def open_copy_out(
    tool: Installation, connection: Connection, encoding: str, settings: Mapping[str, str]
) -> OpenCopyOut:
    """How each session of a comparison is opened."""
    return lambda: CopyOut(tool, connection, encoding, settings)
