"""The log: what stands in it, what never does, and that nothing that goes wrong with it stops anybody."""

from __future__ import annotations

import logging
import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app import __version__
from app.domain.errors import AppError, ErrorCode
from app.system.log import Log, last_lines, log_files, note_failure, without_secrets
from app.system.process import run

if TYPE_CHECKING:
    from tests.conftest import SmallDisk

LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z window \d+ [A-Z]+ [\w.]+: .+")
log = logging.getLogger("app.somewhere")


@contextmanager
def opened(folder: Path, told: list[str] | None = None, *, at_once: bool = True) -> Iterator[Path]:
    made = Log("window", folder, (told if told is not None else []).append, at_once=at_once)
    try:
        yield folder / "window.log"
    finally:
        made.close()


def test_it_begins_and_ends_with_a_line(tmp_path: Path) -> None:
    with opened(tmp_path / "log") as file:
        log.info("Backing up %s", "Shop")
        note_failure(AppError(ErrorCode.DISK_FULL, "The disk is full", detail="row: Ada, 4711"))
    first, second, third, last = file.read_text().splitlines()
    assert f"Holdfast {__version__}, " in first
    assert second.endswith(" INFO app.somewhere: Backing up Shop")
    assert third.endswith("failed: disk-full: The disk is full")
    assert last.endswith("ended")
    assert all(map(LINE.fullmatch, (first, second, third, last)))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no such rights")
def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    with opened(tmp_path / "log") as file:
        pass
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_one_that_tells_nothing_leaves_no_file(tmp_path: Path) -> None:
    with opened(tmp_path, at_once=False) as file:
        assert not file.exists()
    assert not file.exists()
    with opened(tmp_path, at_once=False):
        log.info("something")
    assert [line.rpartition(": ")[2].split(" ")[0] for line in file.read_text().splitlines()][1:] == [
        "something",
        "ended",
    ]


def test_files_rotate_and_old_ones_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.system.log._FILE_BYTES", 1000)
    with opened(tmp_path):
        for _ in range(80):
            log.info("%s", "x" * 100)
    names = {path.name for path in log_files(tmp_path)}
    assert names == {"window.log", "window.log.1", "window.log.2", "window.log.3"}
    assert all(path.stat().st_size <= 1000 for path in log_files(tmp_path))
    if sys.platform != "win32":
        assert {path.stat().st_mode & 0o777 for path in log_files(tmp_path)} == {0o600}


def test_text_of_others_cannot_pass_for_a_record(tmp_path: Path) -> None:
    with opened(tmp_path) as file:
        log.info("a name: %s", "x\n2026-01-01 00:00:00.000Z window 1 INFO app: forged")
    lines = file.read_text().splitlines()
    assert lines[2] == "    2026-01-01 00:00:00.000Z window 1 INFO app: forged"


def test_warnings_of_others_are_kept_and_their_chatter_is_not(tmp_path: Path) -> None:
    with opened(tmp_path) as file:
        logging.getLogger("qt").warning("a plugin is missing")
        logging.getLogger("somebody").info("chatter")
    assert "qt: a plugin is missing" in file.read_text()
    assert "chatter" not in file.read_text()


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://ada:S3CR3T@db.example.org/shop",
        "postgres://ada:S3CR/ET@x@S3CR3T@host",
        "host=x password=S3CR3T dbname=y",
        "password='S3CR3T with blanks'",
        '{"password": "S3CR3T"}',
        "Authorization: Bearer S3CR3T",
        "token: S3CR3T",
        "service_role_key=S3CR3T",
        "postgresql://ada:it's a S3CR3T@host/shop",
        'postgresql://ada:S3CR"S3CR3T @S3CR3T@host/shop',
        f"postgresql://ada:{'x' * 2000}S3CR3T@host/shop",
        "postgres%3A%2F%2Fada%3AS3CR3T%40host",
        r"password='it\'s S3CR3T'",
        r'{"password": "a\"b S3CR3T"}',
        "password='never ends: S3CR3T",
        "{b'password': b'x S3CR3T'}",
        "PGPASSWORD=x,S3CR3T;S3CR3T",
        "ALTER ROLE ada PASSWORD 'it''s S3CR3T'",
        "ALTER ROLE ada PASSWORD E'S3CR3T S3CR3T'",
        "rolpassword SCRAM-SHA-256$4096:S3CR3T$S3CR3T:S3CR3T",
        "X-Api-Key: S3CR3T",
        "authorization: S3CR3T",
        "pwd=S3CR3T pass: S3CR3T access_key=S3CR3T",
        "sbp_S3CR3T0123456789",
        "eyJhbGciOi.S3CR3T.abc",
    ],
)
def test_what_looks_like_a_secret_is_taken_out(text: str, tmp_path: Path) -> None:
    assert "S3CR3T" not in without_secrets(text)
    with opened(tmp_path) as file:
        log.info("%s", text)
        try:
            raise ValueError(text)
        except ValueError:
            log.info("it broke", exc_info=True)
    assert "ValueError" in file.read_text()
    assert "S3CR3T" not in file.read_text()


def test_a_secret_on_which_a_long_record_is_cut_is_taken_out(tmp_path: Path) -> None:
    with opened(tmp_path) as file:
        for length in range(16_000, 16_400, 10):
            log.info("%s postgresql://ada:S3CR3T%s@host/shop", "x" * length, "S3CR3T" * 60)
    assert "postgresql://" in file.read_text()
    assert "S3CR3T" not in file.read_text()


@pytest.mark.parametrize(
    "text",
    [
        "a://",
        "a://a: ",
        "a%3A%2F%2F",
        "eyJ-",
        "password='",
        "password=''",
        'token="',
        "x",
        "password",
        "a.eyJ.a.",
    ],
)
def test_text_that_goes_on_and_on_takes_no_time(text: str, tmp_path: Path) -> None:
    begun = time.perf_counter()
    with opened(tmp_path) as file:
        log.info("%s", text * 300_000)
    assert time.perf_counter() - begun < 2
    assert file.stat().st_size < 50_000


@pytest.mark.parametrize(
    "text",
    [
        "The password was refused by https://api.example.org/v1",
        "http://127.0.0.1:8080/latest was asked; write to ada@example.org",
        "max_passes and tokens: 3 of 5",
    ],
)
def test_words_that_are_none_stay(text: str) -> None:
    assert without_secrets(text) == text


def test_a_full_disk_is_told_once_and_stops_nobody(small_disk: SmallDisk) -> None:
    told: list[str] = []
    with opened(small_disk.folder, told):
        with (
            (small_disk.folder / "filler").open("wb", buffering=0) as filler,
            suppress(OSError),
        ):
            while True:
                filler.write(bytes(4096))
        for _ in range(100):
            log.info("%s", "x" * 100)
    assert told == [os.strerror(28)]


def test_a_folder_that_cannot_be_made_is_told_once_and_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    told: list[str] = []
    with opened(tmp_path / "file" / "log", told):
        log.info("one")
        log.info("two")
    assert len(told) == 1


def test_it_goes_on_when_there_is_room_again(tmp_path: Path) -> None:
    folder, told = tmp_path / "log", list[str]()
    folder.touch()
    with opened(folder, told):
        log.info("lost")
        folder.unlink()
        log.info("kept")
    assert len(told) == 1
    assert "kept" in (folder / "window.log").read_text()


def test_the_last_lines_of_all_logs_come_in_the_order_of_time(tmp_path: Path) -> None:
    def line(second: int, text: str) -> str:
        return f"2026-11-23 10:00:{second:02}.000Z window 1 INFO app: {text}\n"

    (tmp_path / "window.log").write_text(line(1, "a") + line(4, "d") + "    traceback\n" + line(5, "e"))
    (tmp_path / "run-due.log").write_text(line(2, "b"))
    (tmp_path / "run-due.log.1").write_text("half a line\n" + line(0, "z"))
    (tmp_path / "notes.txt").write_text(line(3, "foreign"))
    found = [text.rpartition(": ")[2].strip() for text in last_lines(tmp_path, 5)]
    assert found == ["a", "b", "d", "traceback", "e"]
    assert last_lines(tmp_path / "nowhere", 5) == ()


_CHATTY = """
import logging, sys
from pathlib import Path
from app.system.log import IS_SHOWN, Log
log = Log("x", Path(sys.argv[1]), print)
logging.getLogger("app.x").info("quiet \\udcff")
logging.getLogger("app.x").warning("loud")
logging.getLogger("app.x").error("known", extra={IS_SHOWN: True})
log.close()
"""


def test_warnings_stay_on_standard_error(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = run([sys.executable, "-c", _CHATTY, tmp_path], env=environment, timeout=30)
    assert done.errors == "loud"
    assert "known" in (tmp_path / "x.log").read_text()
    assert "quiet \\udcff" in (tmp_path / "x.log").read_text()  # what is no text is kept as its code
