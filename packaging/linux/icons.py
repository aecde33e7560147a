"""Draws the app's icon in the sizes of the hicolor theme, from the one in resources/icons.

usage: icons.py FOLDER

FOLDER is the `hicolor` folder of an icon theme tree; it gets `<size>x<size>/apps/holdfast.png`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PySide6.QtGui import QColorConstants, QImage, QPainter
from PySide6.QtSvg import QSvgRenderer

SIZES = (16, 22, 24, 32, 48, 64, 128, 256, 512)
"""Pixels; what panels, menus and dialogs of the usual desktops ask for."""

_SOURCE = Path(__file__).resolve().parents[2] / "resources" / "icons" / "holdfast.svg"


def draw(theme: Path) -> None:
    """Write all sizes."""
    renderer = QSvgRenderer(str(_SOURCE))
    for size in SIZES:
        image = QImage(size, size, QImage.Format.Format_ARGB32)
        image.fill(QColorConstants.Transparent)
        painter = QPainter(image)
        renderer.render(painter)
        painter.end()
        target = theme / f"{size}x{size}" / "apps" / "holdfast.png"
        target.parent.mkdir(parents=True)
        if not image.save(str(target)):
            sys.exit(f"{target} could not be written.")


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
