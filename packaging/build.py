"""Makes what people install, in build/: the app as a folder, and on Linux a .deb and an archive of it.

usage: build.py [ARGUMENT of PyInstaller...]

"bootstrap.py build" runs it with all that it needs. What is built is for the system it runs on.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QColorConstants, QGuiApplication, QImage, QPainter
from PySide6.QtSvg import QSvgRenderer

from app import __version__

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
APP = BUILD / "package" / "holdfast"

_ICON_SIZE = 1024


def draw_icon(target: Path) -> None:
    """The app's icon in the largest size that a system asks for."""
    image = QImage(_ICON_SIZE, _ICON_SIZE, QImage.Format.Format_ARGB32)
    image.fill(QColorConstants.Transparent)
    painter = QPainter(image)
    renderer = QSvgRenderer(str(ROOT / "resources" / "icons" / "holdfast.svg"))
    renderer.setAspectRatioMode(Qt.AspectRatioMode.KeepAspectRatio)
    renderer.render(painter)
    painter.end()
    if not image.save(str(target)):
        sys.exit(f"{target} could not be written.")


def write_version_info(target: Path) -> None:
    """What Windows shows as the properties of the executables."""
    template = (ROOT / "packaging" / "windows" / "version_info.txt").read_text(encoding="utf-8")
    numbers = ", ".join([*__version__.split("."), "0"])
    target.write_text(template.format(version=__version__, numbers=numbers), encoding="utf-8")


def build_app(arguments: list[str]) -> None:
    """PyInstaller's run over holdfast.spec."""
    folders = [f"--distpath={APP.parent}", f"--workpath={BUILD / 'pyinstaller'}"]
    command = [sys.executable, "-m", "PyInstaller", "--noconfirm", "--log-level=WARN", *folders, *arguments]
    subprocess.run([*command, str(ROOT / "packaging" / "holdfast.spec")], cwd=ROOT, check=True)


def main(arguments: list[str]) -> int:
    """All steps, one after the other."""
    BUILD.mkdir(exist_ok=True)
    app = QGuiApplication(["build", "-platform", "offscreen"])
    draw_icon(BUILD / "icon.png")
    del app
    write_version_info(BUILD / "version_info.txt")
    try:
        build_app(arguments)
        if sys.platform == "linux":
            make = ROOT / "packaging" / "linux" / "make.py"
            subprocess.run([sys.executable, str(make), str(APP), str(BUILD)], cwd=ROOT, check=True)
    except subprocess.CalledProcessError as error:
        return error.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
