"""What the first painting needs is read without what takes long to load, and agrees with the settings."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from app.domain.preferences import Appearance
from app.persistence.settings import change_settings, settings_path
from app.system.process import child_environment, run
from app.ui.first_look import FirstLook, first_look


def test_the_first_look_is_that_of_the_settings(home: Path) -> None:
    change_settings(settings_path(), lambda old: replace(old, appearance=Appearance.DARK, language="de"))
    assert first_look() == FirstLook(Appearance.DARK, "de")


@pytest.mark.parametrize("text", [None, "", "[]", '{"appearance": "pink"}', "{"])
def test_settings_that_cannot_be_read_look_like_a_first_start(home: Path, text: str | None) -> None:
    if text is not None:
        settings_path().parent.mkdir(parents=True, exist_ok=True)
        settings_path().write_text(text)
    assert first_look() == FirstLook()


def test_pyside_does_not_read_the_source_of_what_is_imported() -> None:
    code = "import linecache, app.ui.application, app.ui.frame; print('frame.py' in str([*linecache.cache]))"
    found = run([sys.executable, "-c", code], env=child_environment(), timeout=60)
    assert found.output.strip() == "False", found.errors


def test_nothing_that_takes_long_is_loaded_before_the_window_is_painted() -> None:
    heavy = "psycopg keyring httpx msgspec rich psutil sqlite3 app.engine app.persistence app.services"
    code = f"import sys, app.ui.application; print([m for m in {heavy.split()} if m in sys.modules])"
    found = run([sys.executable, "-c", code], env=child_environment(), timeout=60)
    assert found.output.strip() == "[]", found.errors
