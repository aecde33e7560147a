"""Icons are sharp on every screen, and keep their distance from the words beside them."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QSize
from PySide6.QtWidgets import QApplication

from app.ui.icons import icon


@pytest.mark.parametrize("ratio", [1.0, 1.25, 1.5, 2.0, 3.0])
def test_an_icon_has_the_pixels_of_its_screen(ratio: float, qapp: QApplication) -> None:
    shown = icon("archive").pixmap(QSize(20, 16), ratio)
    assert shown.devicePixelRatio() == ratio
    assert shown.size() == QSize(20, 16) * ratio
    picture = shown.toImage()
    inked = [
        x
        for x in range(picture.width())
        for y in range(picture.height())
        if picture.pixelColor(x, y).alpha() > 0
    ]
    assert 13 * ratio < max(inked) - min(inked) + 1 <= 16 * ratio
    assert max(inked) < 16 * ratio
