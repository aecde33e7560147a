"""Proves a backup: restores it into a sandbox and compares every stream and every object.

The order: check the files' hashes, start a server, prepare a database as superuser, restore as an
unprivileged role, compare, judge. Rules of the verdict are in `domain.proof`.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from app.domain.backup import Manifest, TableRecord
from app.domain.errors import AppError, ErrorCode
from app.domain.events import Listener, Phase, Progress
from app.domain.proof import ObjectOutcome, Outcome, Proof, ProofLevel, failure_of
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
from app.engine.proof_source import ProofSource, open_source
from app.engine.restore_failures import explain_failures, with_stand_ins
from app.engine.restore_list import RestoreList, is_preamble, plan_restore, qualified_name
from app.engine.sandbox_database import DATABASE, SandboxDatabase, prepare_database
from app.engine.sandbox_restore import Restored, restore_into_sandbox
from app.persistence.checksums import verify_files
from app.postgres.archive_entry import Entry
from app.postgres.connection import connect, encode_sql, quote_identifier, quote_literal
from app.postgres.sandbox import SandboxServer, default_root, running_sandbox
from app.postgres.toolchain import Installation, Version, pick_restore_tool, pick_sandbox
from app.system.cancellation import CancelToken
from app.system.files import free_bytes

_SPACE_FACTOR = 1.25
_ROWS = ("TABLE DATA", "BLOB")


@dataclass(frozen=True, slots=True)
class _Setting:
    """What a proof works with once its server runs."""

    manifest: Manifest
    source: ProofSource
    server: SandboxServer
    tool: Installation
    database: SandboxDatabase
    plan: RestoreList
    cancel: CancelToken
    listener: Listener


def prove(
    folder: Path,
    manifest: Manifest,
    installations: Sequence[Installation],
    cancel: CancelToken,
    listener: Listener,
    *,
    root: Path | None = None,
) -> Proof:
    """Restore a backup into a sandbox and compare.

    Args:
        folder: the backup.
        root: where the sandbox lies; by default the cache folder.

    Returns:
        The proof with the outcome of each object; `failure` tells what differs.

    Raises:
        AppError: ARCHIVE_DAMAGED when a file is not as it was written; SPACE_FOR_PROOF; SANDBOX_FAILED.
        Cancelled: `cancel` was set.
    """
    begun = time.monotonic()
    listener(Progress(Phase.CHECKING_FILES))
    verify_files(folder, manifest, lambda _: None, cancel)
    source = open_source(folder, manifest)
    _check_space(root or default_root(), manifest)
    origin = Version.from_number(manifest.server.version_number)
    sandbox = pick_sandbox(installations, origin, source.tool_version)
    tool = pick_restore_tool(installations, source.tool_version, source.compression, sandbox.version)
    listener(Progress(Phase.STARTING_SANDBOX))
    with running_sandbox(sandbox, root=root, cancel=cancel) as server:
        database = prepare_database(
            server,
            encoding=source.encoding,
            roles=manifest.roles,
            extensions=manifest.extensions,
            definitions=(entry.definition for entry in source.entries),
            wrappers=[entry.tag for entry in source.entries if entry.kind == "FOREIGN DATA WRAPPER"],
        )
        plan = plan_restore(source.entries, database, locale=manifest.server.locale)
        setting = _Setting(manifest, source, server, tool, database, plan, cancel, listener)
        with tempfile.TemporaryDirectory(prefix="holdfast-proof-") as workspace:
            restored = _restore(setting, Path(workspace))
            objects = _compare(setting, restored, Path(workspace))
    return _judge(manifest, objects, origin, sandbox.version, time.monotonic() - begun)


def _check_space(root: Path, manifest: Manifest) -> None:
    needed = int(manifest.database_bytes * _SPACE_FACTOR) + (64 << 20)
    free = free_bytes(root)
    if free < needed:
        raise AppError(
            ErrorCode.SPACE_FOR_PROOF,
            "There is too little space to restore the backup for a proof",
            detail=f"{root} has {free:,} bytes left, the sandbox needs about {needed:,}",
            hint="Free some space, then run “holdfast prove” with this backup.",
        )


def _restore(setting: _Setting, workspace: Path) -> Restored:
    total = max(1, len(setting.plan.entries))
    setting.listener(Progress(Phase.RESTORING, 0.0))
    return restore_into_sandbox(
        setting.source,
        setting.plan,
        setting.database,
        setting.tool,
        workspace,
        cancel=setting.cancel,
        on_entry=lambda done: setting.listener(Progress(Phase.RESTORING, min(done / total, 0.99))),
    )


def _compare(setting: _Setting, restored: Restored, workspace: Path) -> tuple[ObjectOutcome, ...]:
    entries = setting.plan.entries
    outcomes = setting.plan.left_out | explain_failures(setting.source.entries, setting.plan, restored)
    pairs, unpaired = _pairs(setting, outcomes)
    outcomes |= _compare_rows(setting, pairs)
    extra = unpaired
    with connect(setting.database.restorer) as session:
        sequences = [e for e in entries if e.kind == "SEQUENCE SET" and e.dump_id not in outcomes]
        outcomes |= compare_sequences(session, sequences)
    with connect(setting.database.superuser) as session:
        extra += generated_columns(session)
        outcomes |= compare_large_object_comments(session, entries)
        if setting.manifest.large_objects.count:
            found = find_large_objects(session, setting.cancel)
            extra += compare_large_objects(
                setting.manifest.large_objects, found, setting.source.large_objects
            )
    _write_as_source(setting)
    again = setting.source.definitions(setting.tool, setting.database, workspace, setting.cancel)
    same_version = (
        setting.tool.version.major == setting.source.tool_version.major
        and setting.server.installation.version.major == setting.manifest.server.version_number // 10_000
    )
    rest = [entry for entry in entries if entry.dump_id not in outcomes]
    outcomes |= compare_definitions(rest, again, same_version=same_version)
    outcomes |= _views(setting, outcomes)
    outcomes = with_stand_ins(outcomes, setting.plan)
    in_order = (outcomes[entry.dump_id] for entry in setting.source.entries if entry.dump_id in outcomes)
    return (*in_order, *extra)


def _pairs(
    setting: _Setting, known: Mapping[int, ObjectOutcome]
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
            elif entry.dump_id not in known:
                pairs.append((entry, record))
    for schema, name in records:
        full_name = f"{quote_identifier(schema)}.{quote_identifier(name)}"
        unpaired.append(
            ObjectOutcome("TABLE DATA", full_name, Outcome.DIFFERS, "its rows are not in the backup")
        )
    return pairs, unpaired


def _write_as_source(setting: _Setting) -> None:
    """Have the sandbox write definitions as the dump's session did: names quoted, times in its zone."""
    with connect(setting.database.superuser) as session:
        for name, value in setting.manifest.session.items():
            change = f"SET {quote_identifier(name)} = {quote_literal(value)}"
            try:
                session.execute(encode_sql(f"ALTER DATABASE {quote_identifier(DATABASE)} {change}"))
            except psycopg.errors.InvalidParameterValue:
                continue  # a time zone or a locale that only the other server has


def _compare_rows(setting: _Setting, pairs: Sequence[tuple[Entry, TableRecord]]) -> dict[int, ObjectOutcome]:
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
            setting.manifest.session,
        ),
        open_rows=setting.source.rows,
        conditions=conditions,
        cancel=setting.cancel,
        on_bytes=on_bytes,
    ).run()


def _views(setting: _Setting, known: Mapping[int, ObjectOutcome]) -> dict[int, ObjectOutcome]:
    """Contents of materialized views: computed anew where they were populated."""
    return {
        entry.dump_id: ObjectOutcome(entry.kind, qualified_name(entry), Outcome.RECOMPUTED)
        for entry in setting.plan.entries
        if entry.kind == "MATERIALIZED VIEW DATA" and entry.dump_id not in known and not is_preamble(entry)
    }


def _judge(
    manifest: Manifest, objects: tuple[ObjectOutcome, ...], source: Version, sandbox: Version, seconds: float
) -> Proof:
    failure = failure_of(objects)
    notes: list[str] = []
    if source.major != sandbox.major:
        notes.append(f"Restored into PostgreSQL {sandbox}; the backup is of PostgreSQL {source}.")
    unread = [item for item in objects if item.kind in _ROWS and item.outcome is Outcome.NOT_CHECKED]
    level = ProofLevel.PROVEN
    if failure or unread:
        level = manifest.proof.level if manifest.proof.level is not ProofLevel.PROVEN else ProofLevel.COMPLETE
    if failure and manifest.options.is_selection and not any(o.outcome is Outcome.DIFFERS for o in objects):
        notes.append(f"The selection does not restore by itself: {failure}.")
        failure = ""
    if unread and not failure:
        more = f" (and {len(unread) - 1} more)" if len(unread) > 1 else ""
        notes.append(f"Not proven: the rows of {unread[0].name} were not compared: {unread[0].reason}{more}.")
    return Proof(
        level=level,
        checked_at=datetime.now(UTC),
        failure=failure,
        server=str(sandbox),
        seconds=round(seconds, 3),
        objects=objects,
        notes=tuple(notes),
    )
