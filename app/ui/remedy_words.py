"""The words on the button of each remedy."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from app.domain.remedy import Remedy
from app.ui.widgets.badge import QT_TRANSLATE_NOOP

_WORDS = {
    Remedy.USE_SESSION_POOLER: QT_TRANSLATE_NOOP("remedy", "Use Session Pooler"),
    Remedy.EDIT_CONNECTION: QT_TRANSLATE_NOOP("remedy", "Edit Connection…"),
    Remedy.ENTER_PASSWORD: QT_TRANSLATE_NOOP("remedy", "Enter Password…"),
    Remedy.REQUIRE_TLS: QT_TRANSLATE_NOOP("remedy", "Require TLS"),
    Remedy.ALLOW_NO_TLS: QT_TRANSLATE_NOOP("remedy", "Allow Without TLS"),
    Remedy.CHOOSE_ROOT_CERTIFICATE: QT_TRANSLATE_NOOP("remedy", "Choose Certificate…"),
    Remedy.CHOOSE_FOLDER: QT_TRANSLATE_NOOP("remedy", "Choose Folder…"),
    Remedy.FREE_SPACE: QT_TRANSLATE_NOOP("remedy", "Show Largest Backups"),
    Remedy.SHOW_TOOLS: QT_TRANSLATE_NOOP("remedy", "Show Tools"),
    Remedy.SHOW_KEYRING: QT_TRANSLATE_NOOP("remedy", "Show Keyring"),
    Remedy.TRY_AGAIN: QT_TRANSLATE_NOOP("remedy", "Try Again"),
    Remedy.SHOW_HISTORY: QT_TRANSLATE_NOOP("remedy", "Show History"),
    Remedy.PROVE: QT_TRANSLATE_NOOP("remedy", "Prove"),
    Remedy.DELETE_FOR_GOOD: QT_TRANSLATE_NOOP("remedy", "Delete for Good…"),
    Remedy.REPLACE_FILE: QT_TRANSLATE_NOOP("remedy", "Replace File"),
}


def remedy_words(remedy: Remedy) -> str:
    """In the window's language."""
    return QCoreApplication.translate("remedy", _WORDS[remedy])
