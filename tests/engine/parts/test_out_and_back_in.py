"""A whole project: database, storage files and functions, out and into a fresh one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from app.domain.backup import STORAGE_FILES, BackupOptions
from app.domain.project import Secret
from app.domain.restore import RestoreOptions, RestoreResult
from app.engine.backup import back_up
from app.engine.parts.restoring import Target, restore_part
from app.engine.preflight import BackupRequest
from app.engine.restore.job import RestoreTarget, open_job
from app.postgres.toolchain import Installation
from app.supabase.access import SupabaseAccess
from app.system.cancellation import CancelToken
from tests.supabase.conftest import new_stand_in  # noqa: F401 - a fixture
from tests.supabase.management import REF, Project
from tests.supabase.stand_in import NewStandIn
from tests.supabase.stand_in_text import differences
from tests.supabase.storage_stand_in import KEY, running_storage

ROWS = "SELECT to_jsonb(o) FROM storage.objects o ORDER BY bucket_id, name"


def test_a_whole_project_with_its_files_comes_back_equal(
    new_stand_in: NewStandIn,  # noqa: F811
    installations: Sequence[Installation],
    tmp_path: Path,
) -> None:
    source, target = new_stand_in(with_user_objects=True), new_stand_in()
    api, new_api = Project(bodies={"hello": b"code"}), Project()
    with running_storage() as files, running_storage() as new_files:
        for bucket, name in source.as_admin("SELECT bucket_id, name FROM storage.objects"):
            files.put(f"{bucket}/{name}", f"content of {name}".encode())
            size = len(files.blobs[f"{bucket}/{name}"].content)
            source.as_admin(
                "SET session_replication_role = replica; UPDATE storage.objects SET metadata = "
                f"jsonb_build_object('size', {size}) WHERE name = $_${name}$_$"
            )
        access = SupabaseAccess(REF, files.url, Secret(KEY), api)
        request = BackupRequest("Shop", source.connection, BackupOptions(), tmp_path, supabase=access)
        backup = back_up(request, installations, CancelToken(), lambda _: None)
        assert {left.part for left in backup.manifest.left_out} <= {"vault secrets", "configuration"}

        into = RestoreTarget(target.connection)
        with open_job([Path(backup.folder)], into, RestoreOptions(), installations) as job:
            assert not job.plan(CancelToken(), lambda _: None).blocking
            report = job.run(CancelToken(), lambda _: None)
        assert (report.result, report.failures) == (RestoreResult.SUCCEEDED, ())

        assert differences(source, target) == []

        new_files.on_upload = lambda label: target.as_admin(
            "UPDATE storage.objects SET owner_id = 'server', last_accessed_at = now() "
            f"WHERE name = $_${label.partition('/')[2]}$_$"
        )
        project = Target(SupabaseAccess(REF, new_files.url, Secret(KEY), new_api), target.connection)
        for part in (STORAGE_FILES, "functions"):
            assert restore_part(part, backup, project, CancelToken(), lambda _: None).left_out == ()
        assert {label: blob.content for label, blob in new_files.blobs.items()} == {
            label: blob.content for label, blob in files.blobs.items()
        }
        assert new_api.deployed["hello"][1] == b"code"
        assert target.as_admin(ROWS) == source.as_admin(ROWS)
