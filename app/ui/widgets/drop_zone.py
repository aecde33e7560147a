"""Fills Restore until there is a source: a place to drop files on, and buttons for who rather chooses."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFileDialog, QFrame, QVBoxLayout, QWidget

from app.ui.theme import RADIUS_CARD, XL, L, S, colours
from app.ui.widgets.basics import button, label, row
from app.ui.widgets.icon_label import IconLabel


class DropZone(QFrame):
    """`chosen` carries paths from the file dialogs; drops are taken by the whole window."""

    chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        centre = Qt.AlignmentFlag.AlignHCenter
        tile = QFrame()
        tile.setProperty("role", "panel")
        tile.setProperty("tone", "info")
        tile.setFixedSize(64, 64)
        inside = QVBoxLayout(tile)
        inside.addWidget(IconLabel("file-arrow-down", "accent", 32), alignment=Qt.AlignmentFlag.AlignCenter)
        title = label(self.tr("Drop a backup here"), "title")
        self.file_button = button(self.tr("Choose File…"), "file", kind="primary")
        self.file_button.clicked.connect(self.choose_file)
        self.folder_button = button(self.tr("Choose Folder…"), "folder")
        self.folder_button.clicked.connect(self.choose_folder)
        what = label(
            self.tr("A folder, .dump, .sql, .gz, .zst, .tar, or what the Supabase dashboard or CLI gave you"),
            "second",
            wrap=True,
        )
        what.setAlignment(centre)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(XL, XL, XL, XL)
        layout.setSpacing(0)
        layout.addStretch(1)
        layout.addWidget(tile, alignment=centre)
        layout.addSpacing(L)
        layout.addWidget(title, alignment=centre)
        layout.addSpacing(S - 2)
        layout.addWidget(what)
        layout.addSpacing(L)
        layout.addLayout(row(None, self.file_button, self.folder_button, None))
        layout.addSpacing(L)
        hint = label(self.tr("Nothing is changed until you have seen the plan."), "caption")
        layout.addWidget(hint, alignment=centre)
        layout.addStretch(1)

    def choose_file(self) -> None:
        """Ask for files; scripts that belong together are chosen together."""
        names, _ = QFileDialog.getOpenFileNames(self, self.tr("Choose a Backup"))
        if names:
            self.chosen.emit(tuple(map(Path, names)))

    def choose_folder(self) -> None:
        """Ask for a folder: a backup of Holdfast, or a directory archive."""
        name = QFileDialog.getExistingDirectory(self, self.tr("Choose a Backup Folder"))
        if name:
            self.chosen.emit((Path(name),))

    def paintEvent(self, _event: QPaintEvent) -> None:
        """A dashed border."""
        of = colours(self.palette())
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pen = QPen(QColor(of.ctl), 2)
        pen.setDashPattern([2.5, 2])
        painter.setPen(pen)
        painter.setBrush(QColor(of.base))
        area = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        painter.drawRoundedRect(area, RADIUS_CARD, RADIUS_CARD)
        painter.end()
