"""Tests a connection line by line, so that a user sees how far it came and what to do where it did not.

A failure does not end the list as long as the next line can still be tried.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path

from app.domain.backup import BackupOptions
from app.domain.errors import AppError
from app.domain.estimate import duration_words, estimate_backup
from app.engine.connection_remedy import named_pooler, with_remedy
from app.engine.listing import line_speed
from app.engine.preflight import (
    TLS_CODES,
    BackupRequest,
    Check,
    behind_pooler,
    check_contents,
    socket_words,
)
from app.postgres.certificate import ShownCertificate, shown_certificate
from app.postgres.connection import Connection, Session, asking
from app.postgres.failures import connection_failure
from app.postgres.inspection import ServerFacts, server_facts
from app.postgres.toolchain import Installation
from app.system.cancellation import CancelToken, abandonable

_REACH_SECONDS = 5.0


class CheckStep(StrEnum):
    """The lines of the list, in their order."""

    HOST = "host"
    REACH = "reach"
    TLS = "tls"
    SIGN_IN = "sign-in"
    TOOL = "tool"
    PRIVILEGES = "privileges"
    ROW_SECURITY = "row-security"
    SIZE = "size"


class CheckState(StrEnum):
    """How a line stands."""

    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"
    LEFT_OUT = "left-out"
    """It could not be tried, because of a failure before it."""


@dataclass(frozen=True, slots=True)
class CheckLine:
    """One line as it stands now; a later one with the same step replaces it.

    Attributes:
        found: what was found, in words.
        failure: of a line that failed, with its remedies in `actions`.
    """

    step: CheckStep
    state: CheckState
    found: str = ""
    failure: AppError | None = None


@dataclass(frozen=True, slots=True)
class ConnectionCheck:
    """The end of the list: each line as it came to stand, and what is known of the server."""

    lines: tuple[CheckLine, ...]
    server: ServerFacts | None = None

    @property
    def passed(self) -> bool:
        """Whether a backup could start."""
        return all(line.state is CheckState.PASSED for line in self.lines)


OnLine = Callable[[CheckLine], None]
_INSIDE = {
    "Version and tool": CheckStep.TOOL,
    "Selection": CheckStep.TOOL,
    "Privileges": CheckStep.PRIVILEGES,
    "Row security": CheckStep.ROW_SECURITY,
    "Size": CheckStep.SIZE,
}


def check_connection(
    connection: Connection,
    installations: Sequence[Installation],
    on_line: OnLine,
    cancel: CancelToken,
    *,
    destination: Path | None = None,
) -> ConnectionCheck:
    """Fill the list; failures stand in it and are not raised.

    Args:
        on_line: told of each line when it begins and when it is done, in the caller's thread.
        destination: the folder whose space the estimate is held against.

    Raises:
        Cancelled: `cancel` was set.
    """
    check = _List(on_line)
    try:
        _check(check, connection, installations, cancel, destination)
    except AppError as error:
        check.fail(error)
    return check.end()


class _List:
    """The lines so far; one of them runs."""

    def __init__(self, on_line: OnLine) -> None:
        self.server: ServerFacts | None = None
        self._on_line = on_line
        self._lines: dict[CheckStep, CheckLine] = {}
        self._at = CheckStep.HOST

    def begin(self, step: CheckStep) -> None:
        self._at = step
        if self._lines.get(step) != CheckLine(step, CheckState.RUNNING):
            self._show(CheckLine(step, CheckState.RUNNING))

    def passed(self, found: str) -> None:
        self._show(CheckLine(self._at, CheckState.PASSED, found))

    def fail(self, error: AppError, found: str = "") -> None:
        self._show(CheckLine(self._at, CheckState.FAILED, found, error))

    def end(self) -> ConnectionCheck:
        for step in CheckStep:
            line = self._lines.get(step)
            if line is None or line.state is CheckState.RUNNING:
                self._show(CheckLine(step, CheckState.LEFT_OUT))
        return ConnectionCheck(tuple(self._lines[step] for step in CheckStep), self.server)

    def _show(self, line: CheckLine) -> None:
        self._lines[line.step] = line
        self._on_line(line)


def _check(
    check: _List,
    connection: Connection,
    installations: Sequence[Installation],
    cancel: CancelToken,
    destination: Path | None,
) -> None:
    certificate = _reach(check, connection, cancel)
    check.begin(CheckStep.TLS)
    begun = time.monotonic()
    with ExitStack() as stack:
        try:
            session = stack.enter_context(asking(connection, cancel))
        except AppError as error:
            if error.code not in TLS_CODES:
                check.passed(_tls_words(connection, "", certificate))
                check.begin(CheckStep.SIGN_IN)
            raise with_remedy(error, connection) from error
        took = time.monotonic() - begun
        facts = check.server = server_facts(session)
        check.passed(_tls_words(connection, facts.tls, certificate))
        check.begin(CheckStep.SIGN_IN)
        request = BackupRequest("", connection, BackupOptions(), destination)
        found = f"as {facts.user} in database {facts.database}, in {took * 1000:,.0f} ms"
        try:
            facts, pooler = abandonable(partial(behind_pooler, session, facts, request, cancel), cancel)
            check.passed(f"{found}, through a pooler {pooler}" if pooler else found)
        except AppError as error:
            check.fail(error, found)
        _check_inside(check, session, facts, request, installations)


def _reach(check: _List, connection: Connection, cancel: CancelToken) -> ShownCertificate | None:
    """Look up and reach the hosts; one that answers is enough, as it is for libpq."""
    check.begin(CheckStep.HOST)
    words = connection.keywords
    if "service" in words or "hostaddr" in words or (connection.inherits and "host" not in words):
        check.passed("given by " + ("a service" if "service" in words else "libpq's own settings"))
        check.begin(CheckStep.REACH)
        check.passed("tried with the sign-in")
        return None
    hosts = [host for host in words.get("host", "").split(",") if host]
    ports = words.get("port", "").split(",")
    failure: AppError | None = None
    for number, host in enumerate(hosts):
        if host.startswith(("/", "@")):
            check.passed("this computer")
            check.begin(CheckStep.REACH)
            check.passed(f"by the socket in {host}")
            return None
        port = ports[min(number, len(ports) - 1)] or os.environ.get("PGPORT", "5432")
        try:
            certificate = _reach_one(check, host, port, cancel)
        except (OSError, UnicodeError, ValueError) as error:
            failure = with_remedy(connection_failure(socket_words(error), f"{host}:{port}"), connection)
            check.fail(failure)
            continue
        answers = ". ".join((f"{host} answers on port {port}", *connection.notes))
        if pooler := named_pooler(connection):
            check.fail(pooler, answers)
        else:
            check.passed(answers)
        return certificate
    if failure is not None:
        raise failure
    check.passed("libpq's own choice")
    check.begin(CheckStep.REACH)
    check.passed("tried with the sign-in")
    return None


def _reach_one(check: _List, host: str, port: str, cancel: CancelToken) -> ShownCertificate | None:
    number = int(port)
    check.begin(CheckStep.HOST)
    found = abandonable(lambda: socket.getaddrinfo(host, number, type=socket.SOCK_STREAM), cancel)
    addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
    kinds = {"IPv6" if ":" in address else "IPv4" for address in addresses}
    more = f" and {len(addresses) - 1} more" if len(addresses) > 1 else ""
    check.passed(f"{host} is {addresses[0]}{more}, {' and '.join(sorted(kinds))}")
    check.begin(CheckStep.REACH)
    abandonable(lambda: socket.create_connection((host, number), _REACH_SECONDS).close(), cancel)
    try:
        return abandonable(lambda: shown_certificate(host, number, _REACH_SECONDS), cancel)
    except OSError:
        return None  # the sign-in tells what is wrong


def _check_inside(
    check: _List,
    session: Session,
    facts: ServerFacts,
    request: BackupRequest,
    installations: Sequence[Installation],
) -> None:
    """What preflight asks the server, as lines."""
    last: list[CheckStep] = []

    def on_check(one: Check) -> None:
        step = _INSIDE[one.name]
        if step not in last:
            check.begin(step)
        last.append(step)
        if one.failure is not None:
            check.fail(one.failure)
        elif one.name not in ("Selection", "Size"):
            check.passed(one.found)

    try:
        plan = check_contents(session, facts, request, installations, on_check)
    except AppError:
        return  # it stands in its line
    check.begin(CheckStep.SIZE)
    rows = sum(table.bytes for table in plan.tables)
    estimate = estimate_backup(rows, 0, proven=False, line_speed=line_speed(session))
    check.passed(_size_words(facts.bytes, plan.estimated_bytes, estimate.seconds))


def _size_words(database: int, backup: int, seconds: float) -> str:
    import humanize  # takes long to import

    size = humanize.naturalsize
    return (
        f"{size(database)}. A backup takes about {size(backup, format='%.0f')} and {duration_words(seconds)}"
    )


def _tls_words(connection: Connection, used: str, certificate: ShownCertificate | None) -> str:
    """Whether the line is encrypted, whose certificate it is, and what of it is checked."""
    mode = connection.keywords.get("sslmode") or (connection.inherits and os.environ.get("PGSSLMODE")) or ""
    if certificate is None or mode == "disable":
        return used or ("not encrypted, as sslmode=disable asks" if mode == "disable" else "not encrypted")
    checked = {
        "verify-full": "authority and name are checked",
        "verify-ca": "its authority is checked, its name is not",
    }
    protocol = certificate.protocol.replace("TLSv", "TLS ")
    who = f"{protocol}, certificate of {certificate.subject} issued by {certificate.issuer}"
    not_checked = f"it is not checked (sslmode={mode or 'prefer'})"
    return f"{who}; {checked.get(mode, not_checked)}"
