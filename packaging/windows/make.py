"""Makes the installer for Windows of what "bootstrap.py build" built: holdfast-VERSION-windows-x86_64.exe.

usage: make.py [--sign]

It writes into build/, and needs Inno Setup 6.3 or newer, and Pillow for the icon. With --sign, sign.ps1 signs
the executables and the installer, and takes the certificate from the environment.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = ROOT / "build"
APP = BUILD / "package" / "holdfast"

_ICON_SIZES = [(size, size) for size in (16, 20, 24, 32, 40, 48, 64, 256)]


def numbers(version: str) -> str:
    """The four numbers that Windows wants of a version, with dots: 0.2.0rc1 is 0.2.0.0."""
    found = re.match(r"(\d+)\.(\d+)\.(\d+)", version)
    if found is None:
        sys.exit(f"{version} is no version: three numbers with dots are.")
    return ".".join((*found.groups(), "0"))


def compiler() -> str:
    """Inno Setup's compiler, from PATH or from where its own installer puts it."""
    folders = [os.environ.get(name, "") for name in ("ProgramFiles(x86)", "ProgramFiles")]
    found = [shutil.which("iscc"), *(str(Path(folder, "Inno Setup 6", "ISCC.exe")) for folder in folders)]
    for program in found:
        if program and Path(program).is_file():
            return program
    sys.exit("Inno Setup was not found. Install version 6.3 or newer, or put its folder on the PATH.")


def installer_command(program: str, version: str, *, signed: bool) -> list[str]:
    """What makes the installer; $f is the file that Inno Setup asks to be signed, $q a quote."""
    command = [program, "/Qp", f"/DVersion={version}", f"/DNumbers={numbers(version)}"]
    if signed:
        command += ["/DSign", f"/Sholdfast={' '.join(_signing())} $q{HERE / 'sign.ps1'}$q $f"]
    return [*command, str(HERE / "holdfast.iss")]


def _signing() -> list[str]:
    return ["pwsh", "-NoProfile", "-ExecutionPolicy", "Bypass", "-File"]


def main(arguments: list[str]) -> int:
    """All steps, one after the other."""
    if arguments not in ([], ["--sign"]):
        sys.exit(__doc__)
    signed = arguments == ["--sign"]
    programs = [APP / "holdfast.exe", APP / "holdfast-cli.exe"]
    missing = [str(program) for program in programs if not program.is_file()]
    if missing:
        sys.exit(f"{', '.join(missing)} is missing. Run “bootstrap.py build” first.")
    sys.path.insert(0, str(ROOT))
    from PIL import Image  # type: ignore[import-not-found,unused-ignore] # Windows and macOS alone have it

    from app import __version__

    Image.open(BUILD / "icon.png").save(BUILD / "icon.ico", sizes=_ICON_SIZES)
    try:
        if signed:
            subprocess.run([*_signing(), str(HERE / "sign.ps1"), *map(str, programs)], check=True)
        subprocess.run(installer_command(compiler(), __version__, signed=signed), cwd=HERE, check=True)
    except subprocess.CalledProcessError as error:
        return error.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
