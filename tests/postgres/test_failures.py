"""Each failure gets its name from what PostgreSQL really says, and not from what data or names say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import AppError, ErrorCode
from app.postgres.failures import connection_failure, dump_failure, query_failure
from app.postgres.sandbox import SandboxServer

if TYPE_CHECKING:
    from tests.conftest import Database, NewDatabase


def code_of_dump(errors: str) -> ErrorCode:
    failure = dump_failure("pg_dump", errors, 1, "u@h/d")
    assert failure.hint
    return failure.code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("SSL connection has been closed unexpectedly", ErrorCode.CONNECTION_LOST),
        ("SSL SYSCALL error: EOF detected", ErrorCode.CONNECTION_LOST),
        ("consuming input failed: server closed the connection unexpectedly", ErrorCode.CONNECTION_LOST),
        ('FATAL:  no pg_hba.conf entry for host "1.2.3.4", user "u", no encryption', ErrorCode.TLS_REFUSED),
        (
            (
                'FATAL:  no pg_hba.conf entry for host "1.2.3.4", user "u", SSL encryption\n'
                'FATAL:  no pg_hba.conf entry for host "1.2.3.4", user "u", no encryption'
            ),
            ErrorCode.SIGN_IN_FAILED,
        ),
        ("FATAL:  the database system is starting up", ErrorCode.REFUSED),
        ("FATAL:  the database system is not yet accepting connections", ErrorCode.REFUSED),
        ("FATAL:  the database system is in recovery mode", ErrorCode.REFUSED),
        ("Network is unreachable", ErrorCode.UNREACHABLE),
        ("FATAL:  Tenant or user not found", ErrorCode.SIGN_IN_FAILED),
        ("FATAL:  MaxClientsInSessionMode: max clients reached", ErrorCode.TOO_MANY_CONNECTIONS),
        ("FATAL:  sorry, too many clients already", ErrorCode.TOO_MANY_CONNECTIONS),
        (
            "FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute",
            ErrorCode.TOO_MANY_CONNECTIONS,
        ),
        ("FATAL:  Ein Fehler, den niemand kennt", ErrorCode.SERVER_ERROR),
    ],
)
def test_what_a_connection_says(text: str, code: ErrorCode) -> None:
    failure = connection_failure(text, "u@h/d")
    assert failure.code is code
    assert "u@h/d" in failure.detail


@pytest.mark.parametrize(
    ("errors", "code"),
    [
        ("pg_dump: error: could not write to output file: No space left on device", ErrorCode.DISK_FULL),
        (
            (
                'pg_dump: error: Dumping the contents of table "t" failed: PQgetResult() failed.\n'
                'pg_dump: detail: Error message from server: ERROR:  could not write to file "x": '
                "No space left on device\n"
                "pg_dump: detail: Command was: COPY public.t (a) TO stdout;"
            ),
            ErrorCode.SERVER_ERROR,
        ),
        (
            (
                "pg_dump: error: aborting because of server version mismatch\n"
                "pg_dump: detail: server version: 17.10; pg_dump version: 15.20"
            ),
            ErrorCode.SERVER_TOO_NEW,
        ),
        (
            (
                "pg_dump: error: query failed: ERROR:  permission denied for table secret\n"
                "pg_dump: detail: Query was: LOCK TABLE public.secret IN ACCESS SHARE MODE"
            ),
            ErrorCode.PERMISSION_DENIED,
        ),
        (
            (
                "pg_dump: error: query failed: ERROR:  query would be affected by row-level security "
                'policy for table "hidden"'
            ),
            ErrorCode.ROW_SECURITY,
        ),
        (
            (
                "pg_dump: error: query failed: ERROR:  out of shared memory\n"
                "HINT:  You might need to increase max_locks_per_transaction."
            ),
            ErrorCode.SERVER_ERROR,
        ),
        (
            (
                'pg_dump: error: Dumping the contents of table "big" failed: PQgetResult() failed.\n'
                "pg_dump: detail: Error message from server: "
                "ERROR:  invalid memory alloc request size 1073741824"
            ),
            ErrorCode.ROW_TOO_LARGE,
        ),
        (
            "pg_dump: error: query failed: ERROR:  canceling statement due to lock timeout",
            ErrorCode.LOCK_WAIT,
        ),
        (
            'pg_dump: error: query failed: ERROR:  relation "public.gone" does not exist',
            ErrorCode.RELATION_CHANGED,
        ),
        (
            'pg_dump: error: query failed: ERROR:  snapshot "00000003-00000002-1" does not exist',
            ErrorCode.SNAPSHOT_LOST,
        ),
        (
            "pg_dump: error: query failed: FATAL:  terminating connection due to administrator command",
            ErrorCode.CONNECTION_LOST,
        ),
        ("", ErrorCode.DUMP_FAILED),
        ("something else", ErrorCode.DUMP_FAILED),
    ],
)
def test_what_pg_dump_says(errors: str, code: ErrorCode) -> None:
    assert code_of_dump(errors) is code


def test_warnings_before_the_error_do_not_hide_it() -> None:
    warnings = "".join(
        f"pg_dump: warning: there are circular foreign-key constraints on table {n}\n"
        f"pg_dump: detail: permission denied {n}\n"
        f"pg_dump: hint: You might not be able to restore {n}\n"
        for n in range(20)
    )
    failure = dump_failure(
        "pg_dump", f"{warnings}pg_dump: error: could not close file: No space left on device", 1, "h"
    )
    assert failure.code is ErrorCode.DISK_FULL
    assert failure.detail == "pg_dump: error: could not close file: No space left on device"


MISLEADING = st.sampled_from(
    ["permission denied", "No space left on device", "row-level security policy", "timed out", "SSL error"]
)


@given(words=MISLEADING)
def test_names_rows_and_statements_do_not_decide(words: str) -> None:
    assert (
        code_of_dump(
            f'pg_dump: error: Dumping the contents of table "{words}" failed: PQgetResult() failed.\n'
            "pg_dump: detail: Error message from server: ERROR:  compressed data is corrupted\n"
            f'CONTEXT:  COPY t, line 7: "{words}\n'
            f"{words}\n"
            f'pg_dump: detail: Command was: COPY public."{words}" (a,\n'
            f"{words}) TO stdout;"
        )
        is ErrorCode.DUMP_FAILED
    )


@pytest.fixture
def database(server17: SandboxServer, new_database: NewDatabase) -> Database:
    return new_database(server17)


def failure_of(database: Database, *statements: str) -> AppError:
    with database.connect() as session, pytest.raises(psycopg.Error) as caught:  # noqa: PT012
        for statement in statements:
            session.execute(statement.encode())
    return query_failure(caught.value, "u@h/d")


@pytest.mark.parametrize(
    ("statements", "code"),
    [
        (("SELECT * FROM nothing",), ErrorCode.RELATION_CHANGED),
        (("SELECT * FROM nowhere.nothing",), ErrorCode.RELATION_CHANGED),
        (("SET ROLE pg_read_all_stats", "CREATE TABLE public.t ()"), ErrorCode.PERMISSION_DENIED),
        (("SET statement_timeout = 10", "SELECT pg_sleep(5)"), ErrorCode.LOCK_WAIT),
        (("SELECT repeat('x', 1073741824)",), ErrorCode.ROW_TOO_LARGE),
        (("SELECT 1/0",), ErrorCode.SERVER_ERROR),
        (("SELECT 'permission denied'::int",), ErrorCode.SERVER_ERROR),
        (("DO $$ BEGIN RAISE 'No space left on device, timed out' ; END $$",), ErrorCode.SERVER_ERROR),
        (("SELECT pg_terminate_backend(pg_backend_pid())",), ErrorCode.CONNECTION_LOST),
        (
            ("BEGIN ISOLATION LEVEL REPEATABLE READ", "SET TRANSACTION SNAPSHOT '00000003-0000FFFF-1'"),
            ErrorCode.SNAPSHOT_LOST,
        ),
    ],
)
def test_what_a_server_says_to_a_query(
    database: Database, statements: tuple[str, ...], code: ErrorCode
) -> None:
    assert failure_of(database, *statements).code is code


def test_a_state_decides_whatever_the_language(database: Database) -> None:
    german = failure_of(
        database,
        "DO $$ BEGIN RAISE 'keine Berechtigung für t' USING ERRCODE = 'insufficient_privilege'; END $$",
    )
    assert german.code is ErrorCode.PERMISSION_DENIED
    locked = failure_of(
        database, "DO $$ BEGIN RAISE 'Sperre nicht verfügbar' USING ERRCODE = 'lock_not_available'; END $$"
    )
    assert locked.code is ErrorCode.LOCK_WAIT
    full = failure_of(database, "DO $$ BEGIN RAISE 'Platte voll' USING ERRCODE = 'disk_full'; END $$")
    assert full.code is ErrorCode.SERVER_ERROR
    assert "server's own disk" in full.title


def test_a_detail_has_an_end() -> None:
    assert len(dump_failure("pg_dump", "pg_dump: error: " + "x" * 100_000, 1, "h").detail) <= 2000
