from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.backup import Backup, FileRecord
from app.domain.errors import AppError, Cancelled, ErrorCode
from app.persistence.checksums import checksum_lines, in_threads, verify_files
from app.persistence.manifest import read_manifest
from app.system.cancellation import CancelToken
from app.system.files import sha256_of
from app.system.process import Finished, child_environment, run

SHA256SUM = shutil.which("sha256sum")
needs_sha256sum = pytest.mark.skipif(SHA256SUM is None, reason="sha256sum is not installed")


def sha256sum(folder: Path) -> Finished:
    return run(
        [str(SHA256SUM), "--check", "--strict", "SHA256SUMS"],
        env=child_environment(),
        cwd=folder,
        timeout=20,
    )


def verify(folder: Path) -> tuple[str, ...]:
    return verify_files(folder, read_manifest(folder), lambda _: None, CancelToken()).extra


@needs_sha256sum
def test_sha256sum_accepts_what_is_published(new_backup: Callable[[], Backup]) -> None:
    done = sha256sum(Path(new_backup().folder))
    assert done.status == 0, done.errors
    assert done.output.count(": OK") == 5


@needs_sha256sum
def test_sha256sum_accepts_odd_names(tmp_path: Path) -> None:
    names = ["plain", "back\\slash", "new\nline", "return\r", "\\n", " two  spaces ", "naïve 😀", "caf\udce9"]
    for name in names:
        (tmp_path / name).write_text(ascii(name))
    files = [FileRecord(name, (tmp_path / name).stat().st_size, sha256_of(tmp_path / name)) for name in names]
    (tmp_path / "SHA256SUMS").write_bytes(checksum_lines(files))
    done = sha256sum(tmp_path)
    assert done.status == 0, done.output + done.errors
    assert done.output.count(": OK") == len(names)


@given(st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1)))
def test_each_file_has_one_line(names: list[str]) -> None:
    lines = checksum_lines([FileRecord(name, 0, "0" * 64) for name in names]).split(b"\n")
    assert len(lines) == len(names) + 1


def test_a_whole_backup_passes_and_progress_ends_at_its_size(new_backup: Callable[[], Backup]) -> None:
    backup = new_backup()
    seen: list[int] = []
    verified = verify_files(Path(backup.folder), backup.manifest, seen.append, CancelToken())
    assert verified.bytes == backup.manifest.bytes == seen[-1]
    assert seen == sorted(seen)
    assert (verified.files, verified.extra) == (6, ())


def test_one_flipped_bit_in_each_file_is_found_and_the_file_named(new_backup: Callable[[], Backup]) -> None:
    folder = Path(new_backup().folder)
    victims = [path for path in folder.rglob("*") if path.is_file() and path.stat().st_size]
    assert len(victims) == 6
    for path in victims:
        content = path.read_bytes()
        for position in (0, len(content) // 2, len(content) - 1):
            path.write_bytes(content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :])
            with pytest.raises(AppError) as caught:
                verify(folder)
            assert caught.value.code is ErrorCode.ARCHIVE_DAMAGED
            assert path.relative_to(folder).as_posix() in str(caught.value)
        path.write_bytes(content)
    assert verify(folder) == ()


def test_all_problems_are_named_together(new_backup: Callable[[], Backup]) -> None:
    folder = Path(new_backup().folder)
    (folder / "roles.sql").unlink()
    with (folder / "database" / "toc.dat").open("rb+") as file:
        file.truncate(100)
    (folder / "database" / "3001.dat.zst").write_bytes(bytes(40_000))
    (folder / "database" / "empty.dat").unlink()
    (folder / "database" / "empty.dat").mkdir()
    with pytest.raises(AppError) as caught:
        verify(folder)
    assert caught.value.title == "4 files are damaged"
    for problem in (
        "roles.sql is missing",
        "toc.dat has 100 bytes instead of 505",
        "3001.dat.zst was changed",
        "empty.dat is missing",
    ):
        assert problem in caught.value.detail


def test_extra_files_are_told_and_are_no_failure(new_backup: Callable[[], Backup]) -> None:
    folder = Path(new_backup().folder)
    (folder / "database" / "notes.txt").write_text("mine")
    assert verify(folder) == ("database/notes.txt",)


@pytest.mark.parametrize("path", ["../outside", "/etc/hostname", "database/../../x", "", ".", "x" * 5_000])
def test_a_path_that_leaves_the_folder_is_refused(new_backup: Callable[[], Backup], path: str) -> None:
    backup = new_backup()
    hostile = replace(backup.manifest, files=(FileRecord(path, 0, ""),))
    with pytest.raises(AppError) as caught:
        verify_files(Path(backup.folder), hostile, lambda _: None, CancelToken())
    assert caught.value.code is ErrorCode.UNSAFE_PATH


def test_a_link_in_the_place_of_a_file_is_refused(new_backup: Callable[[], Backup], tmp_path: Path) -> None:
    folder = Path(new_backup().folder)
    (folder / "database").rename(tmp_path / "elsewhere")
    (folder / "database").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(AppError) as caught:
        verify(folder)
    assert caught.value.code is ErrorCode.UNSAFE_PATH


def test_cancel_ends_it(new_backup: Callable[[], Backup]) -> None:
    backup = new_backup()
    cancel = CancelToken()
    with pytest.raises(Cancelled):
        verify_files(Path(backup.folder), backup.manifest, lambda _: cancel.cancel(), cancel)


def test_threads_stop_at_the_first_error() -> None:
    seen: list[int] = []

    def work(number: int) -> None:
        seen.append(number)
        if number == 3:
            raise ValueError(number)

    with pytest.raises(ValueError, match="3"):
        in_threads(work, range(1_000_000), 2)
    assert len(seen) < 1_000_000
