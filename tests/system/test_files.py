"""Files are replaced whole or not at all, paths from outside stay inside, failures have names."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import AppError, ErrorCode
from app.system.files import (
    files_under,
    folder_error,
    free_bytes,
    path_inside,
    sha256_of,
    sync_file,
    sync_folder,
    write_atomically,
)
from app.system.paths import is_root
from app.system.process import run

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="POSIX links and modes")


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 kB."""
    mount, umount = shutil.which("mount"), shutil.which("umount")
    folder = tmp_path / "tiny"
    folder.mkdir()
    if not is_root() or mount is None or umount is None:
        pytest.skip("only root can mount a tiny disk")
    if run([mount, "-t", "tmpfs", "-o", "size=64k", "none", folder], env={}, timeout=10).status != 0:
        pytest.skip("mounting is not allowed here")
    yield folder
    run([umount, folder], env={}, timeout=10)


def test_a_file_is_made_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    for content in (b"old", b"new and longer", b""):
        write_atomically(path, content)
        assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


@posix_only
def test_only_the_owner_may_read_it_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_atomically(tmp_path / "secret", b"")
        write_atomically(tmp_path / "open", b"", mode=0o644)
    finally:
        os.umask(before)
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "open").stat().st_mode & 0o777 == 0o644


def test_on_a_full_disk_the_old_file_stays_and_nothing_else(tiny_disk: Path) -> None:
    path = tiny_disk / "manifest.json"
    write_atomically(path, b"old")
    with pytest.raises(AppError) as caught:
        write_atomically(path, bytes(200_000))
    assert caught.value.code is ErrorCode.DISK_FULL
    assert path.read_bytes() == b"old"
    assert list(tiny_disk.iterdir()) == [path]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(AppError) as caught:
        write_atomically(tmp_path / "gone" / "file", b"")
    assert caught.value.code is ErrorCode.FOLDER_MISSING
    assert "gone" in caught.value.detail


def test_a_folder_that_cannot_be_written_to_is_named(tiny_disk: Path) -> None:
    mount = shutil.which("mount")
    assert mount
    assert run([mount, "-o", "remount,ro", tiny_disk], env={}, timeout=10).status == 0
    with pytest.raises(AppError) as caught:
        write_atomically(tiny_disk / "file", b"")
    assert caught.value.code is ErrorCode.FOLDER_READ_ONLY


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, ErrorCode.DISK_FULL),
        (errno.EDQUOT, ErrorCode.DISK_FULL),
        (errno.EACCES, ErrorCode.FOLDER_READ_ONLY),
        (errno.EROFS, ErrorCode.FOLDER_READ_ONLY),
        (errno.ENOENT, ErrorCode.FOLDER_MISSING),
        (errno.EIO, ErrorCode.FOLDER_MISSING),
    ],
)
def test_each_failure_of_the_system_has_its_name(tmp_path: Path, number: int, code: ErrorCode) -> None:
    error = folder_error(OSError(number, os.strerror(number)), tmp_path)
    assert error.code is code
    assert str(tmp_path) in error.detail
    assert error.hint


def test_the_tree_is_listed_sorted_and_links_are_not_followed(tmp_path: Path) -> None:
    for name in ("b/2", "b/1", "a", "c/d/e"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "loop").symlink_to(tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in files_under(tmp_path)] == [
        "a",
        "b/1",
        "b/2",
        "c/d/e",
        "loop",
    ]


def test_hashes_are_of_all_bytes(tmp_path: Path) -> None:
    content = bytes(range(256)) * 20_000
    (tmp_path / "file").write_bytes(content)
    assert sha256_of(tmp_path / "file") == hashlib.sha256(content).hexdigest()


def test_syncing_files_and_folders_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    sync_file(tmp_path / "file")
    sync_folder(tmp_path)
    assert (tmp_path / "file").read_bytes() == b"content"


@posix_only
def test_shares_that_cannot_sync_a_folder_are_no_failure_but_broken_disks_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = iter([errno.EINVAL, errno.EBADF, errno.EIO])

    def refuse(descriptor: int) -> None:
        raise OSError(next(numbers), "no")  # no share of this kind can be mounted here

    monkeypatch.setattr(os, "fsync", refuse)
    sync_folder(tmp_path)
    sync_folder(tmp_path)
    with pytest.raises(OSError, match="no"):
        sync_folder(tmp_path)


def test_free_space_is_told_for_folders_that_do_not_exist_yet(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "not" / "yet") > 0


@pytest.mark.parametrize("path", ["manifest.json", "database/toc.dat", "a/b/c.d", "…/ü", "a b", "..hidden"])
def test_paths_inside_are_joined(tmp_path: Path, path: str) -> None:
    assert path_inside(tmp_path, path) == tmp_path / path


@pytest.mark.parametrize(
    "path",
    ["", "/etc/passwd", "..", "../x", "a/../../x", "a/..", "\\\\server\\share", "a\\..\\b", "a\0b", "//x"],
)
def test_paths_that_could_lead_outside_are_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(AppError) as caught:
        path_inside(tmp_path, path)
    assert caught.value.code is ErrorCode.UNSAFE_PATH


@posix_only
def test_links_are_refused_wherever_they_stand(tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    (folder / "inner").mkdir(parents=True)
    (tmp_path / "outside").touch()
    (folder / "file").symlink_to(tmp_path / "outside")
    (folder / "linked").symlink_to(tmp_path)
    (folder / "inner" / "dangling").symlink_to("nowhere")
    for path in ("file", "linked/outside", "inner/dangling"):
        with pytest.raises(AppError):
            path_inside(folder, path)


_names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
_hostile = st.sampled_from(["", ".", "..", "...", "/", "\\", "\0", "~", "a", "C:", " "])


@given(st.lists(_names | _hostile, max_size=6).map("/".join))
def test_no_path_from_outside_ever_leaves_the_folder(relative: str) -> None:
    folder = Path("/nonexistent/backup")
    try:
        path = path_inside(folder, relative)
    except AppError:
        return
    resolved = PurePosixPath(os.path.normpath(path))
    assert resolved != PurePosixPath(folder)
    assert resolved.is_relative_to(folder)
