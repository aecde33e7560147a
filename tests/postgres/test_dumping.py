"""pg_dump and pg_dumpall as Holdfast runs them: every format, no secrets in sight, failures by name."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from psycopg.conninfo import make_conninfo

from app.domain.backup import BackupOptions, Compression, CompressionMethod, Contents, Format
from app.domain.errors import AppError, ErrorCode
from app.postgres.archive import read_archive
from app.postgres.connection import Connection, connect, parse_connection
from app.postgres.dumping import (
    Dump,
    check_compression,
    dump_arguments,
    dump_roles,
    dump_schema,
    failure_of_dump,
    start_dump,
)
from app.postgres.sandbox import SandboxServer
from app.postgres.toolchain import Installation, Version
from app.system.cancellation import CancelToken
from app.system.paths import is_root
from app.system.process import child_environment, run

if TYPE_CHECKING:
    from tests.conftest import Database, NewDatabase

ZSTD = Compression(CompressionMethod.ZSTD, 3)
NONE = Compression(CompressionMethod.NONE)
EVERYTHING = BackupOptions()


@pytest.fixture
def database(server17: SandboxServer, new_database: NewDatabase) -> Database:
    made = new_database(server17)
    made.sql(
        "CREATE TABLE numbers AS SELECT n FROM generate_series(1, 1000) AS n; CREATE TABLE others (n int)"
    )
    return made


def dump_of(
    database: Database,
    target: Path,
    options: BackupOptions = EVERYTHING,
    compression: Compression = NONE,
    *,
    tool: Installation | None = None,
    connection: Connection | None = None,
    snapshot: str = "",
) -> Dump:
    return Dump(
        tool=tool or database.server.installation,
        connection=connection or parse_connection(database.conninfo_with_password),
        options=options,
        compression=compression,
        jobs=2,
        snapshot=snapshot,
        target=target,
        application="holdfast test",
        lock_timeout=0.5,
    )


def finish(database: Database, dump: Dump) -> tuple[int, bytes, AppError | None]:
    """Run it in a snapshot of its own."""
    with connect(parse_connection(database.conninfo_with_password)) as session:
        session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        ((snapshot,),) = session.execute("SELECT pg_export_snapshot()").fetchall()
        dump = replace(dump, snapshot=dump.snapshot or snapshot)
        with start_dump(dump) as child:
            plain = dump.options.format is Format.PLAIN
            output = child.stdout.read() if plain else b""
            status = child.wait()
            return status, output, failure_of_dump(child, dump) if status else None


def fails(database: Database, dump: Dump) -> AppError:
    status, _, failure = finish(database, dump)
    assert status != 0
    assert failure is not None
    assert failure.hint
    return failure


@pytest.mark.parametrize("format_", [Format.DIRECTORY, Format.CUSTOM])
def test_every_compression_of_every_tool_here(
    installations: Sequence[Installation],
    server15: SandboxServer,
    new_database: NewDatabase,
    tmp_path: Path,
    format_: Format,
) -> None:
    database = new_database(server15)
    database.sql("CREATE TABLE numbers AS SELECT n FROM generate_series(1, 1000) AS n")
    for tool in installations:
        for method in tool.compression:
            target = tmp_path / f"{tool.version}-{method}"
            options = BackupOptions(format=format_)
            compression = check_compression(
                BackupOptions(format=format_, compression=Compression(method)), tool
            )
            status, _, failure = finish(database, dump_of(database, target, options, compression, tool=tool))
            assert status == 0, failure
            archive = read_archive(target)
            assert archive.compression.method is method
            assert [entry.tag for entry in archive.entries if entry.kind == "TABLE DATA"] == ["numbers"]


@pytest.mark.parametrize("contents", list(Contents))
def test_plain_sql_comes_out_of_the_childs_standard_output(
    database: Database, tmp_path: Path, contents: Contents
) -> None:
    options = BackupOptions(format=Format.PLAIN, contents=contents)
    status, output, failure = finish(database, dump_of(database, tmp_path / "unused", options))
    assert status == 0, failure
    assert (b"CREATE TABLE public.numbers" in output) is (contents is not Contents.DATA)
    assert (b"COPY public.numbers" in output) is (contents is not Contents.SCHEMA)
    assert output.rstrip().splitlines()[-1].startswith((b"--", b"\\unrestrict"))


def test_levels_are_passed_on(database: Database, tmp_path: Path) -> None:
    database.sql("CREATE TABLE words AS SELECT md5((n % 5000)::text) FROM generate_series(1, 20000) n")
    sizes = []
    for level in (1, 19):
        target = tmp_path / str(level)
        options = BackupOptions(format=Format.CUSTOM)
        status, _, failure = finish(
            database, dump_of(database, target, options, Compression(CompressionMethod.ZSTD, level))
        )
        assert status == 0, failure
        sizes.append(target.stat().st_size)
    assert sizes[0] != sizes[1]


def test_the_command_line_holds_no_secret_and_names_the_application(
    tmp_path: Path, database: Database
) -> None:
    connection = parse_connection("host=h user=u dbname=d password='hunter2' application_name=mine")
    arguments = " ".join(dump_arguments(dump_of(database, tmp_path / "x", connection=connection)))
    assert "hunter2" not in arguments
    assert "application_name='holdfast test'" in arguments
    assert "--no-password" in arguments
    assert connection.environment()["PGPASSWORD"] == "hunter2"


def test_what_the_running_pg_dump_shows_holds_no_secret(database: Database, tmp_path: Path) -> None:
    with database.connect() as holder, connect(parse_connection(database.conninfo_with_password)) as session:
        holder.execute("BEGIN; LOCK TABLE numbers IN ACCESS EXCLUSIVE MODE")
        session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        ((snapshot,),) = session.execute("SELECT pg_export_snapshot()").fetchall()
        with start_dump(dump_of(database, tmp_path / "dump", snapshot=snapshot)) as child:
            query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'holdfast test'"
            while holder.execute(query).fetchone() != (1,):
                holder.execute("SELECT pg_stat_clear_snapshot()")
                assert child.status is None
            shown = " ".join(psutil.Process(child.id.pid).cmdline())
            assert "--snapshot" in shown
            assert database.password not in shown


def test_patterns_are_passed_on_as_they_are(database: Database, tmp_path: Path) -> None:
    options = BackupOptions(schemas=("a",), tables=("--evil", '"b c"'), excluded_tables=("*",))
    arguments = dump_arguments(dump_of(database, tmp_path / "x", options))
    assert arguments[-4:] == ["--schema=a", "--table=--evil", '--table="b c"', "--exclude-table=*"]


# Failures


def role_connection(database: Database, role: str) -> Connection:
    return parse_connection(make_conninfo(database.conninfo, user=role, password="x"))


@pytest.fixture
def poor(database: Database) -> Iterator[str]:
    name = f"{database.name}_poor"
    database.sql(f"CREATE ROLE {name} LOGIN PASSWORD 'x'")
    yield name
    database.sql(f"DROP OWNED BY {name}; DROP ROLE {name}")


def test_a_table_that_may_not_be_read_is_named(database: Database, poor: str, tmp_path: Path) -> None:
    database.sql(f"GRANT SELECT ON others TO {poor}")
    failure = fails(database, dump_of(database, tmp_path / "d", connection=role_connection(database, poor)))
    assert failure.code is ErrorCode.PERMISSION_DENIED
    assert "numbers" in failure.detail


def test_row_security_that_hides_rows(database: Database, poor: str, tmp_path: Path) -> None:
    database.sql(f"GRANT pg_read_all_data TO {poor}; ALTER TABLE numbers ENABLE ROW LEVEL SECURITY")
    for name, format_ in (("a", Format.DIRECTORY), ("b", Format.CUSTOM)):
        dump = dump_of(
            database,
            tmp_path / name,
            BackupOptions(format=format_),
            connection=role_connection(database, poor),
        )
        failure = fails(database, dump)
        assert failure.code is ErrorCode.ROW_SECURITY
        assert "numbers" in failure.detail


def test_a_table_that_is_locked(database: Database, tmp_path: Path) -> None:
    with database.connect() as holder:
        holder.execute("BEGIN; LOCK TABLE numbers IN ACCESS EXCLUSIVE MODE")
        failure = fails(database, dump_of(database, tmp_path / "d"))
        holder.execute("ROLLBACK")
    assert failure.code is ErrorCode.LOCK_WAIT


@pytest.mark.parametrize("snapshot", ["00000003-0000FFFF-1", "nonsense"])
def test_a_snapshot_that_is_gone(
    each_server: SandboxServer, new_database: NewDatabase, tmp_path: Path, snapshot: str
) -> None:
    database = new_database(each_server)
    failure = fails(database, dump_of(database, tmp_path / "d", snapshot=snapshot))
    assert failure.code is ErrorCode.SNAPSHOT_LOST


def test_a_server_newer_than_the_tool(database: Database, server15: SandboxServer, tmp_path: Path) -> None:
    failure = fails(database, dump_of(database, tmp_path / "d", tool=server15.installation))
    assert failure.code is ErrorCode.SERVER_TOO_NEW
    assert "17." in failure.detail


def test_a_server_that_does_not_answer_or_refuses(database: Database, tmp_path: Path) -> None:
    wrong = parse_connection(f"{database.conninfo} password=wrong")
    assert (
        fails(database, dump_of(database, tmp_path / "a", connection=wrong)).code is ErrorCode.SIGN_IN_FAILED
    )
    nowhere = parse_connection(f"host={tmp_path} user=u dbname=d")
    assert fails(database, dump_of(database, tmp_path / "b", connection=nowhere)).code is ErrorCode.REFUSED
    gone = parse_connection(make_conninfo(database.conninfo_with_password, dbname="gone"))
    assert (
        fails(database, dump_of(database, tmp_path / "c", connection=gone)).code is ErrorCode.UNKNOWN_DATABASE
    )


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    mount = shutil.which("mount")
    if not (mount and is_root()):
        pytest.skip("only root can mount a small disk")
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = run(
        [mount, "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], env=child_environment(), timeout=10
    )
    if mounted.status != 0:
        pytest.skip(f"no small disk can be mounted here: {mounted.errors}")
    yield folder
    run([shutil.which("umount") or "umount", folder], env=child_environment(), timeout=10)


@pytest.mark.parametrize("format_", [Format.DIRECTORY, Format.CUSTOM])
def test_a_full_disk(
    each_server: SandboxServer, new_database: NewDatabase, small_disk: Path, format_: Format
) -> None:
    database = new_database(each_server)
    database.sql("CREATE TABLE t AS SELECT repeat('x', 1000) FROM generate_series(1, 3000)")
    failure = fails(database, dump_of(database, small_disk / "d", BackupOptions(format=format_)))
    assert failure.code is ErrorCode.DISK_FULL


def test_a_session_that_is_ended(database: Database, tmp_path: Path) -> None:
    with database.connect() as holder, connect(parse_connection(database.conninfo_with_password)) as session:
        holder.execute("BEGIN; LOCK TABLE numbers IN ACCESS EXCLUSIVE MODE")
        session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        ((snapshot,),) = session.execute("SELECT pg_export_snapshot()").fetchall()
        dump = dump_of(database, tmp_path / "dump", snapshot=snapshot)
        with start_dump(replace(dump, lock_timeout=30.0)) as child:
            ended = False
            while not ended:
                ended = bool(
                    database.sql(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        "WHERE application_name = 'holdfast test' AND wait_event_type = 'Lock'"
                    )
                )
            assert child.wait(20) != 0
            assert failure_of_dump(child, dump).code is ErrorCode.CONNECTION_LOST


# Roles and definitions


def test_roles_with_and_without_passwords(database: Database, poor: str, tmp_path: Path) -> None:
    tool, connection = database.server.installation, parse_connection(database.conninfo_with_password)
    for passwords in (True, False):
        target = tmp_path / str(passwords)
        dump_roles(tool, connection, database.name, target, passwords=passwords, cancel=CancelToken())
        text = target.read_text()
        assert f"CREATE ROLE {poor}" in text
        assert ("SCRAM-SHA-256" in text) is passwords


def test_roles_as_somebody_who_may_not_read_passwords(database: Database, poor: str, tmp_path: Path) -> None:
    tool, connection = database.server.installation, role_connection(database, poor)
    dump_roles(tool, connection, database.name, tmp_path / "roles", passwords=False, cancel=CancelToken())
    assert f"CREATE ROLE {poor}" in (tmp_path / "roles").read_text()
    with pytest.raises(AppError) as caught:
        dump_roles(tool, connection, database.name, tmp_path / "more", passwords=True, cancel=CancelToken())
    assert caught.value.code is ErrorCode.PERMISSION_DENIED


def test_definitions_alone(database: Database, tmp_path: Path) -> None:
    connection = parse_connection(database.conninfo_with_password)
    dump_schema(
        database.server.installation, connection, tmp_path / "schema", Format.CUSTOM, cancel=CancelToken()
    )
    kinds = {entry.kind for entry in read_archive(tmp_path / "schema").entries}
    assert "TABLE" in kinds
    assert "TABLE DATA" not in kinds


# Compression


def tool_with(*methods: CompressionMethod) -> Installation:
    return Installation(Path("/nowhere"), "test", Version(17, 0), frozenset(methods), False, False)


def test_the_best_compression_that_the_tool_has() -> None:
    assert check_compression(EVERYTHING, tool_with(CompressionMethod.ZSTD, CompressionMethod.GZIP)) == ZSTD
    gzip = Compression(CompressionMethod.GZIP)
    assert check_compression(EVERYTHING, tool_with(CompressionMethod.GZIP)) == gzip
    assert check_compression(BackupOptions(compression=NONE), tool_with()) == NONE


@pytest.mark.parametrize("method", [CompressionMethod.BZIP2, CompressionMethod.ZSTD, CompressionMethod.LZ4])
def test_a_compression_that_the_tool_has_not(method: CompressionMethod) -> None:
    with pytest.raises(AppError) as caught:
        check_compression(BackupOptions(compression=Compression(method)), tool_with(CompressionMethod.GZIP))
    assert caught.value.code is ErrorCode.INVALID_INPUT
    assert caught.value.hint
    plain = BackupOptions(format=Format.PLAIN, compression=Compression(method))
    assert check_compression(plain, tool_with()).method is method
