"""Gives the application its look, and switches it between light, dark and the system's own."""

from __future__ import annotations

from dataclasses import asdict
from string import Template

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from app.domain.preferences import Appearance
from app.system.paths import resource
from app.ui.theme import DARK, LIGHT, TYPE, Colours

_BODY_POINTS = 10.0  # 13 px at 96 dpi
_POOR_FAMILIES = ("DejaVu Sans", "Bitstream Vera Sans", "Sans Serif", "Sans", "Fixed", "Helvetica", "")


def install(app: QApplication, appearance: Appearance) -> None:
    """Give the application its style, font and appearance."""
    app.setStyle("Fusion")
    app.setFont(_body_font(app.font()))
    set_appearance(app, appearance)
    app.styleHints().colorSchemeChanged.connect(lambda: _follow_system(app))


def set_appearance(app: QApplication, appearance: Appearance) -> None:
    """Switch to light, dark or the system's own, now and for all windows.

    The platform is asked first, so that window frames and native dialogs follow; where it does not
    (bare X11, offscreen), our palette alone does it.
    """
    app.setProperty("appearance", appearance.value)
    schemes = {
        Appearance.LIGHT: Qt.ColorScheme.Light,
        Appearance.DARK: Qt.ColorScheme.Dark,
        Appearance.SYSTEM: Qt.ColorScheme.Unknown,
    }
    app.styleHints().setColorScheme(schemes[appearance])
    if appearance is Appearance.SYSTEM:
        is_dark = app.styleHints().colorScheme() is Qt.ColorScheme.Dark
    else:
        is_dark = appearance is Appearance.DARK
    _apply(app, DARK if is_dark else LIGHT)


def _follow_system(app: QApplication) -> None:
    if app.property("appearance") == Appearance.SYSTEM.value:
        is_dark = app.styleHints().colorScheme() is Qt.ColorScheme.Dark
        _apply(app, DARK if is_dark else LIGHT)


def _apply(app: QApplication, chosen: Colours) -> None:
    app.setPalette(palette_of(chosen))
    app.setStyleSheet(style_sheet(chosen))


def palette_of(chosen: Colours) -> QPalette:
    """The palette made of these colours."""
    role = QPalette.ColorRole
    palette = QPalette()
    for target, value in (
        (role.Window, chosen.win),
        (role.WindowText, chosen.text),
        (role.Base, chosen.base),
        (role.AlternateBase, chosen.alt),
        (role.Text, chosen.text),
        (role.Button, chosen.btn),
        (role.ButtonText, chosen.text),
        (role.BrightText, chosen.onaccent),
        (role.Highlight, chosen.sel),
        (role.HighlightedText, chosen.text),
        (role.Link, chosen.accent),
        (role.LinkVisited, chosen.accent),
        (role.ToolTipBase, chosen.base),
        (role.ToolTipText, chosen.text),
        (role.PlaceholderText, chosen.text3),
        (role.Light, chosen.border),
        (role.Midlight, chosen.border),
        (role.Mid, chosen.ctl),
        (role.Dark, chosen.ctl),
        (role.Shadow, chosen.border),
        (role.Accent, chosen.accentfill),
    ):
        palette.setColor(target, QColor(value))
    for target in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, target, QColor(chosen.distext))
    return palette


def style_sheet(chosen: Colours) -> str:
    """The application's style sheet in these colours."""
    template = Template(resource("style.qss").read_text(encoding="utf-8"))
    base = QGuiApplication.font().pointSizeF()
    sizes = {f"size_{name}": f"{base * role.scale:.2f}pt" for name, role in TYPE.items()}
    values = asdict(chosen) | sizes | {"scheme": "dark" if chosen is DARK else "light"}
    return template.substitute(values, icons=resource("icons").as_posix())


def _body_font(system: QFont) -> QFont:
    """The system's font; Inter where the system has none that is fit for a window."""
    body = QFont(system)
    if body.family() in _POOR_FAMILIES:
        for weight in ("Regular", "Medium", "SemiBold"):
            QFontDatabase.addApplicationFont(str(resource("fonts") / f"Inter-{weight}.otf"))
        body.setFamily("Inter")
        body.setPointSizeF(max(body.pointSizeF(), _BODY_POINTS))
    body.setFeature(QFont.Tag("tnum"), 1)  # columns of numbers stand still while they change
    return body
