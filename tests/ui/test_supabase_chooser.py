"""*From Supabase…*: a token is asked for once, a project is chosen, and its way is filled in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import keyring
import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.domain.project import Project, Secret
from app.engine.supabase_access import keep_token
from app.persistence import secrets
from app.ui.project_dialog import ProjectDialog
from app.ui.state import State
from app.ui.widgets.supabase_chooser import SupabaseChooser
from tests.memory_keyring import MemoryKeyring
from tests.supabase.api_stand_in import REF, TOKEN, Api, running_api
from tests.ui.conftest import Shoot

_PATIENCE = 30_000


@pytest.fixture(autouse=True)
def kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryKeyring]:
    before, made = keyring.get_keyring(), MemoryKeyring()
    keyring.set_keyring(made)
    monkeypatch.setattr(secrets, "probe", lambda: secrets.KeyringState("GNOME Keyring", usable=True))
    yield made
    keyring.set_keyring(before)


@pytest.fixture(autouse=True)
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    with running_api() as made:
        monkeypatch.setenv("SUPABASE_API_URL", made.url)
        monkeypatch.setattr("app.engine.supabase_projects.has_route", lambda *_: False)
        monkeypatch.setattr("app.supabase.cli.find_cli", lambda: None)
        yield made


@pytest.fixture
def dialog(state: State, qtbot: QtBot) -> ProjectDialog:
    made = ProjectDialog(state, "", lambda _: False)
    qtbot.addWidget(made)
    made.show()
    made.way.choose("supabase")
    made._show_way()
    return made


def said(chooser: SupabaseChooser) -> str:
    return chooser._hint.text()


def sign_in(chooser: SupabaseChooser, qtbot: QtBot, token: str = TOKEN) -> None:
    chooser.token.setText(token)
    chooser.search.click()
    qtbot.waitUntil(chooser.search.isEnabled, timeout=_PATIENCE)


def test_a_project_is_found_with_a_token_and_its_way_filled_in(
    dialog: ProjectDialog, qtbot: QtBot, kept: MemoryKeyring, shoot: Shoot, home: Path
) -> None:
    chooser = dialog.supabase
    shoot(dialog, "add-project-supabase")
    sign_in(chooser, qtbot)
    shown = [chooser.projects.item(row).text() for row in range(chooser.projects.count())]
    assert shown == ["Shop\nAcme, eu-central-1", "Old blog\nAcme, eu-central-1, paused"]
    assert TOKEN in kept.held.values()
    assert "GNOME Keyring" in chooser._found_note.text()
    with qtbot.waitSignal(chooser.chosen, timeout=_PATIENCE):
        chooser.projects.itemActivated.emit(chooser.projects.item(0))
    assert dialog.fields.name.text() == "Shop"
    assert dialog.fields.host.text() == "aws-1-eu-central-1.pooler.supabase.com"
    assert dialog.fields.draft.user == f"postgres.{REF}"
    assert dialog.fields.draft.tls == "require"
    assert "session pooler" in chooser._found_note.text()
    qtbot.waitUntil(
        lambda: QApplication.focusWidget() is dialog.fields.password or not dialog.isActiveWindow()
    )
    shoot(dialog, "add-project-supabase-chosen")
    assert not any(path.is_file() and TOKEN.encode() in path.read_bytes() for path in home.rglob("*"))


def test_the_kept_token_is_used_without_asking(
    state: State, qtbot: QtBot, dialog: ProjectDialog, kept: MemoryKeyring
) -> None:
    keep_token(Secret(TOKEN))
    again = SupabaseChooser(state)
    qtbot.addWidget(again)
    again.look()
    qtbot.waitUntil(lambda: again.projects.count() == 2, timeout=_PATIENCE)
    again.sign_out.click()
    assert "takes the place" in said(again)


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("", "Enter an access token"),
        ("sbp_short", "not an access token"),
        (TOKEN.replace("0", "1"), "refused the access token"),
    ],
)
def test_a_token_that_does_not_do_is_told_beside_it_and_not_kept(
    dialog: ProjectDialog, qtbot: QtBot, kept: MemoryKeyring, token: str, words: str
) -> None:
    sign_in(dialog.supabase, qtbot, token)
    qtbot.waitUntil(lambda: words in said(dialog.supabase), timeout=_PATIENCE)
    assert dialog.supabase.token.property("invalid")
    assert kept.held == {}


def test_a_paused_project_fills_nothing_in_and_says_what_to_do(dialog: ProjectDialog, qtbot: QtBot) -> None:
    chooser = dialog.supabase
    sign_in(chooser, qtbot)
    chooser.projects.itemActivated.emit(chooser.projects.item(1))
    qtbot.waitUntil(lambda: "is paused" in chooser._found_note.text(), timeout=_PATIENCE)
    assert dialog.fields.host.text() == ""


def test_without_the_service_the_reason_stands_there(
    dialog: ProjectDialog, qtbot: QtBot, service: Api, shoot: Shoot
) -> None:
    service.fault = "drops"
    sign_in(dialog.supabase, qtbot)
    qtbot.waitUntil(lambda: "cannot be reached" in said(dialog.supabase), timeout=_PATIENCE)
    shoot(dialog, "add-project-supabase-unreachable")


def test_a_name_that_is_taken_is_left_to_the_user(dialog: ProjectDialog, qtbot: QtBot, state: State) -> None:
    shop = Project("shop", "host=h", datetime.now(UTC))
    assert state.change_settings(lambda old: replace(old, projects=(shop,)))
    sign_in(dialog.supabase, qtbot)
    with qtbot.waitSignal(dialog.supabase.chosen, timeout=_PATIENCE):
        dialog.supabase.projects.itemActivated.emit(dialog.supabase.projects.item(0))
    assert dialog.fields.name.text() == ""
