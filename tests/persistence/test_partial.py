from __future__ import annotations

import hashlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.domain.backup import Backup, FileRecord, Manifest
from app.domain.errors import AppError, Cancelled, ErrorCode
from app.persistence.checksums import verify_files
from app.persistence.destination import clean_partials, find_partials, list_backups
from app.persistence.manifest import read_manifest
from app.persistence.partial import PartialBackup, publish, read_owner
from app.system.cancellation import CancelToken
from app.system.process import child_environment, run
from app.system.process_id import own_process_id

linux_root = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="mounting a file system needs root on Linux"
)


def mount(*arguments: str) -> None:
    done = run(["/usr/bin/mount", *arguments], env=child_environment(), timeout=10)
    if done.status:
        pytest.skip(f"no file system can be mounted here: {done.errors}")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount("-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder))
    yield folder
    run(["/usr/bin/umount", folder], env=child_environment(), timeout=10)


def test_a_partial_backup_names_its_owner_and_is_private(destination: Path) -> None:
    partial = PartialBackup.create(destination, "Shop: Nord")
    assert partial.folder.parent.name == "Shop_ Nord"
    assert partial.folder.name == f"{partial.id}.partial"
    assert partial.folder.stat().st_mode & 0o777 == 0o700
    owner = read_owner(partial.folder)
    assert owner is not None
    assert owner.process == own_process_id()
    assert (owner.project, owner.children, owner.is_here) == ("Shop: Nord", (), True)


def test_children_are_recorded_from_several_threads(destination: Path) -> None:
    partial = PartialBackup.create(destination, "Shop")
    children = [replace(own_process_id(), pid=number) for number in range(20)]
    threads = [threading.Thread(target=partial.record_child, args=(child,)) for child in children]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    owner = read_owner(partial.folder)
    assert owner is not None
    assert set(owner.children) == set(children)


def test_a_published_backup_is_complete_private_and_alone(
    new_backup: Callable[[], Backup], destination: Path
) -> None:
    backup = new_backup()
    folder = Path(backup.folder)
    assert read_manifest(folder) == backup.manifest
    assert {file.path for file in backup.manifest.files} == {
        "RESTORE.txt",
        "SHA256SUMS",
        "database/3001.dat.zst",
        "database/empty.dat",
        "database/toc.dat",
        "roles.sql",
    }
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    for parent, _, names in os.walk(folder):
        assert Path(parent).stat().st_mode & 0o777 == 0o700
        assert all((Path(parent) / name).stat().st_mode & 0o777 == 0o600 for name in names)
    assert not (folder / "owner.json").exists()
    assert find_partials(destination) == ()


def test_known_hashes_are_not_taken_again(destination: Path, manifest: Manifest) -> None:
    partial = PartialBackup.create(destination, "Shop")
    (partial.folder / "data").write_bytes(b"1234")
    backup = publish(partial, manifest, [FileRecord("data", 4, "f" * 64)])
    assert backup.manifest.files[0] == FileRecord("data", 4, "f" * 64)


@pytest.mark.parametrize("known", [FileRecord("data", 5, "f" * 64), FileRecord("gone", 4, "f" * 64)])
def test_a_file_that_is_not_as_it_was_written_stops_the_publication(
    destination: Path, manifest: Manifest, known: FileRecord
) -> None:
    partial = PartialBackup.create(destination, "Shop")
    (partial.folder / "data").write_bytes(b"1234")
    with pytest.raises(AppError, match=known.path) as caught:
        publish(partial, manifest, [known])
    assert caught.value.code is ErrorCode.ARCHIVE_DAMAGED
    assert list(list_backups(destination)) == []


def test_a_link_in_a_partial_backup_stops_the_publication(destination: Path, manifest: Manifest) -> None:
    partial = PartialBackup.create(destination, "Shop")
    (partial.folder / "link").symlink_to("/etc/hostname")
    with pytest.raises(AppError) as caught:
        publish(partial, manifest)
    assert caught.value.code is ErrorCode.UNSAFE_PATH


def test_a_cancelled_publication_leaves_a_partial_backup_that_can_be_discarded(
    destination: Path, manifest: Manifest
) -> None:
    partial = PartialBackup.create(destination, "Shop")
    (partial.folder / "data").write_bytes(b"1234")
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        publish(partial, manifest, cancel=cancel)
    assert find_partials(destination) == (partial.folder,)
    partial.discard()
    assert find_partials(destination) == ()


def test_a_destination_that_is_gone_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(AppError) as caught:
        PartialBackup.create(tmp_path / "unplugged", "Shop")
    assert caught.value.code is ErrorCode.FOLDER_MISSING
    assert not (tmp_path / "unplugged").exists()


@linux_root
def test_a_full_disk_is_named_and_earlier_backups_stay_whole(small_disk: Path, manifest: Manifest) -> None:
    first = PartialBackup.create(small_disk, "Shop")
    (first.folder / "data").write_bytes(b"1234")
    backup = publish(first, manifest)
    partial = PartialBackup.create(small_disk, "Shop")
    with pytest.raises(OSError, match="No space"):
        (partial.folder / "data").write_bytes(bytes(1 << 20))
    with pytest.raises(AppError) as caught:
        publish(partial, manifest)
    assert caught.value.code is ErrorCode.DISK_FULL
    with pytest.raises(AppError) as caught:
        PartialBackup.create(small_disk, "Other")
    assert caught.value.code is ErrorCode.DISK_FULL
    partial.discard()
    assert find_partials(small_disk) == ()
    verify_files(Path(backup.folder), read_manifest(Path(backup.folder)), lambda _: None, CancelToken())


@linux_root
def test_a_read_only_disk_is_named(small_disk: Path) -> None:
    mount("-o", "remount,ro", str(small_disk))
    with pytest.raises(AppError) as caught:
        PartialBackup.create(small_disk, "Shop")
    assert caught.value.code is ErrorCode.FOLDER_READ_ONLY


KILLED_AT_EACH_STEP = """
import os, signal, sys
from pathlib import Path
from app.persistence.manifest import read_manifest
from app.persistence.partial import PartialBackup, publish
import app.persistence.destination

destination, manifest = Path(sys.argv[1]), read_manifest(Path(sys.argv[2]))
STEPS = {"open", "os.rename", "os.remove", "os.mkdir", "os.chmod", "os.rmdir"}
seen, deadly = 0, 0

def step(event, arguments):
    global seen
    if event in STEPS and deadly:
        seen += 1
        if seen == deadly:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(step)

def work(number):
    global deadly
    deadly = number
    partial = PartialBackup.create(destination / f"{number:03}", "Shop")
    database = partial.folder / "database"
    database.mkdir()
    for name in ("toc.dat", "1.dat"):
        (database / name).write_bytes(name.encode() * 1000)
    publish(partial, manifest)

for number in range(1, 300):
    (destination / f"{number:03}").mkdir()
    pid = os.fork()
    if not pid:
        work(number)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    if status == 0:
        print(number)
        break
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the writer is forked once for each step")
def test_a_kill_at_any_step_leaves_a_whole_backup_or_one_that_the_next_start_removes(
    tmp_path: Path, manifest: Manifest, destination: Path
) -> None:
    template = PartialBackup.create(destination, "Shop")
    source = Path(publish(template, manifest).folder)
    root = tmp_path / "runs"
    root.mkdir()
    done = run(
        [sys.executable, "-c", KILLED_AT_EACH_STEP, root, source], env=child_environment(), timeout=100
    )
    assert done.status == 0, done.errors
    last = int(done.output)
    assert last > 20
    whole = interrupted = not_begun = 0
    for number in range(1, last + 1):
        folder = root / f"{number:03}"
        removed = clean_partials(folder)
        listed = list(list_backups(folder))
        left = find_partials(folder)
        assert len(removed) + len(listed) + len(left) <= 1
        for path, read in listed:
            assert isinstance(read, Manifest)
            assert verify_files(path, read, lambda _: None, CancelToken()).extra == ()
        for partial in left:
            assert not any(path.name in ("owner.json", "database") for path in partial.iterdir())
        whole += len(listed)
        interrupted += len(removed)
        not_begun += not listed and not removed
    assert whole > 1
    assert interrupted > 20
    assert not_begun < 10


def test_thousands_of_files_are_published_quickly(destination: Path, manifest: Manifest) -> None:
    partial = PartialBackup.create(destination, "Shop")
    database = partial.folder / "database"
    database.mkdir()
    for number in range(2_000):
        (database / f"{number}.dat").write_bytes(b"1")
    one = hashlib.sha256(b"1").hexdigest()
    started = time.perf_counter()
    publish(partial, manifest, [FileRecord(f"database/{number}.dat", 1, one) for number in range(2_000)])
    assert time.perf_counter() - started < 20


def test_its_folder_can_be_found_in_the_commands_of_children_wherever_they_run(
    destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(destination)
    folder = PartialBackup.create(Path(), "Shop").folder
    assert folder.is_absolute()
    assert folder.is_relative_to(destination)
