"""Makes what people with Linux install, out of PyInstaller's app folder: a .deb, and an archive for the home.

usage: make.py APP_FOLDER OUTPUT_FOLDER [--version VERSION]

It writes holdfast_<version>_<arch>.deb and holdfast-<version>-linux-<machine>.tar.zst, the same bytes for the
same app folder as long as SOURCE_DATE_EPOCH is the same. "bootstrap.py build" calls it with the Python that
Holdfast runs on, because icons, man page and completions come from there.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from backports import zstd

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]

LIBRARIES = {
    "libX11-xcb.so.1": "libx11-xcb1",
    "libX11.so.6": "libx11-6",
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libgcc_s.so.1": "libgcc-s1",
    "libgio-2.0.so.0": "libglib2.0-0t64 | libglib2.0-0",  # Debian renamed it for its 64 bits of time
    "libglib-2.0.so.0": "libglib2.0-0t64 | libglib2.0-0",
    "libgobject-2.0.so.0": "libglib2.0-0t64 | libglib2.0-0",
    "libgthread-2.0.so.0": "libglib2.0-0t64 | libglib2.0-0",
    "libstdc++.so.6": "libstdc++6",
    "libwayland-client.so.0": "libwayland-client0",
    "libwayland-cursor.so.0": "libwayland-cursor0",
    "libwayland-egl.so.1": "libwayland-egl1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb.so.1": "libxcb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libz.so.1": "zlib1g",
}
"""Debian's package for each shared library that PyInstaller may leave to the system."""

_OF_GLIBC = re.compile(r"(ld-linux|lib(c|dl|m|pthread|resolv|rt|util)\.so\.)")

ALWAYS = (
    "ca-certificates",  # what Supabase's and webhooks' certificates are checked against
    "fontconfig-config",  # where fonts are: for fontconfig, whether it is the app's own or the system's
    "libx11-data",  # what Compose and dead keys make
    "xkb-data",  # keyboard layouts
)
RECOMMENDS = (
    "gnome-keyring | kwalletmanager | keepassxc",  # keeps passwords; without one they last for a run
    "default-dbus-session-bus | dbus-session-bus",  # keyring, notifications, tray
    "hicolor-icon-theme",  # where desktops look for the icon
    "xdg-utils",  # opens folders and links
)
SUGGESTS = ("postgresql-client",)  # for a server whose version is not the one that Holdfast brings

# util-linux, for setpriv, is not named: it is essential, and Holdfast does without.
CONTROL = """\
Package: holdfast
Version: {version}
Architecture: {architecture}
Maintainer: {maintainer}
Installed-Size: {kilobytes}
Depends: {depends}
Recommends: {recommends}
Suggests: {suggests}
Section: database
Priority: optional
Description: back up PostgreSQL databases and prove that each backup restores
 Holdfast backs up Supabase projects and any other PostgreSQL database into a
 folder that you choose, on demand and on a schedule. It proves each backup: it
 restores it into a throwaway server and compares every table, byte for byte,
 with what was dumped.
 .
 It restores any dump of PostgreSQL, after a plan that changes nothing. It has
 a window with a tray icon and a command line, and brings PostgreSQL's tools.
"""
"""Caches of desktop entries, MIME types, icons and man pages: the packages that own them have triggers."""


@dataclass(frozen=True, slots=True)
class Build:
    """One run.

    Attributes:
        app: the folder that PyInstaller made.
        work: a folder of our own on the disk of `output`; `share` is in it.
        output: where the packages go.
        version: of Holdfast.
        needs: Debian's packages for the app, see `depends`.
        at: the time of everything that is packed.
    """

    app: Path
    work: Path
    output: Path
    version: str
    needs: Sequence[str]
    at: int


class Problem(Exception):  # noqa: N818 - as plain a word as its text
    """Something that whoever builds can put right; its text says how."""


def main(arguments: list[str]) -> int:
    """Read the command line, make both, and say what came of it."""
    parser = argparse.ArgumentParser(
        description="Makes a .deb and a .tar.zst out of an app folder of PyInstaller."
    )
    parser.add_argument("app", type=Path, metavar="APP_FOLDER")
    parser.add_argument("output", type=Path, metavar="OUTPUT_FOLDER")
    parser.add_argument("--version", default=own_version())
    given = parser.parse_args(arguments)
    try:
        for made in make(given.app, given.output, given.version):
            print(f"{made}  {made.stat().st_size / 1e6:.1f} MB")
    except Problem as problem:
        print(f"make.py: {problem}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(f"make.py: {error.cmd[0]} failed; its reason stands above.", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"make.py: {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


def make(app: Path, output: Path, version: str) -> Iterator[Path]:
    """Write the .deb, then the archive.

    Raises:
        Problem: there is no app, a tool is missing, or the app needs a library that no package brings.
        CalledProcessError: a tool failed; it said itself why.
    """
    if not os.access(app / "holdfast", os.X_OK):
        raise Problem(f"there is no program holdfast in {app}; “bootstrap.py build” makes it.")
    if missing := [tool for tool in ("dpkg", "dpkg-deb", "objdump") if shutil.which(tool) is None]:
        raise Problem(f"{', '.join(missing)} not found; Debian's packages dpkg and binutils bring them.")
    needs = depends(app)
    at = build_time()
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".linux-", dir=output) as work:
        build = Build(app, Path(work), output, version, needs, at)
        environment = os.environ | {"SOURCE_DATE_EPOCH": str(at)}
        command = [sys.executable, str(HERE / "share.py"), str(app), str(build.work / "share")]
        subprocess.run(command, check=True, env=environment)
        yield make_deb(build)
        yield make_archive(build)


def make_deb(build: Build) -> Path:
    """Write the .deb, and give its path."""
    root = build.work / "root"
    shutil.copytree(build.app, root / "usr" / "lib" / "holdfast", symlinks=True)
    shutil.copytree(build.work / "share", root / "usr" / "share")
    zsh = root / "usr" / "share" / "zsh"
    (zsh / "site-functions").rename(zsh / "vendor-completions")  # what Debian's zsh reads
    (root / "usr" / "bin").mkdir()
    (root / "usr" / "bin" / "holdfast").symlink_to("../lib/holdfast/holdfast")
    architecture = output_of("dpkg", "--print-architecture").strip()
    files = [path for path in every(root) if path.is_file() and not path.is_symlink()]
    control = {
        "control": CONTROL.format(
            version=debian_version(build.version),
            architecture=architecture,
            maintainer=maintainer(),
            kilobytes=sum(-(-path.lstat().st_size // 1024) for path in every(root)),
            depends=", ".join(build.needs),
            recommends=", ".join(RECOMMENDS),
            suggests=", ".join(SUGGESTS),
        ),
        "md5sums": "".join(f"{md5(path)}  {path.relative_to(root)}\n" for path in files),
        "postrm": (HERE / "postrm").read_text(encoding="utf-8"),
    }
    for name, text in control.items():
        (root / "DEBIAN").mkdir(exist_ok=True)
        (root / "DEBIAN" / name).write_text(text, encoding="utf-8")
    (root / "DEBIAN" / "postrm").chmod(0o755)
    settle(root, build.at)
    target = build.work / f"holdfast_{debian_version(build.version)}_{architecture}.deb"
    command: list[str | Path] = ["dpkg-deb", "--root-owner-group", "-Zxz", "-z6", "--build", root, target]
    environment = os.environ | {"SOURCE_DATE_EPOCH": str(build.at)}
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    return target.replace(build.output / target.name)


def make_archive(build: Build) -> Path:
    """Write the .tar.zst, and give its path; `share` is moved into it."""
    root = build.work / f"holdfast-{build.version}-linux-{platform.machine()}"
    shutil.copytree(build.app, root / "app", symlinks=True)
    (build.work / "share").rename(root / "share")
    shutil.copy(HERE / "install.sh", root)
    settle(root, build.at)
    target = build.work / f"{root.name}.tar.zst"
    how: dict[int, int] = {
        zstd.CompressionParameter.compression_level: 12,  # 19 takes seven times as long for 5 % less
        zstd.CompressionParameter.window_log: 27,  # what `tar --zstd` takes; two PostgreSQLs share much
        zstd.CompressionParameter.enable_long_distance_matching: 1,
        zstd.CompressionParameter.nb_workers: os.cpu_count() or 1,  # any number gives the same bytes
    }
    with zstd.open(target, "wb", options=how) as packed, tarfile.open(fileobj=packed, mode="w|") as tar:
        for path in (root, *every(root)):
            tar.add(path, path.relative_to(build.work), recursive=False, filter=as_root)
    return target.replace(build.output / target.name)


def as_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """A member that belongs to root, whoever builds."""
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    return member


def every(folder: Path) -> list[Path]:
    """All that is below a folder, in an order that is the same everywhere."""
    return sorted(folder.rglob("*"))


def settle(folder: Path, at: int) -> None:
    """Give everything the modes and the time with which it is packed."""
    for path in (folder, *every(folder)):
        if not path.is_symlink():
            runs = path.is_dir() or (os.access(path, os.X_OK) and ".so" not in path.name)
            path.chmod(0o755 if runs else 0o644)
        os.utime(path, (at, at), follow_symlinks=False)


def depends(app: Path) -> list[str]:
    """The packages that the app needs: those of the libraries that its programs name and it does not bring.

    Raises:
        Problem: nobody said which package brings one of them.
    """
    files = [path for path in every(app) if path.is_file()]
    programs = [path for path in files if not path.is_symlink() and is_elf(path)]
    headers = output_of("objdump", "-p", *map(str, programs)) if programs else ""
    brought = {path.name for path in files}
    needed = {name for name in re.findall(r"NEEDED +(\S+)", headers) if not _OF_GLIBC.match(name)} - brought
    if unknown := sorted(needed - LIBRARIES.keys()):
        raise Problem(
            f"the app needs {', '.join(unknown)}: bring it along, or name its package in LIBRARIES."
        )
    glibc = max(
        ((int(major), int(minor)) for major, minor in re.findall(r"GLIBC_(\d+)\.(\d+)", headers)), default=()
    )
    newest = [f"libc6 (>= {'.'.join(map(str, glibc))})"] if glibc else []
    return sorted({LIBRARIES[name] for name in needed} | {*ALWAYS, *newest})


def is_elf(path: Path) -> bool:
    """Whether it is a program or a shared library."""
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def maintainer() -> str:
    """Who builds, by Debian's own variables; without them nobody, for there is no address to give."""
    name, address = os.environ.get("DEBFULLNAME", "Holdfast contributors"), os.environ.get("DEBEMAIL")
    return f"{name} <{address}>" if address else name


def own_version() -> str:
    """That of the source tree."""
    text = (ROOT / "app" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE)
    return found[1] if found else ""


def debian_version(version: str) -> str:
    """The version so that Debian sorts what comes before a release before it: 1.0rc1 is 1.0~rc1."""
    return re.sub(r"(?<=\d)\.?(?=a|b|rc|dev)", "~", version)


def build_time() -> int:
    """Seconds since 1970 of all that is packed, see reproducible-builds.org/specs/source-date-epoch."""
    return int(os.environ.get("SOURCE_DATE_EPOCH") or time.time())


def md5(path: Path) -> str:
    """As `dpkg --verify` compares it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def output_of(*command: str) -> str:
    """What a program prints."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
