"""Other looks of the window: longer words, larger letters, from right to left; and what is cut in them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import combinations

from PySide6.QtCore import QLocale, Qt, QTranslator
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QCheckBox,
    QLabel,
    QPushButton,
    QRadioButton,
    QScrollArea,
    QWidget,
)

from app.domain.preferences import Appearance
from app.ui import appearance, translations
from app.ui.widgets.elided_label import ElidedLabel
from app.ui.widgets.icon_label import IconLabel

LOOKS = ("mirrored", "large", "de")
_ACCENTS = str.maketrans("AEIOUaeiou", "ÄÉÎÖÜäéîöü")
_ELIDING = (ElidedLabel, IconLabel)


class Longer(QTranslator):
    """Every text about 40 % longer, with accents above and below."""

    def isEmpty(self) -> bool:
        return False

    def translate(
        self, _context: str, text: str, _disambiguation: str | None = None, _number: int = -1
    ) -> str:
        return "".join(
            letter + letter.translate(_ACCENTS) if letter in "AEIOUaeiou" else letter for letter in text
        )


@contextmanager
def look(app: QApplication, name: str) -> Iterator[None]:
    """Give the application one of `LOOKS` meanwhile; the mirrored one has longer words, too."""
    font, locale = app.font(), QLocale()
    translator = Longer(app)
    before = app.findChildren(QTranslator)
    match name:
        case "mirrored":
            app.installTranslator(translator)
            app.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
        case "large":
            large = app.font()
            large.setPointSizeF(14)
            app.setFont(large)
            appearance.set_appearance(app, Appearance.LIGHT)
        case language:
            translations.install(app, language)
    try:
        yield
    finally:
        app.removeTranslator(translator)
        for one in app.findChildren(QTranslator):
            if one not in before:
                app.removeTranslator(one)
        app.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
        QLocale.setDefault(locale)
        if app.font() != font:
            app.setFont(font)
            appearance.set_appearance(app, Appearance.LIGHT)


def cut_texts(page: QWidget) -> list[str]:
    """What does not fit into its widget, or lies outside of its page, or over another text."""
    shown = [
        one
        for one in page.findChildren(QWidget)
        if isinstance(one, (QLabel, QPushButton, QCheckBox, QRadioButton))
        and not isinstance(one, _ELIDING)
        and one.isVisible()
        and one.text()
    ]
    found = [f"{reason}: {one.text()!r} in {_path(one)}" for one in shown if (reason := _why_cut(one))]
    for one, other in combinations(shown, 2):
        if one.parent() is other.parent() and one.geometry().intersects(other.geometry()):
            found += [f"one over the other: {one.text()!r}, {other.text()!r} in {_path(one)}"]
    for area in page.findChildren(QScrollArea):
        if area.isVisible() and (hidden := area.horizontalScrollBar().maximum()):
            found.append(f"scrolls sideways by {hidden}: {type(area).__name__} in {_path(area)}")
    return found


def _why_cut(one: QLabel | QAbstractButton) -> str:
    if isinstance(one, QLabel) and one.wordWrap():
        if (word := one.minimumSizeHint().width()) > one.width() + 1:
            return f"a word needs {word}, the label has {one.width()}"
        if one.heightForWidth(one.width()) > one.height() + 1:
            return f"needs a height of {one.heightForWidth(one.width())}, has {one.height()}"
    elif one.sizeHint().width() > one.width() + 1:
        return f"needs a width of {one.sizeHint().width()}, has {one.width()}"
    elif one.minimumSizeHint().height() > one.height() + 1:
        return f"needs a height of {one.minimumSizeHint().height()}, has {one.height()}"
    region = one.visibleRegion().boundingRect()
    if not region.isEmpty() and region.width() < one.width() - 1:
        return f"only {region.width()} of {one.width()} are in view"
    return ""


def _path(widget: QWidget) -> str:
    names: list[str] = []
    parent = widget.parentWidget()
    while parent is not None and len(names) < 4:
        names.append(type(parent).__name__)
        parent = parent.parentWidget()
    return " < ".join(names)
