"""Names what went wrong by what libpq, the server and PostgreSQL's tools say.

A server's SQLSTATE decides where there is one, whatever its language. Otherwise the rules are read in
order, and the first that matches the English text decides. Tools run with LC_MESSAGES=C. Names and
values in double quotes, statements and row contents are not looked at, because they can say anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import psycopg

from app.domain.errors import AppError, ErrorCode

_LONGEST_DETAIL = 2000
_TOLD_BY_TEXT = (
    "XX000",  # internal errors: sizes, relations that went away
    "57014",  # cancelled: by a user, or by a limit
    "0A000",
    "22023",
    "42704",  # snapshots that are gone have had three codes
)


@dataclass(frozen=True, slots=True)
class _Rule:
    pattern: str
    code: ErrorCode
    title: str
    hint: str
    states: tuple[str, ...] = ()


_CONNECTION: tuple[_Rule, ...] = (
    _Rule(
        r"could not translate host name|Name or service not known|nodename nor servname|getaddrinfo"
        r"|failed to resolve host|Temporary failure in name resolution",
        ErrorCode.HOST_NOT_FOUND,
        "The host was not found",
        "Check the host name for typing errors, and that this computer is online.",
    ),
    _Rule(
        r"certificate verify failed|self.signed certificate|unable to get local issuer",
        ErrorCode.CERTIFICATE_NOT_TRUSTED,
        "The server's certificate is not trusted",
        "Give its authority's certificate with sslrootcert=FILE, and check that it has not expired, that this"
        " computer's clock is right, and that this is the right server.",
    ),
    _Rule(
        r"server certificate for .* does not match host name",
        ErrorCode.CERTIFICATE_OTHER_NAME,
        "The server's certificate is for another name",
        "Use the host name that the certificate was made for, or sslmode=verify-ca.",
    ),
    _Rule(
        r"root certificate file .* does not exist|could not read root certificate",
        ErrorCode.CERTIFICATE_NOT_TRUSTED,
        "The root certificate was not found",
        "Check the path in sslrootcert; sslrootcert=system takes the authorities that this computer trusts.",
    ),
    _Rule(
        r"could not (open|load) (certificate|private key)|certificate present, but not private key"
        r"|private key file",
        ErrorCode.TLS_REFUSED,
        "The client's certificate or its key cannot be used",
        "Check the files in sslcert and sslkey; the key must be readable by you alone.",
    ),
    _Rule(
        r"SSL connection has been closed|unexpected eof while reading",
        ErrorCode.CONNECTION_LOST,
        "The connection to the server was lost",
        "Check the network and that the server still runs, then start again.",
    ),
    _Rule(
        r"server does not support SSL|SSL error|SSL connection|sslmode value|received invalid response to SSL"
        r"|(?s:\A(?!.*(SSL encryption|SSL on)).*(no encryption|SSL off))",
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
        r"is (starting up|shutting down)|not (yet )?accepting connections|in recovery mode",
        ErrorCode.REFUSED,
        "The server is starting or shutting down",
        "Wait until it runs, then start again.",
        ("57P03",),
    ),
    _Rule(
        r"Connection refused|No such file or directory",
        ErrorCode.REFUSED,
        "Nothing answers at that address",
        "Check the port, and that the server is running.",
    ),
    _Rule(
        r"Network is unreachable|No route to host|Host is unreachable|Cannot assign requested address",
        ErrorCode.UNREACHABLE,
        "The server cannot be reached from this network",
        "Check the network, and that it knows the kind of address that the server has, IPv4 or IPv6.",
    ),
    _Rule(
        r"no pg_hba.conf entry|pg_hba.conf rejects|not permitted to log in",
        ErrorCode.SIGN_IN_FAILED,
        "The server does not let this user in from here",
        "The server's pg_hba.conf must allow this user, database and address, and the role needs LOGIN.",
    ),
    _Rule(
        r"no password supplied",
        ErrorCode.SIGN_IN_FAILED,
        "There is no password for this sign-in",
        "Set PGPASSWORD, add a line to ~/.pgpass (mode 0600), or put it into the connection string.",
    ),
    _Rule(
        r"authentication failed|SASL|role .* does not exist"
        r"|Tenant or user not found",
        ErrorCode.SIGN_IN_FAILED,
        "The server refused the sign-in",
        "Check user and password. A password in a URL must be percent-encoded where it has @ : / ? # or %.",
        ("28P01", "28000"),
    ),
    _Rule(
        r"database .* does not exist",
        ErrorCode.UNKNOWN_DATABASE,
        "There is no such database on the server",
        "Check the name at the end of the connection string.",
        ("3D000",),
    ),
    _Rule(
        r"too many clients|remaining connection slots|too many connections|max_client_conn|MaxClients",
        ErrorCode.TOO_MANY_CONNECTIONS,
        "The server has no free connection",
        "Close other programs that use it, or lower --jobs; roles and databases have limits, too.",
        ("53300",),
    ),
    _Rule(
        r"server closed the connection|connection to server was lost|terminating connection|"
        r"could not receive data from server|could not send data to server|connection not open"
        r"|the connection is (lost|closed)|SSL SYSCALL|no connection to the server",
        ErrorCode.CONNECTION_LOST,
        "The connection to the server was lost",
        "Check the network and that the server still runs, then start again.",
        ("57P01", "57P02", "57P05", "08000", "08003", "08006", "25P03", "25P04"),
    ),
)


_DUMP: tuple[_Rule, ...] = (
    _Rule(
        r"(ERROR|FATAL|PANIC): .*No space left on device",
        ErrorCode.SERVER_ERROR,
        "The server's own disk is full",
        "Free some space on the server; this computer's disk is not meant.",
        ("53100",),
    ),
    _Rule(
        r"out of shared memory",
        ErrorCode.SERVER_ERROR,
        "The server cannot lock that many tables at once",
        "Raise max_locks_per_transaction on the server, or back up some schemas at a time.",
        ("53200",),
    ),
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
        ("42501",),
    ),
    _Rule(
        r"permission denied",
        ErrorCode.PERMISSION_DENIED,
        "The role may not read everything",
        "Grant it SELECT on what is named (or the role pg_read_all_data), or leave that out.",
        ("42501",),
    ),
    _Rule(
        r"invalid memory alloc request size|out of memory|string buffer exceeds maximum",
        ErrorCode.ROW_TOO_LARGE,
        "A row is too large to be dumped",
        "PostgreSQL cannot write rows whose text form is over 1 GB (bytea doubles): split the value.",
        ("53200", "54000"),
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
        ("55P03",),
    ),
    _Rule(
        r"relation .* does not exist|could not open relation with OID|cache lookup failed",
        ErrorCode.RELATION_CHANGED,
        "A table was changed or dropped while it was dumped",
        "Start again when no migration runs.",
        ("42P01", "3F000"),
    ),
)


_ARCHIVE: tuple[_Rule, ...] = (  # what pg_restore says of files, where the server says nothing
    _Rule(
        r"could not (?:open|find) .*file.*: No such file or directory|could not find (?:header for )?file",
        ErrorCode.ARCHIVE_DAMAGED,
        "A file of the archive is missing",
        "Get the archive again, with all of its files.",
    ),
    _Rule(
        r"out of memory|invalid memory alloc|could not (?:read from (?:input|output )?|uncompress|decompress)"
        r"|unexpected (?:end of|block ID)|could not find block ID|unrecognized data block|corrupt"
        r"|did not find magic string|does not (?:appear to be|match)|invalid (?:compression|code lengths)",
        ErrorCode.ARCHIVE_DAMAGED,
        "The archive is damaged",
        "Use another copy of it; this one was changed or cut off.",
    ),
)
_OF_SERVER = re.compile(r"\b(?:ERROR|FATAL|PANIC): |connection")


def connection_failure(text: str, place: str) -> AppError:
    """The failure of a connection to `place`; the server's own words become the detail."""
    return _first_match(_CONNECTION, _without_names(text), f"{place}: {_summary(text)}") or AppError(
        ErrorCode.SERVER_ERROR,
        "The server did not let us in",
        detail=f"{place}: {_summary(text)}",
        hint="Check the connection string.",
    )


def dump_failure(program: str, errors: str, status: int, place: str) -> AppError:
    """The failure of pg_dump, pg_dumpall or pg_restore, from its last lines of standard error."""
    said = _complaints(program, errors)
    detail = _summary(said) or f"{program} ended with status {status} and said nothing"
    text = _without_names(said)
    is_of_archive = program == "pg_restore" and not _OF_SERVER.search(text)
    return (
        (_first_match(_ARCHIVE, text, detail) if is_of_archive else None)
        or _first_match(_DUMP, text, detail)
        or _first_match(_CONNECTION, text, f"{place}: {detail}")
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
    text = _without_names(str(error))
    state = error.sqlstate if isinstance(error, psycopg.Error) else None
    known = [rule for rule in (*_DUMP, *_CONNECTION) if state in rule.states]
    if known:
        return _failure(next((rule for rule in known if re.search(rule.pattern, text)), known[-1]), detail)
    if state and state not in _TOLD_BY_TEXT:
        return _query_refused(detail)
    return (
        _first_match(_DUMP, text, detail)
        or _first_match(_CONNECTION, text, f"{place}: {detail}")
        or _query_refused(detail)
    )


def _query_refused(detail: str) -> AppError:
    return AppError(
        ErrorCode.SERVER_ERROR,
        "The server refused a query",
        detail=detail,
        hint="The detail is what the server said.",
    )


def _first_match(rules: Iterable[_Rule], text: str, detail: str) -> AppError | None:
    for rule in rules:
        if re.search(rule.pattern, text):
            return _failure(rule, detail)
    return None


def _failure(rule: _Rule, detail: str) -> AppError:
    return AppError(rule.code, rule.title, detail=detail, hint=rule.hint)


def _complaints(program: str, errors: str) -> str:
    """What the program said from its first error on, without warnings, statements and rows.

    pg_dump 15 and later begin each message with its name; `detail: Command was:` and what the server
    adds as CONTEXT can hold anything.
    """
    kept: list[str] = []
    is_kept = False
    noise = re.compile(r"(warning|detail: (Command|Query) was|CONTEXT|STATEMENT|LINE \d+)\b")
    for line in errors.splitlines():
        message = line.removeprefix(f"{program}: ")
        if message != line or re.match(r"(DETAIL|HINT|CONTEXT|STATEMENT|LINE \d+):", line):
            is_kept = not noise.match(message) and (bool(kept) or message.startswith("error: "))
        elif line.startswith("Command was: "):
            is_kept = False
        if is_kept:
            kept.append(line)
    return "\n".join(kept) or errors


def _without_names(text: str) -> str:
    return re.sub(r'"[^"\n]*"', '""', text)


def _summary(text: str) -> str:
    """What was said, on one line: each line once, at most six."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " · ".join(dict.fromkeys(lines[:6]))[:_LONGEST_DETAIL]
