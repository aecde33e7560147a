"""A backup holds what the server held at one moment, in a folder that stock tools can check and restore."""

from __future__ import annotations

import shutil
import stat
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from psycopg import sql

from app.domain.backup import Backup, BackupOptions, Compression, Contents, Format
from app.domain.errors import AppError, Cancelled, ErrorCode
from app.domain.events import Event, Notice, Phase, Progress
from app.domain.proof import Outcome, ProofLevel
from app.engine.backup import back_up, prove_backup
from app.engine.preflight import BackupRequest
from app.persistence.manifest import read_manifest, write_manifest
from app.postgres.connection import Connection
from app.postgres.sandbox import SandboxServer
from app.postgres.toolchain import Installation
from app.system.cancellation import CancelToken
from app.system.process import run

if TYPE_CHECKING:
    from tests.conftest import Database, NewDatabase
    from tests.engine.conftest import BackUp

SHOP_ROWS = 3601


def rows_of(backup: Backup) -> dict[str, tuple[int, int | None]]:
    return {f"{t.schema}.{t.name}": (t.rows, t.counted) for t in backup.manifest.tables}


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def texts(events: Sequence[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, Notice)]


def prove(backup: Backup, installations: Sequence[Installation]) -> Backup:
    return prove_backup(backup, installations, CancelToken(), lambda _: None)


@pytest.mark.parametrize(
    ("format_", "compression"),
    [
        (Format.DIRECTORY, "zstd:3"),
        (Format.DIRECTORY, "gzip"),
        (Format.DIRECTORY, "lz4"),
        (Format.DIRECTORY, "none"),
        (Format.CUSTOM, "zstd"),
        (Format.CUSTOM, "gzip:9"),
        (Format.CUSTOM, "lz4"),
        (Format.CUSTOM, "none"),
        (Format.PLAIN, "zstd"),
        (Format.PLAIN, "gzip"),
        (Format.PLAIN, "bzip2"),
        (Format.PLAIN, "lz4"),
        (Format.PLAIN, "none"),
    ],
)
def test_each_format_and_compression_holds_what_the_server_counted(
    server17: SandboxServer,
    new_shop: NewDatabase,
    take_backup: BackUp,
    destination: Path,
    format_: Format,
    compression: str,
) -> None:
    backup = take_backup(
        new_shop(server17), destination, format=format_, compression=Compression.parse(compression)
    )
    manifest = backup.manifest
    assert manifest.proof.level is ProofLevel.COMPLETE
    assert not manifest.proof.failure
    assert manifest.rows == SHOP_ROWS
    assert all(rows == counted for rows, counted in rows_of(backup).values())
    assert manifest.large_objects.count == 3
    assert manifest.compression == compression
    assert manifest == read_manifest(Path(backup.folder))


def test_a_backup_is_complete_on_every_server_version(
    each_server: SandboxServer, new_shop: NewDatabase, take_backup: BackUp, destination: Path
) -> None:
    backup = take_backup(new_shop(each_server), destination)
    assert backup.manifest.rows == SHOP_ROWS
    assert backup.manifest.proof.level is ProofLevel.COMPLETE
    assert backup.manifest.server.version_number // 10_000 == each_server.installation.version.major


def test_a_published_backup_is_private_whole_and_alone(
    server17: SandboxServer, new_shop: NewDatabase, take_backup: BackUp, destination: Path
) -> None:
    backup = take_backup(new_shop(server17), destination)
    folder = Path(backup.folder)
    assert [path.name for path in (destination / "Shop").iterdir()] == [folder.name]
    assert {path.name for path in folder.iterdir()} == {
        "manifest.json",
        "SHA256SUMS",
        "RESTORE.txt",
        "database",
        "roles.sql",
    }
    assert {stat.S_IMODE(path.stat().st_mode) for path in files_in(folder)} == {0o600}
    folders = [folder.parent, folder, *(path for path in folder.rglob("*") if path.is_dir())]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o700}
    checked = run(["/usr/bin/sha256sum", "--check", "--strict", "SHA256SUMS"], env={}, timeout=20, cwd=folder)
    assert checked.status == 0, checked.errors
    assert "pg_restore" in (folder / "RESTORE.txt").read_text()


def test_the_newest_tool_of_a_server_is_noted_with_its_settings(
    server17: SandboxServer, new_shop: NewDatabase, take_backup: BackUp, destination: Path
) -> None:
    database = new_shop(server17)
    manifest = take_backup(database, destination, note="before the move", jobs=3).manifest
    assert manifest.tool.startswith("pg_dump 17.")
    assert manifest.options.note == "before the move"
    assert manifest.jobs == 3
    assert manifest.server.database == database.name
    assert manifest.session["TimeZone"] == "UTC"
    assert manifest.database_bytes > 1_000_000


@pytest.mark.parametrize(
    ("options", "tables"),
    [
        ({"schemas": ("crm",)}, {"crm.empty", "crm.no_columns"}),
        ({"tables": ("customers", "crm.empty")}, {"public.customers", "crm.empty"}),
        ({"schemas": ("public",), "excluded_tables": ("parts*",)}, {"public.customers", "public.orders"}),
        ({"tables": ("parts_low",)}, {"public.parts_low"}),
    ],
)
@pytest.mark.parametrize("format_", [Format.DIRECTORY, Format.PLAIN])
def test_a_selection_holds_these_tables_alone(
    server17: SandboxServer,
    new_shop: NewDatabase,
    take_backup: BackUp,
    destination: Path,
    options: dict[str, Any],
    tables: set[str],
    format_: Format,
) -> None:
    backup = take_backup(new_shop(server17), destination, format=format_, **options)
    assert set(rows_of(backup)) == tables
    assert backup.manifest.proof.level is ProofLevel.COMPLETE


@pytest.mark.parametrize(
    "format_",
    [
        pytest.param(Format.DIRECTORY, marks=pytest.mark.slow),
        Format.CUSTOM,
        pytest.param(Format.PLAIN, marks=pytest.mark.slow),
    ],
)
def test_the_schema_alone_has_no_rows_and_the_data_alone_has_all(
    server17: SandboxServer,
    new_shop: NewDatabase,
    take_backup: BackUp,
    destination: Path,
    installations: Sequence[Installation],
    format_: Format,
) -> None:
    database = new_shop(server17)
    schema = take_backup(database, destination, contents=Contents.SCHEMA, format=format_)
    assert schema.manifest.tables == ()
    assert schema.manifest.proof.level is ProofLevel.COMPLETE
    data = take_backup(database, destination, contents=Contents.DATA, format=format_)
    assert data.manifest.rows == SHOP_ROWS
    assert all(rows == counted for rows, counted in rows_of(data).values())
    assert prove(schema, installations).manifest.proof.level is ProofLevel.PROVEN
    unprovable = prove(data, installations).manifest.proof
    assert not unprovable.has_failed
    assert unprovable.level is ProofLevel.COMPLETE
    assert unprovable.notes


def test_without_counts_a_backup_is_sealed(
    server17: SandboxServer, new_shop: NewDatabase, take_backup: BackUp, destination: Path
) -> None:
    backup = take_backup(new_shop(server17), destination, counts=False)
    assert backup.manifest.proof.level is ProofLevel.SEALED
    assert {counted for _, counted in rows_of(backup).values()} == {None}


def test_roles_are_saved_with_passwords_for_a_superuser_and_without_for_others(
    server17: SandboxServer,
    new_shop: NewDatabase,
    take_backup: BackUp,
    destination: Path,
    installations: Sequence[Installation],
) -> None:
    database = new_shop(server17)
    role = f"reader_{database.name}"
    database.sql(f"CREATE ROLE {role} LOGIN PASSWORD 'secret' IN ROLE pg_read_all_data")
    try:
        full = take_backup(database, destination)
        assert f"CREATE ROLE {role}" in (text := (Path(full.folder) / "roles.sql").read_text())
        assert "SCRAM-SHA-256" in text
        assert role in full.manifest.roles

        connection = Connection(database.conninfo, server17.password, inherits=False).to(user=role)
        connection = Connection(connection.conninfo, type(server17.password)("secret"), inherits=False)
        database.sql("SELECT lo_unlink(oid) FROM pg_largeobject_metadata")
        request = BackupRequest("Shop", connection, BackupOptions(), destination)
        reduced = back_up(request, installations, CancelToken(), lambda _: None)
        text = (Path(reduced.folder) / "roles.sql").read_text()
        assert f"CREATE ROLE {role}" in text
        assert "SCRAM-SHA-256" not in text
        assert any("without passwords" in warning for warning in reduced.manifest.warnings)
        assert reduced.manifest.proof.level is ProofLevel.COMPLETE

        none = take_backup(database, destination, roles=False)
        assert not (Path(none.folder) / "roles.sql").exists()
    finally:
        database.sql(f"DROP ROLE {role}")


def test_an_empty_database_is_backed_up_and_proven(
    each_server: SandboxServer,
    new_database: NewDatabase,
    take_backup: BackUp,
    destination: Path,
    installations: Sequence[Installation],
) -> None:
    backup = prove(take_backup(new_database(each_server), destination), installations)
    assert backup.manifest.tables == ()
    assert backup.manifest.proof.level is ProofLevel.PROVEN
    assert not backup.manifest.proof.has_failed


ODD_NAMES = [
    "quo\"te's",
    "new\nline\tand\r\n\\. backslash \\",
    "🦀 crab",
    "ä" * 31 + "x",
    "%s {0} $1 :name",
    "[/bold] -- ; DROP",
    " leading and trailing ",
    "CamelCase.With.Dots",
]


@pytest.mark.parametrize("format_", [Format.DIRECTORY, Format.PLAIN])
def test_odd_names_survive_a_backup_and_its_proof(
    server17: SandboxServer,
    new_database: NewDatabase,
    take_backup: BackUp,
    destination: Path,
    installations: Sequence[Installation],
    format_: Format,
) -> None:
    assert len(ODD_NAMES[3].encode()) == 63
    newline = "" if format_ is Format.PLAIN else "\n"  # pg_dump --create refuses it in a database's name
    database = new_database(server17, f"odd \"name\" of{newline}a 'database' 🦀")
    with database.connect() as session:
        for name in ODD_NAMES:
            quoted = sql.Identifier(name)
            session.execute(sql.SQL("CREATE SCHEMA {0}").format(quoted))
            session.execute(sql.SQL("CREATE TABLE {0}.{0} ({0} text)").format(quoted))
            session.execute(sql.SQL("INSERT INTO {0}.{0} VALUES ({1})").format(quoted, name))
            session.execute(sql.SQL("CREATE INDEX ON {0}.{0} ({0})").format(quoted))
    backup = prove(take_backup(database, destination, format=format_), installations)
    assert {(t.schema, t.name, t.rows) for t in backup.manifest.tables} == {(n, n, 1) for n in ODD_NAMES}
    assert backup.manifest.proof.failure == ""
    assert backup.manifest.proof.level is ProofLevel.PROVEN
    assert read_manifest(Path(backup.folder)) == backup.manifest


@contextmanager
def writing(database: Database, *actions: str) -> Iterator[Callable[[], int]]:
    """Run each action again and again in a thread of its own; gives how often."""
    ended = threading.Event()
    done = [0] * len(actions)

    def write(number: int, action: str) -> None:
        with database.connect() as session:
            while not ended.is_set():
                session.execute(action.encode())
                done[number] += 1

    with ThreadPoolExecutor(len(actions)) as pool:
        writers = [pool.submit(write, *item) for item in enumerate(actions)]
        try:
            yield lambda: min(done)
        finally:
            ended.set()
    for writer in writers:
        writer.result()


@pytest.mark.parametrize(
    "format_",
    [
        Format.DIRECTORY,
        pytest.param(Format.CUSTOM, marks=pytest.mark.slow),
        pytest.param(Format.PLAIN, marks=pytest.mark.slow),
    ],
)
def test_a_database_that_changes_meanwhile_is_dumped_as_of_one_moment_and_proven(
    server17: SandboxServer,
    new_shop: NewDatabase,
    destination: Path,
    installations: Sequence[Installation],
    format_: Format,
) -> None:
    database = new_shop(server17)
    database.sql("CREATE TABLE ledger (a int); CREATE TABLE mirror (a int); CREATE TABLE gone (a int)")
    truncated: list[Future[object]] = []

    def truncate_while_dumping(event: Event) -> None:
        if isinstance(event, Progress) and event.phase is Phase.DUMPING and not truncated:
            truncated.append(pool.submit(database.sql, "TRUNCATE gone"))

    connection = Connection(database.conninfo, server17.password, inherits=False)
    request = BackupRequest("Shop", connection, BackupOptions(format=format_), destination, lock_timeout=0.5)
    with (
        ThreadPoolExecutor(1) as pool,
        writing(
            database,
            "BEGIN; INSERT INTO ledger VALUES (1); INSERT INTO mirror VALUES (1); COMMIT",
            "BEGIN; DELETE FROM ledger WHERE a = 2; UPDATE orders SET total = 1 WHERE id < 50; COMMIT",
            "INSERT INTO gone SELECT generate_series(1, 100)",
            "INSERT INTO crm.empty VALUES (1); DELETE FROM crm.empty",
        ) as changes,
    ):
        while changes() < 5:
            pass
        backup = back_up(request, installations, CancelToken(), truncate_while_dumping)
        truncated[0].result(timeout=20)
    rows = rows_of(backup)
    assert all(found == counted for found, counted in rows.values())
    assert rows["public.ledger"] == rows["public.mirror"]
    assert prove(backup, installations).manifest.proof.level is ProofLevel.PROVEN


def test_a_proof_lists_each_table_once_and_is_kept_in_the_manifest(
    server17: SandboxServer,
    new_shop: NewDatabase,
    take_backup: BackUp,
    destination: Path,
    installations: Sequence[Installation],
) -> None:
    proven = prove(take_backup(new_shop(server17), destination), installations)
    assert proven.manifest.proof.level is ProofLevel.PROVEN
    streams = [item for item in proven.manifest.proof.objects if item.kind == "TABLE DATA"]
    assert len(streams) == len(proven.manifest.tables)
    assert {item.outcome for item in streams} == {Outcome.IDENTICAL}
    assert read_manifest(Path(proven.folder)) == proven.manifest


def test_progress_goes_through_the_phases_and_never_back(
    server17: SandboxServer,
    new_shop: NewDatabase,
    destination: Path,
    installations: Sequence[Installation],
) -> None:
    database = new_shop(server17)
    events: list[Event] = []
    request = BackupRequest(
        "Shop", Connection(database.conninfo, server17.password, inherits=False), BackupOptions(), destination
    )
    back_up(request, installations, CancelToken(), events.append)
    steps = [event for event in events if isinstance(event, Progress)]
    phases = list(dict.fromkeys(step.phase for step in steps))
    assert phases == [Phase.CHECKING, Phase.LOCKING, Phase.DUMPING, Phase.READING_BACK, Phase.SEALING]
    assert [step.phase for step in steps] == sorted((s.phase for s in steps), key=phases.index)
    assert texts(events) == []


@pytest.mark.parametrize(
    "phase", [Phase.CHECKING, Phase.LOCKING, Phase.DUMPING, Phase.READING_BACK, Phase.SEALING]
)
def test_a_cancelled_backup_leaves_nothing(
    server17: SandboxServer,
    new_shop: NewDatabase,
    destination: Path,
    installations: Sequence[Installation],
    phase: Phase,
) -> None:
    database = new_shop(server17)
    cancel = CancelToken()

    def on_event(event: Event) -> None:
        if isinstance(event, Progress) and event.phase is phase:
            cancel.cancel()

    request = BackupRequest(
        "Shop", Connection(database.conninfo, server17.password, inherits=False), BackupOptions(), destination
    )
    with pytest.raises(Cancelled):
        back_up(request, installations, cancel, on_event)
    assert files_in(destination) == []
    assert not list(destination.glob("*/*"))


def test_a_proof_that_is_hindered_leaves_the_last_proof_as_it_was(
    server17: SandboxServer,
    new_shop: NewDatabase,
    take_backup: BackUp,
    destination: Path,
    installations: Sequence[Installation],
) -> None:
    backup = take_backup(new_shop(server17), destination)
    before = read_manifest(Path(backup.folder)).proof
    tools = [item for item in installations if not item.has_server]
    with pytest.raises(AppError):
        prove(backup, tools)
    assert read_manifest(Path(backup.folder)).proof == before


def test_what_pg_dump_warns_of_stands_in_the_manifest(
    server17: SandboxServer, new_database: NewDatabase, take_backup: BackUp, destination: Path
) -> None:
    database = new_database(server17)
    database.sql(
        "CREATE TABLE hen (id int PRIMARY KEY, egg int);"
        "CREATE TABLE egg (id int PRIMARY KEY, hen int REFERENCES hen);"
        "ALTER TABLE hen ADD FOREIGN KEY (egg) REFERENCES egg"
    )
    manifest = take_backup(database, destination, contents=Contents.DATA).manifest
    assert any("circular foreign-key" in warning for warning in manifest.warnings)


def test_a_proof_of_a_damaged_file_fails_and_names_it(
    server17: SandboxServer,
    new_shop: NewDatabase,
    take_backup: BackUp,
    destination: Path,
    installations: Sequence[Installation],
) -> None:
    backup = take_backup(new_shop(server17), destination)
    damaged = next(Path(backup.folder).glob("database/*.dat.zst"))
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    proof = prove(backup, installations).manifest.proof
    assert proof.has_failed
    assert damaged.name in proof.failure


def test_a_path_out_of_the_backup_is_refused_and_nothing_is_read(
    server17: SandboxServer,
    new_shop: NewDatabase,
    take_backup: BackUp,
    destination: Path,
    installations: Sequence[Installation],
) -> None:
    backup = take_backup(new_shop(server17), destination)
    first, *rest = backup.manifest.files
    manifest = replace(backup.manifest, files=(replace(first, path="../../secret"), *rest))
    write_manifest(Path(backup.folder), manifest)
    with pytest.raises(AppError) as caught:
        prove(replace(backup, manifest=manifest), installations)
    assert caught.value.code is ErrorCode.UNSAFE_PATH
    assert read_manifest(Path(backup.folder)) == manifest
    shutil.rmtree(backup.folder)
