"""Puts the window into the user's language."""

from __future__ import annotations

from PySide6.QtCore import QLibraryInfo, QLocale, QTranslator
from PySide6.QtWidgets import QApplication

from app.system.paths import resource

LANGUAGES = {"en": "English", "de": "Deutsch", "es": "Español"}
"""Languages that are complete, each by its own name."""


def install(app: QApplication, language: str) -> None:
    """Take the texts of a language.

    Args:
        app: gets the translators.
        language: one of `LANGUAGES`; the system's where it is empty.
    """
    locale = QLocale(language) if language else QLocale.system()
    if locale.language() is QLocale.Language.C:  # a bare system; it has no words for days or large numbers
        locale = QLocale("en")
    QLocale.setDefault(locale)
    folders = (str(resource("translations")), QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath))
    for name, folder in zip(("holdfast", "qtbase"), folders, strict=True):
        translator = QTranslator(app)
        if translator.load(locale, name, "_", folder):
            app.installTranslator(translator)
