from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.backup import Backup, FileRecord, Manifest
from app.domain.errors import AppError, ErrorCode
from app.persistence import destination as destination_module
from app.persistence.destination import clean_partials, delete_backup, find_partials, list_backups
from app.persistence.manifest import write_manifest
from app.persistence.partial import PartialBackup
from app.system.paths import is_root
from app.system.process import Child, child_environment
from app.system.process_id import ProcessId, process_id

OWNED_BY_A_DEAD_PROCESS = """
import os, signal, sys
from pathlib import Path
from app.persistence.partial import PartialBackup
from app.system.process_id import process_id
partial = PartialBackup.create(Path(sys.argv[1]), "Shop")
(partial.folder / "database").mkdir()
(partial.folder / "database" / "1.dat").write_bytes(b"half")
for pid in sys.argv[2:]:
    partial.record_child(process_id(int(pid)))
os.kill(os.getpid(), signal.SIGKILL)
"""


def interrupt(destination: Path, *children: ProcessId) -> Path:
    """Let another process begin a backup and die by SIGKILL."""
    before = set(find_partials(destination))
    pids = [str(child.pid) for child in children]
    with Child(
        [sys.executable, "-c", OWNED_BY_A_DEAD_PROCESS, destination, *pids], env=child_environment()
    ) as child:
        assert child.wait(20) < 0, child.errors()
    (folder,) = set(find_partials(destination)) - before
    return folder


def runs(process: ProcessId) -> bool:
    return process.is_alive


def tree(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_backups_are_listed_and_damaged_ones_with_their_error(
    new_backup: Callable[[], Backup], destination: Path
) -> None:
    backups = [new_backup(), new_backup()]
    (destination / "stray file").touch()
    (destination / "Shop" / "somebody's folder").mkdir()
    (destination / "Photos" / "2024").mkdir(parents=True)
    (destination / "Photos" / "2024" / "manifest.json").write_text('{"icons": []}')
    PartialBackup.create(destination, "Shop")
    found = dict(list_backups(destination))
    assert found == {Path(backup.folder): backup.manifest for backup in backups}
    (Path(backups[0].folder) / "manifest.json").write_text("{")
    damaged = dict(list_backups(destination))[Path(backups[0].folder)]
    assert isinstance(damaged, AppError)
    assert damaged.code is ErrorCode.ARCHIVE_DAMAGED


def test_a_renamed_backup_is_still_one(new_backup: Callable[[], Backup], destination: Path) -> None:
    folder = Path(new_backup().folder)
    folder.rename(folder.with_name("before the move"))
    assert [path.name for path, _ in list_backups(destination)] == ["before the move"]


def test_listing_a_destination_that_is_gone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(AppError) as caught:
        list(list_backups(tmp_path / "gone"))
    assert caught.value.code is ErrorCode.FOLDER_MISSING
    assert clean_partials(tmp_path / "gone") == ()


def test_what_a_dead_process_left_is_removed_and_told(
    destination: Path, new_backup: Callable[[], Backup]
) -> None:
    backup = new_backup()
    folder = interrupt(destination)
    (interrupted,) = clean_partials(destination)
    assert interrupted.project == "Shop"
    assert interrupted.folder == folder
    assert interrupted.id == folder.name.removesuffix(".partial")
    assert not folder.exists()
    assert dict(list_backups(destination)) == {Path(backup.folder): backup.manifest}
    assert clean_partials(destination) == ()


def test_the_partial_backup_of_a_living_process_stays(destination: Path) -> None:
    partial = PartialBackup.create(destination, "Shop")
    assert clean_partials(destination) == ()
    assert partial.folder.is_dir()


def test_the_partial_backup_of_another_host_stays(destination: Path) -> None:
    folder = interrupt(destination)
    owner = folder / "owner.json"
    content = owner.read_text()
    host = content.split('"host": "')[1].split('"')[0]
    owner.write_text(content.replace(f'"host": "{host}"', '"host": "another"'))
    assert clean_partials(destination) == ()
    assert folder.is_dir()


@pytest.mark.parametrize("content", [None, b"", b"{}", b"[" * 100_000, b"\xff"])
def test_without_a_readable_owner_it_stays_for_a_day(destination: Path, content: bytes | None) -> None:
    folder = interrupt(destination)
    (folder / "owner.json").unlink()
    if content is not None:
        (folder / "owner.json").write_bytes(content)
    assert clean_partials(destination) == ()
    assert folder.is_dir()
    long_ago = time.time() - 25 * 3600
    for path in (*folder.rglob("*"), folder):
        os.utime(path, (long_ago, long_ago))
    assert clean_partials(destination) == ()
    assert not folder.exists()


@pytest.mark.parametrize("name", ["my.partial", "20260301T123015Z-a1b2c3.partial.old", "film.mkv.partial"])
def test_folders_that_only_resemble_ours_are_left_alone(destination: Path, name: str) -> None:
    folder = interrupt(destination).rename(destination / "Shop" / name)
    long_ago = time.time() - 25 * 3600
    os.utime(folder, (long_ago, long_ago))
    assert clean_partials(destination) == ()
    assert tree(folder) == ["database", "database/1.dat", "owner.json"]


def test_a_link_named_like_a_partial_backup_is_left_alone(destination: Path, tmp_path: Path) -> None:
    folder = interrupt(destination)
    moved = folder.rename(tmp_path / "moved")
    folder.symlink_to(moved)
    assert clean_partials(destination) == ()
    assert (moved / "database" / "1.dat").exists()


def test_links_inside_are_not_followed_when_it_is_removed(destination: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").touch()
    folder = interrupt(destination)
    (folder / "link").symlink_to(tmp_path / "precious")
    assert len(clean_partials(destination)) == 1
    assert (tmp_path / "precious" / "file").exists()


WRITER = """
import os, subprocess, sys, time
if sys.argv[1] == "folder":
    os.chdir(os.environ["PARTIAL"])
elif sys.argv[1] == "file":
    file = open(os.environ["PARTIAL"] + "/3.dat", "wb")
descendant = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], cwd="/")
print(descendant.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize(
    "hold", ["command", pytest.param("folder", marks=pytest.mark.slow), "file", "nothing"]
)
def test_recorded_children_are_killed_with_theirs_if_they_still_work_there(
    destination: Path, hold: str
) -> None:
    folder = interrupt(destination)
    argument = f"--file={folder}/database" if hold == "command" else hold
    env = child_environment({"PARTIAL": str(folder)})
    with Child([sys.executable, "-c", WRITER, argument], env=env, stdout=Child.PIPE) as child:
        family = [child.id, process_id(int(child.stdout.readline()))]
        owner = folder / "owner.json"
        content = json.loads(owner.read_text())
        owner.write_text(json.dumps(content | {"children": [asdict(child.id)]}))
        assert len(clean_partials(destination)) == 1
        assert not folder.exists()
        if hold == "nothing":
            assert [runs(one) for one in family] == [True, True], "it may be anybody's"
        else:
            child.wait(10)
            assert not runs(child.id)
            deadline = time.monotonic() + 10
            while runs(family[1]) and time.monotonic() < deadline:
                time.sleep(0.01)
            assert not runs(family[1])


@pytest.mark.skipif(not is_root(), reason="only root can give a file away")
def test_what_another_user_says_about_a_partial_backup_does_not_count(destination: Path) -> None:
    folder = interrupt(destination)
    os.chown(folder / "owner.json", 65_534, 65_534)
    assert clean_partials(destination) == ()
    assert folder.is_dir()


ORPHANED_WORKER = """
import os, sys, time
if not os.fork():
    os.close(2)
    file = open(sys.argv[1], "wb")
    print(os.getpid(), flush=True)
    time.sleep(60)
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no process groups of this kind")
def test_a_worker_that_outlived_its_killed_leader_is_killed(destination: Path) -> None:
    folder = destination / "Shop"
    with Child(
        [sys.executable, "-c", ORPHANED_WORKER, destination / "open"],
        env=child_environment(),
        stdout=Child.PIPE,
    ) as leader:
        worker = process_id(int(leader.stdout.readline()))
        folder = interrupt(destination, process_id(leader.id.pid))
        leader.interrupt(9)
        leader.wait(10)
        assert len(clean_partials(destination)) == 1
        assert runs(worker), "it writes elsewhere: it is not ours to kill"
        folder = interrupt(destination, ProcessId(leader.id.pid, leader.id.started))
        (destination / "open").rename(folder / "open")
        assert len(clean_partials(destination)) == 1
        deadline = time.monotonic() + 10
        while runs(worker) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not runs(worker)
        assert not folder.exists()


def test_delete_removes_the_backup_and_nothing_else(
    new_backup: Callable[[], Backup], destination: Path
) -> None:
    first, second = Path(new_backup().folder), Path(new_backup().folder)
    (first / ".manifest.json.abcd1234").touch()
    deleted = delete_backup(first)
    assert deleted.foreign == ()
    assert not first.exists()
    assert [path for path, _ in list_backups(destination)] == [second]


def test_foreign_files_stay_and_are_told(new_backup: Callable[[], Backup], destination: Path) -> None:
    folder = Path(new_backup().folder)
    (folder / "database" / "notes.txt").write_text("mine")
    deleted = delete_backup(folder)
    assert deleted.foreign == ("database/notes.txt",)
    assert tree(folder) == ["database", "database/notes.txt"]
    assert list(list_backups(destination)) == []


def test_a_backup_with_missing_files_can_be_deleted(new_backup: Callable[[], Backup]) -> None:
    folder = Path(new_backup().folder)
    (folder / "roles.sql").unlink()
    delete_backup(folder)
    assert not folder.exists()


def test_a_backup_with_a_damaged_manifest_is_not_deleted(new_backup: Callable[[], Backup]) -> None:
    folder = Path(new_backup().folder)
    before = tree(folder)
    with (folder / "manifest.json").open("ab") as file:
        file.write(b"\n")
    with pytest.raises(AppError) as caught:
        delete_backup(folder)
    assert caught.value.code is ErrorCode.ARCHIVE_DAMAGED
    assert tree(folder) == before


@pytest.mark.parametrize("part", ["file", "folder", "whole"])
def test_links_are_refused_and_nothing_is_deleted(
    new_backup: Callable[[], Backup], tmp_path: Path, part: str
) -> None:
    folder = Path(new_backup().folder)
    victim = {"file": folder / "roles.sql", "folder": folder / "database", "whole": folder}[part]
    moved = victim.rename(tmp_path / "moved")
    victim.symlink_to(moved)
    before = tree(folder), tree(tmp_path)
    with pytest.raises(AppError) as caught:
        delete_backup(folder)
    assert caught.value.code is ErrorCode.UNSAFE_PATH
    assert (tree(folder), tree(tmp_path)) == before


def test_an_interrupted_deletion_is_not_listed_and_is_finished_at_the_next_start(
    new_backup: Callable[[], Backup], destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(new_backup().folder)

    def stop(path: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(destination_module, "_remove_if_empty", stop)
        with pytest.raises(KeyboardInterrupt):
            delete_backup(folder)
    assert folder.is_dir()
    assert list(list_backups(destination)) == []
    assert clean_partials(destination) == ()
    assert not folder.exists()


def test_an_interrupted_deletion_ends_with_its_foreign_files(
    new_backup: Callable[[], Backup], destination: Path
) -> None:
    folder = Path(new_backup().folder)
    (folder / "mine").touch()
    (folder / "manifest.json").rename(folder / "manifest.deleting.json")
    clean_partials(destination)
    assert tree(folder) == ["mine"]


paths = st.lists(
    st.sampled_from(
        ["..", ".", "", "a", "b", "link", "outside", "secret", "\\", "C:", "\0", "\udce9", "x" * 300]
    )
    | st.text(max_size=5)
).map("/".join)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(listed=st.lists(paths, max_size=6))
def test_delete_never_leaves_the_folder(manifest: Manifest, listed: list[str]) -> None:
    with TemporaryDirectory() as name:
        root = Path(name)
        (root / "outside").mkdir()
        (root / "outside" / "secret").touch()
        (root / "secret").touch()
        folder = root / "backup"
        (folder / "a").mkdir(parents=True)
        (folder / "a" / "b").touch()
        (folder / "b").touch()
        (folder / "link").symlink_to(root / "outside")
        write_manifest(folder, replace(manifest, files=tuple(FileRecord(path, 0, "") for path in listed)))
        before = tree(folder)
        refusal: AppError | None = None
        try:
            delete_backup(folder)
        except AppError as error:
            refusal = error
        if refusal:
            assert refusal.code is ErrorCode.UNSAFE_PATH
            assert tree(folder) == before
        assert (root / "outside" / "secret").exists()
        assert (root / "secret").exists()
        assert (folder / "link").is_symlink()
