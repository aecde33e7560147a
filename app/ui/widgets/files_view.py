"""Where a backup lies, how it was made, and each of its files."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.domain.backup import FileRecord, Manifest
from app.domain.history import Entry
from app.ui import formats
from app.ui.models.plain_rows import Field, PlainRows
from app.ui.theme import M, S
from app.ui.widgets.basics import label
from app.ui.widgets.elided_label import ElidedLabel
from app.ui.widgets.plain_table import PlainTable


class FilesView(QWidget):
    """Two lines of facts above the table."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._path = ElidedLabel("", "second")
        self._facts = label("", "caption", wrap=True)
        self._rows: PlainRows[FileRecord] = PlainRows(
            (
                Field(
                    self.tr("File"),
                    lambda one: one.path,
                    tool_tip=lambda one: f"{one.path}\nSHA-256 {one.sha256}",
                    icon=lambda _: ("file", "text2"),
                ),
                Field(
                    self.tr("Size"),
                    lambda one: formats.size(one.bytes),
                    key=lambda one: one.bytes,
                    tool_tip=lambda one: formats.exact_size(one.bytes),
                    is_number=True,
                ),
                Field(
                    self.tr("SHA-256"),
                    lambda one: f"{one.sha256[:12]}…",
                    key=lambda one: one.sha256,
                    tool_tip=lambda one: one.sha256,
                    colour=lambda _: "text2",
                ),
            ),
            self,
        )
        self.table = PlainTable(self._rows, self.tr("Files of the backup"))
        for one in (self._path, self._facts):
            one.setContentsMargins(M + 4, 0, M + 4, 0)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, S, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self._path)
        layout.addWidget(self._facts)
        layout.addSpacing(S)
        layout.addWidget(self.table, 1)

    def show_files(self, entry: Entry, manifest: Manifest) -> None:
        """Show those of this backup."""
        self._path.setText(entry.path)
        server = self.tr("PostgreSQL %1").replace("%1", manifest.server.version)
        facts = (server, manifest.tool, manifest.format.value, manifest.compression)
        extras = [part.name for part in manifest.parts if part.name != "database"]
        self._facts.setText(" · ".join(filter(None, (*facts, *extras))))
        self._rows.show_rows(manifest.files)
