"""Files that the system opens with Holdfast reach it, also before it is ready."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QUrl
from PySide6.QtGui import QFileOpenEvent
from PySide6.QtWidgets import QApplication

from app.ui.opened_files import Application


@pytest.fixture
def app(qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> Application:
    assert isinstance(qapp, Application)
    monkeypatch.setattr(qapp, "_take", None)
    monkeypatch.setattr(qapp, "_waiting", ())
    return qapp


def test_a_file_that_is_opened_is_taken(app: Application) -> None:
    taken: list[tuple[Path, ...]] = []
    app.give_files_to(taken.append)
    assert QApplication.sendEvent(app, QFileOpenEvent("/tmp/my shop.dump"))
    assert taken == [(Path("/tmp/my shop.dump"),)]


def test_files_that_come_too_early_wait(app: Application) -> None:
    taken: list[tuple[Path, ...]] = []
    for name in ("a.dump", "b.dump"):
        QApplication.sendEvent(app, QFileOpenEvent(f"/tmp/{name}"))
    app.give_files_to(taken.append)
    assert taken == [(Path("/tmp/a.dump"), Path("/tmp/b.dump"))]


def test_an_address_is_no_file(app: Application) -> None:
    taken: list[tuple[Path, ...]] = []
    app.give_files_to(taken.append)
    QApplication.sendEvent(app, QFileOpenEvent(QUrl("postgresql://db.example.com/shop")))
    assert taken == []
