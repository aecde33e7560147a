"""Names what went wrong by what libpq, the server and PostgreSQL's tools say in English.

The rules are read in order; the first that matches decides. Tools run with LC_MESSAGES=C, and a
server's SQLSTATE is used where there is one, so that other languages do not matter much.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from app.domain.errors import AppError, ErrorCode


@dataclass(frozen=True, slots=True)
class _Rule:
    pattern: str
    code: ErrorCode
    title: str
    hint: str


_CONNECTION: tuple[_Rule, ...] = (
    _Rule(
        r"could not translate host name|Name or service not known|nodename nor servname|getaddrinfo"
        r"|failed to resolve host|Temporary failure in name resolution",
        ErrorCode.HOST_NOT_FOUND,
        "The host was not found",
        "Check the host name for typing errors, and that this computer is online.",
    ),
    _Rule(
        r"certificate verify failed|self.signed certificate|unable to get local issuer|certificate has exp",
        ErrorCode.CERTIFICATE_NOT_TRUSTED,
        "The server's certificate is not trusted",
        "Give its authority's certificate with sslrootcert=FILE, or check that this is the right server.",
    ),
    _Rule(
        r"server certificate for .* does not match host name",
        ErrorCode.CERTIFICATE_OTHER_NAME,
        "The server's certificate is for another name",
        "Use the host name that the certificate was made for, or sslmode=verify-ca.",
    ),
    _Rule(
        r"root certificate file .* does not exist",
        ErrorCode.CERTIFICATE_NOT_TRUSTED,
        "The root certificate was not found",
        "Check the path in sslrootcert.",
    ),
    _Rule(
        r"server does not support SSL|SSL error|SSL connection|sslmode value|no encryption|SSL off",
        ErrorCode.TLS_REFUSED,
        "The server and this computer do not agree on TLS",
        "Set sslmode=require for a server that insists on TLS, or sslmode=prefer for one that has none.",
    ),
    _Rule(
        r"timeout expired|Connection timed out|timed out",
        ErrorCode.TIMED_OUT,
        "The server did not answer in time",
        "Check host and port, and that no firewall stands between.",
    ),
    _Rule(
        r"Connection refused|No such file or directory",
        ErrorCode.REFUSED,
        "Nothing answers at that address",
        "Check the port, and that the server is running.",
    ),
    _Rule(
        r"Network is unreachable|No route to host|Host is unreachable",
        ErrorCode.UNREACHABLE,
        "The server cannot be reached from this network",
        "The direct host of a Supabase project has an IPv6 address only: use its session pooler (port 5432).",
    ),
    _Rule(
        r"authentication failed|no password supplied|SASL|role .* does not exist"
        r"|no pg_hba.conf entry|Tenant or user not found|not permitted to log in",
        ErrorCode.SIGN_IN_FAILED,
        "The server refused the sign-in",
        "Check user and password. A password in a URL must be percent-encoded where it has @ : / ? # or %.",
    ),
    _Rule(
        r"database .* does not exist",
        ErrorCode.UNKNOWN_DATABASE,
        "There is no such database on the server",
        "Check the name at the end of the connection string.",
    ),
    _Rule(
        r"too many clients|remaining connection slots|too many connections|max_client_conn|MaxClients",
        ErrorCode.TOO_MANY_CONNECTIONS,
        "The server has no free connection",
        "Close other programs that use it, or lower --jobs.",
    ),
    _Rule(
        r"server closed the connection|connection to server was lost|terminating connection|"
        r"could not receive data from server|could not send data to server|connection not open"
        r"|the connection is (lost|closed)|is (starting up|shutting down)|SSL SYSCALL",
        ErrorCode.CONNECTION_LOST,
        "The connection to the server was lost",
        "Check the network and that the server still runs, then start again.",
    ),
)


_DUMP: tuple[_Rule, ...] = (
    _Rule(
        r"No space left on device|could not write .*: No space|Disk quota exceeded",
        ErrorCode.DISK_FULL,
        "The disk is full",
        "Free some space or choose another folder, then start again.",
    ),
    _Rule(
        r"aborting because of server version mismatch",
        ErrorCode.SERVER_TOO_NEW,
        "The server is newer than the PostgreSQL tools",
        "Install the tools of the server's version; “holdfast doctor” lists what was found.",
    ),
    _Rule(
        r"row-level security policy",
        ErrorCode.ROW_SECURITY,
        "Row security would hide rows from the backup",
        "Back up as the tables' owner, as a superuser, or as a role with BYPASSRLS.",
    ),
    _Rule(
        r"permission denied",
        ErrorCode.PERMISSION_DENIED,
        "The role may not read everything",
        "Grant it SELECT on what is named (or the role pg_read_all_data), or leave that out.",
    ),
    _Rule(
        r"invalid memory alloc request size|out of memory|string buffer exceeds maximum",
        ErrorCode.ROW_TOO_LARGE,
        "A row is too large to be dumped",
        "PostgreSQL cannot write rows whose text form is over 1 GB (bytea doubles): split the value.",
    ),
    _Rule(
        r"could not import the requested snapshot|invalid snapshot identifier|snapshot .* does not exist",
        ErrorCode.SNAPSHOT_LOST,
        "The snapshot was lost",
        "The server ended our session, so the dump could not begin: start again.",
    ),
    _Rule(
        r"canceling statement due to (statement|lock) timeout|could not obtain lock",
        ErrorCode.LOCK_WAIT,
        "A table is locked by another session",
        "Wait until the other session is done, or end it, then start again.",
    ),
    _Rule(
        r"relation .* does not exist|could not open relation with OID|cache lookup failed",
        ErrorCode.RELATION_CHANGED,
        "A table was changed or dropped while it was dumped",
        "Start again when no migration runs.",
    ),
)


def connection_failure(text: str, place: str) -> AppError:
    """The failure of a connection to `place`; the server's own words become the detail."""
    return _first_match(_CONNECTION, text, f"{place}: {_summary(text)}") or AppError(
        ErrorCode.SERVER_ERROR,
        "The server did not let us in",
        detail=f"{place}: {_summary(text)}",
        hint="Check the connection string.",
    )


def dump_failure(program: str, errors: str, status: int, place: str) -> AppError:
    """The failure of pg_dump, pg_dumpall or pg_restore, from its last lines of standard error."""
    detail = _summary(errors) or f"{program} ended with status {status} and said nothing"
    return (
        _first_match(_DUMP, errors, detail)
        or _first_match(_CONNECTION, errors, f"{place}: {detail}")
        or AppError(
            ErrorCode.DUMP_FAILED,
            f"{program} failed",
            detail=detail,
            hint="No backup was kept. The detail is what PostgreSQL said.",
        )
    )


def query_failure(error: Exception, place: str) -> AppError:
    """The failure of a query of our own."""
    detail = _summary(str(error))
    return (
        _first_match(_DUMP, str(error), detail)
        or _first_match(_CONNECTION, str(error), f"{place}: {detail}")
        or AppError(
            ErrorCode.SERVER_ERROR,
            "The server refused a query",
            detail=detail,
            hint="The detail is what the server said.",
        )
    )


def _first_match(rules: Iterable[_Rule], text: str, detail: str) -> AppError | None:
    for rule in rules:
        if re.search(rule.pattern, text):
            return AppError(rule.code, rule.title, detail=detail, hint=rule.hint)
    return None


def _summary(text: str) -> str:
    """What was said, on one line: each line once, at most six."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " · ".join(dict.fromkeys(lines[:6]))
