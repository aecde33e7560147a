"""What the window tells of Holdfast itself: a crash, a log that cannot be written, a new version."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QObject, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication

from app.engine.updates import Look, Source
from app.system.crash import Crash
from app.system.paths import log_folder
from app.ui import formats
from app.ui.main_window import MainWindow, open_folder
from app.ui.news_bar import News, NewsBar
from app.ui.state import State
from app.ui.window_log import WindowLog

_CRASH, _LOG, _QUESTION, _UPDATE = "crash", "log", "question", "update"


class OwnNews(QObject):
    """Puts it into the window's bar, in which the user answers.

    Args:
        log: of this process.
        source: where new versions are; None where nobody looks.
    """

    def __init__(
        self, state: State, window: MainWindow, log: WindowLog, source: Source | None, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._state, self._log = state, log
        self.bar = NewsBar()
        window.add_bar(self.bar)
        if log.crash is not None:
            self._tell_crash(log.crash)
        log.failed.connect(self._tell_log)
        if log.problem:
            self._tell_log()
        if source is not None:
            from app.ui.update_watch import UpdateWatch

            self._watch = UpdateWatch(state, source, self)
            self._watch.asks.connect(lambda: self._ask(source))
            self._watch.found.connect(self._tell_update)
            self._watch.start()

    def _tell_crash(self, crash: Crash, note: str = "") -> None:
        when = formats.moment(crash.at, self._state.now(), self._state.zone)
        self.bar.add(
            News(
                _CRASH,
                "warn",
                self.tr("Holdfast ended unexpectedly: %1").replace("%1", when),
                note or self.tr("A report stays on this computer unless you send it to somebody."),
                (
                    (self.tr("Copy Report"), lambda: self._copy_report(crash)),
                    (self.tr("Open Folder"), lambda: open_folder(log_folder())),
                    (self.tr("Dismiss"), lambda: self.bar.dismiss(_CRASH)),
                ),
            )
        )

    def _copy_report(self, crash: Crash) -> None:
        from app.ui.diagnostics_work import diagnostics, window_facts

        def done(text: str) -> None:
            QGuiApplication.clipboard().setText(text)
            self._tell_crash(crash, self.tr("The report is in the clipboard. Read it before you send it."))

        facts = window_facts()
        self._tell_crash(crash, self.tr("Collecting…"))
        self._state.background.run(self, lambda: diagnostics(facts), done, self._fail)

    def _fail(self, error: Exception) -> None:
        self._state.failed.emit(error, self.tr("The report was not made"))

    def _tell_log(self) -> None:
        self.bar.add(
            News(
                _LOG,
                "warn",
                self.tr("Holdfast cannot write its log: %1").replace("%1", self._log.problem),
                str(log_folder()),
                ((self.tr("Dismiss"), lambda: self.bar.dismiss(_LOG)),),
            )
        )

    def _ask(self, source: Source) -> None:
        host = QUrl(source.feed).host()
        text = self.tr("Holdfast asks %1 for the newest version’s number. It downloads and installs nothing.")
        self.bar.add(
            News(
                _QUESTION,
                "info",
                self.tr("Look for new versions once a day?"),
                text.replace("%1", host),
                (
                    (self.tr("Do Not Look"), lambda: self._answer(False)),
                    (self.tr("Look Once a Day"), lambda: self._answer(True)),
                ),
            )
        )

    def _answer(self, wanted: bool) -> None:
        if self._state.change_settings(lambda settings: replace(settings, updates=wanted)):
            self.bar.dismiss(_QUESTION)

    def _tell_update(self, look: Look | None) -> None:
        if look is None:
            self.bar.dismiss(_UPDATE)
            return
        self.bar.add(
            News(
                _UPDATE,
                "info",
                self.tr("Holdfast %1 is there").replace("%1", look.version),
                self.tr("Its page says what is new, and how to get it."),
                (
                    (self.tr("Skip This Version"), lambda: self._skip(look)),
                    (self.tr("Open Page"), lambda: self._open(look)),
                ),
            )
        )

    def _skip(self, look: Look) -> None:
        self._state.change_settings(lambda settings: replace(settings, skipped_version=look.version))

    def _open(self, look: Look) -> None:
        QDesktopServices.openUrl(QUrl(look.page))
        self.bar.dismiss(_UPDATE)
