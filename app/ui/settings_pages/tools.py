"""Settings, Tools: which programs were found, what each is used for, and whether it works."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QLocale, Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from app.ui import formats
from app.ui.settings_pages.page import SettingsPage
from app.ui.state import State
from app.ui.theme import M, S
from app.ui.widgets.basics import button, card, label, line
from app.ui.widgets.elided_label import ElidedLabel
from app.ui.widgets.icon_label import IconLabel

if TYPE_CHECKING:
    from app.ui.tools_work import Tool, Tried

_ROW = 44
_NAME, _VERSION = 72, 42


class ToolsPage(SettingsPage):
    """The programs are looked for when the page is first shown, in the background."""

    def __init__(self, state: State, parent: QWidget | None = None) -> None:
        self.again = button(QCoreApplication.translate("ToolsPage", "Look Again"), "arrow-clockwise")
        title = QCoreApplication.translate("ToolsPage", "Tools")
        super().__init__(title, self.again, parent)
        self._state = state
        self.again.clicked.connect(self.look)
        self.summary = label("", "second", wrap=True)
        self._card = card()
        self._rows = QVBoxLayout(self._card)
        self._rows.setContentsMargins(1, 0, 1, 0)
        self._rows.setSpacing(0)
        self.tools: list[ToolRow] = []
        self.body.addWidget(self.summary)
        self.body.addWidget(self._card)
        self.body.addStretch(1)
        self._card.hide()
        self._was_shown = False

    def showEvent(self, event: object) -> None:
        """Look, once."""
        if not self._was_shown:
            self._was_shown = True
            self.look()
        super().showEvent(event)  # type: ignore[arg-type]

    def look(self) -> None:
        """Look for the programs anew."""

        def find() -> tuple[Tool, ...]:
            from app.ui.tools_work import find_tools  # it loads what speaks PostgreSQL

            return find_tools()

        self.again.setEnabled(False)
        self.summary.setText(self.tr("Looking for PostgreSQL's programs…"))
        self._state.background.run(self, find, self._show, self._fail)

    def _show(self, found: tuple[Tool, ...]) -> None:
        from app.ui.tools_work import newest_server

        self.again.setEnabled(True)
        while item := self._rows.takeAt(0):
            if old := item.widget():
                old.deleteLater()
        self.tools = [ToolRow(self._state, tool) for tool in found]
        for number, made in enumerate(self.tools):
            if number:
                self._rows.addWidget(line())
            self._rows.addWidget(made)
        self._card.show()
        newest = newest_server(found)
        if newest:
            text = self.tr(
                "The one that fits the server best is used. Servers up to PostgreSQL %1 can be backed up."
            )
            self.summary.setText(text.replace("%1", str(newest)))
        else:
            self.summary.setText(self.tr("No program that works was found, so nothing can be backed up."))

    def _fail(self, error: Exception) -> None:
        self.again.setEnabled(True)
        self.summary.setText(formats.sentences(str(error)))


class ToolRow(QFrame):
    """One program; its button tries it and says in its place what came of it."""

    def __init__(self, state: State, tool: Tool) -> None:
        super().__init__()
        self._state, self.tool = state, tool
        self.setFixedHeight(_ROW)
        name, version = label(tool.kind.value, "label"), label(tool.version or formats.DASH)
        name.setFixedWidth(_NAME)
        version.setFixedWidth(_VERSION)
        self._icon = IconLabel("minus-circle", "text3", 18)
        self.text = ElidedLabel("", mode=Qt.TextElideMode.ElideRight)
        self._path = ElidedLabel("", "caption")
        self.test = button(self.tr("Test"), size="small")
        self.test.setAccessibleName(self.tr("Test %1").replace("%1", f"{tool.kind.value} {tool.version}"))
        self.test.clicked.connect(self._try)
        self.test.setVisible(tool.path is not None)
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addStretch(1)
        words.addWidget(self.text)
        words.addWidget(self._path)
        words.addStretch(1)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(M, 0, S, 0)
        layout.setSpacing(M)
        for part in (self._icon, name, version):
            layout.addWidget(part)
        layout.addLayout(words, 1)
        layout.addWidget(self.test)
        self._path.setText(str(tool.path) if tool.path else self.tr("Not needed: a token does the same"))
        self._show()

    def _show(self) -> None:
        from app.ui.tools_work import ToolKind

        tool = self.tool
        if tool.path is None:
            self._say("minus-circle", "text3", self.tr("Command line not found"))
        elif tool.problem:
            self._say("warning-octagon-fill", "bad", self.tr("Does not run: %1").replace("%1", tool.problem))
        elif tool.kind is ToolKind.SUPABASE:
            self._say("check-circle-fill", "ok", self.tr("Command line of Supabase"))
        elif tool.majors:
            servers = formats.translate("ToolsPage", "for PostgreSQL %1")
            text = f"{self._origin()}, {servers.replace('%1', _ranges(tool.majors))}"
            self._say("check-circle-fill", "ok", text)
        else:
            why = self.tr("Not used: others fit every server as well or better")
            self._say("minus-circle", "text3", f"{self._origin()}. {why}")

    def _origin(self) -> str:
        if self.tool.origin == "bundled":
            return self.tr("Bundled with Holdfast")
        return self.tr("On the PATH") if self.tool.origin == "PATH" else self.tool.origin

    def _try(self) -> None:
        from app.ui.tools_work import try_tool

        self.test.setEnabled(False)
        self._say("", "accent", self.tr("Trying…"))
        tool = self.tool
        self._state.background.run(self, lambda: try_tool(tool), self._show_tried, self._fail)

    def _show_tried(self, tried: Tried) -> None:
        self.test.setEnabled(True)
        if tried.problem:
            self._say("warning-octagon-fill", "bad", self.tr("Does not run: %1").replace("%1", tried.problem))
            return
        seconds = QLocale().toString(tried.seconds, "f", 1)
        if tried.abilities:
            text = (
                self.tr("Runs in %1 s: %2").replace("%1", seconds).replace("%2", ", ".join(tried.abilities))
            )
        else:
            text = self.tr("Starts in %1 s").replace("%1", seconds)
        if tried.is_signed_in is not None:
            state = self.tr("signed in") if tried.is_signed_in else self.tr("not signed in")
            text = f"{text}, {state}"
        self._say("check-circle-fill", "ok", text)

    def _fail(self, error: Exception) -> None:
        self.test.setEnabled(True)
        self._say("warning-octagon-fill", "bad", str(error))

    def _say(self, icon_name: str, role: str, text: str) -> None:
        self._icon.show_icon(icon_name, role)
        self.text.setText(text)
        self.text.setToolTip(text)
        self.setAccessibleName(f"{self.tool.kind.value} {self.tool.version}: {text}")


def _ranges(majors: tuple[int, ...]) -> str:
    """“13 to 17”, “15, 17”."""
    runs: list[list[int]] = []
    for major in majors:
        if runs and runs[-1][-1] == major - 1:
            runs[-1].append(major)
        else:
            runs.append([major])
    to = formats.translate("ToolsPage", "%1 to %2")
    return ", ".join(
        to.replace("%1", str(run[0])).replace("%2", str(run[-1])) if len(run) > 1 else str(run[0])
        for run in runs
    )
