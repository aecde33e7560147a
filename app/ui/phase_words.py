"""Where an operation is, in the window's language."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from app.domain.events import Phase
from app.ui.widgets.badge import QT_TRANSLATE_NOOP

_WORDS = {
    Phase.CHECKING: QT_TRANSLATE_NOOP("phase", "checking the server"),
    Phase.LOCKING: QT_TRANSLATE_NOOP("phase", "taking a snapshot"),
    Phase.DUMPING: QT_TRANSLATE_NOOP("phase", "dumping"),
    Phase.READING_BACK: QT_TRANSLATE_NOOP("phase", "reading back"),
    Phase.SEALING: QT_TRANSLATE_NOOP("phase", "sealing"),
    Phase.CHECKING_FILES: QT_TRANSLATE_NOOP("phase", "checking the files"),
    Phase.STARTING_SANDBOX: QT_TRANSLATE_NOOP("phase", "starting the sandbox"),
    Phase.RESTORING: QT_TRANSLATE_NOOP("phase", "restoring into the sandbox"),
    Phase.COMPARING: QT_TRANSLATE_NOOP("phase", "comparing"),
    Phase.LOADING_SAMPLE: QT_TRANSLATE_NOOP("phase", "loading the sample database"),
    Phase.RESTORING_COPY: QT_TRANSLATE_NOOP("phase", "restoring into a second database"),
    Phase.SAVING_TARGET: QT_TRANSLATE_NOOP("phase", "backing up the target"),
    Phase.PLANNING: QT_TRANSLATE_NOOP("phase", "planning"),
    Phase.RESTORING_INTO: QT_TRANSLATE_NOOP("phase", "restoring"),
    Phase.COUNTING: QT_TRANSLATE_NOOP("phase", "counting rows"),
    Phase.EXPORTING: QT_TRANSLATE_NOOP("phase", "writing the file"),
}


def phase_words(phase: Phase) -> str:
    """The words of a phase; those of the engine where it is a newer one."""
    return QCoreApplication.translate("phase", _WORDS.get(phase, phase.value))
