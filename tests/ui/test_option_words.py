"""Hints of the engine name the window's own controls there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from app.ui.option_words import in_window_words

_ENGINE = Path(__file__).parents[2] / "app" / "engine"
_FILES = (_ENGINE / "remedies.py", *sorted((_ENGINE / "restore").glob("*.py")))
_OPTION = re.compile(r"--[a-z]")


def hints() -> Iterator[str]:
    """Every sentence of the restore's engine that names an option."""
    for file in _FILES:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        documented = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documented:
                text = node.value
                if _OPTION.search(text) and re.search(r"[a-z] [-a-z]", text) and text.endswith("."):
                    yield text


@pytest.mark.parametrize("hint", list(hints()))
def test_no_hint_speaks_of_options(hint: str, qapp: QApplication) -> None:
    shown = in_window_words(hint)
    assert not _OPTION.search(shown), shown
    assert "  " not in shown


def test_a_control_is_called_by_its_name(qapp: QApplication) -> None:
    said = "Replace them with --clean, or restore into a new database with --new-database."
    shown = "Replace them with “Replace what is in the way”, or restore into a new database."
    assert in_window_words(said) == shown
