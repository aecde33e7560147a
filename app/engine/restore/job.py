"""One restore from the first look to the report: open the source, plan, carry the plan out."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from app.domain.errors import AppError, ErrorCode
from app.domain.events import Listener, Phase, Progress
from app.domain.restore import RestoreOptions, RestorePlan, RestoreReport
from app.engine.connection_remedy import named_pooler, transaction_pooler
from app.engine.restore.archive_restore import ArchiveLoader
from app.engine.restore.execution import Execution, Load, execute
from app.engine.restore.new_database import options_of, tell_of_leftovers
from app.engine.restore.other_tables import find_other_tables
from app.engine.restore.plan import PreparedRestore, plan_restore, sessions_wanted, with_findings
from app.engine.restore.script_restore import ScriptLoader
from app.engine.restore.source import RestoreSource, open_source
from app.engine.restore.source_findings import find_in_source
from app.engine.restore.watch import LOCK_SECONDS
from app.postgres.connection import Connection, Session, asking
from app.postgres.pooling import pooling_of
from app.postgres.target import read_server, read_target
from app.postgres.target_facts import TargetFacts, what_changed
from app.postgres.toolchain import Installation, pick_restore_tool
from app.system.cancellation import CancelToken

_LONGEST_NAME = 63


@dataclass(frozen=True, slots=True)
class RestoreTarget:
    """Where to restore: a database that exists, or a new one on the server of `connection`."""

    connection: Connection
    new_database: str = ""


def refusal(plan: RestorePlan) -> AppError:
    """Why a plan that is blocked is not carried out: the first of its reasons."""
    first = plan.blocking[0]
    return AppError(ErrorCode.CANNOT_RESTORE, first.title, detail=first.detail, hint=first.hint)


@contextmanager
def open_job(
    paths: Sequence[Path],
    target: RestoreTarget,
    options: RestoreOptions,
    installations: Sequence[Installation],
    *,
    workspace: Path | None = None,
) -> Iterator[RestoreJob]:
    """A restore, with a folder for what it unpacks, which is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="holdfast-restore-", dir=workspace) as folder:
        yield RestoreJob(tuple(paths), target, options, tuple(installations), Path(folder))


@dataclass(slots=True)
class RestoreJob:
    """A restore: `plan` it, look at the plan, `run` it.

    Attributes:
        lock_seconds: how long to wait for what another session has locked.
    """

    paths: tuple[Path, ...]
    target: RestoreTarget
    options: RestoreOptions
    installations: tuple[Installation, ...]
    workspace: Path
    source: RestoreSource | None = None
    lock_seconds: float = LOCK_SECONDS
    _facts: TargetFacts | None = field(default=None, repr=False)
    _prepared: PreparedRestore | None = field(default=None, repr=False)
    _needs_tls: bool = False
    _tool: Installation | None = field(default=None, repr=False)

    @property
    def plan_made(self) -> RestorePlan:
        """The plan that `plan` gave last."""
        if self._prepared is None:
            raise ValueError("a restore is planned first")
        return self._prepared.plan

    def plan(self, cancel: CancelToken, listener: Listener) -> RestorePlan:
        """Look into the source and at the target; nothing is changed.

        Raises:
            AppError: the source cannot be read, or the target not be reached; TOOL_MISSING.
            Cancelled: `cancel` was set.
        """
        listener(Progress(Phase.PLANNING))
        if len(self.target.new_database.encode()) > _LONGEST_NAME:
            raise AppError(
                ErrorCode.INVALID_INPUT,
                "The name of the new database is too long",
                detail=f"PostgreSQL takes {_LONGEST_NAME} bytes: {self.target.new_database}",
                hint="Choose a shorter one.",
            )
        if self.source is None:
            self.source = open_source(self.paths, self.workspace, cancel, database=self.options.database)
        self._facts = self._look(cancel, listener)
        self._tool = self._pick_tool(self.source, self._facts)
        prepared = plan_restore(self.source.facts(), self._facts, self.options, place=self._place)
        run = {entry.dump_id: entry for entry in prepared.entries}
        is_new = bool(self.target.new_database)
        findings = (
            *find_in_source(self.source, self.options, is_new=is_new, run=run, role=self._facts.role),
            *find_other_tables(self.source, run, self._facts),
        )
        self._prepared = with_findings(prepared, findings)
        return self._prepared.plan

    def run(self, cancel: CancelToken, listener: Listener, *, safety_backup: str = "") -> RestoreReport:
        """Carry the plan out.

        Raises:
            AppError: CANNOT_RESTORE when the plan says so, or when the target changed since then;
                ARCHIVE_DAMAGED when a backup's files are not as they were written.
                Nothing was changed. What goes wrong later is in the report.
        """
        if self.source is None or self._prepared is None or self._facts is None:
            raise ValueError("a restore is planned first")
        plan = self._prepared.plan
        if plan.blocking:
            raise refusal(plan)
        if changes := what_changed(self._facts, self._look(cancel)):
            raise AppError(
                ErrorCode.CANNOT_RESTORE,
                "The target has changed since the plan was made",
                detail="; ".join(changes),
                hint="Look at a new plan, then restore.",
            )
        entries = self._prepared.entries
        load = self._loader(cancel)
        self.source.verify(cancel, listener)
        streams = self.source.read_streams(entries, cancel, listener)
        work = Execution(
            prepared=self._prepared,
            connection=self.target.connection,
            load=load,
            rows=self.source.rows(entries, streams),
            total_bytes=sum(streams[e.dump_id][1] for e in entries if e.dump_id in streams),
            safety_backup=safety_backup,
            options=options_of(
                next((e.definition for e in self.source.entries if e.kind == "DATABASE"), ""),
                self.source.encoding,
            ),
            lock_seconds=self.lock_seconds,
        )
        return execute(work, cancel, listener)

    @property
    def _place(self) -> str:
        connection = self.target.connection
        if self.target.new_database:
            connection = connection.to(dbname=self.target.new_database)
        return connection.describe()

    def _look(self, cancel: CancelToken, listener: Listener | None = None) -> TargetFacts:
        connection = self.target.connection
        if refused := named_pooler(connection):
            raise refused
        with asking(connection, cancel) as session:
            free = None
            if listener is not None:
                free = self._free_behind_pooler(session, cancel)
                tell_of_leftovers(session, listener)
            self._needs_tls = bool(session.pgconn.ssl_in_use)
            if self.target.new_database:
                facts = read_server(session, self.target.new_database)
            else:
                facts = read_target(session)
        return facts if free is None else replace(facts, free_connections=min(free, facts.free_connections))

    def _free_behind_pooler(self, session: Session, cancel: CancelToken) -> int | None:
        """How many more sessions a pooler gives; None where there is none.

        Raises:
            AppError: TRANSACTION_POOLER, through which one session's settings reach others;
                TOO_MANY_CONNECTIONS.
            Cancelled: `cancel` was set.
        """
        pooling = pooling_of(self.target.connection, session, sessions_wanted(self.options), cancel)
        if pooling is None:
            return None
        if pooling.shares_sessions:
            title = "A pooler in transaction mode stands before the server"
            raise transaction_pooler(title, self.target.connection.type)
        if not pooling.free_sessions:
            raise AppError(
                ErrorCode.TOO_MANY_CONNECTIONS,
                "A restore needs two connections at once, and the pooler has one",
                hint="Raise the size of its pool, or connect to the server itself.",
            )
        return pooling.free_sessions

    def _pick_tool(self, source: RestoreSource, facts: TargetFacts) -> Installation | None:
        """The pg_restore that archives need; scripts need none."""
        if source.archive is None:
            return None
        return pick_restore_tool(
            self.installations,
            source.tool or facts.version,
            source.archive.compression.method,
            facts.version,
            needs_tls=self._needs_tls,
        )

    def _loader(self, cancel: CancelToken) -> Load:
        source, prepared, facts = self.source, self._prepared, self._facts
        if source is None or prepared is None or facts is None:
            raise ValueError("a restore is planned first")
        if source.archive is None or self._tool is None:
            return ScriptLoader(source, prepared, facts.version.major).load
        blocks = (lambda: source.blocks(cancel)) if source.is_packed else None
        return ArchiveLoader(
            source.archive, prepared, self._tool, self.workspace, facts.version.major, blocks
        ).load
