"""An app folder as PyInstaller makes one, but small: what is packed in the tests of the Linux packages."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
LINUX = ROOT / "packaging" / "linux"
EPOCH = 1_700_000_000

_PROGRAM = """\
#!/bin/sh
case "$*" in
--version) echo "holdfast, version {version}" ;;
*) echo "$0 $*" >> "${{HOLDFAST_CALLS:-/dev/null}}" ;;
esac
"""


def make_app(folder: Path, version: str = "0.1.0") -> Path:
    """A shell script in place of the program, a real ELF file and a link beside it; modes as they come."""
    inner = folder / "_internal"
    inner.mkdir(parents=True)
    (folder / "holdfast").write_text(_PROGRAM.format(version=version))
    (folder / "holdfast").chmod(0o700)
    shutil.copy("/bin/sleep", inner / "worker")
    shutil.copy("/bin/sleep", inner / "libworker.so.1")
    (inner / "libworker.so").symlink_to("libworker.so.1")
    (inner / f"version-{version}").write_text("only in this version\n")
    return folder


def make(app: Path, output: Path, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run make.py as the build does."""
    return subprocess.run(
        [sys.executable, str(LINUX / "make.py"), str(app), str(output), *options],
        env=os.environ | {"SOURCE_DATE_EPOCH": str(EPOCH)} | variables,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
