from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.errors import AppError, ErrorCode
from app.domain.project import Project
from app.persistence.settings import (
    Settings,
    add_project,
    change_settings,
    find_project,
    load_settings,
    remove_project,
    settings_path,
)
from app.system.process import Child, child_environment

ADDED = datetime(2026, 3, 1, tzinfo=UTC)
SHOP = Project("Shop", "host=localhost dbname=shop", ADDED)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config" / "settings.json"


def test_without_a_file_there_are_defaults_and_nothing_is_written(path: Path) -> None:
    assert load_settings(path) == Settings()
    assert load_settings(path).destination_folder.is_absolute()
    assert not path.parent.exists()


def test_changes_are_kept_in_a_private_file(path: Path) -> None:
    changed = change_settings(path, lambda old: replace(old, destination="/backups", stall_seconds=60))
    assert load_settings(path) == changed
    assert load_settings(path).destination_folder == Path("/backups")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_projects_are_added_found_and_removed(path: Path) -> None:
    other = Project("Möbel “Süd”", "host=db", ADDED)
    add_project(path, SHOP)
    add_project(path, other)
    change_settings(path, lambda old: replace(old, destination="/backups"))
    assert load_settings(path).projects == (SHOP, other)
    assert find_project(load_settings(path), "SHOP") == SHOP
    assert remove_project(path, "shop") == SHOP
    assert load_settings(path).projects == (other,)


def test_a_name_is_taken_without_regard_to_case(path: Path) -> None:
    add_project(path, SHOP)
    with pytest.raises(AppError, match="“Shop”") as caught:
        add_project(path, replace(SHOP, name="sHOP"))
    assert caught.value.code is ErrorCode.INVALID_INPUT
    assert load_settings(path).projects == (SHOP,)


def test_an_unknown_name_lists_the_close_ones(path: Path) -> None:
    add_project(path, SHOP)
    for name, close in (("Shpo", "“Shop”"), ("entirely else", "")):
        with pytest.raises(AppError) as caught:
            find_project(load_settings(path), name)
        assert caught.value.code is ErrorCode.UNKNOWN_PROJECT
        assert close in caught.value.detail
    with pytest.raises(AppError) as caught:
        remove_project(path, "Shpo")
    assert caught.value.code is ErrorCode.UNKNOWN_PROJECT


@pytest.mark.parametrize("name", ["", " Shop", "a\nb", "a\0", "x" * 201, "caf\udce9", "\u202eevil"])
def test_names_that_cannot_be_shown_or_stored_are_refused(path: Path, name: str) -> None:
    with pytest.raises(AppError) as caught:
        add_project(path, replace(SHOP, name=name))
    assert caught.value.code is ErrorCode.INVALID_INPUT
    str(caught.value).encode()
    assert not path.exists()


@pytest.mark.parametrize("keyword", ["password=hunter2", "PASSWORD = hunter2", "sslpassword='hunter2'"])
def test_a_password_is_never_written(path: Path, keyword: str) -> None:
    with pytest.raises(AppError) as caught:
        add_project(path, replace(SHOP, conninfo=f"host=db {keyword} dbname=x"))
    assert "hunter2" not in str(caught.value)
    assert not path.exists()


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"projects": 3}', b"\xff", b"[" * 100_000, b'{"version": 2}']
)
def test_a_damaged_file_is_named_and_left_as_it_is(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    for use in (lambda: load_settings(path), lambda: add_project(path, SHOP)):
        with pytest.raises(AppError) as caught:
            use()
        assert caught.value.code is ErrorCode.SETTINGS_DAMAGED
        assert str(path) in caught.value.detail
        assert caught.value.hint
    assert path.read_bytes() == content


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary())
def test_any_bytes_give_settings_or_an_app_error(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "settings.json"
    file.write_bytes(content)
    with pytest.raises(AppError):
        load_settings(file)


def test_a_link_to_the_file_stays_a_link(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir()
    target = tmp_path / "dotfiles.json"
    target.write_text("{}")
    path.symlink_to(target)
    add_project(path, SHOP)
    assert path.is_symlink()
    assert load_settings(target).projects == (SHOP,)


def test_a_folder_that_cannot_be_made_is_an_app_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(AppError) as caught:
        add_project(tmp_path / "file" / "settings.json", SHOP)
    assert caught.value.code in (ErrorCode.SETTINGS_DAMAGED, ErrorCode.FOLDER_MISSING)


ADD_MANY = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from app.domain.project import Project
from app.persistence.settings import add_project
for number in range(20):
    add_project(Path(sys.argv[1]), Project(f"{sys.argv[2]} {number}", "", datetime.now(UTC)))
"""


def test_two_processes_lose_no_update(path: Path) -> None:
    argv = [sys.executable, "-c", ADD_MANY, str(path)]
    with (
        Child([*argv, "one"], env=child_environment()) as one,
        Child([*argv, "two"], env=child_environment()) as two,
    ):
        assert (one.wait(30), two.wait(30)) == (0, 0), one.errors() + two.errors()
    names = {project.name for project in load_settings(path).projects}
    assert len(names) == 40


def test_it_lies_in_the_users_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if sys.platform == "linux":
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
        assert settings_path() == tmp_path / "holdfast" / "settings.json"
    assert settings_path().name == "settings.json"
