"""Has hatchling compile the window's texts before it packs them: a clone holds their sources alone.

An editable install is left alone, because bootstrap.py compiles them whenever they change.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_LRELEASE = "from PySide6.scripts.pyside_tool import lrelease; lrelease()"


class CompileTranslations(BuildHookInterface):  # type: ignore[type-arg] # its parameter is a class of hatchling's own
    """Runs Qt's lrelease, which the build needs PySide6-Essentials for."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """Write a .qm beside each .ts.

        Raises:
            CalledProcessError: a text cannot be compiled.
        """
        if version == "editable":
            return
        for source in sorted(Path(self.root, "resources", "translations").glob("*.ts")):
            arguments = ["-silent", str(source), "-qm", str(source.with_suffix(".qm"))]
            subprocess.run([sys.executable, "-c", _LRELEASE, *arguments], check=True)
