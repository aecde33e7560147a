from __future__ import annotations

import random
import shutil
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.backup import Backup, Manifest
from app.domain.errors import AppError, ErrorCode
from app.domain.events import Event
from app.domain.history import Entry, Result
from app.domain.proof import Proof, ProofLevel
from app.persistence.catalog import Catalog, catalog_path
from app.persistence.catalog_entry import OLD_COLUMNS, entry_of
from app.persistence.history_query import HistoryFilter
from app.persistence.manifest import write_manifest
from app.persistence.partial import PartialBackup, publish
from app.system.process import Child, child_environment

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def entry(number: int = 0, **changes: object) -> Entry:
    plain = Entry(
        id=f"20260301T{number:06}Z-a1b2c3",
        project="Shop",
        started=NOON + timedelta(seconds=number),
        result=Result.SUCCEEDED,
        finished=NOON + timedelta(seconds=number + 5),
        proof_level=ProofLevel.PROVEN,
        destination="/backups",
        path=f"/backups/Shop/{number}",
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "catalog.sqlite3"


@pytest.fixture
def two_backups(destination: Path, manifest: Manifest) -> tuple[Backup, Backup]:
    def make() -> Backup:
        partial = PartialBackup.create(destination, manifest.project)
        (partial.folder / "database").write_bytes(b"data")
        return publish(partial, replace(manifest, id=partial.id))

    return make(), make()


def test_entries_come_back_newest_first(path: Path) -> None:
    failed = entry(
        2, result=Result.FAILED, finished=None, error_code="disk-full", error_title="x", error_detail="y"
    )
    other = entry(3, project="Möbel", pinned=True, note="“ß”", bytes=1 << 40, proof_failure="differs")
    with Catalog(path) as catalog:
        for one in (entry(1), other, failed):
            catalog.record(one)
    with Catalog(path) as catalog:
        assert catalog.history() == (other, failed, entry(1))
        assert catalog.history("Shop") == (failed, entry(1))
        assert catalog.history("Shop", limit=1) == (failed,)
        assert catalog.history("shop") == ()
        assert catalog.last_backup("Shop") == entry(1)
        assert catalog.last_backup("Nobody") is None
        assert catalog.find(other.id) == (other,)
    assert other.seconds == 5
    assert failed.seconds is None
    assert path.stat().st_mode & 0o777 == 0o600


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    text=st.text(st.characters(exclude_categories=["Cs"])),
    number=st.integers(0, 2**63 - 1),
    started=st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))])),
)
def test_any_entry_comes_back(tmp_path: Path, text: str, number: int, started: datetime) -> None:
    if not NOON.replace(year=1000) < started < NOON.replace(year=9000):
        started = NOON
    one = entry(id=text, project=text, error_detail=text, path=text, note=text, rows=number, started=started)
    with Catalog(tmp_path / "any.sqlite3") as catalog:
        catalog.record(one)
        assert catalog.find(text) == (one,)


def test_names_that_are_no_text_are_stored_readably(path: Path) -> None:
    with Catalog(path) as catalog:
        catalog.record(entry(project="caf\udce9"))
        assert [one.project for one in catalog.history("caf\udce9")] == ["caf\\udce9"]


def test_the_same_backup_is_replaced_and_its_pin_and_absence_are_kept(path: Path) -> None:
    with Catalog(path) as catalog:
        catalog.record(entry())
        catalog.pin(entry(), True)
        catalog.set_note(entry(), "mine")
        catalog.record(entry(bytes=7, note="as the manifest has it"))
        assert catalog.history() == (entry(bytes=7, note="mine", pinned=True),)
        catalog.mark_missing(entry())
        assert catalog.history() == (entry(bytes=7, note="mine", pinned=True, missing=True),)
        assert catalog.last_backup("Shop") is None


def test_rescan_adds_updates_and_marks(
    path: Path, destination: Path, two_backups: tuple[Backup, Backup]
) -> None:
    first, second = two_backups
    with Catalog(path) as catalog:
        failed = entry(result=Result.FAILED, destination=str(destination.resolve()), path="")
        catalog.record(failed)
        assert catalog.rescan(destination).added == 2
        found = catalog.find(first.manifest.id)
        assert found == (entry_of(Path(first.folder), first.manifest),)
        assert (found[0].tables, found[0].rows, found[0].note) == (1, 3, "before the move")
        again = catalog.rescan(destination)
        assert (again.added, again.updated, again.missing) == (0, 0, 0)

        catalog.pin(found[0], True)
        proof = Proof(ProofLevel.PROVEN, NOON, failure="TABLE x differs")
        write_manifest(Path(first.folder), replace(first.manifest, proof=proof))
        shutil.rmtree(second.folder)
        changed = catalog.rescan(destination)
        assert (changed.added, changed.updated, changed.missing) == (0, 1, 1)
        (proven,) = catalog.find(first.manifest.id)
        assert (proven.pinned, proven.proof_failure) == (True, "TABLE x differs")
        assert catalog.find(second.manifest.id)[0].missing
        assert catalog.rescan(destination).missing == 0
        assert catalog.find(failed.id) == (failed,)


def test_a_backup_that_comes_back_is_no_longer_missing(
    path: Path, destination: Path, two_backups: tuple[Backup, Backup]
) -> None:
    folder = Path(two_backups[0].folder)
    with Catalog(path) as catalog:
        catalog.rescan(destination)
        away = folder.rename(destination / "away")
        catalog.rescan(destination)
        assert catalog.find(two_backups[0].manifest.id)[0].missing
        away.rename(folder)
        assert catalog.rescan(destination).updated == 1
        assert not catalog.find(two_backups[0].manifest.id)[0].missing


def test_a_moved_destination_keeps_its_pins_and_a_copy_is_a_second_entry(
    path: Path, destination: Path, two_backups: tuple[Backup, Backup], tmp_path: Path
) -> None:
    backup = two_backups[0].manifest.id
    with Catalog(path) as catalog:
        catalog.rescan(destination)
        catalog.pin(catalog.find(backup)[0], True)
        moved = destination.rename(tmp_path / "moved")
        assert catalog.rescan(moved).added == 2
        (entry,) = catalog.find(backup)
        assert (entry.pinned, entry.destination) == (True, str(moved.resolve()))
        shutil.copytree(moved, tmp_path / "copy")
        assert catalog.rescan(tmp_path / "copy").added == 2
        assert len(catalog.find(backup)) == 2


def test_a_backup_that_cannot_be_read_is_told_and_not_called_missing(
    path: Path, destination: Path, two_backups: tuple[Backup, Backup]
) -> None:
    with Catalog(path) as catalog:
        catalog.rescan(destination)
        (Path(two_backups[0].folder) / "manifest.json").write_text("{")
        rescan = catalog.rescan(destination)
        assert rescan.missing == 0
        ((folder, problem),) = rescan.problems
        assert (str(folder), problem.code) == (two_backups[0].folder, ErrorCode.ARCHIVE_DAMAGED)


def test_an_unplugged_destination_marks_nothing(
    path: Path, destination: Path, two_backups: tuple[Backup, Backup]
) -> None:
    with Catalog(path) as catalog:
        catalog.rescan(destination)
        shutil.rmtree(destination)
        with pytest.raises(AppError) as caught:
            catalog.rescan(destination)
        assert caught.value.code is ErrorCode.FOLDER_MISSING
        assert not any(one.missing for one in catalog.history())


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "no database": lambda _: b"not a database at all" * 500,
    "header": lambda content: b"X" + content[1:],
    "truncated": lambda content: content[: len(content) // 2],
    "zeros in the middle": lambda content: content[:8192] + bytes(8192) + content[16384:],
    "other text in a row": lambda content: content.replace(b"succeeded", b"succeexed"),
    "invalid text": lambda content: content.replace(b"succeeded", b"succe\xff\xfeed"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_catalog_is_set_aside_and_rebuilt(
    path: Path, destination: Path, two_backups: tuple[Backup, Backup], damage: str
) -> None:
    with Catalog(path) as catalog:
        catalog.rescan(destination)
        for number in range(200):
            catalog.record(entry(number, result=Result.FAILED, note="x" * 50))
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    events: list[Event] = []
    with Catalog(path, [destination], events.append) as catalog:
        catalog.history()
        catalog.record(entry(999))
        assert all(catalog.find(backup.manifest.id) for backup in two_backups)
        assert catalog.find(entry(999).id) == (entry(999),)
    (notice,) = events
    (aside,) = path.parent.glob("catalog.damaged-*.sqlite3")
    assert str(aside) in str(notice)
    with Catalog(path, [destination], events.append) as catalog:
        assert len(catalog.history()) >= 3
    assert len(events) == 1


def test_what_can_be_read_of_a_damaged_catalog_is_kept(path: Path) -> None:
    with Catalog(path) as catalog:
        for number in range(500):
            catalog.record(entry(number, pinned=number % 2 == 0, note="x" * 100))
    content = bytearray(path.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 4096] = random.Random(1).randbytes(4096)
    path.write_bytes(content)
    with Catalog(path, listener=lambda _: None) as catalog:
        catalog.record(entry(1000))
        kept = catalog.history()
        assert len(kept) > 100
        assert all(one.pinned == (one.started.second % 2 == 0) for one in kept if one != entry(1000))


def test_random_damage_never_crashes(path: Path, tmp_path: Path) -> None:
    with Catalog(path) as catalog:
        for number in range(50):
            catalog.record(entry(number))
    content = path.read_bytes()
    for seed in range(60):
        chance = random.Random(seed)
        damaged = bytearray(content)
        for _ in range(chance.randrange(1, 40)):
            damaged[chance.randrange(100, len(damaged))] = chance.randrange(256)
        file = tmp_path / f"{seed}.sqlite3"
        file.write_bytes(damaged)
        with Catalog(file) as catalog:
            catalog.history()
            catalog.history("Shop")
            catalog.last_backup("Shop")
            catalog.pin(entry(7), True)
            catalog.record(entry(999))


def test_a_catalog_of_a_newer_holdfast_is_left_alone(path: Path) -> None:
    Catalog(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(AppError) as caught:
        Catalog(path)
    assert caught.value.code is ErrorCode.NEWER_MANIFEST
    assert not list(path.parent.glob("*damaged*"))


def test_a_folder_that_cannot_be_made_is_an_app_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(AppError) as caught:
        Catalog(tmp_path / "file" / "catalog.sqlite3")
    assert caught.value.code is ErrorCode.FOLDER_MISSING


WRITE_MANY = """
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from app.persistence.catalog import Catalog
from app.domain.history import Entry, Result
for number in range(20):
    with Catalog(Path(sys.argv[1])) as catalog:
        name = f"{sys.argv[2]} {number}"
        catalog.record(Entry(name, "Shop", datetime.now(UTC), Result.SUCCEEDED))
        assert catalog.find(name)
"""


def test_processes_and_threads_make_and_fill_it_together(path: Path) -> None:
    argv = [sys.executable, "-c", WRITE_MANY, str(path)]
    with (
        Child([*argv, "one"], env=child_environment()) as one,
        Child([*argv, "two"], env=child_environment()) as two,
        Catalog(path) as catalog,
    ):

        def fill(start: int) -> None:
            for number in range(20):
                catalog.record(entry(start + number))

        threads = [threading.Thread(target=fill, args=(start,)) for start in (0, 100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (one.wait(60), two.wait(60)) == (0, 0), one.errors() + two.errors()
        assert len(catalog.history()) == 80


def test_a_hundred_thousand_entries_are_quick(path: Path) -> None:
    with Catalog(path) as catalog:
        catalog.record(entry())
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) "
            f"INSERT INTO backup ({', '.join(OLD_COLUMNS)}) SELECT id || i, 'p' || (i % 50), "
            "strftime('%Y-%m-%dT%H:%M:%S.000000+00:00', 1700000000 + i, 'unixepoch'), "
            "result, finished, kind, error_code, error_title, error_detail, proof_level, "
            "proof_failure, bytes, database_bytes, rows, tables, destination, path, pinned, note, missing "
            "FROM backup, n"
        )
    started = time.perf_counter()
    with Catalog(path) as catalog:
        assert len(catalog.history(limit=100)) == 100
        assert len(catalog.history("p7", limit=100)) == 100
        assert catalog.last_backup("p9")
    assert time.perf_counter() - started < 0.5


def test_it_lies_in_the_users_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert catalog_path().name == "catalog.sqlite3"


def test_a_catalog_of_the_first_version_is_brought_up_to_date(path: Path) -> None:
    with Catalog(path) as catalog:
        catalog.record(entry(1, note="“Möbel”", pinned=True))
    with closing(sqlite3.connect(path)) as connection, connection:
        for name in ("started", "project", "kind", "result", "proof", "bytes", "seconds"):
            connection.execute(f"DROP INDEX sorted_by_{name}")
        connection.execute("DROP INDEX backup_by_schedule")
        for column in ("seconds", "proof", "search", "slot", "schedule"):
            connection.execute(f"ALTER TABLE backup DROP COLUMN {column}")
        connection.execute("PRAGMA user_version = 6")
    with Catalog(path) as catalog:
        assert catalog.history() == (entry(1, note="“Möbel”", pinned=True),)
        assert [row.entry.id for row in catalog.page(HistoryFilter(text="MÖBEL"))] == [entry(1).id]


def test_what_the_user_changed_outlives_proofs_rescans_and_damage(
    path: Path, destination: Path, two_backups: tuple[Backup, Backup]
) -> None:
    first = two_backups[0]
    with Catalog(path) as catalog:
        catalog.rescan(destination)
        (found,) = catalog.find(first.manifest.id)
        catalog.pin(found, True)
        catalog.set_note(found, "before the audit")
        catalog.rename_project(found.project, "Shop 2")
        proof = Proof(ProofLevel.PROVEN, NOON)
        proven = replace(first.manifest, proof=proof)
        write_manifest(Path(first.folder), proven)
        catalog.record(entry_of(Path(first.folder), proven))
        again = catalog.rescan(destination)
        assert (again.added, again.updated, again.missing) == (0, 0, 0)
    path.write_bytes(DAMAGES["other text in a row"](path.read_bytes()))
    with Catalog(path, [destination]) as catalog:
        catalog.pin(found, True)
    changed = replace(found, proof_level=ProofLevel.PROVEN, pinned=True, project="Shop 2")
    with Catalog(path) as catalog:
        (kept,) = catalog.find(first.manifest.id)
        assert replace(kept, note="", project="Shop 2") == replace(changed, note="")


def test_a_deleted_entry_is_gone_and_a_run_knows_its_slot(path: Path) -> None:
    run = entry(1, schedule="s1", slot=NOON)
    with Catalog(path) as catalog:
        catalog.record(run)
        catalog.record(entry(2))
        assert catalog.runs_of("s1", NOON) == (run,)
        assert catalog.runs_of("s1", NOON + timedelta(seconds=1)) == ()
        assert catalog.runs_of("", NOON) == ()
        catalog.record(replace(run, schedule="", slot=None, bytes=5))
        assert catalog.find(run.id) == (replace(run, bytes=5),)
        catalog.delete(run)
        assert catalog.history() == (entry(2),)


def test_a_safety_backup_is_not_the_last_backup(path: Path) -> None:
    with Catalog(path) as catalog:
        catalog.record(entry(1))
        catalog.record(entry(2, kind="safety"))
        assert catalog.last_backup("Shop") == entry(1)
