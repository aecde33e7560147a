"""Which checks are made, in which order, and which of them a failure leaves out."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from psycopg.conninfo import make_conninfo

from app.domain.backup import BackupOptions, Compression, CompressionMethod, Contents, Format
from app.domain.errors import AppError, ErrorCode
from app.engine.preflight import BackupRequest, Check, Plan, preflight
from app.postgres import sandbox
from app.postgres.connection import parse_connection
from app.postgres.sandbox import SandboxServer, running_sandbox
from app.postgres.toolchain import Installation

if TYPE_CHECKING:
    from tests.conftest import Database, NewDatabase

INSIDE = ["TLS", "Sign-in", "Version and tool", "Selection", "Privileges", "Row security", "Size"]


@pytest.fixture
def database(server17: SandboxServer, new_database: NewDatabase) -> Database:
    made = new_database(server17)
    made.sql(
        "CREATE TABLE numbers AS SELECT n FROM generate_series(1, 1000) AS n; CREATE TABLE others (n int)"
    )
    return made


class Run:
    """A preflight, with the checks that it told of."""

    def __init__(self, installations: Sequence[Installation]) -> None:
        self.installations = installations
        self.checks: list[Check] = []

    def __call__(self, text: str, options: BackupOptions | None = None, folder: Path | None = None) -> Plan:
        request = BackupRequest("Shop", parse_connection(text), options or BackupOptions(), folder)
        return preflight(request, self.installations, self.checks.append)

    def failing(
        self, text: str, options: BackupOptions | None = None, folder: Path | None = None
    ) -> AppError:
        with pytest.raises(AppError) as caught:
            self(text, options, folder)
        assert caught.value is next(check.failure for check in self.checks if check.failure)
        assert caught.value.hint
        return caught.value

    @property
    def names(self) -> list[str]:
        return [check.name for check in self.checks]

    @property
    def failed(self) -> list[str]:
        return [check.name for check in self.checks if check.failure]


@pytest.fixture
def run(installations: Sequence[Installation]) -> Run:
    return Run(installations)


@pytest.fixture(scope="module")
def tcp_server(server17: SandboxServer) -> Iterator[SandboxServer]:
    """A server that listens on 127.0.0.1, as a sandbox does on Windows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sandbox, "_HAS_SOCKETS", False)
        with running_sandbox(server17.installation) as server:
            yield server


def test_all_checks_in_order(run: Run, tcp_server: SandboxServer, tmp_path: Path) -> None:
    plan = run(make_conninfo(tcp_server.conninfo(), password=tcp_server.password.reveal()), folder=tmp_path)
    assert run.names == ["Host", "Reach", *INSIDE]
    assert not run.failed
    found = {check.name: check.found for check in run.checks}
    assert found["Host"] == "127.0.0.1 is 127.0.0.1"
    assert found["Reach"] == f"port {tcp_server.port} of 127.0.0.1 answers"
    assert found["TLS"] == "not encrypted"
    assert "PostgreSQL 17." in found["Version and tool"]
    assert "free" in found["Size"]
    assert plan.tool.version.major == 17
    assert plan.jobs >= 1


def test_a_socket_has_no_host_to_look_up(run: Run, database: Database) -> None:
    plan = run(database.conninfo_with_password)
    assert run.names == INSIDE
    assert [table.name for table in plan.tables] == ["numbers", "others"]
    assert plan.estimated_bytes > 65_536


@pytest.mark.parametrize(
    ("text", "name", "code"),
    [
        ("host=no-such-host.invalid user=u", "Host", ErrorCode.HOST_NOT_FOUND),
        ("host=db.example.com port=6543 user=u", "Host", ErrorCode.TRANSACTION_POOLER),
        ("host=a,b port=5432,6543 user=u", "Host", ErrorCode.TRANSACTION_POOLER),
        ("host=127.0.0.1 port=nonsense user=u", "Host", ErrorCode.HOST_NOT_FOUND),
        (f"host={'x' * 70}.example.com user=u", "Host", ErrorCode.HOST_NOT_FOUND),
    ],
)
def test_hosts_that_cannot_be_used(run: Run, text: str, name: str, code: ErrorCode) -> None:
    assert run.failing(text).code is code
    assert run.failed == [name]


def test_a_port_where_nothing_listens(run: Run) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
    assert run.failing(f"host=127.0.0.1 port={port} user=u").code is ErrorCode.REFUSED
    assert (run.names, run.failed) == (["Host", "Reach"], ["Reach"])


def test_the_second_host_is_enough(run: Run, tcp_server: SandboxServer) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        closed = listener.getsockname()[1]
    text = make_conninfo(
        tcp_server.conninfo(),
        password=tcp_server.password.reveal(),
        host="127.0.0.1,127.0.0.1",
        port=f"{closed},{tcp_server.port}",
    )
    run(text)
    assert run.names == ["Host", "Host", "Reach", *INSIDE]


def test_a_wrong_password_is_the_sign_in(run: Run, tcp_server: SandboxServer) -> None:
    failure = run.failing(make_conninfo(tcp_server.conninfo(), password="wrong"))
    assert failure.code is ErrorCode.SIGN_IN_FAILED
    assert (run.names, run.failed) == (["Host", "Reach", "Sign-in"], ["Sign-in"])


def test_refused_tls_is_named_so(run: Run, tcp_server: SandboxServer) -> None:
    text = make_conninfo(tcp_server.conninfo(), password=tcp_server.password.reveal(), sslmode="require")
    assert run.failing(text).code is ErrorCode.TLS_REFUSED
    assert (run.names, run.failed) == (["Host", "Reach", "TLS"], ["TLS"])


def test_later_checks_go_on(run: Run, database: Database, tmp_path: Path) -> None:
    """A role that may read nothing, a table with row security, and no tool: each is told."""
    role = f"{database.name}_poor"
    database.sql(
        f"""
        CREATE ROLE {role} LOGIN PASSWORD 'x'; ALTER TABLE others ENABLE ROW LEVEL SECURITY;
        GRANT SELECT ON others TO {role}
        """
    )
    run.installations = [one for one in run.installations if one.version.major < 17]
    try:
        failure = run.failing(make_conninfo(database.conninfo, user=role, password="x"), folder=tmp_path)
    finally:
        database.sql(f"DROP OWNED BY {role}; DROP ROLE {role}")
    assert failure.code is ErrorCode.SERVER_TOO_NEW
    assert run.names == INSIDE
    assert run.failed == ["Version and tool", "Privileges", "Row security"]
    failures = {check.name: check.failure for check in run.checks if check.failure}
    assert failures["Privileges"].code is ErrorCode.PERMISSION_DENIED
    assert failures["Privileges"].detail == "public.numbers"
    assert failures["Row security"].code is ErrorCode.ROW_SECURITY
    assert failures["Row security"].detail == "public.others"


@pytest.mark.parametrize(
    "options",
    [
        BackupOptions(tables=("nothing_at_all",)),
        BackupOptions(tables=("numbers", "Others")),
        BackupOptions(schemas=("public", "privat")),
        BackupOptions(tables=("(numbers",)),
        BackupOptions(tables=("a.b.c",)),
        BackupOptions(excluded_tables=("(",)),
    ],
)
def test_a_selection_that_makes_no_sense(run: Run, database: Database, options: BackupOptions) -> None:
    if options.tables == ("numbers", "Others"):
        options = replace(options, tables=("numbers", '"Others"'))
    assert run.failing(database.conninfo_with_password, options).code is ErrorCode.INVALID_INPUT
    assert run.failed == ["Selection"]


def test_a_schema_alone_needs_rights_for_its_locks(run: Run, database: Database) -> None:
    role = f"{database.name}_poor"
    database.sql(f"CREATE ROLE {role} LOGIN PASSWORD 'x'")
    try:
        text = make_conninfo(database.conninfo, user=role, password="x")
        failure = run.failing(text, BackupOptions(contents=Contents.SCHEMA))
    finally:
        database.sql(f"DROP ROLE {role}")
    assert failure.code is ErrorCode.PERMISSION_DENIED


def test_a_folder_without_space(run: Run, database: Database, tmp_path: Path) -> None:
    request = BackupRequest(
        "Shop",
        parse_connection(database.conninfo_with_password),
        destination=tmp_path,
        last_bytes=1 << 60,
    )
    with pytest.raises(AppError) as caught:
        preflight(request, run.installations, run.checks.append)
    assert caught.value.code is ErrorCode.DISK_FULL
    assert run.failed == ["Size"]


def test_a_compression_that_no_tool_has(run: Run, database: Database) -> None:
    options = BackupOptions(compression=Compression(CompressionMethod.BZIP2))
    assert run.failing(database.conninfo_with_password, options).code is ErrorCode.INVALID_INPUT
    assert run.names == INSIDE
    assert run.failed == ["Version and tool"]
    plain = run(database.conninfo_with_password, replace(options, format=Format.PLAIN))
    assert plain.compression.method is CompressionMethod.BZIP2


def test_a_table_that_another_session_holds_does_not_stop_the_checks(run: Run, database: Database) -> None:
    with database.connect() as holder:
        holder.execute("BEGIN; LOCK TABLE numbers IN ACCESS EXCLUSIVE MODE")
        plan = run(database.conninfo_with_password)
        holder.execute("ROLLBACK")
    assert len(plan.tables) == 2


def test_jobs_are_lowered_to_the_free_connections(run: Run, database: Database) -> None:
    role = f"{database.name}_narrow"
    database.sql(f"CREATE ROLE {role} LOGIN PASSWORD 'x' CONNECTION LIMIT 6 IN ROLE pg_read_all_data")
    try:
        plan = run(make_conninfo(database.conninfo, user=role, password="x"), BackupOptions(jobs=8))
    finally:
        database.sql(f"DROP OWNED BY {role}; DROP ROLE {role}")
    assert plan.jobs == 2
    assert any("2 jobs instead of 8" in warning for warning in plan.warnings)


def through(server: SandboxServer, host: str, **words: str) -> str:
    """A string with another host's name that leads to this server."""
    reached = {"host": host, "hostaddr": "127.0.0.1", "sslmode": "disable"}
    return make_conninfo(server.conninfo(), **reached, **words)


def test_what_was_changed_in_a_string_is_told_before_anything_else(
    run: Run, tcp_server: SandboxServer
) -> None:
    host = "ep-cool-1-pooler.us-east-2.aws.neon.tech"
    plan = run(through(tcp_server, host, password=tcp_server.password.reveal()))
    assert "without -pooler is used instead" in plan.warnings[0]


@pytest.mark.parametrize(
    ("host", "who", "whose_rows"),
    [
        ("ep-cool-1.us-east-2.aws.neon.tech", "a member of neon_superuser", "Neon's console"),
        ("shop.c1.eu-central-1.rds.amazonaws.com", "a member of rds_superuser", "rds_superuser"),
        ("shop.postgres.database.azure.com", "a member of azure_pg_admin", "azure_pg_admin"),
        (f"db.{'a' * 20}.supabase.co", "the role postgres", "the role postgres"),
        ("db.example.com", 'GRANT pg_read_all_data TO "', 'ALTER ROLE "'),
    ],
)
def test_missing_rights_name_who_can_give_them(
    host: str, who: str, whose_rows: str, run: Run, tcp_server: SandboxServer
) -> None:
    with tcp_server.connect() as session:
        session.execute("CREATE TABLE closed (n int); CREATE ROLE poor LOGIN PASSWORD 'x'")
        try:
            text = through(tcp_server, host, user="poor", password="x")
            assert who in run.failing(text).hint
            session.execute("GRANT pg_read_all_data TO poor; ALTER TABLE closed ENABLE ROW LEVEL SECURITY")
            run.checks.clear()
            failure = run.failing(text)
        finally:
            session.execute("DROP TABLE closed; DROP ROLE poor")
    assert failure.code is ErrorCode.ROW_SECURITY
    assert whose_rows in failure.hint
