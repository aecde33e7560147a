"""The form of one schedule: what is backed up when, where to, under which conditions, and what is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFrame,
    QGridLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.domain.backup import BackupOptions, Contents
from app.domain.proof import ProofLevel
from app.domain.schedule import Conditions, Schedule
from app.ui import schedule_words
from app.ui.icons import icon
from app.ui.schedule_edits import problems
from app.ui.state import State
from app.ui.theme import XL, M, S
from app.ui.widgets.basics import button, column, icon_button, label, restyle, row
from app.ui.widgets.elided_edit import ElidedEdit
from app.ui.widgets.next_five import NextFive
from app.ui.widgets.schedule_keep import ScheduleKeep
from app.ui.widgets.schedule_when import ScheduleWhen

_LABELS = 76
_WHAT = tuple(product(Contents, (True, False)))


class ScheduleEditor(QScrollArea):
    """Edits a draft; nothing is saved by it.

    Attributes:
        draft: the schedule as the fields say it, whether it could run or not.
        problems: what is wrong with which field, in words.

    Signals:
        changed: the draft is another one.
        checked: `problems` is what is wrong with the draft now.
        delete_wanted: the schedule is to go.
    """

    changed = Signal()
    checked = Signal()
    delete_wanted = Signal()

    def __init__(self, state: State, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._loading = False
        self.draft: Schedule | None = None
        self.problems: dict[str, str] = {}
        self.project = QComboBox()
        self.project.setMinimumContentsLength(8)
        self.name = QLineEdit()
        self.name.setMaxLength(100)
        self.name.setPlaceholderText(self.tr("Name, if you like"))
        self.name.setAccessibleName(self.tr("Name"))
        self.delete = icon_button("trash", self.tr("Delete Schedule…"), bare=True)
        self.delete.clicked.connect(self.delete_wanted)
        self.when = ScheduleWhen(state)
        self.next_five = NextFive()
        self.keep = ScheduleKeep(state)
        self.what = QComboBox()
        for contents, roles in _WHAT:
            self.what.addItem(schedule_words.what(BackupOptions(contents=contents, roles=roles)))
        self.proof = QComboBox()
        for level in reversed(ProofLevel):
            self.proof.addItem(schedule_words.proof(level), level)
        self.proof.setAccessibleName(self.tr("Proof"))
        self.folder = ElidedEdit()
        self._choose = button(self.tr("Change…"))
        self._choose.clicked.connect(self._choose_folder)
        self.mains = QCheckBox(self.tr("On mains power"))
        self.metered = QCheckBox(self.tr("Not metered"))
        self.server = QCheckBox(self.tr("Server answers"))
        self.only_some = label("", "caption", wrap=True)
        self.errors = {name: label("", "error", wrap=True) for name in ("cron", "zone", "destination")}
        self._fields: dict[str, QWidget] = {
            "cron": self.when.cron,
            "zone": self.when.zone,
            "destination": self.folder,
        }
        self._labels: list[QLabel] = []
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidget(self._make_form())
        self._connect()

    @property
    def projects(self) -> list[str]:
        """The names to choose from."""
        return [self.project.itemText(number) for number in range(self.project.count())]

    def show_schedule(self, draft: Schedule, projects: Sequence[str]) -> None:
        """Put a draft into the fields.

        Args:
            draft: it may be one with mistakes.
            projects: the names to choose from.
        """
        self._loading = True
        self.draft = draft
        self.project.clear()
        for name in projects:
            self.project.addItem(icon("database", "text2"), name)
        self.project.setCurrentIndex(self.project.findText(draft.project))
        self.name.setText(draft.name)
        options, conditions = draft.options, draft.conditions
        self.what.setCurrentIndex(_WHAT.index((options.contents, options.roles)))
        self.proof.setCurrentIndex(self.proof.findData(options.proof))
        is_selection = bool(options.schemas or options.tables or options.excluded_tables)
        self.only_some.setText(
            self.tr("Only some of the tables, as the command line was told.") if is_selection else ""
        )
        self.only_some.setVisible(is_selection)
        self.folder.setText(draft.destination)
        self.mains.setChecked(conditions.mains_power)
        self.metered.setChecked(conditions.not_metered)
        self.server.setChecked(conditions.server_reachable)
        self.when.show_schedule(draft)
        self.keep.show_schedule(draft)
        self._loading = False
        self._check()

    def refresh(self) -> None:
        """The time moved on, or the default folder is another one."""
        self._check()

    def focus_problem(self) -> None:
        """Go to the first field that is wrong."""
        for name, field in self._fields.items():
            if name in self.problems:
                field.setFocus()
                return

    def fields(self) -> tuple[QWidget, ...]:
        """All that the keyboard reaches, as one reads them."""
        when, keep = self.when, self.keep
        return (
            *(self.project, self.name, self.delete, *when.repeat.findChildren(QToolButton)),
            *(when.weekday, when.day, when.clock, when.minute, when.cron, when.zone),
            *(self.what, self.proof, self.folder, self._choose, self.mains, self.metered, self.server),
            *(*keep.numbers.values(), keep.age, keep.total, *keep.preview.findChildren(QPushButton)),
        )

    def _connect(self) -> None:
        for signal in (
            self.project.currentIndexChanged,
            self.name.textChanged,
            self.when.changed,
            self.what.currentIndexChanged,
            self.proof.currentIndexChanged,
            self.folder.textChanged,
            self.mains.toggled,
            self.metered.toggled,
            self.server.toggled,
            self.keep.changed,
        ):
            signal.connect(self._edited)

    def _edited(self) -> None:
        if self._loading or self.draft is None:
            return
        contents, roles = _WHAT[self.what.currentIndex()]
        options = replace(
            self.draft.options,
            contents=contents,
            roles=roles,
            proof=ProofLevel(self.proof.currentData()),
        )
        conditions = Conditions(self.mains.isChecked(), self.metered.isChecked(), self.server.isChecked())
        draft = replace(
            self.draft,
            project=self.project.currentText(),
            name=self.name.text().strip(),
            options=options,
            destination=self.folder.text().strip(),
            conditions=conditions,
        )
        self.draft = self.keep.applied_to(self.when.applied_to(draft))
        self._check()
        self.changed.emit()

    def _check(self) -> None:
        """Say what is wrong, and what the draft means where nothing is."""
        draft, state = self.draft, self._state
        if draft is None:
            return
        self.problems = problems(draft)
        self._mark()
        has_times = not {"cron", "zone"} & self.problems.keys()
        self.next_five.show_schedule(draft if has_times else None, state.now(), state.zone)
        self.keep.show_preview(draft)
        self.folder.setPlaceholderText(str(state.destination))
        self._when_label.setBuddy(self.when.main_field)
        if draft.destination and "destination" not in self.problems:
            folder = Path(draft.destination)
            state.background.run(  # a folder in a network may take its time to answer
                self,
                lambda: folder.exists() and not folder.is_dir(),
                lambda is_file: self._mark_file(draft, is_file=is_file),
                lambda _: None,
            )

    def _mark_file(self, draft: Schedule, *, is_file: bool) -> None:
        if is_file and self.draft is not None and self.draft.destination == draft.destination:
            self.problems["destination"] = self.tr("This is a file, not a folder.")
            self._mark()

    @property
    def least_width(self) -> int:
        """With less, a row whose words never change would be cut."""
        boxes = (self.mains, self.metered, self.server)
        conditions = sum(one.sizeHint().width() for one in boxes) + 2 * (M + 2)
        rows = (self.keep.counts, self.keep.limits, self.when.repeat)
        fields = max(conditions, *(one.minimumSizeHint().width() for one in rows))
        words = max(_LABELS, *(one.sizeHint().width() for one in self._labels))
        return 4 + words + M + fields + XL

    def _mark(self) -> None:
        for name, field in self._fields.items():
            text = self.problems.get(name, "")
            self.errors[name].setText(text)
            self.errors[name].setVisible(bool(text))
            field.setAccessibleDescription(text)
            if bool(field.property("invalid")) is not bool(text):
                field.setProperty("invalid", bool(text))
                restyle(field)
        self.checked.emit()

    def _choose_folder(self) -> None:
        start = self.folder.text() or str(self._state.destination)
        name = QFileDialog.getExistingDirectory(self, self.tr("Choose a Folder"), start)
        if name:
            self.folder.setText("" if Path(name) == self._state.destination else name)

    def _make_form(self) -> QWidget:
        made = QWidget()
        form = QGridLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.setHorizontalSpacing(M)
        form.setVerticalSpacing(S + 2)
        form.setColumnStretch(1, 1)
        form.setColumnMinimumWidth(0, _LABELS)
        project = row(self.project, self.name, self.delete)
        project.setStretch(0, 1)
        project.setStretch(1, 1)
        times = column(self.when.when, self.errors["cron"], self.errors["zone"], spacing=4)
        options = row(self.what, self.proof)
        options.setStretch(0, 1)
        options.setStretch(1, 1)
        folder = row(self.folder, self._choose)
        self._when_label = self._label(self.tr("When"), self.when.clock)
        tops = Qt.AlignmentFlag.AlignTop
        rows = (
            (self._label(self.tr("Project"), self.project, names=True), project),
            (self._label(self.tr("Repeat"), self.when.repeat), row(self.when.repeat, None)),
            (self._when_label, times),
            (self._label(self.tr("Next five"), self.next_five), column(self.next_five)),
            (
                self._label(self.tr("Back up"), self.what, names=True),
                column(options, self.only_some, spacing=4),
            ),
            (
                self._label(self.tr("Folder"), self.folder, names=True),
                column(folder, self.errors["destination"], spacing=4),
            ),
            (
                self._label(self.tr("Only when"), self.mains),
                row(self.mains, self.metered, self.server, None, spacing=M + 2),
            ),
            (self._label(self.tr("Keep"), self.keep.numbers["last"]), column(self.keep.counts)),
            (self._label(self.tr("At most"), self.keep.age), column(self.keep.limits)),
            (self._label(self.tr("Removes"), self.keep.preview), column(self.keep.preview)),
        )
        for number, (words, fields) in enumerate(rows):
            form.addWidget(words, number, 0, tops)
            form.addLayout(fields, number, 1)
        self._place_keep_label()
        layout = QVBoxLayout(made)
        layout.setContentsMargins(4, 0, XL, XL)
        bar = self.verticalScrollBar()
        bar.rangeChanged.connect(  # the fields do not move when the bar comes and goes
            lambda _, most: layout.setContentsMargins(4, 0, XL - (bar.sizeHint().width() if most else 0), XL)
        )
        layout.addLayout(form)
        layout.addStretch(1)
        return made

    def _place_keep_label(self) -> None:
        """Beside the fields, not beside the words above them."""
        words = next(one for one in self._labels if one.buddy() is self.keep.numbers["last"])
        words.setMinimumHeight(self.keep.counts.sizeHint().height())
        words.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignBottom)
        words.setContentsMargins(0, 0, 0, 6)

    def _label(self, words: str, field: QWidget, *, names: bool = False) -> QLabel:
        made = label(words, "second")
        made.setBuddy(field)
        made.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        made.setMinimumHeight(18 if isinstance(field, QCheckBox) else 30)
        if names:
            field.setAccessibleName(words)
        self._labels.append(made)
        return made
