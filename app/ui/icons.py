"""Icons of one family (Phosphor), drawn from SVG in the colour of what stands beside them.

An icon looks its colour up each time it is painted, so that a change of appearance needs no new icons.
"""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QByteArray, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QIconEngine, QPainter, QPixmap, QPixmapCache
from PySide6.QtSvg import QSvgRenderer

from app.system.paths import resource
from app.ui.theme import colours


def icon(name: str, role: str = "text", checked: str = "", checked_role: str = "") -> QIcon:
    """The icon of that name.

    Args:
        name: of a file in `resources/icons`, without its ending.
        role: a colour's name in `theme.Colours`.
        checked: name of the icon for buttons that are checked; the same where it is empty.
        checked_role: its colour's name; the same where it is empty.
    """
    return QIcon(_TintedIcon(name, role, checked or name, checked_role or role))


def pixmap(name: str, colour: str, size: QSize, ratio: float = 1.0) -> QPixmap:
    """An icon at the left end of an area of logical pixels, as high as that, in this colour (`#RRGGBB`)."""
    key = f"holdfast {name} {colour} {size.width()} {size.height()} {ratio}"
    found = QPixmap()
    if QPixmapCache.find(key, found):
        return found
    made = QPixmap(size * ratio)
    made.setDevicePixelRatio(ratio)
    made.fill(Qt.GlobalColor.transparent)
    painter = QPainter(made)
    side = min(size.width(), size.height())
    paint(painter, name, colour, QRectF(0, (size.height() - side) / 2, side, side))
    painter.end()
    QPixmapCache.insert(key, made)
    return made


def paint(painter: QPainter, name: str, colour: str, area: QRectF) -> None:
    """Draw an icon into an area of a widget that paints itself."""
    _renderer(name, colour).render(painter, area)


@lru_cache(maxsize=512)
def _renderer(name: str, colour: str) -> QSvgRenderer:
    text = (resource("icons") / f"{name}.svg").read_bytes()
    return QSvgRenderer(QByteArray(text.replace(b"currentColor", colour.encode())))


class _TintedIcon(QIconEngine):
    def __init__(self, name: str, role: str, checked: str, checked_role: str) -> None:
        super().__init__()
        self._look = {QIcon.State.Off: (name, role), QIcon.State.On: (checked, checked_role)}

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        ratio = painter.device().devicePixelRatioF()
        painter.drawPixmap(rect.topLeft(), self.scaledPixmap(rect.size(), mode, state, ratio))

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        return self.scaledPixmap(size, mode, state, 1.0)

    def scaledPixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State, scale: float) -> QPixmap:
        """Since Qt 6.8 `size` is in logical pixels."""
        name, role = self._look[state]
        colour = getattr(colours(), "distext" if mode is QIcon.Mode.Disabled else role)
        return pixmap(name, colour, size, scale)

    def clone(self) -> QIconEngine:
        (name, role), (checked, checked_role) = self._look.values()
        return _TintedIcon(name, role, checked, checked_role)
