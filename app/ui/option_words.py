"""Says in the window's words what the engine's hints say in those of the command line."""

from __future__ import annotations

import re

from PySide6.QtCore import QCoreApplication

from app.ui.widgets.badge import QT_TRANSLATE_NOOP

_CONTROLS = {
    "--clean": QT_TRANSLATE_NOOP("TargetBox", "Replace what is in the way"),
    "--jobs 2": QT_TRANSLATE_NOOP("TargetBox", "Parallel, list errors"),
    "--jobs": QT_TRANSLATE_NOOP("TargetBox", "Parallel, list errors"),
    "--no-owner": QT_TRANSLATE_NOOP("TargetBox", "Owners"),
    "--no-privileges": QT_TRANSLATE_NOOP("TargetBox", "Privileges"),
    "--what schema": QT_TRANSLATE_NOOP("TargetBox", "Schema"),
}
_SENTENCES = (
    ("without --no-privileges", "with --no-privileges"),
    ("use --no-owner and --no-privileges", "take the ticks from --no-owner and --no-privileges"),
    (" with --new-database", ""),
    (" with --into", ""),
    ("; --allow-server-access lets it pass", "; the command line can let it pass"),
    ("; --tree shows them", ""),
    ("--tree shows what there is.", "The tree shows what there is."),
    (" with --database", ""),
)
"""What a control is called by another side, or what the window has no control for; before the controls."""


def in_window_words(hint: str) -> str:
    """A hint of the engine, with the names of the window's controls instead of options."""
    for option, words in _SENTENCES:
        hint = hint.replace(option, words)
    return re.sub("|".join(map(re.escape, _CONTROLS)), _control, hint)


def _control(option: re.Match[str]) -> str:
    name = QCoreApplication.translate("TargetBox", _CONTROLS[option[0]])
    return QCoreApplication.translate("quotes", "“%1”").replace("%1", name)
