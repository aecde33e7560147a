"""What came of a restore: tables compared row for row, statements that failed, and what was left out."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPlainTextEdit,
    QScrollArea,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from app.domain.restore import RestoreFailure, RestoreReport, RestoreResult
from app.ui import formats
from app.ui.models.row_checks import Column, RowChecks
from app.ui.theme import XL, L, M, S
from app.ui.widgets.basics import button, card, column, label, line, row
from app.ui.widgets.icon_label import IconLabel
from app.ui.widgets.plain_table import Lines
from app.ui.widgets.segmented import Segmented

_TONES = {
    RestoreResult.SUCCEEDED: ("check-circle-fill", "ok"),
    RestoreResult.INCOMPLETE: ("warning-fill", "warn"),
    RestoreResult.FAILED: ("warning-octagon-fill", "bad"),
    RestoreResult.CANCELLED: ("prohibit", "neu"),
}
_NUMBER_WIDTH = 110
_ABBREVIATIONS = ("ACL", "BLOB", "FK")


class RestoreReportView(QWidget):
    """Signals: `another_wanted`; `undo_wanted` and `folder_wanted` carry the safety backup's folder."""

    another_wanted = Signal()
    undo_wanted = Signal(str)
    folder_wanted = Signal(str)
    failed = Signal(object, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._report: RestoreReport | None = None
        self._export = button(self.tr("Export Report…"), "export")
        self._export.clicked.connect(self._ask_for_file)
        self._another = button(self.tr("Restore Another…"))
        self._another.clicked.connect(self.another_wanted)
        self._icon = IconLabel("check-circle-fill", "ok", 28)
        self._sentence = label("", "heading", wrap=True)
        self._detail = label("", "second", wrap=True)
        self._undo = button(self.tr("Undo This Restore…"), "arrow-u-up-left")
        self._undo.clicked.connect(lambda: self.undo_wanted.emit(self._safety))
        verdict = card()
        head = QHBoxLayout(verdict)
        head.setContentsMargins(L, L, L, L)
        head.setSpacing(L)
        head.addWidget(self._icon)
        head.addLayout(column(self._sentence, self._detail, spacing=2), 1)
        head.addWidget(self._undo)
        self._checks = RowChecks()
        self._compared_title = label("", "strong")
        self._which = Segmented(
            ((False, self.tr("All")), (True, self.tr("Different"))), self.tr("Which tables")
        )
        self._which.changed.connect(self._checks.show_different)
        self._rows_note = label("", "second")
        left = QVBoxLayout()
        left.setSpacing(S)
        left.addLayout(row(self._compared_title, None, self._which))
        left.addWidget(self._table(), 1)
        self._side = QScrollArea()
        self._side.setWidgetResizable(True)
        self._side.setFrameShape(QFrame.Shape.NoFrame)
        self._side.setMinimumWidth(320)
        body = QHBoxLayout()
        body.setSpacing(XL)
        body.addLayout(left, 3)
        body.addWidget(self._side, 2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(XL, L, XL, XL)
        layout.setSpacing(L)
        layout.addLayout(row(label(self.tr("Restore report"), "title"), None, self._export, self._another))
        layout.addWidget(verdict)
        layout.addLayout(body, 1)

    @property
    def _safety(self) -> str:
        return self._report.safety_backup if self._report else ""

    def show_report(self, report: RestoreReport) -> None:
        """Show this one."""
        self._report = report
        self._icon.show_icon(*_TONES[report.result])
        self._sentence.setText(self._verdict(report))
        seconds = (report.finished - report.started).total_seconds()
        text = self.tr("“%1” into “%2”, %3.")
        text = text.replace("%1", report.source).replace("%2", report.target)
        parts = [text.replace("%3", formats.about(seconds)), report.left]
        if report.safety_backup:
            parts.append(self.tr("What was there is kept as a safety backup."))
        self._detail.setText(" ".join(filter(None, parts)))
        self._undo.setVisible(bool(report.safety_backup))
        different = len(report.different_rows)
        self._checks.show_checks(report.rows)
        self._compared_title.setText(self.tr("Rows compared"))
        self._which.set_text(False, self.tr("All %1").replace("%1", formats.count(len(report.rows))))
        self._which.set_text(True, self.tr("Different %1").replace("%1", formats.count(different)))
        self._which.choose(False)
        expected = sum(one.expected for one in report.rows)
        found = sum(min(one.found, one.expected) for one in report.rows)
        text = self.tr("%1 of %2 rows").replace("%1", formats.count(found))
        self._rows_note.setText(text.replace("%2", formats.count(expected)))
        self._show_side(report)

    def _verdict(self, report: RestoreReport) -> str:
        total, different = len(report.rows), len(report.different_rows)
        failed, objects = len(report.failures), report.objects
        if report.result is RestoreResult.CANCELLED:
            return self.tr("The restore was cancelled.")
        if report.result is RestoreResult.FAILED:
            return self.tr("Nothing was restored.") if not report.objects else self.tr("The restore failed.")
        if different:
            text = self.tr("%1 of %n table(s) match the source, row for row.", "", total)
            return text.replace("%1", formats.count(total - different))
        if report.failures:
            return self.tr("All rows are there, but %n statement(s) failed.", "", failed)
        if not total:
            return self.tr("%n object(s) restored.", "", objects)
        return self.tr("All %n table(s) match the source, row for row.", "", total)

    def _show_side(self, report: RestoreReport) -> None:
        holder = QWidget()
        layout = column(spacing=S)
        holder.setLayout(layout)
        if report.failures:
            number = len(report.failures)
            layout.addWidget(label(self.tr("%n statement(s) failed", "", number), "strong"))
            for failure in report.failures[:50]:
                layout.addWidget(self._failure_card(failure))
        if report.skipped:
            layout.addWidget(label(self.tr("Left out or changed"), "strong"))
            layout.addWidget(self._skipped_card(report))
        if report.safety_backup:
            layout.addWidget(label(self.tr("Safety backup"), "strong"))
            layout.addWidget(self._safety_card(report.safety_backup))
        layout.addStretch(1)
        if (first := layout.itemAt(0)) is not None and isinstance(heading := first.widget(), QLabel):
            heading.setMinimumHeight(
                self._which.sizeHint().height()
            )  # on one line with the heading beside it
        self._side.setWidget(holder)
        self._side.setVisible(bool(report.failures or report.skipped or report.safety_backup))

    def _failure_card(self, failure: RestoreFailure) -> QWidget:
        made = card()
        title = row(
            IconLabel("warning-octagon-fill", "bad", 18),
            label(f"{_kind_word(failure.kind)} {failure.name}".strip(), "label", wrap=True),
            spacing=M,
        )
        title.setStretch(1, 1)
        code = QPlainTextEdit(f"{failure.statement.strip()}\n{failure.cause}")
        code.setProperty("role", "code")
        code.setReadOnly(True)
        code.setFixedHeight(92)
        code.setAccessibleName(self.tr("Statement and the server's words"))
        copy = button(self.tr("Copy"), "copy", kind="flat", size="small")
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(code.toPlainText()))
        layout = column(title, spacing=S)
        if failure.remedy:
            layout.addWidget(label(failure.remedy, "second", wrap=True))
        layout.addWidget(code)
        layout.addLayout(row(copy, None))
        layout.setContentsMargins(M, M, M, S)
        made.setLayout(layout)
        return made

    def _skipped_card(self, report: RestoreReport) -> QWidget:
        made = card()
        layout = column(spacing=S)
        layout.setContentsMargins(M, M, M, M)
        for number, one in enumerate(report.skipped[:100]):
            if number:
                layout.addWidget(line())
            layout.addWidget(label(f"{_kind_word(one.kind)} {one.name}", "label", wrap=True))
            layout.addWidget(label(formats.sentences(one.reason), "second", wrap=True))
        made.setLayout(layout)
        return made

    def _safety_card(self, folder: str) -> QWidget:
        made = card()
        show = button(self.tr("Open Folder"), "folder-open", size="small")
        show.clicked.connect(lambda: self.folder_wanted.emit(folder))
        layout = column(label(folder, "second", wrap=True), row(show, None), spacing=S)
        layout.setContentsMargins(M, M, M, M)
        made.setLayout(layout)
        return made

    def _table(self) -> QWidget:
        made = card()
        view = QTableView()
        view.setModel(self._checks)
        view.setShowGrid(False)
        view.setItemDelegate(Lines(view))
        view.verticalHeader().hide()
        view.verticalHeader().setDefaultSectionSize(30)
        view.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        view.setAccessibleName(self.tr("Rows compared"))
        view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header = view.horizontalHeader()
        header.setHighlightSections(False)
        header.setProperty("role", "plain")
        header.setSectionResizeMode(Column.TABLE, QHeaderView.ResizeMode.Stretch)
        for number in (Column.EXPECTED, Column.FOUND, Column.RESULT):
            header.resizeSection(number, _NUMBER_WIDTH)
        footer = QFrame()
        footer.setProperty("role", "tablefooter")
        note = row(None, self._rows_note)
        note.setContentsMargins(M, S, M, S)
        footer.setLayout(note)
        layout = column(view, footer, spacing=0)
        layout.setContentsMargins(1, 1, 1, 1)
        made.setLayout(layout)
        return made

    def _ask_for_file(self) -> None:
        report = self._report
        if report is None:
            return
        name, _ = QFileDialog.getSaveFileName(
            self, self.tr("Export Report"), f"restore-{report.started:%Y%m%dT%H%M%SZ}.json", "JSON (*.json)"
        )
        if not name:
            return
        import msgspec

        try:
            Path(name).write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
        except OSError as error:
            self.failed.emit(error, self.tr("The report was not exported"))


def _kind_word(kind: str) -> str:
    """“Materialized view” for pg_dump's MATERIALIZED VIEW; abbreviations stay as they are."""
    words = [word if word in _ABBREVIATIONS else word.lower() for word in kind.split(" ")]
    text = " ".join(words)
    return f"{text[:1].upper()}{text[1:]}"
