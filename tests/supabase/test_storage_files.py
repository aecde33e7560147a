"""Storage files come whole, whatever the line does, and what cannot be had is named."""

from __future__ import annotations

import hashlib
import logging
import os
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from app.domain.errors import AppError, Cancelled, ErrorCode
from app.domain.events import Event, Notice, Progress
from app.domain.project import Secret
from app.supabase.storage_client import StorageClient
from app.supabase.storage_copy import THREADS, Copied, Listed
from app.supabase.storage_files import download, upload
from app.supabase.storage_listing import LISTING, StorageObject, encode_line, read_listing
from app.system.cancellation import CancelToken
from tests.supabase.storage_stand_in import KEY, Blob, StorageStandIn, running_storage


@pytest.fixture
def storage() -> Iterator[StorageStandIn]:
    with running_storage() as stand_in:
        yield stand_in


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between tries are a hundred times shorter; those that the server asks for are not."""
    from app.supabase import web

    real = web.pause_before
    monkeypatch.setattr(
        "app.supabase.storage_client.pause_before",
        lambda attempt, answer=None: (
            real(attempt, answer) / (1 if answer is not None and "retry-after" in answer.headers else 100)
        ),
    )


def rows_of(storage: StorageStandIn) -> list[StorageObject]:
    """What the database's rows say of the objects that are there."""
    rows = []
    for label, blob in storage.blobs.items():
        bucket, _, name = label.partition("/")
        rows.append(StorageObject(bucket, name, f"v-{blob.etag}", blob.size, blob.etag))
    return rows


def listed(folder: Path, rows: Iterable[StorageObject]) -> Listed:
    path = folder / "listing"
    ordered = sorted(rows, key=lambda row: row.key)
    path.write_bytes(b"".join(map(encode_line, ordered)))
    return Listed(path, len(ordered), sum(row.size or 0 for row in ordered))


class Run:
    """A copy into a folder of its own."""

    def __init__(self, storage: StorageStandIn, tmp_path: Path) -> None:
        self.storage = storage
        self.base = tmp_path
        self.events: list[Event] = []
        self.cancel = CancelToken()
        self.key = KEY
        self.number = 0

    def client(self) -> StorageClient:
        return StorageClient(
            self.storage.url, Secret(self.key), self.cancel, self.events.append, connections=THREADS
        )

    def download(
        self, rows: list[StorageObject] | None = None, earlier: Path | None = None
    ) -> tuple[Path, Copied]:
        self.number += 1
        folder = self.base / f"backup-{self.number}"
        (folder / "storage").mkdir(parents=True)
        client = self.client()
        try:
            wanted = listed(folder, rows_of(self.storage) if rows is None else rows)
            return folder, download(folder, wanted, earlier, client, self.events.append)
        finally:
            client.close()

    def upload(self, folder: Path) -> Copied:
        client = self.client()
        try:
            return upload(folder, client, self.events.append)
        finally:
            client.close()


@pytest.fixture
def run(storage: StorageStandIn, tmp_path: Path) -> Run:
    return Run(storage, tmp_path)


def contents(folder: Path) -> dict[str, bytes]:
    """What a backup holds, by bucket and name; each hash and size of the listing is checked."""
    found = {}
    for item in read_listing(folder / LISTING):
        if item.path:
            content = (folder / item.path).read_bytes()
            assert len(content) == item.file_bytes
            assert hashlib.sha256(content).hexdigest() == item.sha256
            found[item.label] = content
    return found


def test_hundreds_of_objects_come_whole_and_eight_at_a_time(storage: StorageStandIn, run: Run) -> None:
    for number in range(400):
        storage.put(f"photos/{number % 7}/{number}.txt", f"content {number}".encode() * (number % 50))
    storage.put("photos/large", os.urandom(3 << 20))
    folder, copied = run.download()
    assert contents(folder) == {label: blob.content for label, blob in storage.blobs.items()}
    assert (copied.objects, copied.downloaded, copied.left_out, copied.warnings) == (401, 401, (), ())
    assert copied.bytes == sum(blob.size for blob in storage.blobs.values())
    assert {record.path for record in copied.files} == {item.path for item in read_listing(folder / LISTING)}
    assert storage.most_open <= THREADS
    fractions = [event.fraction for event in run.events if isinstance(event, Progress)]
    assert all(fraction is not None and 0 <= fraction < 1 for fraction in fractions)


def test_a_second_run_asks_only_for_what_changed(storage: StorageStandIn, run: Run) -> None:
    for number in range(50):
        storage.put(f"a/{number}", f"{number}".encode())
    first, _ = run.download()
    storage.put("a/7", b"seven, rewritten")
    storage.put("a/new", b"new")
    del storage.blobs["a/9"]
    storage.asked.clear()
    second, copied = run.download(earlier=first)
    assert set(storage.asked) == {"a/7", "a/new"}
    assert (copied.objects, copied.downloaded) == (50, 2)
    assert contents(second) == {label: blob.content for label, blob in storage.blobs.items()}
    same = {item.label: item.path for item in read_listing(second / LISTING)}["a/1"]
    assert (first / same).stat().st_ino == (second / same).stat().st_ino


def test_removing_the_earlier_backup_leaves_the_later_one_whole(storage: StorageStandIn, run: Run) -> None:
    import shutil

    storage.put("a/x", b"kept")
    first, _ = run.download()
    second, _ = run.download(earlier=first)
    shutil.rmtree(first)
    assert contents(second) == {"a/x": b"kept"}


def test_without_hard_links_files_are_copied(
    storage: StorageStandIn, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*paths: Path) -> None:
        raise PermissionError(1, "no links here")

    storage.put("a/x", os.urandom(3 << 20))
    first, _ = run.download()
    monkeypatch.setattr(os, "link", refuse)
    second, copied = run.download(earlier=first)
    assert copied.downloaded == 0
    assert contents(second) == contents(first)


def test_a_file_that_was_damaged_since_is_read_anew(storage: StorageStandIn, run: Run) -> None:
    storage.put("a/x", b"as it was")
    storage.put("a/gone", b"its file goes")
    first, _ = run.download()
    paths = {item.label: item.path for item in read_listing(first / LISTING)}
    (first / paths["a/x"]).write_bytes(b"as it Was")
    (first / paths["a/gone"]).unlink()
    second, copied = run.download(earlier=first)
    assert copied.downloaded == 2
    assert contents(second) == {"a/x": b"as it was", "a/gone": b"its file goes"}
    assert "a/x" in copied.warnings[0]
    assert (first / paths["a/x"]).read_bytes() == b"as it Was"


def test_a_damaged_listing_of_the_last_backup_only_costs_time(storage: StorageStandIn, run: Run) -> None:
    storage.put("a/x", b"1")
    storage.put("a/y", b"2")
    first, _ = run.download()
    (first / LISTING).write_bytes((first / LISTING).read_bytes()[:-20])
    second, copied = run.download(earlier=first)
    assert copied.downloaded == 1
    assert contents(second) == {"a/x": b"1", "a/y": b"2"}


ODD_NAMES = (
    "..",
    "a/../b",
    "./x",
    "trailing.",
    "trailing ",
    ".hidden",
    "CON",
    "Case.txt",
    "case.TXT",
    "a//b",
    "/leading",
    "slash/at/end/",
    "n" * 255,
    "long/" + "d" * 200 + "/" + "e" * 200,
    "ünï/¿日本?.txt",
    "per%20cent%2F",
    "q?uestion#hash",
    "new\nline",
    "back\\slash",
    'quo"te',
    "🙂",
)


def test_names_that_no_file_system_takes_come_and_go_back(storage: StorageStandIn, run: Run) -> None:
    for number, name in enumerate(ODD_NAMES):
        storage.put(f"odd bucket/{name}", f"{number}".encode())
    folder, copied = run.download()
    assert copied.left_out == ()
    assert contents(folder) == {label: blob.content for label, blob in storage.blobs.items()}
    assert all(path.is_relative_to(folder) for path in folder.rglob("*"))
    assert {len(path.name) for path in (folder / "storage/files").glob("*/*")} == {62}
    before, storage.blobs = storage.blobs, {}
    given = run.upload(folder)
    refused = {"odd bucket/" + name for name in ("..", "a/../b", "./x", "ünï/¿日本?.txt", "🙂")}
    assert {left.what for left in given.left_out} == refused
    assert {label: blob.content for label, blob in storage.blobs.items()} == {
        label: blob.content for label, blob in before.items() if label not in refused
    }


def test_an_object_of_no_bytes_is_an_object(storage: StorageStandIn, run: Run) -> None:
    storage.put("a/empty")
    folder, copied = run.download()
    assert contents(folder) == {"a/empty": b""}
    assert copied.objects == 1


@pytest.mark.parametrize("ranges", [True, False], ids=["with ranges", "from the start"])
def test_a_line_that_breaks_is_taken_up_again(storage: StorageStandIn, run: Run, ranges: bool) -> None:
    blob = storage.put("a/x", os.urandom(2 << 20))
    storage.faults.drops["a/x"] = [300_000, 0, 900_000]
    storage.faults.ranges = ranges
    folder, copied = run.download()
    assert contents(folder) == {"a/x": blob.content}
    assert copied.left_out == ()
    assert bool(storage.ranges) == ranges


def test_an_object_that_changes_between_two_pieces_is_not_pieced_together(
    storage: StorageStandIn, run: Run
) -> None:
    rows_before: list[Blob] = []

    def swap(event: Event) -> None:
        if isinstance(event, Progress) and not rows_before:
            rows_before.append(storage.blobs["a/x"])
            storage.put("a/x", b"new" * 100_000)

    storage.put("a/x", os.urandom(1 << 20))
    rows = rows_of(storage)
    storage.faults.drops["a/x"] = [600_000]
    run.events = _Hearing(swap)
    folder, copied = run.download(rows)
    assert contents(folder) == {"a/x": b"new" * 100_000}
    assert "a/x" in copied.warnings[0]
    assert "replaced" in copied.warnings[0]


class _Hearing(list[Event]):
    def __init__(self, hear: Callable[[Event], None]) -> None:
        super().__init__()
        self._hear = hear

    def append(self, event: Event) -> None:
        super().append(event)
        self._hear(event)


def test_a_server_that_always_breaks_off_ends_the_part_and_names_the_rest(
    storage: StorageStandIn, run: Run
) -> None:
    for number in range(60):
        storage.put(f"a/{number:02}", b"x" * 1000)
        if number >= 5:
            storage.faults.drops[f"a/{number:02}"] = [0] * 1000
    folder, copied = run.download()
    assert copied.objects == len(contents(folder)) >= 5
    assert copied.objects + sum(bool(item.left_out) for item in read_listing(folder / LISTING)) == 60
    (rest,) = [left for left in copied.left_out if "of 60 objects" in left.what]
    assert "broke off" in rest.reason
    assert sum(storage.asked.values()) < 60 * 6


@pytest.mark.parametrize(
    ("status", "words"),
    [(404, "deleted"), (500, "row"), (403, "refuses"), (418, "418"), (302, "302"), (503, "503")],
)
def test_an_answer_that_is_no_object_is_named_with_its_reason(
    storage: StorageStandIn, run: Run, status: int, words: str
) -> None:
    storage.put("a/good", b"good")
    storage.put("a/bad", b"bad")
    storage.faults.answers["a/bad"] = [status] * 10
    folder, copied = run.download()
    if status != 403:
        assert contents(folder) == {"a/good": b"good"}
        assert [left.what for left in copied.left_out] == ["a/bad"]
    assert words in copied.left_out[-1].reason
    assert copied.left_out[-1].part == "storage files"


def test_an_object_deleted_after_the_listing_is_left_out(storage: StorageStandIn, run: Run) -> None:
    storage.put("a/x", b"1")
    storage.put("a/y", b"2")
    rows = rows_of(storage)
    del storage.blobs["a/y"]
    folder, copied = run.download(rows)
    assert contents(folder) == {"a/x": b"1"}
    assert [(left.what, "deleted" in left.reason) for left in copied.left_out] == [("a/y", True)]
    (line,) = [item for item in read_listing(folder / LISTING) if item.left_out]
    assert line.name == "y"


def test_a_failure_that_passes_costs_nothing(storage: StorageStandIn, run: Run) -> None:
    for number, status in enumerate((500, 502, 503, 504)):
        storage.put(f"a/{number}", b"x")
        storage.faults.answers[f"a/{number}"] = [status, status]
    _, copied = run.download()
    assert (copied.objects, copied.left_out) == (4, ())


def test_a_server_that_asks_for_a_pause_gets_it_and_it_is_told_once(
    storage: StorageStandIn, run: Run
) -> None:
    storage.faults.retry_after = "1"
    for number in range(3):
        storage.put(f"a/{number}", b"x")
        storage.faults.answers[f"a/{number}"] = [429]
    began = time.monotonic()
    _, copied = run.download()
    assert time.monotonic() - began >= 1
    assert (copied.objects, copied.left_out) == (3, ())
    assert sum("429" in event.text for event in run.events if isinstance(event, Notice)) == 1


def test_a_refused_key_leaves_the_rest_out_loudly_and_asks_no_more(
    storage: StorageStandIn, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for number in range(300):
        storage.put(f"a/{number}", b"x")
    run.key = "another-key-that-nobody-may-see"
    folder, copied = run.download()
    (left,) = copied.left_out
    assert left.what == "300 of 300 objects"
    assert "refuses the service key" in left.reason
    assert sum(storage.asked.values()) <= 2 * THREADS
    assert contents(folder) == {}
    said = caplog.text + repr(copied) + repr(run.events) + (folder / LISTING).read_text()
    assert run.key not in said


def test_nobody_answers(storage: StorageStandIn, run: Run) -> None:
    storage.put("a/x", b"x")
    rows = rows_of(storage)
    storage.url = "http://127.0.0.1:9/storage/v1"
    _, copied = run.download(rows * 1)
    assert copied.objects == 0
    assert "Nothing answers" in copied.left_out[0].reason


@pytest.mark.parametrize("how", ["hangs", "slow"])
def test_cancelling_takes_less_than_a_second(storage: StorageStandIn, run: Run, how: str) -> None:
    for number in range(20):
        storage.put(f"a/{number}", length=50 << 20)
    if how == "hangs":
        storage.faults.hangs = set(storage.blobs)
    storage.faults.slow = 0.05
    asked = threading.Event()
    times: list[float] = []

    def stop() -> None:
        while not storage.asked:
            time.sleep(0.01)
        asked.set()
        times.append(time.monotonic())
        run.cancel.cancel()

    thread = threading.Thread(target=stop)
    thread.start()
    with pytest.raises(Cancelled):
        run.download()
    took = time.monotonic() - times[0]
    thread.join()
    assert took < 3  # 0.1 s on a machine that has nothing else to do


def test_a_disk_that_is_too_small_is_told_before_anything_is_read(
    storage: StorageStandIn, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage.put("a/x", length=5 << 30)
    monkeypatch.setattr("app.supabase.storage_files.free_bytes", lambda folder: 1 << 30)
    with pytest.raises(AppError) as caught:
        run.download()
    assert caught.value.code is ErrorCode.DISK_FULL
    assert not storage.asked


def test_uploading_sets_what_a_row_says_and_takes_up_a_broken_line(storage: StorageStandIn, run: Run) -> None:
    storage.put("a/x.png", b"picture" * 1000)
    storage.put("a/y", b"text")
    rows = [
        StorageObject(row.bucket, row.name, row.version, row.size, row.etag, "image/png", "max-age=3600")
        for row in rows_of(storage)
    ]
    folder, _ = run.download(rows)
    storage.blobs.clear()
    storage.faults.drops["a/x.png"] = [100, 0]
    given = run.upload(folder)
    assert (given.objects, given.left_out) == (2, ())
    blob = storage.blobs["a/x.png"]
    assert (blob.content, blob.content_type, blob.cache_control) == (
        b"picture" * 1000,
        "image/png",
        "max-age=3600",
    )


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_ten_thousand_objects(storage: StorageStandIn, run: Run) -> None:
    for number in range(10_000):
        storage.put(f"many/{number % 100}/{number}", f"{number}".encode() * 100)
    folder, copied = run.download()
    assert (copied.objects, copied.left_out) == (10_000, ())
    storage.asked.clear()
    _second, copied = run.download(earlier=folder)
    assert (copied.objects, copied.downloaded, sum(storage.asked.values())) == (10_000, 0, 0)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_objects_of_a_gigabyte_take_no_memory(storage: StorageStandIn, run: Run) -> None:
    for number in range(3):
        storage.put(f"big/{number}", length=1 << 30)
    tracemalloc.start()
    try:
        _folder, copied = run.download()
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (copied.objects, copied.bytes) == (3, 3 << 30)
    assert most < 60 << 20
