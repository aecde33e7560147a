"""The Restore page: drop, look inside, plan, confirm, restore, report; and what is wrong with a source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.domain.backup import STORAGE_FILES, Backup, PartRecord
from app.domain.project import Project
from app.persistence.manifest import read_manifest
from app.postgres.sandbox import SandboxServer
from app.system.cancellation import CancelToken
from app.system.process import run
from app.ui.frame import Frame
from app.ui.restore_work import Into, look_into
from app.ui.state import State
from app.ui.tabs.restore import RestorePage
from app.ui.widgets.rail import Place
from tests.ui.conftest import OpenFrame, Shoot
from tests.ui.past_backups import NOW, History

if TYPE_CHECKING:
    from tests.conftest import Database, NewDatabase

_PATIENCE = 30_000


@pytest.fixture
def shop(server17: SandboxServer, new_shop: NewDatabase, tmp_path: Path) -> Path:
    source = new_shop(server17)
    path = tmp_path / "shop.dump"
    command: list[str | Path] = [
        server17.installation.program("pg_dump"),
        f"--dbname={source.conninfo}",
        "-Fc",
        f"--file={path}",
    ]
    done = run(command, env=server17.environment(), timeout=60)
    assert done.status == 0, done.errors
    return path


@pytest.fixture
def staging(
    server17: SandboxServer, new_database: NewDatabase, state: State, monkeypatch: pytest.MonkeyPatch
) -> Database:
    """An empty database that is the project “Shop staging”."""
    database = new_database(server17)
    monkeypatch.setenv("PGPASSWORD", server17.password.reveal())
    assert state.change_settings(
        lambda settings: replace(
            settings,
            destination=str(Path.home() / "backups"),
            projects=(Project("Shop staging", database.conninfo, state.now()),),
        )
    )
    return database


@pytest.fixture
def frame(open_frame: OpenFrame) -> Iterator[Frame]:
    made = open_frame(Place.RESTORE)
    yield made
    page_of(made).choice.leave()


def page_of(frame: Frame) -> RestorePage:
    page = frame.window.page(Place.RESTORE)
    assert isinstance(page, RestorePage)
    return page


def test_without_a_source_there_is_a_place_to_drop_one(frame: Frame, shoot: Shoot) -> None:
    page = page_of(frame)
    assert page._zone.isVisible()
    assert not page._latest.isVisible()
    shoot(frame.window, "restore-drop")


def test_what_is_no_dump_is_told_in_words_and_another_can_be_dropped(
    frame: Frame, qtbot: QtBot, tmp_path: Path, shoot: Shoot
) -> None:
    (tmp_path / "photo.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(500))
    page = page_of(frame)
    page.open_paths((tmp_path / "photo.png",))
    qtbot.waitUntil(page._problem.isVisible, timeout=_PATIENCE)
    assert "is not a PostgreSQL dump" in page._problem.accessibleName()
    assert page._zone.isVisible()
    shoot(frame.window, "restore-not-a-dump")


def test_a_dump_is_planned_restored_and_reported(
    frame: Frame, qtbot: QtBot, shop: Path, staging: Database, shoot: Shoot
) -> None:
    frame.pages.open_dumps((shop,))
    choice = page_of(frame).choice
    qtbot.waitUntil(choice.restore_button.isEnabled, timeout=_PATIENCE)
    assert choice.restore_button.text() == "Restore “shop.dump” into “Shop staging”"
    assert choice.restore_button.property("kind") == "primary"
    first = choice.tree.view.model().index(0, 0)
    choice.tree.view.setCurrentIndex(choice.tree.view.model().index(0, 0, first))
    qtbot.waitUntil(choice._preview._stack.isVisible, timeout=_PATIENCE)
    shoot(frame.window, "restore-plan")
    qtbot.mouseClick(choice.restore_button, Qt.MouseButton.LeftButton)
    report = page_of(frame).report
    qtbot.waitUntil(report.isVisible, timeout=_PATIENCE)
    assert report._sentence.text() == "All 6 tables match the source, row for row."
    shoot(frame.window, "restore-report")
    assert staging.sql("SELECT count(*) FROM customers") == [(500,)]


def test_a_target_with_data_asks_for_its_name(
    frame: Frame, qtbot: QtBot, shop: Path, staging: Database, shoot: Shoot
) -> None:
    staging.sql("CREATE TABLE customers (id int); INSERT INTO customers VALUES (1)")
    frame.pages.open_dumps((shop,))
    choice = page_of(frame).choice
    qtbot.waitUntil(choice.save_button.isEnabled, timeout=_PATIENCE)
    assert not choice.restore_button.isEnabled()  # customers is in the way
    choice.target.clean.setChecked(True)
    qtbot.waitUntil(choice._confirmation.isVisible, timeout=_PATIENCE)
    assert choice.restore_button.property("kind") == "danger"
    assert not choice.restore_button.isEnabled()
    assert choice._planned is not None
    qtbot.keyClicks(choice._typed, choice._planned.plan.database)
    assert choice.restore_button.isEnabled()
    shoot(frame.window, "restore-plan-danger")


def test_a_wrong_password_is_told_in_the_plans_place(
    frame: Frame, qtbot: QtBot, shop: Path, staging: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", "not this one")
    frame.pages.open_dumps((shop,))
    choice = page_of(frame).choice
    qtbot.waitUntil(lambda: not choice._plan_note.text() and choice.isVisible(), timeout=_PATIENCE)
    assert not choice.restore_button.isEnabled()


def test_selected_tables_alone_are_planned(frame: Frame, qtbot: QtBot, shop: Path, staging: Database) -> None:
    frame.pages.open_dumps((shop,))
    choice = page_of(frame).choice
    qtbot.waitUntil(choice.restore_button.isEnabled, timeout=_PATIENCE)
    choice.tree.model.check_all(False)
    assert not choice.restore_button.isEnabled()
    choice.tree.model.choose([("public", "customers")])
    qtbot.waitUntil(choice.restore_button.isEnabled, timeout=_PATIENCE)
    assert choice._planned is not None
    tables = [one.name for one in choice._planned.plan.objects if one.kind == "TABLE"]
    assert tables == ["public.customers"]


def test_a_supabase_backup_offers_its_files_and_functions_to_such_projects_alone(
    frame: Frame, qtbot: QtBot, shop: Path, staging: Database, state: State
) -> None:
    (found,) = look_into((shop,), CancelToken())
    entry = History(state).backup(NOW, "Blog")
    manifest = read_manifest(Path(entry.path))
    more = (PartRecord(STORAGE_FILES, "storage", "x"), PartRecord("functions", "functions", "x"))
    parts = (*manifest.parts, *more)
    backup = Backup(entry.path, replace(manifest, parts=parts))
    choice = page_of(frame).choice
    projects = (
        *state.settings.projects,
        Project("Blog", "host=db.abcdefghijklmnopqrst.supabase.co port=1 user=postgres", state.now()),
    )
    assert state.change_settings(lambda old: replace(old, projects=projects))
    choice.show_source(replace(found, backup=backup, paths=(Path(entry.path),)), "Blog")
    assert choice.target.target == Into(project="Blog")
    qtbot.waitUntil(lambda: not choice.storage.isHidden(), timeout=_PATIENCE)
    assert choice.storage.isChecked()
    assert not choice.functions.isHidden()
    choice.target.into.setCurrentText("Shop staging")
    qtbot.waitUntil(choice.storage.isHidden, timeout=_PATIENCE)
    assert choice.functions.isHidden()
