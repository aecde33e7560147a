"""The window in other languages: complete, with the same places for values, and shown."""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QLocale, QTranslator
from PySide6.QtWidgets import QApplication

from app.system.paths import resource
from app.system.process import run
from app.ui.translations import LANGUAGES

_PLURAL = re.compile(r'"([^"\n]*%n[^"\n]*)"')
_PLACES = re.compile(r"%[n\d]")
_SOURCES = sorted((Path(__file__).parents[2] / "app" / "ui").rglob("*.py"))


def tool(name: str) -> Path:
    """One of Qt's tools, as the wheel of PySide6 brings it."""
    return Path(sys.executable).parent / f"pyside6-{name}"


def messages(path: Path) -> Iterator[tuple[str, str, list[str], bool]]:
    """Context, source, translations (two of a plural) and whether it is finished."""
    for context in ElementTree.parse(path).getroot().iter("context"):
        for message in context.iter("message"):
            translation = message.find("translation")
            assert translation is not None
            forms = [form.text or "" for form in translation.iter("numerusform")]
            texts = forms or [translation.text or ""]
            name, source = context.findtext("name") or "", message.findtext("source") or ""
            yield name, source, texts, translation.get("type") != "unfinished" and all(texts)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_is_complete(language: str, tmp_path: Path) -> None:
    """Every text that stands in the sources now is translated; English needs its plurals alone."""
    fresh = tmp_path / "fresh.ts"
    plurals = ["-pluralonly"] if language == "en" else []
    languages = ["-source-language", "en", "-target-language", language]
    done = run(
        [tool("lupdate"), "-silent", "-no-obsolete", *plurals, *languages, *_SOURCES, "-ts", fresh],
        env={"PATH": "/usr/bin:/bin"},
        timeout=60,
    )
    assert done.status == 0, done.errors
    asked = {(context, source) for context, source, _, _ in messages(fresh)}
    path = resource("translations") / f"holdfast_{language}.ts"
    given = {(context, source) for context, source, _, finished in messages(path) if finished}
    assert sorted(asked - given) == []


def test_no_plural_is_lost_on_the_way_to_the_translators() -> None:
    """lupdate passes silently over plurals whose call it does not understand."""
    written = {text for source in _SOURCES for text in _PLURAL.findall(source.read_text(encoding="utf-8"))}
    collected = {source for _, source, _, _ in messages(resource("translations") / "holdfast_en.ts")}
    assert sorted(written - collected) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_keep_the_places_for_values(language: str) -> None:
    path = resource("translations") / f"holdfast_{language}.ts"
    wrong = [
        (source, text)
        for _, source, texts, _ in messages(path)
        for number, text in enumerate(texts)
        if text
        and set(_PLACES.findall(source)) - set(_PLACES.findall(text)) - ({"%n"} if not number else set())
    ]
    assert wrong == []


@pytest.mark.parametrize(("language", "words"), [("de", "Heute"), ("es", "Hoy")])
def test_a_language_is_spoken(language: str, words: str, qapp: QApplication, tmp_path: Path) -> None:
    compiled = tmp_path / f"holdfast_{language}.qm"
    source = resource("translations") / f"holdfast_{language}.ts"
    done = run(
        [tool("lrelease"), "-silent", source, "-qm", compiled], env={"PATH": "/usr/bin:/bin"}, timeout=60
    )
    assert done.status == 0, done.errors
    translator = QTranslator()
    assert translator.load(QLocale(language), "holdfast", "_", str(tmp_path))
    qapp.installTranslator(translator)
    try:
        assert QCoreApplication.translate("formats", "Today") == words
    finally:
        qapp.removeTranslator(translator)
