"""The look in one place: colours, distances and type.

No colour is written anywhere else: widgets that paint themselves ask `colours` for those of the palette
that they are painted with, so that they follow a change of appearance by themselves.
"""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtGui import QFont, QFontDatabase, QGuiApplication, QPalette

XS, S, M, L, XL = 4, 8, 12, 16, 24
"""Distances in logical pixels."""

RADIUS_CARD, RADIUS_CONTROL, RADIUS_BOX = 8, 6, 4


@dataclass(frozen=True, slots=True)
class Colours:
    """The colours of one appearance, named by what they are for, as `#RRGGBB`."""

    win: str
    rail: str
    base: str
    alt: str
    head: str
    border: str
    ctl: str
    check: str
    btn: str
    text: str
    text2: str
    text3: str
    distext: str
    disbg: str
    accent: str
    accentfill: str
    tint: str
    sel: str
    selrail: str
    focus: str
    ok: str
    okbg: str
    oksolid: str
    warn: str
    warnbg: str
    warnsolid: str
    bad: str
    badbg: str
    badsolid: str
    neu: str
    neubg: str
    dot: str
    track: str
    danger: str
    onaccent: str = "#FFFFFF"
    mark: str = "#E3A94F"


LIGHT = Colours(
    win="#F7F9F9",
    rail="#EDF0F0",
    base="#FFFFFF",
    alt="#F4F6F6",
    head="#F1F4F4",
    border="#DCE2E2",
    ctl="#B3BFBF",
    check="#7E8C8B",
    btn="#FFFFFF",
    text="#17201F",
    text2="#4C5A59",
    text3="#616F6E",
    distext="#7C8887",
    disbg="#EEF1F1",
    accent="#0E6A8C",
    accentfill="#0E6A8C",
    tint="#E1EFF5",
    sel="#D9EBF3",
    selrail="#DCE5E7",
    focus="#0E6A8C",
    ok="#17693A",
    okbg="#E1F2E7",
    oksolid="#2C9457",
    warn="#855000",
    warnbg="#FBEED6",
    warnsolid="#AD6A06",
    bad="#AE251D",
    badbg="#FBE7E5",
    badsolid="#C9372C",
    neu="#4C5A59",
    neubg="#E9EDED",
    dot="#899695",
    track="#DDE4E4",
    danger="#B3261E",
)

DARK = Colours(
    win="#1D2224",
    rail="#171B1D",
    base="#23292B",
    alt="#272D30",
    head="#282F31",
    border="#353D40",
    ctl="#566165",
    check="#829094",
    btn="#2C3336",
    text="#E9EEEE",
    text2="#B3BEBF",
    text3="#98A5A7",
    distext="#838F92",
    disbg="#282E31",
    accent="#71C5E2",
    accentfill="#1A7595",
    tint="#18353F",
    sel="#1B3E4B",
    selrail="#283033",
    focus="#71C5E2",
    ok="#80D6A1",
    okbg="#1A3627",
    oksolid="#46B576",
    warn="#F0BD6C",
    warnbg="#3C2E16",
    warnsolid="#DB9D3B",
    bad="#FF9E96",
    badbg="#452320",
    badsolid="#E8695E",
    neu="#B3BEBF",
    neubg="#30383B",
    dot="#738083",
    track="#363F42",
    danger="#C2382E",
)


@dataclass(frozen=True, slots=True)
class TypeRole:
    """A size relative to the body's, and a weight."""

    scale: float
    weight: QFont.Weight


TYPE = {
    "title": TypeRole(18 / 13, QFont.Weight.DemiBold),
    "heading": TypeRole(15 / 13, QFont.Weight.DemiBold),
    "summary": TypeRole(15 / 13, QFont.Weight.Normal),
    "label": TypeRole(1.0, QFont.Weight.Medium),
    "strong": TypeRole(1.0, QFont.Weight.DemiBold),
    "caption": TypeRole(12 / 13, QFont.Weight.Normal),
    "badge": TypeRole(12 / 13, QFont.Weight.Medium),
    "section": TypeRole(12 / 13, QFont.Weight.DemiBold),
}
"""Type roles beside the body, which is the application's own font."""


def colours(palette: QPalette | None = None) -> Colours:
    """The colours of a palette, by how dark its windows are; without one the application's."""
    window = (palette or QGuiApplication.palette()).color(QPalette.ColorRole.Window)
    return DARK if window.lightness() < 128 else LIGHT


def font(role: str) -> QFont:
    """The application's font in this role of `TYPE`."""
    made = QFont(QGuiApplication.font())
    made.setPointSizeF(made.pointSizeF() * TYPE[role].scale)
    made.setWeight(TYPE[role].weight)
    return made


def mono() -> QFont:
    """The font of logs, SQL and connection strings."""
    made = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
    made.setPointSizeF(QGuiApplication.font().pointSizeF() * TYPE["caption"].scale)
    return made
