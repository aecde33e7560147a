"""Restores a backup into a prepared sandbox and compares everything that comes back: rows, objects, all."""

from __future__ import annotations

import threading
from collections.abc import Container, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psycopg

from app.domain.backup import Manifest, TableRecord
from app.domain.events import Listener, Phase, Progress
from app.domain.proof import ObjectOutcome, Outcome
from app.engine.compare_objects import (
    compare_definitions,
    compare_large_object_comments,
    compare_large_objects,
    compare_sequences,
    configuration_conditions,
    find_large_objects,
    generated_columns,
)
from app.engine.compare_streams import StreamComparison, open_copy_out
from app.engine.polling import polled
from app.engine.proof_source import ProofSource
from app.engine.restore_failures import explain_failures, with_stand_ins
from app.engine.restore_list import RestoreList, qualified_name
from app.engine.sandbox_database import DATABASE, SandboxDatabase
from app.engine.sandbox_restore import SandboxRestore
from app.postgres.archive_entry import Entry
from app.postgres.connection import Session, connect
from app.postgres.failures import query_failure
from app.postgres.inspection import OUTPUT_SETTINGS
from app.postgres.quoting import encode_sql, quote_identifier, quote_literal
from app.postgres.sandbox import SandboxServer
from app.postgres.toolchain import Installation
from app.system.cancellation import CancelToken


@dataclass(frozen=True, slots=True)
class Setting:
    """What a proof works with once its server runs."""

    manifest: Manifest
    source: ProofSource
    server: SandboxServer
    tool: Installation
    database: SandboxDatabase
    plan: RestoreList
    workspace: Path
    cancel: CancelToken
    listener: Listener


def restore_and_compare(setting: Setting) -> tuple[ObjectOutcome, ...]:
    """The outcome of each object of the backup, in its order.

    Rows are read back while indexes and keys are made: that needs no more than their tables.

    Raises:
        AppError: the restore lost its server, or the sandbox cannot be asked.
        Cancelled: the setting's token was set.
    """
    restore = SandboxRestore(
        setting.source,
        setting.plan,
        setting.database,
        setting.tool,
        workspace=setting.workspace,
        cancel=setting.cancel,
    )
    loading = _Loading(setting)
    setting.listener(Progress(Phase.RESTORING, 0.0))
    with polled(setting.database.superuser, loading.look, None, setting.listener):
        restore.load(loading.on_entry)
    pairs, unpaired = _pairs(setting, restore.result.errors)
    with ThreadPoolExecutor(1, "finish restore") as pool:
        rest = pool.submit(restore.finish)
        rows = _compare_rows(setting, pairs)
        rest.result()
    outcomes = setting.plan.left_out | rows
    outcomes |= explain_failures(setting.source.entries, setting.plan, restore.result)
    try:
        extra = unpaired + _compare_objects(setting, outcomes)
    except psycopg.Error as error:
        setting.cancel.check()
        raise query_failure(error, "the sandbox") from error
    in_order = (outcomes[entry.dump_id] for entry in setting.source.entries if entry.dump_id in outcomes)
    return (*in_order, *extra)


class _Loading:
    """How far the restore is before its indexes: mostly by the bytes of rows that the server has loaded."""

    def __init__(self, setting: Setting) -> None:
        self._listener = setting.listener
        self._entries = max(1, len(setting.plan.entries))
        self._bytes = sum(table.bytes for table in setting.manifest.tables)
        self._lock = threading.Lock()
        self._done = 0
        self._loaded: dict[int, tuple[int, int]] = {}
        self._table = ""

    def on_entry(self, done: int) -> None:
        """Take the number of entries that were begun or done."""
        with self._lock:
            self._done = done
            self._tell()

    def look(self, session: Session) -> None:
        """Ask the server what it loads."""
        rows = session.execute(
            "SELECT relid::int8, bytes_processed, tuples_processed, relid::pg_catalog.regclass::text "
            "FROM pg_catalog.pg_stat_progress_copy ORDER BY bytes_processed"
        ).fetchall()
        with self._lock:
            self._loaded |= {oid: (size, count) for oid, size, count, _ in rows}
            self._table = rows[-1][3] if rows else ""
            self._tell()

    def _tell(self) -> None:
        share = min(self._done / self._entries, 1.0)
        loaded = sum(size for size, _ in self._loaded.values())
        if self._bytes:
            share = 0.9 * min(loaded / self._bytes, 1.0) + 0.1 * share
        count = sum(count for _, count in self._loaded.values())
        self._listener(Progress(Phase.RESTORING, min(share, 0.99), self._table, count, loaded))


def _compare_objects(setting: Setting, outcomes: dict[int, ObjectOutcome]) -> list[ObjectOutcome]:
    """Add the outcomes of all entries but rows; gives those of objects that have no entry."""
    entries = [entry for entry in setting.plan.entries if entry.dump_id not in outcomes]
    extra: list[ObjectOutcome] = []
    with connect(setting.database.restorer) as session:
        outcomes |= compare_sequences(session, (entry for entry in entries if entry.kind == "SEQUENCE SET"))
    with connect(setting.database.superuser) as session:
        extra += generated_columns(session)
        outcomes |= compare_large_object_comments(session, entries)
        if setting.manifest.large_objects.count:
            found = find_large_objects(session, setting.cancel)
            recorded = setting.manifest.large_objects
            extra += compare_large_objects(recorded, found, setting.source.large_objects)
    _write_as_source(setting)
    again = setting.source.definitions(setting.tool, setting.database, setting.workspace, setting.cancel)
    same_version = (
        setting.tool.version.major == setting.source.tool_version.major
        and setting.server.installation.version.major == setting.manifest.server.version_number // 10_000
    )
    rest = [entry for entry in entries if entry.dump_id not in outcomes]
    outcomes |= compare_definitions(rest, again, same_version=same_version)
    outcomes |= _views(entries)
    outcomes |= with_stand_ins(outcomes, setting.plan)
    return extra


def _pairs(
    setting: Setting, failed: Container[int]
) -> tuple[list[tuple[Entry, TableRecord]], list[ObjectOutcome]]:
    """Entries with the manifest's records of their rows, and what only one of the two tells of."""
    records = {(table.schema, table.name): table for table in setting.manifest.tables}
    pairs: list[tuple[Entry, TableRecord]] = []
    unpaired: list[ObjectOutcome] = []
    for entry in setting.plan.entries:
        if entry.kind == "TABLE DATA":
            record = records.pop((entry.schema, entry.tag), None)
            if record is None:
                reason = "the manifest does not tell of these rows"
                unpaired.append(ObjectOutcome(entry.kind, qualified_name(entry), Outcome.DIFFERS, reason))
            elif entry.dump_id not in failed:
                pairs.append((entry, record))
    for schema, name in records:
        full_name = f"{quote_identifier(schema)}.{quote_identifier(name)}"
        unpaired.append(
            ObjectOutcome("TABLE DATA", full_name, Outcome.DIFFERS, "its rows are not in the backup")
        )
    return pairs, unpaired


def _output_settings(manifest: Manifest) -> dict[str, str]:
    """What shapes text, and nothing else that a forged manifest could have a superuser set."""
    return {name: value for name, value in manifest.session.items() if name in OUTPUT_SETTINGS}


def _write_as_source(setting: Setting) -> None:
    """Have the sandbox write definitions as the dump's session did: names quoted, times in its zone."""
    with connect(setting.database.superuser) as session:
        for name, value in _output_settings(setting.manifest).items():
            change = f"SET {quote_identifier(name)} = {quote_literal(value)}"
            try:
                session.execute(encode_sql(f"ALTER DATABASE {quote_identifier(DATABASE)} {change}"))
            except psycopg.errors.InvalidParameterValue:
                continue  # a time zone or a locale that only the other server has


def _compare_rows(setting: Setting, pairs: Sequence[tuple[Entry, TableRecord]]) -> dict[int, ObjectOutcome]:
    total = sum(record.bytes for _, record in pairs)
    lock = threading.Lock()
    done = 0
    rows_of: dict[str, int] = {}

    def on_bytes(table: str, rows: int, count: int) -> None:
        nonlocal done
        with lock:
            done += count
            rows_of[table] = max(rows, rows_of.get(table, 0))
            fraction = min(done / total, 0.99) if total else None
            setting.listener(Progress(Phase.COMPARING, fraction, table, sum(rows_of.values()), done))

    with connect(setting.database.superuser) as session:
        conditions = configuration_conditions(session)
    return StreamComparison(
        pairs,
        open_copy_out(
            setting.server.installation,
            setting.database.restorer,
            setting.source.encoding,
            _output_settings(setting.manifest),
        ),
        open_rows=setting.source.rows,
        conditions=conditions,
        cancel=setting.cancel,
        on_bytes=on_bytes,
    ).run()


def _views(entries: Iterable[Entry]) -> dict[int, ObjectOutcome]:
    """Contents of materialized views: computed anew where they were populated."""
    return {
        entry.dump_id: ObjectOutcome(entry.kind, qualified_name(entry), Outcome.RECOMPUTED)
        for entry in entries
        if entry.kind == "MATERIALIZED VIEW DATA"
    }
