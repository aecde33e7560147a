"""Settings, General: whether Holdfast looks for new versions, what it found last, and a look at once."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QCheckBox, QSizePolicy, QVBoxLayout, QWidget

from app import __version__
from app.domain.errors import AppError
from app.engine.updates import Look, Source, last_look, look
from app.system.cancellation import CancelToken
from app.ui import formats
from app.ui.error_words import in_language
from app.ui.state import State
from app.ui.theme import S
from app.ui.widgets.basics import button, label, row


class UpdateField(QWidget):
    """A switch, a button, and a line that says what came of it.

    Args:
        state: whose settings are changed.
        source: where new versions are.
    """

    def __init__(self, state: State, source: Source, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state, self._source = state, source
        self._page = source.page
        self._cancel = CancelToken()
        self.wanted = QCheckBox(self.tr("Look once a day"))
        self.wanted.toggled.connect(
            lambda on: state.change_settings(lambda settings: replace(settings, updates=on))
        )
        self.look_now = button(self.tr("Look Now"), size="small")
        self.look_now.clicked.connect(self._look)
        self.result = label("", "caption", wrap=True)
        self.open_page = button(self.tr("Open Page"), kind="link")
        self.open_page.clicked.connect(lambda: QDesktopServices.openUrl(QUrl(self._page)))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(S - 2)
        layout.addLayout(row(self.wanted, self.look_now, None, spacing=S))
        said = row(self.result, self.open_page)
        said.setStretch(0, 1)
        layout.addLayout(said)
        state.settings_changed.connect(self._show)
        self._show()
        self._show_look(last_look())

    def _show(self) -> None:
        self.wanted.blockSignals(True)
        self.wanted.setChecked(bool(self._state.settings.updates))
        self.wanted.blockSignals(False)

    def _look(self) -> None:
        self.look_now.setEnabled(False)
        self.open_page.hide()
        self.result.setText(self.tr("Looking…"))
        now, source, cancel = self._state.now(), self._source, self._cancel
        self._state.background.run(self, lambda: look(source, now, cancel), self._take, self._fail)

    def _take(self, found: Look) -> None:
        self.look_now.setEnabled(True)
        self._show_look(found)

    def _fail(self, error: Exception) -> None:
        self.look_now.setEnabled(True)
        if not isinstance(error, AppError):
            raise error
        shown = in_language(error)
        self.result.setText(formats.sentences(shown.title, shown.hint).replace("\n", " "))

    def _show_look(self, found: Look | None) -> None:
        is_news = found is not None and found.is_news()
        self.open_page.setVisible(is_news)
        if found is None:
            self.result.setText(self.tr("This is %1.").replace("%1", __version__))
            return
        self._page = found.page or self._source.page
        if is_news:
            text = self.tr("This is %1; %2 is there.").replace("%2", found.version)
        elif found.problem:
            text = self.tr("This is %1. The last look failed: %2").replace("%2", found.problem)
        else:
            text = self.tr("This is %1, the newest version. Looked: %2").replace(
                "%2", formats.moment(found.at, self._state.now(), self._state.zone)
            )
        self.result.setText(text.replace("%1", __version__))
