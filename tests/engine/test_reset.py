"""A reset: what goes, what stays whatever happens, and what is named when it cannot go."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import keyring
import pytest
from filelock import FileLock

from app.domain.backup import BackupOptions
from app.domain.errors import AppError, ErrorCode
from app.domain.project import Project, Secret
from app.domain.proof import ProofLevel
from app.domain.schedule import Schedule
from app.engine.preflight import BackupRequest
from app.engine.reset import carry_out, plan_reset, refuse_while_running, window_file
from app.engine.supabase_access import SERVICE, key_account
from app.persistence import secrets
from app.persistence.manifest import MANIFEST_NAME
from app.persistence.secrets import KeyringState
from app.persistence.settings import change_settings, load_settings, settings_path
from app.postgres.sandbox import SandboxServer, default_root
from app.services import build_services
from app.system import autostart, paths
from app.system.cancellation import CancelToken
from app.system.files import files_under, sha256_of
from app.system.log import Log
from app.system.running import claim
from tests.memory_keyring import MemoryKeyring

if TYPE_CHECKING:
    from tests.conftest import NewDatabase

NOW = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Other tests' sandboxes are no business of these."""
    with tempfile.TemporaryDirectory(dir=os.environ["XDG_CACHE_HOME"]) as folder:
        Path(folder).chmod(0o711)  # as root, the sandbox's own user must get through
        monkeypatch.setenv("XDG_CACHE_HOME", folder)
        yield


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> MemoryKeyring:
    made = MemoryKeyring()
    monkeypatch.setattr(keyring, "get_keyring", lambda: made)
    monkeypatch.setattr(secrets, "probe", lambda: KeyringState("memory", usable=True))
    return made


def use_holdfast(destination: Path) -> None:
    """Leave what its use leaves, without a backup."""
    project = Project("Shop", "host=127.0.0.1", NOW)
    schedule = Schedule("s1", "Shop", "0 3 * * *", "UTC", NOW)
    change_settings(
        settings_path(),
        lambda old: replace(old, projects=(project,), schedules=(schedule,), destination=str(destination)),
    )
    build_services().catalog.close()
    autostart.set_start_at_login(True)
    log = Log("window", paths.log_folder(), print)
    log.close()
    (paths.log_folder() / "operations").mkdir()
    (paths.log_folder() / "operations" / "x backup Shop.log").touch()
    window_file().write_text("[window]")
    claim("window").close()
    (default_root() / "sandboxes").mkdir(parents=True)
    assert default_root().is_relative_to(os.environ["XDG_CACHE_HOME"])


def hashes(folder: Path) -> dict[str, str]:
    return {str(path): sha256_of(path) for path in files_under(folder)}


def test_real_backups_stay_to_the_last_byte_wherever_they_are(
    memory: MemoryKeyring, server17: SandboxServer, new_shop: NewDatabase, tmp_path: Path, home: Path
) -> None:
    """One in the chosen folder, one in a folder that was chosen before, below Holdfast's own."""
    chosen, inside = tmp_path / "backups", paths.data_folder() / "demo"
    for folder in (chosen, inside):
        folder.mkdir(parents=True)
    use_holdfast(chosen)
    services, shop = build_services(), new_shop(server17)
    for folder in (chosen, inside):
        options = BackupOptions(proof=ProofLevel.PROVEN)  # which leaves what sandboxes are made from
        services.backup(
            BackupRequest("Shop", shop.connection, options, folder), CancelToken(), lambda _: None
        )
    services.catalog.close()
    assert (default_root() / "templates").is_dir()
    before = hashes(chosen) | hashes(inside)
    plan = plan_reset()
    assert {one.folder: one.backups for one in plan.kept} == {chosen: 1, inside: 1}
    assert carry_out(plan) == ()
    assert hashes(chosen) | hashes(inside) == before
    left = [path for path in files_under(home) if not path.is_relative_to(inside)]
    assert left == []
    assert not default_root().exists()


def test_nothing_else_is_left_but_what_is_not_ours(memory: MemoryKeyring, tmp_path: Path, home: Path) -> None:
    use_holdfast(tmp_path)
    (home / "config" / "other.conf").touch()
    (paths.log_folder() / "notes.txt").write_text("mine")
    for service, account in (
        (secrets.PROJECTS, "Shop"),
        (SERVICE, key_account("Shop")),
        (SERVICE, "access token"),
        (secrets.REMINDERS, "email"),
    ):
        secrets.set_password(account, Secret("x"), service)
    memory.held["another program", "Shop"] = "y"
    assert autostart.starts_at_login()
    plan = plan_reset()
    assert (plan.projects, plan.schedules, plan.starts_at_login, plan.has_timer) == (1, 1, True, False)
    assert carry_out(plan) == ()
    assert memory.held == {("another program", "Shop"): "y"}
    assert not autostart.starts_at_login()
    names = {path.name for path in files_under(home)}
    assert names == {"other.conf", "notes.txt"}
    assert carry_out(plan_reset()) == ()


def test_a_locked_keyring_is_named_and_settings_wait_for_the_next_time(
    memory: MemoryKeyring, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use_holdfast(tmp_path)
    secrets.set_password("Shop", Secret("x"))
    locked = KeyringState("memory", usable=False, problem="It is locked", locked=True)
    with monkeypatch.context() as patched:
        patched.setattr(secrets, "probe", lambda: locked)
        left = carry_out(plan_reset())
    assert [one.what for one in left] == ["passwords and tokens in the keyring", str(settings_path())]
    assert load_settings(settings_path()).projects
    assert not list(paths.log_folder().glob("**/*.log"))
    assert carry_out(plan_reset()) == ()
    assert memory.held == {}
    assert not settings_path().exists()


def test_without_a_keyring_there_is_nothing_in_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use_holdfast(tmp_path)
    monkeypatch.setattr(secrets, "probe", lambda: KeyringState("none", usable=False, problem="There is none"))
    assert carry_out(plan_reset()) == ()
    assert not default_root().exists()


@pytest.mark.skipif(sys.platform != "linux", reason="an XDG desktop's own way")
def test_what_cannot_be_removed_is_named(memory: MemoryKeyring, tmp_path: Path, home: Path) -> None:
    use_holdfast(tmp_path)
    plan, entry = plan_reset(), home / "config" / "autostart" / "holdfast.desktop"
    entry.unlink()
    entry.mkdir()
    (left, settings) = carry_out(plan)
    assert left.what == "the start at login"
    assert settings.what == str(settings_path())


def test_damaged_settings_and_a_damaged_catalog_go_too(memory: MemoryKeyring, tmp_path: Path) -> None:
    use_holdfast(tmp_path)
    settings_path().write_text("{")
    (paths.data_folder() / "catalog.sqlite3").write_bytes(b"no database" * 1000)
    plan = plan_reset()
    assert plan.problem == "The settings cannot be read"
    assert carry_out(plan) == ()
    assert not settings_path().exists()
    assert not paths.data_folder().exists()


@pytest.mark.skipif(sys.platform == "win32", reason="links")
def test_a_link_goes_and_what_it_points_to_stays(memory: MemoryKeyring, tmp_path: Path) -> None:
    use_holdfast(tmp_path)
    mine = tmp_path / "dotfiles.json"
    settings_path().rename(mine)
    settings_path().symlink_to(mine)
    assert carry_out(plan_reset()) == ()
    assert not os.path.lexists(settings_path())
    assert mine.exists()


def test_backups_in_the_oddest_folder_stay(memory: MemoryKeyring, home: Path) -> None:
    odd = default_root() / "sandboxes" / "backups"
    use_holdfast(odd)
    odd.mkdir()
    (odd / "mine").touch()
    assert carry_out(plan_reset()) == ()
    assert (odd / "mine").exists()


@pytest.mark.parametrize("damaged", [False, True])
def test_backups_among_what_can_be_made_again_stay(
    memory: MemoryKeyring, home: Path, *, damaged: bool
) -> None:
    """The destination is the cache itself, and a project's name that of a folder in it."""
    use_holdfast(default_root())
    if damaged:
        settings_path().write_text("{")
    backup = default_root() / "templates" / "20261123T000000Z-abcdef"
    backup.mkdir(parents=True)
    (backup / MANIFEST_NAME).touch()
    assert carry_out(plan_reset()) == ()
    assert (backup / MANIFEST_NAME).exists()
    assert not (default_root() / "sandboxes").exists()


def test_folders_and_dumps_that_are_named_as_our_files_stay(memory: MemoryKeyring, tmp_path: Path) -> None:
    use_holdfast(paths.data_folder())
    mine = (
        paths.data_folder() / "catalog.backups" / "20261123T000000Z-abcdef" / MANIFEST_NAME,
        paths.data_folder() / "catalog.dump",
        paths.log_folder() / "crash-course.txt" / "notes",
        paths.log_folder() / "old.log" / "notes",
    )
    for path in mine:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert carry_out(plan_reset()) == ()
    assert all(path.exists() for path in mine)


@pytest.mark.skipif(sys.platform == "win32", reason="links")
def test_logs_of_others_stay_where_a_link_leads_to_them(memory: MemoryKeyring, tmp_path: Path) -> None:
    use_holdfast(tmp_path)
    operations = paths.log_folder() / "operations"
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "another program.log").touch()
    operations.rename(tmp_path / "operations before")
    operations.symlink_to(tmp_path / "logs")
    assert carry_out(plan_reset()) == ()
    assert (tmp_path / "logs" / "another program.log").exists()


def test_nothing_is_done_while_a_holdfast_is_at_work(tmp_path: Path) -> None:
    use_holdfast(tmp_path)
    refuse_while_running()
    with closing(claim("window")), pytest.raises(AppError) as raised:
        refuse_while_running()
    assert raised.value.code is ErrorCode.LOCK_WAIT
    assert raised.value.detail == "At work: window"
    (paths.data_folder() / "schedules").mkdir(exist_ok=True)
    with FileLock(paths.data_folder() / "schedules" / "s1.lock"), pytest.raises(AppError):
        refuse_while_running()
    refuse_while_running()
