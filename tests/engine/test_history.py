"""What History does with backups: to the trash, for good, notes, what changed, one file."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.domain.backup import Backup, Format
from app.domain.changes import Change, compare_backups
from app.domain.deletion import Consequence, consequences
from app.domain.errors import AppError, Cancelled, ErrorCode
from app.domain.events import Event, Notice, Progress
from app.domain.history import Entry, Result
from app.domain.proof import ProofLevel
from app.domain.remedy import Remedy, remedies_of
from app.engine.export import export_backup, export_name
from app.engine.history import backup_of, change_note, changes_since_previous, delete_entries
from app.engine.restore.source import open_source
from app.engine.restore.sources import inspect_sources
from app.engine.verify import verify_backup, with_proof
from app.persistence.catalog import Catalog
from app.persistence.catalog_entry import entry_of
from app.persistence.manifest import read_manifest
from app.postgres.sandbox import SandboxServer
from app.system.cancellation import CancelToken
from app.system.files import files_under

if TYPE_CHECKING:
    from tests.conftest import NewDatabase, SmallDisk
    from tests.engine.conftest import BackUp

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def ignore(_: Event) -> None:
    pass


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog(tmp_path / "catalog.sqlite3") as made:
        yield made


@pytest.fixture
def backup(server17: SandboxServer, new_shop: NewDatabase, destination: Path, take_backup: BackUp) -> Backup:
    return take_backup(new_shop(server17), destination, note="first")


def entered(backup: Backup, catalog: Catalog) -> Entry:
    entry = entry_of(Path(backup.folder), backup.manifest)
    catalog.record(entry)
    return entry


def failing(entry: Entry, catalog: Catalog, *, for_good: bool) -> AppError:
    with pytest.raises(AppError) as caught:
        delete_entries([entry], catalog, CancelToken(), ignore, for_good=for_good)
    return caught.value


def test_a_backup_goes_to_the_trash_whole_and_is_forgotten(
    backup: Backup, catalog: Catalog, home: Path
) -> None:
    entry = entered(backup, catalog)
    names = sorted(path.name for path in files_under(Path(backup.folder)))
    assert delete_entries([entry], catalog, CancelToken(), ignore, for_good=False) == 1
    assert not Path(backup.folder).exists()
    assert catalog.history() == ()
    trashed = [path for path in home.parent.parent.rglob(f"files/{backup.manifest.id}") if path.is_dir()]
    trashed += Path("/").glob(f".Trash*/*/files/{backup.manifest.id}")
    trashed += Path("/tmp").glob(f".Trash*/files/{backup.manifest.id}")
    (found,) = dict.fromkeys(trashed)
    assert sorted(path.name for path in files_under(found)) == names
    assert read_manifest(found) == backup.manifest


def test_for_good_removes_what_the_manifest_lists_and_nothing_else(backup: Backup, catalog: Catalog) -> None:
    entry = entered(backup, catalog)
    (Path(backup.folder) / "database" / "mine.txt").write_text("not Holdfast's")
    events: list[Event] = []
    delete_entries([entry], catalog, CancelToken(), events.append, for_good=True)
    assert [path.name for path in files_under(Path(backup.folder))] == ["mine.txt"]
    assert catalog.history() == ()
    (notice,) = events
    assert isinstance(notice, Notice)
    assert "database/mine.txt" in notice.text


def test_the_trash_takes_no_folder_with_other_files(backup: Backup, catalog: Catalog) -> None:
    entry = entered(backup, catalog)
    (Path(backup.folder) / "mine.txt").write_text("not Holdfast's")
    failure = failing(entry, catalog, for_good=False)
    assert failure.code is ErrorCode.UNSAFE_PATH
    assert "mine.txt" in failure.detail
    assert remedies_of(failure) == (Remedy.DELETE_FOR_GOOD,)
    assert catalog.history() == (entry,)
    assert backup_of(entry) == backup


def test_an_unplugged_disk_does_not_look_like_a_deletion(
    backup: Backup, catalog: Catalog, destination: Path
) -> None:
    entry = entered(backup, catalog)
    destination.rename(destination.with_name("unplugged"))
    for for_good in (True, False):
        assert failing(entry, catalog, for_good=for_good).code is ErrorCode.FOLDER_MISSING
    with pytest.raises(AppError):
        backup_of(entry)
    assert catalog.history() == (entry,)


def test_attempts_without_a_backup_and_backups_that_are_gone_are_forgotten(
    backup: Backup, catalog: Catalog
) -> None:
    failed = Entry("20260101T000000Z-abcdef", "Shop", NOW, Result.FAILED, destination="/nowhere")
    catalog.record(failed)
    entry = entered(backup, catalog)
    gone = replace(entry, id="20260101T000000Z-000000", path=f"{entry.destination}/Shop/gone")
    catalog.record(gone)
    assert delete_entries([failed, gone], catalog, CancelToken(), ignore, for_good=False) == 2
    assert catalog.history() == (entry,)


def test_a_damaged_manifest_says_that_the_folder_must_be_deleted_by_hand(
    backup: Backup, catalog: Catalog
) -> None:
    entry = entered(backup, catalog)
    path = Path(backup.folder) / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b"Shop", b"Ship"))
    for for_good in (True, False):
        failure = failing(entry, catalog, for_good=for_good)
        assert failure.code is ErrorCode.ARCHIVE_DAMAGED
        assert backup.folder in failure.hint


def test_a_disk_without_a_trash_offers_to_delete_for_good(
    server17: SandboxServer,
    new_shop: NewDatabase,
    small_disk: SmallDisk,
    take_backup: BackUp,
    catalog: Catalog,
) -> None:
    entry = entered(take_backup(new_shop(server17), small_disk.folder), catalog)
    small_disk.make_read_only()
    failure = failing(entry, catalog, for_good=False)
    assert failure.code is ErrorCode.NO_TRASH
    assert remedies_of(failure) == (Remedy.DELETE_FOR_GOOD,)
    assert Path(entry.path).is_dir()


def test_deleting_stops_between_two_when_cancelled(backup: Backup, catalog: Catalog) -> None:
    entry = entered(backup, catalog)
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        delete_entries([entry], catalog, cancel, ignore, for_good=True)
    assert Path(entry.path).is_dir()


def test_a_note_stands_in_the_manifest_and_in_the_catalog(
    backup: Backup, catalog: Catalog, tmp_path: Path
) -> None:
    entry = entered(backup, catalog)
    change_note(entry, "Before the “move”", catalog, ignore)
    assert catalog.history()[0].note == "Before the “move”"
    assert read_manifest(Path(entry.path)).options.note == "Before the “move”"
    verified = verify_backup(backup_of(entry), CancelToken(), ignore)
    assert not verified.manifest.proof.has_failed
    with Catalog(tmp_path / "other computer.sqlite3") as other:
        other.rescan(Path(entry.destination))
        assert other.history()[0].note == "Before the “move”"


def test_a_note_given_during_a_proof_stays(backup: Backup, catalog: Catalog) -> None:
    entry = entered(backup, catalog)
    before = backup_of(entry)
    change_note(entry, "while it ran", catalog, ignore)
    after = with_proof(before, replace(before.manifest.proof, seconds=7.0), ignore)
    assert after.manifest.options.note == "while it ran"
    assert read_manifest(Path(entry.path)) == after.manifest
    assert after.manifest.proof.seconds == 7.0


def test_a_note_of_a_backup_that_is_not_there_is_kept_here_and_told(
    backup: Backup, catalog: Catalog, destination: Path
) -> None:
    entry = entered(backup, catalog)
    destination.rename(destination.with_name("unplugged"))
    events: list[Event] = []
    change_note(entry, "later", catalog, events.append)
    assert catalog.history()[0].note == "later"
    (notice,) = events
    assert isinstance(notice, Notice)
    assert notice.text.startswith("The note is kept on this computer alone.")


def test_what_changed_since_the_previous_backup(
    server17: SandboxServer,
    new_shop: NewDatabase,
    destination: Path,
    take_backup: BackUp,
    catalog: Catalog,
) -> None:
    database = new_shop(server17)
    first = entered(take_backup(database, destination), catalog)
    database.sql(
        "DROP TABLE crm.no_columns; CREATE TABLE new (n int); DELETE FROM parts_low WHERE a = 1;"
        "INSERT INTO crm.empty VALUES (1); UPDATE customers SET name = 'Zoo ' || id WHERE id = 1"
    )
    second = entered(take_backup(database, destination), catalog)
    found = changes_since_previous(second, catalog)
    assert found is not None
    previous, changes = found
    assert previous.id == first.id
    assert changes.is_comparable
    by_change = {
        change: sorted(table.name for table in changes.with_change(change)) for change in list(Change)
    }
    assert by_change[Change.ADDED] == ["new"]
    assert by_change[Change.REMOVED] == ["no_columns"]
    assert by_change[Change.GROWN] == ["empty"]
    assert "parts_low" in by_change[Change.SHRUNK]
    assert "orders" in by_change[Change.SAME]
    (grown,) = changes.with_change(Change.GROWN)
    assert (grown.rows_before, grown.rows, grown.bytes_before) == (0, 1, 0)
    assert changes_since_previous(first, catalog) is None


def test_as_many_other_rows_are_a_change_and_another_selection_is_told(backup: Backup) -> None:
    manifest = backup.manifest
    orders = next(table for table in manifest.tables if table.name == "orders")
    others = tuple(replace(t, sha256="0" * 64) if t == orders else t for t in manifest.tables)
    changes = compare_backups(manifest, replace(manifest, tables=others))
    assert [table.name for table in changes.with_change(Change.CHANGED)] == ["orders"]
    options = replace(manifest.options, excluded_tables=("orders",))
    part = replace(manifest, options=options, tables=tuple(t for t in manifest.tables if t != orders))
    assert not compare_backups(manifest, part).is_comparable
    assert [one.name for one in compare_backups(manifest, part).with_change(Change.REMOVED)] == ["orders"]


@pytest.mark.parametrize("suffix", [".tar", ".zip"])
@pytest.mark.parametrize("format_", [Format.DIRECTORY, Format.PLAIN])
def test_a_backup_in_one_file_is_the_same_backup(
    server17: SandboxServer,
    new_shop: NewDatabase,
    destination: Path,
    take_backup: BackUp,
    tmp_path: Path,
    suffix: str,
    format_: Format,
) -> None:
    backup = take_backup(new_shop(server17), destination, format=format_)
    target = tmp_path / export_name(backup, suffix)
    events: list[Event] = []
    assert export_backup(backup, target, CancelToken(), events.append) == target
    assert target.stat().st_mode & 0o777 == 0o600
    fractions = [event.fraction or 0 for event in events if isinstance(event, Progress)]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 0.99
    workspace = tmp_path / "work"
    workspace.mkdir()
    (tmp_path / "again").mkdir()
    source = open_source([target], workspace, CancelToken())
    assert source.manifest == backup.manifest
    assert source.folder is not None
    unpacked = Backup(str(source.folder), backup.manifest)
    assert not verify_backup(unpacked, CancelToken(), ignore).manifest.proof.has_failed
    assert sum(source.rows(source.entries, source.streams).values()) == backup.manifest.rows
    (inspected,) = inspect_sources([target], tmp_path / "again", CancelToken())
    assert not isinstance(inspected.found, AppError)
    if suffix == ".zip":
        with zipfile.ZipFile(target) as archive:
            assert archive.testzip() is None
    else:
        with tarfile.open(target) as archive_:
            assert archive_.getnames()[0].endswith("/manifest.json")


def test_an_export_replaces_no_file_unless_it_is_told_to(backup: Backup, tmp_path: Path) -> None:
    target = tmp_path / "shop.tar"
    target.write_text("somebody's")
    with pytest.raises(AppError) as caught:
        export_backup(backup, target, CancelToken(), ignore)
    assert caught.value.code is ErrorCode.INVALID_INPUT
    assert remedies_of(caught.value) == (Remedy.REPLACE_FILE,)
    assert target.read_text() == "somebody's"
    export_backup(backup, target, CancelToken(), ignore, replace=True)
    assert tarfile.is_tarfile(target)


def test_a_file_that_comes_while_an_export_runs_is_not_replaced(backup: Backup, tmp_path: Path) -> None:
    target = tmp_path / "shop.tar"

    def write_it(event: Event) -> None:
        target.write_text("somebody's")

    with pytest.raises(AppError) as caught:
        export_backup(backup, target, CancelToken(), write_it)
    assert caught.value.code is ErrorCode.INVALID_INPUT
    assert target.read_text() == "somebody's"
    assert {path.name for path in tmp_path.iterdir()} == {"shop.tar", "Backups with space"}


def test_a_cancelled_export_and_a_damaged_backup_leave_nothing(backup: Backup, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    cancel = CancelToken()
    with pytest.raises(Cancelled):
        export_backup(backup, folder / "a.zip", cancel, lambda _: cancel.cancel())
    record = max(backup.manifest.files, key=lambda file: file.bytes)
    path = Path(backup.folder) / record.path
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    for name in ("a.tar", "a.zip"):
        with pytest.raises(AppError) as caught:
            export_backup(backup, folder / name, CancelToken(), ignore)
        assert caught.value.code is ErrorCode.ARCHIVE_DAMAGED
        assert path.name in caught.value.title
    path.write_bytes(data[:-1])
    with pytest.raises(AppError):
        export_backup(backup, folder / "a.tar", CancelToken(), ignore)
    assert list(folder.iterdir()) == []


def test_an_export_needs_a_known_ending_and_space(backup: Backup, small_disk: SmallDisk) -> None:
    with pytest.raises(AppError) as caught:
        export_backup(backup, small_disk.folder / "a.rar", CancelToken(), ignore)
    assert caught.value.code is ErrorCode.INVALID_INPUT
    huge = replace(backup.manifest, files=tuple(replace(f, bytes=1 << 30) for f in backup.manifest.files))
    with pytest.raises(AppError) as caught:
        export_backup(replace(backup, manifest=huge), small_disk.folder / "a.tar", CancelToken(), ignore)
    assert caught.value.code is ErrorCode.DISK_FULL


def made(number: int, **changes: object) -> Entry:
    entry = Entry(
        f"2026010{number}T000000Z-abcdef",
        "Shop",
        NOW + timedelta(days=number),
        Result.SUCCEEDED,
        proof_level=ProofLevel.COMPLETE,
        destination="/backups",
        path=f"/backups/Shop/{number}",
    )
    return replace(entry, **changes)  # type: ignore[arg-type]


def test_the_consequences_of_a_deletion_are_named() -> None:
    proven, plain, newest = made(1, proof_level=ProofLevel.PROVEN), made(2), made(3)
    every = (proven, plain, newest, made(4, kind="safety"), made(5, result=Result.FAILED))
    assert consequences([plain], every) == {}
    assert consequences([newest], every) == {"Shop": (Consequence.NEWEST_GOES,)}
    assert consequences([proven], every) == {"Shop": (Consequence.NONE_PROVEN_LEFT,)}
    assert consequences([proven, plain, newest], every) == {"Shop": (Consequence.NONE_LEFT,)}
    assert consequences([replace(plain, pinned=True)], every) == {"Shop": (Consequence.PINNED_GOES,)}
    assert consequences([every[4]], every) == {}
    assert consequences([plain], (plain, replace(newest, missing=True))) == {"Shop": (Consequence.NONE_LEFT,)}


def test_what_the_sequence_of_entries_is_does_not_matter() -> None:
    entries: Sequence[Entry] = [made(n) for n in (3, 1, 2)]
    assert consequences([made(1)], entries) == {}
