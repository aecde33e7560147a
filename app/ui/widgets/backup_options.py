"""The options of a backup: which tables, note, what, parts, format, compression, proof and folder."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QBoxLayout,
    QCheckBox,
    QComboBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QRadioButton,
    QWidget,
)

from app.domain.backup import BackupOptions, Compression, Contents, Format
from app.domain.errors import AppError
from app.domain.proof import ProofLevel
from app.ui.theme import XL, M, S
from app.ui.widgets.basics import button, column, label, restyle, row
from app.ui.widgets.elided_edit import ElidedEdit
from app.ui.widgets.segmented import Segmented
from app.ui.widgets.table_tree_view import TableTreeView

_DEFAULTS = BackupOptions()
_TREE_BELOW = 260
"""How high the tree is where it stands above the fields."""


class BackupOptionsForm(QWidget):
    """`changed` tells of each change. What is chosen at first is what most people want."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._default_folder = Path()
        self.tree = TableTreeView()
        self.tree.selection_changed.connect(self.changed)
        self.note = QLineEdit()
        self.note.setMaxLength(500)
        self.note.setPlaceholderText(self.tr("Why this backup, if you like"))
        self.contents = Segmented(
            (
                (Contents.ALL, self.tr("Everything")),
                (Contents.SCHEMA, self.tr("Schema")),
                (Contents.DATA, self.tr("Data")),
            ),
            self.tr("What"),
        )
        self.roles = QCheckBox(self.tr("Roles"))
        self.storage = QCheckBox(self.tr("Storage files"))
        self.functions = QCheckBox(self.tr("Edge functions"))
        self.configuration = QCheckBox(self.tr("Settings"))
        self.configuration.setToolTip(
            self.tr("Of sign-in, API, storage and realtime; of secrets the names alone.")
        )
        self.format = QComboBox()
        self._format_hint = label("", "caption", wrap=True)
        self._formats = {
            Format.DIRECTORY: (
                self.tr("Directory"),
                self.tr("Parallel; one table can be restored alone."),
            ),
            Format.CUSTOM: (self.tr("Custom"), self.tr("One file; one table can be restored alone.")),
            Format.PLAIN: (self.tr("Plain SQL"), self.tr("A script to read; slow for large databases.")),
        }
        for value, (words, _) in self._formats.items():
            self.format.addItem(words, value)
        self.compression = QComboBox()
        self.compression.setEditable(True)
        self._compression_hint = label("", "caption", wrap=True)
        self._methods = {
            "": (self.tr("Best that the tools have"), self.tr("zstd where pg_dump has it, else gzip.")),
            "zstd:3": (self.tr("zstd, level 3"), self.tr("About as fast as a server sends, and small.")),
            "gzip": ("gzip", self.tr("Read by everything, and three times as slow.")),
            "lz4": ("lz4", self.tr("Costs hardly any time; the files are larger.")),
            "bzip2": ("bzip2", self.tr("For plain SQL alone: small and slow.")),
            "none": (self.tr("None"), self.tr("For folders that compress or deduplicate by themselves.")),
        }
        for key, (words, _) in self._methods.items():
            self.compression.addItem(words, key)
        self._compression_error = label("", "error", wrap=True)
        self.proven = QRadioButton(self.tr("Prove by restoring"))
        self.complete = QRadioButton(self.tr("Complete"))
        self.folder = ElidedEdit()
        self._folder_error = label("", "error", wrap=True)
        self._change = button(self.tr("Change…"))
        self._change.clicked.connect(self._choose_folder)
        self._form = self._make_form()
        self._columns = row(self.tree, self._form, spacing=XL + S)
        self._columns.setStretch(0, 5)
        self._columns.setStretch(1, 5)
        self.setLayout(self._columns)
        self.show_parts(False)
        self.reset()
        for signal in (
            self.note.textChanged,
            self.contents.changed,
            self.roles.toggled,
            *(part.toggled for part in self._beside),
            self.format.currentIndexChanged,
            self.compression.editTextChanged,
            self.proven.toggled,
            self.folder.textChanged,
        ):
            signal.connect(self._tell)

    def arrange(self, room: int) -> None:
        """Tree and fields side by side, unless there is less room than both need."""
        needed = max(self.tree.minimumSizeHint().width(), self._form.minimumSizeHint().width()) * 2
        fits = room >= needed + self._columns.spacing()
        direction = QBoxLayout.Direction.LeftToRight if fits else QBoxLayout.Direction.TopToBottom
        self._columns.setDirection(direction)
        self.tree.setMinimumHeight(0 if fits else _TREE_BELOW)

    def reset(self) -> None:
        """Back to what was chosen at first."""
        self.note.clear()
        self.contents.choose(Contents.ALL)
        self.roles.setChecked(True)
        for part in self._beside:
            part.setChecked(True)
        self.format.setCurrentIndex(0)
        self.compression.setCurrentIndex(0)
        self.proven.setChecked(True)
        self.folder.setText(str(self._default_folder))
        self.tree.model.check_all(True)
        self._tell()

    def show_folder(self, folder: Path) -> None:
        """The folder that is meant while no other one is chosen."""
        was_default = self.folder.text() == str(self._default_folder)
        self._default_folder = folder
        if was_default or not self.folder.text():
            self.folder.setText(str(folder))

    def show_parts(self, shown: bool) -> None:
        """Offer what a Supabase project has beside its database; what is not offered is as at first."""
        for part in self._beside:
            part.setVisible(shown)
            if not shown:
                part.setChecked(True)

    @property
    def parts(self) -> tuple[str, ...]:
        """What is saved beside the database, in the window's words."""
        words = (
            (self.roles, self.tr("the roles")),
            (self.storage, self.tr("the storage files")),
            (self.functions, self.tr("the edge functions")),
            (self.configuration, self.tr("the settings")),
        )
        return tuple(text for part, text in words if part.isChecked() and not part.isHidden())

    @property
    def _beside(self) -> tuple[QCheckBox, ...]:
        return self.storage, self.functions, self.configuration

    @property
    def destination(self) -> Path:
        """Where the backup goes."""
        return Path(self.folder.text().strip() or str(self._default_folder))

    @property
    def changes(self) -> int:
        """How many options are not what they were at first."""
        return sum(
            (
                bool(self.note.text()),
                self.contents.value is not Contents.ALL,
                not self.roles.isChecked(),
                *(not part.isChecked() for part in self._beside),
                self.format.currentIndex() != 0,
                self.compression.currentText() != self.compression.itemText(0),
                not self.proven.isChecked(),
                self.destination != self._default_folder,
                bool(self.tree.model.unchecked),
            )
        )

    def options(self) -> BackupOptions:
        """What was chosen.

        Raises:
            AppError: INVALID_INPUT; the field is marked.
        """
        return BackupOptions(
            contents=Contents(str(self.contents.value)),
            excluded_tables=tuple(
                f"{_quoted(t.schema)}.{_quoted(t.name)}" for t in self.tree.model.unchecked
            ),
            format=Format(self.format.currentData()),
            compression=self._chosen_compression(),
            roles=self.roles.isChecked(),
            proof=ProofLevel.PROVEN if self.proven.isChecked() else ProofLevel.COMPLETE,
            note=self.note.text().strip(),
            storage=self.storage.isChecked(),
            functions=self.functions.isChecked(),
            configuration=self.configuration.isChecked(),
        )

    def problem(self) -> str:
        """What is wrong, marked at its field; empty when nothing is."""
        try:
            self.options()
        except AppError as error:
            text = f"{error.title}. {error.hint}"
        else:
            text = ""
        self._mark(self.compression, self._compression_error, text)
        folder = ""
        if not self.destination.is_absolute():
            folder = self.tr("This is not a whole path: begin at the root, or choose the folder.")
        elif self.destination.exists() and not self.destination.is_dir():
            folder = self.tr("This is a file, not a folder.")
        self._mark(self.folder, self._folder_error, folder)
        nothing = ""
        if self.tree.model.count and not self.tree.model.checked:
            nothing = self.tr("Choose at least one table.")
        return text or folder or nothing

    def _chosen_compression(self) -> Compression | None:
        text = self.compression.currentText().strip()
        known = next((key for key, (words, _) in self._methods.items() if words == text), text)
        return Compression.parse(known) if known else None

    def _mark(self, field: QWidget, words: QLabel, text: str) -> None:
        words.setText(text)
        words.setVisible(bool(text))
        if bool(field.property("invalid")) is not bool(text):
            field.setProperty("invalid", bool(text))
            restyle(field)

    def _tell(self) -> None:
        self._format_hint.setText(self._formats[Format(self.format.currentData())][1])
        text = self.compression.currentText()
        self._compression_hint.setText(
            next((hint for words, hint in self._methods.values() if words == text), "")
        )
        self.changed.emit()

    def _choose_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, self.tr("Choose a Folder"), str(self.destination))
        if name:
            self.folder.setText(name)

    def _make_form(self) -> QWidget:
        made = QWidget()
        form = QGridLayout(made)
        form.setContentsMargins(0, 0, 0, 0)
        form.setHorizontalSpacing(M)
        form.setVerticalSpacing(S + 2)
        form.setColumnStretch(1, 1)
        proof = column(
            self.proven,
            _below_radio(self.tr("Restored here and compared byte for byte.")),
            self.complete,
            _below_radio(self.tr("Every row counted and hashed, not restored.")),
            spacing=4,
        )
        parts = QWidget()
        parts.setLayout(column(self.storage, self.functions, self.configuration, spacing=4))
        rows: tuple[tuple[str, QWidget, tuple[QWidget, ...]], ...] = (
            (self.tr("Note"), self.note, ()),
            (self.tr("What"), self.contents, ()),
            (self.tr("Parts"), self.roles, (parts,)),
            (self.tr("Format"), self.format, (self._format_hint,)),
            (self.tr("Compression"), self.compression, (self._compression_error, self._compression_hint)),
        )
        for number, (words, field, below) in enumerate(rows):
            form.addWidget(self._label(words, field), number, 0, Qt.AlignmentFlag.AlignTop)
            form.addLayout(column(field, *below, spacing=4), number, 1)
        number = len(rows)
        form.addWidget(self._label(self.tr("Proof"), self.proven), number, 0, Qt.AlignmentFlag.AlignTop)
        form.addLayout(proof, number, 1)
        folder = row(self.folder, self._change)
        form.addWidget(self._label(self.tr("Folder"), self.folder), number + 1, 0, Qt.AlignmentFlag.AlignTop)
        form.addLayout(column(folder, self._folder_error, spacing=4), number + 1, 1)
        form.setRowStretch(number + 2, 1)
        return made

    def _label(self, words: str, field: QWidget) -> QLabel:
        made = label(words, "second")
        made.setBuddy(field)
        made.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        made.setMinimumHeight(30 if not isinstance(field, (QCheckBox, QRadioButton)) else 20)
        field.setAccessibleName(words)
        return made


def _below_radio(text: str) -> QHBoxLayout:
    made = row(24, label(text, "caption", wrap=True), spacing=0)
    made.setStretch(1, 1)
    return made


def _quoted(name: str) -> str:
    """As pg_dump's patterns take a name literally."""
    return '"' + name.replace('"', '""') + '"'
