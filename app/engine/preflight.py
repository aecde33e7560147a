"""Everything that can be known to go wrong before a backup starts, as one list of checks.

A check that fails says so with its remedy; later checks go on where they can.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from app.domain.backup import BackupOptions, Compression, CompressionMethod, Format
from app.domain.errors import AppError, ErrorCode
from app.domain.project_types import ProjectType
from app.engine.connection_remedy import named_pooler, transaction_pooler, with_remedy
from app.postgres.connection import Connection, Session, asking
from app.postgres.dumping import check_compression
from app.postgres.failures import connection_failure
from app.postgres.inspection import (
    ServerFacts,
    TableFacts,
    dumped_tables,
    server_facts,
    unmatched_patterns,
    unreadable_objects,
)
from app.postgres.pooling import pooling_of
from app.postgres.toolchain import Choice, Installation, Version, pick_dump_tool
from app.supabase.access import SupabaseAccess
from app.system.cancellation import CancelToken
from app.system.files import free_bytes

_REACH_SECONDS = 5.0
_OTHER_SESSIONS = 3
_MOST_JOBS = 4
_USUAL_RATIO = 0.35
TLS_CODES = (
    ErrorCode.TLS_REFUSED,
    ErrorCode.CERTIFICATE_NOT_TRUSTED,
    ErrorCode.CERTIFICATE_OTHER_NAME,
)


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the list: what was checked, what was found, and the failure if there is one."""

    name: str
    found: str
    failure: AppError | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """A backup that can start.

    `estimated_bytes` is what the backup will take in the folder, by a rule of thumb.
    """

    server: ServerFacts
    tables: tuple[TableFacts, ...]
    tool: Installation
    compression: Compression
    jobs: int
    estimated_bytes: int
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BackupRequest:
    """What to back up, how, and where to.

    Attributes:
        project: the name under which the backup is filed.
        connection: the database.
        options: what the user chose.
        destination: the folder; None to check the project alone.
        kind: manual, scheduled or safety.
        schedule: id of the schedule that asks for it; empty for none.
        slot: the moment at which that is due, in UTC.
        last_bytes: size of the project's last backup, a better estimate than any rule.
        stall_seconds: how long nothing may move before the run counts as stalled.
        lock_timeout: seconds to wait for the tables' locks, three times over.
        supabase: how to reach the project's web interfaces; None where it is none of Supabase's.
    """

    project: str
    connection: Connection
    options: BackupOptions = field(default_factory=BackupOptions)
    destination: Path | None = None
    kind: str = "manual"
    schedule: str = ""
    slot: datetime | None = None
    last_bytes: int | None = None
    stall_seconds: float = 600.0
    lock_timeout: float = 10.0
    supabase: SupabaseAccess | None = None


OnCheck = Callable[[Check], None]


def preflight(
    request: BackupRequest,
    installations: Sequence[Installation],
    on_check: OnCheck = lambda _: None,
    cancel: CancelToken | None = None,
) -> Plan:
    """Check what a backup needs: host, reach, TLS, sign-in, version and tool, selection, privileges,
    row security and size, in that order.

    `on_check` is told of each check as it is done.

    Raises:
        AppError: the first failure, after `on_check` was told of all.
        Cancelled: `cancel` was set.
    """
    _check_pooler(request.connection, on_check)
    _check_hosts(request.connection, on_check)
    with ExitStack() as stack:
        try:
            session = stack.enter_context(asking(request.connection, cancel or CancelToken()))
        except AppError as error:
            failure = with_remedy(error, request.connection)
            on_check(Check("TLS" if failure.code in TLS_CODES else "Sign-in", "", failure))
            raise failure from error
        facts = server_facts(session)
        on_check(Check("TLS", facts.tls or "not encrypted"))
        on_check(Check("Sign-in", f"{facts.user} in database {facts.database}"))
        try:
            facts, pooler = behind_pooler(session, facts, request, cancel)
        except AppError as error:
            on_check(Check("Pooler", "", error))
            raise
        if pooler:
            on_check(Check("Pooler", pooler))
        return check_contents(session, facts, request, installations, on_check)


def behind_pooler(
    session: Session, facts: ServerFacts, request: BackupRequest, cancel: CancelToken | None
) -> tuple[ServerFacts, str]:
    """The facts with the connections that a pooler has, and what was found; nothing where there is none.

    Raises:
        AppError: TRANSACTION_POOLER; TOO_MANY_CONNECTIONS where its pool is too small for any backup.
        Cancelled: `cancel` was set.
    """
    wanted = _wanted_jobs(request.options) + _OTHER_SESSIONS
    pooling = pooling_of(request.connection, session, wanted, cancel)
    if pooling is None:
        return facts, ""
    if pooling.shares_sessions:
        title = "A pooler in transaction mode stands before the server"
        raise transaction_pooler(title, request.connection.type)
    if pooling.free_sessions < _OTHER_SESSIONS:
        has = "1 free connection" if not pooling.free_sessions else f"{pooling.free_sessions + 1} free ones"
        raise AppError(
            ErrorCode.TOO_MANY_CONNECTIONS,
            f"A backup needs {_OTHER_SESSIONS + 1} connections at once, and the pooler has {has}",
            hint="Raise the size of its pool, close other programs that use it, or connect to the server "
            "itself.",
        )
    free = min(facts.free_connections, pooling.free_sessions)
    return replace(facts, free_connections=free), "in session mode"


def check_contents(
    session: Session,
    facts: ServerFacts,
    request: BackupRequest,
    installations: Sequence[Installation],
    on_check: OnCheck,
) -> Plan:
    """The checks that ask the server: version and tool, selection, privileges, row security, size.

    Raises:
        AppError: the first failure, after `on_check` was told of all.
    """
    options = request.options
    failures: list[AppError] = []

    def check(name: str, question: Callable[[], str]) -> bool:
        try:
            on_check(Check(name, question()))
        except AppError as error:
            failures.append(error)
            on_check(Check(name, "", error))
            return False
        return True

    choice: list[tuple[Choice, Compression]] = []
    tables: list[TableFacts] = []

    def tool() -> str:
        version = Version.from_number(facts.version_number)
        picked = pick_dump_tool(installations, version, needs_tls=_needs_tls(request.connection, facts))
        choice.append((picked, check_compression(options, picked.installation)))
        return f"PostgreSQL {facts.version}; {picked.reason}"

    def selection() -> str:
        _check_patterns(session, options)
        tables.extend(dumped_tables(session, options))
        return f"{len(tables):,} tables with rows"

    check("Version and tool", tool)
    if not check("Selection", selection):
        raise failures[0]  # what follows asks about what is selected
    estimate = request.last_bytes or estimate_bytes(tables, options)
    kind = request.connection.type
    check("Privileges", lambda: _check_privileges(session, options, facts, kind))
    check("Row security", lambda: _check_row_security(tables, facts, kind))
    check("Size", lambda: _check_space(estimate, facts, request.destination))
    if failures:
        raise failures[0]
    picked, compression = choice[0]
    jobs, warning = _count_jobs(options, facts)
    return Plan(
        server=facts,
        tables=tuple(tables),
        tool=picked.installation,
        compression=compression,
        jobs=jobs,
        estimated_bytes=estimate,
        warnings=request.connection.notes
        + picked.warnings
        + warning
        + _compression_warning(options, compression, picked),
    )


def _check_pooler(connection: Connection, on_check: OnCheck) -> None:
    if failure := named_pooler(connection):
        on_check(Check("Host", "", failure))
        raise failure


def _check_hosts(connection: Connection, on_check: OnCheck) -> None:
    """Look up and reach each host of the list; one that answers is enough, as it is for libpq."""
    words = connection.keywords
    if "service" in words or "hostaddr" in words or (connection.inherits and "host" not in words):
        return
    hosts = [host for host in words.get("host", "").split(",") if host]
    ports = words.get("port", "").split(",")
    failure: AppError | None = None
    for number, host in enumerate(hosts):
        if host.startswith(("/", "@")):
            return
        port = ports[min(number, len(ports) - 1)] or os.environ.get("PGPORT", "5432")
        try:
            addresses = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)
            on_check(Check("Host", f"{host} is {', '.join(dict.fromkeys(str(a[4][0]) for a in addresses))}"))
            socket.create_connection((host, int(port)), _REACH_SECONDS).close()
        except (OSError, UnicodeError, ValueError) as error:
            failure = with_remedy(connection_failure(socket_words(error), f"{host}:{port}"), connection)
            continue
        on_check(Check("Reach", f"port {port} of {host} answers"))
        return
    if failure:
        on_check(Check("Host" if failure.code is ErrorCode.HOST_NOT_FOUND else "Reach", "", failure))
        raise failure


def socket_words(error: OSError | UnicodeError | ValueError) -> str:
    """What kept a host from being found or reached, in the words that libpq has for it."""
    if isinstance(error, socket.gaierror | UnicodeError | ValueError):
        reason = error.strerror if isinstance(error, socket.gaierror) else str(error)
        return f"could not translate host name: {reason}"
    return error.strerror or str(error)


def _needs_tls(connection: Connection, facts: ServerFacts) -> bool:
    wants = connection.keywords.get("sslmode") or (connection.inherits and os.environ.get("PGSSLMODE")) or ""
    return bool(facts.tls) or wants in ("require", "verify-ca", "verify-full")


def _check_patterns(session: Session, options: BackupOptions) -> None:
    missing = unmatched_patterns(session, options)
    if missing:
        raise AppError(
            ErrorCode.INVALID_INPUT,
            "The selection names something that the database does not have",
            detail=", ".join(missing),
            hint='Names fold to lower case; put "Mixed" in double quotes. * and ? are wild.',
        )


def _check_privileges(session: Session, options: BackupOptions, facts: ServerFacts, kind: ProjectType) -> str:
    unreadable = unreadable_objects(session, options)
    if unreadable:
        raise AppError(
            ErrorCode.PERMISSION_DENIED,
            f"{facts.user} may not read {_some(unreadable)}",
            detail=", ".join(unreadable[:20]),
            hint=kind.to_read_all.format(user=facts.user.replace('"', '""')),
        )
    return f"{facts.user} may read everything"


def _check_row_security(tables: Sequence[TableFacts], facts: ServerFacts, kind: ProjectType) -> str:
    hidden = [table.sql for table in tables if table.row_security]
    if hidden:
        raise AppError(
            ErrorCode.ROW_SECURITY,
            f"Row security would hide rows of {_some(hidden)} from {facts.user}",
            detail=", ".join(hidden[:20]),
            hint=kind.to_see_all_rows.format(user=facts.user.replace('"', '""')),
        )
    return "no rows are hidden"


def _some(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def estimate_bytes(tables: Sequence[TableFacts], options: BackupOptions) -> int:
    """What a backup will take: table bytes, times what compression usually leaves of them."""
    none = options.compression is not None and options.compression.method is CompressionMethod.NONE
    return int(sum(table.bytes for table in tables) * (1.0 if none else _USUAL_RATIO)) + 65_536


def _check_space(estimate: int, facts: ServerFacts, destination: Path | None) -> str:
    sizes = f"database {facts.bytes:,} bytes, backup about {estimate:,} bytes"
    if destination is None:
        return sizes
    free = free_bytes(destination)
    if free < estimate:
        raise AppError(
            ErrorCode.DISK_FULL,
            "The folder has too little space for this backup",
            detail=f"{destination} has {free:,} bytes left, the backup needs about {estimate:,}",
            hint="Free some space or choose another folder.",
        )
    return f"{sizes}, free {free:,} bytes"


def _count_jobs(options: BackupOptions, facts: ServerFacts) -> tuple[int, tuple[str, ...]]:
    """Workers that the machine and the server's free connections allow."""
    if options.format is not Format.DIRECTORY:
        return 1, ()
    wanted = _wanted_jobs(options)
    allowed = max(1, facts.free_connections - _OTHER_SESSIONS)
    if allowed < wanted:
        jobs = "1 job" if allowed == 1 else f"{allowed} jobs"
        return allowed, (
            f"The server has {facts.free_connections} free connections: {jobs} instead of {wanted}.",
        )
    return wanted, ()


def _wanted_jobs(options: BackupOptions) -> int:
    if options.format is not Format.DIRECTORY:
        return 1
    return options.jobs or max(2, min(_MOST_JOBS, os.cpu_count() or 1))


def _compression_warning(options: BackupOptions, used: Compression, choice: Choice) -> tuple[str, ...]:
    if options.compression is None and used.method is CompressionMethod.GZIP:
        return (f"pg_dump {choice.installation.version} here has no zstd: gzip is used, which is slower.",)
    return ()
