"""Restores a backup into a prepared sandbox and compares everything that comes back: rows, objects, all."""

from __future__ import annotations

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
from app.engine.proof_source import ProofSource
from app.engine.restore_failures import explain_failures, with_stand_ins
from app.engine.restore_list import RestoreList, qualified_name
from app.engine.sandbox_database import DATABASE, SandboxDatabase
from app.engine.sandbox_restore import SandboxRestore
from app.postgres.archive_entry import Entry
from app.postgres.connection import connect, encode_sql, quote_identifier, quote_literal
from app.postgres.failures import query_failure
from app.postgres.inspection import OUTPUT_SETTINGS
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
    total = max(1, len(setting.plan.entries))
    setting.listener(Progress(Phase.RESTORING, 0.0))
    restore.load(lambda done: setting.listener(Progress(Phase.RESTORING, min(done / total, 0.99))))
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
    done = {"bytes": 0}

    def on_bytes(table: str, rows: int, count: int) -> None:
        done["bytes"] += count
        fraction = min(done["bytes"] / total, 0.99) if total else None
        setting.listener(Progress(Phase.COMPARING, fraction, table, rows, done["bytes"]))

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
