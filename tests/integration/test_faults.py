"""Disks that fill up, folders that go, roles that may not read: each has its name, and harms nothing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from app.domain.backup import Backup, BackupOptions, Compression, Format
from app.domain.errors import AppError, ErrorCode
from app.domain.events import Event, Notice, Phase, Progress
from app.domain.project import Secret
from app.domain.proof import ProofLevel
from app.engine.backup import back_up
from app.engine.preflight import BackupRequest
from app.engine.verify import verify_backup
from app.persistence.manifest import read_manifest
from app.postgres.connection import Connection
from app.postgres.sandbox import SandboxServer
from app.postgres.toolchain import Installation
from app.services import build_services
from app.system.cancellation import CancelToken

if TYPE_CHECKING:
    from tests.conftest import Database, NewDatabase, SmallDisk

NONE = Compression.parse("none")


def request_for(database: Database, destination: Path, **options: object) -> BackupRequest:
    return BackupRequest(
        "Shop",
        Connection(database.conninfo, database.server.password, inherits=False),
        BackupOptions(**options),  # type: ignore[arg-type]
        destination,
    )


def fail(
    request: BackupRequest, installations: Sequence[Installation], events: list[Event] | None = None
) -> AppError:
    with pytest.raises(AppError) as caught:
        back_up(request, installations, CancelToken(), (events if events is not None else []).append)
    return caught.value


def is_whole(backup: Backup) -> bool:
    read = Backup(backup.folder, read_manifest(Path(backup.folder)))
    return not verify_backup(read, CancelToken(), lambda _: None).manifest.proof.has_failed


def no_tool_runs() -> bool:
    tools = ("pg_dump", "pg_dumpall", "pg_restore", "psql")
    return not [child for child in psutil.Process().children(recursive=True) if child.name() in tools]


def big(database: Database) -> None:
    """Some 100 MB of COPY text."""
    database.sql("CREATE TABLE big AS SELECT n, repeat(md5(n::text), 100) FROM generate_series(1, 32000) n")


def test_a_disk_that_is_too_small_is_refused_before_anything_is_written(
    server17: SandboxServer,
    new_shop: NewDatabase,
    small_disk: SmallDisk,
    installations: Sequence[Installation],
) -> None:
    database = new_shop(server17)
    (small_disk.folder / "in the way").write_bytes(b"\0" * (64 << 20 >> 1))
    (small_disk.folder / "and more").write_bytes(b"\0" * ((32 << 20) - 200_000))
    error = fail(request_for(database, small_disk.folder, compression=NONE), installations)
    assert error.code is ErrorCode.DISK_FULL
    assert "too little space" in error.title
    assert not (small_disk.folder / "Shop").exists()


@pytest.mark.parametrize(
    "format_", [Format.DIRECTORY, pytest.param(Format.CUSTOM, marks=pytest.mark.slow), Format.PLAIN]
)
def test_a_disk_that_runs_full_leaves_nothing_and_harms_no_earlier_backup(
    server17: SandboxServer,
    new_shop: NewDatabase,
    small_disk: SmallDisk,
    installations: Sequence[Installation],
    format_: Format,
) -> None:
    database = new_shop(server17)
    earlier = back_up(request_for(database, small_disk.folder), installations, CancelToken(), lambda _: None)
    big(database)
    fooled = request_for(database, small_disk.folder, compression=NONE, format=format_)
    error = fail(replace(fooled, last_bytes=1), installations)
    assert error.code is ErrorCode.DISK_FULL
    assert [path.name for path in (small_disk.folder / "Shop").iterdir()] == [earlier.manifest.id]
    assert is_whole(earlier)
    assert no_tool_runs()


def test_a_disk_that_is_full_from_the_start_is_named(
    server17: SandboxServer,
    new_shop: NewDatabase,
    small_disk: SmallDisk,
    installations: Sequence[Installation],
) -> None:
    database = new_shop(server17)
    with suppress(OSError), (small_disk.folder / "in the way").open("wb", buffering=0) as file:
        while file.write(b"\0" * 65536):
            pass
    error = fail(replace(request_for(database, small_disk.folder), last_bytes=1), installations)
    assert error.code is ErrorCode.DISK_FULL
    assert not list(small_disk.folder.glob("Shop/*"))


def test_a_folder_that_is_gone_is_named(
    server17: SandboxServer,
    new_shop: NewDatabase,
    tmp_path: Path,
    installations: Sequence[Installation],
) -> None:
    error = fail(request_for(new_shop(server17), tmp_path / "unplugged"), installations)
    assert error.code is ErrorCode.FOLDER_MISSING
    assert str(tmp_path / "unplugged") in error.detail
    assert not (tmp_path / "unplugged").exists()


def test_a_folder_that_goes_in_mid_dump_fails_the_backup(
    server17: SandboxServer,
    new_shop: NewDatabase,
    tmp_path: Path,
    installations: Sequence[Installation],
) -> None:
    folder = tmp_path / "stick"
    folder.mkdir()

    def unplug(event: Event) -> None:
        if isinstance(event, Progress) and event.phase is Phase.READING_BACK:
            shutil.rmtree(folder)

    with pytest.raises(AppError) as caught:
        back_up(request_for(new_shop(server17), folder), installations, CancelToken(), unplug)
    assert caught.value.code in (ErrorCode.FOLDER_MISSING, ErrorCode.ARCHIVE_DAMAGED)
    assert str(folder) in str(caught.value)
    assert not folder.exists()


def test_a_read_only_folder_is_named(
    server17: SandboxServer,
    new_shop: NewDatabase,
    small_disk: SmallDisk,
    installations: Sequence[Installation],
) -> None:
    small_disk.make_read_only()
    error = fail(request_for(new_shop(server17), small_disk.folder), installations)
    assert error.code is ErrorCode.FOLDER_READ_ONLY
    assert str(small_disk.folder) in error.detail


def test_a_file_in_the_folders_place_is_named(
    server17: SandboxServer,
    new_shop: NewDatabase,
    tmp_path: Path,
    installations: Sequence[Installation],
) -> None:
    (tmp_path / "file").write_text("")
    assert (
        fail(request_for(new_shop(server17), tmp_path / "file"), installations).code
        is ErrorCode.FOLDER_MISSING
    )
    (tmp_path / "Shop").write_text("")
    assert fail(request_for(new_shop(server17), tmp_path), installations).code is ErrorCode.FOLDER_MISSING


@pytest.fixture
def clerk(server17: SandboxServer, new_shop: NewDatabase) -> Iterator[tuple[Database, str]]:
    """A database, and a role that may sign in and read what is granted to it."""
    database = new_shop(server17)
    role = f"clerk_{database.name}"
    database.sql(f"CREATE ROLE {role} LOGIN PASSWORD 'clerk'")
    yield database, role
    database.sql(f"DROP OWNED BY {role}; DROP ROLE {role}")


def as_clerk(clerk: tuple[Database, str], destination: Path, **options: object) -> BackupRequest:
    database, role = clerk
    connection = Connection(database.conninfo, Secret("clerk"), inherits=False).to(user=role)
    return replace(request_for(database, destination, **options), connection=connection)


def test_a_table_that_may_not_be_read_is_named_before_the_dump(
    clerk: tuple[Database, str], tmp_path: Path, installations: Sequence[Installation]
) -> None:
    database, role = clerk
    database.sql(f"GRANT USAGE ON SCHEMA crm TO {role}; GRANT SELECT ON customers, crm.empty TO {role}")
    error = fail(as_clerk(clerk, tmp_path), installations)
    assert error.code is ErrorCode.PERMISSION_DENIED
    assert role in error.title
    assert "public.orders" in error.detail
    assert "public.customers" not in error.detail
    assert "GRANT" in error.hint
    assert not list(tmp_path.glob("Shop/*"))


def test_what_may_be_read_is_backed_up_by_a_role_that_may_read_no_more(
    clerk: tuple[Database, str], tmp_path: Path, installations: Sequence[Installation]
) -> None:
    database, role = clerk
    database.sql(f"GRANT SELECT ON customers TO {role}")
    request = as_clerk(clerk, tmp_path, tables=("customers",))
    backup = back_up(request, installations, CancelToken(), lambda _: None)
    assert [table.rows for table in backup.manifest.tables] == [500]


def test_row_security_that_would_hide_rows_is_refused_before_the_dump(
    clerk: tuple[Database, str], tmp_path: Path, installations: Sequence[Installation]
) -> None:
    database, role = clerk
    database.sql(
        f"GRANT pg_read_all_data TO {role}; SELECT lo_unlink(oid) FROM pg_largeobject_metadata;"
        "ALTER TABLE orders ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON orders USING (id < 10)"
    )
    error = fail(as_clerk(clerk, tmp_path), installations)
    assert error.code is ErrorCode.ROW_SECURITY
    assert "public.orders" in error.title
    assert "BYPASSRLS" in error.hint
    database.sql(f"ALTER ROLE {role} BYPASSRLS")
    backup = back_up(as_clerk(clerk, tmp_path), installations, CancelToken(), lambda _: None)
    assert backup.manifest.rows == 3601


def test_history_that_cannot_be_written_hides_neither_a_backup_nor_a_failure(
    server17: SandboxServer,
    new_shop: NewDatabase,
    tmp_path: Path,
    home: Path,
    small_disk: SmallDisk,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(small_disk.folder))
    services = build_services()
    services.catalog.close()
    small_disk.make_read_only()
    events: list[Event] = []
    request = request_for(new_shop(server17), tmp_path)
    request = replace(request, options=replace(request.options, proof=ProofLevel.COMPLETE))
    backup = services.backup(request, CancelToken(), events.append)
    assert is_whole(backup)
    with pytest.raises(AppError) as caught:
        services.backup(replace(request, destination=tmp_path / "gone"), CancelToken(), events.append)
    assert caught.value.code is ErrorCode.FOLDER_MISSING
    texts = [event.text for event in events if isinstance(event, Notice)]
    assert len(texts) == 2
    assert all(text.startswith("The history could not be written.") for text in texts)
