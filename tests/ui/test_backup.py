"""The Backup page: one click makes and proves a backup; options say what they do; wrong input is marked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.domain.events import Phase
from app.domain.project import Project
from app.domain.proof import ProofLevel
from app.postgres.sandbox import SandboxServer
from app.ui.frame import Frame
from app.ui.state import State
from app.ui.tabs.backup import BackupPage
from app.ui.widgets.rail import Place
from tests.ui.conftest import OpenFrame, Shoot

if TYPE_CHECKING:
    from tests.conftest import Database, NewDatabase

_PATIENCE = 60_000


@pytest.fixture
def shop(
    server17: SandboxServer, new_shop: NewDatabase, state: State, monkeypatch: pytest.MonkeyPatch
) -> Database:
    """The sample shop is the project “Shop”, with a folder for its backups."""
    database = new_shop(server17)
    monkeypatch.setenv("PGPASSWORD", server17.password.reveal())
    projects = (Project("Shop", database.conninfo, state.now()),)
    folder = str(Path.home() / "backups")
    assert state.change_settings(lambda old: replace(old, destination=folder, projects=projects))
    return database


@pytest.fixture
def frame(open_frame: OpenFrame) -> Frame:
    return open_frame(Place.BACKUP)


def page_of(frame: Frame) -> BackupPage:
    page = frame.window.page(Place.BACKUP)
    assert isinstance(page, BackupPage)
    return page


def test_without_projects_it_says_what_to_do(frame: Frame, shoot: Shoot) -> None:
    assert page_of(frame)._stack.currentWidget() is page_of(frame)._empty
    shoot(frame.window, "backup-empty")


def test_a_supabase_project_offers_its_parts_and_others_do_not(
    state: State, frame: Frame, qtbot: QtBot, shoot: Shoot
) -> None:
    projects = (
        Project("Plain", "host=localhost port=1 dbname=shop user=shop", state.now()),
        Project("Blog", "host=db.abcdefghijklmnopqrst.supabase.co port=1 user=postgres", state.now()),
    )
    assert state.change_settings(lambda old: replace(old, projects=projects))
    page = page_of(frame)
    page.show_options(True)
    assert page.project.currentText() == "Plain"
    assert page.form.storage.isHidden()
    assert "storage" not in page._words()
    page.choose_project("Blog")
    page.form.functions.setChecked(False)
    assert page.form.parts == ("the roles", "the storage files", "the settings")
    assert page._words().startswith(
        "Back up all tables of Blog, the roles, the storage files and the settings "
    )
    options = page.form.options()
    assert (options.storage, options.functions, options.configuration) == (True, False, True)
    assert page.form.changes == 1
    shoot(frame.window, "backup-supabase")
    page.choose_project("Plain")
    assert page.form.options().functions


def test_one_click_makes_a_proven_backup(
    shop: Database, frame: Frame, qtbot: QtBot, state: State, shoot: Shoot
) -> None:
    page = page_of(frame)
    qtbot.waitUntil(lambda: page.form.tree.model.count == 6, timeout=_PATIENCE)
    qtbot.waitUntil(page._facts.isVisible, timeout=_PATIENCE)
    assert "6" in page._sentence.text()
    shoot(frame.window, "backup-ready")
    with qtbot.waitSignal(frame.operations.finished, timeout=_PATIENCE):
        qtbot.mouseClick(page.button, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(page.running_view.isVisible, timeout=_PATIENCE)
    qtbot.waitUntil(page._result.isVisible, timeout=_PATIENCE)
    assert page._result.accessibleName() == "Shop is backed up and proven."
    (entry,) = state.catalog.history()
    assert entry.proof_level is ProofLevel.PROVEN
    assert Path(entry.path).is_relative_to(Path.home() / "backups")
    shoot(frame.window, "backup-done")


def test_tables_that_are_not_checked_are_left_out(
    shop: Database, frame: Frame, qtbot: QtBot, state: State, shoot: Shoot
) -> None:
    page = page_of(frame)
    qtbot.waitUntil(lambda: page.form.tree.model.count == 6, timeout=_PATIENCE)
    page.show_options(True)
    page.form.complete.setChecked(True)
    page.form.tree.model.choose([("public", "customers"), ("public", "orders")])
    assert page.form.changes == 2
    shoot(frame.window, "backup-options")
    with qtbot.waitSignal(frame.operations.finished, timeout=_PATIENCE):
        page.back_up()
    (entry,) = state.catalog.history()
    assert (entry.tables, entry.proof_level) == (2, ProofLevel.COMPLETE)


def test_wrong_input_is_marked_before_the_button_is_pressed(
    shop: Database, frame: Frame, qtbot: QtBot, shoot: Shoot
) -> None:
    page = page_of(frame)
    page.show_options(True)
    page.form.compression.setEditText("zstd:99")
    assert not page.button.isEnabled()
    assert page.form._compression_error.text().startswith("“zstd:99” is not a compression")
    page.form.folder.setText("backups")
    assert "whole path" in page.form._folder_error.text()
    shoot(frame.window, "backup-wrong-input")
    page.form.reset()
    assert page.button.isEnabled()
    assert page.form.changes == 0


def test_a_server_that_does_not_answer_is_told_and_can_be_tried_again(
    shop: Database, frame: Frame, qtbot: QtBot, state: State, shoot: Shoot
) -> None:
    gone = Project("Gone", "host=127.0.0.1 port=1 dbname=x user=x", state.now())
    state.change_settings(lambda old: replace(old, projects=(*old.projects, gone)))
    page = page_of(frame)
    page.choose_project("Gone")
    qtbot.waitUntil(page._problem.isVisible, timeout=_PATIENCE)
    assert page.button.isEnabled()
    shoot(frame.window, "backup-unreachable")


def waits_for_lock(frame: Frame) -> bool:
    """Whether the backup has come to its first lock."""
    standings = [status.standing for status in frame.operations.running()]
    return bool(standings) and standings[0] is not None and standings[0].phase is Phase.LOCKING


def test_cancelling_leaves_nothing_and_says_so(
    shop: Database, frame: Frame, qtbot: QtBot, state: State
) -> None:
    page = page_of(frame)
    with shop.connect() as holder, holder.transaction():
        holder.execute("LOCK TABLE customers IN ACCESS EXCLUSIVE MODE")  # the backup has to wait for it
        page.back_up()
        qtbot.waitUntil(lambda: waits_for_lock(frame), timeout=_PATIENCE)
        with qtbot.waitSignal(frame.operations.finished, timeout=_PATIENCE):
            frame.operations.cancel(frame.operations.rows()[0].id)
    assert page._result.accessibleName() == "The backup was cancelled. Nothing of it is left."
    assert [entry.result.value for entry in state.catalog.history()] == ["cancelled"]
    assert not list((Path.home() / "backups" / "Shop").glob("*"))
