"""What was dropped, in one card: name, proof, path, format, server, encoding, size."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from app.domain.proof import ProofLevel
from app.ui.theme import L, M, S
from app.ui.widgets.badge import PROOF_FAILED, PROOF_STATUS, SEALED, Badge
from app.ui.widgets.basics import card, column, label
from app.ui.widgets.elided_label import ElidedLabel
from app.ui.widgets.icon_label import IconLabel


class SourceCard(QWidget):
    """Describes one source."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        frame = card()
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(frame)
        tile = QFrame()
        tile.setProperty("role", "panel")
        tile.setProperty("tone", "info")
        tile.setFixedSize(40, 40)
        inside = QVBoxLayout(tile)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addWidget(IconLabel("database", "accent", 20), alignment=Qt.AlignmentFlag.AlignCenter)
        self._title = ElidedLabel("", "strong", mode=Qt.TextElideMode.ElideRight)
        self._badge = Badge(SEALED)
        self._path = ElidedLabel("", "caption")
        self._path.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        head = QHBoxLayout()
        head.setSpacing(S)
        head.addWidget(self._title)
        head.addWidget(self._badge)
        head.addStretch(1)
        self._facts = QHBoxLayout()
        self._facts.setSpacing(L + S)
        layout = QHBoxLayout(frame)
        layout.setContentsMargins(L, M, L, M)
        layout.setSpacing(M)
        layout.addWidget(tile)
        texts = QVBoxLayout()
        texts.setSpacing(2)
        texts.addLayout(head)
        texts.addWidget(self._path)
        layout.addLayout(texts, 1)
        layout.addLayout(self._facts)

    def show_source(
        self,
        title: str,
        path: str,
        facts: tuple[tuple[str, str], ...],
        proof: ProofLevel | None = None,
        *,
        proof_failed: bool = False,
    ) -> None:
        """Show it; `facts` are captions with their values."""
        self._title.setText(title)
        self._path.setText(path)
        self._badge.setVisible(proof is not None)
        if proof is not None:
            self._badge.show_status(PROOF_FAILED if proof_failed else PROOF_STATUS[proof])
        while item := self._facts.takeAt(0):
            if (old := item.widget()) is not None:
                old.deleteLater()
        for caption, value in facts:
            holder = QWidget()
            holder.setLayout(column(label(caption, "caption"), label(value), spacing=0))
            self._facts.addWidget(holder)
